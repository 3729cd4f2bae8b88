/* SPDX-License-Identifier: MIT */
/* Steps on the real kernel: sockets and their calls. What changes the surroundings is in live_other.c. */
#include "lab/live_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/host.h"
#include "host/sockaddr.h"
#include "host/sources.h"
#include "model/rule.h"

#ifndef TCP_REPAIR
#define TCP_REPAIR 19
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

const bool iu_live_plays = true;
const enum iu_os iu_live_os = IU_OS_LINUX;

const char *iu_lab_errno(int code, char *buf, size_t size)
{
	static const struct {
		int code;
		const char *name;
	} rows[] = {
		{0, "OK"},
		{EADDRINUSE, "EADDRINUSE"},     {EADDRNOTAVAIL, "EADDRNOTAVAIL"}, {EACCES, "EACCES"},
		{EINVAL, "EINVAL"},             {ENODEV, "ENODEV"},               {ENETUNREACH, "ENETUNREACH"},
		{EHOSTUNREACH, "EHOSTUNREACH"}, {ECONNREFUSED, "ECONNREFUSED"},   {ETIMEDOUT, "ETIMEDOUT"},
		{EPERM, "EPERM"},               {EAFNOSUPPORT, "EAFNOSUPPORT"},   {EISCONN, "EISCONN"},
		{EALREADY, "EALREADY"},         {EOPNOTSUPP, "EOPNOTSUPP"},       {ECONNRESET, "ECONNRESET"},
		{EPIPE, "EPIPE"},               {EAGAIN, "EAGAIN"},               {EINPROGRESS, "EINPROGRESS"},
		{ENOTCONN, "ENOTCONN"},         {ECONNABORTED, "ECONNABORTED"},   {EPROTO, "EPROTO"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return rows[i].name;
	snprintf(buf, size, "errno %d", code);
	return buf;
}

/* ---------------------------------------------------------------------------------------------- addresses */

/* Where a step points to, as the system wants it; returns the length. */
static socklen_t sockaddr_of(const struct iu_live *live, const struct iu_where *at, struct sockaddr_storage *ret)
{
	struct inuse_addr a = iu_where_addr(at, live->run);
	socklen_t len = sizeof(*ret);

	if (at->kind == IU_AT_SOCKET) {
		memset(ret, 0, sizeof(*ret));
		getsockname(live->fds[at->socket], (struct sockaddr *)ret, &len);
		return len;
	}
	if (at->scope[0] != 0)
		a.scope = if_nametoindex(at->scope);
	len = iu_sockaddr_from(&a, ret);
	if (at->claims == IU_UNSPEC)
		ret->ss_family = AF_UNSPEC;
	return len;
}

struct inuse_addr iu_live_addr(const struct iu_live *live, const struct iu_where *at)
{
	struct sockaddr_storage ss;

	if (at->kind == IU_AT_LITERAL && at->addr.family == 0)
		return at->addr;
	sockaddr_of(live, at, &ss);
	return iu_sockaddr_to(&ss);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 ? iu_sockaddr_to(&ss).port : 0;
}

static void answer(struct iu_live_answer *ret, int code)
{
	ret->text = iu_lab_errno(code, ret->buf, sizeof(ret->buf));
}

/* ------------------------------------------------------------------------------------------------ options */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : errno;
}

/* A program that picks socket 0 of the group for every connection. */
static int attach_program(int fd)
{
	struct sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, 0}};
	struct sock_fprog program = {1, code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0 ? 0 : errno;
}

static int set_linger(int fd, int64_t seconds)
{
	struct linger linger = {seconds >= 0, seconds >= 0 ? (int)seconds : 0};

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0 ? 0 : errno;
}

static int set_option(struct iu_live *live, const struct iu_step *step, bool on)
{
	int fd = live->fds[step->socket], value = on;

	switch (step->option) {
	case IU_OPT_REUSEADDR:
		return set_int(fd, SOL_SOCKET, SO_REUSEADDR, value);
	case IU_OPT_REUSEPORT:
		return set_int(fd, SOL_SOCKET, SO_REUSEPORT, value);
	case IU_OPT_V6ONLY:
		return set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, value);
	case IU_OPT_FREEBIND:
		return set_int(fd, IPPROTO_IP, IP_FREEBIND, value);
	case IU_OPT_TRANSPARENT:
		return set_int(fd, IPPROTO_IP, IP_TRANSPARENT, value);
	case IU_OPT_GROUP:
		return attach_program(fd);
	case IU_OPT_REPAIR:
		return set_int(fd, IPPROTO_TCP, TCP_REPAIR, value);
	case IU_OPT_NO_PORT:
		return set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, value);
	case IU_OPT_PORT_RANGE:
		return set_int(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(step->number2 << 16 | step->number));
	case IU_OPT_LINGER:
		return set_linger(fd, on ? step->number : -1);
	case IU_OPT_LINGER2:
		return set_int(fd, IPPROTO_TCP, TCP_LINGER2, (int)step->number);
	case IU_OPT_DEVICE:
		return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, step->word, (socklen_t)strlen(step->word)) == 0 ? 0 : errno;
	case IU_OPT_NONBLOCKING:
		live->nonblocking[step->socket] = on;
		return fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0) == 0 ? 0 : errno;
	default:
		return EOPNOTSUPP; /* SO_EXCLUSIVEADDRUSE is Windows' own */
	}
}

/* -------------------------------------------------------------------------------------------------- calls */

static enum inuse_status do_socket(struct iu_live *live, const struct iu_step *step, struct iu_live_answer *ret,
				   struct inuse_error *error)
{
	bool v6 = live->run == IU_RUN_AS_WRITTEN ? (step->kinds & IU_KIND_V6) != 0 : live->run != IU_RUN_IPV4;
	int type = step->kinds & IU_KIND_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, step->kinds & IU_KIND_MPTCP ? IPPROTO_MPTCP : 0);

	if (fd < 0 && (step->kinds & IU_KIND_MPTCP) != 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "socket", _("this kernel has no Multipath TCP"));
	if (fd < 0)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "socket", _("a socket cannot be made: %s"), strerror(errno));
	live->fds[step->socket] = fd;
	ret->text = "OK";
	return INUSE_OK;
}

/* Blocks at most 1 s, so that a SYN which nobody answers is EINPROGRESS. */
static int do_connect(struct iu_live *live, const struct iu_step *step)
{
	struct timeval patience = {1, 0}, none = {0, 0};
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(live, &step->at, &ss);
	int fd = live->fds[step->socket], code;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	code = connect(fd, (struct sockaddr *)&ss, len) == 0 ? 0 : errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
	return code;
}

static bool wait_for(int fd, short events, const char *want)
{
	struct pollfd pfd = {fd, events, 0};

	/* what is not expected to come is not waited for long */
	return poll(&pfd, 1, want == NULL || strcmp(want, "EAGAIN") == 0 ? 30 : 3000) == 1;
}

static int do_accept(struct iu_live *live, const struct iu_step *step, const char *want)
{
	int fd;

	wait_for(live->fds[step->socket], POLLIN, want);
	/* accept() has no MSG_DONTWAIT of its own; a listener that may block is asked only when there is something */
	if (live->listens[step->socket] && !wait_for(live->fds[step->socket], POLLIN, "EAGAIN"))
		return EAGAIN;
	fd = accept4(live->fds[step->socket], NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return errno;
	live->fds[step->other] = fd;
	return 0;
}

/* "OK" when so many bytes were there, "end" when the peer has sent all it will. */
static void do_read(struct iu_live *live, const struct iu_step *step, const char *want, struct iu_live_answer *ret)
{
	int fd = live->fds[step->socket];
	char bytes[4096];
	size_t got = 0;

	while (got < (size_t)step->number) {
		ssize_t n;

		wait_for(fd, POLLIN, want);
		n = recv(fd, bytes, (size_t)step->number - got, MSG_DONTWAIT);
		if (n == 0) {
			ret->text = "end";
			return;
		}
		if (n < 0) {
			answer(ret, errno);
			return;
		}
		got += (size_t)n;
	}
	ret->text = "OK";
}

static int do_write(const struct iu_live *live, const struct iu_step *step)
{
	static const char bytes[4096];

	return send(live->fds[step->socket], bytes, (size_t)step->number, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

/* Until nothing more goes out for a while: the peer's buffer grows as it fills. */
static int do_fill(const struct iu_live *live, const struct iu_step *step)
{
	static const char bytes[65536];
	int fd = live->fds[step->socket];

	for (int quiet = 0; quiet < 3;) {
		ssize_t n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			quiet = 0;
			continue;
		}
		if (errno != EAGAIN)
			return errno;
		quiet = wait_for(fd, POLLOUT, NULL) ? 0 : quiet + 1;
	}
	return 0;
}

static int do_shutdown(const struct iu_live *live, const struct iu_step *step)
{
	static const int hows[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};

	return shutdown(live->fds[step->socket], hows[step->number]) == 0 ? 0 : errno;
}

static int do_listen(struct iu_live *live, const struct iu_step *step)
{
	if (listen(live->fds[step->socket], (int)step->number) != 0)
		return errno;
	live->listens[step->socket] = true;
	return 0;
}

static int do_bind(const struct iu_live *live, const struct iu_step *step)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(live, &step->at, &ss);

	return bind(live->fds[step->socket], (struct sockaddr *)&ss, len) == 0 ? 0 : errno;
}

enum inuse_status iu_live_step(struct iu_live *live, const struct iu_step *step, const char *want,
			       struct iu_live_answer *ret, struct inuse_error *error)
{
	*ret = (struct iu_live_answer){.text = "OK"};
	if (iu_live_is_other(step->action))
		return iu_live_other(live, step, want, ret, error);
	if (step->action != IU_DO_SOCKET && live->fds[step->socket] < 0) {
		ret->text = "EBADF"; /* accept() that should have made it did not */
		return INUSE_OK;
	}
	switch (step->action) {
	case IU_DO_SOCKET:
		return do_socket(live, step, ret, error);
	case IU_DO_SET:
	case IU_DO_CLEAR:
		answer(ret, set_option(live, step, step->action == IU_DO_SET));
		return INUSE_OK;
	case IU_DO_BIND:
		answer(ret, do_bind(live, step));
		break;
	case IU_DO_LISTEN:
		answer(ret, do_listen(live, step));
		break;
	case IU_DO_CONNECT:
		answer(ret, do_connect(live, step));
		break;
	case IU_DO_ACCEPT:
		answer(ret, do_accept(live, step, want));
		return INUSE_OK;
	case IU_DO_READ:
		do_read(live, step, want, ret);
		return INUSE_OK;
	case IU_DO_WRITE:
		answer(ret, do_write(live, step));
		return INUSE_OK;
	case IU_DO_FILL:
		answer(ret, do_fill(live, step));
		return INUSE_OK;
	case IU_DO_SHUTDOWN:
		answer(ret, do_shutdown(live, step));
		live->listens[step->socket] &= strcmp(ret->text, "OK") != 0;
		return INUSE_OK;
	case IU_DO_PORT:
		snprintf(ret->buf, sizeof(ret->buf), "%u", port_of(live->fds[step->socket]));
		ret->text = ret->buf;
		return INUSE_OK;
	default: /* CLOSE */
		close(live->fds[step->socket]);
		live->fds[step->socket] = -1;
		return INUSE_OK;
	}
	ret->chosen = port_of(live->fds[step->socket]);
	return INUSE_OK;
}

/* ------------------------------------------------------------------------------------------------ looking */

struct collection {
	struct inuse_socket *list;
	size_t n, max;
	bool saw_bound;
};

static bool collect(void *arg, const struct inuse_socket *s)
{
	struct collection *c = arg;

	if (s->state != INUSE_SYN_RECV && c->n < c->max)
		c->list[c->n++] = *s;
	return true;
}

size_t iu_live_sockets(struct iu_live *live, struct inuse_socket *ret, size_t max)
{
	struct iu_scope scope = {.bound = true};
	struct collection c = {.list = ret, .max = max};
	uint32_t unseen = 0;

	if (iu_diag_each(&scope, INUSE_PROTO_TCP, collect, &c, &unseen, NULL) != INUSE_OK) {
		c.n = 0;
		iu_procnet_each(&scope, collect, &c, &unseen, NULL);
	}
	live->sees_bound = (unseen & INUSE_MISSING_BOUND) == 0;
	return c.n;
}

uint32_t iu_live_device(const struct iu_facts *simulated, uint32_t index)
{
	char name[IF_NAMESIZE];

	if (index == 0 || if_indextoname(index, name) == NULL)
		return index;
	for (size_t i = 0; i < simulated->n_devices; i++)
		if (strcmp(simulated->devices[i].name, name) == 0)
			return simulated->devices[i].index;
	return index;
}

bool iu_live_sees_bound(const struct iu_live *live)
{
	return live->sees_bound;
}

int64_t iu_live_now(void)
{
	return iu_host_now();
}

void iu_live_pause(void)
{
	nanosleep(&(struct timespec){0, 500000}, NULL);
}

char *iu_live_system(char *buf, size_t size)
{
	struct utsname name;

	buf[0] = 0;
	if (uname(&name) == 0)
		snprintf(buf, size, "%s %s %s", name.sysname, name.release, name.machine);
	return buf;
}

uint32_t iu_live_kernel(void)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	if (uname(&u) != 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return major << 16 | minor;
}
