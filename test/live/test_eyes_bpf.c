/* SPDX-License-Identifier: MIT */
/* What the BPF eyes see of sockets that are made for real, one by one. */
#include "live/seen.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------------------------------ one by one */

static void test_bucket__listener__every_field(void **state)
{
	int fd = live_listener("127.0.0.1:8080", LIVE_REUSEADDR);
	const struct inuse_socket *s;

	look(8080);
	assert_int_equal(seen.n, 1);
	s = only(INUSE_LISTEN);
	check_addr(&s->local, "127.0.0.1:8080");
	assert_int_equal(s->family, 4);
	assert_false(s->mini);
	assert_int_equal(s->count, 1);
	assert_int_equal(s->inode, live_inode(fd));
	assert_int_equal(s->uid, geteuid());
	assert_int_equal(s->device, 0);
	assert_int_equal(s->free_at_ns, 0);
	check_flags(s, REUSE | INUSE_PORT_LOCKED | INUSE_HAS_FILE | INUSE_KERNEL | INUSE_MPTCP,
		    INUSE_REUSEADDR | INUSE_PORT_LOCKED | INUSE_HAS_FILE);
	assert_int_equal(seen.n_buckets, 1);
	assert_int_equal(seen.buckets[0].port, 8080);
}

static void test_bucket__free_port__nothing(void **state)
{
	live_listener("127.0.0.1:8080", 0);
	look(8081);
	assert_int_equal(seen.n, 0);
	assert_int_equal(seen.n_buckets, 0);
}

static void test_bucket__bound_only__seen(void **state)
{
	int fd = live_bound("[::1]:8080", 0);
	const struct inuse_socket *s;

	live_need_ipv6();
	look(8080);
	s = only(INUSE_BOUND);
	check_addr(&s->local, "[::1]:8080");
	assert_int_equal(s->family, 6);
	assert_int_equal(s->inode, live_inode(fd));
	/* linux: binding a concrete IPv6 address sets it */
	check_flags(s, REUSE, INUSE_V6ONLY);
}

static void test_bucket__connection__both_ends_and_the_listener(void **state)
{
	struct live_connection c = live_connection("127.0.0.1:8080", LIVE_REUSEADDR, NULL, 0);
	const struct inuse_socket *s;

	look(8080);
	assert_int_equal(seen.n, 2);
	assert_int_equal(only(INUSE_LISTEN)->inode, live_inode(c.listener));
	s = only(INUSE_ESTABLISHED);
	assert_int_equal(s->inode, live_inode(c.server));
	assert_int_equal(s->remote.port, c.client_port);
	check_flags(s, REUSE | INUSE_TIMESTAMPS, INUSE_REUSEADDR | INUSE_TIMESTAMPS);
	/* accepted: the listener's port; the client's own was picked by connect(). Kernels before 6.18 do not tell. */
	if (s->known & INUSE_PORT_LOCKED)
		check_flags(s, INUSE_PORT_LOCKED, INUSE_PORT_LOCKED);
	look(c.client_port);
	s = only(INUSE_ESTABLISHED);
	assert_int_equal(s->inode, live_inode(c.client));
	check_addr(&s->remote, "127.0.0.1:8080");
	check_flags(s, REUSE, 0);
	assert_int_equal(s->flags & s->known & INUSE_PORT_LOCKED, 0);
	assert_int_equal(seen.buckets[0].fastreuse, -1);
	assert_int_equal(seen.buckets[0].fastreuseport, -1);
}

static void check_time_wait(const char *addr, unsigned options, uint32_t flags)
{
	int64_t before = iu_host_now(), after;
	uint16_t client = live_time_wait(addr, options, NULL);
	const struct inuse_socket *s;

	after = iu_host_now();
	look(8080);
	assert_int_equal(seen.n, 1);
	s = only(INUSE_TIME_WAIT);
	assert_true(s->mini);
	assert_int_equal(s->remote.port, client);
	assert_int_equal(s->inode, 0);
	check_flags(s, REUSE | INUSE_TIMESTAMPS, flags | INUSE_TIMESTAMPS);
	assert_int_not_equal(s->known & INUSE_KNOW_OWNER, 0);
	assert_int_equal(s->known & INUSE_KNOW_UID, 0);
	/* 60 s, and at most one step of the wheel, which has 5.12 s where it is coarsest; a tick for the clock */
	assert_in_range(s->free_at_ns, before + INT64_C(59990000000), after + INT64_C(65130000000));
	assert_int_equal(s->free_slack_ns, 0);
}

static void test_bucket__time_wait_without_reuseaddr__no_flag(void **state)
{
	check_time_wait("127.0.0.1:8080", 0, 0);
	check_addr(&seen.sockets[0].local, "127.0.0.1:8080");
}

static void test_bucket__time_wait_with_reuseaddr__flag(void **state)
{
	check_time_wait("127.0.0.1:8080", LIVE_REUSEADDR, INUSE_REUSEADDR);
}

static void test_bucket__time_wait_with_reuseport__flag(void **state)
{
	check_time_wait("127.0.0.1:8080", LIVE_REUSEPORT, INUSE_REUSEPORT);
}

static void test_bucket__time_wait_ipv6__v6only_as_the_listener(void **state)
{
	live_need_ipv6();
	check_time_wait("[::1]:8080", LIVE_REUSEADDR, INUSE_REUSEADDR | INUSE_V6ONLY);
	check_addr(&seen.sockets[0].local, "[::1]:8080");
	assert_int_equal(seen.sockets[0].family, 6);
}

static void test_bucket__time_wait_dual_stack__not_v6only(void **state)
{
	struct live_connection c;
	const struct inuse_socket *s;

	live_need_ipv6();
	c.listener = live_listener("[::]:8080", 0);
	c.client = live_dial("127.0.0.1:8080", NULL, 0);
	c.server = live_accept(c.listener);
	c.server_port = 8080;
	c.client_port = live_port(c.client);
	live_end(&c, LIVE_SERVER_FIRST);
	look(8080);
	s = only(INUSE_TIME_WAIT);
	assert_int_equal(s->family, 6);
	check_addr(&s->local, "[::ffff:127.0.0.1]:8080");
	check_flags(s, REUSE, 0);
}

static void test_bucket__no_timestamps__not_marked(void **state)
{
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	live_time_wait("127.0.0.1:8080", 0, NULL);
	look(8080);
	check_flags(only(INUSE_TIME_WAIT), INUSE_TIMESTAMPS, 0);
}

static void test_bucket__reuseport__remembered_with_uid_and_address(void **state)
{
	const struct iu_bucket *b = &seen.buckets[0];

	live_listener("127.0.0.1:8080", LIVE_REUSEPORT);
	look(8080);
	assert_int_equal(seen.n_buckets, 1);
	assert_true(b->fastreuseport > 0);
	assert_int_equal(b->uid, geteuid());
	assert_int_equal(b->family, 4);
	assert_int_equal(b->addr4.ip[0], 127);
	live_bound("127.0.0.2:8080", 0);
	look(8080);
	assert_int_equal(b->fastreuseport, 0);
	assert_int_equal(b->family, 0);
}

static void test_bucket__device_and_other_uid__seen(void **state)
{
	int fd;

	live_need_root();
	fd = live_socket(AF_INET, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	live_chown(fd, LIVE_NOBODY);
	{
		struct sockaddr_storage a;
		socklen_t len = live_sockaddr("0.0.0.0:8080", &a);

		assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	}
	look(8080);
	assert_int_equal(only(INUSE_BOUND)->device, if_nametoindex("lo"));
	assert_int_equal(only(INUSE_BOUND)->uid, LIVE_NOBODY);
}

static void test_bucket__mptcp_listener__inode_of_the_descriptor(void **state)
{
	int fd = live_listener("127.0.0.1:8080", LIVE_MPTCP);

	look(8080);
	check_flags(only(INUSE_LISTEN), INUSE_MPTCP | INUSE_KERNEL, INUSE_MPTCP);
	assert_int_equal(only(INUSE_LISTEN)->inode, live_inode(fd));
}

static void test_bucket__in_flight__has_a_file(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);

	live_in_flight(fd);
	look(8080);
	check_flags(only(INUSE_LISTEN), INUSE_HAS_FILE, INUSE_HAS_FILE);
	assert_int_equal(only(INUSE_LISTEN)->known & INUSE_KNOW_OWNER, 0);
}

static void test_bucket__not_accepted_yet__nobody_has_it(void **state)
{
	const struct inuse_socket *s;

	live_listener("127.0.0.1:8080", 0);
	live_dial("127.0.0.1:8080", NULL, 0);
	look(8080);
	s = only(INUSE_ESTABLISHED);
	assert_int_equal(s->inode, 0);
	check_flags(s, INUSE_HAS_FILE, 0);
	assert_int_not_equal(s->known & INUSE_KNOW_OWNER, 0);
}

/* connect() meets it, bind() does not. */
static void test_bucket__half_open__seen_where_a_destination_is_asked_about(void **state)
{
	uint16_t port = 8080;
	struct inuse_addr to;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .classes = true, .bound = true, .routes = &to, .n_routes = 1};
	int listener = live_listener("127.0.0.1:8080", 0), seconds = 30;
	const struct inuse_socket *s;

	/* the handshake is not complete before data arrives, so the request stays one */
	assert_int_equal(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)), 0);
	live_dial("127.0.0.1:8080", "127.0.0.1:8081", 0);
	assert_int_equal(inuse_addr_parse("127.0.0.1", &to, NULL), INUSE_OK);
	to.port = 8081;
	live_wait(8080, 0, INUSE_SYN_RECV);
	look(8080);
	assert_int_equal(seen.n, 1);
	look_scope(&scope);
	assert_int_equal(seen.n, 2);
	s = only(INUSE_SYN_RECV);
	assert_true(s->mini);
	check_addr(&s->remote, "127.0.0.1:8081");
	live_close(listener);
	look_scope(&scope);
	assert_int_equal(seen.n, 0);
}

static void test_bucket__several_ports__one_look(void **state)
{
	uint16_t ports[] = {8080, 8082, 8081};
	struct iu_scope scope = {.ports = ports, .n_ports = 3, .classes = true};

	live_bound("127.0.0.1:8080", 0);
	live_listener("127.0.0.1:8081", 0);
	look_scope(&scope);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.n_buckets, 2);
	assert_int_equal(only(INUSE_BOUND)->local.port, 8080);
	assert_int_equal(only(INUSE_LISTEN)->local.port, 8081);
}

/* -------------------------------------------------------------------------------------- other namespaces */

static struct iu_elsewhere elsewhere[64];
static unsigned n_elsewhere;

static bool keep_elsewhere(void *arg, const struct iu_elsewhere *e)
{
	if (n_elsewhere < 64)
		elsewhere[n_elsewhere++] = *e;
	return true;
}

static void in_another_namespace(void)
{
	struct stat st;

	if (live_netns_enter() != NULL)
		live_fail("no namespace");
	live_listener("127.0.0.1:48123", 0);
	live_bound("127.0.0.2:48123", 0);
	stat("/proc/self/ns/net", &st);
	live_tell((long)st.st_ino);
}

/* What was told of that port there; never of our own namespace. Other runs of these tests may be under way. */
static const struct iu_elsewhere *told_of(uint64_t netns, uint16_t port)
{
	const struct iu_elsewhere *there = NULL;
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	for (unsigned i = 0; i < n_elsewhere; i++) {
		assert_int_not_equal(elsewhere[i].netns, st.st_ino);
		if (elsewhere[i].netns == netns && elsewhere[i].port == port)
			there = &elsewhere[i];
	}
	return there;
}

static void test_elsewhere__same_port__counted_there_not_here(void **state)
{
	const struct iu_elsewhere *there;
	struct inuse_error error = {0};
	pid_t child;

	live_need_root();
	child = LIVE_CHILD(in_another_namespace());
	live_listener("127.0.0.1:48123", 0);
	n_elsewhere = 0;
	need(iu_bucket_elsewhere(48123, keep_elsewhere, NULL, &error), &error);
	there = told_of((uint64_t)live_heard(child), 48123);
	assert_non_null(there);
	assert_int_equal(there->count, 2);
	assert_true(there->listening);
}

static void test_bucket__two_ports_here_and_elsewhere__one_walk_tells_all(void **state)
{
	uint16_t ports[] = {48123, 48124, 48125};
	struct iu_scope scope = {.ports = ports, .n_ports = 3, .classes = true};
	const struct iu_elsewhere *there;
	struct inuse_error error = {0};
	uint64_t netns;

	live_need_root();
	netns = (uint64_t)live_heard(LIVE_CHILD(in_another_namespace(); live_bound("[::1]:48125", 0)));
	live_listener("127.0.0.1:48124", 0);
	live_bound("127.0.0.1:48123", 0);
	memset(&seen, 0, sizeof(seen));
	n_elsewhere = 0;
	need(iu_bucket_each(&scope, keep_socket, keep_bucket, keep_elsewhere, NULL, &seen.unseen, &error), &error);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.n_buckets, 2);
	assert_int_equal(only(INUSE_LISTEN)->local.port, 48124);
	assert_int_equal(only(INUSE_BOUND)->local.port, 48123);
	there = told_of(netns, 48123);
	assert_non_null(there);
	assert_int_equal(there->count, 2);
	assert_true(there->listening);
	there = told_of(netns, 48125);
	assert_non_null(there);
	assert_int_equal(there->count, 1);
	assert_false(there->listening);
	assert_null(told_of(netns, 48124));
}

/* ------------------------------------------------------------------------------------------ the table */

static void test_iter__every_kind__seen_with_flags(void **state)
{
	struct iu_scope scope = {.bound = true};
	struct live_connection c;
	const struct inuse_socket *s;

	live_time_wait("127.0.0.1:8080", LIVE_REUSEADDR, "127.0.0.1:9999");
	live_bound("[::1]:8081", LIVE_REUSEPORT);
	c = live_connection("127.0.0.1:8082", 0, NULL, 0);
	live_close(c.client);
	live_wait(8082, c.client_port, INUSE_CLOSE_WAIT);
	live_dial("127.0.0.1:8082", NULL, LIVE_NONBLOCK);
	look_table(&scope);
	s = only(INUSE_TIME_WAIT);
	assert_int_equal(s->local.port, 8080);
	assert_true(s->free_at_ns > iu_host_now());
	check_flags(s, REUSE | INUSE_TIMESTAMPS, INUSE_REUSEADDR | INUSE_TIMESTAMPS);
	s = only(INUSE_BOUND);
	check_addr(&s->local, "[::1]:8081");
	check_flags(s, REUSE, INUSE_REUSEPORT | INUSE_V6ONLY);
	assert_int_equal(only(INUSE_LISTEN)->inode, live_inode(c.listener));
	assert_int_equal(only(INUSE_CLOSE_WAIT)->inode, live_inode(c.server));
	assert_int_equal(only(INUSE_FIN_WAIT2)->inode, 0);
}

static void test_iter__one_port__no_other(void **state)
{
	uint16_t port = 8082;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .bound = true};

	live_bound("127.0.0.1:8081", 0);
	live_bound("127.0.0.1:8082", 0);
	live_connection("127.0.0.2:8082", 0, NULL, 0);
	look_table(&scope);
	assert_int_equal(seen.n, 3);
	for (size_t i = 0; i < seen.n; i++)
		assert_int_equal(seen.sockets[i].local.port, 8082);
}

static void test_iter__half_open__syn_recv(void **state)
{
	struct iu_scope scope = {0};
	int listener = live_listener("127.0.0.1:8080", 0), seconds = 60;
	const struct inuse_socket *s;

	/* the kernel keeps the connection half-open until data comes */
	assert_int_equal(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)), 0);
	live_dial("127.0.0.1:8080", NULL, 0);
	look_table(&scope);
	s = only(INUSE_SYN_RECV);
	assert_int_equal(s->local.port, 8080);
	assert_int_equal(s->inode, 0);
	assert_int_equal(s->known & INUSE_KNOW_REUSEADDR, 0);
	/* it holds no port */
	look(8080);
	assert_int_equal(seen.n, 1);
	only(INUSE_LISTEN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_bucket__listener__every_field),
		live_test(test_bucket__free_port__nothing),
		live_test(test_bucket__bound_only__seen),
		live_test(test_bucket__connection__both_ends_and_the_listener),
		live_test(test_bucket__time_wait_without_reuseaddr__no_flag),
		live_test(test_bucket__time_wait_with_reuseaddr__flag),
		live_test(test_bucket__time_wait_with_reuseport__flag),
		live_test(test_bucket__time_wait_ipv6__v6only_as_the_listener),
		live_test(test_bucket__time_wait_dual_stack__not_v6only),
		live_test(test_bucket__no_timestamps__not_marked),
		live_test(test_bucket__reuseport__remembered_with_uid_and_address),
		live_test(test_bucket__device_and_other_uid__seen),
		live_test(test_bucket__mptcp_listener__inode_of_the_descriptor),
		live_test(test_bucket__in_flight__has_a_file),
		live_test(test_bucket__not_accepted_yet__nobody_has_it),
		live_test(test_bucket__half_open__seen_where_a_destination_is_asked_about),
		live_test(test_bucket__several_ports__one_look),
		live_test(test_elsewhere__same_port__counted_there_not_here),
		live_test(test_bucket__two_ports_here_and_elsewhere__one_walk_tells_all),
		live_test(test_iter__every_kind__seen_with_flags),
		live_test(test_iter__one_port__no_other),
		live_test(test_iter__half_open__syn_recv),
	};

	return LIVE_RUN("eyes_bpf", tests);
}
