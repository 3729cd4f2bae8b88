/* SPDX-License-Identifier: MIT */
/* serve and dial: the two textbook stories, and each choice of how a connection ends, on the real kernel. */
#include <dirent.h>
#include <jansson.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "support/live.h"

#define CLIENT "127.0.0.1:23456"
#define SERVER "127.0.0.1:12345"
#define SERVE(...) start("listening on ", (const char *const[]){"inuse", "serve", __VA_ARGS__, NULL})

static pid_t start(const char *ready, const char *const *argv)
{
	pid_t pid = live_start_inuse(-1, argv);

	live_expect(pid, ready);
	return pid;
}

/* ------------------------------------------------------------------------------------- how a connection ends */

struct ending {
	const char *serve_close, *dial_close; /* NULL: not given */
	int status;
	const char *out;
	const char *server_says, *client_says;
	enum inuse_state at_server, at_client; /* TIME-WAIT or nothing */
};

static const struct ending endings[] = {
	{NULL, NULL, 0, "HELLO", "this side closed first; TIME-WAIT is here", "the peer closed first; TIME-WAIT is at the peer",
	 INUSE_TIME_WAIT, INUSE_STATE_UNKNOWN},
	{"half", "after-peer", 0, "HELLO", "TIME-WAIT is here", "TIME-WAIT is at the peer", INUSE_TIME_WAIT,
	 INUSE_STATE_UNKNOWN},
	{"first", NULL, 0, "HELLO", "this side closed first; TIME-WAIT is here", "TIME-WAIT is at the peer", INUSE_TIME_WAIT,
	 INUSE_STATE_UNKNOWN},
	{"after-peer", "half", 0, "HELLO", "the peer closed first; TIME-WAIT is at the peer",
	 "this side closed first; TIME-WAIT is here", INUSE_STATE_UNKNOWN, INUSE_TIME_WAIT},
	{"reset", NULL, 1, "HELLO", "this side reset it; TIME-WAIT is nowhere", "the peer reset it; TIME-WAIT is nowhere",
	 INUSE_STATE_UNKNOWN, INUSE_STATE_UNKNOWN},
	{"after-peer", "reset", 0, "", "the peer reset it; TIME-WAIT is nowhere", "this side reset it; TIME-WAIT is nowhere",
	 INUSE_STATE_UNKNOWN, INUSE_STATE_UNKNOWN},
};

static void check_ending(const struct ending *e, const char *server, const char *client)
{
	const struct live_run *dial;
	pid_t pid;

	pid = e->serve_close ? SERVE("hello", "-v", "--close", e->serve_close, server) : SERVE("hello", "-v", server);
	dial = e->dial_close ? live_inuse("dial", "-v", "--from", client, "--close", e->dial_close, server)
			     : live_inuse("dial", "-v", "--from", client, server);
	live_complains(dial, e->status, e->client_says);
	assert_string_equal(dial->out, e->out);
	live_expect(pid, e->server_says);
	if (e->at_server == INUSE_TIME_WAIT)
		live_wait(12345, 23456, INUSE_TIME_WAIT);
	else
		live_wait_gone(12345, 23456);
	if (e->at_client == INUSE_TIME_WAIT)
		live_wait(23456, 12345, INUSE_TIME_WAIT);
	else
		live_wait_gone(23456, 12345);
	live_says(live_finish(pid, SIGTERM), 0, "");
}

static void test_close__each_way__time_wait_where_it_says(void **state)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		live_setup(state);
		check_ending(&endings[i], SERVER, CLIENT);
		live_teardown(state);
	}
	live_setup(state);
}

static void test_close__each_way_on_ipv6__the_same(void **state)
{
	live_need_ipv6();
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		live_setup(state);
		check_ending(&endings[i], "[::1]:12345", "[::1]:23456");
		live_teardown(state);
	}
	live_setup(state);
}

static void test_close_first__client_stays_open__says_that_time_wait_comes_later(void **state)
{
	pid_t pid = SERVE("-v", "--close", "first", SERVER);

	live_dial(SERVER, CLIENT, 0);
	live_expect(pid, "this side closed first; TIME-WAIT will be here when the peer has closed");
	assert_int_equal(live_count(12345, 23456, INUSE_FIN_WAIT2), 1);
}

/* A client's request that nobody reads makes a reset of an immediate close: the textbook server loses its answer. */
static void test_close__unread_request__first_resets_half_does_not(void **state)
{
	static const struct {
		const char *how, *says;
		enum inuse_state left;
	} rows[] = {{"first", "this side reset it", INUSE_STATE_UNKNOWN}, {"half", "this side closed first", INUSE_TIME_WAIT}};

	for (size_t i = 0; i < 2; i++) {
		const char *server = live_text("127.0.0.1:%zu", 1001 + i);
		pid_t pid = SERVE("-v", "--close", rows[i].how, server);
		char buf[8];
		int client;

		live_suspend(pid);
		client = live_dial(server, NULL, 0);
		assert_int_equal(send(client, "GET", 3, 0), 3);
		kill(pid, SIGCONT);
		if (i == 0)
			live_expect(pid, rows[i].says); /* before the client can read: what it finds then is up to the kernel */
		else
			assert_int_equal(recv(client, buf, sizeof(buf), MSG_WAITALL), 5);
		live_close(client);
		live_expect(pid, rows[i].says);
		assert_int_equal(live_count((uint16_t)(1001 + i), 0, INUSE_TIME_WAIT), rows[i].left == INUSE_TIME_WAIT);
	}
}

static void test_linger_0__as_reset(void **state)
{
	pid_t pid = SERVE("-v", "--linger", "0", "--close", "first", SERVER);

	live_complains(live_inuse("dial", SERVER), 1, "reset the connection");
	live_expect(pid, "this side reset it; TIME-WAIT is nowhere (reset)");
	SERVE("drain", "127.0.0.1:1001");
	live_complains(live_inuse("dial", "-v", "--linger", "0", "--close", "first", "127.0.0.1:1001"), 0, "this side reset it");
	assert_int_equal(live_count(12345, 0, INUSE_TIME_WAIT), 0);
}

/* ------------------------------------------------------------------------------------------- the first story */

static void serve_once(const char *option, const char *server, const char *client)
{
	pid_t pid = SERVE(option, server);

	live_says(live_inuse("dial", client), 0, "HELLO");
	live_wait(12345, 0, INUSE_TIME_WAIT);
	live_says(live_finish(pid, SIGTERM), 0, "");
}

static void test_restart__old_server_without_reuseaddr__fails_whatever_the_new_one_sets(void **state)
{
	serve_once("--no-reuseaddr", SERVER, SERVER);
	live_complains(live_inuse("serve", "--no-reuseaddr", SERVER), 1,
		       "inuse serve: cannot listen on 127.0.0.1:12345: Address already in use\n", "IN USE",
		       "TIME-WAIT 127.0.0.1:12345 > ");
	live_complains(live_inuse("serve", "--reuseaddr", SERVER), 1, "Address already in use");
	live_complains(live_inuse("serve", "12345"), 1, "cannot listen on *:12345: Address already in use");
}

static void test_restart__both_with_reuseaddr__works(void **state)
{
	serve_once("--reuseaddr", SERVER, SERVER);
	serve_once("--reuseaddr", SERVER, SERVER);
	live_complains(live_inuse("serve", "--no-reuseaddr", SERVER), 1, "Address already in use");
}

static void test_restart__one_socket_for_both_families__the_same_rules(void **state)
{
	live_need_ipv6();
	serve_once("--reuseaddr", "12345", SERVER);
	serve_once("--reuseaddr", "12345", "[::1]:12345");
	live_complains(live_inuse("serve", "--no-reuseaddr", "12345"), 1, "Address already in use");
}

/* The open question of the second story: the server's TIME-WAIT does not keep the same client out. */
static void test_reconnect__time_wait_at_the_server__same_client_is_accepted(void **state)
{
	pid_t pid = SERVE("-v", SERVER);
	const struct live_run *dial = live_inuse("dial", "--from", CLIENT, "--repeat", "3", SERVER);

	live_says(dial, 0, "HELLOHELLOHELLO");
	live_says(live_finish(pid, SIGTERM), 0, "127.0.0.1:23456");
	assert_int_equal(live_count(12345, 23456, INUSE_TIME_WAIT), 1);
}

/* ------------------------------------------------------------------------------------------ the second story */

static void test_fixed_port__with_timestamps__reconnects_at_once(void **state)
{
	SERVE("drain", SERVER);
	live_complains(live_inuse("dial", "-v", "--from", CLIENT, "--close", "first", "--repeat", "5", SERVER), 0,
		       "5: 127.0.0.1:23456 > 127.0.0.1:12345", "this side closed first; TIME-WAIT is here");
	live_says(live_inuse("dial", "--from", CLIENT, "--close", "first", "--repeat", "100", SERVER), 0, "");
}

static void test_fixed_port__without_timestamps__second_round_fails_in_connect(void **state)
{
	SERVE("drain", SERVER);
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	live_complains(live_inuse("dial", "--from", CLIENT, "--close", "first", "--repeat", "0", SERVER), 1,
		       "inuse dial: round 2: cannot connect to 127.0.0.1:12345 from 127.0.0.1:23456: "
		       "Cannot assign requested address\n", "TIME-WAIT 127.0.0.1:23456 > 127.0.0.1:12345");
}

static void test_fixed_port__without_reuseaddr__second_round_fails_in_bind(void **state)
{
	SERVE("drain", SERVER);
	live_complains(live_inuse("dial", "--from", ":23456", "--no-reuseaddr", "--close", "first", "--repeat", "0", SERVER), 1,
		       "inuse dial: round 2: cannot bind to 0.0.0.0:23456: Address already in use\n");
}

/* ------------------------------------------------------------------------------------- options and addresses */

/* Takes a copy of the listening socket out of the server, to ask the kernel what it is. */
static int listener_of(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	DIR *dir = opendir(live_text("/proc/%d/fd", pid));
	struct dirent *entry;
	int found = -1;

	if (pidfd < 0 || dir == NULL)
		live_fail("pidfd_open: %s", strerror(errno));
	while (found < 0 && (entry = readdir(dir)) != NULL) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0), listening = 0;
		socklen_t len = sizeof(listening);

		if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening)
			found = fd;
		else if (fd >= 0)
			close(fd);
	}
	closedir(dir);
	close(pidfd);
	if (found < 0)
		live_fail("process %d has no listening socket", pid);
	return found;
}

static int option_of(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, level, option, &value, &len);
	return value;
}

static void check_options(pid_t pid, int reuseaddr, int reuseport, int v6only, unsigned backlog)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	int fd = listener_of(pid);

	assert_int_equal(option_of(fd, SOL_SOCKET, SO_REUSEADDR), reuseaddr);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_REUSEPORT), reuseport);
	assert_int_equal(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), v6only);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	assert_int_equal(info.tcpi_sacked, backlog); /* of a listener: the longest its queue may be */
	close(fd);
}

static void test_options__each_set__and_nothing_else(void **state)
{
	unsigned most = (unsigned)atoi(live_sysctl_get("net.core.somaxconn"));

	live_need_ipv6();
	check_options(SERVE("1001"), 1, 0, 0, most);
	check_options(SERVE("--no-reuseaddr", "127.0.0.1:1002"), 0, 0, -1, most);
	check_options(SERVE("--reuseport", "--backlog", "7", "1003"), 1, 1, 0, 7);
	check_options(SERVE("--v6only", "1004"), 1, 0, 1, most);
	check_options(SERVE("--reuseport", "--no-reuseaddr", "[::]:1005"), 0, 1, 0, most);
	live_sysctl("net.ipv6.bindv6only", "1");
	check_options(SERVE("1006"), 1, 0, 0, most);
	check_options(SERVE("[::]:1007"), 1, 0, 1, most);
}

static void test_bare_port__both_families__peers_shown_plainly(void **state)
{
	pid_t pid;

	live_need_ipv6();
	pid = start("listening on *:12345\n", (const char *const[]){"inuse", "serve", "-v", "12345", NULL});
	live_says(live_inuse("dial", SERVER), 0, "HELLO");
	live_expect(pid, "\n127.0.0.1:");
	live_says(live_inuse("dial", "[::1]:12345"), 0, "HELLO");
	live_expect(pid, "\n[::1]:");
	live_says_not(live_finish(pid, SIGTERM), "ffff");
}

static void test_v6only__no_ipv4(void **state)
{
	live_need_ipv6();
	start("listening on [::]:12345\n", (const char *const[]){"inuse", "serve", "--v6only", "12345", NULL});
	live_says(live_inuse("dial", "[::1]:12345"), 0, "HELLO");
	live_complains(live_inuse("dial", SERVER), 1, "cannot connect to 127.0.0.1:12345: Connection refused");
	SERVE(SERVER);
}

static void test_dial__several_addresses__tried_in_order(void **state)
{
	SERVE(SERVER);
	live_complains(live_inuse("dial", "-v", "12345"), 0, "> 127.0.0.1:12345");
	live_says(live_inuse("dial", "--from", "127.0.0.9", "localhost:12345"), 0, "HELLO");
	live_complains(live_inuse("dial", "--from", "127.0.0.9", "[::1]:12345"), 2, "no address of the family of --from");
}

static void test_dial__from_address_alone__port_is_picked(void **state)
{
	SERVE("-v", SERVER);
	live_complains(live_inuse("dial", "-v", "--from", "127.0.0.9", SERVER), 0, "1: 127.0.0.9:");
	live_complains(live_inuse("dial", "--from", "192.0.2.1", SERVER), 1,
		       "cannot bind to 192.0.2.1:0: Cannot assign requested address");
}

static void test_dial__nobody_answers__times_out(void **state)
{
	live_device("v0", "192.0.2.1/24");
	live_complains(live_inuse("dial", "--timeout", "0.2", "192.0.2.9:80"), 1, "round 1: cannot connect to 192.0.2.9:80");
	live_listener(SERVER, 0);
	live_complains(live_inuse("dial", "--timeout", "0.2", SERVER), 1, "neither sent nor closed for 0.2 s", "--close half");
}

static void test_port_0__the_real_one_is_shown(void **state)
{
	pid_t pid = SERVE("--count", "1", "127.0.0.1:0");
	int fd = listener_of(pid);
	unsigned port = live_port(fd);

	close(fd);
	assert_int_not_equal(port, 0);
	live_expect(pid, live_text("listening on 127.0.0.1:%u\n", port));
	live_says(live_inuse("dial", live_text("127.0.0.1:%u", port)), 0, "HELLO");
	live_says(live_finish(pid, 0), 0, "");
}

static void test_json__lines_of_both__parse(void **state)
{
	pid_t pid = SERVE("--json", "--reply", "a\"\x01\xff", "--count", "1", SERVER);
	const struct live_run *dial = live_inuse("dial", "--json", "--from", CLIENT, SERVER), *serve;
	json_t *line = json_loads(dial->out, 0, NULL);

	assert_int_equal(dial->status, 0);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "local")), CLIENT);
	assert_string_equal(json_string_value(json_object_get(line, "remote")), SERVER);
	assert_string_equal(json_string_value(json_object_get(line, "received")), "a\"\\x01\\xff");
	assert_int_equal(json_integer_value(json_object_get(line, "bytes_in")), 4);
	assert_string_equal(json_string_value(json_object_get(line, "time_wait")), "peer");
	json_decref(line);
	serve = live_finish(pid, 0);
	line = json_loads(strchr(serve->out, '{'), JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "remote")), CLIENT);
	assert_string_equal(json_string_value(json_object_get(line, "time_wait")), "here");
	json_decref(line);
}

static void test_echo_and_drain__what_was_sent(void **state)
{
	pid_t pid = SERVE("drain", "-v", "127.0.0.1:1001");

	SERVE("echo", SERVER);
	live_says(live_inuse("dial", "--send", "hallo", "--close", "half", "--repeat", "2", SERVER), 0, "hallohallo");
	assert_string_equal(live_inuse("dial", "--send", "hallo", "--close", "half", "127.0.0.1:1001")->out, "");
	live_expect(pid, "5 bytes in, 0 out");
}

static void test_ordinary_user__the_same_lines(void **state)
{
	pid_t pid;

	live_need_root();
	pid = live_start_inuse(LIVE_NOBODY, (const char *const[]){"inuse", "serve", "-v", SERVER, NULL});
	live_expect(pid, "listening on ");
	live_complains(live_inuse_as(LIVE_NOBODY, "dial", "-v", SERVER), 0, "the peer closed first; TIME-WAIT is at the peer");
	live_expect(pid, "this side closed first; TIME-WAIT is here");
	live_complains(live_inuse_as(LIVE_NOBODY, "serve", "127.0.0.1:80"), 1, "cannot listen on 127.0.0.1:80: Permission denied");
}

/* Neither the options nor the timestamps of what is left are shown to this user: that connect() was refused tells both. */
static void test_fixed_port__ordinary_user__told_for_certain(void **state)
{
	const struct live_run *run;

	live_need_root();
	SERVE("drain", SERVER);
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	run = live_inuse_as(LIVE_NOBODY, "dial", "--from", CLIENT, "--close", "first", "--repeat", "0", SERVER);
	live_complains(run, 1, "Cannot assign requested address", "IN USE for", "It had no TCP timestamps");
	live_says_not(run, "CANNOT TELL");
}

static void test_wrong_words__one_sentence_and_status_2(void **state)
{
	static const char *const rows[][4] = {
		{"serve", NULL, NULL, "ADDR is missing"},
		{"serve", "echo", NULL, "ADDR is missing"},
		{"serve", "1", "2", "one ADDR only, not \"2\""},
		{"serve", "65536", NULL, "port 65536 is out of range"},
		{"serve", "80/udp", NULL, "only TCP"},
		{"serve", "/run/x.sock", NULL, "unix socket"},
		{"serve", "--nonsense", "1", "no option --nonsense"},
		{"serve", "--close=last", "1", "--close takes first, half, after-peer or reset, not \"last\""},
		{"serve", "--backlog=0", "1", "--backlog takes a number from 1"},
		{"serve", "--count=x", "1", "--count takes a number"},
		{"serve", "--linger=-1", "1", "--linger takes a number from 0"},
		{"serve", "--timeout=1.", "1", "--timeout takes seconds"},
		{"serve", "--timeout=1.2345", "1", "--timeout takes seconds"},
		{"serve", "--grace=86401", "1", "--grace takes seconds"},
		{"serve", "--v6only", "127.0.0.1:1", "--v6only needs an IPv6 address"},
		{"dial", NULL, NULL, "ADDR is missing"},
		{"dial", "0", NULL, "port 0"},
		{"dial", "--from=x", "1", "is no address"},
		{"dial", "--repeat=-1", "1", "--repeat takes a number from 0"},
		{"dial", "no-such-host.invalid:1", NULL, "no-such-host.invalid"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *argv[] = {"inuse", rows[i][0], rows[i][1], rows[i][2], NULL};
		const struct live_run *run = live_run_inuse(-1, argv);

		live_complains(run, 2, rows[i][3]);
		assert_string_equal(run->out, "");
		assert_ptr_equal(strchr(run->err, '\n'), run->err + strlen(run->err) - 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_close__each_way__time_wait_where_it_says),
		live_test(test_close__each_way_on_ipv6__the_same),
		live_test(test_close_first__client_stays_open__says_that_time_wait_comes_later),
		live_test(test_close__unread_request__first_resets_half_does_not),
		live_test(test_linger_0__as_reset),
		live_test(test_restart__old_server_without_reuseaddr__fails_whatever_the_new_one_sets),
		live_test(test_restart__both_with_reuseaddr__works),
		live_test(test_restart__one_socket_for_both_families__the_same_rules),
		live_test(test_reconnect__time_wait_at_the_server__same_client_is_accepted),
		live_test(test_fixed_port__with_timestamps__reconnects_at_once),
		live_test(test_fixed_port__without_timestamps__second_round_fails_in_connect),
		live_test(test_fixed_port__without_reuseaddr__second_round_fails_in_bind),
		live_test(test_options__each_set__and_nothing_else),
		live_test(test_bare_port__both_families__peers_shown_plainly),
		live_test(test_v6only__no_ipv4),
		live_test(test_dial__several_addresses__tried_in_order),
		live_test(test_dial__from_address_alone__port_is_picked),
		live_test(test_dial__nobody_answers__times_out),
		live_test(test_port_0__the_real_one_is_shown),
		live_test(test_json__lines_of_both__parse),
		live_test(test_echo_and_drain__what_was_sent),
		live_test(test_ordinary_user__the_same_lines),
		live_test(test_fixed_port__ordinary_user__told_for_certain),
		live_test(test_wrong_words__one_sentence_and_status_2),
	};

	return LIVE_RUN("net", tests);
}
