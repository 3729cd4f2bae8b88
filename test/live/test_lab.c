/* SPDX-License-Identifier: MIT */
/* inuse lab as a program: on a terminal, interrupted, and where part of the proof cannot be had. */
#include "support/live.h"

#include <ctype.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ENDLESS "1000000000"

static void need_fuzz(void)
{
	const struct live_run *run;

	live_need_ipv6();
	run = live_inuse("lab", "--fuzz", "100", "--seed", "1");
	if (run->status == 3)
		live_skip("%s", run->err);
	live_says(run, 0, "Seed 1:");
}

/* How far the last whole line of progress has come; 0: there is none yet. */
static unsigned long calls_told(const char *text)
{
	const char *of, *number;
	unsigned long calls = 0;

	while ((of = strstr(text, " of " ENDLESS " calls")) != NULL) {
		for (number = of; number > text && isdigit((unsigned char)number[-1]);)
			number--;
		calls = strtoul(number, NULL, 10);
		text = of + 1;
	}
	return calls;
}

static void test_fuzz__on_a_terminal__counts_up_until_interrupted(void **state)
{
	struct winsize size = {.ws_row = 24, .ws_col = 100};
	static char text[65536];
	unsigned long first = 0;
	bool typed = false;
	size_t len = 0;
	int fd, status;
	ssize_t n;
	pid_t pid;

	need_fuzz();
	pid = forkpty(&fd, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0) {
		execl(live_inuse_path(), "inuse", "lab", "--fuzz", ENDLESS, "--seed", "1", (char *)NULL);
		_exit(127);
	}
	/* what was written in the moment of the end comes with the next read: linux v6.18 drivers/tty/n_tty.c n_tty_read() */
	for (int ends = 0; len < sizeof(text) - 1 && ends < 2;) {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		ends = n > 0 ? 0 : ends + 1;
		text[len += n > 0 ? (size_t)n : 0] = 0;
		first = first != 0 ? first : calls_told(text);
		/* Ctrl-C reaches the program and the process that plays for it */
		if (!typed && first != 0 && calls_told(text) > first)
			typed = write(fd, "\003", 1) == 1;
	}
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!typed || !WIFEXITED(status) || WEXITSTATUS(status) != 3)
		fail_msg("status 0x%x, typed %d\n%s", (unsigned)status, typed, text);
	assert_non_null(strstr(text, "\r        ")); /* blanks over it */
	assert_non_null(strstr(text, "\nSeed 1: "));
	assert_non_null(strstr(text, " 0 disagreements.\r\nInterrupted.\r\n"));
}

/* It has begun when the process that plays for it is there. */
static void until_playing(pid_t pid)
{
	const char *path = live_text("/proc/%d/task/%d/children", pid, pid);
	char line[64] = "";

	if (access(path, R_OK) != 0)
		live_skip("this kernel does not tell the children of a process");
	while (line[0] == 0 && kill(pid, 0) == 0) {
		FILE *f = fopen(path, "r");

		if (f == NULL || fgets(line, sizeof(line), f) == NULL)
			line[0] = 0;
		if (f != NULL)
			fclose(f);
	}
}

static void test_fuzz__interrupted_without_a_terminal__what_came_of_it_so_far(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM};

	need_fuzz();
	for (size_t i = 0; i < 2; i++) {
		pid_t pid = live_start("lab", "--fuzz", ENDLESS, "--seed", "1", "--json");
		const struct live_run *run;

		until_playing(pid);
		run = live_finish(pid, signals[i]);
		live_says(run, 3, "\"seed\":1,", "\"disagreements\":0,", "\"finished\":false", "\"found\":[]");
		live_says_not(run, " of " ENDLESS " calls"); /* progress is for terminals: stdout and stderr are one here */
	}
}

/* As under the profile of a container, and on a kernel that has none. */
static void test_lab__bpf_refused__said_and_the_rest_played(void **state)
{
	static const int codes[] = {EPERM, ENOSYS};
	const char *actor = getenv("INUSE_ACTOR"), *nr = live_text("%d", SYS_bpf);

	need_fuzz();
	if (actor == NULL)
		live_skip("this build has no program that forbids a system call");
	for (size_t i = 0; i < 2; i++) {
		const char *code = live_text("%d", codes[i]);
		const struct live_run *run = live_run(actor, "forbid", code, nr, live_inuse_path(), "lab", "restart/server-cannot-restart");

		if (run->status == 77)
			live_skip("no filter can be made here");
		live_says(run, 0, "3 agree, 0 differ, 0 not played on the kernel",
			  "     3 played without a look into the kernel's buckets before each call: ");
		run = live_run(actor, "forbid", code, nr, live_inuse_path(), "lab", "--fuzz", "3000", "--seed", "1");
		live_says(run, 0, "The buckets could not be read: ", "by the kernel's buckets, read the moment before: 0 (0.0 %)",
			  "Seed 1: 3000 calls", ": 0 disagreements.");
		run = live_run(actor, "forbid", code, nr, live_inuse_path(), "lab", "--json", "restart/server-cannot-restart");
		live_says(run, 0, "\"why_no_buckets\":\"");
	}
}

/* The list, and the sentences of a run that begin with two blanks; what stands in columns is as wide as it is. */
static size_t widest(const char *text, const char *begins)
{
	size_t most = 0;

	for (const char *line = text; *line != 0; line += strcspn(line, "\n"), line += *line != 0) {
		size_t len = strcspn(line, "\r\n");

		if (strncmp(line, begins, strlen(begins)) == 0 && (begins[0] == 0 || line[strlen(begins)] != ' '))
			most = len > most ? len : most;
	}
	return most;
}

static void test_lab__narrow_terminal__sentences_as_wide_as_it(void **state)
{
	static const struct {
		const char *experiment, *begins;
	} shown[] = {{NULL, ""}, {"restart/server-cannot-restart", "  "}};
	static const unsigned short columns[] = {50, 80};
	static char text[262144];

	for (size_t i = 0; i < 4; i++) {
		struct winsize size = {.ws_row = 24, .ws_col = columns[i % 2]};
		const char *experiment = shown[i / 2].experiment;
		size_t len = 0;
		ssize_t n;
		int fd;
		pid_t pid = forkpty(&fd, NULL, NULL, &size);

		assert_true(pid >= 0);
		if (pid == 0) {
			setenv("NO_COLOR", "1", 1);
			if (experiment == NULL)
				execl(live_inuse_path(), "inuse", "lab", (char *)NULL);
			execl(live_inuse_path(), "inuse", "lab", "--os", "linux", experiment, (char *)NULL);
			_exit(127);
		}
		while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
			len += (size_t)n;
		text[len] = 0;
		close(fd);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_in_range(widest(text, shown[i / 2].begins), columns[i % 2] - 15, columns[i % 2]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {live_test(test_fuzz__on_a_terminal__counts_up_until_interrupted),
						  live_test(test_fuzz__interrupted_without_a_terminal__what_came_of_it_so_far),
						  live_test(test_lab__bpf_refused__said_and_the_rest_played),
						  live_test(test_lab__narrow_terminal__sentences_as_wide_as_it)};

	return LIVE_RUN("lab", tests);
}
