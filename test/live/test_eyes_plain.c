/* SPDX-License-Identifier: MIT */
/* Settings, addresses and routes of a namespace as the kernel has them. */
#include "support/live.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/address.h"
#include "host/diag_udp.h"
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
	/* The other end stays down: without a carrier no duplicate can be looked for, and the address stays tentative. */
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

/* ---------------------------------------------------------------------------------------------------- sockets */

#define MAX_SEEN 64

struct seen {
	struct inuse_socket list[MAX_SEEN];
	size_t n, stop_after;
	uint32_t unseen;
};

static bool collect(void *arg, const struct inuse_socket *socket)
{
	struct seen *seen = arg;

	assert_true(seen->n < MAX_SEEN);
	seen->list[seen->n++] = *socket;
	return seen->n != seen->stop_after;
}

/* What sock_diag shows of one port, or with port 0 of all. */
static struct seen diag(uint16_t port, enum inuse_proto proto)
{
	struct iu_scope scope = {.ports = port ? &port : NULL, .n_ports = port != 0, .bound = true};
	struct seen seen = {.stop_after = MAX_SEEN + 1};
	struct inuse_error error = {0};

	if (iu_diag_each(&scope, proto, collect, &seen, &seen.unseen, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	assert_int_equal(seen.unseen & INUSE_MISSING_PARTIAL, 0);
	return seen;
}

static const struct inuse_socket *in_state(const struct seen *seen, enum inuse_state state, uint8_t family)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->list[i].state == state && seen->list[i].family == family)
			return &seen->list[i];
	fail_msg("no socket in state %d, family %d among %zu", state, family, seen->n);
	return NULL;
}

static bool knows_of_bound_only(void)
{
	struct inuse_snapshot *s;
	bool knows = settings_now(&s).kernel >= IU_KERNEL(6, 8);

	iu_snapshot_free(s);
	return knows;
}

static void test_diag__listener__address_uid_inode(void **state)
{
	const struct inuse_socket *s;
	struct seen seen;
	int fd;

	need_netlink();
	fd = live_listener("127.0.0.1:8080", LIVE_REUSEADDR);
	live_listener("127.0.0.1:8081", 0);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_int_equal(seen.n, 1);
	s = in_state(&seen, INUSE_LISTEN, 4);
	assert_int_equal(s->local.port, 8080);
	assert_true(iu_addr_is_loopback(&s->local));
	assert_int_equal(s->inode, live_inode(fd));
	assert_int_equal(s->uid, getuid());
	assert_int_equal(s->known & (INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT), 0);
	assert_int_equal(s->flags, 0);
	assert_true(s->cookie != 0);
	assert_int_equal(diag(8082, INUSE_PROTO_TCP).n, 0);
	assert_int_equal(diag(0, INUSE_PROTO_TCP).n, 2);
}

static void test_diag__dual_stack_listeners__v6only_known(void **state)
{
	struct seen seen;

	need_netlink();
	live_need_ipv6();
	live_listener("[::]:8080", 0);
	live_listener("[::]:8081", LIVE_V6ONLY);
	live_listener("0.0.0.0:8081", 0);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_int_equal(seen.n, 1);
	assert_true(seen.list[0].known & INUSE_V6ONLY);
	assert_false(seen.list[0].flags & INUSE_V6ONLY);
	seen = diag(8081, INUSE_PROTO_TCP);
	assert_int_equal(seen.n, 2);
	assert_true(in_state(&seen, INUSE_LISTEN, 6)->flags & INUSE_V6ONLY);
	assert_true(in_state(&seen, INUSE_LISTEN, 4)->known & INUSE_V6ONLY);
}

static void test_diag__bound_only__seen_where_the_kernel_can(void **state)
{
	struct iu_scope without = {0};
	struct seen seen, none = {0};

	need_netlink();
	live_bound("127.0.0.1:8080", 0);
	live_bound("127.0.0.1:8081", 0); /* the header's port is ignored for these: the filter must not be */
	seen = diag(8080, INUSE_PROTO_TCP);
	if (!knows_of_bound_only()) {
		assert_int_equal(seen.unseen, INUSE_MISSING_BOUND);
		return;
	}
	assert_int_equal(seen.unseen, 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(in_state(&seen, INUSE_BOUND, 4)->local.port, 8080);
	if (iu_diag_each(&without, INUSE_PROTO_TCP, collect, &none, &none.unseen, NULL) != INUSE_OK)
		fail();
	assert_int_equal(none.n, 0);
}

static void test_diag__connection__both_ends_and_timestamps(void **state)
{
	struct live_connection c;
	struct seen seen;

	need_netlink();
	c = live_connection("127.0.0.1:8080", 0, NULL, 0);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_int_equal(seen.n, 2);
	assert_int_equal(in_state(&seen, INUSE_ESTABLISHED, 4)->remote.port, c.client_port);
	assert_int_equal(in_state(&seen, INUSE_ESTABLISHED, 4)->inode, live_inode(c.server));
	assert_true(in_state(&seen, INUSE_ESTABLISHED, 4)->known & INUSE_TIMESTAMPS);
	assert_true(in_state(&seen, INUSE_ESTABLISHED, 4)->flags & INUSE_TIMESTAMPS);
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	live_connection("127.0.0.1:8090", 0, NULL, 0);
	seen = diag(8090, INUSE_PROTO_TCP);
	assert_true(in_state(&seen, INUSE_ESTABLISHED, 4)->known & INUSE_TIMESTAMPS);
	assert_false(in_state(&seen, INUSE_ESTABLISHED, 4)->flags & INUSE_TIMESTAMPS);
}

static void test_diag__time_wait__a_minute_with_slack(void **state)
{
	const struct inuse_socket *s;
	struct inuse_snapshot *snapshot;
	struct seen seen;
	int64_t before, after;
	uint16_t peer;

	need_netlink();
	before = iu_host_now();
	peer = live_time_wait("127.0.0.1:8080", 0, NULL);
	seen = diag(8080, INUSE_PROTO_TCP);
	after = iu_host_now();
	assert_int_equal(seen.n, 1);
	s = in_state(&seen, INUSE_TIME_WAIT, 4);
	assert_true(s->mini);
	assert_int_equal(s->remote.port, peer);
	/* The timer is read in ticks; a tick is 10 ms at most. */
	assert_true(s->free_at_ns >= before + INT64_C(59990000000));
	assert_true(s->free_at_ns <= after + INT64_C(60010000000));
	assert_int_equal(s->free_slack_ns, settings_now(&snapshot).hz == 1000 ? 4096000000 : 512 * 1000000000ll /
								   iu_snapshot_facts(snapshot)->hz);
	iu_snapshot_free(snapshot);
	assert_int_equal(s->known & (INUSE_KNOW_UID | INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_TIMESTAMPS), 0);
	assert_true(s->known & INUSE_KNOW_DEVICE);
}

static void test_diag__time_wait_of_a_device__device_known(void **state)
{
	struct sockaddr_storage sa;
	struct live_connection c;
	struct seen seen;
	socklen_t len;
	int listener;

	need_netlink();
	listener = live_socket(AF_INET, 0);
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	len = live_sockaddr("127.0.0.1:8080", &sa);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_int_equal(in_state(&seen, INUSE_LISTEN, 4)->device, 1);
	c = (struct live_connection){.listener = listener, .server_port = 8080};
	c.client = live_dial("127.0.0.1:8080", NULL, 0);
	c.client_port = live_port(c.client);
	c.server = live_accept(listener);
	live_end(&c, LIVE_SERVER_FIRST);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_int_equal(in_state(&seen, INUSE_TIME_WAIT, 4)->device, 1);
}

static void test_diag__remains_and_living_fin_wait_2__told_apart(void **state)
{
	struct live_connection c;
	struct seen seen;

	need_netlink();
	live_fin_wait2("127.0.0.1:8080", 0);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_true(in_state(&seen, INUSE_FIN_WAIT2, 4)->mini);
	assert_true(in_state(&seen, INUSE_FIN_WAIT2, 4)->free_at_ns > iu_host_now());
	c = live_connection("127.0.0.1:8090", 0, NULL, 0);
	assert_int_equal(shutdown(c.server, SHUT_WR), 0);
	live_wait(8090, 0, INUSE_FIN_WAIT2);
	seen = diag(8090, INUSE_PROTO_TCP);
	assert_false(in_state(&seen, INUSE_FIN_WAIT2, 4)->mini);
	assert_int_equal(in_state(&seen, INUSE_FIN_WAIT2, 4)->inode, live_inode(c.server));
}

static void test_diag__not_yet_accepted__no_file(void **state)
{
	const struct inuse_socket *s;
	struct seen seen;

	need_netlink();
	live_listener("127.0.0.1:8080", 0);
	live_dial("127.0.0.1:8080", NULL, 0);
	live_wait(8080, 0, INUSE_ESTABLISHED);
	seen = diag(8080, INUSE_PROTO_TCP);
	s = in_state(&seen, INUSE_ESTABLISHED, 4);
	assert_int_equal(s->inode, 0);
	assert_true(s->known & INUSE_HAS_FILE);
	assert_false(s->flags & INUSE_HAS_FILE);
	assert_int_equal(s->uid, getuid());
}

static void test_diag__half_open__a_request(void **state)
{
	int listener, seconds = 30;
	const struct inuse_socket *s;
	struct seen seen;

	need_netlink();
	listener = live_listener("127.0.0.1:8080", 0);
	/* The handshake is not complete before data arrives, so the request stays one. */
	assert_int_equal(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)), 0);
	live_dial("127.0.0.1:8080", NULL, 0);
	live_wait(8080, 0, INUSE_SYN_RECV);
	seen = diag(8080, INUSE_PROTO_TCP);
	s = in_state(&seen, INUSE_SYN_RECV, 4);
	assert_true(s->mini);
	assert_int_equal(s->known & INUSE_KNOW_UID, 0);
	assert_int_equal(s->free_at_ns, 0);
}

static void test_diag__mptcp_listener__says_so(void **state)
{
	struct seen seen;

	need_netlink();
	live_listener("127.0.0.1:8080", LIVE_MPTCP);
	live_listener("127.0.0.1:8081", 0);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_int_equal(seen.n, 1);
	assert_true(seen.list[0].known & seen.list[0].flags & INUSE_MPTCP);
	seen = diag(8081, INUSE_PROTO_TCP);
	assert_false(seen.list[0].flags & INUSE_MPTCP);
}

static void test_diag__udp__seen_and_counted(void **state)
{
	struct iu_elsewhere e;
	struct seen seen;

	need_netlink();
	live_bound("127.0.0.1:8080", LIVE_UDP);
	live_listener("127.0.0.1:8080", 0);
	seen = diag(8080, INUSE_PROTO_UDP);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.list[0].proto, INUSE_PROTO_UDP);
	assert_int_equal(seen.list[0].state, INUSE_BOUND);
	assert_int_equal(diag(8080, INUSE_PROTO_TCP).n, 1);
	assert_int_equal(iu_diag_udp(8080, &e, NULL), INUSE_OK);
	assert_int_equal(e.count, 1);
	assert_int_equal(e.proto, INUSE_PROTO_UDP);
	assert_false(e.listening);
	assert_int_equal(iu_diag_udp(8081, &e, NULL), INUSE_OK);
	assert_int_equal(e.count, 0);
}

static void test_diag__callback_wants_no_more__stops(void **state)
{
	struct iu_scope scope = {.bound = true};
	struct seen seen = {.stop_after = 1};

	need_netlink();
	for (int i = 0; i < 5; i++)
		live_listener("127.0.0.1:0", 0);
	assert_int_equal(iu_diag_each(&scope, INUSE_PROTO_TCP, collect, &seen, &seen.unseen, NULL), INUSE_OK);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.unseen & INUSE_MISSING_PARTIAL, 0);
}

static void test_diag__several_ports__exactly_these(void **state)
{
	uint16_t ports[100];
	struct iu_scope scope = {.ports = ports, .n_ports = 3, .bound = true};
	struct seen seen = {.stop_after = MAX_SEEN + 1};

	need_netlink();
	for (int i = 0; i < 20; i++)
		live_listener(live_text("127.0.0.1:%d", 8000 + i), 0);
	for (uint16_t i = 0; i < 100; i++)
		ports[i] = (uint16_t)(8000 + 3 * i);
	assert_int_equal(iu_diag_each(&scope, INUSE_PROTO_TCP, collect, &seen, &seen.unseen, NULL), INUSE_OK);
	assert_int_equal(seen.n, 3);
	scope.n_ports = 100; /* more than the kernel's filter takes */
	seen.n = 0;
	assert_int_equal(iu_diag_each(&scope, INUSE_PROTO_TCP, collect, &seen, &seen.unseen, NULL), INUSE_OK);
	assert_int_equal(seen.n, 7);
	for (size_t i = 0; i < seen.n; i++)
		assert_int_equal(seen.list[i].local.port % 3, 8000 % 3);
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
		live_test(test_diag__listener__address_uid_inode),
		live_test(test_diag__dual_stack_listeners__v6only_known),
		live_test(test_diag__bound_only__seen_where_the_kernel_can),
		live_test(test_diag__connection__both_ends_and_timestamps),
		live_test(test_diag__time_wait__a_minute_with_slack),
		live_test(test_diag__time_wait_of_a_device__device_known),
		live_test(test_diag__remains_and_living_fin_wait_2__told_apart),
		live_test(test_diag__not_yet_accepted__no_file),
		live_test(test_diag__half_open__a_request),
		live_test(test_diag__mptcp_listener__says_so),
		live_test(test_diag__udp__seen_and_counted),
		live_test(test_diag__callback_wants_no_more__stops),
		live_test(test_diag__several_ports__exactly_these),
	};

	return LIVE_RUN("eyes_plain", tests);
}
