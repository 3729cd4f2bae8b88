/* SPDX-License-Identifier: MIT */
/*
 * One step on the real kernel, as fast as it goes: the frequent ones here, the others as inuse lab makes them (live.h).
 *
 * Nothing blocks. On lo what a call sends has arrived before it returns, so connect() is asked a second time for its outcome.
 */
#include "lab/fuzz_private.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/sockaddr.h"
#include "lab/left_whole.h"

#ifndef TCP_REPAIR
#define TCP_REPAIR 19
#endif
#define PATIENCE_MS 300

static socklen_t sockaddr_of(const struct iu_where *at, struct sockaddr_storage *ret)
{
	struct inuse_addr a = at->addr;
	socklen_t len;

	if (at->scope[0] != 0)
		a.scope = if_nametoindex(at->scope);
	len = iu_sockaddr_from(&a, ret);
	if (at->claims == IU_UNSPEC)
		ret->ss_family = AF_UNSPEC;
	return len;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 ? iu_sockaddr_to(&ss).port : 0;
}

static int do_socket(struct iu_fuzzer *f, const struct iu_step *s)
{
	int fd = socket(s->kinds & IU_KIND_V6 ? AF_INET6 : AF_INET,
			(s->kinds & IU_KIND_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	f->live->fds[s->socket] = fd;
	return fd < 0 ? errno : 0;
}

static int do_connect(struct iu_fuzzer *f, const struct iu_step *s)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&s->at, &ss);
	int fd = f->live->fds[s->socket], code = connect(fd, (struct sockaddr *)&ss, len) == 0 ? 0 : errno;

	if (code != EINPROGRESS)
		return code;
	code = connect(fd, (struct sockaddr *)&ss, len) == 0 ? 0 : errno;
	return code == EALREADY ? EINPROGRESS : code;
}

static int do_accept(struct iu_fuzzer *f, const struct iu_step *s)
{
	int fd = accept4(f->live->fds[s->socket], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno;
	f->live->fds[s->other] = fd;
	return 0;
}

/* Buffers are small in the namespace of the fuzzer, so this is soon done. */
static int do_fill(struct iu_fuzzer *f, const struct iu_step *s)
{
	static const char bytes[16384];
	int fd = f->live->fds[s->socket];

	for (int full = 0; full < 2;) {
		if (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			full = 0;
		else if (errno == EAGAIN)
			full++;
		else
			return errno;
	}
	return 0;
}

static const char *do_read(struct iu_fuzzer *f, const struct iu_step *s)
{
	char bytes[4096];
	size_t got = 0;

	while (got < (size_t)s->number) {
		ssize_t n = recv(f->live->fds[s->socket], bytes, (size_t)s->number - got, MSG_DONTWAIT);

		if (n == 0)
			return "end";
		if (n < 0)
			return NULL;
		got += (size_t)n;
	}
	return "OK";
}

static int do_close(struct iu_fuzzer *f, const struct iu_step *s)
{
	close(f->live->fds[s->socket]);
	f->live->fds[s->socket] = -1;
	return 0;
}

static int do_bind(struct iu_fuzzer *f, const struct iu_step *s)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&s->at, &ss);

	return bind(f->live->fds[s->socket], (struct sockaddr *)&ss, len) == 0 ? 0 : errno;
}

/* What was heard, which may be nothing so far. */
static void hear(struct iu_fuzzer *f, const struct iu_step *s, int wait_ms, struct iu_fuzz_answer *ret)
{
	struct iu_live_answer heard;

	iu_live_hear(f->live, s, wait_ms, &heard);
	snprintf(ret->buf, sizeof(ret->buf), "%.31s", heard.text);
	ret->text = ret->buf;
}

/* The kernel takes the packet and answers it before write() returns. */
static enum inuse_status do_send(struct iu_fuzzer *f, const struct iu_step *s, struct iu_fuzz_answer *ret)
{
	if (!iu_live_say(f->live, s))
		return INUSE_E_SYSTEM;
	hear(f, s, 0, ret);
	return INUSE_OK;
}

/* The kernel has chosen a port where the socket had none. */
static uint16_t chosen_by(const struct iu_fuzzer *f, const struct iu_step *s, int code)
{
	const struct inuse_socket *before = iu_sim_peek(f->model.sim, s->socket);

	if ((code != 0 && code != EINPROGRESS) || before == NULL || before->local.port != 0)
		return 0;
	if (s->action == IU_DO_BIND && s->at.addr.port != 0)
		return 0;
	return port_of(f->live->fds[s->socket]);
}

enum inuse_status iu_fuzz_kernel(struct iu_fuzzer *f, const struct iu_step *s, struct iu_fuzz_answer *ret, struct inuse_error *error)
{
	struct iu_live_answer slow;
	enum inuse_status status;
	int code;

	*ret = (struct iu_fuzz_answer){.text = "OK"};
	if (!iu_live_is_other(s->action) && s->action != IU_DO_SOCKET && f->live->fds[s->socket] < 0) {
		ret->text = "EBADF";
		return INUSE_OK;
	}
	switch (s->action) {
	case IU_DO_SOCKET:
		code = do_socket(f, s);
		break;
	case IU_DO_BIND:
		code = do_bind(f, s);
		break;
	case IU_DO_LISTEN:
		code = listen(f->live->fds[s->socket], (int)s->number) == 0 ? 0 : errno;
		break;
	case IU_DO_CONNECT:
		code = do_connect(f, s);
		break;
	case IU_DO_ACCEPT:
		code = do_accept(f, s);
		break;
	case IU_DO_FILL:
		code = do_fill(f, s);
		break;
	case IU_DO_CLOSE:
		code = do_close(f, s);
		break;
	case IU_DO_SEND:
		return do_send(f, s, ret);
	case IU_DO_READ:
		ret->text = do_read(f, s);
		if (ret->text == NULL)
			ret->text = iu_lab_errno(errno, ret->buf, sizeof(ret->buf));
		return INUSE_OK;
	default:
		status = iu_live_step(f->live, s, "OK", &slow, error);
		if (status == INUSE_OK && slow.text == slow.buf) {
			snprintf(ret->buf, sizeof(ret->buf), "%.31s", slow.buf);
			slow.text = ret->buf;
		}
		ret->text = slow.text;
		return status;
	}
	ret->text = iu_lab_errno(code, ret->buf, sizeof(ret->buf));
	if (s->action == IU_DO_BIND || s->action == IU_DO_LISTEN || s->action == IU_DO_CONNECT)
		ret->chosen = chosen_by(f, s, code);
	return INUSE_OK;
}

void iu_fuzz_kernel_again(struct iu_fuzzer *f, const struct iu_step *s, const char *want, struct iu_fuzz_answer *ret)
{
	bool connects = s->action == IU_DO_CONNECT && strcmp(ret->text, "EINPROGRESS") == 0;
	bool reads = (s->action == IU_DO_ACCEPT || s->action == IU_DO_READ) && strcmp(ret->text, "EAGAIN") == 0;
	struct pollfd pfd = {.fd = f->live->fds[s->socket], .events = connects ? POLLOUT : POLLIN};
	struct iu_fuzz_answer late;
	int64_t until_ns = iu_live_now() + PATIENCE_MS * INT64_C(1000000);
	uint16_t chosen = ret->chosen;

	if (s->action == IU_DO_SEND && strcmp(ret->text, "nothing") == 0)
		hear(f, s, PATIENCE_MS, ret);
	if (!connects && !reads)
		return;
	do { /* a socket that was shut down before is told at once, whatever its connection does */
		if (poll(&pfd, 1, PATIENCE_MS) == 1 && (pfd.revents & POLLHUP) != 0)
			iu_live_pause();
		if (iu_fuzz_kernel(f, s, &late, NULL) != INUSE_OK)
			return;
	} while (connects && strcmp(late.text, "EALREADY") == 0 && iu_live_now() < until_ns);
	if (connects && strcmp(late.text, "EALREADY") == 0)
		return;
	*ret = late;
	if (late.text == late.buf)
		ret->text = ret->buf;
	if (connects)
		ret->chosen = chosen;
}

bool iu_fuzz_left_whole(const struct iu_fuzzer *f)
{
	static struct inuse_socket seen[512];
	const struct iu_facts *simulated = iu_sim_facts(f->model.sim);

	return iu_lab_left_whole(simulated->sockets, simulated->n_sockets, seen, iu_live_sockets(f->live, seen, 512));
}

bool iu_fuzz_vanish(int fd)
{
	int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == 0;
}
