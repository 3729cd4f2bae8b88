/* SPDX-License-Identifier: MIT */
/* Live tests: making sockets, bringing them into a state, and waiting for that state. */
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/live_private.h"

socklen_t live_sockaddr(const char *addr, struct sockaddr_storage *ret)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;
	struct inuse_error error = {0};
	struct inuse_target target;

	if (inuse_target_parse(addr, &target, &error) < 0 || target.kind != INUSE_TARGET_ADDR)
		live_fail("\"%s\" is not an address for a live test %s", addr, error.text);
	memset(ret, 0, sizeof(*ret));
	if (target.addr.family == 4) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(target.addr.port);
		memcpy(&sin->sin_addr, target.addr.ip, 4);
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(target.addr.port);
	memcpy(&sin6->sin6_addr, target.addr.ip, 16);
	sin6->sin6_scope_id = target.addr.scope;
	if (target.scope_name[0] != 0)
		sin6->sin6_scope_id = if_nametoindex(target.scope_name);
	return sizeof(*sin6);
}

static bool set_option(int fd, enum live_option option, int on)
{
	switch (option) {
	case LIVE_REUSEADDR:
		return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
	case LIVE_REUSEPORT:
		return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0;
	case LIVE_V6ONLY:
		return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
	case LIVE_FREEBIND:
		return setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) == 0;
	default:
		return true; /* part of socket() */
	}
}

void live_set(int fd, enum live_option option, bool on)
{
	if (!set_option(fd, option, on))
		live_fail("setsockopt(%d): %s", option, strerror(errno));
}

int live_socket(int family, unsigned options)
{
	int type = options & LIVE_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int protocol = options & LIVE_MPTCP ? IPPROTO_MPTCP : 0, fd;

	fd = socket(family, type | SOCK_CLOEXEC | (options & LIVE_NONBLOCK ? SOCK_NONBLOCK : 0), protocol);
	if (fd < 0 && protocol != 0)
		live_skip("this kernel has no MPTCP");
	if (fd < 0)
		live_fail("socket: %s", strerror(errno));
	for (unsigned option = 1; option <= LIVE_FREEBIND; option <<= 1)
		if (options & option)
			live_set(fd, option, true);
	return live_keep_fd(fd);
}

/* bind(), then listen() if wanted, on a new socket: 0 or errno. *ret_fd is kept either way. */
static int try_server(const char *addr, unsigned options, bool listening, int *ret_fd)
{
	struct sockaddr_storage ss;
	socklen_t len = live_sockaddr(addr, &ss);
	int fd = live_socket(ss.ss_family, options);

	*ret_fd = fd;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return errno;
	return listening && listen(fd, 128) < 0 ? errno : 0;
}

static int try_client(const char *remote, const char *from, unsigned options, int *ret_fd)
{
	struct sockaddr_storage ss, local;
	socklen_t len = live_sockaddr(remote, &ss), local_len = from ? live_sockaddr(from, &local) : 0;
	int fd = live_socket(from ? local.ss_family : ss.ss_family, options);

	*ret_fd = fd;
	if (from != NULL && bind(fd, (struct sockaddr *)&local, local_len) < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&ss, len) == 0 || (errno == EINPROGRESS && options & LIVE_NONBLOCK))
		return 0;
	return errno;
}

int live_bound(const char *addr, unsigned options)
{
	int fd, error = try_server(addr, options, false, &fd);

	if (error != 0)
		live_fail("bind %s: %s", addr, strerror(error));
	return fd;
}

int live_listener(const char *addr, unsigned options)
{
	int fd, error = try_server(addr, options, true, &fd);

	if (error != 0)
		live_fail("listen on %s: %s", addr, strerror(error));
	return fd;
}

int live_dial(const char *remote, const char *from, unsigned options)
{
	int fd, error = try_client(remote, from, options, &fd);

	if (error != 0)
		live_fail("connect to %s from %s: %s", remote, from ? from : "any port", strerror(error));
	return fd;
}

int live_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		live_fail("accept: %s", strerror(errno));
	return live_keep_fd(fd);
}

int live_try_bind(const char *addr, unsigned options)
{
	int fd, error = try_server(addr, options, false, &fd);

	live_close(fd);
	return error;
}

int live_try_listen(const char *addr, unsigned options)
{
	int fd, error = try_server(addr, options, true, &fd);

	live_close(fd);
	return error;
}

int live_try_connect(const char *remote, const char *from, unsigned options)
{
	int fd, error = try_client(remote, from, options, &fd);

	if (error == 0)
		live_reset(fd);
	else
		live_close(fd);
	return error;
}

uint16_t live_port(int fd)
{
	struct sockaddr_in6 sin6 = {0}; /* the port is at the same place in a sockaddr_in */
	socklen_t len = sizeof(sin6);

	if (getsockname(fd, (struct sockaddr *)&sin6, &len) < 0)
		live_fail("getsockname: %s", strerror(errno));
	return ntohs(sin6.sin6_port);
}

uint64_t live_inode(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		live_fail("fstat: %s", strerror(errno));
	return st.st_ino;
}

void live_chown(int fd, uid_t uid)
{
	live_need_root();
	if (fchown(fd, uid, (gid_t)-1) < 0)
		live_fail("fchown: %s", strerror(errno));
}

void live_reset(int fd)
{
	struct linger linger = {1, 0};

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		live_fail("SO_LINGER: %s", strerror(errno));
	live_close(fd);
}

void live_in_flight(int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec byte = {(char[]){'x'}, 1};
	struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		live_fail("socketpair: %s", strerror(errno));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(live_keep_fd(ends[0]), &message, 0) != 1)
		live_fail("sendmsg: %s", strerror(errno));
	live_keep_fd(ends[1]);
	live_close(fd);
}

/* -------------------------------------------------------------------------------------------- connections */

struct live_connection live_connection(const char *addr, unsigned options, const char *from, unsigned client_options)
{
	struct live_connection c = {.listener = live_listener(addr, options)};
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	if (getsockname(c.listener, (struct sockaddr *)&ss, &len) < 0)
		live_fail("getsockname: %s", strerror(errno));
	c.client = live_socket(ss.ss_family, client_options);
	if (from != NULL) {
		struct sockaddr_storage local;
		socklen_t local_len = live_sockaddr(from, &local);

		if (bind(c.client, (struct sockaddr *)&local, local_len) < 0)
			live_fail("bind %s: %s", from, strerror(errno));
	}
	if (connect(c.client, (struct sockaddr *)&ss, len) < 0)
		live_fail("connect to %s: %s", addr, strerror(errno));
	c.server = live_accept(c.listener);
	c.server_port = live_port(c.server);
	c.client_port = live_port(c.client);
	return c;
}

void live_end(struct live_connection *c, enum live_first first)
{
	bool server = first == LIVE_SERVER_FIRST;
	uint16_t port = server ? c->server_port : c->client_port, peer = server ? c->client_port : c->server_port;

	live_close(server ? c->server : c->client);
	live_wait(port, peer, INUSE_FIN_WAIT2); /* the peer's kernel has acknowledged the FIN */
	live_close(server ? c->client : c->server);
	live_wait(port, peer, INUSE_TIME_WAIT);
	live_wait_gone(peer, port);
	c->server = c->client = -1;
}

uint16_t live_time_wait(const char *addr, unsigned options, const char *from)
{
	struct live_connection c = live_connection(addr, options, from, from ? LIVE_REUSEADDR : 0);

	live_end(&c, LIVE_SERVER_FIRST);
	live_close(c.listener);
	return c.client_port;
}

int live_fin_wait2(const char *addr, unsigned options)
{
	struct live_connection c = live_connection(addr, options, NULL, 0);

	live_close(c.server);
	live_wait(c.server_port, c.client_port, INUSE_FIN_WAIT2);
	live_close(c.listener);
	return c.client;
}

/* -------------------------------------------------------------------------------------- the kernel's table */

/* The numbers of linux include/net/tcp_states.h, which /proc/net/tcp prints. */
static const enum inuse_state states[] = {
	[1] = INUSE_ESTABLISHED, [2] = INUSE_SYN_SENT,  [3] = INUSE_SYN_RECV,   [4] = INUSE_FIN_WAIT1,
	[5] = INUSE_FIN_WAIT2,   [6] = INUSE_TIME_WAIT, [8] = INUSE_CLOSE_WAIT, [9] = INUSE_LAST_ACK,
	[10] = INUSE_LISTEN,     [11] = INUSE_CLOSING,  [12] = INUSE_SYN_RECV,
};

/* state INUSE_STATE_UNKNOWN: any. With `show`, the table is printed to it. */
static unsigned count_in(const char *path, uint16_t local_port, uint16_t remote_port, enum inuse_state state, FILE *show)
{
	FILE *f = fopen(path, "re");
	char line[512];
	unsigned n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		unsigned local, remote, st;

		if (sscanf(line, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%x %x", &local, &remote, &st) != 3)
			continue;
		if (show != NULL)
			fprintf(show, "%.100s\n", line);
		n += local == local_port && (remote_port == 0 || remote == remote_port) &&
		     (state == INUSE_STATE_UNKNOWN || (st < sizeof(states) / sizeof(states[0]) && states[st] == state));
	}
	if (f != NULL)
		fclose(f);
	return n;
}

unsigned live_count(uint16_t local_port, uint16_t remote_port, enum inuse_state state)
{
	return count_in("/proc/thread-self/net/tcp", local_port, remote_port, state, NULL) +
	       count_in("/proc/thread-self/net/tcp6", local_port, remote_port, state, NULL);
}

static void show_table(void)
{
	count_in("/proc/thread-self/net/tcp", 0, 0, INUSE_STATE_UNKNOWN, stderr);
	count_in("/proc/thread-self/net/tcp6", 0, 0, INUSE_STATE_UNKNOWN, stderr);
}

void live_wait(uint16_t local_port, uint16_t remote_port, enum inuse_state state)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	while (live_count(local_port, remote_port, state) == 0)
		if (!live_again(deadline)) {
			show_table();
			live_fail("waited in vain for state %d of %u > %u", state, local_port, remote_port);
		}
}

void live_wait_gone(uint16_t local_port, uint16_t remote_port)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	while (live_count(local_port, remote_port, INUSE_STATE_UNKNOWN) != 0)
		if (!live_again(deadline)) {
			show_table();
			live_fail("%u > %u does not go away", local_port, remote_port);
		}
}
