/* SPDX-License-Identifier: MIT */
/* The state of one telling, shared by answer.c, fixes.c and vars.c. */
#ifndef IU_SAY_TELLING_H
#define IU_SAY_TELLING_H

#include "say/say.h"

#define IU_MAX_VARS 24

/* Everything that a template may name; vars and store are private to vars.c. */
struct iu_told {
	const struct iu_facts *f;
	const struct inuse_verdict *v;
	const struct iu_telling *how;
	struct iu_var vars[IU_MAX_VARS];
	size_t n_vars;
	struct iu_text store[IU_MAX_VARS]; /* owns the values */
	size_t width, lines, max_lines;
	bool pids_cut; /* {pids} are not all that there are */
	struct iu_text *out;
};

/* Makes t->vars anew: about the cure's blocker, or for NULL about the one that explains most. */
void iu_told_fill(struct iu_told *t, const struct inuse_cure *cure);
void iu_told_done(struct iu_told *t);
/* One sentence of why, for what is missing. */
const char *iu_told_missing(const struct iu_facts *f, uint32_t missing);
/* The unit as systemctl wants it: the last element of the path. */
const char *iu_told_unit(const struct inuse_process *p);
/* The fixes, ranked, in two columns; stops at t->max_lines. */
void iu_told_fixes(struct iu_told *t);

#endif
