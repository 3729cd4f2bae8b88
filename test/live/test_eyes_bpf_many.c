/* SPDX-License-Identifier: MIT */
/* The BPF eyes on thousands of sockets, under churn, and the ends that they predict. */
#include "live/seen.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <time.h>

#include "host/bpf_walk.h"

/* ------------------------------------------------------------------------------------------- very many */

/* n TIME-WAITs on 127.0.0.1:8080 or another local address, the port of the peer counting up from first. */
static void many_time_waits(const char *addr, unsigned options, unsigned n, unsigned first)
{
	int listener = live_listener(addr, LIVE_REUSEADDR), one = 1;
	struct sockaddr_storage to;
	socklen_t len = live_sockaddr(addr, &to);
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK + 100)}};
	int client, server;

	/* a small machine keeps no more than 4,096 of them */
	live_sysctl("net.ipv4.tcp_max_tw_buckets", "65536");
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
	many_time_waits("127.0.0.2:8080", 0, 70, 5500);
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

/* Bound sockets on one port, all on one list, newest first; some of them are closed while the list is being read. */
struct shrinking {
	int fds[400];
	uint64_t inodes[400];
	unsigned met[400], others;
	size_t close_from, close_to; /* with the first record */
};

static void fill_shrinking(struct shrinking *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		s->fds[i] = live_bound("127.0.0.1:8080", LIVE_REUSEADDR);
		s->inodes[i] = live_inode(s->fds[i]);
	}
}

static bool shrink(void *arg, const struct iu_rec *rec)
{
	struct shrinking *s = arg;
	bool known = false;

	for (; s->close_from < s->close_to; s->close_from++)
		live_close(s->fds[s->close_from]);
	for (size_t i = 0; i < 400 && rec->inode != 0; i++)
		if (s->inodes[i] == rec->inode) {
			s->met[i]++;
			known = true;
		}
	s->others += !known;
	return true;
}

/* The walk stands on a socket that goes: what was told before is not told again, and all others are. */
static void check_shrinking(size_t from, size_t to)
{
	static struct shrinking s;
	uint16_t port = 8080;
	struct iu_walk_question question = {.mode = IU_WALK_TABLE, .ports = &port, .n_ports = 1, .piece = 64};
	struct iu_walk_table_end end;
	struct inuse_error error = {0};

	s = (struct shrinking){.close_from = from, .close_to = to};
	fill_shrinking(&s, 400);
	need(iu_walk_table(&question, shrink, &s, &end, &error), &error);
	assert_false(end.partial);
	assert_int_equal(end.requests, 0);
	assert_int_equal(s.others, 0);
	/* the first piece, which is the last 64, was told before anything was closed */
	for (size_t i = 0; i < 400; i++) {
		bool closed = i - from < to - from && i < 400 - 64;

		assert_int_equal(s.met[i], !closed);
	}
}

static void test_table__socket_where_it_stands_goes__others_once(void **state)
{
	check_shrinking(330, 340);
}

static void test_table__all_that_was_told_goes__others_once(void **state)
{
	check_shrinking(300, 400);
}

static void test_table__end_of_the_list_goes__others_once(void **state)
{
	check_shrinking(0, 336);
}

/* The bound one among those that are counted. */
struct tally {
	uint64_t mini, bound;
};

static bool tally_up(void *arg, const struct inuse_socket *socket)
{
	struct tally *t = arg;

	t->mini += socket->mini;
	t->bound += socket->state == INUSE_BOUND && socket->local.port == 8081;
	return true;
}

static void test_iter__more_than_a_piece__the_bound_one_too(void **state)
{
	struct iu_scope scope = {.bound = true};
	struct inuse_error error = {0};
	struct tally tally = {0};
	uint32_t unseen = 0;

	many_time_waits("127.0.0.1:8080", 0, 8300, 20000);
	live_bound("127.0.0.77:8081", 0);
	need(iu_iter_each(&scope, tally_up, &tally, &unseen, &error), &error);
	assert_int_equal(unseen, 0);
	assert_int_equal(tally.mini, 8300);
	assert_int_equal(tally.bound, 1);
}

/* A port that connect() chose holds nothing that is only bound, until somebody binds it. */
static void test_iter__bound_to_the_port_of_a_client__seen(void **state)
{
	struct live_connection c = live_connection("127.0.0.1:8080", 0, NULL, 0);
	struct iu_scope scope = {.bound = true};

	look_table(&scope);
	for (size_t i = 0; i < seen.n; i++)
		assert_int_not_equal(seen.sockets[i].state, INUSE_BOUND);
	live_bound(live_text("127.0.0.2:%u", c.client_port), 0);
	look_table(&scope);
	assert_int_equal(only(INUSE_BOUND)->local.port, c.client_port);
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
		need(iu_bucket_each(&scope, keep_socket, keep_bucket, NULL, NULL, &seen.unseen, &error), &error);
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
	do { /* on a busy machine they may have gone before somebody looks */
		struct live_connection c = live_connection("127.0.0.1:8080", 0, NULL, 0);

		live_close(c.server);
		live_close(c.listener);
		while (live_count(8080, 0, INUSE_FIN_WAIT1) > 0)
			;
		look(8080);
	} while (live_count(8080, 0, INUSE_FIN_WAIT2) == 0);
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

/* ------------------------------------------------------------------------ orphans that are whole at first */

#define SECOND INT64_C(1000000000)

/* A connection whose server has closed first, and whose client never will; linger2 0: the setting holds. */
static void orphan(int listener, int linger2)
{
	struct live_connection c = {.client = live_dial("127.0.0.1:8080", NULL, 0)};

	c.server = live_accept(listener);
	c.client_port = live_port(c.client);
	if (linger2 != 0 && setsockopt(c.server, IPPROTO_TCP, TCP_LINGER2, &linger2, sizeof(linger2)) != 0)
		live_fail("TCP_LINGER2: %s", strerror(errno));
	live_close(c.server);
	live_wait(8080, c.client_port, INUSE_FIN_WAIT2);
}

/* How long the only one stays from now on, as it is told. */
static int64_t left_of_a_whole_one(int64_t *ret_slack_ns)
{
	int64_t now;

	look(8080);
	now = iu_host_now();
	assert_false(only(INUSE_FIN_WAIT2)->mini);
	assert_int_equal(only(INUSE_FIN_WAIT2)->inode, 0);
	*ret_slack_ns = only(INUSE_FIN_WAIT2)->free_slack_ns;
	return only(INUSE_FIN_WAIT2)->free_at_ns - now;
}

/* Each timer may be rounded up by a step of the wheel, 5.12 s where it is coarsest; and the test looks late, on a loaded machine by seconds. */
static void check_left(int64_t left_ns, int64_t least_s, unsigned timers)
{
	if (left_ns < (least_s - 5) * SECOND || left_ns > least_s * SECOND + timers * INT64_C(5130000000))
		live_fail("%.3f s are told, %lld s and what the wheel adds are due", (double)left_ns / 1e9, (long long)least_s);
}

static void test_end__whole_orphan__its_timer_and_that_of_what_it_leaves(void **state)
{
	int64_t slack;

	live_sysctl("net.ipv4.tcp_fin_timeout", "90");
	live_fin_wait2("127.0.0.1:8080", 0);
	check_left(left_of_a_whole_one(&slack), 60, 2);
	assert_in_range(slack, 1, INT64_C(2060000000));
	/* what the setting says when the first timer fires decides: now the connection is reset then */
	live_sysctl("net.ipv4.tcp_fin_timeout", "60");
	check_left(left_of_a_whole_one(&slack), 30, 1);
	assert_int_equal(slack, 0);
}

static void test_end__whole_orphan_with_a_time_of_its_own__that(void **state)
{
	int64_t slack;

	orphan(live_listener("127.0.0.1:8080", 0), 110);
	check_left(left_of_a_whole_one(&slack), 100, 2);
}

/* Those are counted by class; with them a connection that is half closed, and has no end. */
static void test_end__many_whole_orphans__the_last_one_is_told(void **state)
{
	int listener = live_listener("127.0.0.1:8080", 0);
	uint64_t unlimited = 0, limited = 0;
	int client, server;
	int64_t now;

	for (int i = 0; i < 100; i++)
		orphan(listener, i == 90 ? 115 : 90);
	client = live_dial("127.0.0.1:8080", NULL, 0);
	server = live_accept(listener);
	assert_int_equal(shutdown(server, SHUT_WR), 0);
	live_wait(8080, live_port(client), INUSE_FIN_WAIT2);
	look(8080);
	now = iu_host_now();
	assert_int_equal(seen.total, 102);
	assert_true(seen.n < 50);
	for (size_t i = 0; i < seen.n; i++) {
		if (seen.sockets[i].state != INUSE_FIN_WAIT2)
			continue;
		*(seen.sockets[i].free_at_ns == 0 ? &unlimited : &limited) += seen.sockets[i].count;
	}
	assert_int_equal(limited, 100);
	assert_int_equal(unlimited, 1);
	check_left(last_end() - now, 110, 2);
}

static const struct inuse_socket *mini_one(void)
{
	look(8080);
	for (size_t i = 0; i < seen.n; i++)
		if (seen.sockets[i].state == INUSE_FIN_WAIT2 && seen.sockets[i].mini)
			return &seen.sockets[i];
	return NULL;
}

/* The mini socket shows its end exactly, and was not armed after it was seen: so late may a busy machine have been. */
static void test_end__whole_orphan__as_the_mini_socket_says_later(void **state)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	const int64_t near = INT64_C(50000000);
	const struct inuse_socket *mini;
	int64_t told, slack, seen_at, latest;

	live_sysctl("net.ipv4.tcp_fin_timeout", "63");
	live_fin_wait2("127.0.0.1:8080", 0);
	left_of_a_whole_one(&slack);
	told = only(INUSE_FIN_WAIT2)->free_at_ns;
	while ((mini = mini_one()) == NULL) {
		if (iu_host_now() > told)
			live_fail("no mini socket was seen before %.3f s", (double)told / 1e9);
		nanosleep(&pause, NULL);
	}
	seen_at = iu_host_now();
	latest = (seen_at + 3 * SECOND > told ? seen_at + 3 * SECOND : told) + slack + near;
	printf("told %.3f s, slack %.3f s; it is %.3f s later\n", (double)told / 1e9, (double)slack / 1e9,
	       (double)(mini->free_at_ns - told) / 1e9);
	if (mini->free_at_ns < told - near || mini->free_at_ns > latest)
		live_fail("the mini socket goes %.3f s after what was told", (double)(mini->free_at_ns - told) / 1e9);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_bucket__5000_time_waits__counted_by_class),
		live_test(test_bucket__asked_address__a_class_of_its_own),
		live_test(test_bucket__asked_remote__not_hidden_in_a_class),
		live_test(test_bucket__many_listeners__first_in_line),
		live_test(test_bucket__more_classes_than_room__one_by_one),
		live_test(test_table__socket_where_it_stands_goes__others_once),
		live_test(test_table__all_that_was_told_goes__others_once),
		live_test(test_table__end_of_the_list_goes__others_once),
		live_test(test_iter__more_than_a_piece__the_bound_one_too),
		live_test(test_iter__bound_to_the_port_of_a_client__seen),
		live_test(test_bucket__churn__never_a_socket_of_another_port),
		live_test(test_end__steps_of_8_ticks__within_50_ms),
		live_test(test_end__steps_of_64_ticks__within_50_ms),
		live_test(test_end__whole_orphan__its_timer_and_that_of_what_it_leaves),
		live_test(test_end__whole_orphan_with_a_time_of_its_own__that),
		live_test(test_end__many_whole_orphans__the_last_one_is_told),
		live_test(test_end__whole_orphan__as_the_mini_socket_says_later),
	};

	return LIVE_RUN("eyes_bpf_many", tests);
}
