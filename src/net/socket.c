/* SPDX-License-Identifier: MIT */
/* Sockets of our own making: exactly the options that were asked for, and the failing call by its name. */
#include "net/socket.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "compat/system.h"
#include "host/sockaddr.h"

struct inuse_addr iu_net_addr(const struct sockaddr_storage *sa)
{
	struct inuse_addr a = iu_sockaddr_to(sa);

	return iu_addr_unmapped(&a);
}

struct inuse_addr iu_net_local(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return (struct inuse_addr){0};
	return iu_net_addr(&ss);
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int make(int family)
{
	return socket(family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

/* Closes fd (-1 is fine) and fills the error from errno. sentence: a template for the address and the reason. */
static enum inuse_status fail(int fd, enum inuse_status status, const char *call, const char *sentence,
			      const struct inuse_addr *at, struct inuse_error *error)
{
	int os_code = errno;
	char text[INUSE_ADDR_TEXT];

	if (fd >= 0)
		iu_socket_close(fd);
	return iu_fail(error, status, os_code, call, sentence, inuse_addr_text(at, text), strerror(os_code));
}

static enum inuse_status unmade(int fd, const char *call, const struct inuse_addr *at, struct inuse_error *error)
{
	return fail(fd, INUSE_E_SYSTEM, call, _("cannot make a socket for %s: %s"), at, error);
}

static enum inuse_status refused(int fd, const char *call, const struct inuse_addr *at, struct inuse_error *error)
{
	return fail(fd, INUSE_E_REFUSED, call, _("cannot listen on %s: %s"), at, error);
}

/* net.ipv6.bindv6only decides where nothing is set, so the request says what the socket really is. */
static uint32_t flags_of(int fd, const struct iu_net_listener *what, const struct inuse_addr *at)
{
	int v6only = 0;
	socklen_t len = sizeof(v6only);

	if (at->family == 6 && getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &len) < 0)
		v6only = what->v6only;
	return (what->reuseaddr ? INUSE_REUSEADDR : 0) | (what->reuseport ? INUSE_REUSEPORT : 0) |
	       (v6only ? INUSE_V6ONLY : 0) |
	       (!what->reuseaddr && !iu_socket_reuse_is_harmless() ? INUSE_EXCLUSIVE : 0);
}

/* what->at is what the user said, and is shown; with family 0 net.ipv6.bindv6only must not decide. */
static enum inuse_status listen_at(const struct iu_net_listener *what, const struct inuse_addr *at,
				   struct inuse_request *request, int *ret_fd, struct inuse_error *error)
{
	struct sockaddr_storage ss;
	socklen_t len = iu_sockaddr_from(at, &ss);
	int fd = make(at->family);
	bool set_v6only = at->family == 6 && (what->at.family == 0 || what->v6only);

	*request = (struct inuse_request)INUSE_REQUEST_INIT;
	request->call = INUSE_CALL_LISTEN;
	request->uid = iu_system_user();
	request->local = *at;
	if (fd < 0)
		return unmade(fd, "socket", &what->at, error);
	if ((set_v6only && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, what->v6only) < 0) ||
	    (what->reuseaddr ? set(fd, SOL_SOCKET, SO_REUSEADDR, 1) : iu_socket_claim(fd)) < 0 ||
	    (what->reuseport && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0))
		return unmade(fd, "setsockopt", &what->at, error);
	request->flags = flags_of(fd, what, at);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return refused(fd, "bind", &what->at, error);
	if (listen(fd, what->backlog) < 0)
		return refused(fd, "listen", &what->at, error);
	*ret_fd = fd;
	return INUSE_OK;
}

enum inuse_status iu_net_listen(const struct iu_net_listener *what, struct inuse_request *request, int *ret_fd,
				struct inuse_error *error)
{
	struct inuse_addr at = what->at;
	struct inuse_error first = {0};
	enum inuse_status status;

	if (at.family != 0)
		return listen_at(what, &at, request, ret_fd, error);
	at = iu_addr_any(6, what->at.port);
	status = listen_at(what, &at, request, ret_fd, &first);
	/* a kernel without IPv6 has no such sockets (EAFNOSUPPORT) or no such address */
	if (status < 0 && !what->v6only && (first.os_code == EAFNOSUPPORT || first.os_code == EADDRNOTAVAIL)) {
		at = iu_addr_any(4, what->at.port);
		return listen_at(what, &at, request, ret_fd, error);
	}
	if (status < 0 && error != NULL)
		*error = first;
	return status;
}

enum inuse_status iu_net_client(const struct inuse_request *request, int *ret_fd, struct inuse_error *error)
{
	const struct inuse_addr *from = &request->local;
	int fd = make(request->remote.family);
	struct sockaddr_storage ss;
	socklen_t len;

	if (fd < 0)
		return unmade(fd, "socket", &request->remote, error);
	if ((request->flags & INUSE_REUSEADDR) != 0 && set(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
		return unmade(fd, "setsockopt", &request->remote, error);
	if (from->family != 0 && (from->port != 0 || !iu_addr_is_any(from))) {
		/* fails before Linux 4.2, where bind() then chooses the port: no harm */
		if (from->port == 0)
			set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		len = iu_sockaddr_from(from, &ss);
		if (bind(fd, (struct sockaddr *)&ss, len) < 0)
			return fail(fd, INUSE_E_REFUSED, "bind", _("cannot bind to %s: %s"), from, error);
	}
	*ret_fd = fd;
	return INUSE_OK;
}

void iu_net_linger(int fd, int seconds)
{
	struct linger linger = {seconds >= 0, seconds >= 0 ? seconds : 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
