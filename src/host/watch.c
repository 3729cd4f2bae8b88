/* SPDX-License-Identifier: MIT */
/* What wakes somebody who waits for an address. */
#include "host/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/host.h"

#define MAX_PROCESSES 64
enum { AT_OTHER, AT_SOCKETS, AT_NETWORK, AT_LISTENERS, AT_PROCESSES };

struct iu_watch {
	struct pollfd fds[AT_PROCESSES + MAX_PROCESSES];
	size_t n; /* with AT_PROCESSES */
	bool one_is_gone; /* a process had ended before it could be watched */
	struct iu_watch_listeners *listeners; /* NULL: none */
};

enum inuse_status iu_watch_new(const uint16_t *ports, size_t n_ports, bool routes, struct iu_watch **ret_watch,
			       struct inuse_error *error)
{
	struct iu_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "watch", _("out of memory"));
	w->n = AT_PROCESSES;
	w->fds[AT_OTHER] = (struct pollfd){.fd = -1, .events = POLLIN};
	w->fds[AT_SOCKETS] = (struct pollfd){.fd = iu_watch_open_sockets(ports, n_ports), .events = POLLIN};
	w->fds[AT_NETWORK] = (struct pollfd){.fd = iu_watch_open_network(routes), .events = POLLIN};
	w->fds[AT_LISTENERS] = (struct pollfd){.fd = -1, .events = POLLIN};
	*ret_watch = w;
	return INUSE_OK;
}

static void forget_processes(struct iu_watch *w)
{
	while (w->n > AT_PROCESSES)
		close(w->fds[--w->n].fd);
	w->one_is_gone = false;
}

void iu_watch_free(struct iu_watch *w)
{
	if (w == NULL)
		return;
	forget_processes(w);
	if (w->fds[AT_SOCKETS].fd >= 0)
		close(w->fds[AT_SOCKETS].fd);
	if (w->fds[AT_NETWORK].fd >= 0)
		close(w->fds[AT_NETWORK].fd);
	iu_watch_close_listeners(w->listeners);
	free(w);
}

bool iu_watch_sees_sockets(const struct iu_watch *w)
{
	return w->fds[AT_SOCKETS].fd >= 0;
}

bool iu_watch_for_listeners(struct iu_watch *w, uint16_t port)
{
	iu_watch_close_listeners(w->listeners);
	w->listeners = iu_watch_open_listeners(port);
	w->fds[AT_LISTENERS].fd = w->listeners != NULL ? iu_watch_listeners_fd(w->listeners) : -1;
	return w->listeners != NULL;
}

void iu_watch_processes(struct iu_watch *w, const int32_t *pids, size_t n)
{
	forget_processes(w);
	for (size_t i = 0; i < n && w->n < AT_PROCESSES + MAX_PROCESSES; i++) {
		int fd = pids[i] > 0 ? (int)syscall(SYS_pidfd_open, pids[i], 0) : -1;

		if (fd >= 0)
			w->fds[w->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
		else if (pids[i] > 0 && errno == ESRCH)
			w->one_is_gone = true;
	}
}

/* Reads what there is: how many messages they were does not matter, and lost ones (ENOBUFS) were messages, too. */
static bool drain(const struct pollfd *p)
{
	char buffer[8192];

	if (p->fd < 0 || p->revents == 0)
		return false;
	while (recv(p->fd, buffer, sizeof(buffer), MSG_DONTWAIT) >= 0 || errno == ENOBUFS || errno == EINTR)
		;
	return true;
}

void iu_watch_forget(struct iu_watch *w)
{
	w->fds[AT_SOCKETS].revents = w->fds[AT_NETWORK].revents = POLLIN;
	drain(&w->fds[AT_SOCKETS]);
	drain(&w->fds[AT_NETWORK]);
	if (w->listeners != NULL)
		iu_watch_listeners_drain(w->listeners);
}

static unsigned what_happened(struct iu_watch *w)
{
	unsigned events = 0;

	if (w->fds[AT_OTHER].revents != 0)
		events |= IU_WATCH_OTHER;
	if (drain(&w->fds[AT_SOCKETS]))
		events |= IU_WATCH_SOCKET;
	if (drain(&w->fds[AT_NETWORK]))
		events |= IU_WATCH_NETWORK;
	if (w->listeners != NULL && w->fds[AT_LISTENERS].revents != 0) {
		iu_watch_listeners_drain(w->listeners);
		events |= IU_WATCH_LISTENER;
	}
	for (size_t i = AT_PROCESSES; i < w->n; i++)
		if (w->fds[i].fd >= 0 && w->fds[i].revents != 0) {
			events |= IU_WATCH_PROCESS;
			close(w->fds[i].fd);
			w->fds[i--] = w->fds[--w->n];
		}
	return events;
}

/* poll() passes over negative descriptors; the complement of one keeps it for later. */
static void mask(struct pollfd *p, bool wanted)
{
	p->revents = 0;
	if ((p->fd >= 0) != wanted)
		p->fd = ~p->fd;
}

static void mask_all(struct iu_watch *w, unsigned want, const bool there[2])
{
	if (w->listeners != NULL)
		mask(&w->fds[AT_LISTENERS], (want & IU_WATCH_LISTENER) != 0);
	if (there[0])
		mask(&w->fds[AT_SOCKETS], (want & IU_WATCH_SOCKET) != 0);
	if (there[1])
		mask(&w->fds[AT_NETWORK], (want & IU_WATCH_NETWORK) != 0);
	for (size_t i = AT_PROCESSES; i < w->n; i++)
		mask(&w->fds[i], (want & IU_WATCH_PROCESS) != 0);
}

static unsigned sleep_until(struct iu_watch *w, int64_t until_ns)
{
	for (;;) {
		int64_t left = until_ns - iu_host_now();
		struct timespec timeout = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
		int n = ppoll(w->fds, w->n, until_ns == INT64_MAX ? NULL : &timeout, NULL);

		if (n > 0)
			return what_happened(w);
		if (left <= 0)
			return 0;
	}
}

unsigned iu_watch_wait(struct iu_watch *w, unsigned want, int64_t until_ns, int fd)
{
	const unsigned all = IU_WATCH_SOCKET | IU_WATCH_PROCESS | IU_WATCH_NETWORK | IU_WATCH_LISTENER;
	bool there[2] = {w->fds[AT_SOCKETS].fd >= 0, w->fds[AT_NETWORK].fd >= 0};
	unsigned events;

	if (w->one_is_gone && (want & IU_WATCH_PROCESS) != 0) {
		w->one_is_gone = false;
		return IU_WATCH_PROCESS;
	}
	w->fds[AT_OTHER] = (struct pollfd){.fd = fd, .events = POLLIN};
	mask_all(w, want, there);
	events = sleep_until(w, until_ns);
	mask_all(w, all, there);
	return events;
}
