/* SPDX-License-Identifier: MIT */
/* inuse run as a job: signals, stopping, daemons, the terminal that closes, and nobody left behind. */
#include <dirent.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "support/actor.h"
#include "support/live_private.h"


static const char *file_text(void)
{
	char text[512] = "";

	live_read_file(live_text("%s/file", actor_dir), text, sizeof(text));
	return live_text("%s", text);
}

/* Comes back when the file says that. */
static void await_file(const char *text)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	while (strstr(file_text(), text) == NULL)
		if (!live_again(deadline))
			live_fail("the program does not say \"%s\" but \"%s\"", text, file_text());
}

static pid_t program_pid(void)
{
	await_file("pid ");
	await_file("\n");
	return atoi(strstr(file_text(), "pid ") + 4);
}

static void await_gone(pid_t pid)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	while (kill(pid, 0) == 0)
		if (!live_again(deadline))
			live_fail("process %d does not end", pid);
}

static char state_of(pid_t pid)
{
	char text[512] = "";

	live_read_file(live_text("/proc/%d/stat", pid), text, sizeof(text));
	return strrchr(text, ')') ? strrchr(text, ')')[2] : 0;
}

static void await_state(pid_t pid, char state)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	while (state_of(pid) != state)
		if (!live_again(deadline))
			live_fail("process %d is not in state %c but %c", pid, state, state_of(pid));
}

/* --------------------------------------------------------------------------------------------- signals */

static void test_run__signal_to_inuse__reaches_the_program_once(void **state)
{
	pid_t pid = live_start("run", actor_path(), "count", live_text("%d", SIGUSR1));

	live_expect(pid, "ready");
	live_says(live_finish(pid, SIGUSR1), 0, "got 1\n");
	/* SIGTERM, handled */
	pid = live_start("run", actor_path(), "count", live_text("%d", SIGTERM));
	live_expect(pid, "ready");
	live_says(live_finish(pid, SIGTERM), 0, "got 1\n");
}

static void start_in_group(const char *script)
{
	static const char *argv[] = {"sh", "-c", NULL, NULL};

	setpgid(0, 0);
	argv[2] = script;
	execvp("sh", (char *const *)argv);
}

static void test_run__signal_to_the_group__reaches_the_program_once(void **state)
{
	const char *out = live_text("%s/file", actor_dir);
	pid_t leader = live_fork(false, -1);
	int status;

	if (leader == 0) {
		start_in_group(live_text("exec %s run %s count %d >%s", live_inuse_path(), actor_path(), SIGTERM, out));
		_exit(127);
	}
	await_file("ready");
	kill(-leader, SIGTERM);
	await_file("got ");
	assert_string_equal(file_text(), "ready\ngot 1\n");
	assert_int_equal(waitpid(leader, &status, 0), leader);
	assert_int_equal(status, 0);
}

/* The idle process beside inuse: its first child. */
static pid_t guard_of(pid_t pid)
{
	char text[64] = "";

	live_read_file(live_text("/proc/%d/task/%d/children", pid, pid), text, sizeof(text));
	return atoi(text);
}

static void test_run__guard_comes_late__signal_to_the_group_reaches_the_program_once(void **state)
{
	const char *out = live_text("%s/file", actor_dir);
	pid_t leader = live_fork(false, -1), guard;
	int status;

	if (leader == 0) {
		start_in_group(live_text("exec %s run %s count %d >%s", getenv("INUSE_BIN"), actor_path(), SIGINT, out));
		_exit(127);
	}
	await_file("ready");
	guard = guard_of(leader);
	kill(guard, SIGSTOP);
	await_state(guard, 'T');
	kill(-leader, SIGINT);
	usleep(200000); /* as on a machine that is busy with something else */
	kill(guard, SIGCONT);
	await_file("got ");
	assert_string_equal(file_text(), "ready\ngot 1\n");
	assert_int_equal(waitpid(leader, &status, 0), leader);
	assert_int_equal(status, 0);
}

static void test_run__guard_is_gone__signal_to_inuse_is_passed_on(void **state)
{
	pid_t pid = live_start("run", actor_path(), "count", live_text("%d", SIGUSR1));

	live_expect(pid, "ready");
	kill(guard_of(pid), SIGKILL);
	live_says(live_finish(pid, SIGUSR1), 0, "got 1\n");
}

static void test_run__program_stopped__inuse_stops_and_goes_on_with_it(void **state)
{
	const char *out = live_text("%s/file", actor_dir);
	pid_t leader = live_fork(false, -1), program;
	int status;

	if (leader == 0) {
		start_in_group(live_text("exec %s run %s stay %s", live_inuse_path(), actor_path(), out));
		_exit(127);
	}
	program = program_pid();
	/* so often that it is stopped again in the instant in which the guard sees that it was continued */
	for (int i = 0; i < 50; i++) {
		kill(program, SIGSTOP);
		await_state(leader, 'T');
		/* a shell continues the group */
		kill(-leader, SIGCONT);
		await_state(program, 'S');
		await_state(leader, 'S');
	}
	/* somebody who continues the program alone continues inuse, too */
	kill(program, SIGSTOP);
	await_state(leader, 'T');
	kill(program, SIGCONT);
	await_state(leader, 'S');
	kill(leader, SIGTERM);
	await_file("ended");
	assert_int_equal(waitpid(leader, &status, 0), leader);
	assert_int_equal(status, 0);
}

/* ------------------------------------------------------------------------------------------ left behind */

static void test_run__daemon__stayed_with_until_it_ends(void **state)
{
	pid_t pid = live_start("run", actor_path(), "daemon", live_text("%s/file", actor_dir)), program;

	program = program_pid();
	live_expect(pid, "has ended; 1 process that it started goes on");
	kill(program, SIGTERM);
	/* the status is that of the program itself, not of the daemon */
	live_says(live_finish(pid, 0), 5, "ready");
	await_gone(program);
}

static void test_run__daemon_and_sigterm__ends_both(void **state)
{
	pid_t pid = live_start("run", actor_path(), "daemon", live_text("%s/file", actor_dir)), program = program_pid();

	live_expect(pid, "has ended");
	live_says(live_finish(pid, SIGTERM), 5, "");
	await_gone(program);
	await_file("ended");
}

static void test_run__background_job_that_ignores_interrupts__ended(void **state)
{
	/* what a script starts with & ignores SIGINT */
	pid_t pid = live_start("run", "sh", "-c", live_text("%s stay %s/file & sleep 0.2; exit 0", actor_path(), actor_dir)),
	      program = program_pid();

	live_expect(pid, "has ended");
	live_says(live_finish(pid, SIGINT), 0, "");
	await_gone(program);
}

/* inuse is the leader of a session with a terminal; then the terminal closes. */
static void close_terminal(const char *option, const char *act)
{
	int terminal, status;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL), program;

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(live_inuse_path(), "inuse", "run", option, actor_path(), act, live_text("%s/file", actor_dir), NULL);
		_exit(127);
	}
	program = program_pid();
	close(terminal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	await_gone(program);
	await_file("ended");
}

static void test_run__terminal_closes__program_that_takes_hangup_lightly_ended(void **state)
{
	close_terminal("--", "stay");
	assert_non_null(strstr(file_text(), "hangup"));
}

static void test_run__terminal_closes__daemon_ended(void **state)
{
	close_terminal("--", "daemon");
}

static void test_run__terminal_closes__not_started_again(void **state)
{
	close_terminal("--restart=always", "stay");
}

static void test_run__output_closed_by_the_program__reader_sees_the_end(void **state)
{
	/* cat ends when the program has closed its output, although inuse stays with the one in the background */
	const char *script = "{ %s run sh -c '%s stay %s/file >/dev/null & echo out' 2>/dev/null & } | cat;"
			     "while ! grep -q pid %s/file; do :; done; kill $(cut -c5- %s/file | head -1)";
	const struct live_run *run;

	run = live_run("sh", "-c", live_text(script, live_inuse_path(), actor_path(), actor_dir, actor_dir, actor_dir));
	live_says(run, 0, "out\n");
	await_file("ended");
}

/* ------------------------------------------------------------------------------------------- the terminal */

/* What the terminal has shown and nobody has expected yet. */
static char shown[8192];
static size_t n_shown;

/* Reads what there is. What is up to the end of the text is done with. False: it has not come so far. */
static bool has_shown(int terminal, const char *text)
{
	const char *at;
	ssize_t n;

	fcntl(terminal, F_SETFL, O_NONBLOCK);
	while ((at = strstr(shown, text)) == NULL) {
		n = read(terminal, shown + n_shown, sizeof(shown) - 1 - n_shown);
		if (n <= 0)
			return false;
		n_shown += (size_t)n;
		shown[n_shown] = 0;
	}
	at += strlen(text);
	n_shown -= (size_t)(at - shown);
	memmove(shown, at, n_shown + 1);
	return true;
}

static void expect_on(int terminal, const char *text)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	while (!has_shown(terminal, text))
		if (!live_again(deadline))
			live_fail("the terminal does not show \"%s\" but \"%s\"", text, shown);
}

static void type_on(int terminal, const char *text)
{
	if (write(terminal, text, strlen(text)) != (ssize_t)strlen(text))
		live_fail("the terminal takes nothing");
}

/*
 * The first line after Ctrl-Z is echoed, and at times read only when another one comes, about once in forty on a busy machine, whether
 * or not inuse is between the shell and the program.
 */
static void type_until(int terminal, const char *line, const char *text)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS, next;

	do {
		type_on(terminal, line);
		for (next = live_now_ms() + 1000; live_now_ms() < next;)
			if (has_shown(terminal, text))
				return;
			else
				live_again(deadline);
	} while (live_again(deadline));
	live_fail("the terminal does not show \"%s\" but \"%s\"", text, shown);
}

static void test_run__in_a_shell__stops_continues_and_is_interrupted(void **state)
{
	int terminal, status;
	pid_t pid;

	if (access("/bin/bash", X_OK) != 0)
		live_skip("bash is not installed");
	pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("PS1", "prompt> ", 1);
		unsetenv("PROMPT_COMMAND");
		execl("/bin/bash", "bash", "--norc", "--noprofile", "--noediting", "-i", NULL);
		_exit(127);
	}
	expect_on(terminal, "prompt> ");
	/* the program reads the terminal itself */
	type_on(terminal, live_text("%s run sh -c 'read line; echo \"<$line>\"; cat'\n", live_inuse_path()));
	type_on(terminal, "hello\n");
	expect_on(terminal, "<hello>");
	type_on(terminal, "there\n"); /* cat has taken over from the shell when it answers */
	expect_on(terminal, "there\r\nthere");
	type_on(terminal, "\x1a");
	expect_on(terminal, "Stopped");
	expect_on(terminal, "prompt> ");
	type_until(terminal, "fg\n", "cat'");
	type_on(terminal, "again\n");
	expect_on(terminal, "again\r\n"); /* the echo, */
	expect_on(terminal, "again\r\n"); /* and the answer, perhaps behind the line that was late */
	type_on(terminal, "\x03");
	expect_on(terminal, "prompt> ");
	type_on(terminal, "echo \"status=$?\"\n");
	expect_on(terminal, "status=130");
	type_on(terminal, "exit\n");
	waitpid(pid, &status, 0);
	close(terminal);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_run__signal_to_inuse__reaches_the_program_once),
		folder_test(test_run__signal_to_the_group__reaches_the_program_once),
		folder_test(test_run__guard_comes_late__signal_to_the_group_reaches_the_program_once),
		folder_test(test_run__guard_is_gone__signal_to_inuse_is_passed_on),
		folder_test(test_run__program_stopped__inuse_stops_and_goes_on_with_it),
		folder_test(test_run__daemon__stayed_with_until_it_ends),
		folder_test(test_run__daemon_and_sigterm__ends_both),
		folder_test(test_run__background_job_that_ignores_interrupts__ended),
		folder_test(test_run__terminal_closes__program_that_takes_hangup_lightly_ended),
		folder_test(test_run__terminal_closes__daemon_ended),
		folder_test(test_run__terminal_closes__not_started_again),
		folder_test(test_run__output_closed_by_the_program__reader_sees_the_end),
		folder_test(test_run__in_a_shell__stops_continues_and_is_interrupted),
	};

	return LIVE_RUN("run_job", tests);
}
