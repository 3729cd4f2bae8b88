/* SPDX-License-Identifier: MIT */
/* Tests that run test/support/actor.c, bare and under inuse. */
#ifndef TEST_SUPPORT_ACTOR_H
#define TEST_SUPPORT_ACTOR_H

#include <stdio.h>
#include <stdlib.h>

#include "support/live.h"

static inline const char *actor_path(void)
{
	const char *path = getenv("INUSE_ACTOR");

	if (path == NULL)
		live_fail("INUSE_ACTOR does not name the built actor");
	return path;
}

/* The actor as itself, and under `inuse run`. */
#define actor_bare(...) live_run(actor_path(), __VA_ARGS__)
#define actor_run(...) live_inuse("run", actor_path(), __VA_ARGS__)

/* The same words must print the same and end the same, supervised or not. Returns the supervised one. */
#define actor_same(...) actor_check_same((const char *const[]){__VA_ARGS__, NULL})
static inline const struct live_run *actor_check_same(const char *const *words)
{
	const char *bare[16] = {actor_path()}, *run[18] = {"inuse", "run", actor_path()};
	const struct live_run *a, *b;

	for (size_t i = 0; words[i] != NULL; i++)
		bare[i + 1] = run[i + 3] = words[i];
	a = live_run_any(bare);
	b = live_run_inuse(-1, run);
	if (a->status != b->status || strcmp(a->out, b->out) != 0)
		live_fail("%s\nbare (status %d):\n%ssupervised (status %d):\n%s%s", a->line, a->status, a->out, b->status, b->out, b->err);
	return b;
}

/* Whatever python3 is the system's own: a wrapper of a version manager would be another program. */
static inline const char *actor_python(void)
{
	return access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : "python3";
}

#endif
