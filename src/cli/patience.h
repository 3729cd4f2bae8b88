/* SPDX-License-Identifier: MIT */
/*
 * When to look again. Pure: times are given, on the clock of the verdict.
 *
 * Theory of operation
 *
 * Three things can make a wait end. A *known moment*: the kernel's timer removes what is left of a connection; it is
 * slept until. An *event*: a socket went away; it is looked at once, but ever later when the events turn out to be in
 * vain, as they are on a port whose connections come and go. And *nothing that tells*: then the looks come at a tenth of
 * the time that was waited already, so that the answer is late by a tenth at most and the looks grow rare.
 */
#ifndef IU_CLI_PATIENCE_H
#define IU_CLI_PATIENCE_H

#include "inuse.h"

#define IU_PATIENCE_MS 1000000ll
/* However sure one is that nothing happens before, one looks after this time. */
#define IU_PATIENCE_MOST (30000 * IU_PATIENCE_MS)

struct iu_patience {
	int64_t began_ns, looked_ns; /* looked_ns: the last look */
	unsigned in_vain; /* looks that events caused, one soon after the other, and that found nothing new */
};

/* A look was taken at now_ns because of an event, or not. */
void iu_patience_looked(struct iu_patience *p, int64_t now_ns, bool by_event);
/* When to look again if nothing happens before. told: whatever frees the address sends an event. */
int64_t iu_patience_next(const struct iu_patience *p, const struct inuse_verdict *v, bool told);
/* The same when only looking tells. */
int64_t iu_patience_back_off(const struct iu_patience *p);
/* When to look at the earliest after an event. */
int64_t iu_patience_after_event(const struct iu_patience *p);
/* No waiting will change this verdict. */
bool iu_patience_is_hopeless(const struct inuse_verdict *v, bool strict);

#endif
