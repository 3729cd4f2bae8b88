/* SPDX-License-Identifier: MIT */
/* inuse run --hold under a service manager: what it is told, and the sockets that it hands over. */
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "support/holder.h"

/* ------------------------------------------------------------------------------------------- notifications */

static int manager = -1;

/* Stands for the manager: a socket that the next inuse finds in NOTIFY_SOCKET. */
static void become_manager(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/notify", actor_dir);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(chmod(name.sun_path, 0777), 0);
	setenv("NOTIFY_SOCKET", name.sun_path, 1);
}

static void end_manager(void)
{
	unsetenv("NOTIFY_SOCKET");
	close(manager);
}

/* The next message must have that text in it. */
static void await_message(const char *wanted)
{
	struct pollfd pfd = {manager, POLLIN, 0};
	char text[4096];
	ssize_t n;

	if (poll(&pfd, 1, 10000) != 1)
		live_fail("the manager is not told \"%s\"", wanted);
	n = recv(manager, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	if (strstr(text, wanted) == NULL)
		live_fail("the manager is told \"%s\" instead of \"%s\"", text, wanted);
}

static void await_silence(void)
{
	struct pollfd pfd = {manager, POLLIN, 0};

	assert_int_equal(poll(&pfd, 1, 0), 0);
}

#define SAY "def say(text):\n" \
	    "    name = os.environ['NOTIFY_SOCKET']; n = socket(AF_UNIX, SOCK_DGRAM)\n" \
	    "    n.connect('\\0' + name[1:] if name[0] == '@' else name); n.send(text)\n"

static void test_service__program_that_tells_nothing__ready_when_it_listens(void **state)
{
	pid_t pid;

	become_manager();
	pid = HOLDER_START("s = listen(); up(); serve(s)", PLAIN);
	await_message(live_text("READY=1\nMAINPID=%d", pid));
	live_expect(pid, "up 1");
	kill(pid, SIGUSR2);
	await_message("RELOADING=1\nMONOTONIC_USEC=");
	await_message("READY=1");
	live_expect(pid, "up 2");
	await_silence();
	holder_end(pid);
	await_message("STOPPING=1");
	await_silence();
	end_manager();
}

static void test_service__program_that_tells__heard_and_corrected(void **state)
{
	pid_t pid;

	become_manager();
	pid = HOLDER_START(SAY "say(b'STATUS=about to\\nMAINPID=%d\\nREADY=1\\n' % os.getpid()); time.sleep(0.1); s = listen()\n"
			       "say(b'WATCHDOG=1'); up(); serve(s); say(b'STOPPING=1')", PLAIN);
	/* it is inuse who is the main process, and says so itself */
	await_message("STATUS=about to\n");
	await_message(live_text("READY=1\nMAINPID=%d", pid));
	await_message("WATCHDOG=1");
	kill(pid, SIGUSR2);
	await_message("RELOADING=1");
	/* the end of one start is not the end of the service */
	await_message("STATUS=about to\n");
	await_message("READY=1");
	await_message("WATCHDOG=1");
	live_expect(pid, "up 2");
	holder_end(pid);
	await_message("STOPPING=1");
	end_manager();
}

static void test_service__ready_and_did_not_ask_again__closed(void **state)
{
	pid_t pid;

	become_manager();
	pid = HOLDER_START(SAY "s = listen()\nif start == 1: t = listen(port=8081)\n"
			       "say(b'READY=1'); up(); serve(s)", "--ready=600");
	live_expect(pid, "up 1");
	kill(pid, SIGUSR2);
	live_expect(pid, "127.0.0.1:8081 is not listened on any more: it was closed");
	holder_end(pid);
	end_manager();
}

static void test_service__attempt_that_fails__ready_all_the_same(void **state)
{
	pid_t pid;

	become_manager();
	pid = HOLDER_START(SAY "if start == 2: say(b'READY=1\\nSTATUS=of an attempt'); sys.exit(3)\n"
			       "s = listen(); up(); serve(s)", "--overlap");
	await_message("READY=1");
	kill(pid, SIGUSR2);
	await_message("RELOADING=1");
	await_message("READY=1"); /* the old one goes on */
	live_expect(pid, "the old one goes on");
	await_silence();
	holder_end(pid);
	end_manager();
}

static void test_service__without_hold__the_programs_own_business(void **state)
{
	become_manager();
	live_says(live_inuse("run", actor_python(), "-c", "import os; print(os.environ['NOTIFY_SOCKET'])"), 0,
		  live_text("%s/notify", actor_dir));
	await_silence();
	end_manager();
}

/* -------------------------------------------------------------------------------------- sockets handed over */

/* Starts inuse as a manager does: the listening socket of ADDR is descriptor 3. */
static pid_t start_with_socket(const char *option, const char *script)
{
	const char *launcher = "import os, sys; from socket import *\n"
			       "s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); s.bind(('127.0.0.1', 8080)); s.listen(64)\n"
			       "os.dup2(s.fileno(), 3); os.set_inheritable(3, True); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_PIDFDID='7')\n"
			       "os.execv(os.environ['INUSE_BIN'], sys.argv[1:])";

	return live_start_any((const char *const[]){actor_python(), "-c", launcher, "inuse", "run", "--hold", option, actor_python(), "-c",
						    live_text("%s%s", holder_prelude, script), actor_dir, NULL});
}

static void test_service__sockets_handed_over__reach_every_start(void **state)
{
	pid_t pid = start_with_socket(PLAIN, "assert os.environ['LISTEN_PID'] == str(os.getpid()) and 'LISTEN_PIDFDID' not in os.environ\n"
					     "s = socket(fileno=3); up(s.getsockname()); serve(s)");

	live_expect(pid, "up 1 ('127.0.0.1', 8080)");
	holder_begin_crowd(ADDR, 2);
	live_says(live_inuse("restart", "8080"), 0, "");
	live_expect(pid, "up 2 ('127.0.0.1', 8080)");
	holder_await_served(10);
	holder_end_crowd(0);
	live_finish(pid, SIGTERM);
}

static void test_service__program_that_knows_nothing_of_them__is_given_one(void **state)
{
	pid_t pid = start_with_socket(PLAIN, "s = listen()\n"
					     "try: listen(); word = 'ok'\n"
					     "except OSError as e: word = e.errno\n"
					     "up(s.getsockopt(SOL_SOCKET, 57, 8) == socket(fileno=os.dup(3)).getsockopt(SOL_SOCKET, 57, 8), word)\n"
					     "serve(s)");

	live_expect(pid, "up 1 True 98");
	live_says(live_inuse("restart", "8080"), 0, "listens again");
	live_expect(pid, "up 2 True 98");
	assert_int_equal(holder_ask(ADDR), 2);
	live_finish(pid, SIGTERM);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_service__program_that_tells_nothing__ready_when_it_listens),
		folder_test(test_service__program_that_tells__heard_and_corrected),
		folder_test(test_service__ready_and_did_not_ask_again__closed),
		folder_test(test_service__attempt_that_fails__ready_all_the_same),
		folder_test(test_service__without_hold__the_programs_own_business),
		folder_test(test_service__sockets_handed_over__reach_every_start),
		folder_test(test_service__program_that_knows_nothing_of_them__is_given_one),
	};

	return LIVE_RUN("run_service", tests);
}
