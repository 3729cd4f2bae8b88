/* SPDX-License-Identifier: MIT */
/* What the benches share: clocks, medians, and the one table that all of them print lines of. */
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double read_ms(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		bench_die("clock_gettime");
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double bench_now_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

double bench_cpu_ms(pid_t pid)
{
	clockid_t clock;

	errno = clock_getcpuclockid(pid, &clock);
	if (errno != 0)
		bench_die("clock_getcpuclockid");
	return read_ms(clock);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), by_size);
	return n % 2 != 0 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* The line of /proc/FILE that begins with `key`, from behind its colon on; "" if there is none. */
static void read_line(const char *path, const char *key, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[256], *at;

	buf[0] = 0;
	while (f != NULL && buf[0] == 0 && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = 0;
		at = key[0] != 0 ? strchr(line, ':') : line;
		if (strncmp(line, key, strlen(key)) == 0 && at != NULL)
			snprintf(buf, size, "%s", at + (key[0] != 0) + strspn(at + (key[0] != 0), " \t"));
	}
	if (f != NULL)
		fclose(f);
}

void bench_print_head(void)
{
	struct utsname name = {0};
	char date[64], load[256], model[256];
	time_t now = time(NULL);

	uname(&name);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	read_line("/proc/loadavg", "", load, sizeof(load));
	read_line("/proc/cpuinfo", "model name", model, sizeof(model));
	load[strcspn(load, " ")] = 0;
	printf("%s, Linux %s %s, %ld x %s, load before: %s.\n\n", date, name.release, name.machine,
	       sysconf(_SC_NPROCESSORS_ONLN), model[0] != 0 ? model : "processor", load);
	printf("| with | what | time | CPU time | memory | times inuse | sockets before, after | bound |\n");
	printf("|---|---|---:|---:|---:|---:|---:|---|\n");
	fflush(stdout);
}

static const char *cell(const char *text)
{
	return text != NULL ? text : "";
}

void bench_print(const struct bench_line *line)
{
	char times[32] = "";

	if (line->times > 0)
		snprintf(times, sizeof(times), line->times < 10 ? "%.2f" : "%.0f", line->times);
	printf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", line->with, line->what, cell(line->time), cell(line->cpu),
	       cell(line->memory), times, cell(line->sockets), cell(line->bound));
	fflush(stdout);
}

char *bench_bound(char *buf, size_t size, bool met, const char *words, double limit)
{
	int at = snprintf(buf, size, words, limit);

	snprintf(buf + at, size - (size_t)at, met ? ": met" : ": MISSED");
	return buf;
}

char *bench_cell(char *buf, size_t size, double value, const char *unit)
{
	snprintf(buf, size, value < 100 ? "%.1f %s" : "%.0f %s", value, unit);
	return buf;
}
