/* SPDX-License-Identifier: MIT */
/* Devices, addresses and routes of the namespace, and sockets removed from it, through netlink. */
#include "base/error.h"
#include "base/gettext.h"
#include "lab/live.h"

#if INUSE_HAVE_MNL

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/netlink.h"

static int ignore(const struct nlmsghdr *message, void *arg)
{
	return MNL_CB_OK;
}

/* Sends one request; what: for the sentence. */
static enum inuse_status ask(int bus, struct nlmsghdr *request, const char *what, struct inuse_error *error)
{
	struct iu_netlink n;
	enum inuse_status status = iu_netlink_open(&n, bus, error);
	enum iu_netlink_end end;
	int code;

	if (status != INUSE_OK)
		return status;
	end = iu_netlink_ask(&n, request, ignore, NULL, &code);
	iu_netlink_done(&n);
	if (end == IU_NETLINK_DONE || end == IU_NETLINK_STOPPED)
		return INUSE_OK;
	return iu_fail(error, code == EPERM ? INUSE_E_PERMISSION : INUSE_E_UNSUPPORTED, code, what, _("%s is not possible here: %s"), what,
		       strerror(code));
}

static uint8_t family_of(const struct inuse_addr *a)
{
	return a->family == 6 ? AF_INET6 : AF_INET;
}

static uint16_t addr_len(const struct inuse_addr *a)
{
	return a->family == 6 ? 16 : 4;
}

enum inuse_status iu_lab_link(const char *device, bool up, struct inuse_error *error)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	request->nlmsg_type = RTM_NEWLINK;
	link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
	link->ifi_index = (int)if_nametoindex(device);
	link->ifi_change = IFF_UP;
	link->ifi_flags = up ? IFF_UP : 0;
	return ask(NETLINK_ROUTE, request, _("setting a device up or down"), error);
}

/* One end of a veth pair; the other, NAME.peer, stays here, too. */
enum inuse_status iu_lab_device(const char *name, struct inuse_error *error)
{
	char buffer[512] __attribute__((aligned(8))), peer[IFNAMSIZ + 2];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nlattr *info, *data, *other;
	enum inuse_status status;

	snprintf(peer, sizeof(peer), "%.13s.p", name);
	request->nlmsg_type = RTM_NEWLINK;
	request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(request, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, peer);
	mnl_attr_nest_end(request, other);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	status = ask(NETLINK_ROUTE, request, _("making a network device"), error);
	if (status == INUSE_OK)
		status = iu_lab_link(peer, true, error);
	return status == INUSE_OK ? iu_lab_link(name, true, error) : status;
}

/* Is this IPv6 address among the host's own on the device, so that packets for it are taken? */
static bool is_taken(const char *device, const struct inuse_addr *addr)
{
	char line[256], want[33], to[33], on[IFNAMSIZ];
	FILE *f = fopen("/proc/net/ipv6_route", "re");
	bool found = false;
	unsigned len, flags;

	for (int i = 0; i < 16; i++)
		snprintf(want + 2 * i, 3, "%02x", addr->ip[i]);
	/* to/len, from/len, by, metric, two counts, flags, device; the highest flag is RTF_LOCAL */
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %15s", to, &len, &flags, on) == 4 && len == 128 &&
			(flags & 0x80000000u) != 0 && strcmp(to, want) == 0 && strcmp(on, device) == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

/* The kernel begins to listen on a new IPv6 address some moments later (addrconf_dad_work()); at most 1 s is waited for it. */
static void wait_until_taken(const char *device, const struct inuse_addr *addr)
{
	for (int i = 0; i < 1000 && !is_taken(device, addr); i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static enum inuse_status add_address(const char *device, const struct inuse_addr *addr, unsigned prefix_len, unsigned flags,
				     struct inuse_error *error)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *message;

	request->nlmsg_type = RTM_NEWADDR;
	request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	message->ifa_family = family_of(addr);
	message->ifa_prefixlen = (uint8_t)prefix_len;
	message->ifa_index = if_nametoindex(device);
	message->ifa_flags = (uint8_t)flags;
	mnl_attr_put(request, IFA_LOCAL, addr_len(addr), addr->ip);
	mnl_attr_put(request, IFA_ADDRESS, addr_len(addr), addr->ip);
	return ask(NETLINK_ROUTE, request, _("adding an address"), error);
}

enum inuse_status iu_lab_address(const char *device, const struct inuse_addr *addr, unsigned prefix_len,
				 struct inuse_error *error)
{
	/* usable at once, without a look at who else has it */
	enum inuse_status status = add_address(device, addr, prefix_len, addr->family == 6 ? IFA_F_NODAD : 0, error);

	if (status == INUSE_OK && addr->family == 6)
		wait_until_taken(device, addr);
	return status;
}

enum inuse_status iu_lab_address_tentative(const char *device, const struct inuse_addr *addr, unsigned prefix_len,
					   struct inuse_error *error)
{
	char path[64];

	/* so often the kernel asks whether somebody else has it, once a second */
	snprintf(path, sizeof(path), "ipv6/conf/%s/dad_transmits", device);
	if (!iu_lab_write_setting(path, "1000"))
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("this kernel has no IPv6"));
	return add_address(device, addr, prefix_len, 0, error);
}

enum inuse_status iu_lab_remove(const char *device, struct inuse_error *error)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link;

	request->nlmsg_type = RTM_DELLINK;
	link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
	link->ifi_index = (int)if_nametoindex(device);
	return ask(NETLINK_ROUTE, request, _("removing a network device"), error);
}

enum inuse_status iu_lab_route(const char *kind, const struct inuse_addr *net, unsigned prefix_len, struct inuse_error *error)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message;

	request->nlmsg_type = RTM_NEWROUTE;
	request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	message->rtm_family = family_of(net);
	message->rtm_dst_len = (uint8_t)prefix_len;
	message->rtm_table = RT_TABLE_MAIN;
	message->rtm_protocol = RTPROT_STATIC;
	message->rtm_scope = RT_SCOPE_UNIVERSE;
	message->rtm_type = kind[0] == 'u' ? RTN_UNREACHABLE : kind[0] == 'p' ? RTN_PROHIBIT : RTN_BLACKHOLE;
	mnl_attr_put(request, RTA_DST, addr_len(net), net->ip);
	return ask(NETLINK_ROUTE, request, _("adding a route"), error);
}

/* The request that removes this socket, at buffer, of 256 bytes. */
static struct nlmsghdr *destroy_request(char *buffer, const struct inuse_socket *s)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *which;

	request->nlmsg_type = SOCK_DESTROY;
	which = mnl_nlmsg_put_extra_header(request, sizeof(*which));
	memset(which, 0, sizeof(*which));
	which->sdiag_family = s->local.family == 6 ? AF_INET6 : AF_INET;
	which->sdiag_protocol = IPPROTO_TCP;
	which->idiag_states = ~0u;
	which->id.idiag_if = s->device;
	which->id.idiag_sport = htons(s->local.port);
	which->id.idiag_dport = htons(s->remote.port);
	memcpy(which->id.idiag_src, s->local.ip, sizeof(which->id.idiag_src));
	memcpy(which->id.idiag_dst, s->remote.ip, sizeof(which->id.idiag_dst));
	which->id.idiag_cookie[0] = which->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return request;
}

enum inuse_status iu_lab_destroy(const struct inuse_socket *s, struct inuse_error *error)
{
	char buffer[256] __attribute__((aligned(8)));

	return ask(NETLINK_SOCK_DIAG, destroy_request(buffer, s), _("removing a socket (SOCK_DESTROY)"), error);
}

/* A kernel without SOCK_DESTROY says so of each request; that a socket is gone already is said of it alone. */
static bool all_refused(const struct iu_netlink *netlink)
{
	union {
		struct nlmsghdr header;
		char bytes[1024];
	} answer;
	ssize_t n = recv(mnl_socket_get_fd(netlink->socket), &answer, sizeof(answer), MSG_DONTWAIT);

	return n >= (ssize_t)mnl_nlmsg_size(sizeof(struct nlmsgerr)) && answer.header.nlmsg_type == NLMSG_ERROR &&
	       ((const struct nlmsgerr *)mnl_nlmsg_get_payload(&answer.header))->error != -ENOENT;
}

#define DESTROY_AT_ONCE 64

bool iu_lab_destroy_all(const struct inuse_socket *list, size_t n)
{
	char buffer[DESTROY_AT_ONCE * 128] __attribute__((aligned(8)));
	struct iu_netlink netlink;
	bool sent = iu_netlink_open(&netlink, NETLINK_SOCK_DIAG, NULL) == INUSE_OK;

	for (size_t i = 0; i < n && sent;) {
		size_t len = 0;

		/* only what fails is answered, so one message carries many */
		for (size_t k = 0; k < DESTROY_AT_ONCE && i < n; k++, i++) {
			struct nlmsghdr *request = destroy_request(buffer + len, &list[i]);

			request->nlmsg_flags = NLM_F_REQUEST;
			len += NLMSG_ALIGN(request->nlmsg_len);
		}
		sent = mnl_socket_sendto(netlink.socket, buffer, len) == (ssize_t)len && !all_refused(&netlink);
	}
	iu_netlink_done(&netlink);
	return sent;
}

static void put_quick(struct nlmsghdr *request)
{
	struct nlattr *metrics = mnl_attr_nest_start(request, RTA_METRICS);

	mnl_attr_put_u32(request, RTAX_QUICKACK, 1);
	mnl_attr_nest_end(request, metrics);
}

static struct nlmsghdr *local_route(char *buffer, uint16_t type, const char *text, unsigned prefix_len, const char *device)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct inuse_addr a;
	struct rtmsg *message;

	inuse_addr_parse(text, &a, NULL);
	request->nlmsg_type = type;
	request->nlmsg_flags = type == RTM_NEWROUTE ? NLM_F_CREATE | (a.family == 4 ? NLM_F_REPLACE : 0) : 0;
	message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	message->rtm_family = family_of(&a);
	message->rtm_dst_len = (uint8_t)prefix_len;
	message->rtm_table = RT_TABLE_LOCAL;
	message->rtm_protocol = RTPROT_KERNEL;
	message->rtm_scope = RT_SCOPE_HOST;
	message->rtm_type = RTN_LOCAL;
	mnl_attr_put(request, RTA_DST, addr_len(&a), a.ip);
	mnl_attr_put_u32(request, RTA_OIF, if_nametoindex(device));
	return request;
}

void iu_lab_quick_acks(void)
{
	static const struct {
		const char *addr;
		unsigned prefix_len;
		const char *source, *device;
	} routes[] = {
		{"127.0.0.0", 8, "127.0.0.1", "lo"},   {"127.0.0.1", 32, "127.0.0.1", "lo"},
		{"10.9.0.1", 32, "10.9.0.1", "v0"},    {"::1", 128, NULL, "lo"},
		{"fd00::2", 128, NULL, "lo"},          {"fe80::2", 128, NULL, "v0"},
	};
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *request;
	struct inuse_addr source;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		request = local_route(buffer, RTM_NEWROUTE, routes[i].addr, routes[i].prefix_len, routes[i].device);
		if (routes[i].source != NULL) {
			inuse_addr_parse(routes[i].source, &source, NULL);
			mnl_attr_put(request, RTA_PREFSRC, 4, source.ip);
		} else {
			mnl_attr_put_u32(request, RTA_PRIORITY, 1); /* behind the one of the kernel, which goes then */
		}
		put_quick(request);
		if (ask(NETLINK_ROUTE, request, _("adding a route"), NULL) == INUSE_OK && routes[i].source == NULL)
			ask(NETLINK_ROUTE, local_route(buffer, RTM_DELROUTE, routes[i].addr, routes[i].prefix_len, routes[i].device),
			    _("removing a route"), NULL);
	}
}

#else

static enum inuse_status absent(struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("this build has no netlink (libmnl)"));
}

enum inuse_status iu_lab_link(const char *device, bool up, struct inuse_error *error)
{
	return absent(error);
}

enum inuse_status iu_lab_device(const char *name, struct inuse_error *error)
{
	return absent(error);
}

enum inuse_status iu_lab_address(const char *device, const struct inuse_addr *addr, unsigned prefix_len,
				 struct inuse_error *error)
{
	return absent(error);
}

enum inuse_status iu_lab_address_tentative(const char *device, const struct inuse_addr *addr, unsigned prefix_len,
					   struct inuse_error *error)
{
	return absent(error);
}

enum inuse_status iu_lab_remove(const char *device, struct inuse_error *error)
{
	return absent(error);
}

enum inuse_status iu_lab_route(const char *kind, const struct inuse_addr *net, unsigned prefix_len, struct inuse_error *error)
{
	return absent(error);
}

enum inuse_status iu_lab_destroy(const struct inuse_socket *s, struct inuse_error *error)
{
	return absent(error);
}

bool iu_lab_destroy_all(const struct inuse_socket *list, size_t n)
{
	return false;
}

void iu_lab_quick_acks(void)
{
}

#endif
