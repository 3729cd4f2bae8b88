/* SPDX-License-Identifier: MIT */
/*
 * Addresses one may bind, and devices, through rtnetlink.
 *
 * Theory of operation
 *
 * IPv4: bind() looks the address up in the routing table "local" (linux v6.18 net/ipv4/af_inet.c __inet_bind(),
 * inet_addr_type_table()), so that is what is read here, not the list of addresses: 127.0.0.0/8 is in it as a whole,
 * and so is what `ip route add local ...` adds. A namespace in which no IPv4 address was ever configured has no such
 * table, and then every address counts as bindable; the kernel tells an absent table (ENOENT) from an empty one only
 * when asked to be strict.
 * IPv6: bind() looks into the list of addresses (linux v6.18 net/ipv6/addrconf.c ipv6_chk_addr()); a tentative one that
 * is not optimistic is not there yet. One whose duplicate was found stays tentative for ever.
 * Not handled: addresses that are local only within a VRF.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "host/netlink.h"
#include "host/sources.h"

#define TRIES 3

struct reader {
	struct inuse_snapshot *snapshot;
	size_t n_v4;
	bool strict;
};

/* One request, and who reads its answer. */
struct question {
	uint16_t type;
	size_t header_len;
	mnl_cb_t fn;
	union {
		struct rtmsg route;
		struct ifaddrmsg addr;
		struct ifinfomsg link;
	} header;
};

static int on_route(const struct nlmsghdr *message, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct reader *r = arg;
	struct iu_local local = {.addr.family = 4};
	struct iu_attrs attrs;
	uint32_t table;

	if (!iu_attrs_of(message, sizeof(*route), &attrs))
		return MNL_CB_ERROR;
	table = iu_attrs_has(&attrs, RTA_TABLE, 4) ? mnl_attr_get_u32(attrs.at[RTA_TABLE]) : route->rtm_table;
	if (route->rtm_family != AF_INET || table != RT_TABLE_LOCAL)
		return MNL_CB_OK;
	r->n_v4++;
	if (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_BROADCAST)
		return MNL_CB_OK;
	if (iu_attrs_has(&attrs, RTA_DST, 4))
		memcpy(local.addr.ip, mnl_attr_get_payload(attrs.at[RTA_DST]), 4);
	if (iu_attrs_has(&attrs, RTA_OIF, 4))
		local.device = mnl_attr_get_u32(attrs.at[RTA_OIF]);
	local.prefix_len = route->rtm_dst_len;
	local.broadcast = route->rtm_type == RTN_BROADCAST;
	iu_snapshot_add_local(r->snapshot, &local);
	return MNL_CB_OK;
}

static int on_addr(const struct nlmsghdr *message, void *arg)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	struct reader *r = arg;
	struct iu_local local = {.addr.family = 6, .prefix_len = 128};
	struct iu_attrs attrs;
	uint32_t flags;
	int which;

	if (!iu_attrs_of(message, sizeof(*header), &attrs))
		return MNL_CB_ERROR;
	/* With a peer, IFA_ADDRESS is the peer's. */
	which = iu_attrs_has(&attrs, IFA_LOCAL, 16) ? IFA_LOCAL : IFA_ADDRESS;
	if (header->ifa_family != AF_INET6 || !iu_attrs_has(&attrs, which, 16))
		return MNL_CB_OK;
	flags = iu_attrs_has(&attrs, IFA_FLAGS, 4) ? mnl_attr_get_u32(attrs.at[IFA_FLAGS]) : header->ifa_flags;
	memcpy(local.addr.ip, mnl_attr_get_payload(attrs.at[which]), 16);
	local.device = header->ifa_index;
	if (local.addr.ip[0] == 0xfe && (local.addr.ip[1] & 0xc0) == 0x80)
		local.addr.scope = header->ifa_index;
	local.tentative = (flags & IFA_F_DADFAILED) != 0 ||
			  ((flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0);
	iu_snapshot_add_local(r->snapshot, &local);
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *message, void *arg)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	struct reader *r = arg;
	struct iu_device device = {0};
	struct iu_attrs attrs;

	if (!iu_attrs_of(message, sizeof(*header), &attrs))
		return MNL_CB_ERROR;
	if (!iu_attrs_has(&attrs, IFLA_IFNAME, 1))
		return MNL_CB_OK;
	device.index = (uint32_t)header->ifi_index;
	device.up = (header->ifi_flags & IFF_UP) != 0;
	device.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
	device.name = iu_snapshot_string_n(r->snapshot, mnl_attr_get_payload(attrs.at[IFLA_IFNAME]),
					   strnlen(mnl_attr_get_payload(attrs.at[IFLA_IFNAME]),
						   mnl_attr_get_payload_len(attrs.at[IFLA_IFNAME])));
	iu_snapshot_add_device(r->snapshot, &device);
	return MNL_CB_OK;
}

/*
 * Asks until the answer is whole, at most TRIES times. What a broken answer brought stays: twice the same row in a list
 * of what may be bound changes nothing. *ret_os_code: why the kernel refused, 0 when it did not.
 */
static enum iu_netlink_end ask(struct reader *r, const struct question *q, int *ret_os_code)
{
	char buffer[256];
	enum iu_netlink_end end = IU_NETLINK_BROKEN;

	for (int i = 0; i < TRIES && end == IU_NETLINK_BROKEN; i++) {
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		struct iu_netlink n;

		if (iu_netlink_open(&n, NETLINK_ROUTE, NULL) != INUSE_OK) {
			*ret_os_code = EPROTONOSUPPORT;
			return IU_NETLINK_REFUSED;
		}
		r->strict = iu_netlink_strict(&n);
		r->n_v4 = 0;
		request->nlmsg_type = q->type;
		request->nlmsg_flags = NLM_F_DUMP;
		memcpy(mnl_nlmsg_put_extra_header(request, q->header_len), &q->header, q->header_len);
		end = iu_netlink_ask(&n, request, q->fn, r, ret_os_code);
		iu_netlink_done(&n);
	}
	return end;
}

enum inuse_status iu_locals_read(struct inuse_snapshot *s, struct inuse_error *error)
{
	static const struct question routes = {
		RTM_GETROUTE, sizeof(struct rtmsg), on_route,
		{.route = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_LOCAL}}};
	static const struct question addrs = {
		RTM_GETADDR, sizeof(struct ifaddrmsg), on_addr, {.addr = {.ifa_family = AF_INET6}}};
	static const struct question links = {
		RTM_GETLINK, sizeof(struct ifinfomsg), on_link, {.link = {.ifi_family = AF_UNSPEC}}};
	struct iu_facts *facts = iu_snapshot_scalars(s);
	struct reader r = {.snapshot = s};
	enum iu_netlink_end end;
	struct iu_netlink n;
	enum inuse_status status = iu_netlink_open(&n, NETLINK_ROUTE, error);
	bool v4, v6, devices;
	int os_code = 0;

	if (status < 0)
		return status;
	iu_netlink_done(&n);
	end = ask(&r, &routes, &os_code);
	facts->no_v4_table = end == IU_NETLINK_REFUSED && os_code == ENOENT && r.strict;
	/* An older kernel does not tell no table from an empty one. */
	v4 = facts->no_v4_table || (end == IU_NETLINK_DONE && (r.strict || r.n_v4 > 0));
	v6 = ask(&r, &addrs, &os_code) == IU_NETLINK_DONE;
	devices = ask(&r, &links, &os_code) == IU_NETLINK_DONE;
	facts->locals_known = v4 && v6 && devices;
	return INUSE_OK;
}
