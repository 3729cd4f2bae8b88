/* SPDX-License-Identifier: MIT */
/*
 * A program for tests of `inuse run`: it makes the calls that its words say and prints what each has returned. The same words
 * must print the same, supervised or not. Linked statically: nothing of it can be replaced from outside.
 */
#include "support/actor_acts.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	actor_act *act;
} acts[] = {
	{"listen", do_listen},   {"reuse", do_reuse},     {"twice", do_twice},   {"odd", do_odd},       {"unix", do_unix},
	{"storm", do_storm},     {"thread", do_thread},   {"fork", do_fork},     {"many", do_many},     {"spawn", do_spawn},
	{"vanish", do_vanish},   {"unmap", do_unmap},     {"drop", do_drop},     {"user-ns", do_user_ns}, {"landlock", do_landlock},
	{"hidden", do_hidden},   {"forbid", do_forbid},   {"uring", do_uring},     {"int80", do_int80},   {"connect", do_connect}, {"stuck", do_stuck},
	{"around", do_around},   {"count", do_count},     {"flags", do_flags},
	{"rounds", do_rounds},   {"stay", do_stay},       {"daemon", do_daemon},   {"later", do_later},
	{"serve", do_serve},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(argv[1], acts[i].word) == 0)
			return acts[i].act(argv + 2);
	fprintf(stderr, "actor: no such act\n");
	return 2;
}
