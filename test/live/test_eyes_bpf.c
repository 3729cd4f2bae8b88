/* SPDX-License-Identifier: MIT */
/* What the BPF eyes see of sockets that are made for real. */
#include "support/live.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "host/sources.h"

/* ------------------------------------------------------------------------------------------ looking */

#define MAX_SEEN 8192

/* What an eye delivered. */
static struct {
	struct inuse_socket sockets[MAX_SEEN];
	size_t n, n_buckets;
	uint64_t total; /* counts added up */
	struct iu_bucket buckets[64];
	uint32_t unseen;
} seen;

static bool keep_socket(void *arg, const struct inuse_socket *socket)
{
	seen.total += socket->count;
	if (seen.n < MAX_SEEN)
		seen.sockets[seen.n++] = *socket;
	return true;
}

static bool keep_bucket(void *arg, const struct iu_bucket *bucket)
{
	if (seen.n_buckets < 64)
		seen.buckets[seen.n_buckets++] = *bucket;
	return true;
}

static void need(enum inuse_status status, const struct inuse_error *error)
{
	if (status == INUSE_E_PERMISSION || status == INUSE_E_UNSUPPORTED)
		live_skip("%s", error->text);
	if (status != INUSE_OK)
		live_fail("%d: %s", status, error->text);
}

static void look_scope(const struct iu_scope *scope)
{
	struct inuse_error error = {0};

	memset(&seen, 0, sizeof(seen));
	need(iu_bucket_each(scope, keep_socket, keep_bucket, NULL, &seen.unseen, &error), &error);
	assert_int_equal(seen.unseen, 0);
}

static void look(uint16_t port)
{
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .classes = true, .bound = true};

	look_scope(&scope);
}

/* The only socket of that state that was seen. */
static const struct inuse_socket *only(enum inuse_state state)
{
	const struct inuse_socket *found = NULL;

	for (size_t i = 0; i < seen.n; i++) {
		if (seen.sockets[i].state != state)
			continue;
		if (found != NULL)
			live_fail("more than one socket in state %d", state);
		found = &seen.sockets[i];
	}
	if (found == NULL)
		live_fail("no socket in state %d among %zu", state, seen.n);
	return found;
}

static void check_addr(const struct inuse_addr *a, const char *text)
{
	char buf[INUSE_ADDR_TEXT];

	assert_string_equal(inuse_addr_text(a, buf), text);
}

static void check_flags(const struct inuse_socket *s, uint32_t mask, uint32_t flags)
{
	if ((s->known & mask) != mask)
		live_fail("known %x lacks some of %x", s->known, mask);
	if ((s->flags & mask) != flags)
		live_fail("flags %x, of which %x should be %x", s->flags, mask, flags);
}

#define REUSE (INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY)

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

/* ------------------------------------------------------------------------------------------- very many */

/* n TIME-WAITs on 127.0.0.1:8080 or another local address, the port of the peer counting up from first. */
static void many_time_waits(const char *addr, unsigned options, unsigned n, unsigned first)
{
	int listener = live_listener(addr, LIVE_REUSEADDR), one = 1;
	struct sockaddr_storage to;
	socklen_t len = live_sockaddr(addr, &to);
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK + 100)}};
	int client, server;

	for (unsigned i = 0; i < n; i++) {
		from.sin_port = htons((uint16_t)(first + i));
		client = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(client, (struct sockaddr *)&from, sizeof(from)) != 0 ||
		    connect(client, (struct sockaddr *)&to, len) != 0)
			live_fail("connection %u: %s", i, strerror(errno));
		server = accept(listener, NULL, NULL);
		live_set(server, LIVE_REUSEADDR, options & LIVE_REUSEADDR);
		close(server);
		close(client);
	}
	live_wait(8080, (uint16_t)(first + n - 1), INUSE_TIME_WAIT);
	live_close(listener);
}

static uint64_t count_with(uint32_t flag)
{
	uint64_t n = 0;

	for (size_t i = 0; i < seen.n; i++)
		if (seen.sockets[i].state == INUSE_TIME_WAIT && (seen.sockets[i].flags & flag))
			n += seen.sockets[i].count;
	return n;
}

static int64_t last_end(void)
{
	int64_t end = 0;

	for (size_t i = 0; i < seen.n; i++)
		if (seen.sockets[i].free_at_ns > end)
			end = seen.sockets[i].free_at_ns;
	return end;
}

static void test_bucket__5000_time_waits__counted_by_class(void **state)
{
	uint16_t port = 8080;
	struct iu_scope all = {.ports = &port, .n_ports = 1};
	int64_t end;

	many_time_waits("127.0.0.1:8080", LIVE_REUSEADDR, 2000, 30000);
	many_time_waits("127.0.0.1:8080", 0, 3000, 20000);
	live_bound("127.0.0.2:8080", 0);
	look_scope(&all);
	assert_int_equal(seen.n, 5001);
	assert_int_equal(count_with(INUSE_REUSEADDR), 2000);
	end = last_end();
	look(8080);
	assert_true(seen.n <= 20);
	assert_int_equal(seen.total, 5001);
	assert_int_equal(count_with(INUSE_REUSEADDR), 2000);
	only(INUSE_BOUND);
	/* the clock was read twice, and is good to a tick */
	assert_in_range(last_end() - end + INT64_C(20000000), 0, INT64_C(40000000));
}

static void test_bucket__asked_address__a_class_of_its_own(void **state)
{
	uint16_t port = 8080;
	struct inuse_addr asked;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .classes = true, .at = &asked, .n_at = 1};
	uint64_t there = 0;

	assert_int_equal(inuse_addr_parse("127.0.0.2", &asked, NULL), INUSE_OK);
	many_time_waits("127.0.0.1:8080", 0, 50, 20000);
	many_time_waits("127.0.0.2:8080", 0, 70, 21000);
	many_time_waits("127.0.0.3:8080", 0, 50, 22000);
	look_scope(&scope);
	assert_int_equal(seen.total, 170);
	assert_true(seen.n < 25);
	for (size_t i = 0; i < seen.n; i++)
		if (seen.sockets[i].local.ip[3] == 2)
			there += seen.sockets[i].count;
	assert_int_equal(there, 70);
}

/* The peer that connect() or accept() is asked about: one 4-tuple among many. */
static void test_bucket__asked_remote__not_hidden_in_a_class(void **state)
{
	uint16_t port = 8080;
	struct inuse_addr asked[2];
	struct iu_scope scope = {
		.ports = &port, .n_ports = 1, .classes = true,
		.at = &asked[0], .n_at = 1, .routes = &asked[1], .n_routes = 1};
	uint64_t n = 0;

	assert_int_equal(inuse_addr_parse("127.0.0.1", &asked[0], NULL), INUSE_OK);
	assert_int_equal(inuse_addr_parse("127.0.0.101", &asked[1], NULL), INUSE_OK);
	asked[1].port = 20033;
	many_time_waits("127.0.0.1:8080", 0, 100, 20000);
	look_scope(&scope);
	assert_int_equal(seen.total, 100);
	for (size_t i = 0; i < seen.n; i++)
		if (seen.sockets[i].remote.port == 20033)
			n += seen.sockets[i].count;
	assert_int_equal(n, 1);
}

static void test_bucket__many_listeners__first_in_line(void **state)
{
	unsigned listeners = 0;

	for (int i = 0; i < 70; i++)
		live_listener("127.0.0.1:8080", LIVE_REUSEPORT);
	many_time_waits("127.0.0.2:8080", 0, 40, 20000);
	look(8080);
	assert_int_equal(seen.total, 110);
	for (size_t i = 0; i < seen.n; i++)
		listeners += seen.sockets[i].state == INUSE_LISTEN;
	assert_true(listeners >= 48);
	assert_true(seen.n <= 66);
}

static void test_bucket__more_classes_than_room__one_by_one(void **state)
{
	live_need_root();
	for (unsigned i = 0; i < 400; i++)
		live_chown(live_bound(live_text("127.0.%u.%u:8080", 1 + i / 200, 1 + i % 200), 0), 1000 + i);
	look(8080);
	assert_int_equal(seen.total, 400);
	assert_int_equal(seen.n, 400);
}

/* Processes that make and drop sockets on the ports beside ours, and one that is always on ours. */
static void churn(unsigned salt)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, to = a;
	int listener = live_listener(live_text("127.0.0.1:%u", 9000 + salt), 0), one = 1, fds[8], n;

	to.sin_port = htons((uint16_t)(9000 + salt));
	for (unsigned i = 0;; i++) {
		for (n = 0; n < 8; n++) {
			fds[n] = socket(AF_INET, SOCK_STREAM, 0);
			setsockopt(fds[n], SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
			a.sin_port = htons((uint16_t)(8070 + (i * 8 + (unsigned)n) % 20));
			if (bind(fds[n], (struct sockaddr *)&a, sizeof(a)) == 0 && n % 4 == 0 &&
			    connect(fds[n], (struct sockaddr *)&to, sizeof(to)) == 0)
				close(accept(listener, NULL, NULL));
		}
		for (n = 0; n < 8; n++)
			close(fds[n]);
	}
}

static void test_bucket__churn__never_a_socket_of_another_port(void **state)
{
	uint16_t port = 8080;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .classes = true};
	struct inuse_error error = {0};
	unsigned partial = 0, met = 0;

	live_sysctl("net.ipv4.tcp_fin_timeout", "1");
	live_bound("127.0.0.77:8080", LIVE_REUSEADDR);
	for (unsigned i = 0; i < 2; i++)
		if (live_fork(false, -1) == 0)
			churn(i);
	for (unsigned i = 0; i < 100; i++) {
		memset(&seen, 0, sizeof(seen));
		need(iu_bucket_each(&scope, keep_socket, keep_bucket, NULL, &seen.unseen, &error), &error);
		partial += seen.unseen != 0;
		for (size_t j = 0; j < seen.n; j++) {
			assert_int_equal(seen.sockets[j].local.port, 8080);
			met += seen.sockets[j].local.ip[3] == 77;
		}
	}
	assert_true(partial <= 5);
	assert_true(met >= 95);
}

/* --------------------------------------------------------------------------------------------- the wheel */

/*
 * The kernel is asked again and again whether the remains are still there; the moment that was predicted has to be
 * within 50 ms of the time between the last yes and the first no.
 */
static void check_end(const char *fin_timeout)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	const int64_t near = INT64_C(50000000);
	int64_t end, last_yes, now = 0;

	live_sysctl("net.ipv4.tcp_fin_timeout", fin_timeout);
	live_fin_wait2("127.0.0.1:8080", 0);
	look(8080);
	end = only(INUSE_FIN_WAIT2)->free_at_ns;
	assert_true(only(INUSE_FIN_WAIT2)->mini);
	assert_int_equal(only(INUSE_FIN_WAIT2)->free_slack_ns, 0);
	do {
		last_yes = now;
		nanosleep(&pause, NULL);
		now = iu_host_now();
		if (now > end + INT64_C(5000000000))
			live_fail("still there 5 s after its end");
	} while (live_count(8080, 0, INUSE_FIN_WAIT2) > 0);
	now = iu_host_now();
	if (end < last_yes - near || end > now + near)
		live_fail("went %.3f to %.3f s after its predicted end", (double)(last_yes - end) / 1e9,
			  (double)(now - end) / 1e9);
}

static void test_end__steps_of_8_ticks__within_50_ms(void **state)
{
	check_end("1");
}

static void test_end__steps_of_64_ticks__within_50_ms(void **state)
{
	check_end("3");
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

static void test_elsewhere__same_port__counted_there_not_here(void **state)
{
	const struct iu_elsewhere *there = NULL;
	struct inuse_error error = {0};
	struct stat st;
	pid_t child;

	live_need_root();
	child = LIVE_CHILD(in_another_namespace());
	live_listener("127.0.0.1:48123", 0);
	n_elsewhere = 0;
	need(iu_bucket_elsewhere(48123, keep_elsewhere, NULL, &error), &error);
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	for (unsigned i = 0; i < n_elsewhere; i++) {
		assert_int_equal(elsewhere[i].port, 48123);
		assert_int_not_equal(elsewhere[i].netns, st.st_ino);
		/* other runs of this test may be under way */
		if (elsewhere[i].netns == (uint64_t)live_heard(child))
			there = &elsewhere[i];
	}
	assert_non_null(there);
	assert_int_equal(there->count, 2);
	assert_true(there->listening);
}

/* ------------------------------------------------------------------------------------------ the table */

static void look_table(const struct iu_scope *scope)
{
	struct inuse_error error = {0};

	memset(&seen, 0, sizeof(seen));
	need(iu_iter_each(scope, keep_socket, NULL, &seen.unseen, &error), &error);
	assert_int_equal(seen.unseen, 0);
}

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

/* ----------------------------------------------------------------------------------------- who has it */

static struct {
	unsigned n;
	int32_t pid, fd, last_pid;
} held;

static bool keep_owner(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	assert_int_equal(inode, *(const uint64_t *)arg);
	held.n++;
	held.last_pid = pid;
	if (pid != getpid())
		return true;
	held.pid = pid;
	held.fd = fd;
	return true;
}

static bool look_owners(uint64_t inode)
{
	struct inuse_error error = {0};
	bool complete = false;

	memset(&held, 0, sizeof(held));
	need(iu_files_owners(&inode, 1, keep_owner, &inode, &complete, &error), &error);
	return complete;
}

static void test_files__this_process__pid_and_fd(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);

	look_owners(live_inode(fd));
	assert_int_equal(held.n, 1);
	assert_int_equal(held.pid, getpid());
	assert_int_equal(held.fd, fd);
}

static void test_files__inherited__both(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);

	LIVE_CHILD_INHERITS((void)0);
	look_owners(live_inode(fd));
	assert_int_equal(held.n, 2);
}

static void test_files__in_flight__nobody(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);
	uint64_t inode = live_inode(fd);

	live_in_flight(fd);
	look_owners(inode);
	assert_int_equal(held.n, 0);
}

/* The first process of a pid namespace looks for the owner of its own socket. */
static int look_from_a_pid_namespace(void)
{
	int fd = live_listener("127.0.0.1:8080", 0);
	uint64_t inode = live_inode(fd);
	bool complete = true;

	memset(&held, 0, sizeof(held));
	if (iu_files_owners(&inode, 1, keep_owner, &inode, &complete, NULL) != INUSE_OK)
		return 2;
	if (held.n != 1 || held.pid != 1 || held.fd != fd)
		return 3;
	return complete ? 4 : 0;
}

static void test_files__in_a_pid_namespace__its_numbers_and_not_complete(void **state)
{
	int status = 0;
	pid_t pid;

	live_need_root();
	look_owners(1);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWPID) != 0)
			_exit(9);
		pid = fork();
		if (pid == 0)
			_exit(look_from_a_pid_namespace());
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_files__more_than_the_map_holds__found_all_the_same(void **state)
{
	enum { N = 70000 };
	uint64_t *inodes = calloc(N, sizeof(*inodes)), inode;
	struct inuse_error error = {0};
	bool complete;

	inode = live_inode(live_listener("127.0.0.1:8080", 0));
	for (uint64_t i = 0; i < N; i++)
		inodes[i] = UINT64_C(1) << 40 | i;
	inodes[N / 2] = inode;
	memset(&held, 0, sizeof(held));
	need(iu_files_owners(inodes, N, keep_owner, &inode, &complete, &error), &error);
	free(inodes);
	assert_int_equal(held.n, 1);
}

/* ------------------------------------------------------------------------------------------- permissions */

#define CAP(name) (UINT64_C(1) << (name))

/* Becomes nobody with these capabilities, and tells what the eyes then say. Writes nothing to stderr, or it is 99. */
static int as_nobody(uint64_t caps, bool in_user_namespace, struct inuse_error *error)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	uint32_t low = (uint32_t)caps, high = (uint32_t)(caps >> 32);
	struct __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
	struct iu_scope scope = {.ports = (const uint16_t[]){8080}, .n_ports = 1};
	int pipe_fds[2], status;
	char c;

	if (pipe2(pipe_fds, O_NONBLOCK) != 0 || dup2(pipe_fds[1], STDERR_FILENO) < 0)
		return 98;
	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setresuid(LIVE_NOBODY, LIVE_NOBODY, LIVE_NOBODY) != 0)
		return 97;
	if (syscall(SYS_capset, &header, data) != 0 || (in_user_namespace && unshare(CLONE_NEWUSER) != 0))
		return 96;
	memset(&seen, 0, sizeof(seen));
	status = iu_bucket_each(&scope, keep_socket, keep_bucket, NULL, &seen.unseen, error);
	if (read(pipe_fds[0], &c, 1) == 1)
		return 99;
	return -status;
}

/* Runs it in a child; ret_text: the sentence of the refusal. */
static int try_as_nobody(uint64_t caps, bool in_user_namespace, char *ret_text, size_t size)
{
	struct inuse_error *error;
	int status = 0;
	pid_t pid;

	error = mmap(NULL, sizeof(*error), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (pid == 0)
		_exit(as_nobody(caps, in_user_namespace, error));
	waitpid(pid, &status, 0);
	snprintf(ret_text, size, "%s", error->text);
	munmap(error, sizeof(*error));
	return WEXITSTATUS(status);
}

static void test_permission__two_capabilities__enough(void **state)
{
	char text[256];

	live_need_root();
	look(8080);
	assert_int_equal(try_as_nobody(CAP(CAP_BPF) | CAP(CAP_PERFMON), false, text, sizeof(text)), 0);
}

static void test_permission__lacking__named_in_one_sentence_and_silent(void **state)
{
	static const struct {
		uint64_t caps;
		bool in_user_namespace;
		const char *text;
	} table[] = {
		{0, false, "CAP_BPF and CAP_PERFMON are missing"},
		{CAP(CAP_NET_ADMIN), false, "CAP_BPF and CAP_PERFMON are missing"},
		{CAP(CAP_BPF), false, "CAP_PERFMON is missing"},
		{CAP(CAP_PERFMON), false, "CAP_BPF is missing"},
		{0, true, "the capabilities of a user namespace are not enough to read the kernel's tables"},
	};
	char text[256];

	live_need_root();
	look(8080);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(try_as_nobody(table[i].caps, table[i].in_user_namespace, text, sizeof(text)),
				 -INUSE_E_PERMISSION);
		assert_string_equal(text, table[i].text);
	}
}

/* ------------------------------------------------------------------------------------------------ signals */

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	alarms = alarms + 1;
}

static void test_signals__all_the_time__answers_all_the_same(void **state)
{
	const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct iu_scope scope = {.bound = true};
	struct sigaction action = {.sa_handler = on_alarm}, old;

	live_listener("127.0.0.1:8080", 0);
	look(8080);
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	look(8080);
	assert_int_equal(seen.n, 1);
	look_table(&scope);
	assert_int_equal(seen.n, 1);
	look_owners(seen.sockets[0].inode);
	assert_int_equal(held.n, 1);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_true(alarms > 0);
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
		live_test(test_bucket__several_ports__one_look),
		live_test(test_bucket__5000_time_waits__counted_by_class),
		live_test(test_bucket__asked_address__a_class_of_its_own),
		live_test(test_bucket__asked_remote__not_hidden_in_a_class),
		live_test(test_bucket__many_listeners__first_in_line),
		live_test(test_bucket__more_classes_than_room__one_by_one),
		live_test(test_bucket__churn__never_a_socket_of_another_port),
		live_test(test_end__steps_of_8_ticks__within_50_ms),
		live_test(test_end__steps_of_64_ticks__within_50_ms),
		live_test(test_elsewhere__same_port__counted_there_not_here),
		live_test(test_iter__every_kind__seen_with_flags),
		live_test(test_iter__one_port__no_other),
		live_test(test_iter__half_open__syn_recv),
		live_test(test_files__this_process__pid_and_fd),
		live_test(test_files__inherited__both),
		live_test(test_files__in_flight__nobody),
		live_test(test_files__in_a_pid_namespace__its_numbers_and_not_complete),
		live_test(test_files__more_than_the_map_holds__found_all_the_same),
		live_test(test_permission__two_capabilities__enough),
		live_test(test_permission__lacking__named_in_one_sentence_and_silent),
		live_test(test_signals__all_the_time__answers_all_the_same),
	};

	return LIVE_RUN("eyes_bpf", tests);
}
