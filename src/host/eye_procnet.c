/* SPDX-License-Identifier: MIT */
/*
 * Sockets from /proc/net/tcp and tcp6: for kernels and builds without the other sources.
 *
 * It shows neither sockets that are bound only, nor flags, nor devices. /proc/net is the main thread's view; the
 * calling thread's own namespace is under /proc/thread-self.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/port_set.h"
#include "host/procnet.h"
#include "host/settings.h"
#include "host/sources.h"

/* Some lines, of 150 characters (IPv4) or about 180 (IPv6); less than a page, so that on every machine some run over its end. */
#define BUFFER 2048

struct walk {
	struct iu_procnet_context context;
	struct iu_port_set ports;
	iu_socket_fn *fn;
	void *arg;
	bool at_head; /* the next line is the table's first, which names the fields */
	bool stopped, partial;
};

static int open_table(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) { /* before Linux 3.17 */
		snprintf(path, sizeof(path), "/proc/self/net/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

static void take_line(struct walk *w, const char *line, size_t len)
{
	struct inuse_socket socket;

	if (w->at_head)
		w->at_head = false;
	else if (!iu_procnet_line(line, len, &w->context, &socket))
		w->partial = true;
	else if (iu_port_set_has(&w->ports, socket.local.port))
		w->stopped = !w->fn(w->arg, &socket);
}

/* Takes the whole lines of the text and returns how long they were. The first may have begun in an earlier read: its time is set already. */
static size_t take_lines(struct walk *w, const char *text, size_t len, int64_t from_ns, int64_t to_ns)
{
	const char *at = text, *end;

	while (!w->stopped && (end = memchr(at, '\n', len - (size_t)(at - text))) != NULL) {
		take_line(w, at, (size_t)(end + 1 - at));
		at = end + 1;
		w->context.now_ns = from_ns;
		w->context.late_ns = to_ns - from_ns;
	}
	return (size_t)(at - text);
}

/*
 * A line is as old as the read in which it began, whenever it is looked at: who is kept from running in between must not take old for new.
 * What our buffer has no room for the kernel keeps for the next read: linux v6.18 fs/seq_file.c seq_read_iter().
 */
static void walk_table(struct walk *w, int fd)
{
	char text[BUFFER];
	size_t kept = 0;

	w->at_head = true;
	while (!w->stopped) {
		int64_t from_ns = iu_host_now(), to_ns;
		ssize_t len = read(fd, text + kept, sizeof(text) - kept);
		size_t taken;

		if (len <= 0) {
			w->partial = w->partial || len < 0 || kept > 0 || w->at_head;
			return;
		}
		to_ns = iu_host_now();
		if (kept == 0) {
			w->context.now_ns = from_ns;
			w->context.late_ns = to_ns - from_ns;
		}
		kept += (size_t)len;
		taken = take_lines(w, text, kept, from_ns, to_ns);
		kept -= taken;
		memmove(text, text + taken, kept);
	}
}

static enum inuse_status cannot_open(const char *name, int code, struct inuse_error *error)
{
	return iu_fail(error, code == EACCES || code == EPERM ? INUSE_E_PERMISSION : INUSE_E_UNSUPPORTED, code, "/proc/net",
		       _("/proc/net/%s cannot be read: %s"), name, strerror(code));
}

enum inuse_status iu_procnet_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
				  struct inuse_error *error)
{
	static const struct {
		const char *name;
		uint8_t family;
	} tables[] = {{"tcp", 4}, {"tcp6", 6}};
	struct walk w = {.fn = fn, .arg = arg};
	long ticks = sysconf(_SC_CLK_TCK);

	w.context.tick_ns = 1000000000 / (ticks > 0 ? ticks : 100);
	w.context.hz = iu_host_hz();
	w.context.doubtful_uid = iu_host_doubtful_uid();
	w.context.fin_most_ns = iu_host_fin_most_ns();
	iu_port_set_init(&w.ports, scope->ports, scope->n_ports);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !w.stopped; i++) {
		int fd = open_table(tables[i].name);

		if (fd < 0 && tables[i].family == 6 && errno == ENOENT)
			continue; /* a kernel without IPv6 has no IPv6 sockets */
		if (fd < 0)
			return cannot_open(tables[i].name, errno, error);
		w.context.family = tables[i].family;
		walk_table(&w, fd);
		close(fd);
	}
	*ret_unseen = (w.partial ? INUSE_MISSING_PARTIAL : 0) | (scope->bound ? INUSE_MISSING_BOUND : 0);
	return INUSE_OK;
}
