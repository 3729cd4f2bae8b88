/* SPDX-License-Identifier: MIT */
/* The library of the live tests itself: every state can be made, and what fails is seen. */
#include "support/live.h"
#include "support/live_private.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void test_time_wait__server_first__on_the_servers_side(void **state)
{
	uint16_t client = live_time_wait("127.0.0.1:12345", 0, NULL);

	assert_int_equal(live_count(12345, client, INUSE_TIME_WAIT), 1);
	assert_int_equal(live_count(client, 12345, INUSE_STATE_UNKNOWN), 0);
	assert_int_equal(live_try_bind("127.0.0.1:12345", LIVE_REUSEADDR), EADDRINUSE);
}

static void test_time_wait__flag_on_both__bind_succeeds(void **state)
{
	live_time_wait("[::1]:12345", LIVE_REUSEADDR, "[::1]:23456");
	assert_int_equal(live_count(12345, 23456, INUSE_TIME_WAIT), 1);
	assert_int_equal(live_try_listen("[::1]:12345", LIVE_REUSEADDR), 0);
	assert_int_equal(live_try_listen("[::1]:12345", 0), EADDRINUSE);
}

static void test_client_first__fixed_port__reconnects_only_with_timestamps(void **state)
{
	static const struct {
		const char *timestamps;
		int error;
	} rows[] = {{"1", 0}, {"0", EADDRNOTAVAIL}};

	for (size_t i = 0; i < 2; i++) {
		const char *from = live_text("127.0.0.1:%zu", 23456 + i);
		struct live_connection c;

		live_sysctl("net.ipv4.tcp_timestamps", rows[i].timestamps);
		assert_string_equal(live_sysctl_get("net.ipv4.tcp_timestamps"), rows[i].timestamps);
		c = live_connection("127.0.0.1:0", 0, from, LIVE_REUSEADDR);
		live_end(&c, LIVE_CLIENT_FIRST);
		assert_int_equal(live_try_connect(live_text("127.0.0.1:%u", c.server_port), from, LIVE_REUSEADDR),
				 rows[i].error);
	}
}

static void test_states__each_made__each_seen(void **state)
{
	int client = live_fin_wait2("127.0.0.1:1001", 0), half;
	struct live_connection c = live_connection("127.0.0.1:1002", 0, NULL, 0);

	live_wait(live_port(client), 1001, INUSE_CLOSE_WAIT);
	live_close(c.client);
	live_wait(c.server_port, c.client_port, INUSE_CLOSE_WAIT);
	live_reset(c.server);
	live_wait_gone(c.server_port, c.client_port);
	live_device("v0", "192.0.2.1/24");
	half = live_dial("192.0.2.9:80", "192.0.2.1:1003", LIVE_NONBLOCK);
	live_wait(1003, 80, INUSE_SYN_SENT);
	live_close(half);
}

static void test_in_flight__nobody_has_it_open__port_still_taken(void **state)
{
	live_in_flight(live_listener("127.0.0.1:8080", 0));
	assert_int_equal(live_try_bind("127.0.0.1:8080", 0), EADDRINUSE);
}

static bool has_open(pid_t pid, uint64_t inode)
{
	char path[64], link[64], want[64];
	ssize_t n;

	snprintf(want, sizeof(want), "socket:[%llu]", (unsigned long long)inode);
	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n = readlink(path, link, sizeof(link) - 1);
		if (n > 0 && (size_t)n == strlen(want) && memcmp(link, want, (size_t)n) == 0)
			return true;
	}
	return false;
}

static void test_child__holds_its_socket_and_not_ours(void **state)
{
	int ours = live_bound("127.0.0.1:1001", 0);
	pid_t other = LIVE_CHILD(live_tell((long)live_inode(live_listener("127.0.0.1:1002", 0))));
	pid_t heir = LIVE_CHILD_INHERITS((void)0);

	assert_true(has_open(other, (uint64_t)live_heard(other)));
	assert_false(has_open(other, live_inode(ours)));
	assert_true(has_open(heir, live_inode(ours)));
	live_kill(other, SIGTERM);
	assert_int_equal(live_try_bind("127.0.0.1:1002", 0), 0);
	live_suspend(heir);
}

static void test_child_as_nobody__is_nobody(void **state)
{
	pid_t pid = LIVE_CHILD_AS(LIVE_NOBODY, live_listener("127.0.0.1:8080", LIVE_REUSEPORT); live_tell(geteuid()));

	assert_int_equal(live_heard(pid), LIVE_NOBODY);
	assert_int_equal(live_try_bind("127.0.0.1:8080", LIVE_REUSEPORT), EADDRINUSE); /* the uid differs */
}

static void test_folder__left_by_a_killed_test__removed_by_the_next(void **state)
{
	char *left = mmap(NULL, LIVE_FOLDER, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), own[LIVE_FOLDER], more[LIVE_FOLDER];
	pid_t child;

	assert_ptr_not_equal(left, MAP_FAILED);
	assert_true(live_folder_make(own, sizeof(own)));
	child = LIVE_CHILD(
		if (!live_folder_make(left, LIVE_FOLDER) || mkdir(live_text("%s/within", left), 0700) < 0)
			live_fail("no folder");
	);
	assert_true(live_folder_make(more, sizeof(more)));
	assert_int_equal(access(left, F_OK), 0);
	live_folder_remove(more);
	live_kill(child, SIGKILL);
	assert_true(live_folder_make(more, sizeof(more)));
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(access(own, F_OK), 0);
	live_folder_remove(more);
	live_folder_remove(own);
	assert_int_equal(access(own, F_OK), -1);
	munmap(left, LIVE_FOLDER);
}

/* What a test has that fails in the middle of it: a folder, and a daemon below a program. */
struct middle {
	_Atomic pid_t daemon;
	char folder[LIVE_FOLDER];
};

static void come_to_the_middle(struct middle *ret)
{
	if (!live_folder_make(ret->folder, LIVE_FOLDER))
		_exit(96);
	if (fork() == 0) {
		if (fork() == 0) {
			setsid();
			ret->daemon = getpid();
			for (;;)
				pause();
		}
		_exit(0);
	}
}

/* signal: what the test program is ended with from outside; 0: it ends itself with that status. */
static void check_nothing_stays(int signal, int status)
{
	struct middle *middle = mmap(NULL, sizeof(*middle), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
	pid_t pid = live_fork(false, -1);
	int how;

	assert_ptr_not_equal(middle, MAP_FAILED);
	if (pid == 0) {
		live_guard();
		come_to_the_middle(middle);
		while (signal != 0 || middle->daemon == 0)
			live_again(deadline);
		_exit(status);
	}
	while (middle->daemon == 0)
		assert_true(live_again(deadline));
	if (signal != 0)
		kill(pid, signal);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how), status);
	assert_int_equal(kill(middle->daemon, 0), -1);
	assert_int_equal(access(middle->folder, F_OK), -1);
	munmap(middle, sizeof(*middle));
}

static void test_guard__test_fails_or_is_ended__nobody_goes_on_and_no_folder_stays(void **state)
{
	if (access("/proc/thread-self/children", R_OK) != 0)
		live_skip("this kernel does not tell who is whose child");
	check_nothing_stays(0, 3);
	check_nothing_stays(SIGTERM, 128 + SIGTERM);
}

static void test_netns_add__named__ip_finds_it(void **state)
{
	live_netns_add("second");
	live_ip("netns exec second ip link set lo up");
	assert_int_equal(live_run("ip", "netns", "exec", "second", "true")->status, 0);
}

static void test_run__output_and_status__kept(void **state)
{
	const struct live_run *run = live_run("sh", "-c", "echo good; echo bad >&2; exit 3");

	live_says(run, 3, "good");
	live_complains(run, 3, "bad");
	live_says_not(run, "ugly");
	assert_int_equal(live_run("sh", "-c", "kill -9 $$")->status, 128 + SIGKILL);
	assert_int_equal(live_run("no-such-program-here")->status, 127);
}

static void test_inuse__help__as_root_and_as_nobody(void **state)
{
	live_says(live_inuse("--help"), 0, "usage: inuse");
	live_says(live_inuse_as(LIVE_NOBODY, "--help"), 0, "usage: inuse");
	live_says(live_finish(live_start("--help"), 0), 0, "usage: inuse");
}

static void test_start__prints_more_than_a_pipe_holds__goes_on_while_the_test_waits(void **state)
{
	char folder[LIVE_FOLDER];
	const char *done;
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
	pid_t pid;

	assert_true(live_folder_make(folder, sizeof(folder)));
	done = live_text("%s/done", folder);
	pid = live_start_any((const char *const[]){"sh", "-c", live_text("head -c 300000 /dev/zero | tr '\\0' x; echo; >%s; echo end", done), NULL});
	while (access(done, F_OK) != 0)
		if (!live_again(deadline))
			live_fail("it waits for a reader");
	live_expect(pid, "end");
	assert_int_equal(strlen(live_finish(pid, 0)->out), 300000 + strlen("\nend\n"));
	live_folder_remove(folder);
}

static void check_own_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR2, SIGCHLD};
	struct sigaction action;
	sigset_t mask;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
	sigfillset(&mask);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	live_own_signals();
	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL || sigismember(&mask, signals[i]) != 0)
			live_fail("signal %d is still ignored or blocked", signals[i]);
}

static void test_signals__ignored_and_blocked_by_whom_we_come_from__as_usual(void **state)
{
	LIVE_CHILD(check_own_signals());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_time_wait__server_first__on_the_servers_side),
		live_test(test_time_wait__flag_on_both__bind_succeeds),
		live_test(test_client_first__fixed_port__reconnects_only_with_timestamps),
		live_test(test_states__each_made__each_seen),
		live_test(test_in_flight__nobody_has_it_open__port_still_taken),
		live_test(test_child__holds_its_socket_and_not_ours),
		live_test(test_child_as_nobody__is_nobody),
		live_test(test_folder__left_by_a_killed_test__removed_by_the_next),
		live_test(test_guard__test_fails_or_is_ended__nobody_goes_on_and_no_folder_stays),
		live_test(test_netns_add__named__ip_finds_it),
		live_test(test_run__output_and_status__kept),
		live_test(test_inuse__help__as_root_and_as_nobody),
		live_test(test_start__prints_more_than_a_pipe_holds__goes_on_while_the_test_waits),
		live_test(test_signals__ignored_and_blocked_by_whom_we_come_from__as_usual),
	};

	return LIVE_RUN("support", tests);
}
