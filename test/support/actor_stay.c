/* SPDX-License-Identifier: MIT */
/* The actor stays: what it sees around it, and what it does with signals. */
#include "support/actor_acts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* around: everything that a program could see of who started it */
int do_around(char **words)
{
	sigset_t mask;
	char link[256];

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i <= 64; i++) {
		struct sigaction action;

		if (sigismember(&mask, i) == 1)
			printf("blocked %d\n", i);
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored %d\n", i);
	}
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d\n", fd);
	}
	printf("group %d\n", getpgrp() == getpgid(getppid()));
	printf("session %d\n", getsid(0) == getsid(getppid()));
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("subreaper %d\n", prctl(PR_GET_CHILD_SUBREAPER, link) == 0 && *(int *)(void *)link);
	for (int i = 0; words[i] != NULL; i++)
		printf("word %s\n", words[i]);
	return 0;
}

static volatile sig_atomic_t got;

static void count_signal(int signal)
{
	got++;
}

/* count SIGNAL: says ready, counts until SIGTERM comes twice or nothing for a while, prints how many */
int do_count(char **words)
{
	struct sigaction action = {.sa_handler = count_signal};
	struct timespec pause = {0, 20000000};

	sigaction(atoi(words[0]), &action, NULL);
	printf("ready\n");
	fflush(stdout);
	while (got == 0)
		nanosleep(&pause, NULL);
	/* a second one would come within this */
	for (int i = 0; i < 30; i++)
		nanosleep(&pause, NULL);
	printf("got %d\n", got);
	return 0;
}

static volatile sig_atomic_t hung_up, ended;

static void on_hangup(int signal)
{
	hung_up = 1;
}

static void on_end(int signal)
{
	ended = 1;
}

/* stay FILE: a daemon that takes SIGHUP for something else and ends on SIGTERM; tells both in FILE */
int do_stay(char **words)
{
	struct sigaction hangup = {.sa_handler = on_hangup}, end = {.sa_handler = on_end};
	FILE *f = fopen(words[0], "we");

	sigaction(SIGHUP, &hangup, NULL);
	sigaction(SIGTERM, &end, NULL);
	if (f == NULL)
		return 1;
	fprintf(f, "pid %d\n", getpid());
	fflush(f);
	printf("ready\n");
	fflush(stdout);
	while (!ended) {
		usleep(10000);
		if (hung_up == 1) {
			hung_up = 2;
			fputs("hangup\n", f);
			fflush(f);
		}
	}
	fputs("ended\n", f);
	fclose(f);
	return 0;
}

/* daemon FILE: the same, in the background */
int do_daemon(char **words)
{
	if (fork() != 0)
		return 5;
	setsid();
	return do_stay(words);
}
