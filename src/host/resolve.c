/* SPDX-License-Identifier: MIT */
/* Names to addresses, through the system's resolver. */
#include "host/resolve.h"

#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "compat/socket.h"

static enum inuse_status find_service(const struct inuse_target *target, uint16_t *ret_port, struct inuse_error *error)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
	char shown[80];

	if (getaddrinfo(NULL, target->service, &hints, &list) != 0 || list == NULL)
		return iu_fail(error, INUSE_E_NO_HOST, 0, "getaddrinfo", _("there is no TCP service named \"%s\""),
			       iu_escape(target->service, shown, sizeof(shown)));
	*ret_port = ntohs(((struct sockaddr_in *)list->ai_addr)->sin_port);
	freeaddrinfo(list);
	return INUSE_OK;
}

static enum inuse_status find_scope(const char *name, uint32_t *ret_scope, struct inuse_error *error)
{
	char shown[80];

	*ret_scope = if_nametoindex(name);
	if (*ret_scope == 0)
		return iu_fail(error, INUSE_E_NO_HOST, 0, "if_nametoindex", _("there is no interface named \"%s\""),
			       iu_escape(name, shown, sizeof(shown)));
	return INUSE_OK;
}

static struct inuse_addr from_sockaddr(const struct sockaddr *sa, uint16_t port)
{
	struct inuse_addr a = {.port = port};

	if (sa->sa_family == AF_INET) {
		a.family = 4;
		memcpy(a.ip, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		a.family = 6;
		memcpy(a.ip, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
		a.scope = ((const struct sockaddr_in6 *)sa)->sin6_scope_id;
	}
	return a;
}

static bool listed(const struct inuse_addr *list, size_t n, const struct inuse_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].family == a->family && iu_addr_same(&list[i], a))
			return true;
	return false;
}

static enum inuse_status find_host(const struct inuse_target *target, uint16_t port, struct inuse_addr *ret, size_t max,
				   size_t *ret_n, struct inuse_error *error)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
	char shown[300];
	size_t n = 0;
	int rc = getaddrinfo(target->host, NULL, &hints, &list);

	if (rc != 0)
		return iu_fail(error, INUSE_E_NO_HOST, 0, "getaddrinfo", _("cannot resolve \"%s\": %s"),
			       iu_escape(target->host, shown, sizeof(shown)), gai_strerror(rc));
	for (struct addrinfo *ai = list; ai != NULL && n < max; ai = ai->ai_next) {
		struct inuse_addr a = from_sockaddr(ai->ai_addr, port);

		if (a.family != 0 && !listed(ret, n, &a))
			ret[n++] = a;
	}
	freeaddrinfo(list);
	if (n == 0)
		return iu_fail(error, INUSE_E_NO_HOST, 0, "getaddrinfo", _("\"%s\" has no address"),
			       iu_escape(target->host, shown, sizeof(shown)));
	*ret_n = n;
	return INUSE_OK;
}

enum inuse_status iu_resolve(const struct inuse_target *target, struct inuse_addr *ret, size_t max, size_t *ret_n,
			     struct inuse_error *error)
{
	uint16_t port = target->addr.port;
	enum inuse_status status = INUSE_OK;

	if (target->service[0] != 0)
		status = find_service(target, &port, error);
	if (status < 0)
		return status;
	switch (target->kind) {
	case INUSE_TARGET_PORT:
		ret[0] = iu_addr_any(4, port);
		if (max > 1)
			ret[1] = iu_addr_any(6, port);
		*ret_n = max > 1 ? 2 : 1;
		return INUSE_OK;
	case INUSE_TARGET_ADDR:
		ret[0] = target->addr;
		ret[0].port = port;
		*ret_n = 1;
		if (target->scope_name[0] != 0)
			return find_scope(target->scope_name, &ret[0].scope, error);
		return INUSE_OK;
	case INUSE_TARGET_HOST:
		return find_host(target, port, ret, max, ret_n, error);
	default:
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("a TCP address is needed here, not the path of a unix socket"));
	}
}
