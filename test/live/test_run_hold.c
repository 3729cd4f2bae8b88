/* SPDX-License-Identifier: MIT */
/* inuse run --hold: the listening socket outlives the program, and the next start of it gets that socket. */
#include <stdlib.h>
#include <sys/mman.h>

#include "support/actor.h"
#include "support/live_private.h"

#define ADDR "127.0.0.1:8080"

/* ------------------------------------------------------------------------------------------- the programs */

/*
 * What every program here begins with. up(): tells which start of it this is, "up 2". serve(): each client gets that
 * number, until SIGTERM; who was accepted is served.
 */
static const char prelude[] =
	"import os, select, signal, socket, struct, sys, time\n"
	"from socket import *\n"
	"def count():\n"
	"    path = sys.argv[1] + '/starts'\n"
	"    n = int(open(path).read()) + 1 if os.path.exists(path) else 1\n"
	"    open(path, 'w').write(str(n))\n"
	"    return n\n"
	"start = count()\n"
	"def up(*words): print('up', start, *words, flush=True)\n"
	"asked = []\n"
	"signal.signal(signal.SIGTERM, lambda *a: asked.append(1))\n"
	"def serve(s, wait=0.01):\n"
	"    s.settimeout(wait)\n"
	"    while not asked:\n"
	"        try: c, _ = s.accept()\n"
	"        except OSError: continue\n"
	"        c.sendall(b'%d' % start)\n"
	"        c.close()\n"
	"def listen(port=8080, backlog=16, host='127.0.0.1', options=(), family=AF_INET):\n"
	"    s = socket(family)\n"
	"    for o in ((SOL_SOCKET, SO_REUSEADDR, 1),) + tuple(options): s.setsockopt(*o)\n"
	"    s.bind((host, port))\n"
	"    s.listen(backlog)\n"
	"    return s\n";

#define START(script, ...) \
	live_start("run", "--hold", __VA_ARGS__, actor_python(), "-c", live_text("%s%s", prelude, script), actor_dir)
#define PLAIN "--stop-timeout=10"

/* The answer of the server to one client: which start of the program it was. */
static int ask(const char *addr)
{
	int fd = live_dial(addr, NULL, 0);
	struct timeval patience = {10, 0};
	char text[16] = "";
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		live_fail("a client of %s gets no answer: %s", addr, n == 0 ? "end of file" : strerror(errno));
	live_close(fd);
	return atoi(text);
}

static void restart(pid_t inuse, int number)
{
	kill(inuse, SIGUSR2);
	live_expect(inuse, live_text("up %d", number));
}

static void end(pid_t inuse)
{
	const struct live_run *run = live_finish(inuse, SIGTERM);

	if (run->status != 0 && run->status != 128 + SIGTERM)
		live_fail("status %d:\n%s", run->status, run->out);
	assert_int_equal(live_count(8080, 0, INUSE_LISTEN), 0);
}

/* ------------------------------------------------------------------------------- clients that never stop */

struct crowd {
	_Atomic unsigned served, refused, reset, other;
	_Atomic int64_t longest_ms;
	_Atomic bool over;
};

static struct crowd *crowd;

static void visit(const struct sockaddr_storage *sa, socklen_t len)
{
	int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {10, 0};
	int64_t began = live_now_ms();
	char text[512];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)sa, len) != 0)
		errno == ECONNREFUSED ? crowd->refused++ : crowd->other++;
	else if (recv(fd, text, sizeof(text), 0) > 0)
		crowd->served++;
	else if (errno == ECONNRESET)
		crowd->reset++;
	else
		crowd->other++;
	if (live_now_ms() - began > crowd->longest_ms)
		crowd->longest_ms = live_now_ms() - began;
	close(fd);
}

static void begin_crowd(const char *addr, int n)
{
	struct sockaddr_storage sa;
	socklen_t len = live_sockaddr(addr, &sa);

	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(crowd != MAP_FAILED);
	for (int i = 0; i < n; i++)
		if (live_fork(false, -1) == 0) {
			while (!crowd->over)
				visit(&sa, len);
			_exit(0);
		}
}

/* Comes back when so many more were served. */
static void await_served(unsigned more)
{
	int64_t deadline = live_now_ms() + 10000;
	unsigned wanted = crowd->served + more;

	while (crowd->served < wanted)
		if (!live_again(deadline))
			live_fail("nobody is served any more: %u served, %u refused, %u reset, %u other", crowd->served, crowd->refused,
				  crowd->reset, crowd->other);
}

static void end_crowd(void)
{
	crowd->over = true;
	if (crowd->refused + crowd->reset + crowd->other > 0)
		live_fail("%u served, %u refused, %u reset, %u other, longest %lld ms", crowd->served, crowd->refused, crowd->reset,
			  crowd->other, (long long)crowd->longest_ms);
}

/* ------------------------------------------------------------------------------------------------ restarts */

static void test_hold__restarted_under_clients__none_refused_none_reset(void **state)
{
	pid_t pid = START("s = listen(); up(); serve(s)", PLAIN);

	live_expect(pid, "up 1");
	begin_crowd(ADDR, 4);
	for (int i = 2; i <= 6; i++) {
		await_served(20);
		restart(pid, i);
	}
	await_served(20);
	end_crowd();
	end(pid);
}

static void test_hold__ipv6__the_same(void **state)
{
	pid_t pid;

	live_need_ipv6();
	pid = START("s = listen(host='::', family=AF_INET6); up(); serve(s)", PLAIN);
	live_expect(pid, "up 1");
	begin_crowd("[::1]:8080", 2);
	restart(pid, 2);
	await_served(20);
	assert_int_equal(ask(ADDR), 2);
	end_crowd();
	end(pid);
}

static void test_hold__crash__clients_wait_for_the_next_start(void **state)
{
	pid_t pid = START("s = listen(); up()\n"
			  "if start < 4: c, _ = s.accept(); os.kill(os.getpid(), signal.SIGKILL)\n"
			  "serve(s)", "--restart=on-failure");

	for (int i = 1; i < 4; i++) {
		live_expect(pid, live_text("up %d", i));
		live_close(live_dial(ADDR, NULL, 0));
		live_expect(pid, live_text("was ended by signal %d: it is started again", SIGKILL));
	}
	assert_int_equal(ask(ADDR), 4);
	end(pid);
}

static void test_restart__ends_well__only_always_starts_it_again(void **state)
{
	const struct live_run *run = live_inuse("run", "--restart=on-failure", "sh", "-c", "echo once; exit 0");
	pid_t pid;

	assert_string_equal(run->out, "once\n");
	assert_int_equal(run->status, 0);
	pid = live_start("run", "--restart=always", "sh", "-c", live_text("echo x >>%s/n; wc -l <%s/n; exit 0", actor_dir, actor_dir));
	live_expect(pid, "5\n");
	live_finish(pid, SIGTERM);
}

static void test_restart__fails_each_time__pauses_grow_and_end_at_once(void **state)
{
	int64_t began = live_now_ms(), asked;
	int status;
	pid_t pid = live_start("run", "--restart=on-failure", "sh", "-c", live_text("echo x >>%s/n; wc -l <%s/n; exit 3", actor_dir, actor_dir));

	/* 0, 100, 200, 400, 800 ms */
	live_expect(pid, "6\n");
	assert_true(live_now_ms() - began >= 1500);
	asked = live_now_ms();
	status = live_finish(pid, SIGTERM)->status;
	assert_true(status == 3 || status == 128 + SIGTERM); /* in the shell, or in the pause of 1600 ms */
	assert_true(live_now_ms() - asked < 1500);
}

static void test_restart__asked_to_end__is_not_started_again(void **state)
{
	const struct live_run *run;
	pid_t pid = START("s = listen(); up(); serve(s); sys.exit(9)", "--restart=always");

	live_expect(pid, "up 1");
	run = live_finish(pid, SIGTERM);
	assert_int_equal(run->status, 9);
	live_says_not(run, "up 2");
}

static void test_restart__does_not_end__killed(void **state)
{
	pid_t pid = START("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
			  "signal.signal(signal.SIGINT, lambda *a: asked.append(1))\n"
			  "s = listen(); up(); serve(s)", "--stop-timeout=1");

	live_expect(pid, "up 1");
	restart(pid, 2);
	live_expect(pid, "1 process did not end and was killed");
	assert_int_equal(ask(ADDR), 2);
	live_finish(pid, SIGINT);
}

static void test_restart__descendants_of_a_shell__end_too(void **state)
{
	const char *script = live_text("%s -c \"$0\" %s; true", actor_python(), actor_dir);
	pid_t pid = live_start("run", "--hold", "sh", "-c", script, live_text("%ss = listen(); up(); serve(s)", prelude));

	live_expect(pid, "up 1");
	restart(pid, 2);
	assert_int_equal(ask(ADDR), 2);
	kill(pid, SIGTERM);
	live_expect(pid, "1 process that it started goes on");
	live_finish(pid, SIGTERM);
}

static void test_restart__stop_signal__is_the_one_asked_for(void **state)
{
	pid_t pid = START("signal.signal(signal.SIGQUIT, lambda *a: (print('quit', flush=True), os._exit(0))); s = listen(); up(); serve(s)",
			  "--stop-signal=QUIT");

	live_expect(pid, "up 1");
	restart(pid, 2);
	live_expect(pid, "quit");
	end(pid);
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
	pid_t pid = START("signal.signal(signal.SIGHUP, lambda *a: os.kill(child, signal.SIGTERM))\n"
			  "while not asked:\n"
			  "    child = os.fork()\n"
			  "    if child == 0: s = listen(); up(); serve(s); os._exit(0)\n"
			  "    os.waitpid(child, 0); start += 1\n", PLAIN);

	live_expect(pid, "up 1");
	begin_crowd(ADDR, 2);
	for (int i = 2; i <= 4; i++) {
		await_served(10);
		kill(pid, SIGHUP); /* passed on */
		live_expect(pid, live_text("up %d", i));
	}
	await_served(10);
	end_crowd();
	kill(pid, SIGTERM);
	kill(pid, SIGHUP);
	live_finish(pid, 0);
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
		folder_test(test_restart__stop_signal__is_the_one_asked_for),
		folder_test(test_restart__output_and_input__as_for_the_first),
		folder_test(test_hold__reloader_inside__its_next_child_gets_it),
	};

	return LIVE_RUN("run_hold", tests);
}
