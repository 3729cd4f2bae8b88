/* SPDX-License-Identifier: MIT */
/* The call that is judged, made for real in a socket that is closed at once. What is Linux's or Windows' own: try_own.h. */
#include "cure/try.h"

#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "compat/socket.h"
#include "cure/try_own.h"
#include "host/explain.h"
#include "host/sockaddr.h"

bool iu_try_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

enum inuse_status iu_try_set_failed(struct inuse_error *error, const char *step)
{
	enum inuse_status status = errno == EPERM || errno == EACCES ? INUSE_E_PERMISSION : INUSE_E_SYSTEM;

	return iu_fail(error, status, errno, step, _("the call cannot be tried: %s: %s"), step, strerror(errno));
}

/* The calls in their order; the errno of the one that fails, or 0. */
static int make_calls(int fd, const struct inuse_request *r)
{
	struct linger reset = {1, 0};
	struct sockaddr_storage sa;

	if (r->call != INUSE_CALL_CONNECT || r->local.family != 0) {
		if (r->call == INUSE_CALL_CONNECT && r->local.port == 0)
			iu_try_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, (struct sockaddr *)&sa, iu_sockaddr_from(&r->local, &sa)) != 0)
			return errno;
	}
	if (r->call == INUSE_CALL_CONNECT) {
		/* whatever comes about is reset on close, so that neither side keeps anything */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		return iu_try_connect(fd, (struct sockaddr *)&sa, iu_sockaddr_from(&r->remote, &sa));
	}
	if (r->call == INUSE_CALL_LISTEN) {
		iu_try_hush(fd);
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
		    (request->flags & INUSE_MPTCP) ? IU_TRY_MPTCP : IPPROTO_TCP);
	if (fd < 0 && errno == EAFNOSUPPORT) {
		*ret_result = INUSE_R_AFNOSUPPORT;
		return INUSE_OK;
	}
	if (fd < 0)
		return iu_try_set_failed(error, "socket");
	status = iu_try_prepare(fd, request, &why);
	if (status < 0 && why.os_code == ENODEV) {
		*ret_result = INUSE_R_NODEV;
		status = INUSE_OK;
	} else if (status < 0 && error != NULL) {
		*error = why;
	} else if (status == INUSE_OK) {
		code = make_calls(fd, request);
		if (!iu_result_of_errno(code, ret_result))
			status = iu_fail(error, INUSE_E_SYSTEM, code, "try",
					 _("the kernel refused for a reason of its own: %s"), strerror(code));
	}
	iu_socket_close(fd);
	return status;
}
