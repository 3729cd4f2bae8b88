/* SPDX-License-Identifier: MIT */
/*
 * The process above a live test: when the test has ended, nobody whom it started goes on, and no folder of it stays.
 *
 * Theory of operation
 *
 * The program forks before anything else. The child is the test; the parent waits for it and ends as it does. Whoever loses his
 * parent below becomes a child of that parent (PR_SET_CHILD_SUBREAPER) and is reaped there, as init would; who is left behind the
 * test is killed by it. A test that fails leaves many: what it started dies with it, what that had started does not.
 * Asked to end itself, as by a time limit, the parent does all that first. Only SIGKILL keeps it from it; the test ends with it then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "support/live_private.h"

#define END_MS 5000 /* for those who are killed; who does not end then is stuck in the kernel */

static volatile sig_atomic_t test, told;

static void on_signal(int signal)
{
	told = signal;
	if (test > 0)
		kill(test, SIGKILL);
}

/* How the test ended; those who came to us meanwhile are reaped. */
static int wait_for_test(void)
{
	int status = 0;
	pid_t pid;

	do
		pid = wait(&status);
	while (pid != test && (pid >= 0 || errno == EINTR));
	test = 0;
	return status;
}

/* False: this kernel does not tell who they are. */
static bool kill_children(void)
{
	FILE *f = fopen("/proc/thread-self/children", "re");
	int pid;

	if (f == NULL)
		return false;
	while (fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	fclose(f);
	return true;
}

/* Each that ends may leave others to us. */
static void end_the_rest(void)
{
	int64_t deadline = live_now_ms() + END_MS;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && live_now_ms() < deadline) {
		if (pid == 0 && !kill_children())
			return;
		if (pid == 0)
			nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
}

static void __attribute__((noreturn)) end_as(int status)
{
	int signal_number = told != 0 ? told : WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (signal_number != 0) {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
	_exit(signal_number != 0 ? 128 + signal_number : WEXITSTATUS(status));
}

void live_guard(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t blocked, before;
	pid_t parent = getpid();
	int status;

	fflush(NULL);
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	test = fork();
	if (test < 0)
		live_fail("fork: %s", strerror(errno));
	if (test == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(98);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	sigprocmask(SIG_SETMASK, &before, NULL);
	status = wait_for_test();
	end_the_rest();
	live_folder_remove_left();
	end_as(status);
}
