/* SPDX-License-Identifier: MIT */
/* inuse release and inuse kill: the plan, the question, what is done, and whom it spares. */
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/live.h"
#include "support/live_private.h"

static void assert_alive(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f != NULL) {
		assert_int_equal(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
		fclose(f);
	}
	if (state == 'Z')
		live_fail("process %d has ended", pid);
}

static void test_release__nobody_to_ask__plan_and_status_2(void **state)
{
	live_need_root();
	live_time_wait("127.0.0.1:8080", 0, NULL);
	live_says(live_inuse("release", "8080"), 2, "To free 8080/tcp:", "remove ended connections (TIME-WAIT, FIN-WAIT-2): 1\n",
		  "    TIME-WAIT 127.0.0.1:8080 > 127.0.0.1:", "    Risk: late packets");
	live_complains(live_inuse("release", "8080"), 2, "say --yes");
	live_says(live_inuse("release", "--dry-run", "8080"), 0, "To free 8080/tcp:");
	live_says(live_inuse("release", "--dry-run", "--json", "8080"), 0, "\"remains\":1", "\"frees\":true",
		  "\"done\":false", "\"state\":\"time-wait\"", "\"local\":\"127.0.0.1:8080\"");
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 1);
	live_says(live_inuse("release", "--yes", "8080"), 0, "8080/tcp FREE");
	assert_int_equal(live_try_listen("0.0.0.0:8080", 0), 0);
	live_says(live_inuse("release", "8080"), 0, "8080/tcp FREE");
}

static void test_release__a_dozen__four_named_all_go(void **state)
{
	live_need_root();
	for (int i = 0; i < 12; i++)
		live_time_wait("127.0.0.1:8080", LIVE_REUSEADDR, NULL);
	live_says(live_inuse("release", "--plain", "--dry-run", "8080"), 0, "TIME-WAIT, FIN-WAIT-2): 12\n", "and 8 more");
	live_says(live_inuse("release", "--plain", "--yes", "--json", "8080"), 0, "\"removed\":12", "\"done\":true");
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 0);
}

static void test_release__what_only_a_process_can_close__names_kill(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR));

	live_says(live_inuse("release", "--yes", "8080"), 1, "only their process can close: 1 (inuse kill ends it)",
		  "There is nothing that can be done here.");
	live_says(live_inuse("release", "--dry-run", "8080"), 1, "Not touched:");
	assert_alive(owner);
}

static void test_release__living_connections__only_when_told(void **state)
{
	struct live_connection c;

	live_need_root();
	c = live_connection("127.0.0.1:8080", 0, NULL, 0);
	live_close(c.listener);
	live_says(live_inuse("release", "--yes", "8080"), 1, "living connections: 1 (--connections resets them)");
	assert_int_equal(live_count(8080, 0, INUSE_ESTABLISHED), 1);
	live_says(live_inuse("release", "--yes", "--connections", "8080"), 0, "reset living connections: 1",
		  "8080/tcp FREE");
	assert_int_equal(live_count(8080, 0, INUSE_STATE_UNKNOWN), 0);
}

static void test_release__fixed_port_client__reconnects(void **state)
{
	struct live_connection c;

	live_need_root();
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	c = live_connection("127.0.0.1:8080", LIVE_REUSEADDR, "127.0.0.1:23456", LIVE_REUSEADDR);
	live_end(&c, LIVE_CLIENT_FIRST);
	live_says(
		live_inuse("release", "connect", "127.0.0.1:8080", "--from", "127.0.0.1:23456", "--reuseaddr", "--yes"),
		0, "FREE");
	assert_int_equal(live_try_connect("127.0.0.1:8080", "127.0.0.1:23456", LIVE_REUSEADDR), 0);
}

static void test_release__ordinary_user__says_what_it_takes(void **state)
{
	live_need_root();
	live_time_wait("127.0.0.1:8080", 0, NULL);
	live_says(live_inuse_as(LIVE_NOBODY, "release", "--yes", "8080"), 3, "CAP_NET_ADMIN");
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 1);
}

static void test_kill__ordinary_user__ends_his_own_and_no_other(void **state)
{
	pid_t own, other;

	live_need_root();
	own = LIVE_CHILD_AS(LIVE_NOBODY, live_listener("127.0.0.1:8080", 0));
	other = LIVE_CHILD(live_listener("127.0.0.1:8081", 0));
	live_says(live_inuse_as(LIVE_NOBODY, "kill", "--yes", "8080"), 0, live_text("(pid %d", own), "8080/tcp FREE");
	live_says(live_inuse_as(LIVE_NOBODY, "kill", "--yes", "8081"), 1, "hidden from you: 1");
	assert_alive(other);
}

static void test_kill__remains_of_the_end__go_with_it(void **state)
{
	pid_t owner;

	live_need_root();
	owner = LIVE_CHILD({
		struct live_connection c = live_connection("127.0.0.1:8080", 0, NULL, 0);

		live_close(c.client);
	});
	live_says(live_inuse("kill", "--dry-run", "8080"), 0, live_text("(pid %d", owner));
	assert_alive(owner);
	live_says(live_inuse("kill", "--yes", "8080"), 0, "8080/tcp FREE");
	assert_int_equal(live_try_listen("0.0.0.0:8080", 0), 0);
}

static void test_kill__holder_above_us__spared(void **state)
{
	live_listener("127.0.0.1:8080", 0); /* this test, which starts the program */
	live_says(live_inuse("kill", "--yes", "--force", "--anyway", "8080"), 1, "this program runs below it");
	live_says(live_inuse("kill", "--yes", "--json", "8080"), 1, "\"why_not\":\"ancestor\"", "\"done\":false");
}

static void test_kill__innocent_client_on_the_port__spared(void **state)
{
	pid_t client;

	live_need_root();
	live_listener("127.0.0.1:9000", 0);
	live_sysctl("net.ipv4.ip_local_port_range", "8080 8080");
	client = LIVE_CHILD(live_dial("127.0.0.1:9000", NULL, 0));
	live_says(live_inuse("kill", "--yes", "--force", "--connections", "8080"), 1,
		  "clients that got this port from the kernel: 1");
	live_says(live_inuse("kill", "--yes", "--force", "--connections", "--without", "bucket,iter", "8080"), 1,
		  "Not touched:");
	assert_alive(client);
	assert_int_equal(live_count(8080, 9000, INUSE_ESTABLISHED), 1);
}

static void test_kill__sigterm_is_ignored__sigkill_only_with_force(void **state)
{
	pid_t owner = LIVE_CHILD(signal(SIGTERM, SIG_IGN); live_listener("127.0.0.1:8080", 0));

	live_complains(live_inuse("kill", "--yes", "--grace", "0.2", "8080"), 1, "did not end", "--force");
	assert_alive(owner);
	live_says(live_inuse("kill", "--yes", "--grace", "0.2", "--force", "8080"), 0, "8080/tcp FREE");
}

static void test_kill__suspended_and_inherited__all_end(void **state)
{
	pid_t parent = LIVE_CHILD({
		live_listener("127.0.0.1:8080", 0);
		if (fork() == 0)
			for (;;)
				pause();
	});

	live_suspend(parent);
	live_says(live_inuse("kill", "--yes", "8080"), 0, "8080/tcp FREE");
}

static char shown[65536]; /* what the terminal of on_terminal() got */

/* Runs inuse on a terminal, types the answers, one to each question, returns its exit status. */
static int on_terminal(const char *const *typed, const char *const *argv)
{
	char *text = shown;
	size_t len = 0, asked = 0;
	ssize_t n;
	int fd, status;
	pid_t pid = forkpty(&fd, NULL, NULL, NULL);

	if (pid == 0) {
		execv(live_inuse_path(), (char *const *)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	text[0] = 0;
	while (len < sizeof(shown) - 1 && (n = read(fd, text + len, sizeof(shown) - 1 - len)) > 0) {
		len += (size_t)n;
		text[len] = 0;
		if (strstr(text + asked, "[y/N]") == NULL)
			continue;
		asked = len;
		if (*typed == NULL || write(fd, *typed, strlen(*typed)) < 0)
			live_fail("it asks once more than expected:\n%s", text);
		typed++;
	}
	close(fd);
	waitpid(pid, &status, 0);
	if (*typed != NULL)
		live_fail("it does not ask as often as expected:\n%s", text);
	return WEXITSTATUS(status);
}

#define ON_TERMINAL(argv, ...) on_terminal((const char *const[]){__VA_ARGS__, NULL}, argv)

static void test_kill__asked_on_a_terminal__yes_does_no_does_not(void **state)
{
	static const char *const words[] = {"inuse", "kill", "8080", NULL};
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:8080", 0));

	assert_int_equal(ON_TERMINAL(words, "n\n"), 1);
	assert_int_equal(ON_TERMINAL(words, "\n"), 1);
	assert_alive(owner);
	assert_int_equal(ON_TERMINAL(words, "y\n"), 0);
	assert_int_equal(live_try_listen("127.0.0.1:8080", 0), 0);
}

static void test_kill__outlives_sigterm_on_a_terminal__asked_again(void **state)
{
	static const char *const words[] = {"inuse", "kill", "--grace", "0.2", "8080", NULL};
	pid_t owner = LIVE_CHILD(signal(SIGTERM, SIG_IGN); live_listener("127.0.0.1:8080", 0));

	assert_int_equal(ON_TERMINAL(words, "y\n", "n\n"), 1);
	assert_alive(owner);
	assert_int_equal(ON_TERMINAL(words, "y\n", "y\n"), 0);
	assert_int_equal(live_try_listen("127.0.0.1:8080", 0), 0);
}

/* What n connections have left that the server closed first. */
static void leave_time_waits(const char *addr, unsigned n)
{
	int listener = live_listener(addr, LIVE_REUSEADDR);

	for (unsigned i = 0; i < n; i++) {
		int client = live_dial(addr, NULL, 0);

		live_close(live_accept(listener));
		live_close(client);
	}
	live_close(listener);
}

static void test_release__thousands_on_a_terminal__a_bar_shows_how_far_it_is(void **state)
{
	static const char *const words[] = {"inuse", "release", "--plain", "8080", NULL};
	const char *bar;
	live_need_root();
	leave_time_waits("127.0.0.1:8080", 4000);
	assert_int_equal(ON_TERMINAL(words, "n\n"), 1);
	assert_null(strstr(shown, " removed"));
	assert_int_equal(ON_TERMINAL(words, "y\n"), 0);
	bar = strstr(shown, "#####----");
	if (bar == NULL || strstr(bar, " %  1024 of ") == NULL)
		live_fail("there is no bar:\n%s", shown);
	assert_non_null(strstr(bar, " \r")); /* it is taken away before the answer */
	assert_non_null(strstr(bar, "8080/tcp FREE"));
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 0);
}

/* ------------------------------------------------------------------------------------------- managed processes */

static const char *group;

/* A control group of that name, as a service manager makes it, to be left behind empty. */
static void make_group(const char *name)
{
	static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	live_need_root();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		group = live_text("%s/%s", places[i], name);
		if (access(live_text("%s/cgroup.procs", places[i]), W_OK) == 0 && mkdir(group, 0755) == 0)
			return;
	}
	live_skip("no control group can be made here");
}

static void join_group(void)
{
	FILE *f = fopen(live_text("%s/cgroup.procs", group), "we");

	if (f == NULL || fputs("0", f) < 0 || fclose(f) != 0)
		live_fail("%s cannot be joined", group);
}

static int leave_group(void **state)
{
	live_end_children();
	if (group != NULL)
		rmdir(group);
	group = NULL;
	return live_teardown(state);
}

#define managed_test(fn) cmocka_unit_test_setup_teardown(fn, live_setup, leave_group)

/* Spared, and named is what to run instead; ended all the same when told to. */
static void check_managed(const char *name, const char *instead)
{
	pid_t owner;

	make_group(name);
	owner = LIVE_CHILD(join_group(); live_listener("127.0.0.1:8080", 0));
	live_says(live_inuse("kill", "--yes", "--force", "8080"), 1, "Not touched:", instead);
	live_says(live_inuse("kill", "--dry-run", "--json", "8080"), 1, live_text("\"instead\":\"%s", instead));
	assert_alive(owner);
	live_says(live_inuse("kill", "--yes", "--anyway", "8080"), 0, "8080/tcp FREE");
}

static void test_kill__service__names_the_command_that_stops_it(void **state)
{
	check_managed(live_text("inuse-test-%d.service", getpid()), live_text("systemctl stop inuse-test-%d.service", getpid()));
}

static void test_kill__container__names_the_command_that_stops_it(void **state)
{
	const char *id = live_text("%08x", (unsigned)getpid());

	check_managed(live_text("docker-%s8a9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192.scope", id),
		      live_text("docker stop %s8a9e", id));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_release__nobody_to_ask__plan_and_status_2),
		live_test(test_release__a_dozen__four_named_all_go),
		live_test(test_release__what_only_a_process_can_close__names_kill),
		live_test(test_release__living_connections__only_when_told),
		live_test(test_release__fixed_port_client__reconnects),
		live_test(test_release__ordinary_user__says_what_it_takes),
		live_test(test_kill__ordinary_user__ends_his_own_and_no_other),
		live_test(test_kill__remains_of_the_end__go_with_it),
		live_test(test_kill__holder_above_us__spared),
		live_test(test_kill__innocent_client_on_the_port__spared),
		live_test(test_kill__sigterm_is_ignored__sigkill_only_with_force),
		live_test(test_kill__suspended_and_inherited__all_end),
		live_test(test_kill__asked_on_a_terminal__yes_does_no_does_not),
		live_test(test_kill__outlives_sigterm_on_a_terminal__asked_again),
		live_test(test_release__thousands_on_a_terminal__a_bar_shows_how_far_it_is),
		managed_test(test_kill__service__names_the_command_that_stops_it),
		managed_test(test_kill__container__names_the_command_that_stops_it),
	};

	return LIVE_RUN("release", tests);
}
