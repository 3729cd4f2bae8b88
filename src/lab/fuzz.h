/* SPDX-License-Identifier: MIT */
/*
 * The differential fuzzer: random steps on the real kernel and on the model, in step.
 *
 * Theory of operation
 *
 * A *scene* is up to a few hundred random steps of an experiment (exp.h) on a handful of ports: sockets are made, options change
 * early and late, connections come and go, settings change. Every bind(), listen() and connect() is a *call*: the model answers it, the
 * kernel answers it, and both answers have to be equal. The model is asked several times, by what different eyes see:
 *
 *   state   the simulated sockets, with everything that is to be known of them: every call
 *   bucket  the kernel's own bind buckets, read the moment before the call; first they are held against the simulated ones
 *   user    what an ordinary user sees: no reuse flags, no memory of the port. Then "cannot tell" is an answer, if what is not
 *           known does make a difference; of a share of them all values of the unknown are tried out
 *
 * Of a share of the calls that fail with EADDRINUSE the named blockers are removed one by one: the call has to fail until the last
 * one is gone, and to succeed then. What differs is shrunk to as few steps as show it, and printed as an experiment.
 *
 * A call whose answer is the kernel's choice (which of two listeners gets a SYN, whether a sequence number falls into a window)
 * ends its scene. Scenes begin with everything of the one before removed.
 */
#ifndef IU_LAB_FUZZ_H
#define IU_LAB_FUZZ_H

#include <signal.h>

#include "lab/exp.h"
#include "model/rule.h"

/* What is asked. */
struct iu_fuzz {
	uint64_t calls;   /* to make */
	uint64_t seed;
	const struct iu_profile *profile; /* whose rules are held against the kernel; NULL: Linux's */
	unsigned found_max;               /* disagreements after which it ends; 0: IU_FUZZ_FOUND */
	unsigned remove_every;            /* of so many calls refused with EADDRINUSE one has its blockers removed; 0: IU_FUZZ_REMOVE_EVERY */
	bool keep_whole;                  /* do not shrink what is found: tests that only want to know whether there is something */
};

enum iu_fuzz_eyes { IU_EYES_STATE, IU_EYES_BUCKET, IU_EYES_USER, IU_N_EYES };
extern const char *const iu_fuzz_eyes_names[IU_N_EYES];

struct iu_fuzz_row {
	uint64_t decided, agreed; /* calls in which the row decided; of those, where the kernel said the same */
	uint64_t open;            /* calls in which it might have decided, that the model cannot tell */
};

#define IU_FUZZ_REMOVE_EVERY 64
#define IU_FUZZ_FOUND 4
#define IU_FUZZ_TEXT 12288

/* What came of it. Plain data, so that it can lie in memory that two processes share. */
struct iu_fuzz_result {
	bool started, finished; /* finished: to the end, or as far as wanted */
	char why_not[256];      /* why it could not be started, or "" */
	char why_fewer_eyes[256]; /* why the buckets could not be read, or "" */
	char why_no_peers[256];   /* why no packets of peers elsewhere could be made, or "" */
	uint32_t features; /* enum iu_feature of the kernel */
	bool other_users;  /* scenes have calls of several users */
	uint64_t calls, steps, scenes, failed; /* failed: calls that the kernel refused */
	uint64_t cpu_ns, wall_ns;
	uint64_t judged[IU_N_EYES];      /* calls, by the eyes that saw for it */
	uint64_t choices;                /* scenes that ended with a choice of the kernel */
	uint64_t disturbed;              /* scenes in which a step took so long that timers may have run, or close() was overtaken: not counted */
	uint64_t unsteady;               /* disagreements that did not come again when the scene was played again */
	uint64_t user_cannot_tell, user_tried; /* calls that an ordinary user's eyes cannot tell; of those, all unknowns tried out */
	uint64_t removed, blockers;      /* calls whose blockers were removed one by one, and how many those were */
	uint64_t disagreements;
	struct iu_fuzz_row calls_of[IU_MAX_CALL_RULES], owners_of[IU_MAX_OWNER_RULES];
	unsigned n_found;
	char found[IU_FUZZ_FOUND][IU_FUZZ_TEXT]; /* experiments, shrunk */
};

/*
 * Plays in the calling process, which moves into namespaces of its own and had better end afterwards. stop: set by a signal handler,
 * or NULL. What it finds is in *ret at any time.
 */
void iu_fuzz_play(const struct iu_fuzz *fuzz, struct iu_fuzz_result *ret, const volatile sig_atomic_t *stop);

/*
 * Plays in a child process and calls progress(arg, result) now and then, until it ends or *stop. The result stands in *ret.
 * INUSE_E_SYSTEM: no child; INUSE_E_UNSUPPORTED, _PERMISSION: it cannot be played here.
 */
enum inuse_status iu_fuzz_run(const struct iu_fuzz *fuzz, struct iu_fuzz_result *ret,
			      void (*progress)(void *arg, const struct iu_fuzz_result *result), void *arg,
			      const volatile sig_atomic_t *stop, struct inuse_error *error);

/* Why the fuzzer never made that row of Linux's decide, here and by this user; NULL: it can. */
const char *iu_fuzz_unreached(const struct iu_fuzz_result *result, const char *rule);

#endif
