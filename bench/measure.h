/* SPDX-License-Identifier: MIT */
/* What the benches share: clocks, medians, and the one table that all of them print lines of. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Prints the sentence, and what errno says, and ends the program. */
void bench_die(const char *what) __attribute__((noreturn));

double bench_now_ms(void);
/* CPU time, user and system, that a process has taken so far. */
double bench_cpu_ms(pid_t pid);
/* Sorts the values. 0 of none. */
double bench_median(double *values, size_t n);

/* Date, kernel and machine, and the head of the table, in markdown. */
void bench_print_head(void);
/*
 * One line. with: in what surroundings; what: who was measured. The others are cells with their units; NULL is empty. times: how many
 * times as long it took as inuse did, 0: no cell. bound: of bench_bound().
 */
struct bench_line {
	const char *with, *what, *time, *cpu, *memory, *sockets, *bound;
	double times;
};
void bench_print(const struct bench_line *line);
/* "at least 10 times: met" into buf, or ": MISSED"; words: printf's, with the one value `limit`. */
char *bench_bound(char *buf, size_t size, bool met, const char *words, double limit) __attribute__((format(printf, 4, 0)));
/* "12.7 ms" into buf. */
char *bench_cell(char *buf, size_t size, double value, const char *unit);

#endif
