/* SPDX-License-Identifier: MIT */
/*
 * Under a service manager.
 *
 * Theory of operation
 *
 * A service of Type=notify tells the manager when it is up, by a datagram to NOTIFY_SOCKET; usually only the main process
 * is believed, and that is inuse. So the program gets another socket in that variable, of inuse, and what it writes is
 * passed on: but for its own idea of which process is the main one, and for what is only true of one of its starts. The
 * service is ready when the program says so, or when it listens, whichever comes first: from then on a client that connects
 * will be served. A restart is a reload (RELOADING=1, READY=1).
 *
 * Sockets that the manager hands over (LISTEN_FDS) reach every start of the program under the same numbers, because inuse
 * never closes them. A program that knows nothing of them and binds the same address is given the one that is there.
 */
#include "supervise/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "supervise/generation.h"
#include "supervise/hold.h"
#include "supervise/tree.h"

/* As long as the manager reads: systemd v257 src/core/manager.c NOTIFY_BUFFER_MAX */
#define MESSAGE_MAX 4096
#define FDS_MAX 64
#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define HANDED_MAX 4096

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
};

/* "/run/systemd/notify" or "@abstract". 0: it is neither. */
static socklen_t address_of(const char *text, struct sockaddr_un *ret)
{
	size_t len = strlen(text);

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(ret->sun_path))
		return 0;
	memcpy(ret->sun_path, text, len);
	if (text[0] == '@')
		ret->sun_path[0] = 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* fds: n of them go along. */
static void tell(const struct iu_supervisor *s, const char *text, size_t len, const int *fds, size_t n)
{
	union control control = {0};
	struct iovec part = {(char *)text, len};
	struct msghdr message = {.msg_name = (void *)&s->notify.manager, .msg_namelen = s->notify.manager_len, .msg_iov = &part,
				 .msg_iovlen = 1};

	if (s->notify.manager_len == 0 || len == 0)
		return;
	if (n > 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	sendmsg(s->notify.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void tell_text(const struct iu_supervisor *s, const char *text)
{
	tell(s, text, strlen(text), NULL, 0);
}

/* --------------------------------------------------------------------------------- what the program writes */

static bool begins_with(const char *line, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(line, word, strlen(word)) == 0;
}

/* What is not passed on. */
static bool is_ours_to_say(const struct iu_supervisor *s, const char *line, size_t len)
{
	return begins_with(line, len, "MAINPID") || begins_with(line, len, "READY=") ||
	       (begins_with(line, len, "STOPPING=") && !s->asked_to_end);
}

/* Passes the lines on that are the program's to say. True: it has said that it is ready. */
static bool pass_on(const struct iu_supervisor *s, const char *text, size_t len, const int *fds, size_t n)
{
	char kept[MESSAGE_MAX];
	size_t kept_len = 0;
	bool ready = false;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line = end ? (size_t)(end - text) - at + 1 : len - at;

		ready |= begins_with(text + at, line, "READY=1");
		if (!is_ours_to_say(s, text + at, line)) {
			memcpy(kept + kept_len, text + at, line);
			kept_len += line;
		}
		at += line;
	}
	tell(s, kept, kept_len, fds, n);
	return ready;
}

/* Which start of the program has written it; of one that has ended since, the one that counts. */
static struct iu_generation *writer(struct iu_supervisor *s, int32_t pid)
{
	struct iu_generation *g = NULL;
	struct iu_tree tree = {0};

	iu_tree_read(&tree);
	if (iu_tree_find(&tree, pid) != NULL)
		g = iu_generation_of(s, &tree, pid);
	iu_tree_done(&tree);
	return g ? g : iu_generation_established(s);
}

static void on_message(uv_poll_t *poll, int status, int events)
{
	struct iu_supervisor *s = poll->data;
	union control control;
	char text[MESSAGE_MAX];
	struct iovec part = {text, sizeof(text)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(s->notify.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct iu_generation *g = NULL;
	struct ucred from = {0};
	int fds[FDS_MAX];
	size_t n = 0;

	for (struct cmsghdr *c = len >= 0 ? CMSG_FIRSTHDR(&message) : NULL; c != NULL; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(&from, CMSG_DATA(c), sizeof(from));
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			n = n < FDS_MAX ? n : FDS_MAX;
			memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		}
	}
	/* anybody in the namespace can write to it */
	if (len > 0 && (message.msg_flags & MSG_TRUNC) == 0 && from.pid > 0 && (from.uid == 0 || from.uid == geteuid()))
		g = writer(s, from.pid);
	if (g != NULL && !g->trial && pass_on(s, text, (size_t)len, fds, n))
		iu_generation_says_ready(g);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* ------------------------------------------------------------------------------------- what inuse says */

void iu_notify_begin(struct iu_supervisor *s)
{
	const char *socket_name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(own), manager_len;
	int on = 1;

	s->notify.fd = -1;
	if (socket_name == NULL || !iu_generation_may_follow(s))
		return;
	manager_len = address_of(socket_name, &s->notify.manager);
	s->notify.fd = manager_len != 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	if (s->notify.fd < 0)
		return;
	/* a name that the kernel chooses: unix(7), autobind */
	if (setsockopt(s->notify.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    bind(s->notify.fd, (struct sockaddr *)&own, sizeof(own.sun_family)) != 0 ||
	    getsockname(s->notify.fd, (struct sockaddr *)&own, &len) != 0 ||
	    uv_poll_init(&s->loop, &s->notify.poll, s->notify.fd) != 0) {
		close(s->notify.fd);
		s->notify.fd = -1;
		return;
	}
	s->notify.manager_len = manager_len;
	len -= (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
	snprintf(s->notify.name, sizeof(s->notify.name), "@%.*s", (int)len, own.sun_path + 1);
	s->notify.poll.data = s;
	uv_poll_start(&s->notify.poll, UV_READABLE, on_message);
}

void iu_notify_in_child(const struct iu_supervisor *s)
{
	if (s->notify.fd >= 0)
		setenv("NOTIFY_SOCKET", s->notify.name, 1);
}

void iu_notify_ready(struct iu_supervisor *s)
{
	char text[64];

	if (s->notify.fd < 0 || s->notify.ready)
		return;
	s->notify.ready = true;
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%d", getpid());
	tell_text(s, text);
}

void iu_notify_reloading(struct iu_supervisor *s)
{
	struct timespec now;
	char text[64];

	if (s->notify.fd < 0 || !s->notify.ready)
		return;
	s->notify.ready = false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell_text(s, text);
}

void iu_notify_stopping(struct iu_supervisor *s)
{
	if (s->notify.fd < 0 || s->notify.stopping)
		return;
	s->notify.stopping = true;
	tell_text(s, "STOPPING=1");
}

/* ------------------------------------------------------------------------------------- what is handed over */

void iu_notify_take_sockets(struct iu_supervisor *s)
{
	const char *pid_text = getenv("LISTEN_PID"), *n_text = getenv("LISTEN_FDS");
	uint64_t pid, n;

	if (!s->o->hold || pid_text == NULL || n_text == NULL || !iu_parse_u64(pid_text, 1, INT32_MAX, &pid) ||
	    (pid_t)pid != getpid() || !iu_parse_u64(n_text, 1, HANDED_MAX, &n))
		return;
	s->handed_end = FIRST_FD + (int32_t)n;
	for (int fd = FIRST_FD; fd < s->handed_end; fd++) {
		struct iu_identity identity;
		struct iu_held *h = NULL;

		if (iu_call_concerns(fd) && iu_identity_read(fd, iu_hold_netns(NULL), &identity))
			h = iu_hold_add(s, fd, &identity);
		if (h == NULL)
			continue;
		h->handed = true;
		h->bound_nonblock = (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
		if (iu_hold_listens(h))
			iu_hold_event(h, "handed", NULL);
		else
			iu_hold_drop(h);
	}
}
