/* SPDX-License-Identifier: MIT */
/*
 * `inuse serve` under load: how long a new client waits beside idle ones, and what many connections leave behind.
 *
 * usage: bench_load INUSE idle [CLIENTS [ROUNDS]]      (10,000 clients, 5 rounds)
 *        bench_load INUSE soak [CONNECTIONS]           (1,000,000)
 *
 * idle: a new client connects, says 5 bytes, hears them from `serve echo` and goes; each round asks 2,000 of them without
 * the idle ones and 2,000 with them, and the medians over the rounds of the 99th percentile are told.
 * soak: HELLO to that many clients, 64 at a time; every tenth resets, every seventh ends its side first. Memory and
 * descriptors of the server are looked at after the first twentieth and at the end. Exit status 1: it has kept some.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"
#include "support/netns.h"

enum { PORT = 12345, ASKED = 2000, MAX_ROUNDS = 99, WIDTH = 64, ADDRESSES = 250, KEPT_KIB = 1024 };

#define LONGER 1.5 /* that a new client may wait beside idle ones */

static const char *inuse;

static pid_t serve(const char *job)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(126);
	execl(inuse, "inuse", "serve", job, "127.0.0.1:12345", "--backlog", "4096", (char *)NULL);
	_exit(127);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* From one of many addresses, so that no connection has the two ends of one that was there a minute ago. */
static int dial(unsigned i)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK + 1 + i % ADDRESSES)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		bench_die("a client's socket");
	for (int tries = 0; connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0; tries++) {
		if (errno != ECONNREFUSED || tries == 5000)
			bench_die("connect");
		usleep(1000);
	}
	return fd;
}

/* ------------------------------------------------------------------------------------------------ idle ones */

static double ask(unsigned i)
{
	double began = bench_now_ms();
	int fd = dial(i);
	char buf[8];

	if (send(fd, "hallo", 5, MSG_NOSIGNAL) != 5 || recv(fd, buf, 5, MSG_WAITALL) != 5)
		bench_die("an echo");
	close(fd);
	return (bench_now_ms() - began) * 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The 99th percentile, in microseconds. */
static double p99(void)
{
	static double us[ASKED];

	for (unsigned i = 0; i < ASKED; i++)
		us[i] = ask(i);
	qsort(us, ASKED, sizeof(us[0]), by_size);
	return us[ASKED * 99 / 100];
}

static int bench_idle(size_t n, size_t rounds)
{
	struct rlimit files = {n + 100, n + 100};
	int *idle = calloc(n, sizeof(*idle));
	double without[MAX_ROUNDS], with[MAX_ROUNDS], before, after;
	char title[64], cell[32], bound[64];
	pid_t pid;

	if (idle == NULL || setrlimit(RLIMIT_NOFILE, &files) < 0)
		bench_die("RLIMIT_NOFILE");
	pid = serve("echo");
	ask(0);
	for (size_t round = 0; round < rounds; round++) {
		without[round] = p99();
		for (size_t i = 0; i < n; i++)
			idle[i] = dial((unsigned)i);
		with[round] = p99();
		for (size_t i = 0; i < n; i++)
			close(idle[i]);
	}
	stop(pid);
	free(idle);
	before = bench_median(without, rounds);
	after = bench_median(with, rounds);
	snprintf(title, sizeof(title), "beside %zu idle clients", n);
	bench_print(&(struct bench_line){.with = "a client alone", .what = "`inuse serve echo`: p99 from connect to answer",
					 .time = bench_cell(cell, sizeof(cell), before, "us"), .times = 1});
	bench_print(&(struct bench_line){.with = title, .what = "`inuse serve echo`: p99 from connect to answer",
					 .time = bench_cell(cell, sizeof(cell), after, "us"), .times = after / before,
					 .bound = bench_bound(bound, sizeof(bound), after <= before * LONGER, "at most %g times", LONGER)});
	return 0;
}

/* ------------------------------------------------------------------------------------------------- the soak */

struct kept {
	long kib;
	unsigned descriptors;
};

static struct kept look(pid_t pid)
{
	struct kept k = {0};
	char path[64], line[256];
	struct dirent *entry;
	FILE *f;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "RssAnon:", 8) == 0)
			k.kib = atol(line + 8);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (f == NULL || dir == NULL)
		bench_die(path);
	while ((entry = readdir(dir)) != NULL)
		k.descriptors += entry->d_name[0] != '.';
	closedir(dir);
	fclose(f);
	return k;
}

static void end_client(int fd, unsigned long number)
{
	struct linger now = {1, 0};
	char buf[64];

	if (number % 10 == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	else if (number % 7 == 0)
		shutdown(fd, SHUT_WR);
	if (number % 10 != 0)
		while (recv(fd, buf, sizeof(buf), 0) > 0)
			;
	close(fd);
}

static void connections(unsigned long from, unsigned long n)
{
	int fds[WIDTH];

	for (unsigned long at = from; at < from + n; at += WIDTH) {
		for (unsigned i = 0; i < WIDTH; i++)
			fds[i] = dial((unsigned)(at / WIDTH));
		for (unsigned i = 0; i < WIDTH; i++)
			end_client(fds[i], at + i);
	}
}

/* What is left once the last connections are over: as few descriptors as are wanted, or as there are for a second. */
static struct kept settle(pid_t pid, unsigned wanted)
{
	struct kept k = look(pid);

	for (int same = 0; same < 50 && k.descriptors > wanted; same++) {
		unsigned before = k.descriptors;

		usleep(20000);
		k = look(pid);
		if (k.descriptors < before)
			same = 0;
	}
	return k;
}

/* libuv opens its spare descriptor for the first connection that it watches, and keeps it: that is the one whose end takes a while. */
static void slow_client(void)
{
	int fd = dial(0);

	usleep(200000);
	end_client(fd, 1);
}

static int bench_soak(unsigned long n)
{
	pid_t pid = serve("hello");
	struct kept first, last;
	double began = bench_now_ms();
	char title[64], what[96], cell[32], memory[64], bound[64];
	bool kept_none;

	slow_client();
	connections(0, n / 20);
	first = settle(pid, 0);
	connections(n / 20, n - n / 20);
	last = settle(pid, first.descriptors);
	stop(pid);
	kept_none = last.descriptors <= first.descriptors && last.kib <= first.kib + KEPT_KIB;
	snprintf(title, sizeof(title), "after %lu and %lu connections", n / 20, n);
	snprintf(what, sizeof(what), "`inuse serve hello`: descriptors %u, then %u", first.descriptors, last.descriptors);
	snprintf(memory, sizeof(memory), "%ld KiB, then %ld KiB", first.kib, last.kib);
	bench_print(&(struct bench_line){.with = title, .what = what, .memory = memory,
					 .time = bench_cell(cell, sizeof(cell), (bench_now_ms() - began) / 1e3, "s"),
					 .bound = bench_bound(bound, sizeof(bound), kept_none, "no descriptor more, %g KiB", KEPT_KIB)});
	return !kept_none;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : "", *reason;
	long n = argc > 3 ? atol(argv[3]) : 0, rounds = argc > 4 ? atol(argv[4]) : 5;

	if ((strcmp(mode, "idle") != 0 && strcmp(mode, "soak") != 0) || n < 0 || rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "usage: bench_load INUSE idle [CLIENTS [ROUNDS]] | soak [CONNECTIONS]\n");
		return 2;
	}
	reason = netns_enter();
	if (reason != NULL) {
		printf("SKIP: %s\n", reason);
		return 77;
	}
	inuse = argv[1];
	if (strcmp(mode, "idle") == 0)
		return bench_idle(n > 0 ? (size_t)n : 10000, (size_t)rounds);
	return bench_soak(n > 0 ? (unsigned long)n : 1000000);
}
