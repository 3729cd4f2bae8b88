/* SPDX-License-Identifier: MIT */
/*
 * What routing says of each destination of a connect(): the source address it would pick, or the error.
 *
 * The kernel is asked with RTM_GETROUTE, one destination at a time; it runs the very lookup that connect() runs, rules
 * of policy routing included, and sends nothing. A v4-mapped destination is looked up as IPv4.
 */
#include "host/routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/address.h"
#include "host/netlink.h"
#include "host/sources.h"

enum inuse_result iu_route_result_from_errno(int os_code)
{
	switch (os_code) {
	case 0:
		return INUSE_R_OK;
	case EHOSTUNREACH:
		return INUSE_R_HOSTUNREACH;
	case EACCES:
		return INUSE_R_ACCES;
	case EPERM:
		return INUSE_R_PERM;
	case EINVAL:
		return INUSE_R_INVAL;
	case ENODEV:
	case ENXIO:
		return INUSE_R_NODEV;
	case EADDRNOTAVAIL:
		return INUSE_R_ADDRNOTAVAIL;
	case EAFNOSUPPORT:
		return INUSE_R_AFNOSUPPORT;
	default:
		return INUSE_R_NETUNREACH;
	}
}

enum inuse_result iu_route_result_from_type(unsigned rtm_type)
{
	/* linux v6.18 net/ipv4/fib_semantics.c fib_props[]; net/ipv4/tcp_ipv4.c tcp_v4_connect() for the first two. */
	switch (rtm_type) {
	case RTN_MULTICAST:
	case RTN_BROADCAST:
	case RTN_THROW:
		return INUSE_R_NETUNREACH;
	case RTN_UNREACHABLE:
		return INUSE_R_HOSTUNREACH;
	case RTN_PROHIBIT:
		return INUSE_R_ACCES;
	case RTN_BLACKHOLE:
		return INUSE_R_INVAL;
	default:
		return INUSE_R_OK;
	}
}

struct inuse_addr iu_route_destination(const struct inuse_addr *remote, const struct inuse_addr *from)
{
	struct inuse_addr to = iu_addr_unmapped(remote), source = iu_addr_any(to.family, 0);

	if (!iu_addr_is_any(&to))
		return to;
	if (from != NULL)
		source = iu_addr_unmapped(from);
	/* linux v6.18 net/ipv4/route.c ip_route_output_key_hash_rcu(): then the destination is the source. */
	if (to.family == 4 && source.family == 4 && !iu_addr_is_any(&source)) {
		memcpy(to.ip, source.ip, 4);
	} else if (to.family == 4) {
		to.ip[0] = 127;
		to.ip[3] = 1;
	} else if (from != NULL && iu_addr_is_mapped(from)) {
		/* linux v6.18 net/ipv6/tcp_ipv6.c tcp_v6_connect() */
		to = (struct inuse_addr){.family = 4, .port = to.port, .ip = {127, 0, 0, 1}};
	} else {
		to.ip[15] = 1;
	}
	return to;
}

/* What is asked, and where the answer goes. */
struct lookup {
	struct inuse_addr to;
	struct iu_route *route;
	bool answered;
	unsigned type; /* RTN_*, of the answer */
};

static int on_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct lookup *look = arg;
	size_t len = look->to.family == 4 ? 4 : 16;
	struct iu_attrs attrs;

	if (!iu_attrs_of(message, sizeof(*header), &attrs))
		return MNL_CB_ERROR;
	if (message->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	look->answered = true;
	look->type = header->rtm_type;
	look->route->result = iu_route_result_from_type(header->rtm_type);
	if (iu_attrs_has(&attrs, RTA_OIF, 4))
		look->route->device = mnl_attr_get_u32(attrs.at[RTA_OIF]);
	if (iu_attrs_has(&attrs, RTA_PREFSRC, len)) {
		look->route->source.family = look->to.family;
		memcpy(look->route->source.ip, mnl_attr_get_payload(attrs.at[RTA_PREFSRC]), len);
	}
	return MNL_CB_OK;
}

static void put_addr(struct nlmsghdr *request, uint16_t type, const struct inuse_addr *a)
{
	mnl_attr_put(request, type, a->family == 4 ? 4 : 16, a->ip);
}

static uint32_t scope_of(const struct inuse_addr *a)
{
	return a != NULL && iu_addr_is_link_local6(a) ? a->scope : 0;
}

/*
 * What the socket is bound to when it looks for its way; 0: to nothing. Its own link-local address binds it, whatever device was set
 * before, and else that which it dials.
 */
static uint32_t device_of(const struct iu_scope *scope, const struct inuse_addr *to)
{
	uint32_t by_from = scope_of(scope->route_from), device = by_from != 0 ? by_from : scope->route_device;

	return device != 0 ? device : scope_of(to);
}

static struct nlmsghdr *make_request(char *buffer, const struct iu_scope *scope, const struct inuse_addr *to,
				     const struct inuse_addr *source)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *header;
	uint32_t device = device_of(scope, to);
	uint8_t bits = to->family == 4 ? 32 : 128;

	request->nlmsg_type = RTM_GETROUTE;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->rtm_family = to->family == 4 ? AF_INET : AF_INET6;
	header->rtm_dst_len = bits;
	put_addr(request, RTA_DST, to);
	if (source != NULL) {
		header->rtm_src_len = bits;
		put_addr(request, RTA_SRC, source);
	}
	if (device != 0)
		mnl_attr_put_u32(request, RTA_OIF, device);
	if (scope->route_mark != 0)
		mnl_attr_put_u32(request, RTA_MARK, scope->route_mark);
	return request;
}

/* False if the kernel gave no answer at all. */
static bool look_up(const struct iu_scope *scope, const struct inuse_addr *remote, struct iu_route *route)
{
	struct lookup look = {.to = iu_route_destination(remote, scope->route_from), .route = route};
	struct inuse_addr source = {0};
	enum iu_netlink_end end;
	struct iu_netlink n;
	char buffer[256];
	int os_code;

	if (scope->route_from != NULL)
		source = iu_addr_unmapped(scope->route_from);
	/* Another family than the destination's: connect() fails before it comes to routing, or the wildcard fits. */
	if (source.family != look.to.family || iu_addr_is_any(&source))
		source.family = 0;
	if (iu_addr_is_link_local6(&look.to) && device_of(scope, &look.to) == 0) {
		route->result = INUSE_R_INVAL; /* linux v6.18 net/ipv6/tcp_ipv6.c tcp_v6_connect() */
		return true;
	}
	if (iu_addr_is_multicast(&look.to)) {
		route->result = INUSE_R_NETUNREACH; /* the same, and tcp_v4_connect() */
		return true;
	}
	if (iu_netlink_open(&n, NETLINK_ROUTE, NULL) != INUSE_OK)
		return false;
	end = iu_netlink_ask(&n, make_request(buffer, scope, &look.to, source.family ? &source : NULL), on_route, &look,
			     &os_code);
	iu_netlink_done(&n);
	if (end == IU_NETLINK_REFUSED)
		route->result = iu_route_result_from_errno(os_code);
	else if (!look.answered)
		return false;
	if (route->result == INUSE_R_OK && route->source.family == 0 && source.family != 0)
		route->source = source; /* the kernel repeats no source that it was given */
	route->source = iu_addr_as_family(&route->source, remote->family); /* as getsockname() would show it */
	return true;
}

/*
 * bind() keeps an IPv4 address that many hear to receive alone, and connect() dials from the one that the route has: linux v6.18
 * net/ipv4/af_inet.c __inet_bind(), "Use device". connect/from-an-address-of-many
 */
static bool is_of_many(const struct iu_scope *scope, const struct inuse_addr *from)
{
	struct iu_route route = {.remote = *from};
	struct lookup look = {.to = *from, .route = &route};
	struct iu_netlink n;
	char buffer[256];
	int os_code;

	if (from->family != 4)
		return false;
	if (iu_addr_is_multicast(from) || iu_addr_is_limited_broadcast(from))
		return true;
	if (iu_netlink_open(&n, NETLINK_ROUTE, NULL) != INUSE_OK)
		return false;
	iu_netlink_ask(&n, make_request(buffer, &(struct iu_scope){.route_mark = scope->route_mark}, from, NULL), on_route, &look, &os_code);
	iu_netlink_done(&n);
	return look.answered && look.type == RTN_BROADCAST;
}

enum inuse_status iu_routes_read(struct inuse_snapshot *s, const struct iu_scope *scope, struct inuse_error *error)
{
	struct iu_scope asked = *scope;
	struct iu_netlink n;
	enum inuse_status status;

	if (scope->n_routes == 0)
		return INUSE_OK;
	status = iu_netlink_open(&n, NETLINK_ROUTE, error);
	if (status < 0)
		return status;
	iu_netlink_done(&n);
	if (asked.route_from != NULL && is_of_many(scope, asked.route_from))
		asked.route_from = NULL;
	for (size_t i = 0; i < scope->n_routes; i++) {
		struct iu_route route = {.remote = scope->routes[i]};

		if (look_up(&asked, &scope->routes[i], &route))
			iu_snapshot_add_route(s, &route);
	}
	return INUSE_OK;
}
