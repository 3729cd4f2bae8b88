/* SPDX-License-Identifier: MIT */
/* Every cause that one machine can have, made for real, and named. The table of all that is printed at the end. */
#include "support/named.h"

#include <stdio.h>
#include <stdlib.h>

#define PORT "5000"

/* ------------------------------------------------------------------------------------------ asking */

/* What people read, whatever it is about, is at most twelve lines of eighty columns, and has no control characters. */
#define in_words(status, ...) check_words(status, (const char *const[]){"inuse", __VA_ARGS__, NULL})
static const struct live_run *check_words(int status, const char *const *argv)
{
	const struct live_run *run = live_run_inuse(-1, argv);
	size_t lines = 0;

	if (run->status != status)
		fail_msg("%s: exit %d, expected %d\n%s%s", run->line, run->status, status, run->out, run->err);
	for (const char *p = run->out; *p != 0; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n')) {
		if (strcspn(p, "\n") > 80)
			fail_msg("%s: a line is longer than 80 columns:\n%s", run->line, run->out);
		lines++;
	}
	if (lines > 12)
		fail_msg("%s: more than twelve lines:\n%s", run->line, run->out);
	return run;
}

/* ------------------------------------------------------------------------------------------ listeners */

static void test_causes__nothing__free(void **state)
{
	named("free", 0, PORT, PORT);
	live_says(in_words(0, PORT), 0, "5000/tcp FREE");
}

static void test_causes__same_directory_and_user__started_twice(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("0.0.0.0:" PORT, LIVE_REUSEADDR));

	named("started-twice", 1, PORT, PORT);
	live_says(in_words(1, PORT), 1, "5000/tcp IN USE by", live_text("pid %d", owner), live_text("kill %d", owner));
	assert_int_equal(live_try_bind("0.0.0.0:" PORT, LIVE_REUSEADDR), EADDRINUSE);
}

static void test_causes__listener_elsewhere__listener(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("0.0.0.0:" PORT, LIVE_REUSEADDR); if (chdir("/tmp") != 0) live_fail("chdir"));

	named("listener", 1, PORT, "0.0.0.0:" PORT);
	live_says(live_inuse("-v", "0.0.0.0:" PORT, "--no-reuseaddr"), 1, live_text("pid=%d", owner));
	live_kill(owner, SIGTERM);
	live_wait_gone(5000, 0);
	named("free", 0, PORT, "0.0.0.0:" PORT);
}

static void test_causes__wildcard_and_specific__both_ways(void **state)
{
	int a = live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR);

	named("wildcard-and-specific", 1, PORT, "0.0.0.0:" PORT);
	live_close(a);
	a = live_listener("0.0.0.0:" PORT, LIVE_REUSEADDR);
	named("wildcard-and-specific", 1, PORT, "127.0.0.1:" PORT);
	live_close(a);
	live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR);
	named("free", 0, PORT, "127.0.0.2:" PORT);
}

static void test_causes__dual_stack__both_ways(void **state)
{
	int a;

	live_need_ipv6();
	a = live_listener("[::]:" PORT, LIVE_REUSEADDR);
	named("ipv6-listener-covers-ipv4", 1, PORT, "127.0.0.1:" PORT);
	named("ipv6-listener-covers-ipv4", 1, PORT, "0.0.0.0:" PORT);
	assert_int_equal(live_try_bind("127.0.0.1:" PORT, LIVE_REUSEADDR), EADDRINUSE);
	live_close(a);
	a = live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR);
	named("ipv4-listener-in-dual-stack", 1, PORT, "[::]:" PORT);
	named("free", 0, PORT, "[::]:" PORT, "--v6only");
	live_sysctl("net.ipv6.bindv6only", "1");
	named("free", 0, PORT, "[::]:" PORT);
	live_close(a);
	live_listener("[::]:" PORT, LIVE_V6ONLY);
	named("free", 0, PORT, "0.0.0.0:" PORT);
}

static void test_causes__reuseport__other_user_and_one_side(void **state)
{
	int a;

	live_need_root();
	a = live_listener("127.0.0.1:" PORT, LIVE_REUSEPORT);
	named("reuseport-one-side", 1, PORT, "127.0.0.1:" PORT);
	named("reuseport-shared", 0, PORT, "--reuseport", "127.0.0.1:" PORT, "--uid", "0");
	live_chown(a, 1000);
	live_set(live_listener("127.0.0.2:" PORT, 0), LIVE_REUSEADDR, true); /* clears what the port remembers */
	named("reuseport-other-user", 1, PORT, "--reuseport", "127.0.0.1:" PORT, "--uid", "0");
	assert_int_equal(live_try_bind("127.0.0.1:" PORT, LIVE_REUSEPORT), EADDRINUSE);
}

static void test_causes__reuseport_memory__free_because_remembered(void **state)
{
	int a;

	live_need_root();
	a = live_listener("127.0.0.1:" PORT, LIVE_REUSEPORT);
	live_set(a, LIVE_REUSEPORT, false);
	named("reuseport-memory", 0, PORT, "--reuseport", "127.0.0.1:" PORT, "--uid", "0");
	assert_int_equal(live_try_bind("127.0.0.1:" PORT, LIVE_REUSEPORT), 0);
}

static void test_causes__second_listen__named(void **state)
{
	live_need_root();
	live_bound("127.0.0.1:" PORT, LIVE_REUSEADDR);
	why_named("bind-shared", 0, PORT, "bind", "127.0.0.1:" PORT, "--reuseaddr");
	live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR);
	why_named("second-listen", 1, PORT, "listen", "127.0.0.1:" PORT, "--reuseaddr");
}

static void test_causes__mptcp_listener__named(void **state)
{
	live_listener("127.0.0.1:" PORT, LIVE_MPTCP);
	named("mptcp-listener", 1, PORT, "127.0.0.1:" PORT);
}

static void test_causes__bound_not_listening__seen(void **state)
{
	LIVE_CHILD(live_bound("127.0.0.1:" PORT, LIVE_REUSEADDR));
	named("bound-not-listening", 1, PORT, "--plain", "127.0.0.1:" PORT);
	named("bound-not-listening", 1, PORT, "--plain", PORT); /* asked of all addresses, too */
}

static void test_causes__suspended__fg(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR));

	live_suspend(owner);
	named("suspended", 1, PORT, "127.0.0.1:" PORT);
	live_says(in_words(1, "127.0.0.1:" PORT), 1, "suspended (Ctrl-Z)", "fg");
}

/* The command that stands there, typed as it stands: SIGTERM alone would wait until it goes on. */
static void test_causes__suspended__the_command_ends_it(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR));
	const char *command, *end;

	live_suspend(owner);
	command = strstr(in_words(1, "127.0.0.1:" PORT)->out, live_text("kill %d", owner));
	end = command != NULL ? strstr(command, "  ") : NULL;
	assert_non_null(end);
	live_says(live_run("sh", "-c", live_text("%.*s", (int)(end - command), command)), 0, "");
	live_wait_gone((uint16_t)atoi(PORT), 0);
}

/* Root's master holds it as well: nobody who sees his worker alone is told to end that. */
static void test_causes__worker_of_another_user__the_master_is_hidden(void **state)
{
	const struct live_run *run;
	pid_t worker;

	live_need_root();
	live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR);
	worker = LIVE_CHILD_(true, LIVE_NOBODY, (void)0);
	run = live_inuse_as(LIVE_NOBODY, "127.0.0.1:" PORT);
	live_says(run, 1, live_text("(pid %d,", worker), "user root may hold it as well", "sudo inuse 127.0.0.1:" PORT, "names the others");
	live_says_not(run, "kill ");
	live_says(live_inuse("127.0.0.1:" PORT), 1, "and 1 more", "kill ");
}

static void test_causes__inherited__all_holders(void **state)
{
	int fd = live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR);
	pid_t a = LIVE_CHILD_INHERITS((void)fd), b = LIVE_CHILD_INHERITS((void)fd);

	live_close(fd);
	named("inherited", 1, PORT, "127.0.0.1:" PORT);
	live_says(in_words(1, "127.0.0.1:" PORT), 1, "1 more", live_text("%d", a), live_text("%d", b));
}

static void test_causes__in_flight__no_process(void **state)
{
	const struct live_run *run;

	live_need_root();
	live_in_flight(live_listener("127.0.0.1:" PORT, LIVE_REUSEADDR));
	/* "nobody has it" may be said only where every process can be read; some machines protect their first even from root */
	run = live_inuse("127.0.0.1:" PORT);
	if (strstr(run->out, "hidden from you") != NULL) {
		named("listener", 1, PORT, "127.0.0.1:" PORT);
		print_message("a process here cannot be read even by root: in flight is told as hidden\n");
	} else {
		named("in-flight", 1, PORT, "127.0.0.1:" PORT);
	}
}

/* ------------------------------------------------------------------------------------------ connections */

static void test_causes__time_wait__old_new_neither(void **state)
{
	live_need_root();
	live_time_wait("127.0.0.1:" PORT, 0, NULL);
	named("time-wait-old-lacked-reuseaddr", 1, PORT, PORT);
	named("time-wait-neither-reuseaddr", 1, PORT, "--plain", PORT);
	assert_int_equal(live_try_bind("127.0.0.1:" PORT, LIVE_REUSEADDR), EADDRINUSE);
	live_says(in_words(1, PORT), 1, "IN USE for ", "no process, only an ended connection", "TIME-WAIT 127.0.0.1:5000 > ",
		  "The old socket lacked SO_REUSEADDR", "inuse release", "helps from its next stop on");
	live_time_wait("127.0.0.1:5001", LIVE_REUSEADDR, NULL);
	named("free", 0, "5001", "5001");
	named("time-wait-new-lacks-reuseaddr", 1, "5001", "--plain", "5001");
	live_says(in_words(0, "5001"), 0, "would fail");
	assert_int_equal(live_try_bind("127.0.0.1:5001", LIVE_REUSEADDR), 0);
}

/* The command that the fix names frees the port at once. */
static void test_causes__time_wait__evict_as_told(void **state)
{
	live_need_root();
	live_time_wait("127.0.0.1:" PORT, 0, NULL);
	if (live_run("ss", "-tK", "state", "time-wait", "sport", "=", ":" PORT)->status != 0)
		live_skip("ss -K does not work here");
	named("free", 0, PORT, PORT);
	assert_int_equal(live_try_bind("127.0.0.1:" PORT, 0), 0);
}

static void test_causes__time_wait_ipv6__same(void **state)
{
	live_need_root();
	live_need_ipv6();
	live_time_wait("[::1]:" PORT, 0, NULL);
	named("time-wait-old-lacked-reuseaddr", 1, PORT, "[::1]:" PORT);
	named("time-wait-old-lacked-reuseaddr", 1, PORT, "[::]:" PORT);
}

static void test_causes__time_wait_of_client__named(void **state)
{
	struct live_connection c;

	live_need_root();
	live_sysctl("net.ipv4.ip_local_port_range", "5000 5000");
	c = live_connection("127.0.0.1:6000", 0, NULL, 0);
	named("client-on-port", 1, PORT, PORT);
	live_end(&c, LIVE_CLIENT_FIRST);
	live_sysctl("net.ipv4.ip_local_port_range", "4000 6000");
	named("time-wait-of-client", 1, PORT, PORT);
	assert_int_equal(live_try_bind("0.0.0.0:" PORT, LIVE_REUSEADDR), EADDRINUSE);
}

static void test_causes__fin_wait2__remains(void **state)
{
	live_need_root();
	live_fin_wait2("127.0.0.1:" PORT, 0);
	named("fin-wait2-remains", 1, PORT, PORT);
}

static void test_causes__living_connection__without_listener(void **state)
{
	struct live_connection c;

	live_need_root();
	c = live_connection("127.0.0.1:" PORT, 0, NULL, 0);
	live_close(c.listener);
	live_wait(5000, c.client_port, INUSE_ESTABLISHED);
	named("living-connection", 1, PORT, PORT);
}

static void test_causes__close_wait__leak(void **state)
{
	struct live_connection c;

	live_need_root();
	c = live_connection("127.0.0.1:" PORT, 0, NULL, 0);
	live_close(c.listener);
	live_close(c.client);
	live_wait(5000, c.client_port, INUSE_CLOSE_WAIT);
	named("close-wait-leak", 1, PORT, PORT);
}

/* The peer reads nothing: the goodbye cannot be delivered, the program is gone. */
static void test_causes__orphan__no_process(void **state)
{
	struct live_connection c;
	char data[65536] = {0};

	live_need_root();
	c = live_connection("127.0.0.1:" PORT, 0, NULL, 0);
	live_close(c.listener);
	while (send(c.server, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	live_close(c.server);
	live_wait(5000, c.client_port, INUSE_FIN_WAIT1);
	named("orphan", 1, PORT, PORT);
}

static void test_causes__self_connect__named(void **state)
{
	int fd;

	live_sysctl("net.ipv4.ip_local_port_range", "5000 5000");
	fd = live_dial("127.0.0.1:" PORT, NULL, 0);
	assert_true(fd >= 0);
	named("self-connect", 1, PORT, PORT);
}

/* ------------------------------------------------------------------------------------------ connect */

static void test_causes__fixed_port__timestamps_decide(void **state)
{
	struct live_connection c;

	live_need_root();
	c = live_connection("127.0.0.1:" PORT, LIVE_REUSEADDR, "127.0.0.1:5001", LIVE_REUSEADDR);
	why_named("tuple-in-use", 1, "5001", "connect", "127.0.0.1:" PORT, "--from", "127.0.0.1:5001", "--reuseaddr");
	live_end(&c, LIVE_CLIENT_FIRST);
	why_named("tuple-recycled", 0, "5001", "connect", "127.0.0.1:" PORT, "--from", "127.0.0.1:5001", "--reuseaddr");
	why_named("time-wait-new-lacks-reuseaddr", 1, "5001", "connect", "127.0.0.1:" PORT, "--from", "127.0.0.1:5001");
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	c = live_connection("127.0.0.1:5002", LIVE_REUSEADDR, "127.0.0.1:5003", LIVE_REUSEADDR);
	live_end(&c, LIVE_CLIENT_FIRST);
	why_named("tuple-time-wait", 1, "5003", "connect", "127.0.0.1:5002", "--from", ":5003", "--reuseaddr");
	assert_int_equal(live_try_connect("127.0.0.1:5002", "127.0.0.1:5003", LIVE_REUSEADDR), EADDRNOTAVAIL);
}

static void test_causes__accept__time_wait_is_reopened(void **state)
{
	struct live_connection c = live_connection("127.0.0.1:" PORT, LIVE_REUSEADDR, "127.0.0.1:5001", LIVE_REUSEADDR);

	live_end(&c, LIVE_SERVER_FIRST);
	why_named("syn-time-wait", 0, PORT, "accept", "127.0.0.1:" PORT, "--from", "127.0.0.1:5001");
	live_close(c.listener);
	why_named("time-wait-without-listener", 1, PORT, "accept", "127.0.0.1:" PORT, "--from", "127.0.0.1:5001");
	why_named("syn-no-listener", 1, PORT, "accept", "127.0.0.1:" PORT);
}

static void test_causes__connect_exhausted__ports_counted(void **state)
{
	live_need_root();
	live_sysctl("net.ipv4.ip_local_port_range", "20001 20002");
	live_connection("127.0.0.1:" PORT, 0, NULL, 0);
	live_dial("127.0.0.1:" PORT, NULL, 0);
	why_named("connect-ports-exhausted", 1, PORT, "connect", "127.0.0.1:" PORT);
	assert_int_equal(live_try_connect("127.0.0.1:" PORT, NULL, 0), EADDRNOTAVAIL);
	live_listener("127.0.0.1:5010", 0);
	/* before 6.18 a port that bind() was ever on stays closed as long as anybody has it: what the ports remember is read */
	why_named("free", 0, "5010", "connect", "127.0.0.1:5010");
	named("bind-ports-exhausted", 1, "20001", "127.0.0.1:0");
	assert_int_equal(live_try_bind("127.0.0.1:0", LIVE_REUSEADDR), EADDRINUSE);
}

/* Before 6.18 the last client on the port that bind() was on, too, keeps it from all others. */
static void test_causes__automatic_port_that_bind_was_on__as_the_kernel_has_it(void **state)
{
	bool closed = live_kernel_before(6, 18);
	int bound;

	live_need_root();
	live_sysctl("net.ipv4.ip_local_port_range", "20001 20001");
	live_listener("127.0.0.1:" PORT, 0);
	live_listener("127.0.0.1:5010", 0);
	live_dial("127.0.0.1:" PORT, NULL, LIVE_REUSEADDR);
	bound = live_bound("127.0.0.1:20001", LIVE_REUSEADDR);
	why_named("connect-ports-exhausted", 1, "5010", "connect", "127.0.0.1:5010");
	assert_int_equal(live_try_connect("127.0.0.1:5010", NULL, 0), EADDRNOTAVAIL);
	live_close(bound);
	why_named(closed ? "connect-ports-exhausted" : "free", closed ? 1 : 0, "5010", "connect", "127.0.0.1:5010");
	assert_int_equal(live_try_connect("127.0.0.1:5010", NULL, 0), closed ? EADDRNOTAVAIL : 0);
}

static void test_causes__refused_and_no_route__named(void **state)
{
	why_named("nobody-listens", 1, PORT, "connect", "127.0.0.1:" PORT);
	why_named("no-route", 1, PORT, "connect", "192.0.2.7:" PORT);
}

/* ------------------------------------------------------------------------------------------ addresses */

static void test_causes__privileged__as_user(void **state)
{
	const struct live_run *run;

	live_need_root();
	run = live_inuse_as(LIVE_NOBODY, "80");
	live_says(run, 1, "80/tcp WOULD FAIL: ports below 1024 need a privilege");
	named_row("privileged-port", "80", "named");
	live_sysctl("net.ipv4.ip_unprivileged_port_start", "80");
	live_says(live_inuse_as(LIVE_NOBODY, "80"), 0, "FREE");
}

static void test_causes__address__not_local_tentative_device(void **state)
{
	live_need_root();
	named("address-not-local", 1, PORT, "192.0.2.1:" PORT);
	named("free", 0, PORT, "--freebind", "192.0.2.1:" PORT);
	named("link-local-without-scope", 1, PORT, "[fe80::1]:" PORT);
	named("device-missing", 1, PORT, "--device", "nosuch0", PORT);
	live_device("v0", "192.0.2.1/24");
	named("free", 0, PORT, "192.0.2.1:" PORT);
	named("device-differs", 1, PORT, "--device", "v0", "[::1]:" PORT);
	/* an address that is checked for duplicates for as long as the test takes */
	live_sysctl("net.ipv6.conf.v0.dad_transmits", "30");
	live_ip("-6 addr add 2001:db8::9/64 dev v0");
	named("address-tentative", 1, PORT, "[2001:db8::9]:" PORT);
	assert_int_equal(live_try_bind("[2001:db8::9]:" PORT, 0), EADDRNOTAVAIL);
}

/* ------------------------------------------------------------------------------------------ elsewhere */

static void test_causes__udp_and_other_namespace__one_line_each(void **state)
{
	live_need_root();
	live_bound("127.0.0.1:" PORT, LIVE_UDP);
	LIVE_CHILD({
		const char *why = live_netns_enter();

		if (why != NULL)
			live_fail("%s", why);
		live_listener("127.0.0.1:" PORT, 0);
	});
	live_says(in_words(0, PORT), 0, "5000/tcp FREE", "UDP socket has this port", "other network namespace");
}

static void test_causes__hidden_flags__cannot_tell_and_what_to_do(void **state)
{
	live_need_root();
	live_time_wait("127.0.0.1:" PORT, LIVE_REUSEADDR, NULL);
	live_says(live_inuse_as(LIVE_NOBODY, PORT), 3, "CANNOT TELL", "sudo inuse", "--try");
	live_says(live_inuse_as(LIVE_NOBODY, "--try", PORT), 0, "the kernel says yes");
	live_says(live_inuse_as(LIVE_NOBODY, "--plain", PORT), 1, "IN USE for");
}

static void test_causes__evil_name__escaped(void **state)
{
	pid_t owner = LIVE_CHILD({
		FILE *f = fopen("/proc/self/comm", "we");

		live_listener("127.0.0.1:" PORT, 0);
		if (f == NULL || fputs("\033[31mred\n", f) < 0 || fclose(f) != 0)
			live_fail("cannot rename");
	});
	const struct live_run *run = in_words(1, "127.0.0.1:" PORT);

	(void)owner;
	live_says(run, 1, "\\x1b[31mred");
	live_says_not(run, "\033");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_causes__nothing__free),
		live_test(test_causes__same_directory_and_user__started_twice),
		live_test(test_causes__listener_elsewhere__listener),
		live_test(test_causes__wildcard_and_specific__both_ways),
		live_test(test_causes__dual_stack__both_ways),
		live_test(test_causes__reuseport__other_user_and_one_side),
		live_test(test_causes__reuseport_memory__free_because_remembered),
		live_test(test_causes__second_listen__named),
		live_test(test_causes__mptcp_listener__named),
		live_test(test_causes__bound_not_listening__seen),
		live_test(test_causes__suspended__fg),
		live_test(test_causes__suspended__the_command_ends_it),
		live_test(test_causes__worker_of_another_user__the_master_is_hidden),
		live_test(test_causes__inherited__all_holders),
		live_test(test_causes__in_flight__no_process),
		live_test(test_causes__time_wait__old_new_neither),
		live_test(test_causes__time_wait__evict_as_told),
		live_test(test_causes__time_wait_ipv6__same),
		live_test(test_causes__time_wait_of_client__named),
		live_test(test_causes__fin_wait2__remains),
		live_test(test_causes__living_connection__without_listener),
		live_test(test_causes__close_wait__leak),
		live_test(test_causes__orphan__no_process),
		live_test(test_causes__self_connect__named),
		live_test(test_causes__fixed_port__timestamps_decide),
		live_test(test_causes__accept__time_wait_is_reopened),
		live_test(test_causes__connect_exhausted__ports_counted),
		live_test(test_causes__automatic_port_that_bind_was_on__as_the_kernel_has_it),
		live_test(test_causes__refused_and_no_route__named),
		live_test(test_causes__privileged__as_user),
		live_test(test_causes__address__not_local_tentative_device),
		live_test(test_causes__udp_and_other_namespace__one_line_each),
		live_test(test_causes__hidden_flags__cannot_tell_and_what_to_do),
		live_test(test_causes__evil_name__escaped),
	};

	if (live_begin() != NULL)
		return 77;
	return cmocka_run_group_tests_name("causes", tests, NULL, named_table);
}
