/* SPDX-License-Identifier: MIT */
/* inuse run --fix: what is done about a failing call, and what is not. */
#include <fcntl.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "support/actor.h"
#include "support/live_private.h"

#define ADDR "127.0.0.1:8080"

static int64_t started_ms, made_ms;

static const struct live_run *fix(const char *how, const char *act, const char *addr)
{
	started_ms = live_now_ms();
	return live_inuse("run", how, actor_path(), act, addr);
}

/* ----------------------------------------------------------------------------------------- reuseaddr */

static void test_fix__old_one_had_reuseaddr__set_on_the_new_one(void **state)
{
	live_time_wait(ADDR, LIVE_REUSEADDR, NULL);
	assert_string_equal(actor_bare("listen", ADDR)->out, "bind " ADDR " EADDRINUSE\nlisten " ADDR " ok\n");
	live_complains(fix("--fix=reuseaddr", "listen", ADDR), 0, "bind " ADDR ": set SO_REUSEADDR");
	live_says(fix("--fix", "listen", ADDR), 0, "bind " ADDR " ok\nlisten " ADDR " ok\n");
}

static void test_fix__nothing_in_the_way__listener_has_reuseaddr_all_the_same(void **state)
{
	live_says(fix("--fix=wait", "flags", ADDR), 0, "reuseaddr 0");
	live_says(fix("--fix=reuseaddr", "flags", ADDR), 0, "reuseaddr 1");
	assert_string_equal(fix("--fix", "flags", ADDR)->err, "");
}

static void test_fix__bound_by_a_living_program__not_shared(void **state)
{
	pid_t owner = LIVE_CHILD(live_bound(ADDR, LIVE_REUSEADDR));
	const struct live_run *run = fix("--fix=reuseaddr", "flags", ADDR);

	live_complains(run, 0, "EADDRINUSE", live_text("%d", owner));
	assert_non_null(strstr(run->out, "bind " ADDR " EADDRINUSE"));
	live_says_not(run, "): bind " ADDR ": set SO_REUSEADDR");
}

static void test_fix__connections_of_the_last_one_live__set(void **state)
{
	struct live_connection c = live_connection(ADDR, LIVE_REUSEADDR, NULL, 0);

	live_close(c.listener);
	live_complains(fix("--fix=reuseaddr", "listen", ADDR), 0, "set SO_REUSEADDR");
}

static void test_fix__nothing_helps__socket_as_it_was(void **state)
{
	live_listener(ADDR, LIVE_REUSEADDR);
	live_says(fix("--fix=reuseaddr,evict,wait=1", "flags", ADDR), 0, "bind " ADDR " EADDRINUSE");
}

/* ---------------------------------------------------------------------------------------------- wait */

#define REMAINS_S 5

static void short_remains(void)
{
	live_sysctl("net.ipv4.tcp_fin_timeout", live_text("%d", REMAINS_S));
	made_ms = live_now_ms();
	live_fin_wait2(ADDR, 0);
}

static void test_fix__moment_known__waited_for(void **state)
{
	const struct live_run *run;

	short_remains();
	run = fix("--fix=wait", "listen", ADDR);
	live_complains(run, 0, "bind " ADDR " waits", "waited");
	assert_string_equal(run->out, "bind " ADDR " ok\nlisten " ADDR " ok\n");
	assert_true(live_now_ms() - made_ms >= REMAINS_S * 1000);
}

static void test_fix__too_long__not_waited_for(void **state)
{
	const struct live_run *run;

	live_time_wait(ADDR, 0, NULL);
	run = fix("--fix=wait=30", "listen", ADDR);
	live_complains(run, 0, "EADDRINUSE", "only an ended connection");
	assert_true(live_now_ms() - started_ms < 30000);
}

static void test_fix__listener_in_the_way__not_waited_for(void **state)
{
	live_listener(ADDR, 0);
	live_complains(fix("--fix=wait", "listen", ADDR), 0, "EADDRINUSE", "IN USE by");
	assert_true(live_now_ms() - started_ms < 30000);
}

static void test_fix__asked_to_end_while_waiting__ends(void **state)
{
	pid_t pid;

	live_time_wait(ADDR, 0, NULL);
	pid = live_start("run", "--fix=wait", actor_path(), "listen", ADDR);
	live_expect(pid, "waits");
	assert_int_equal(live_finish(pid, SIGTERM)->status, 128 + SIGTERM);
}

static void test_fix__handler_while_waiting__call_fails_and_handler_runs(void **state)
{
	const char *script = "import signal,socket,sys\n"
			     "signal.signal(15, lambda *a: print('handler', flush=True))\n"
			     "s = socket.socket()\n"
			     "try: s.bind(('127.0.0.1', 8080))\n"
			     "except OSError as e: print('errno', e.errno, flush=True)\n";
	const struct live_run *run;
	pid_t pid;

	live_time_wait(ADDR, 0, NULL);
	pid = live_start("run", "--fix=wait", actor_python(), "-c", script);
	live_expect(pid, "waits");
	run = live_finish(pid, SIGTERM);
	assert_int_equal(run->status, 0);
	assert_non_null(strstr(run->out, "errno 98"));
	assert_non_null(strstr(run->out, "handler"));
}

/* inuse as the job of a terminal; reads it until the text has come, types if there is something, and reads on to the end. */
static const char *on_terminal(const char *until, const char *typed, int *ret_status)
{
	const char *program = getenv("INUSE_BIN");
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
	static char all[65536];
	int terminal;
	size_t len = 0;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	assert_true(pid >= 0);
	assert_non_null(program);
	if (pid == 0 && program != NULL) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("TERM", "xterm", 1);
		execl(program, "inuse", "run", "--fix", actor_path(), "listen", ADDR, NULL);
		_exit(127);
	}
	fcntl(terminal, F_SETFL, O_NONBLOCK);
	for (ssize_t n = 0; n >= 0 || errno == EAGAIN; n = read(terminal, all + len, sizeof(all) - 1 - len)) {
		len += n > 0 ? (size_t)n : 0;
		all[len] = 0;
		if (typed != NULL && strstr(all, until) != NULL) {
			assert_int_equal(write(terminal, typed, strlen(typed)), strlen(typed));
			typed = NULL;
		}
		if (n < 0 && !live_again(deadline))
			live_fail("it does not end: %s", all);
	}
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	close(terminal);
	return all;
}

/* There is a second after which the next one is shown. A machine that is busy may miss the first ones. */
static bool counts_down(const char *all)
{
	for (int s = REMAINS_S; s > 1; s--)
		if (strstr(all, live_text("waits %d s", s)) != NULL && strstr(all, live_text("waits %d s", s - 1)) != NULL)
			return true;
	return false;
}

static void test_fix__on_a_terminal__seconds_count_down(void **state)
{
	const char *all;
	int status;

	short_remains();
	all = on_terminal("", NULL, &status);
	assert_int_equal(status, 0);
	assert_non_null(strstr(all, "\rinuse: actor (pid "));
	assert_true(counts_down(all));
	assert_non_null(strstr(all, "waited"));
	assert_non_null(strstr(all, "listen " ADDR " ok"));
}

static void test_fix__ctrl_c_while_the_seconds_count_down__gives_up_at_once(void **state)
{
	const char *all;
	int status;

	live_time_wait(ADDR, 0, NULL); /* for a minute */
	started_ms = live_now_ms();
	all = on_terminal("(Ctrl-C gives up)", "\x03", &status);
	assert_true(live_now_ms() - started_ms < 20000);
	/* the program ends as of Ctrl-C without inuse; the line of the seconds is taken away */
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	assert_null(strstr(all, "bind " ADDR " ok"));
	assert_non_null(strstr(all, "\r\033[K"));
}

/* --------------------------------------------------------------------------------------------- evict */

static void need_eviction(void)
{
	live_need_root();
	live_time_wait("127.0.0.9:9", 0, NULL);
	if (live_inuse("release", "--yes", "127.0.0.9:9")->status != 0)
		live_skip("this kernel removes no TIME-WAIT");
}

static void test_fix__time_wait__evicted(void **state)
{
	need_eviction();
	live_time_wait(ADDR, LIVE_REUSEADDR, NULL);
	live_time_wait(ADDR, LIVE_REUSEADDR, NULL);
	live_complains(fix("--fix=evict", "listen", ADDR), 0, "bind " ADDR ": removed what 2 ended connections had left");
}

static void test_fix__innocent_sockets__untouched(void **state)
{
	struct live_connection c;

	need_eviction();
	live_time_wait(ADDR, 0, NULL);
	live_time_wait("127.0.0.2:8080", 0, NULL);
	c = live_connection("127.0.0.3:8080", 0, NULL, 0);
	live_complains(fix("--fix=evict", "listen", ADDR), 0, "removed what 1 ended connection had left");
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 1);
	assert_int_equal(send(c.client, "x", 1, 0), 1);
	assert_int_equal(live_count(8080, c.client_port, INUSE_ESTABLISHED), 1);
}

static void test_fix__living_connection_in_the_way_too__nothing_evicted(void **state)
{
	struct live_connection c;

	need_eviction();
	live_time_wait(ADDR, LIVE_REUSEADDR, NULL);
	c = live_connection(ADDR, LIVE_REUSEADDR, NULL, 0);
	live_close(c.listener);
	live_complains(fix("--fix=evict", "listen", ADDR), 0, "EADDRINUSE");
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 1);
}

static void test_fix__evict_as_ordinary_user__told_and_waited(void **state)
{
	live_need_root();
	short_remains();
	live_complains(live_inuse_as(LIVE_NOBODY, "run", "--fix=evict,wait", actor_python(), "-c",
				     "import socket; socket.socket().bind(('127.0.0.1', 8080))"), 0, "waited");
}

/* ----------------------------------------------------------------------------------- fixed-port clients */

static pid_t server(void)
{
	pid_t pid = live_start("serve", "drain", ADDR);

	live_expect(pid, "listening");
	return pid;
}

static void test_fix__client_with_a_fixed_port__second_round_cured(void **state)
{
	const struct live_run *run;

	need_eviction();
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	server();
	run = live_inuse("run", "--connect", actor_path(), "rounds", "2", "127.0.0.1:23456", ADDR);
	assert_string_equal(run->out, "bind ok\nconnect ok\nbind ok\nconnect EADDRNOTAVAIL\n");
	live_complains(run, 0, "connect " ADDR " failed", "from 127.0.0.1:23456");
	run = live_inuse("run", "--connect", "--fix=evict", actor_path(), "rounds", "3", "127.0.0.1:23456", ADDR);
	assert_string_equal(run->out, "bind ok\nconnect ok\nbind ok\nconnect ok\nbind ok\nconnect ok\n");
	live_complains(run, 0, "connect " ADDR ": removed what 1 ended connection had left");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_fix__old_one_had_reuseaddr__set_on_the_new_one),
		live_test(test_fix__nothing_in_the_way__listener_has_reuseaddr_all_the_same),
		live_test(test_fix__bound_by_a_living_program__not_shared),
		live_test(test_fix__connections_of_the_last_one_live__set),
		live_test(test_fix__nothing_helps__socket_as_it_was),
		live_test(test_fix__moment_known__waited_for),
		live_test(test_fix__too_long__not_waited_for),
		live_test(test_fix__listener_in_the_way__not_waited_for),
		live_test(test_fix__asked_to_end_while_waiting__ends),
		live_test(test_fix__handler_while_waiting__call_fails_and_handler_runs),
		live_test(test_fix__on_a_terminal__seconds_count_down),
		live_test(test_fix__ctrl_c_while_the_seconds_count_down__gives_up_at_once),
		live_test(test_fix__time_wait__evicted),
		live_test(test_fix__innocent_sockets__untouched),
		live_test(test_fix__living_connection_in_the_way_too__nothing_evicted),
		live_test(test_fix__evict_as_ordinary_user__told_and_waited),
		live_test(test_fix__client_with_a_fixed_port__second_round_cured),
	};

	return LIVE_RUN("run_fix", tests);
}
