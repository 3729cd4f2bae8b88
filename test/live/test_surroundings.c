/* SPDX-License-Identifier: MIT */
/* Settings, addresses and routes of a namespace as the kernel has them. */
#include "support/live.h"

#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/address.h"
#include "host/settings.h"
#include "host/sources.h"

static struct inuse_addr addr(const char *text)
{
	struct inuse_addr a;

	assert_int_equal(inuse_addr_parse(text, &a, NULL), INUSE_OK);
	return a;
}

static void need_netlink(void)
{
	if (!INUSE_HAVE_MNL)
		live_skip("this build has no netlink");
}

/* ------------------------------------------------------------------------------------------------ settings */

static struct iu_facts settings_now(struct inuse_snapshot **ret)
{
	*ret = iu_snapshot_new();
	assert_int_equal(iu_settings_read(*ret, NULL), INUSE_OK);
	assert_int_equal(iu_snapshot_seal(*ret, NULL), INUSE_OK);
	return *iu_snapshot_facts(*ret);
}

static void test_settings__changed_in_this_namespace__read_from_it(void **state)
{
	struct inuse_snapshot *s;
	struct iu_facts f;
	struct stat st;

	live_sysctl("net.ipv4.ip_local_port_range", "20000 20100");
	live_sysctl("net.ipv4.ip_local_reserved_ports", "20001-20003,20050");
	live_sysctl("net.ipv4.ip_unprivileged_port_start", "80");
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	f = settings_now(&s);
	assert_int_equal(f.settings[IU_SET_RANGE_FIRST], 20000);
	assert_int_equal(f.settings[IU_SET_RANGE_LAST], 20100);
	assert_int_equal(f.settings[IU_SET_UNPRIVILEGED_PORT_START], 80);
	assert_int_equal(f.settings[IU_SET_TIMESTAMPS], 0);
	assert_int_equal(f.settings[IU_SET_FIN_TIMEOUT], 60);
	assert_int_equal(f.settings_known, (1u << IU_N_SETTINGS) - 1);
	assert_int_equal(f.n_reserved, 2);
	assert_int_equal(f.reserved[0].first, 20001);
	assert_int_equal(f.reserved[0].last, 20003);
	assert_int_equal(f.reserved[1].last, 20050);
	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	assert_int_equal(f.netns, st.st_ino);
	assert_true(f.hz == 100 || f.hz == 250 || f.hz == 300 || f.hz == 1000);
	assert_true(f.kernel >= IU_KERNEL(3, 0));
	assert_true(f.now_ns > 0 && f.now_ns <= iu_host_now());
	iu_snapshot_free(s);
}

static void test_settings__ipv6_disabled__says_so(void **state)
{
	struct inuse_snapshot *s;

	live_need_ipv6();
	assert_int_equal(settings_now(&s).settings[IU_SET_IPV6], 0);
	iu_snapshot_free(s);
	live_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
	assert_int_equal(settings_now(&s).settings[IU_SET_IPV6], 1);
	iu_snapshot_free(s);
}

/* --------------------------------------------------------------------------------------------------- locals */

static const struct iu_facts *locals_now(struct inuse_snapshot **ret)
{
	*ret = iu_snapshot_new();
	assert_int_equal(iu_locals_read(*ret, NULL), INUSE_OK);
	assert_int_equal(iu_snapshot_seal(*ret, NULL), INUSE_OK);
	return iu_snapshot_facts(*ret);
}

/* The row with the longest prefix that the address is in, or NULL. */
static const struct iu_local *local_of(const struct iu_facts *f, const char *text)
{
	struct inuse_addr a = addr(text);
	const struct iu_local *best = NULL;

	for (size_t i = 0; i < f->n_locals; i++)
		if (iu_addr_in(&a, &f->locals[i].addr, f->locals[i].prefix_len) &&
		    (best == NULL || f->locals[i].prefix_len > best->prefix_len))
			best = &f->locals[i];
	return best;
}

/* The facts and bind() agree on whether the address is local. */
static void agree(const struct iu_facts *f, const char *text, bool local)
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	const char *with_port = family == AF_INET6 ? live_text("[%s]:0", text) : live_text("%s:0", text);
	const struct iu_local *found = local_of(f, text);
	int code = live_try_bind(with_port, 0);
	bool bindable = f->no_v4_table && family == AF_INET ? true : found != NULL && !found->tentative;

	if (bindable != local || code != (local ? 0 : EADDRNOTAVAIL))
		fail_msg("%s: facts say %d, bind() says %s, expected %d", text, bindable, strerror(code), local);
}

static void test_locals__loopback_broadcast_anyip__as_bind_has_it(void **state)
{
	struct inuse_snapshot *s;
	const struct iu_facts *f;

	need_netlink();
	live_ip("link add d0 type veth peer name d1");
	live_ip("addr add 10.1.2.3/24 broadcast 10.1.2.255 dev d0");
	live_ip("link set d0 up");
	live_ip("link set d1 up");
	live_ip("route add local 198.51.100.0/24 dev lo");
	f = locals_now(&s);
	assert_true(f->locals_known);
	assert_false(f->no_v4_table);
	agree(f, "127.0.0.1", true);
	agree(f, "127.9.8.7", true);
	agree(f, "10.1.2.3", true);
	agree(f, "10.1.2.255", true);
	assert_true(local_of(f, "10.1.2.255")->broadcast);
	agree(f, "10.1.2.4", false);
	agree(f, "198.51.100.77", true);
	agree(f, "192.0.2.1", false);
	iu_snapshot_free(s);
}

static void test_locals__devices__name_state_and_loopback(void **state)
{
	struct inuse_snapshot *s;
	const struct iu_facts *f;
	unsigned seen = 0;

	live_ip("link add d0 type veth peer name d1");
	f = locals_now(&s);
	for (size_t i = 0; i < f->n_devices; i++) {
		const struct iu_device *d = &f->devices[i];

		if (strcmp(d->name, "lo") == 0) {
			assert_true(d->up && d->loopback && d->index == 1);
			seen |= 1;
		}
		if (strcmp(d->name, "d0") == 0) {
			assert_true(!d->up && !d->loopback && d->index > 1);
			seen |= 2;
		}
	}
	assert_int_equal(seen, 3);
	iu_snapshot_free(s);
}

static void test_locals__built_without_netlink__known_to_be_incomplete(void **state)
{
	struct inuse_snapshot *s;

	if (INUSE_HAVE_MNL)
		live_skip("this build has netlink");
	assert_false(locals_now(&s)->locals_known);
	assert_non_null(local_of(iu_snapshot_facts(s), "127.1.2.3"));
	iu_snapshot_free(s);
}

static void test_locals__interface_down__still_bindable(void **state)
{
	struct inuse_snapshot *s;

	live_ip("link add d0 type veth peer name d1");
	live_ip("addr add 10.1.2.3/24 dev d0");
	agree(locals_now(&s), "10.1.2.3", true);
	iu_snapshot_free(s);
}

static void test_locals__tentative_ipv6__not_bindable_yet(void **state)
{
	struct inuse_snapshot *s;
	const struct iu_facts *f;

	need_netlink();
	live_need_ipv6();
	/* The other end stays down: without a carrier no duplicate can be looked for, and it stays tentative. */
	live_ip("link add v0 type veth peer name v1");
	live_ip("link set v0 up");
	live_ip("addr add 2001:db8::1/64 dev v0");
	live_ip("addr add 2001:db8::2/64 dev v0 nodad");
	f = locals_now(&s);
	assert_true(f->locals_known);
	assert_non_null(local_of(f, "2001:db8::1"));
	assert_true(local_of(f, "2001:db8::1")->tentative);
	agree(f, "2001:db8::1", false);
	agree(f, "2001:db8::2", true);
	agree(f, "::1", true);
	agree(f, "2001:db8::3", false);
	iu_snapshot_free(s);
}

static void test_locals__anyip_of_ipv6__is_not_bindable(void **state)
{
	struct inuse_snapshot *s;

	live_need_ipv6();
	live_ip("-6 route add local 2001:db8:1::/64 dev lo");
	agree(locals_now(&s), "2001:db8:1::5", false);
	iu_snapshot_free(s);
}

static void test_locals__no_address_ever__every_ipv4_address_is_bindable(void **state)
{
	struct inuse_snapshot *s;
	const struct iu_facts *f;

	need_netlink();
	assert_int_equal(unshare(CLONE_NEWNET), 0); /* lo stays down */
	f = locals_now(&s);
	assert_true(f->no_v4_table);
	assert_true(f->locals_known);
	agree(f, "192.0.2.1", true);
	iu_snapshot_free(s);
	live_ip("link set lo up");
	live_ip("link set lo down");
	f = locals_now(&s);
	assert_false(f->no_v4_table);
	agree(f, "192.0.2.1", false);
	iu_snapshot_free(s);
}

/* --------------------------------------------------------------------------------------------------- routes */

static struct iu_route route_to(const char *remote, const char *from, uint32_t device)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct inuse_addr to = addr(remote), source = from ? addr(from) : (struct inuse_addr){0};
	struct iu_scope scope = {.routes = &to, .n_routes = 1, .route_from = from ? &source : NULL,
				 .route_device = device};
	struct iu_route route;

	assert_int_equal(iu_routes_read(s, &scope, NULL), INUSE_OK);
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	assert_int_equal(iu_snapshot_facts(s)->n_routes, 1);
	route = iu_snapshot_facts(s)->routes[0];
	assert_true(memcmp(&route.remote, &to, sizeof(to)) == 0);
	iu_snapshot_free(s);
	return route;
}

static void check_source(const char *remote, const char *from, const char *source)
{
	struct iu_route route = route_to(remote, from, 0);
	char text[INUSE_ADDR_TEXT];

	if (route.result != INUSE_R_OK || strcmp(iu_addr_host_text(&route.source, text), source) != 0)
		fail_msg("%s: result %d, source %s, expected %s", remote, route.result, text, source);
}

static void test_routes__reachable__the_source_connect_would_pick(void **state)
{
	need_netlink();
	live_ip("link add d0 type veth peer name d1");
	live_ip("addr add 10.1.2.3/24 dev d0");
	live_ip("addr add 10.1.2.4/24 dev d0");
	live_ip("link set d0 up");
	live_ip("link set d1 up");
	check_source("127.0.0.1", NULL, "127.0.0.1");
	check_source("127.0.0.5", NULL, "127.0.0.1");
	check_source("10.1.2.3", NULL, "10.1.2.3");
	check_source("10.1.2.99", NULL, "10.1.2.3");
	check_source("10.1.2.99", "10.1.2.4", "10.1.2.4");
	check_source("0.0.0.0", NULL, "127.0.0.1");
	check_source("0.0.0.0", "10.1.2.4", "10.1.2.4");
	/* bound to an address of many it dials from the route's */
	check_source("10.1.2.99", "10.1.2.255", "10.1.2.3");
	check_source("127.0.0.1", "127.255.255.255", "127.0.0.1");
	check_source("127.0.0.1", "224.0.0.1", "127.0.0.1");
	check_source("0.0.0.0", "255.255.255.255", "127.0.0.1");
	check_source("::ffff:10.1.2.99", NULL, "::ffff:10.1.2.3");
	assert_int_equal(route_to("127.0.0.1", NULL, 0).device, 1);
}

static void test_routes__reachable_by_ipv6__the_source_connect_would_pick(void **state)
{
	need_netlink();
	live_need_ipv6();
	live_ip("link add d0 type veth peer name d1");
	live_ip("link set d0 up");
	live_ip("link set d1 up");
	live_ip("addr add 2001:db8::1/64 dev d0 nodad");
	check_source("::1", NULL, "::1");
	check_source("::", NULL, "::1");
	check_source("2001:db8::99", NULL, "2001:db8::1");
	assert_int_equal(route_to("2001:db9::1", NULL, 0).result, INUSE_R_NETUNREACH);
	assert_int_equal(route_to("ff02::1", NULL, 0).result, INUSE_R_NETUNREACH);
	assert_int_equal(route_to("fe80::1", NULL, 0).result, INUSE_R_INVAL);
	live_ip("-6 route add unreachable 2001:db8:1::/48");
	live_ip("-6 route add prohibit 2001:db8:2::/48");
	live_ip("-6 route add blackhole 2001:db8:3::/48");
	assert_int_equal(route_to("2001:db8:1::1", NULL, 0).result, INUSE_R_HOSTUNREACH);
	assert_int_equal(route_to("2001:db8:2::1", NULL, 0).result, INUSE_R_ACCES);
	assert_int_equal(route_to("2001:db8:3::1", NULL, 0).result, INUSE_R_INVAL);
	assert_int_equal(live_try_connect("[2001:db8:1::1]:9", NULL, 0), EHOSTUNREACH);
	assert_int_equal(live_try_connect("[2001:db8:2::1]:9", NULL, 0), EACCES);
	assert_int_equal(live_try_connect("[2001:db8:3::1]:9", NULL, 0), EINVAL);
}

static void test_routes__not_reachable__the_error_connect_would_give(void **state)
{
	need_netlink();
	live_ip("link add d0 type veth peer name d1");
	live_ip("addr add 10.1.2.3/24 dev d0");
	live_ip("link set d0 up");
	live_ip("link set d1 up");
	live_ip("route add unreachable 203.0.113.0/28");
	live_ip("route add prohibit 203.0.113.16/28");
	live_ip("route add blackhole 203.0.113.32/28");
	live_ip("route add throw 203.0.113.48/28");
	assert_int_equal(route_to("192.0.2.1", NULL, 0).result, INUSE_R_NETUNREACH);
	assert_int_equal(live_try_connect("192.0.2.1:9", NULL, 0), ENETUNREACH);
	assert_int_equal(route_to("203.0.113.1", NULL, 0).result, INUSE_R_HOSTUNREACH);
	assert_int_equal(live_try_connect("203.0.113.1:9", NULL, 0), EHOSTUNREACH);
	assert_int_equal(route_to("203.0.113.17", NULL, 0).result, INUSE_R_ACCES);
	assert_int_equal(live_try_connect("203.0.113.17:9", NULL, 0), EACCES);
	assert_int_equal(route_to("203.0.113.33", NULL, 0).result, INUSE_R_INVAL);
	assert_int_equal(live_try_connect("203.0.113.33:9", NULL, 0), EINVAL);
	assert_int_equal(route_to("203.0.113.49", NULL, 0).result, INUSE_R_NETUNREACH);
	assert_int_equal(live_try_connect("203.0.113.49:9", NULL, 0), ENETUNREACH);
	assert_int_equal(route_to("10.1.2.255", NULL, 0).result, INUSE_R_NETUNREACH);
	assert_int_equal(live_try_connect("10.1.2.255:9", NULL, 0), ENETUNREACH);
	assert_int_equal(route_to("224.0.0.1", NULL, 0).result, INUSE_R_NETUNREACH);
	/* C26: a source within 127/8 to another device */
	assert_int_equal(route_to("10.1.2.9", "127.0.0.1", 0).result, INUSE_R_INVAL);
	assert_int_equal(live_try_connect("10.1.2.9:9", "127.0.0.1:0", 0), EINVAL);
	assert_int_equal(route_to("10.1.2.9", NULL, 77).result, INUSE_R_NODEV);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_settings__changed_in_this_namespace__read_from_it),
		live_test(test_settings__ipv6_disabled__says_so),
		live_test(test_locals__loopback_broadcast_anyip__as_bind_has_it),
		live_test(test_locals__devices__name_state_and_loopback),
		live_test(test_locals__built_without_netlink__known_to_be_incomplete),
		live_test(test_locals__interface_down__still_bindable),
		live_test(test_locals__tentative_ipv6__not_bindable_yet),
		live_test(test_locals__anyip_of_ipv6__is_not_bindable),
		live_test(test_locals__no_address_ever__every_ipv4_address_is_bindable),
		live_test(test_routes__reachable__the_source_connect_would_pick),
		live_test(test_routes__reachable_by_ipv6__the_source_connect_would_pick),
		live_test(test_routes__not_reachable__the_error_connect_would_give),
	};

	return LIVE_RUN("surroundings", tests);
}
