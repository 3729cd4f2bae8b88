/* SPDX-License-Identifier: MIT */
/*
 * What is not known in given facts, and every value that it may have.
 *
 * Theory of operation
 *
 * An *unknown* is one thing that no source could see: an option of a socket, a setting, what a port remembers. It has a few values
 * that the rules can tell apart. A *completion* gives each unknown one of its values: facts in which nothing is missing any more,
 * and which might be those of the host. "Cannot tell" is right when two completions are judged differently, and an unknown matters
 * when there are two of them that differ in it alone.
 *
 * Completions are such as a kernel can have: what a port remembers fits the sockets on it. What is no fact at all, the number of a packet
 * to come apart, cannot be completed: the lots that the kernel draws, and what documents do not say.
 */
#ifndef IU_MODEL_UNKNOWNS_H
#define IU_MODEL_UNKNOWNS_H

#include "model/judge.h"

#define IU_UNKNOWNS_SOCKETS 256
#define IU_UNKNOWNS_MAX 256
#define IU_UNKNOWNS_MORE 16
/* More values than this of all together are not counted. */
#define IU_UNKNOWNS_MANY (UINT64_C(1) << 40)
/* What no completion can fill in. */
#define IU_UNKNOWNS_BEYOND (INUSE_MISSING_DRAW | INUSE_MISSING_DOCUMENT)

struct iu_unknown {
	uint32_t missing;  /* enum inuse_missing: how a verdict names it */
	uint8_t kind;      /* unknowns.c */
	uint8_t n_values;
	uint8_t value;     /* the one that it has now */
	uint32_t of, flag; /* socket, setting or port, and which option */
};

/* It points into itself: made where it stays. Borrows what was given. */
struct iu_unknowns {
	const struct iu_facts *given;
	const struct inuse_request *asked;
	struct iu_unknown list[IU_UNKNOWNS_MAX];
	size_t n;
	/* the completion: judge these */
	struct iu_facts facts;
	struct inuse_request request;
	struct iu_caller caller;
	struct inuse_socket sockets[IU_UNKNOWNS_SOCKETS + 3];
	struct iu_bucket buckets[IU_UNKNOWNS_MORE];
	struct iu_local locals[IU_UNKNOWNS_MORE + 3];
	struct iu_route routes[IU_UNKNOWNS_MORE + 1];
};

/*
 * Finds what is not known of that call, as far as verdicts name it by one of `missing` (enum inuse_missing); anything else
 * gets its first value. caller: of a socket that exists already, or all zero. False: there is more than can be held.
 */
bool iu_unknowns_find(struct iu_unknowns *u, const struct iu_facts *facts, const struct inuse_request *request,
		      const struct iu_caller *caller, uint32_t missing);
/* How many completions there are, at most IU_UNKNOWNS_MANY. */
uint64_t iu_unknowns_completions(const struct iu_unknowns *u);
/* Gives every unknown its value of completion i. */
void iu_unknowns_number(struct iu_unknowns *u, uint64_t i);
/* Makes the facts of the values that the unknowns have. */
void iu_unknowns_complete(struct iu_unknowns *u);

#endif
