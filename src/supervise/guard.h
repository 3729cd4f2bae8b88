/* SPDX-License-Identifier: MIT */
/* A second process that stands by: it tells signals to the whole job from those to inuse alone, and outlives inuse. */
#ifndef IU_SUPERVISE_GUARD_H
#define IU_SUPERVISE_GUARD_H

#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "inuse.h"

/* Calls that wait at one moment, at most; what comes beyond waits in the kernel. */
#define IU_GUARD_CALLS 1024

/* Shared with the guard: what waits for an answer, so that it can be let go when nobody else is left to give one. */
struct iu_guard_page {
	struct {
		_Atomic uint64_t id;       /* 0: free */
		_Atomic uint32_t listener; /* number that iu_guard_watch() gave */
	} calls[IU_GUARD_CALLS];
};

struct iu_guard {
	pid_t pid;   /* 0: there is none, which works but for the above */
	int channel; /* -1 none */
	uint32_t listeners;
	struct iu_guard_page *page;
};

/* A signal that the guard got, too, and so everybody in its process group; or, signal 0, the answer to a question. */
struct iu_guard_report {
	int32_t signal;
	uint32_t question;
};

/* Forks the guard. All signals must be blocked. Does without where that fails. */
void iu_guard_begin(struct iu_guard *guard);
/* Hands it a listener; returns the number for iu_guard_enter(). */
uint32_t iu_guard_watch(struct iu_guard *guard, int listener);
/* A call waits from now on; the slot is for iu_guard_leave(). -1: there is no room for more. */
int iu_guard_enter(struct iu_guard *guard, uint32_t listener, uint64_t id);
void iu_guard_leave(struct iu_guard *guard, int slot);
/* The next report, if one has come. False: none. *ret_gone: the guard has ended. */
bool iu_guard_hear(struct iu_guard *guard, struct iu_guard_report *ret, bool *ret_gone);
/*
 * Asks whether it has got any more; every report of what it had got by then comes before that of the question's number. How long
 * that takes on a loaded machine nobody knows.
 */
void iu_guard_ask(struct iu_guard *guard, uint32_t question);
/* inuse stops together with the program; the guard wakes it if only the program goes on. */
void iu_guard_stopping(struct iu_guard *guard, int32_t program);
/* Ends it. */
void iu_guard_done(struct iu_guard *guard);

#endif
