/* SPDX-License-Identifier: MIT */
/*
 * What `inuse run` costs a program, and how soon a killed server is there again.
 *
 * usage: bench_run INUSE [ROUNDS]      (7 unless said otherwise)
 *
 * Calls: the same loop bare and supervised, in turns; the median of the rounds counts. Each is a process of this very program.
 * nginx: two of it, one bare and one supervised, loaded by wrk in turns; how often the supervisor woke up meanwhile is what
 * the kernel counted as its context switches. Killed: a server with 100,000 connections in TIME-WAIT is killed, and the
 * next one tries to listen until it can; the bare one, which has to wait for a minute, does so beside everything else.
 * Prints lines of a table in markdown. Everything runs in network namespaces of its own. Ends with 1 where nginx has lost more, or
 * inuse was woken up.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crowd.h"
#include "measure.h"
#include "server.h"

enum { PORT = 8080, MAX_ROUNDS = 99, REMAINS = 100000, WRK_S = 1, PATIENCE_MS = 10000 };

#define LEAST_RATIO 0.97 /* requests of nginx under inuse run, for each that it answers bare */

static const char *inuse, *self;

/* ------------------------------------------------------------------------------------------- the loops */

static void loop_getppid(int fd)
{
	syscall(SYS_getppid);
}

static void loop_bind(int fd)
{
	close(bench_listener(PORT));
}

static void loop_connect(int fd)
{
	bench_close(bench_dial(PORT));
}

static void loop_accept(int fd)
{
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	char byte;

	if (client < 0 || read(client, &byte, 1) != 1 || write(client, &byte, 1) != 1)
		bench_die("accept, read, write");
	close(client);
}

static void ask(void)
{
	int fd = bench_dial(PORT);
	char byte = 'x';

	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		bench_die("a client");
	bench_close(fd);
}

static const struct loop {
	const char *name, *what, *option; /* option: of inuse run */
	unsigned n;
	void (*turn)(int fd);
	bool serves, dials;
} loops[] = {
	{"getppid", "getppid", NULL, 300000, loop_getppid, false, false},
	{"accept", "accept, read, write, close", NULL, 5000, loop_accept, true, false},
	{"bind", "bind, listen, close", NULL, 10000, loop_bind, false, false},
	{"connect", "connect, close", NULL, 10000, loop_connect, false, true},
	{"connect", "connect, close (--connect)", "--connect", 10000, loop_connect, false, true},
};
enum { N_LOOPS = sizeof(loops) / sizeof(loops[0]) };

/* In the process that is measured: prints microseconds a turn. */
static int work(const char *name)
{
	const struct loop *loop = loops;
	double start;
	int fd = -1;

	while (strcmp(loop->name, name) != 0)
		loop++;
	if (loop->serves)
		fd = bench_listener(PORT);
	printf("ready\n");
	fflush(stdout);
	loop->turn(fd); /* the first one is not measured */
	start = bench_now_ms();
	for (unsigned i = 0; i < loop->n; i++)
		loop->turn(fd);
	printf("%.6f\n", (bench_now_ms() - start) * 1e3 / loop->n);
	return 0;
}

/* The other side closes first, and leaves nothing. */
static void see_off(int fd)
{
	char byte;

	if (read(fd, &byte, 1) > 0)
		bench_die("a client that talks");
	close(fd);
}

/* The other side of a loop that connects or accepts. */
static pid_t partner(const struct loop *loop)
{
	pid_t pid;
	int fd;

	if (!loop->dials)
		return 0;
	fd = bench_listener(PORT);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			see_off(accept(fd, NULL, NULL));
	}
	close(fd);
	return pid;
}

/* Microseconds a turn: those that went by, and those of CPU time, the supervisor's and a process's start included. */
struct cost {
	double wall, cpu;
};

static struct cost measure(const struct loop *loop, bool supervised)
{
	const char *words[8] = {inuse, "run", "-q"}, *bare[] = {self, "--work", loop->name, NULL};
	int ends[2], status, n = 3;
	pid_t other = partner(loop), pid;
	struct cost cost = {0};
	struct rusage usage;
	char line[64];
	FILE *in;

	if (loop->option != NULL)
		words[n++] = loop->option;
	memcpy(&words[n], bare, sizeof(bare));
	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_die("pipe");
	pid = bench_start(supervised ? words : bare, ends[1]);
	close(ends[1]);
	in = fdopen(ends[0], "r");
	if (in == NULL || fgets(line, sizeof(line), in) == NULL)
		bench_die(loop->what);
	for (unsigned i = 0; loop->serves && i <= loop->n; i++)
		ask();
	if (fscanf(in, "%lf", &cost.wall) != 1)
		bench_die(loop->what);
	fclose(in);
	if (wait4(pid, &status, 0, &usage) != pid || status != 0)
		bench_die(loop->what);
	if (other > 0 && kill(other, SIGKILL) == 0)
		waitpid(other, NULL, 0);
	cost.cpu = ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)) / loop->n;
	return cost;
}

/* "55 ns", "12.3 us" */
static const char *duration(char *buf, size_t size, double us)
{
	return us < 1 ? bench_cell(buf, size, us * 1e3, "ns") : bench_cell(buf, size, us, "us");
}

static void measure_calls(int rounds)
{
	static double wall[N_LOOPS][2][MAX_ROUNDS], cpu[N_LOOPS][2][MAX_ROUNDS];
	char with[128], wall_text[32], cpu_text[32];

	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < N_LOOPS; i++)
			for (int j = 0; j < 2; j++) {
				bool supervised = (round + j) % 2 != 0;
				struct cost cost = measure(&loops[i], supervised);

				wall[i][supervised][round] = cost.wall;
				cpu[i][supervised][round] = cost.cpu;
			}
	for (int i = 0; i < N_LOOPS; i++) {
		double run = bench_median(wall[i][1], (size_t)rounds);

		snprintf(with, sizeof(with), "run: %s", loops[i].what);
		for (int supervised = 1; supervised >= 0; supervised--) {
			double us = bench_median(wall[i][supervised], (size_t)rounds);

			bench_print(&(struct bench_line){
				.with = with,
				.what = supervised ? "`inuse run`" : "bare",
				.time = duration(wall_text, sizeof(wall_text), us),
				.cpu = duration(cpu_text, sizeof(cpu_text), bench_median(cpu[i][supervised], (size_t)rounds)),
				.times = us / run,
			});
		}
	}
}

/* ------------------------------------------------------------------------------------------- nginx, wrk */

static pid_t start_nginx(const char *folder, uint16_t port, bool supervised)
{
	const char *words[10] = {inuse, "run"};
	char prefix[128];
	pid_t pid;

	bench_nginx(folder, port, prefix, words + 2);
	pid = bench_start(supervised ? words : words + 2, -1);
	bench_await_listener(port);
	return pid;
}

/* Requests a second; *ret_n: how many they were. */
static double load(uint16_t port, unsigned long *ret_n)
{
	char command[128], line[256];
	double rate = 0;
	FILE *out;

	*ret_n = 0;

	snprintf(command, sizeof(command), "wrk -t1 -c32 -d%ds http://127.0.0.1:%u/", WRK_S, port);
	out = popen(command, "re");
	while (out != NULL && fgets(line, sizeof(line), out) != NULL)
		if (sscanf(line, "Requests/sec: %lf", &rate) != 1)
			sscanf(line, " %lu requests in", ret_n);
	if (out == NULL || pclose(out) != 0 || rate <= 0 || *ret_n == 0)
		bench_die("wrk");
	return rate;
}

/* The youngest child, as soon as there is one: of inuse the program, of nginx the worker. */
static pid_t child_of(pid_t pid)
{
	double until = bench_now_ms() + PATIENCE_MS;
	char path[64];
	int child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	while (child == 0) {
		FILE *f = fopen(path, "re");

		while (f != NULL && fscanf(f, "%d", &child) == 1)
			; /* the last one: the guard is older */
		if (f == NULL || bench_now_ms() > until)
			bench_die(path);
		fclose(f);
		usleep(1000);
	}
	return child;
}

/* How often it has given up its processor to wait for something. */
static unsigned long wakings(pid_t pid)
{
	char path[64], line[256];
	unsigned long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "voluntary_ctxt_switches: %lu", &n);
	if (f == NULL || n == 0)
		bench_die(path);
	fclose(f);
	return n;
}

/* Two of it, one bare and one supervised. */
struct pair {
	pid_t pids[2], workers[2];
	double rates[2][MAX_ROUNDS], cpu_us[2][MAX_ROUNDS]; /* CPU time of the worker for each request */
};

/* Both are loaded in turns. */
static void load_pair(struct pair *pair, int round)
{
	for (int j = 0; j < 2; j++) {
		int i = (round + j) % 2;
		double before = bench_cpu_ms(pair->workers[i]);
		unsigned long n;

		pair->rates[i][round] = load((uint16_t)(PORT + i), &n);
		pair->cpu_us[i][round] = (bench_cpu_ms(pair->workers[i]) - before) * 1e3 / (double)n;
	}
}

static bool missed; /* a bound was */

static void report_nginx(struct pair *pair, int rounds, unsigned long woken)
{
	double ratios[MAX_ROUNDS], ratio;
	char with[128], rate[32], cpu[32], bound[96];

	for (int round = 0; round < rounds; round++)
		ratios[round] = pair->rates[1][round] / pair->rates[0][round];
	ratio = bench_median(ratios, (size_t)rounds);
	missed = ratio < LEAST_RATIO || woken > 0;
	bench_bound(bound, sizeof(bound), !missed, "ratio at least %.2f, woken up 0 times", LEAST_RATIO);
	snprintf(with, sizeof(with), "run: nginx under wrk (median ratio %.3f, inuse woke up %lu times)", ratio, woken);
	for (int i = 1; i >= 0; i--)
		bench_print(&(struct bench_line){
			.with = with,
			.what = i == 1 ? "`inuse run`" : "bare",
			.time = bench_cell(rate, sizeof(rate), bench_median(pair->rates[i], (size_t)rounds), "requests/s"),
			.cpu = bench_cell(cpu, sizeof(cpu), bench_median(pair->cpu_us[i], (size_t)rounds), "us each"),
			.bound = i == 1 ? bound : NULL,
		});
}

static void measure_nginx(int rounds)
{
	static struct pair pair;
	unsigned long woken;
	char folder[64];

	if (!bench_is_there("nginx") || !bench_is_there("wrk")) {
		bench_print(&(struct bench_line){.with = "run: nginx under wrk", .what = "not here"});
		return;
	}
	bench_folder_new(folder);
	for (int i = 0; i < 2; i++) {
		pair.pids[i] = start_nginx(folder, (uint16_t)(PORT + i), i == 1);
		pair.workers[i] = child_of(i == 1 ? child_of(pair.pids[i]) : pair.pids[i]);
	}
	woken = wakings(pair.pids[1]);
	for (int round = 0; round < rounds; round++)
		load_pair(&pair, round);
	woken = wakings(pair.pids[1]) - woken;
	for (int i = 0; i < 2; i++) {
		kill(pair.pids[i], SIGTERM);
		waitpid(pair.pids[i], NULL, 0);
	}
	bench_folder_free(folder);
	report_nginx(&pair, rounds, woken);
}

/* ------------------------------------------------------------------------------------------- killed */

/* A server without SO_REUSEADDR: listens as soon as it can, tells, and stays. */
static int serve_plainly(bool insist)
{
	struct sockaddr_in at = bench_local(PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	while (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		if (errno != EADDRINUSE || !insist)
			bench_die("bind");
		usleep(10000);
	}
	if (listen(fd, SOMAXCONN) < 0)
		bench_die("listen");
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0)
			close(client); /* first: the remains are here */
	}
}

/* Starts it and comes back when it listens; *ret_ms: how long that took. */
static pid_t start_server(const char *const *words, double *ret_ms)
{
	double began = bench_now_ms();
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_die("pipe");
	pid = bench_start(words, ends[1]);
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		bench_die("a server");
	close(ends[0]);
	*ret_ms = bench_now_ms() - began;
	return pid;
}

/* Connections from ever new addresses, which the server closes first. */
static void leave_remains(size_t n)
{
	for (size_t i = 0; crowd_count() < n; i += 1000)
		for (size_t j = i; j < i + 1000; j++) {
			struct sockaddr_in from = bench_local(0), to = bench_local(PORT);
			int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
			char byte;

			from.sin_addr.s_addr = htonl(0x7f010000u + (uint32_t)(j % 1000));
			setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
			if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
			    read(fd, &byte, 1) != 0)
				bench_die("a client");
			close(fd);
		}
}

static const struct restart {
	const char *what, *first, *second; /* option of inuse run; NULL: bare */
} restarts[] = {
	{"bare, and bare again", NULL, NULL},
	{"under `inuse run --fix`, and so again", "--fix", "--fix"},
	{"bare, then under `inuse run --fix=evict`", NULL, "--fix=evict"},
};
enum { N_RESTARTS = sizeof(restarts) / sizeof(restarts[0]) };

/* Milliseconds from the start of the next server until it listens. */
static double restart(const struct restart *r, size_t *ret_remains)
{
	const char *bare[] = {self, "--serve", NULL}, *words[] = {inuse, "run", "-q", NULL, self, "--serve", NULL};
	pid_t pid;
	double ms;

	words[3] = r->first;
	pid = start_server(r->first ? words : bare, &ms);
	leave_remains(REMAINS);
	kill(r->first ? child_of(pid) : pid, SIGKILL);
	waitpid(pid, NULL, 0);
	*ret_remains = crowd_count();
	words[3] = r->second;
	bare[1] = "--serve-at-last";
	pid = start_server(r->second ? words : bare, &ms);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return ms;
}

struct outcome {
	double ms;
	size_t remains;
};

/* In a process and a namespace of its own; its outcome comes through the pipe. */
static int begin_restart(const struct restart *r)
{
	struct outcome outcome;
	int ends[2], place;

	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_die("pipe");
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		place = crowd_place();
		crowd_enter(place);
		outcome.ms = restart(r, &outcome.remains);
		_exit(write(ends[1], &outcome, sizeof(outcome)) == sizeof(outcome) ? 0 : 1);
	}
	close(ends[1]);
	return ends[0];
}

static void end_restart(const struct restart *r, int pipe)
{
	char with[128], time[32] = "it did not listen", sockets[64] = "";
	struct outcome outcome;

	if (read(pipe, &outcome, sizeof(outcome)) == sizeof(outcome)) {
		bench_cell(time, sizeof(time), outcome.ms < 1000 ? outcome.ms : outcome.ms / 1e3, outcome.ms < 1000 ? "ms" : "s");
		snprintf(sockets, sizeof(sockets), "%zu", outcome.remains);
	}
	close(pipe);
	wait(NULL);
	snprintf(with, sizeof(with), "run: kill -9 of a server with %d in TIME-WAIT", REMAINS);
	bench_print(&(struct bench_line){.with = with, .what = r->what, .time = time, .sockets = sockets});
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 7, waiting, place;

	if (argc == 3 && strcmp(argv[1], "--work") == 0)
		return work(argv[2]);
	if (argc == 2 && strncmp(argv[1], "--serve", 7) == 0)
		return serve_plainly(argv[1][7] != 0);
	if (argc < 2 || rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "usage: bench_run INUSE [ROUNDS]\n");
		return 2;
	}
	if (geteuid() != 0) {
		printf("SKIP: only root may remove sockets\n");
		return 77;
	}
	self = argv[0];
	inuse = argv[1];
	waiting = begin_restart(&restarts[0]);
	place = crowd_place();
	crowd_enter(place);
	measure_calls(rounds);
	measure_nginx(2 * rounds < MAX_ROUNDS ? 2 * rounds : MAX_ROUNDS);
	for (int i = 1; i < N_RESTARTS; i++)
		end_restart(&restarts[i], begin_restart(&restarts[i]));
	end_restart(&restarts[0], waiting);
	return missed ? 1 : 0;
}
