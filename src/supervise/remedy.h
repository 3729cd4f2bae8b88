/* SPDX-License-Identifier: MIT */
/* What is done next about a failing call. Pure. */
#ifndef IU_SUPERVISE_REMEDY_H
#define IU_SUPERVISE_REMEDY_H

#include "supervise/adviser.h"

/* What may be done, and what was done already. */
struct iu_remedy {
	unsigned fix;    /* enum iu_run_fix */
	unsigned wait_s; /* at most */
	bool reuseaddr_tried, again_tried;
};

enum iu_remedy_step {
	IU_REMEDY_GIVE_UP,
	IU_REMEDY_REUSEADDR, /* set SO_REUSEADDR, call again */
	IU_REMEDY_AGAIN,     /* remains were removed: call again */
	IU_REMEDY_WAIT,      /* until ret_ns from now, calling again now and then */
};

enum iu_remedy_step iu_remedy_next(const struct iu_remedy *remedy, const struct iu_advice *advice, int64_t *ret_ns);

#endif
