/* SPDX-License-Identifier: MIT */
/* Listening and connecting with the right options, and a verdict when the system refuses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "host/answer.h"
#include "host/explain.h"
#include "host/resolve.h"
#include "host/sockaddr.h"

static const struct inuse_socket_options defaults = INUSE_SOCKET_OPTIONS_INIT;

socklen_t iu_sockaddr_from(const struct inuse_addr *a, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (a->family != 6) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(a->port);
		memcpy(&v4->sin_addr, a->ip, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(a->port);
	v6->sin6_scope_id = a->scope;
	memcpy(&v6->sin6_addr, a->ip, 16);
	return sizeof(*v6);
}

struct inuse_addr iu_sockaddr_to(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
	struct inuse_addr a = {0};

	if (sa->ss_family == AF_INET) {
		a.family = 4;
		a.port = ntohs(v4->sin_port);
		memcpy(a.ip, &v4->sin_addr, 4);
	} else if (sa->ss_family == AF_INET6) {
		a.family = 6;
		a.port = ntohs(v6->sin6_port);
		a.scope = v6->sin6_scope_id;
		memcpy(a.ip, &v6->sin6_addr, 16);
	}
	return a;
}

static bool set_on(int fd, int level, int name, bool wanted)
{
	int on = 1;

	return !wanted || setsockopt(fd, level, name, &on, sizeof(on)) == 0;
}

static bool set_options(int fd, int family, uint32_t flags, bool listens)
{
	int v6only = (flags & INUSE_V6ONLY) != 0;

	if (listens && (flags & INUSE_REUSEADDR) == 0 && iu_socket_claim(fd) < 0)
		return false;
	return set_on(fd, SOL_SOCKET, SO_REUSEADDR, (flags & INUSE_REUSEADDR) != 0) &&
	       set_on(fd, SOL_SOCKET, SO_REUSEPORT, (flags & INUSE_REUSEPORT) != 0) &&
	       set_on(fd, IPPROTO_IP, IP_FREEBIND, (flags & INUSE_FREEBIND) != 0) &&
	       (family != 6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) == 0);
}

/* A client that only chooses its address: connect() may share a port, bind() to port 0 may not [C39]. Linux 4.2. */
static bool leave_port_to_connect(int fd, const struct inuse_addr *local, const struct inuse_socket_options *o)
{
	return local->port != 0 || o->backlog >= 0 || set_on(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, true) ||
	       errno == ENOPROTOOPT;
}

/* The socket, bound; -1 with errno set and *ret_step telling the call. */
static int make_bound(const struct inuse_addr *local, const struct inuse_socket_options *o, const char **ret_step)
{
	int fd = socket(local->family == 6 ? AF_INET6 : AF_INET,
			SOCK_STREAM | SOCK_CLOEXEC | (o->nonblocking ? SOCK_NONBLOCK : 0), 0);
	struct sockaddr_storage sa;
	bool listens = o->backlog >= 0;

	*ret_step = "socket";
	if (fd < 0)
		return -1;
	*ret_step = "setsockopt";
	if (set_options(fd, local->family, o->flags, listens) && leave_port_to_connect(fd, local, o)) {
		*ret_step = "bind";
		/* an automatic port is connect()'s to choose: it may share one, bind() may not */
		if ((local->port == 0 && iu_addr_is_any(local) && o->from == NULL && !listens) ||
		    bind(fd, (struct sockaddr *)&sa, iu_sockaddr_from(local, &sa)) == 0)
			return fd;
	}
	iu_socket_close(fd);
	return -1;
}

/* What was hidden about this address is settled by what the call was told. */
static void settle(struct inuse_answer *a, enum inuse_call call, const struct inuse_addr *at, int code)
{
	enum inuse_result said;

	for (size_t i = 0; iu_result_of_errno(code, &said) && i < a->n; i++) {
		const struct inuse_request *r = &a->verdicts[i].request;

		if (iu_addr_same(call == INUSE_CALL_CONNECT ? &r->remote : &r->local, at))
			iu_judge_settle(a->facts, said, &a->verdicts[i]);
	}
}

static enum inuse_status refused(int code, const char *step, enum inuse_call call, const char *address,
				 const struct inuse_addr *at, const struct inuse_socket_options *o, struct inuse_answer **ret_answer,
				 struct inuse_error *error)
{
	struct inuse_question q = INUSE_QUESTION_INIT;
	char shown[160];

	q.call = call;
	q.address = address;
	q.from = call == INUSE_CALL_CONNECT ? o->from : NULL;
	q.flags = o->flags;
	q.given = INUSE_REUSEADDR | INUSE_EXCLUSIVE | INUSE_REUSEPORT | INUSE_V6ONLY | INUSE_FREEBIND;
	if (ret_answer != NULL) {
		*ret_answer = NULL;
		if (inuse_ask(&q, ret_answer, NULL) < 0)
			*ret_answer = NULL;
		else
			settle(*ret_answer, call, at, code);
	}
	/* strerror() may be called by several threads: glibc since 2.32, musl always. */
	return iu_fail(error, INUSE_E_REFUSED, code, step, _("%s on %s: %s"), step, iu_escape(address, shown, sizeof(shown)),
		       strerror(code));
}

static enum inuse_status resolve_words(const char *address, struct inuse_target *t, struct inuse_addr list[IU_MAX_ADDRS],
				       size_t *ret_n, struct inuse_error *error)
{
	enum inuse_status status;

	if (address == NULL)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the address is missing"));
	status = inuse_target_parse(address, t, error);
	return status < 0 ? status : iu_resolve(t, list, IU_MAX_ADDRS, ret_n, error);
}

/* The caller's options, or the defaults, with what INUSE_USUAL stands for here. False: not filled in. */
static bool take_options(const struct inuse_socket_options *options, enum inuse_call call, struct inuse_socket_options *ret)
{
	const struct inuse_socket_options *o = options ? options : &defaults;

	if (o->size < sizeof(*o))
		return false;
	*ret = *o;
	if ((ret->flags & INUSE_USUAL) != 0)
		ret->flags = (ret->flags & ~(uint32_t)INUSE_USUAL) | iu_usual_flags(IU_SYSTEM_HERE, call);
	return true;
}

enum inuse_status inuse_listen(const char *address, const struct inuse_socket_options *options, int *ret_fd,
			       struct inuse_answer **ret_answer, struct inuse_error *error)
{
	struct inuse_addr list[IU_MAX_ADDRS], local;
	struct inuse_socket_options o;
	struct inuse_target target;
	const char *step;
	enum inuse_status status;
	size_t n;
	int fd, code;

	if (!take_options(options, INUSE_CALL_LISTEN, &o) || ret_fd == NULL)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the options are not filled in"));
	status = resolve_words(address, &target, list, &n, error);
	if (status < 0)
		return status;
	/* a bare port: one socket for both families, and IPv4 alone where there is no IPv6 */
	local = target.kind == INUSE_TARGET_PORT ? iu_addr_any(6, list[0].port) : list[0];
	fd = make_bound(&local, &o, &step);
	if (fd < 0 && target.kind == INUSE_TARGET_PORT && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		local = iu_addr_any(4, local.port);
		fd = make_bound(&local, &o, &step);
	}
	if (fd < 0)
		return refused(errno, step, INUSE_CALL_LISTEN, address, &local, &o, ret_answer, error);
	if (listen(fd, o.backlog > 0 ? o.backlog : SOMAXCONN) < 0) {
		code = errno;
		iu_socket_close(fd);
		return refused(code, "listen", INUSE_CALL_LISTEN, address, &local, &o, ret_answer, error);
	}
	*ret_fd = fd;
	return INUSE_OK;
}

/* connect() that waits at most timeout_ms; 0, or -1 with errno set. */
static int connect_within(int fd, const struct sockaddr_storage *sa, socklen_t len, int timeout_ms, bool stay_nonblocking)
{
	int code = 0, rc;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t code_len = sizeof(code);

	if (timeout_ms <= 0 || stay_nonblocking) {
		rc = connect(fd, (const struct sockaddr *)sa, len);
		return rc < 0 && errno == EINPROGRESS && stay_nonblocking ? 0 : rc;
	}
	iu_socket_set_nonblocking(fd, true);
	rc = connect(fd, (const struct sockaddr *)sa, len);
	if (rc < 0 && errno == EINPROGRESS) {
		do
			rc = poll(&p, 1, timeout_ms);
		while (rc < 0 && errno == EINTR);
		if (rc == 0)
			code = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &code_len) < 0)
			code = errno;
		rc = code == 0 ? 0 : -1;
		errno = code;
	}
	if (rc == 0)
		iu_socket_set_nonblocking(fd, false);
	return rc;
}

static enum inuse_status local_for(const struct inuse_socket_options *o, const struct inuse_addr *remote,
				   struct inuse_addr *ret, struct inuse_error *error)
{
	struct inuse_addr list[IU_MAX_ADDRS];
	struct inuse_target target;
	enum inuse_status status;
	char shown[120];
	size_t n;

	*ret = iu_addr_any(remote->family, 0);
	if (o->from == NULL || inuse_addr_parse(o->from, ret, NULL) == INUSE_OK)
		return INUSE_OK;
	status = resolve_words(o->from, &target, list, &n, error);
	if (status < 0)
		return status;
	for (size_t i = 0; i < n; i++)
		if (list[i].family == remote->family) {
			*ret = list[i];
			return INUSE_OK;
		}
	return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("\"%s\" and the destination are not of the same family"),
		       iu_escape(o->from, shown, sizeof(shown)));
}

enum inuse_status inuse_connect(const char *address, const struct inuse_socket_options *options, int *ret_fd,
				struct inuse_answer **ret_answer, struct inuse_error *error)
{
	struct inuse_addr list[IU_MAX_ADDRS], local;
	struct inuse_socket_options o;
	struct inuse_target target;
	struct sockaddr_storage sa;
	const char *step = "connect";
	enum inuse_status status;
	int code = 0, fd;
	size_t n;

	if (!take_options(options, INUSE_CALL_CONNECT, &o) || ret_fd == NULL)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("the options are not filled in"));
	o.backlog = -1;
	status = resolve_words(address, &target, list, &n, error);
	for (size_t i = 0; status == INUSE_OK && i < n; i++) {
		status = local_for(&o, &list[i], &local, error);
		if (status < 0)
			return status;
		fd = make_bound(&local, &o, &step);
		if (fd >= 0) {
			step = "connect";
			if (connect_within(fd, &sa, iu_sockaddr_from(&list[i], &sa), o.timeout_ms, o.nonblocking) == 0) {
				*ret_fd = fd;
				return INUSE_OK;
			}
		}
		code = errno;
		if (fd >= 0)
			iu_socket_close(fd);
	}
	return status < 0 ? status : refused(code, step, INUSE_CALL_CONNECT, address, &list[n - 1], &o, ret_answer, error);
}
