/* SPDX-License-Identifier: MIT */
/* The call that is judged, made for real in a socket that is closed at once. */
#include "cure/try.h"

#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

bool iu_try_result_of(int code, enum inuse_result *ret_result)
{
	static const struct {
		int code;
		enum inuse_result result;
	} rows[] = {
		{0, INUSE_R_OK},
		{EINPROGRESS, INUSE_R_OK},
		{EADDRINUSE, INUSE_R_ADDRINUSE},
		{EADDRNOTAVAIL, INUSE_R_ADDRNOTAVAIL},
		{EACCES, INUSE_R_ACCES},
		{EINVAL, INUSE_R_INVAL},
		{ENODEV, INUSE_R_NODEV},
		{ENETUNREACH, INUSE_R_NETUNREACH},
		{EHOSTUNREACH, INUSE_R_HOSTUNREACH},
		{ECONNREFUSED, INUSE_R_CONNREFUSED},
		{ETIMEDOUT, INUSE_R_TIMEDOUT},
		{EPERM, INUSE_R_PERM},
		{EAFNOSUPPORT, INUSE_R_AFNOSUPPORT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code) {
			*ret_result = rows[i].result;
			return true;
		}
	return false;
}

static socklen_t to_sockaddr(const struct inuse_addr *a, int family, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	in6->sin6_scope_id = a->scope;
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof(*in6);
}

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static enum inuse_status set_failed(struct inuse_error *error, const char *step)
{
	enum inuse_status status = errno == EPERM || errno == EACCES ? INUSE_E_PERMISSION : INUSE_E_SYSTEM;

	return iu_fail(error, status, errno, step, _("the call cannot be tried: %s: %s"), step, strerror(errno));
}

static enum inuse_status prepare(int fd, int family, const struct inuse_request *r, struct inuse_error *error)
{
	bool six = family == AF_INET6;
	char device[IF_NAMESIZE];

	if ((r->flags & INUSE_REUSEADDR) && !set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return set_failed(error, "SO_REUSEADDR");
	if ((r->flags & INUSE_REUSEPORT) && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return set_failed(error, "SO_REUSEPORT");
	if (six && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, (r->flags & INUSE_V6ONLY) != 0))
		return set_failed(error, "IPV6_V6ONLY");
	/* the options of IPv6 are younger (4.15); those of IPv4 act on the same bits */
	if ((r->flags & INUSE_FREEBIND) && !(six && set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1)) &&
	    !set(fd, IPPROTO_IP, IP_FREEBIND, 1))
		return set_failed(error, "IP_FREEBIND");
	if ((r->flags & INUSE_TRANSPARENT) &&
	    !(six ? set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) : set(fd, IPPROTO_IP, IP_TRANSPARENT, 1)))
		return set_failed(error, "IP_TRANSPARENT");
	/* by name, as programs do it: SO_BINDTOIFINDEX takes any number */
	if (r->device != 0 && (if_indextoname(r->device, device) == NULL ||
			       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) != 0)) {
		errno = errno == ENXIO ? ENODEV : errno;
		return set_failed(error, "SO_BINDTODEVICE");
	}
	/* whose socket it is: linux v6.18 net/socket.c sockfs_setattr() */
	if (r->uid != geteuid() && fchown(fd, r->uid, (gid_t)-1) != 0)
		return set_failed(error, "fchown");
	return INUSE_OK;
}

/* A classic filter that lets nothing through; on a listener it sees the SYN: linux v6.18 tcp_v4_rcv(), tcp_filter() */
static bool drop_everything(int fd)
{
	struct sock_filter none = {BPF_RET | BPF_K, 0, 0, 0};
	struct sock_fprog program = {1, &none};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

static int try_connect(int fd, const struct sockaddr *remote, socklen_t len)
{
	struct linger reset = {1, 0};

	/*
	 * Fast Open without a cookie does everything that connect() decides here and leaves the SYN to the first
	 * send(), which never comes: linux v6.18 net/ipv4/tcp_fastopen.c tcp_fastopen_defer_connect(). Where the
	 * options are refused, the socket is reset on close, so that neither side keeps anything.
	 */
	if (set(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1))
		set(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return connect(fd, remote, len) == 0 ? 0 : errno;
}

/* The calls in their order; the errno of the one that fails, or 0. */
static int make_calls(int fd, int family, const struct inuse_request *r)
{
	struct sockaddr_storage sa;
	socklen_t len;

	if (r->call != INUSE_CALL_CONNECT || r->local.family != 0) {
		if (r->call == INUSE_CALL_CONNECT && r->local.port == 0)
			set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		len = to_sockaddr(&r->local, family, &sa);
		if (bind(fd, (struct sockaddr *)&sa, len) != 0)
			return errno;
	}
	if (r->call == INUSE_CALL_CONNECT) {
		len = to_sockaddr(&r->remote, family, &sa);
		return try_connect(fd, (struct sockaddr *)&sa, len);
	}
	if (r->call == INUSE_CALL_LISTEN) {
		drop_everything(fd);
		return listen(fd, 1) == 0 ? 0 : errno;
	}
	return 0;
}

static enum inuse_status check(const struct inuse_request *r, int *ret_family, struct inuse_error *error)
{
	int family = r->local.family ? r->local.family : r->remote.family;

	if (r->call == INUSE_CALL_ACCEPT)
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL,
			       _("what a connection meets can only be tried from the other side"));
	if (r->proto != INUSE_PROTO_TCP || (r->flags & (INUSE_REPAIR | INUSE_GROUP)) != 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("this call cannot be tried"));
	if (r->call == INUSE_CALL_CONNECT && r->local.family != 0 && r->remote.family != r->local.family)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("both addresses must be of the same family, IPv4 or IPv6"));
	if (r->call == INUSE_CALL_CONNECT && (r->remote.family == 0 || r->remote.port == 0))
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("connect needs an address and a port to connect to"));
	*ret_family = family == 6 ? AF_INET6 : AF_INET;
	return INUSE_OK;
}

enum inuse_status iu_try(const struct inuse_request *request, enum inuse_result *ret_result, struct inuse_error *error)
{
	enum inuse_status status;
	struct inuse_error why = {0};
	int family = AF_INET, fd, code;

	status = check(request, &family, error);
	if (status < 0)
		return status;
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    (request->flags & INUSE_MPTCP) ? IPPROTO_MPTCP : IPPROTO_TCP);
	if (fd < 0 && errno == EAFNOSUPPORT) {
		*ret_result = INUSE_R_AFNOSUPPORT;
		return INUSE_OK;
	}
	if (fd < 0)
		return set_failed(error, "socket");
	status = prepare(fd, family, request, &why);
	if (status < 0 && why.os_code == ENODEV) {
		*ret_result = INUSE_R_NODEV;
		status = INUSE_OK;
	} else if (status < 0 && error != NULL) {
		*error = why;
	} else if (status == INUSE_OK) {
		code = make_calls(fd, family, request);
		if (!iu_try_result_of(code, ret_result))
			status = iu_fail(error, INUSE_E_SYSTEM, code, "try",
					 _("the kernel refused for a reason of its own: %s"), strerror(code));
	}
	close(fd);
	return status;
}
