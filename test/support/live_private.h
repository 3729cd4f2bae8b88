/* SPDX-License-Identifier: MIT */
/* What the files of the live-test library share. */
#ifndef TEST_SUPPORT_LIVE_PRIVATE_H
#define TEST_SUPPORT_LIVE_PRIVATE_H

#include "support/live.h"

/*
 * How long an event is waited for that has to come. It says nothing about how fast anything is: on a busy machine, what takes
 * milliseconds otherwise takes seconds. What must not be waited for in a test (a time limit of inuse's, a TIME-WAIT) lasts longer.
 */
#define LIVE_PATIENCE_MS 25000

/* True in a process made by live_fork(): failing then ends the process instead of the test. */
extern bool live_in_child;

/* Remembers a descriptor for closing, or memory for freeing, when the test ends. Returns its argument. */
int live_keep_fd(int fd);
void *live_keep(void *memory);
void live_close_all(void);
void live_end_children(void);
/*
 * Signals are as for a program at a terminal, whoever started us: behind nohup and in the background of a script some are
 * ignored, and what is tested would rightly stay so. Ours alone is that SIGPIPE is ignored.
 */
void live_own_signals(void);
/* Returns in a child process, which is the test. The parent waits for its end, tidies up behind it, and ends as it did. */
void live_guard(void);
/* Monotonic milliseconds. */
int64_t live_now_ms(void);
/* Takes what the programs of live_start() have printed by now: who logs each request waits when 64 KiB of it are in the pipe. */
void live_hear_children(void);
/* One short pause between two looks, in which the children are heard; false once the deadline is over. */
bool live_again(int64_t deadline_ms);
bool live_write_file(const char *path, const char *text);
/* Reads at most size - 1 bytes; false when the file cannot be read. */
bool live_read_file(const char *path, char *buf, size_t size);

#endif
