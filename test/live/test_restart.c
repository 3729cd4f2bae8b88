/* SPDX-License-Identifier: MIT */
/* inuse restart, and the ways from one start to the next: overlapping ones, attempts that fail. */
#include <jansson.h>

#include "support/holder.h"

static const char plain[] = "s = listen(); up(os.getpid()); serve(s)";

static pid_t pid_of_start(int number)
{
	char text[256];

	live_read_file(live_text("%s/pid%d", actor_dir, number), text, sizeof(text));
	return atoi(text);
}

#define TELL_PID "open(sys.argv[1] + '/pid%d' % start, 'w').write(str(os.getpid()))\n"

/* ----------------------------------------------------------------------------------------- inuse restart */

static void test_restart__by_address__comes_back_when_it_listens(void **state)
{
	pid_t pid = HOLDER_START(plain, PLAIN);

	live_expect(pid, "up 1");
	live_says(live_inuse("restart", "8080"), 0, "python3 (pid ", "listens again after 0.");
	assert_int_equal(holder_ask(ADDR), 2);
	live_says(live_inuse("restart", ADDR), 0, "listens again");
	live_says(live_inuse("restart", "localhost:8080"), 0, "listens again");
	assert_int_equal(holder_ask(ADDR), 4);
	assert_string_equal(live_inuse("restart", "-q", ":8080")->out, "");
	live_complains(live_inuse("restart", "127.0.0.2:8080"), 1, "no inuse run --hold holds 127.0.0.2:8080");
	live_complains(live_inuse("restart", "8081"), 1, "no inuse run --hold holds 8081");
	assert_int_equal(holder_ask(ADDR), 5);
	holder_end(pid);
}

static void test_restart__by_process__of_anything_below(void **state)
{
	const char *script = live_text("%s -c \"$0\" %s; true", actor_python(), actor_dir);
	pid_t pid = live_start("run", "--hold", "sh", "-c", script, live_text("%s%s%s", holder_prelude, TELL_PID, plain));

	live_expect(pid, "up 1");
	live_says(live_inuse("restart", live_text("%d", pid)), 0, "sh (pid ");
	live_expect(pid, "up 2");
	live_says(live_inuse("restart", live_text("%d", pid_of_start(2))), 0, "sh (pid ");
	assert_int_equal(holder_ask(ADDR), 3);
	live_complains(live_inuse("restart", live_text("%d", getpid())), 1, "no inuse run --hold holds");
	kill(pid, SIGTERM);
	live_expect(pid, "1 process that it started goes on");
	live_finish(pid, SIGTERM);
}

static void test_hold__who_has_the_address__the_program_first(void **state)
{
	pid_t pid = HOLDER_START(TELL_PID "s = listen(); up(); serve(s)", PLAIN);

	live_expect(pid, "up 1");
	live_says(live_inuse(ADDR), 1, live_text("IN USE by python3 (pid %d", pid_of_start(1)));
	holder_end(pid);
}

static void test_restart__json__one_object(void **state)
{
	pid_t pid = HOLDER_START(plain, PLAIN);
	int generation = 0, sockets = 0, supervisor = 0;
	const char *schema = "";
	json_t *answer;

	live_expect(pid, "up 1");
	answer = json_loads(live_inuse("restart", "--json", "8080")->out, 0, NULL);
	assert_int_equal(json_unpack(answer, "{s:i, s:i, s:i, s:s}", "generation", &generation, "sockets", &sockets, "supervisor",
				     &supervisor, "schema", &schema), 0);
	assert_int_equal(generation, 2);
	assert_int_equal(sockets, 1);
	assert_int_equal(supervisor, pid);
	assert_string_equal(schema, "inuse-restart");
	json_decref(answer);
	holder_end(pid);
}

static void test_restart__next_start_fails__said(void **state)
{
	pid_t pid = HOLDER_START("if start == 2: sys.exit(4)\ns = listen(); up(); serve(s)", PLAIN);

	live_expect(pid, "up 1");
	live_complains(live_inuse("restart", "8080"), 1, "it was not restarted");
	assert_int_equal(live_finish(pid, 0)->status, 4);
	pid = HOLDER_START("if start == 4: sys.exit(4)\ns = listen(); up(); serve(s)", "--restart=on-failure");
	live_expect(pid, "up 3");
	live_complains(live_inuse("restart", "8080"), 1, "it has ended, and is started again");
	live_expect(pid, "up 5");
	holder_end(pid);
}

static void test_restart__listens_on_nothing__restarted_all_the_same(void **state)
{
	pid_t pid = HOLDER_START("up()\nwhile not asked: time.sleep(0.01)\n", "--overlap");

	live_expect(pid, "up 1");
	assert_int_equal(live_inuse("restart", live_text("%d", pid))->status, 0);
	live_expect(pid, "up 2");
	holder_end(pid);
}

static void test_restart__other_user__not_permitted(void **state)
{
	pid_t pid;

	live_need_root();
	pid = HOLDER_START(plain, PLAIN);
	live_expect(pid, "up 1");
	live_complains(live_inuse_as(LIVE_NOBODY, "restart", "8080"), 3, "may not be asked");
	live_complains(live_inuse_as(LIVE_NOBODY, "restart", live_text("%d", pid)), 3, "another user's");
	assert_int_equal(holder_ask(ADDR), 1);
	holder_end(pid);
	unlink(live_text("%s/starts", actor_dir));
	pid = HOLDER_START_AS(LIVE_NOBODY, plain, PLAIN);
	live_expect(pid, "up 1");
	live_says(live_inuse_as(LIVE_NOBODY, "restart", "8080"), 0, "listens again");
	live_says(live_inuse("restart", "8080"), 0, "listens again");
	holder_end(pid);
}

static void test_restart__two_of_them__must_be_told_which(void **state)
{
	pid_t a = HOLDER_START("s = listen(); up(); serve(s)", PLAIN), b;

	live_expect(a, "up 1");
	b = HOLDER_START("s = listen(host='127.0.0.2'); up(); serve(s)", PLAIN);
	live_expect(b, "up 2");
	live_complains(live_inuse("restart", "8080"), 2, "more than one");
	live_says(live_inuse("restart", "127.0.0.2:8080"), 0, "listens again");
	live_says(live_inuse("restart", live_text("%d", a)), 0, "listens again");
	live_finish(b, SIGTERM);
	holder_end(a);
}

static void test_restart__asked_by_many_at_once__each_gets_a_new_one(void **state)
{
	pid_t pid = HOLDER_START(plain, PLAIN);

	live_expect(pid, "up 1");
	live_says(live_run("sh", "-c", live_text("for i in 1 2 3 4 5 6 7 8; do %s restart 8080 & done; wait", getenv("INUSE_BIN"))), 0,
		  "listens again");
	assert_true(holder_ask(ADDR) >= 2); /* those who come while the old one is being stopped share the next */
	holder_end(pid);
}

/* ---------------------------------------------------------------------------------------------- overlap */

static void test_overlap__under_clients__never_a_gap(void **state)
{
	pid_t pid = HOLDER_START(WHEN_TOLD "s = listen(); up(); serve(s)", "--overlap");

	live_expect(pid, "up 1");
	holder_begin_crowd(ADDR, 3);
	for (int i = 2; i <= 4; i++) {
		pid_t asker = live_start("restart", "8080");

		holder_await_start(i);
		holder_await_each_served(); /* nobody waits for the start */
		holder_go(i);
		live_says(live_finish(asker, 0), 0, "listens again");
	}
	holder_await_served(20);
	holder_end_crowd(0);
	assert_int_equal(holder_ask(ADDR), 4);
	holder_end(pid);
}

static void test_overlap__new_one_dies__old_one_goes_on(void **state)
{
	pid_t pid = HOLDER_START("if start == 2: sys.exit(5)\ns = listen(); up(); serve(s)", "--overlap");

	live_expect(pid, "up 1");
	live_complains(live_inuse("restart", "8080"), 1, "the old one goes on");
	live_expect(pid, "ended with status 5 before it listened on all that the old one does: the old one goes on");
	assert_int_equal(holder_ask(ADDR), 1);
	live_says(live_inuse("restart", "8080"), 0, "listens again");
	assert_int_equal(holder_ask(ADDR), 3);
	holder_end(pid);
}

static void test_overlap__new_one_listens_on_less__old_one_goes_on(void **state)
{
	pid_t pid = HOLDER_START("s = listen()\nif start == 1: t = listen(port=8081)\nup(); serve(s)", "--overlap", "--ready=1");

	live_expect(pid, "up 1");
	live_complains(live_inuse("restart", "8080"), 1, "the old one goes on");
	live_expect(pid, "does not listen on all that the old one does within 1 s: the old one goes on");
	for (int i = 0; i < 4; i++)
		assert_int_equal(holder_ask(ADDR), 1);
	live_close(live_dial("127.0.0.1:8081", NULL, 0));
	holder_end(pid);
}

/* tries: how often the second start takes the socket before it fails. */
static void check_as_it_was(int tries)
{
	const char *script = "def look(): return s.getsockopt(SOL_SOCKET, SO_KEEPALIVE), s.getsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT), "
			     "struct.unpack_from('I', s.getsockopt(IPPROTO_TCP, TCP_INFO, 32), 28)[0], os.get_blocking(s.fileno())\n"
			     "if start == 2:\n"
			     "    for i in range(tries):\n"
			     "        s = None; s = listen(backlog=1, options=((SOL_SOCKET, SO_KEEPALIVE, 1), (IPPROTO_TCP, TCP_DEFER_ACCEPT, 9)))\n"
			     "    s.setblocking(True); print('second', *look(), flush=True); sys.exit(3)\n"
			     "s = listen(backlog=77); t = listen(port=8081); s.setblocking(False); up(); first = look()\n"
			     "while not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.01)\n"
			     "print('as it was', first == look(), *look(), flush=True); serve(s)";
	pid_t pid = HOLDER_START(live_text("tries = %d\n%s", tries, script), "--overlap");

	live_expect(pid, "up 1");
	live_complains(live_inuse("restart", "8080"), 1, "the old one goes on");
	live_expect(pid, "second 1 ");
	live_run("touch", live_text("%s/go", actor_dir));
	live_expect(pid, "as it was True 0 0 77 False");
	assert_int_equal(holder_ask(ADDR), 1);
	holder_end(pid);
}

static void test_overlap__new_one_fails__socket_is_as_it_was(void **state)
{
	check_as_it_was(1);
}

static void test_overlap__new_one_takes_it_twice_and_fails__socket_is_as_it_was(void **state)
{
	check_as_it_was(2);
}

static void test_overlap__blocking_accept_of_the_old_one__stays_blocking(void **state)
{
	/* the flag belongs to the open file, which both have: changed under a blocked accept, it fails */
	const char *script = "s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); s.setblocking(start == 1)\n"
			     "s.bind(('127.0.0.1', 8080)); s.listen(9); up(os.get_blocking(s.fileno()))\n"
			     "if start == 2:\n"
			     "    while os.get_blocking(s.fileno()): time.sleep(0.01)\n"
			     "    print('now', flush=True); serve(s)\n"
			     "else:\n"
			     "    signal.signal(signal.SIGTERM, lambda *a: (time.sleep(0.2), os._exit(0)))\n"
			     "    while True:\n"
			     "        c, _ = s.accept(); c.sendall(b'1'); c.close()\n";
	pid_t pid = HOLDER_START(script, "--overlap");

	live_expect(pid, "up 1 True");
	kill(pid, SIGUSR2);
	live_expect(pid, "up 2 True");
	/* as soon as the old one has ended, it is as the new one wanted it */
	live_expect(pid, "now");
	assert_int_equal(holder_ask(ADDR), 2);
	holder_end(pid);
}

static void test_overlap__old_one_crashes_meanwhile__new_one_takes_over(void **state)
{
	pid_t pid = HOLDER_START(TELL_PID WHEN_TOLD "s = listen(); up(); serve(s)", "--overlap");
	int fd;

	live_expect(pid, "up 1");
	kill(pid, SIGUSR2);
	holder_await_start(2);
	kill(pid_of_start(1), SIGKILL);
	fd = live_dial(ADDR, NULL, 0);
	holder_go(2);
	live_expect(pid, "up 2");
	assert_int_equal(holder_ask(ADDR), 2);
	live_close(fd);
	holder_end(pid);
}

static void test_overlap__asked_to_end_meanwhile__both_end(void **state)
{
	pid_t pid = HOLDER_START("if start > 1: print('late', flush=True)\nwhile start > 1 and not asked: time.sleep(0.01)\n"
				 "if not asked: s = listen(); up(); serve(s)", "--overlap");

	live_expect(pid, "up 1");
	kill(pid, SIGUSR2);
	live_expect(pid, "late");
	holder_end(pid);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_restart__by_address__comes_back_when_it_listens),
		folder_test(test_restart__by_process__of_anything_below),
		folder_test(test_hold__who_has_the_address__the_program_first),
		folder_test(test_restart__json__one_object),
		folder_test(test_restart__next_start_fails__said),
		folder_test(test_restart__listens_on_nothing__restarted_all_the_same),
		folder_test(test_restart__other_user__not_permitted),
		folder_test(test_restart__two_of_them__must_be_told_which),
		folder_test(test_restart__asked_by_many_at_once__each_gets_a_new_one),
		folder_test(test_overlap__under_clients__never_a_gap),
		folder_test(test_overlap__new_one_dies__old_one_goes_on),
		folder_test(test_overlap__new_one_listens_on_less__old_one_goes_on),
		folder_test(test_overlap__new_one_fails__socket_is_as_it_was),
		folder_test(test_overlap__new_one_takes_it_twice_and_fails__socket_is_as_it_was),
		folder_test(test_overlap__blocking_accept_of_the_old_one__stays_blocking),
		folder_test(test_overlap__old_one_crashes_meanwhile__new_one_takes_over),
		folder_test(test_overlap__asked_to_end_meanwhile__both_end),
	};

	return LIVE_RUN("restart", tests);
}
