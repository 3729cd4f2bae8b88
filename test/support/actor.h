/* SPDX-License-Identifier: MIT */
/* Tests that run test/support/actor.c, bare and under inuse. */
#ifndef TEST_SUPPORT_ACTOR_H
#define TEST_SUPPORT_ACTOR_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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

/* A folder for each test that is listed as folder_test(fn), where anybody may write. */
static char actor_dir[LIVE_FOLDER] __attribute__((unused));

static inline int actor_in_folder(void **state)
{
	if (!live_folder_make(actor_dir, sizeof(actor_dir)) || chmod(actor_dir, 0777) < 0)
		return -1;
	return live_setup(state);
}

static inline int actor_out_of_folder(void **state)
{
	int result = live_teardown(state);

	live_folder_remove(actor_dir);
	return result;
}

#define folder_test(fn) cmocka_unit_test_setup_teardown(fn, actor_in_folder, actor_out_of_folder)

/* Skips where that program is not installed. */
static inline void actor_need(const char *program)
{
	if (live_run("sh", "-c", live_text("PATH=$PATH:/usr/sbin command -v %s", program))->status != 0)
		live_skip("%s is not installed", program);
}

/* A file in the folder of the test. */
static inline void actor_write(const char *name, const char *text)
{
	const char *path = live_text("%s/%s", actor_dir, name);
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		live_fail("%s cannot be written", path);
}

/* Whatever python3 is the system's own: a wrapper of a version manager would be another program. */
static inline const char *actor_python(void)
{
	if (access("/usr/bin/python3", X_OK) == 0)
		return "/usr/bin/python3";
	if (live_run("python3", "-c", "")->status != 0)
		live_skip("python3 is not installed");
	return "python3";
}

#endif
