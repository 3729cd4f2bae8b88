/* SPDX-License-Identifier: MIT */
/*
 * `inuse PORT` and `inuse ls` beside ss, lsof, fuser and netstat, on a machine full of ended connections and of descriptors.
 *
 * usage: bench_host INUSE [SOCKETS]      (1,000,000 sockets unless said otherwise)
 *
 * Theory of operation
 *
 * Everything runs in network namespaces of its own. The commands of a *group* take turns, their output goes to /dev/null,
 * and the median of the *rounds* counts. Sockets in TIME-WAIT last for 60 s, so their number is made up for before each
 * command; a run that ends with less than 95 % of what it began with is dropped and repeated, once a round, and how many
 * were dropped is said. What takes longer than SLOW_MS runs once, which is said: no noise matters there. Ends by itself: what
 * there was no time for is said, too. Bounds of time are those of a million sockets: with fewer there are none.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crowd.h"
#include "host/sources.h"
#include "measure.h"

enum { PORT = 9999, OTHERS = 20000, ROUNDS = 5, LIMIT_S = 20, SLOW_MS = 5000, ALL_S = 300, PROCESSES = 200, MILLION = 1000000 };

struct row {
	const char *words[8];
	int beside;  /* row of which it is a multiple; the first row of a group is 0 */
	bool empty;  /* runs where there is nothing but the listener */
	bool removes; /* the sockets; nothing is left afterwards */
	/* bounds; 0: none */
	double least;       /* so many times as long as the row it is a multiple of */
	double most_beside; /* that row takes at most so many times as long as this one */
	double most_ms, most_mib;
	double wall_ms[ROUNDS], cpu_ms[ROUNDS];
	long peak_kib;
	size_t n;
	bool killed; /* was still not done */
	bool absent; /* there is no such command */
	unsigned dropped;     /* runs that lost their sockets */
	size_t before, after; /* sockets, of the good run that lost most */
};

/* Rows that are measured together. */
struct group {
	const char *title;
	struct row *rows;
	size_t n_rows;
	int rounds;
	size_t n_tw; /* sockets in TIME-WAIT, on n_ports ports from first_port on */
	uint16_t first_port;
	unsigned n_ports;
};

static const char *inuse;
static int nothing, place; /* the empty namespace; that of the group */
static double began_ms;

static bool time_is_up(void)
{
	return bench_now_ms() - began_ms > ALL_S * 1e3;
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
	double start = bench_now_ms();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork");
	if (pid == 0)
		execute(row);
	if (wait4(pid, &status, 0, &usage) != pid)
		bench_die("wait");
	row->absent = WIFEXITED(status) && WEXITSTATUS(status) == 127;
	if (row->absent)
		return;
	row->killed |= WIFSIGNALED(status);
	row->wall_ms[row->n] = bench_now_ms() - start;
	row->cpu_ms[row->n] = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
	if (usage.ru_maxrss > row->peak_kib)
		row->peak_kib = usage.ru_maxrss;
	row->n++;
}

static void put_command(const struct row *row, char *buf, size_t size)
{
	size_t at = (size_t)snprintf(buf, size, "`");

	for (int i = 0; row->words[i] != NULL; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s", i > 0 ? " " : "", row->words[i]);
	snprintf(buf + at, size - at, "`");
}

/* A slow machine does not get to so many sockets before the first ones are gone: then nothing is known of the bound. */
static bool has_too_few(const struct group *g, const struct row *row)
{
	size_t there = row->empty ? g->rows[row->beside].before : row->before;

	return there * 20 < g->n_tw * 19;
}

/* The one bound that a row has. */
static const char *judge(const struct group *g, const struct row *row, double wall, double times, char *buf, size_t size)
{
	bool has_one = row->least > 0 || row->most_beside > 0 || row->most_mib > 0;

	if (has_one && has_too_few(g, row))
		return "not judged: too few sockets";
	if (row->least > 0)
		return bench_bound(buf, size, times >= row->least, "at least %g times", row->least);
	if (row->most_beside > 0)
		return bench_bound(buf, size, times * row->most_beside >= 1, "inuse at most %g of it", row->most_beside);
	if (row->most_ms > 0)
		return bench_bound(buf, size, wall < row->most_ms, "under %g ms", row->most_ms);
	if (row->most_mib > 0)
		return bench_bound(buf, size, (double)row->peak_kib <= row->most_mib * 1024, "at most %g MiB", row->most_mib);
	return "";
}

static bool is_slow(const struct row *row)
{
	return row->n > 0 && row->wall_ms[0] > SLOW_MS;
}

static void print_row(const struct group *g, struct row *row)
{
	struct row *own = &g->rows[row->beside];
	double wall = bench_median(row->wall_ms, row->n), own_wall = bench_median(own->wall_ms, own->n);
	bool once = g->rounds > 1 && is_slow(row);
	char command[128], time[40], cpu[32], memory[32], sockets[64] = "", bound[64];
	struct bench_line line = {
		.with = row->empty ? "the same, where there is nothing" : g->title, .what = command, .sockets = sockets};

	put_command(row, command, sizeof(command));
	if (row->n == 0) {
		line.time = row->dropped > 0 ? "its sockets went" : row->absent ? "not here" : "no time was left";
		bench_print(&line);
		return;
	}
	if (row->killed)
		snprintf(time, sizeof(time), "> %d s", LIMIT_S);
	else
		bench_cell(time, sizeof(time), wall, "ms");
	if (once)
		strcat(time, ", once");
	line.time = time;
	line.cpu = bench_cell(cpu, sizeof(cpu), bench_median(row->cpu_ms, row->n), "ms");
	line.memory = bench_cell(memory, sizeof(memory), (double)row->peak_kib / 1024, "MiB");
	line.times = own_wall > 0 ? wall / own_wall : 0;
	line.bound = judge(g, row, wall, line.times, bound, sizeof(bound));
	if (g->n_tw > 0 && !row->empty)
		snprintf(sockets, sizeof(sockets), row->dropped ? "%zu, %zu (%u dropped)" : "%zu, %zu", row->before, row->after,
			 row->dropped);
	bench_print(&line);
}

/* False if it lost its sockets, and counts for nothing. */
static bool run_row(const struct group *g, struct row *row)
{
	size_t before, after, n = row->n;

	crowd_enter(place);
	if (g->n_tw > 0)
		crowd_fill(g->n_tw, g->first_port, g->n_ports);
	before = crowd_count();
	measure(row);
	after = crowd_count();
	if (!row->removes && after * 20 < before * 19) {
		row->n = n;
		row->dropped++;
		return false;
	}
	if (row->before == 0 || after * row->before < row->after * before) {
		row->before = before;
		row->after = after;
	}
	return true;
}

/* All rounds, or as many as there is time for. */
static void run_group(struct group g)
{
	for (int round = 0; round < g.rounds; round++)
		for (size_t i = 0; i < g.n_rows && !time_is_up(); i++)
			if (!is_slow(&g.rows[i]) && !run_row(&g, &g.rows[i]) && !time_is_up())
				run_row(&g, &g.rows[i]);
	for (size_t i = 0; i < g.n_rows; i++)
		print_row(&g, &g.rows[i]);
}

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PEERS(bound) \
	{.words = {"inuse", "9999"}}, {.words = {"ss", "-tanp", "sport = :9999"}, .least = (bound)}, \
	{.words = {"lsof", "-nP", "-iTCP:9999"}, .least = (bound)}, {.words = {"fuser", "9999/tcp"}, .least = (bound)}
/* A bound that holds with so many sockets. */
#define AT_A_MILLION(n, bound) ((n) >= MILLION ? (bound) : 0)

static void bench_few(void)
{
	struct row rows[] = {PEERS(0), {.words = {"inuse", "--help"}, .most_ms = 5}};

	place = nothing;
	run_group((struct group){.title = "a listener, nothing else", .rows = rows, .n_rows = N_OF(rows), .rounds = ROUNDS});
}

static bool ignore_socket(void *arg, const struct inuse_socket *socket)
{
	return true;
}

static bool ignore_owner(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	return true;
}

/* What the kernel's part takes: loading the program that walks the buckets, and one walk. */
static bool walk_once(void)
{
	uint16_t port = PORT;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .classes = true};
	uint32_t unseen;

	return iu_bucket_each(&scope, ignore_socket, NULL, NULL, NULL, &unseen, NULL) == INUSE_OK;
}

/* The same of the program that looks for owners. */
static bool find_once(void)
{
	const uint64_t nothing_has_it = 1;
	bool complete;

	return iu_files_owners(&nothing_has_it, 1, ignore_owner, NULL, &complete, NULL) == INUSE_OK;
}

static void bench_load(void)
{
	static const struct {
		bool (*do_it)(void);
		const char *what;
	} parts[] = {{walk_once, "of `inuse 9999`: loading BPF, and one walk of the bucket"},
		     {find_once, "of `inuse 9999`: loading BPF, and one look for owners"}};
	double wall[ROUNDS], cpu[ROUNDS];
	char time[32], cpu_time[32];

	crowd_enter(nothing);
	for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
		for (int i = 0; i < ROUNDS; i++) {
			double start = bench_now_ms(), start_cpu = bench_cpu_ms(getpid());

			if (!parts[part].do_it())
				return;
			wall[i] = bench_now_ms() - start;
			cpu[i] = bench_cpu_ms(getpid()) - start_cpu;
		}
		bench_print(&(struct bench_line){.with = "a listener, nothing else", .what = parts[part].what,
						 .time = bench_cell(time, sizeof(time), bench_median(wall, ROUNDS), "ms"),
						 .cpu = bench_cell(cpu_time, sizeof(cpu_time), bench_median(cpu, ROUNDS), "ms")});
	}
}

static void bench_descriptors(unsigned descriptors, int rounds)
{
	struct row rows[] = {PEERS(0)};
	pid_t pids[PROCESSES];
	char title[80];

	snprintf(title, sizeof(title), "%d processes with %u descriptors", PROCESSES, descriptors);
	place = nothing;
	crowd_enter(nothing);
	crowd_summon(pids, PROCESSES, descriptors);
	run_group((struct group){.title = title, .rows = rows, .n_rows = N_OF(rows), .rounds = rounds});
	crowd_dismiss(pids, PROCESSES);
}

static void bench_others(size_t n, int rounds)
{
	struct row rows[] = {PEERS(AT_A_MILLION(n, 10)),
			     {.words = {"inuse", "9999"}, .empty = true, .most_beside = AT_A_MILLION(n, 1.2)}};
	char title[80];

	snprintf(title, sizeof(title), "%zu sockets on other ports", n);
	run_group((struct group){title, rows, N_OF(rows), rounds, n, OTHERS, 64});
}

static void bench_table(size_t n, int rounds)
{
	double least = AT_A_MILLION(n, 3);
	struct row rows[] = {{.words = {"inuse", "ls", "--no-owners"}, .most_mib = 32},
			     {.words = {"ss", "-tan"}, .least = least},
			     {.words = {"netstat", "-tan"}, .least = least},
			     {.words = {"inuse", "ls"}},
			     {.words = {"ss", "-tanp"}, .beside = 3, .least = least}};
	char title[80];

	snprintf(title, sizeof(title), "a table of %zu sockets", n);
	run_group((struct group){title, rows, N_OF(rows), rounds, n, OTHERS, 64});
}

/* Of each one round: all that there is has to be made anew for it. ss prints what it removes, inuse a few of them. */
static void bench_removal(size_t n)
{
	struct row rows[] = {{.words = {"inuse", "release", "--plain", "--yes", "9999"}, .removes = true},
			     {.words = {"ss", "-K", "-tan", "sport = :9999"}, .removes = true}};
	char title[80];

	snprintf(title, sizeof(title), "%zu sockets on the port, to be removed", n);
	run_group((struct group){title, rows, N_OF(rows), 1, n, PORT, 1});
}

static void bench_own(size_t n)
{
	struct row rows[] = {{.words = {"inuse", "9999"}},
			     {.words = {"ss", "-tan", "sport = :9999"}, .least = AT_A_MILLION(n, 4)},
			     {.words = {"inuse", "ls", "--no-owners", ":9999"}},
			     {.words = {"ss", "-tan", "sport = :9999"}, .beside = 2}};
	char title[80];

	snprintf(title, sizeof(title), "%zu sockets on the port itself", n);
	place = crowd_place();
	crowd_enter(place);
	run_group((struct group){title, rows, N_OF(rows), 3, n, PORT, 1});
	bench_removal(n);
	close(place);
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
	began_ms = bench_now_ms();
	bench_print_head();
	nothing = crowd_place();
	crowd_enter(nothing);
	crowd_listener(PORT);
	bench_few();
	bench_load();
	bench_descriptors(100, 3);
	place = crowd_place();
	crowd_enter(place);
	crowd_listener(PORT);
	bench_table(n / 100 * 9, 3); /* nearly as many as are sorted, for which all of them are kept */
	bench_others(n / 10, 3);
	bench_others(n, 3);
	bench_table(n, 3);
	close(place);
	bench_own(n);
	bench_descriptors(10000, 3);
	return 0;
}
