/* SPDX-License-Identifier: MIT */
/* inuse run --hold: the listening socket outlives the program, and the next start of it gets that socket. */
#include <sys/resource.h>

#include "support/holder.h"

/* ------------------------------------------------------------------------------------------------ restarts */

static void test_hold__restarted_under_clients__none_refused_none_reset(void **state)
{
	pid_t pid = HOLDER_START("s = listen(); up(); serve(s)", PLAIN);

	live_expect(pid, "up 1");
	holder_begin_crowd(ADDR, 4);
	for (int i = 2; i <= 6; i++) {
		holder_await_served(20);
		holder_restart(pid, i);
	}
	holder_await_served(20);
	holder_end_crowd(0);
	holder_end(pid);
}

static void test_hold__ipv6__the_same(void **state)
{
	pid_t pid;

	live_need_ipv6();
	pid = HOLDER_START("s = listen(host='::', family=AF_INET6); up(); serve(s)", PLAIN);
	live_expect(pid, "up 1");
	holder_begin_crowd("[::1]:8080", 2);
	holder_restart(pid, 2);
	holder_await_served(20);
	assert_int_equal(holder_ask(ADDR), 2);
	holder_end_crowd(0);
	holder_end(pid);
}

static void test_hold__crash__clients_wait_for_the_next_start(void **state)
{
	pid_t pid = HOLDER_START("s = listen(); up()\n"
			  "if start < 4: c, _ = s.accept(); os.kill(os.getpid(), signal.SIGKILL)\n"
			  "serve(s)", "--restart=on-failure");

	for (int i = 1; i < 4; i++) {
		live_expect(pid, live_text("up %d", i));
		live_close(live_dial(ADDR, NULL, 0));
		live_expect(pid, live_text("was ended by signal %d: it is started again", SIGKILL));
	}
	assert_int_equal(holder_ask(ADDR), 4);
	holder_end(pid);
}

static void test_restart__ends_well__only_always_starts_it_again(void **state)
{
	const struct live_run *run = live_inuse("run", "--restart=on-failure", "sh", "-c", "echo once; exit 0");
	pid_t pid;

	assert_string_equal(run->out, "once\n");
	assert_int_equal(run->status, 0);
	live_complains(live_inuse("run", "--restart=always", "/no/such/program"), 127, "No such file");
	pid = live_start("run", "--restart=always", "sh", "-c", live_text("echo x >>%s/n; wc -l <%s/n; exit 0", actor_dir, actor_dir));
	live_expect(pid, "5\n");
	live_finish(pid, SIGTERM);
}

static void test_restart__fails_each_time__pauses_grow_and_end_at_once(void **state)
{
	int64_t began = live_now_ms(), asked;
	int status;
	pid_t pid = live_start("run", "--restart=on-failure", "sh", "-c", live_text("echo x >>%s/n; wc -l <%s/n; exit 3", actor_dir, actor_dir));

	/* 0, 100, 200, 400, 800, 1600, 3200 ms */
	live_expect(pid, "8\n");
	assert_true(live_now_ms() - began >= 6300);
	asked = live_now_ms();
	status = live_finish(pid, SIGTERM)->status;
	assert_true(status == 3 || status == 128 + SIGTERM); /* in the shell, or in the pause of 6400 ms */
	assert_true(live_now_ms() - asked < 6000);
}

static void test_restart__asked_to_end__is_not_started_again(void **state)
{
	const struct live_run *run;
	pid_t pid = HOLDER_START("s = listen(); up(); serve(s); sys.exit(9)", "--restart=always");

	live_expect(pid, "up 1");
	run = live_finish(pid, SIGTERM);
	assert_int_equal(run->status, 9);
	live_says_not(run, "up 2");
}

static void test_restart__does_not_end__killed(void **state)
{
	pid_t pid = HOLDER_START("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
			  "signal.signal(signal.SIGINT, lambda *a: asked.append(1))\n"
			  "s = listen(); up(); serve(s)", "--stop-timeout=1");

	live_expect(pid, "up 1");
	holder_restart(pid, 2);
	live_expect(pid, "1 process did not end and was killed");
	assert_int_equal(holder_ask(ADDR), 2);
	live_finish(pid, SIGINT);
}

static void test_restart__descendants_of_a_shell__end_too(void **state)
{
	const char *script = live_text("%s -c \"$0\" %s; true", actor_python(), actor_dir);
	pid_t pid = live_start("run", "--hold", PLAIN, "sh", "-c", script, live_text("%ss = listen(); up(); serve(s)", holder_prelude));

	live_expect(pid, "up 1");
	holder_restart(pid, 2);
	assert_int_equal(holder_ask(ADDR), 2);
	kill(pid, SIGTERM);
	live_expect(pid, "1 process that it started goes on");
	live_finish(pid, SIGTERM);
}

static void test_restart__program_ignores_the_signal__its_child_is_told(void **state)
{
	const char *script = live_text("trap '' TERM; %s -c \"$0\" \"$1\"; true", actor_python());
	pid_t pid = live_start("run", "--hold", "--stop-timeout=100", "sh", "-c", script,
			       live_text("%ss = listen(); up(); serve(s)", holder_prelude), actor_dir);

	live_expect(pid, "up 1");
	holder_restart(pid, 2); /* long before */
	live_run("sh", "-c", "kill $(ss -Hltnp 'sport = :8080' | sed 's/.*python3[^,]*,pid=\\([0-9]*\\).*/\\1/')");
	live_finish(pid, 0);
}

static void test_restart__stop_signal__is_the_one_asked_for(void **state)
{
	pid_t pid = HOLDER_START("signal.signal(signal.SIGQUIT, lambda *a: (print('quit', flush=True), os._exit(0))); s = listen(); up(); serve(s)",
			  "--stop-signal=QUIT");

	live_expect(pid, "up 1");
	holder_restart(pid, 2);
	live_expect(pid, "quit");
	holder_end(pid);
}

static void test_restart__output_and_input__as_for_the_first(void **state)
{
	const struct live_run *run = live_run("sh", "-c", live_text("echo line | %s run --restart=on-failure sh -c "
								    "'echo x >>%s/n; echo out; test $(wc -l <%s/n) = 3 && cat && exit 0; exit 1'",
								    getenv("INUSE_BIN"), actor_dir, actor_dir));

	assert_string_equal(run->out, "out\nout\nout\nline\n");
	assert_int_equal(run->status, 0);
}

static void test_hold__reloader_inside__its_next_child_gets_it(void **state)
{
	/* as nodemon and the like: the child is ended and started anew, inuse is told nothing */
	pid_t pid = HOLDER_START("signal.signal(signal.SIGHUP, lambda *a: os.kill(child, signal.SIGTERM)); reloader = os.getpid()\n"
			  "signal.signal(signal.SIGTERM, lambda *a: (asked.append(1), os.getpid() == reloader and print('last', flush=True)))\n"
			  "while not asked:\n"
			  "    child = os.fork()\n"
			  "    if child == 0: s = listen(); up(); serve(s); os._exit(0)\n"
			  "    os.waitpid(child, 0); start += 1\n", PLAIN);

	live_expect(pid, "up 1");
	holder_begin_crowd(ADDR, 2);
	for (int i = 2; i <= 4; i++) {
		holder_await_served(10);
		kill(pid, SIGHUP); /* passed on */
		live_expect(pid, live_text("up %d", i));
	}
	holder_await_served(10);
	holder_end_crowd(0);
	kill(pid, SIGTERM);
	live_expect(pid, "last"); /* or it may hear the other one first, and start another child */
	live_finish(pid, SIGHUP);
}

/* ------------------------------------------------------------------------------------------ misdeeds, storms */

#define HOLD_ACTOR(...) live_inuse("run", "--hold", "-q", actor_path(), __VA_ARGS__)

static void test_hold__signals_in_storms__no_spurious_error(void **state)
{
	/* each of these is closed and bound again, and so given again */
	live_says(HOLD_ACTOR("storm", ADDR, "3000", "restart"), 0, "wrong 0\n");
}

static void test_hold__processes_and_memory_that_vanish__supervisor_goes_on(void **state)
{
	live_says(HOLD_ACTOR("vanish", ADDR, "300"), 0, "bind " ADDR " ok\n");
	live_says(HOLD_ACTOR("unmap", ADDR, "1000"), 0, "done\n");
}

static void test_hold__a_thousand_children_that_listen_and_end__all_good(void **state)
{
	live_says(HOLD_ACTOR("spawn", "1000"), 0, "good 1000\n");
}

static void test_hold__odd_arguments__same_errors(void **state)
{
	assert_string_equal(HOLD_ACTOR("odd")->out, actor_bare("odd")->out);
	assert_string_equal(HOLD_ACTOR("twice", ADDR)->out, actor_bare("twice", ADDR)->out);
}

static void test_hold__ten_thousand_sockets__restarted(void **state)
{
	/* fewer where a thousand take half a second, as in an emulated machine */
	const char *script = "all, began = [], time.monotonic()\n"
			     "wanted = int(open(sys.argv[1] + '/n').read()) if start > 1 else 10000\n"
			     "while len(all) < wanted:\n"
			     "    all.append(listen(port=10000 + len(all)))\n"
			     "    if start == 1 and len(all) == 1000 and time.monotonic() - began > 0.5: wanted = 2000\n"
			     "    if len(all) % 500 == 0: up(len(all))\n"
			     "open(sys.argv[1] + '/n', 'w').write(str(wanted))\n"
			     "up('all', wanted); serve(all[7])";
	char wanted[16] = "";
	pid_t pid;

	pid = live_start_any((const char *const[]){"sh", "-c", "ulimit -n 12000; exec \"$@\"", "sh", getenv("INUSE_BIN"), "run", "--hold",
						   actor_python(), "-c", live_text("%s%s", holder_prelude, script), actor_dir, NULL});
	for (int i = 500; i <= 2000; i += 500)
		live_expect(pid, live_text("up 1 %d", i));
	live_expect(pid, "up 1 all");
	live_read_file(live_text("%s/n", actor_dir), wanted, sizeof(wanted));
	kill(pid, SIGUSR2);
	for (int i = 500; i <= atoi(wanted); i += 500)
		live_expect(pid, live_text("up 2 %d", i));
	live_expect(pid, live_text("up 2 all %s", wanted));
	assert_int_equal(holder_ask("127.0.0.1:10007"), 2);
	live_finish(pid, SIGTERM);
}

static void test_hold__more_than_there_is_room_for__said_and_works(void **state)
{
	const char *script = "all = [listen(port=p) for p in range(10000, 10100)]; up(len(all)); serve(all[99])";
	pid_t pid = live_start_any((const char *const[]){"sh", "-c", "ulimit -n 150; exec \"$@\"", "sh", getenv("INUSE_BIN"), "run", "--hold",
							 actor_python(), "-c", live_text("%s%s", holder_prelude, script), actor_dir, NULL});

	live_expect(pid, "the limit of descriptors is reached");
	live_expect(pid, "up 1 100");
	kill(pid, SIGUSR2);
	live_expect(pid, "up 2 100");
	assert_int_equal(holder_ask("127.0.0.1:10099"), 2);
	live_finish(pid, SIGTERM);
}

static void test_hold__no_descriptors_left__said_and_works(void **state)
{
	pid_t pid = HOLDER_START("a = listen(); up()\n"
				 "while not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.01)\n"
				 "b = listen(port=8081); up('both'); serve(b)", PLAIN);

	live_expect(pid, "up 1");
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &(struct rlimit){4, 4}, NULL), 0);
	live_run("touch", live_text("%s/go", actor_dir));
	live_expect(pid, "makes its calls itself, not explained and not cured: inuse has reached its limit of descriptors");
	live_expect(pid, "up 1 both");
	assert_int_equal(holder_ask("127.0.0.1:8081"), 1);
	live_finish(pid, SIGTERM);
}

static void test_hold__many_restarts__nothing_piles_up(void **state)
{
	pid_t pid = HOLDER_START("s = listen(); up(); serve(s)", PLAIN);
	/* of the last callers, up to a number, handles are kept */
	const char *count = live_text("ls -l /proc/%d/fd | grep -c 'socket:\\|seccomp'", pid);
	int64_t deadline;
	long before;

	live_expect(pid, "up 1");
	holder_restart(pid, 2);
	live_says(live_inuse("restart", "8080"), 0, "");
	before = strtol(live_run("sh", "-c", count)->out, NULL, 10);
	for (int i = 0; i < 20; i++)
		live_says(live_inuse("restart", "8080"), 0, "");
	/* who asked for the last one has his answer, and inuse has yet to close the connection to him */
	deadline = live_now_ms() + LIVE_PATIENCE_MS;
	while (strtol(live_run("sh", "-c", count)->out, NULL, 10) > before)
		assert_true(live_again(deadline));
	holder_end(pid);
}

static void test_hold__inuse_killed__program_goes_on(void **state)
{
	pid_t pid = HOLDER_START("s = listen(); up(); serve(s)", PLAIN);
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	live_expect(pid, "up 1");
	holder_restart(pid, 2);
	kill(pid, SIGKILL);
	assert_int_equal(holder_ask(ADDR), 2);
	live_run("sh", "-c", "kill $(ss -Hltnp 'sport = :8080' | sed 's/.*pid=\\([0-9]*\\).*/\\1/')");
	while (live_count(8080, 0, INUSE_LISTEN) != 0)
		assert_true(live_again(deadline));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_hold__restarted_under_clients__none_refused_none_reset),
		folder_test(test_hold__ipv6__the_same),
		folder_test(test_hold__crash__clients_wait_for_the_next_start),
		folder_test(test_restart__ends_well__only_always_starts_it_again),
		folder_test(test_restart__fails_each_time__pauses_grow_and_end_at_once),
		folder_test(test_restart__asked_to_end__is_not_started_again),
		folder_test(test_restart__does_not_end__killed),
		folder_test(test_restart__descendants_of_a_shell__end_too),
		folder_test(test_restart__program_ignores_the_signal__its_child_is_told),
		folder_test(test_restart__stop_signal__is_the_one_asked_for),
		folder_test(test_restart__output_and_input__as_for_the_first),
		folder_test(test_hold__reloader_inside__its_next_child_gets_it),
		folder_test(test_hold__signals_in_storms__no_spurious_error),
		folder_test(test_hold__processes_and_memory_that_vanish__supervisor_goes_on),
		folder_test(test_hold__a_thousand_children_that_listen_and_end__all_good),
		folder_test(test_hold__odd_arguments__same_errors),
		folder_test(test_hold__ten_thousand_sockets__restarted),
		folder_test(test_hold__more_than_there_is_room_for__said_and_works),
		folder_test(test_hold__no_descriptors_left__said_and_works),
		folder_test(test_hold__many_restarts__nothing_piles_up),
		folder_test(test_hold__inuse_killed__program_goes_on),
	};

	return LIVE_RUN("run_hold", tests);
}
