/* SPDX-License-Identifier: MIT */
/* Sockets as sock_diag and /proc/net show them. */
#include "support/live.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/address.h"
#include "host/diag_udp.h"
#include "host/settings.h"
#include "host/sources.h"

static void need_netlink(void)
{
	if (!INUSE_HAVE_MNL)
		live_skip("this build has no netlink");
}

/* ---------------------------------------------------------------------------------------------------- sockets */

#define MAX_SEEN 64
#define DAWDLE_MS 200

struct seen {
	struct inuse_socket list[MAX_SEEN];
	size_t n, stop_after;
	uint32_t unseen;
	bool dawdle;
};

static bool collect(void *arg, const struct inuse_socket *socket)
{
	struct seen *seen = arg;

	assert_true(seen->n < MAX_SEEN);
	seen->list[seen->n++] = *socket;
	if (seen->dawdle)
		poll(NULL, 0, DAWDLE_MS);
	return seen->n != seen->stop_after;
}

static void diag_into(struct seen *seen, uint16_t port, enum inuse_proto proto)
{
	struct iu_scope scope = {.ports = port ? &port : NULL, .n_ports = port != 0, .bound = true};
	struct inuse_error error = {0};

	seen->stop_after = MAX_SEEN + 1;
	if (iu_diag_each(&scope, proto, collect, seen, &seen->unseen, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	assert_int_equal(seen->unseen & INUSE_MISSING_PARTIAL, 0);
}

/* What sock_diag shows of one port, or with port 0 of all. */
static struct seen diag(uint16_t port, enum inuse_proto proto)
{
	struct seen seen = {0};

	diag_into(&seen, port, proto);
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
	if (live_kernel_before(6, 8)) {
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
	const int64_t step_ns = iu_host_hz() == 1000 ? INT64_C(4096000000) : INT64_C(512000000000) / iu_host_hz();
	const struct inuse_socket *s;
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
	assert_true(s->free_at_ns <= after + INT64_C(60010000000));
	/* beside the timer's step the slack has the moment in which the kernel wrote it */
	assert_in_range(s->free_slack_ns, step_ns, step_ns + (after - before));
	assert_true(s->free_at_ns + s->free_slack_ns - step_ns >= before + INT64_C(59990000000));
	assert_int_equal(s->known & (INUSE_KNOW_UID | INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_TIMESTAMPS), 0);
	assert_true(s->known & INUSE_KNOW_DEVICE);
}

/* Returns a moment after they began. */
static int64_t three_time_waits(void)
{
	live_time_wait("127.0.0.1:8080", 0, NULL);
	live_time_wait("127.0.0.1:8081", 0, NULL);
	live_time_wait("127.0.0.1:8082", 0, NULL);
	return iu_host_now();
}

/* Of these, read one by one with a rest after each. */
static void check_ends(const struct seen *late, int64_t after)
{
	assert_int_equal(late->n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(late->list[i].free_at_ns <= after + INT64_C(60010000000));
	assert_true(iu_host_now() - after >= 3 * DAWDLE_MS * INT64_C(1000000));
}

/* As where a busy machine lets us run late: what was written before is not taken for news. */
static void test_diag__read_late__no_end_is_told_too_late(void **state)
{
	struct seen late = {.dawdle = true};
	int64_t after;

	need_netlink();
	after = three_time_waits();
	diag_into(&late, 0, INUSE_PROTO_TCP);
	check_ends(&late, after);
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

/* How long it waits after its timer is not shown: from then on to the most that it may be. */
static void check_orphan(const struct inuse_socket *s)
{
	int64_t left = s->free_at_ns - iu_host_now();

	assert_int_equal(s->state, INUSE_FIN_WAIT2);
	assert_false(s->mini);
	assert_in_range(left, INT64_C(25000000000), INT64_C(30020000000));
	assert_in_range(left + s->free_slack_ns, INT64_C(85000000000), INT64_C(105000000000));
}

static void test_diag__orphan_that_is_whole_at_first__from_when_to_when(void **state)
{
	struct seen seen;

	need_netlink();
	live_sysctl("net.ipv4.tcp_fin_timeout", "90");
	live_fin_wait2("127.0.0.1:8080", 0);
	seen = diag(8080, INUSE_PROTO_TCP);
	assert_int_equal(seen.n, 1);
	check_orphan(&seen.list[0]);
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
	if (iu_diag_udp(8080, &e, NULL) == INUSE_E_UNSUPPORTED)
		live_skip("this kernel has no sock_diag for UDP");
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

/* -------------------------------------------------------------------------------------------- /proc/net/tcp */

static void procnet_into(struct seen *seen, uint16_t port)
{
	struct iu_scope scope = {.ports = port ? &port : NULL, .n_ports = port != 0, .bound = true};

	seen->stop_after = MAX_SEEN + 1;
	assert_int_equal(iu_procnet_each(&scope, collect, seen, &seen->unseen, NULL), INUSE_OK);
	assert_int_equal(seen->unseen, INUSE_MISSING_BOUND);
}

static struct seen procnet(uint16_t port)
{
	struct seen seen = {0};

	procnet_into(&seen, port);
	return seen;
}

static bool same(const struct inuse_socket *a, const struct inuse_socket *b)
{
	return a->state == b->state && a->family == b->family && a->mini == b->mini && a->inode == b->inode &&
	       a->uid == b->uid && a->local.port == b->local.port && a->remote.port == b->remote.port &&
	       memcmp(a->local.ip, b->local.ip, 16) == 0 && memcmp(a->remote.ip, b->remote.ip, 16) == 0;
}

static void test_procnet__sockets_in_many_states__the_same_as_sock_diag(void **state)
{
	struct seen by_proc, by_diag;
	struct iu_scope scope = {0};

	need_netlink();
	live_need_ipv6();
	live_listener("0.0.0.0:8080", 0);
	live_listener("[::]:8081", 0);
	live_time_wait("127.0.0.1:8082", 0, NULL);
	live_time_wait("[::1]:8083", 0, NULL);
	live_fin_wait2("127.0.0.1:8084", 0);
	live_connection("127.0.0.1:8085", 0, NULL, 0);
	live_connection("[::1]:8086", 0, NULL, 0);
	live_bound("127.0.0.1:8087", 0);
	by_proc = procnet(0);
	memset(&by_diag, 0, sizeof(by_diag));
	by_diag.stop_after = MAX_SEEN + 1;
	assert_int_equal(iu_diag_each(&scope, INUSE_PROTO_TCP, collect, &by_diag, &by_diag.unseen, NULL), INUSE_OK);
	assert_int_equal(by_proc.n, by_diag.n);
	assert_true(by_proc.n >= 12);
	for (size_t i = 0; i < by_proc.n; i++) {
		size_t j = 0;

		while (j < by_diag.n && !same(&by_proc.list[i], &by_diag.list[j]))
			j++;
		if (j == by_diag.n)
			fail_msg("port %u, state %d: only in /proc/net", by_proc.list[i].local.port,
				 by_proc.list[i].state);
	}
}

static void test_procnet__one_port__only_that(void **state)
{
	struct seen seen;

	live_listener("127.0.0.1:8080", 0);
	live_listener("127.0.0.1:8081", 0);
	seen = procnet(8080);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.list[0].local.port, 8080);
	assert_int_equal(seen.list[0].uid, getuid());
	assert_int_equal(procnet(8082).n, 0);
}

static void test_procnet__time_wait__its_end(void **state)
{
	struct seen seen;
	int64_t now;

	live_time_wait("127.0.0.1:8080", 0, NULL);
	seen = procnet(8080);
	now = iu_host_now();
	assert_int_equal(seen.n, 1);
	assert_true(seen.list[0].free_at_ns > now + INT64_C(50000000000));
	assert_true(seen.list[0].free_at_ns <= now + INT64_C(60020000000));
}

static void test_procnet__read_late__no_end_is_told_too_late(void **state)
{
	struct seen late = {.dawdle = true};
	int64_t after;

	after = three_time_waits();
	procnet_into(&late, 0);
	check_ends(&late, after);
}

/* Lines that run over the end of the buffer are put together again. */
static void test_procnet__many_sockets__each_once(void **state)
{
	bool there[MAX_SEEN - 1] = {false};
	struct seen seen;

	for (unsigned i = 0; i < MAX_SEEN - 1; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "127.0.0.1:%u", 8000 + i);
		live_listener(addr, 0);
	}
	seen = procnet(0);
	assert_int_equal(seen.n, MAX_SEEN - 1);
	for (size_t i = 0; i < seen.n; i++) {
		assert_in_range(seen.list[i].local.port, 8000, 8000 + MAX_SEEN - 2);
		assert_false(there[seen.list[i].local.port - 8000]);
		there[seen.list[i].local.port - 8000] = true;
	}
}

static void test_procnet__orphan_that_is_whole_at_first__from_when_to_when(void **state)
{
	struct seen seen;

	live_sysctl("net.ipv4.tcp_fin_timeout", "90");
	live_fin_wait2("127.0.0.1:8080", 0);
	seen = procnet(8080);
	assert_int_equal(seen.n, 1);
	check_orphan(&seen.list[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_diag__listener__address_uid_inode),
		live_test(test_diag__dual_stack_listeners__v6only_known),
		live_test(test_diag__bound_only__seen_where_the_kernel_can),
		live_test(test_diag__connection__both_ends_and_timestamps),
		live_test(test_diag__time_wait__a_minute_with_slack),
		live_test(test_diag__read_late__no_end_is_told_too_late),
		live_test(test_diag__time_wait_of_a_device__device_known),
		live_test(test_diag__remains_and_living_fin_wait_2__told_apart),
		live_test(test_diag__orphan_that_is_whole_at_first__from_when_to_when),
		live_test(test_diag__not_yet_accepted__no_file),
		live_test(test_diag__half_open__a_request),
		live_test(test_diag__mptcp_listener__says_so),
		live_test(test_diag__udp__seen_and_counted),
		live_test(test_diag__callback_wants_no_more__stops),
		live_test(test_diag__several_ports__exactly_these),
		live_test(test_procnet__sockets_in_many_states__the_same_as_sock_diag),
		live_test(test_procnet__one_port__only_that),
		live_test(test_procnet__time_wait__its_end),
		live_test(test_procnet__read_late__no_end_is_told_too_late),
		live_test(test_procnet__many_sockets__each_once),
		live_test(test_procnet__orphan_that_is_whole_at_first__from_when_to_when),
	};

	return LIVE_RUN("eyes_plain", tests);
}
