/* SPDX-License-Identifier: MIT */
/*
 * `inuse PORT` and `inuse ls` beside ss, lsof, fuser and netstat, on a machine full of ended connections and of descriptors.
 *
 * usage: bench_host INUSE [SOCKETS]      (1,000,000 sockets unless said otherwise)
 *
 * Everything runs in network namespaces of its own. The commands of a group take turns, their output goes to /dev/null, and
 * the median of the rounds counts. A round during which more than 5 % of the sockets went is thrown away and repeated
 * once the crowd is complete again. Prints a table in markdown. Ends by itself: what there was no time for is said.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "host/sources.h"

enum { PORT = 9999, OTHERS = 20000, ROUNDS = 5, LIMIT_S = 20, ALL_S = 360, PROCESSES = 200 };

struct row {
	const char *words[8];
	int beside;  /* row of which it is a multiple; the first row of a group is 0 */
	double wall_ms[ROUNDS], cpu_ms[ROUNDS];
	long peak_kib;
	int n;
	bool empty;  /* runs where there is nothing but the listener */
	bool killed; /* was still not done */
};

static const char *inuse;
static int nothing, place; /* the empty namespace; that of the group */
static double began_ms;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool time_is_up(void)
{
	return now_ms() - began_ms > ALL_S * 1e3;
}

static double ms_of(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static void execute(const struct row *row)
{
	char *argv[9] = {0};
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; row->words[i] != NULL; i++)
		argv[i] = (char *)row->words[i];
	crowd_enter(row->empty ? nothing : place);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	alarm(LIMIT_S);
	execvp(strcmp(argv[0], "inuse") == 0 ? inuse : argv[0], argv);
	_exit(127);
}

static void measure(struct row *row)
{
	double start = now_ms();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		crowd_die("fork");
	if (pid == 0)
		execute(row);
	if (wait4(pid, &status, 0, &usage) != pid)
		crowd_die("wait");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return;
	row->killed |= WIFSIGNALED(status);
	row->wall_ms[row->n] = now_ms() - start;
	row->cpu_ms[row->n] = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
	if (usage.ru_maxrss > row->peak_kib)
		row->peak_kib = usage.ru_maxrss;
	row->n++;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, int n)
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, (size_t)n, sizeof(double), by_size);
	return n > 0 ? sorted[n / 2] : 0;
}

static void print_rows(const char *title, const struct row *rows, int n, size_t before, size_t after)
{
	for (int i = 0; i < n; i++) {
		const struct row *row = &rows[i];
		double wall = median(row->wall_ms, row->n), own = median(rows[row->beside].wall_ms, rows[row->beside].n);
		char command[128] = "";

		for (int j = 0; row->words[j] != NULL; j++) {
			strncat(command, j > 0 ? " " : "", sizeof(command) - strlen(command) - 1);
			strncat(command, row->words[j], sizeof(command) - strlen(command) - 1);
		}
		if (row->n == 0) {
			printf("| %s | `%s` | not here | | | | |\n", title, command);
			continue;
		}
		printf("| %s%s | `%s` | %s%.1f | %.1f | %.1f | %.2f | %zu, %zu |\n", title, row->empty ? " (nothing)" : "",
		       command, row->killed ? "> " : "", wall, median(row->cpu_ms, row->n), (double)row->peak_kib / 1024,
		       own > 0 ? wall / own : 0, before, after);
	}
	fflush(stdout);
}

/* Rounds until enough were good, or there is no time left. n_tw sockets in TIME-WAIT on n_ports ports from first_port on. */
static void run_group(const char *title, struct row *rows, int n, int rounds, size_t n_tw, uint16_t first_port,
		      unsigned n_ports)
{
	size_t before = 0, after = 0, kept_before = 0, kept_after = 0;
	int good = 0, tries = 0;

	if (time_is_up()) {
		printf("| %s | no time was left | | | | | |\n", title);
		return;
	}
	while (good < rounds && tries++ < rounds * 2 && (!time_is_up() || tries == 1)) {
		crowd_enter(place);
		if (n_tw > 0)
			crowd_fill(n_tw, first_port, n_ports);
		before = crowd_count();
		for (int i = 0; i < n; i++)
			measure(&rows[i]);
		after = crowd_count();
		if (after * 20 < before * 19 && tries < rounds * 2) {
			for (int i = 0; i < n; i++)
				rows[i].n = rows[i].n > 0 ? rows[i].n - 1 : 0;
			continue;
		}
		good++;
		kept_before = before;
		kept_after = after;
	}
	print_rows(title, rows, n, kept_before, kept_after);
}

#define PEERS \
	{.words = {"inuse", "9999"}}, {.words = {"ss", "-tanp", "sport = :9999"}}, \
	{.words = {"lsof", "-nP", "-iTCP:9999"}}, {.words = {"fuser", "9999/tcp"}}

static void bench_few(void)
{
	struct row rows[] = {PEERS, {.words = {"inuse", "--help"}}};

	place = nothing;
	run_group("nothing else", rows, 5, ROUNDS, 0, 0, 0);
}

static bool ignore_socket(void *arg, const struct inuse_socket *socket)
{
	return true;
}

/* Loading the program that walks the buckets, and one walk. */
static void bench_load(void)
{
	uint16_t port = PORT;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .classes = true};
	double wall[ROUNDS];
	uint32_t unseen;

	crowd_enter(nothing);
	for (int i = 0; i < ROUNDS; i++) {
		wall[i] = now_ms();
		if (iu_bucket_each(&scope, ignore_socket, NULL, NULL, NULL, &unseen, NULL) != INUSE_OK)
			return;
		wall[i] = now_ms() - wall[i];
	}
	printf("| nothing else | of which loading the BPF program and one walk | %.1f | | | | |\n", median(wall, ROUNDS));
}

static void bench_descriptors(unsigned descriptors, int rounds)
{
	struct row rows[] = {PEERS};
	pid_t pids[PROCESSES];
	char title[80];

	snprintf(title, sizeof(title), "%d processes with %u descriptors", PROCESSES, descriptors);
	place = nothing;
	crowd_enter(nothing);
	crowd_summon(pids, PROCESSES, descriptors);
	run_group(title, rows, 4, rounds, 0, 0, 0);
	crowd_dismiss(pids, PROCESSES);
}

static void bench_others(size_t n, int rounds)
{
	struct row rows[] = {PEERS, {.words = {"inuse", "9999"}, .empty = true}};
	char title[80];

	snprintf(title, sizeof(title), "%zu on other ports", n);
	run_group(title, rows, 5, rounds, n, OTHERS, 64);
}

static void bench_table(size_t n)
{
	struct row rows[] = {{.words = {"inuse", "ls", "--no-owners"}}, {.words = {"ss", "-tan"}},
			     {.words = {"netstat", "-tan"}},            {.words = {"inuse", "ls"}},
			     {.words = {"ss", "-tanp"}, .beside = 3}};
	char title[80];

	snprintf(title, sizeof(title), "the table of %zu", n);
	run_group(title, rows, 5, 3, n, OTHERS, 64);
}

static void bench_own(size_t n)
{
	struct row rows[] = {{.words = {"inuse", "9999"}}, {.words = {"ss", "-tan", "sport = :9999"}}};
	char title[80];

	snprintf(title, sizeof(title), "%zu on the port itself", n);
	place = crowd_place();
	run_group(title, rows, 2, 3, n, PORT, 1);
	close(place);
}

static void print_heading(void)
{
	struct utsname name = {0};
	char date[64], load[64] = "";
	time_t now = time(NULL);
	FILE *f = fopen("/proc/loadavg", "re");

	uname(&name);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	if (f != NULL && fgets(load, sizeof(load), f) != NULL)
		load[strcspn(load, "\n")] = 0;
	if (f != NULL)
		fclose(f);
	printf("%s, Linux %s %s, %ld processors, load before: %s\n\n", date, name.release, name.machine,
	       sysconf(_SC_NPROCESSORS_ONLN), load);
	printf("| sockets in TIME-WAIT | command | ms | CPU ms | MiB | times inuse | sockets before, after |\n");
	printf("|---|---|---:|---:|---:|---:|---|\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? (size_t)atol(argv[2]) : 1000000;

	if (argc < 2 || n == 0) {
		fprintf(stderr, "usage: bench_host INUSE [SOCKETS]\n");
		return 2;
	}
	if (geteuid() != 0) {
		printf("SKIP: only root may make a million sockets\n");
		return 77;
	}
	inuse = argv[1];
	began_ms = now_ms();
	nothing = crowd_place();
	print_heading();
	crowd_enter(nothing);
	crowd_listener(PORT);
	bench_few();
	bench_load();
	bench_descriptors(100, 3);
	place = crowd_place();
	crowd_enter(place);
	crowd_listener(PORT);
	bench_others(n / 10, 3);
	bench_others(n, 3);
	bench_table(n);
	close(place);
	bench_own(n);
	bench_descriptors(10000, 1);
	return 0;
}
