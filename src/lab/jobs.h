/* SPDX-License-Identifier: MIT */
/* The inside of run.c, shared with who plays on the kernel. */
#ifndef IU_LAB_JOBS_H
#define IU_LAB_JOBS_H

#include "lab/play.h"

struct iu_job {
	struct iu_play play;
	json_t *run;
	unsigned plays; /* how often it was played on the kernel */
	bool done;
};

struct iu_runner {
	const struct iu_jobs *jobs;
	struct iu_job *list;
	size_t n, next, given;
	uint32_t features; /* enum iu_feature of the kernel that they are played on */
	void (*fn)(void *arg, const json_t *run);
	void *arg;
};

/* A run of which nothing is known but why. */
json_t *iu_jobs_unplayed(const struct iu_play *play, const char *why);
/* Hands out what is done, in order. */
void iu_jobs_give(struct iu_runner *r);

/* Plays all of it on the kernel. INUSE_E_UNSUPPORTED: this system has none that could be played on. */
enum inuse_status iu_jobs_live(struct iu_runner *r, struct inuse_error *error);

#endif
