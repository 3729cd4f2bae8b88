/* SPDX-License-Identifier: MIT */
/* Is a verdict as certain as it can be? Every value of what is not known is tried. */
#ifndef TEST_SUPPORT_CERTAIN_H
#define TEST_SUPPORT_CERTAIN_H

#include "model/judge.h"
#include "support/scene.h"

/* What is wrong with the verdict on that call, for tallies. */
enum certain_fault {
	CERTAIN_FINE,
	CERTAIN_WRONG,     /* it is certain, and the host may be one on which it comes otherwise */
	CERTAIN_TIMID,     /* it cannot tell, although it comes out the same whatever the unknowns */
	CERTAIN_LOOSE,     /* beside what makes a difference it names something that does not */
	CERTAIN_MISNAMED,  /* what it names as missing changes nothing, or something else that does is not named */
	CERTAIN_NO_RESULT, /* it fails for certain, but never with the error that is told */
	CERTAIN_STILL_OPEN, /* it cannot tell even where nothing is missing */
};

/*
 * Judges the call as it is and with every completion of what is not known: "cannot tell" if and only if they differ, and exactly
 * what makes them differ is named. caller: all zero for a new socket. Fails the test when there are too many completions. why: a
 * sentence, where the answer is not CERTAIN_FINE. *ret_open, unless NULL: it cannot tell.
 */
enum certain_fault certain_check(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
				 const struct iu_caller *caller, char *why, size_t size, bool *ret_open);
/* The same; anything but CERTAIN_FINE fails the test. name: of the case. */
void certain_assert(const char *name, const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
		    const struct iu_caller *caller);
/* The answer of Linux in that scene, which is held against all values of what is not known. */
void certain_judge(const struct scene *scene, struct inuse_verdict *ret);

#endif
