/* SPDX-License-Identifier: MIT */
/*
 * A call as different eyes see it that is made on the kernel and on the model in step.
 *
 * Theory of operation
 *
 * The simulated sockets are known in full. The kernel's own bind buckets are read the moment before the call and held against them; then
 * the model judges by what was read. And it judges by what an ordinary user sees: no reuse flags, no memory of the port. There
 * "cannot tell" is an answer, if what is not known does make a difference: all values of it are tried.
 */
#ifndef IU_LAB_EYES_H
#define IU_LAB_EYES_H

#include "lab/onmodel.h"
#include "model/rule.h"

#define IU_EYES_PORTS 16

struct iu_eyes;

/* At most IU_EYES_PORTS ports, which are copied. NULL: the buckets cannot be read, and the sentence says why. */
struct iu_eyes *iu_eyes_new(const uint16_t *ports, size_t n, struct inuse_error *error);
void iu_eyes_free(struct iu_eyes *eyes); /* NULL is fine */
/* Other ports from now on. */
void iu_eyes_ask(struct iu_eyes *eyes, const uint16_t *ports, size_t n);
/*
 * Reads the buckets of this namespace; devices get the numbers that the simulation has (NULL: they keep their own). False: they changed
 * all the time.
 */
bool iu_eyes_read(struct iu_eyes *eyes, const struct iu_facts *simulated);
/* Holds what was read against the simulated sockets; false: they differ, and why says how. */
bool iu_eyes_compare(const struct iu_eyes *eyes, const struct iu_facts *simulated, char *why, size_t size);
/* The same, and reads again for a moment: what is on its way arrives. */
bool iu_eyes_compare_patiently(struct iu_eyes *eyes, const struct iu_facts *simulated, char *why, size_t size);
/* How many sockets were there. */
size_t iu_eyes_count(const struct iu_eyes *eyes);
/* What was read as facts, with everything else as simulated. Borrowed until the next reading. */
const struct iu_facts *iu_eyes_facts(struct iu_eyes *eyes, const struct iu_facts *simulated);

/* A bind(), listen() or connect() that is about to be made. */
struct iu_eyes_call {
	struct inuse_request request;
	struct iu_caller caller; /* its self is among the simulated sockets */
	uint64_t inode;  /* of the socket that calls, where facts are the kernel's */
	uint16_t chosen; /* the port that the kernel took for it */
};
/* What the model says of it by these facts; of connect() with the SYN that follows. */
struct iu_eyes_said {
	enum inuse_outcome outcome;
	enum inuse_result result;
	uint32_t possible; /* bit per enum inuse_result */
	const char *rule;
	uint32_t missing;
	struct inuse_verdict verdict; /* of the call itself */
};
struct iu_eyes_said iu_eyes_judge(const struct iu_profile *profile, const struct iu_facts *facts, const struct iu_eyes_call *call);
/* By the buckets that were read; and by what an ordinary user sees of the simulated sockets. */
struct iu_eyes_said iu_eyes_judge_bucket(const struct iu_profile *profile, struct iu_eyes *eyes, const struct iu_facts *simulated,
					 const struct iu_eyes_call *call);
struct iu_eyes_said iu_eyes_judge_user(const struct iu_profile *profile, const struct iu_facts *simulated, const struct iu_eyes_call *call);
/* Is what was said what the kernel answered? "cannot tell" is not. */
bool iu_eyes_said_agrees(const struct iu_eyes_said *said, const char *kernel);
/* "cannot tell" because of what no bucket holds: the number of a SYN to come. */
bool iu_eyes_said_open(const struct iu_eyes_said *said);
/* What is wrong with it, as a sentence. eyes: "the kernel's bucket shows". */
void iu_eyes_say_wrong(const char *eyes, const struct iu_eyes_said *said, const char *kernel, char *why, size_t size);
/* Random numbers: [0, n). */
unsigned iu_lab_pick(uint64_t *random, unsigned n);
/* Tries values of what an ordinary user does not know until two outcomes differ. False: none do. */
bool iu_eyes_unknown_matters(const struct iu_profile *profile, const struct iu_facts *simulated, const struct iu_eyes_call *call,
			     uint64_t *random);

#endif
