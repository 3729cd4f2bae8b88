/* SPDX-License-Identifier: MIT */
/*
 * A bind, listen or connect of another program, made on a duplicate of its socket.
 *
 * Theory of operation
 *
 * The duplicate is the very socket, so what the kernel answers here is what it would have answered there. Only a blocking
 * connect would make the supervisor wait: the socket is made non-blocking for the moment of the call. What is decided by then
 * is answered, on this machine mostly the success: left to the program's own call, a peer that resets what it has just accepted
 * could come in between. When the connection is under way, that call goes through and waits in the kernel, which
 * finds the connection begun (linux v6.18 net/ipv4/af_inet.c __inet_stream_connect(), SS_CONNECTING). A timeout of its own
 * (SO_SNDTIMEO) begins with the call, so such a socket is left alone.
 */
#include "supervise/call.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/address.h"
#include "host/sockaddr.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

bool iu_call_concerns(int fd)
{
	int domain = option(fd, SOL_SOCKET, SO_DOMAIN), protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);

	return (domain == AF_INET || domain == AF_INET6) && option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

bool iu_call_sensible(const struct iu_call *call)
{
	if (call->kind == INUSE_CALL_LISTEN)
		return true;
	return call->len >= sizeof(struct sockaddr_in) && call->len <= sizeof(call->addr) &&
	       (call->addr.ss_family == AF_INET || call->addr.ss_family == AF_INET6);
}

/* Refused or established while connect() was still at it, as on this machine it mostly is; the next one tells. */
static bool is_decided(int fd)
{
	struct tcp_info info = {.tcpi_state = TCP_SYN_SENT};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state != TCP_SYN_SENT &&
	       info.tcpi_state != TCP_SYN_RECV;
}

static enum iu_call_end make_connect(const struct iu_call *call, int fd, int *ret_os_code)
{
	const struct sockaddr *to = (const struct sockaddr *)&call->addr;
	int flags = fcntl(fd, F_GETFL), code;
	struct timeval timeout = {0};
	socklen_t len = sizeof(timeout);
	bool blocking = (flags & O_NONBLOCK) == 0;

	if (flags < 0 || (blocking && (getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &len) != 0 ||
				       timeout.tv_sec != 0 || timeout.tv_usec != 0)))
		return IU_CALL_LET_GO;
	if (blocking && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return IU_CALL_LET_GO;
	code = connect(fd, to, call->len) == 0 ? 0 : errno;
	if (blocking && code == EINPROGRESS && is_decided(fd))
		code = connect(fd, to, call->len) == 0 ? 0 : errno;
	if (blocking)
		fcntl(fd, F_SETFL, flags);
	if (blocking && (code == EINPROGRESS || code == EALREADY))
		return IU_CALL_LET_GO;
	*ret_os_code = code;
	return IU_CALL_MADE;
}

enum iu_call_end iu_call_make(const struct iu_call *call, int fd, int *ret_os_code)
{
	if (call->kind == INUSE_CALL_CONNECT)
		return make_connect(call, fd, ret_os_code);
	if (call->kind == INUSE_CALL_LISTEN)
		*ret_os_code = listen(fd, call->backlog) == 0 ? 0 : errno;
	else
		*ret_os_code = bind(fd, (const struct sockaddr *)&call->addr, call->len) == 0 ? 0 : errno;
	return IU_CALL_MADE;
}

bool iu_call_is_bound(int fd)
{
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 && iu_sockaddr_to(&own).port != 0;
}

uint64_t iu_call_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static uint32_t flags_of(int fd, bool six)
{
	static const struct {
		int level, name;
		uint32_t flag;
	} rows[] = {
		{SOL_SOCKET, SO_REUSEADDR, INUSE_REUSEADDR},
		{SOL_SOCKET, SO_REUSEPORT, INUSE_REUSEPORT},
		/* linux v6.18 net/ipv6/ipv6_sockglue.c: those of IPv6 act on the same bits */
		{IPPROTO_IP, IP_FREEBIND, INUSE_FREEBIND},
		{IPPROTO_IP, IP_TRANSPARENT, INUSE_TRANSPARENT},
	};
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (option(fd, rows[i].level, rows[i].name) > 0)
			flags |= rows[i].flag;
	if (six && option(fd, IPPROTO_IPV6, IPV6_V6ONLY) > 0)
		flags |= INUSE_V6ONLY;
	if (option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_MPTCP)
		flags |= INUSE_MPTCP;
	return flags;
}

struct inuse_request iu_call_request(const struct iu_call *call, int fd, bool may_bind_low)
{
	bool six = option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6;
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof(own);
	int device = option(fd, SOL_SOCKET, SO_BINDTOIFINDEX);
	struct stat st;

	r.call = call->kind;
	r.flags = flags_of(fd, six);
	r.device = device > 0 ? (uint32_t)device : 0;
	r.uid = fstat(fd, &st) == 0 ? st.st_uid : 0;
	r.may_bind_low = may_bind_low ? INUSE_YES : INUSE_NO;
	if (getsockname(fd, (struct sockaddr *)&own, &len) != 0)
		own.ss_family = (sa_family_t)(six ? AF_INET6 : AF_INET);
	r.local = iu_sockaddr_to(&own);
	if (call->kind == INUSE_CALL_BIND)
		r.local = iu_sockaddr_to(&call->addr);
	else if (call->kind == INUSE_CALL_CONNECT)
		r.remote = iu_sockaddr_to(&call->addr);
	if (call->unbound)
		r.local = iu_addr_any(six ? 6 : 4, 0);
	return r;
}

const char *iu_call_name(enum inuse_call kind)
{
	return kind == INUSE_CALL_BIND ? "bind" : kind == INUSE_CALL_LISTEN ? "listen" : "connect";
}

char *iu_call_address(const struct inuse_request *request, char buf[INUSE_ADDR_TEXT])
{
	return inuse_addr_text(request->call == INUSE_CALL_CONNECT ? &request->remote : &request->local, buf);
}
