/* SPDX-License-Identifier: MIT */
/*
 * One line on the terminal that is written over again and again: what is waited for, and how long yet. Nothing is written
 * where stderr is no terminal.
 */
#ifndef IU_CLI_COUNTDOWN_H
#define IU_CLI_COUNTDOWN_H

#include "inuse.h"

struct iu_countdown {
	bool on;
	int64_t next_ns, step_ns; /* private: when the line is due, and after that */
	size_t columns; /* private: of the line that stands there */
};

/* The line is due at first_ns (as iu_host_now() has it), and each step_ns after it was written. off: not even on a terminal. */
void iu_countdown_init(struct iu_countdown *c, int64_t first_ns, int64_t step_ns, bool off);
/* When iu_countdown_show() has something to do; INT64_MAX: never. */
int64_t iu_countdown_due(const struct iu_countdown *c);
/* Writes the line, cut at the terminal's width, if it is due. text: no control characters. */
void iu_countdown_show(struct iu_countdown *c, int64_t now_ns, const char *text);
/* "#######-------------  35 %" into buf; done is at most total, and total not 0. Returns buf. */
#define IU_BAR_TEXT 32
char *iu_countdown_bar(uint64_t done, uint64_t total, char buf[IU_BAR_TEXT]);
/* Takes the line away: to be called before anything else is printed. */
void iu_countdown_clear(struct iu_countdown *c);

#endif
