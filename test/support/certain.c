/* SPDX-License-Identifier: MIT */
/* Is a verdict as certain as it can be? */
#include "support/certain.h"

#include <stdio.h>
#include <string.h>

#include "model/unknowns.h"
#include "say/names.h"
#include "support/check.h"

#define COMPLETIONS_MAX 65536

enum { GOES = 1, FAILS = 2, BOTH = 3 };

struct outcomes {
	uint8_t each[COMPLETIONS_MAX]; /* GOES, FAILS or, where no fact decides, BOTH */
	uint64_t n;
	uint32_t seen;    /* all of them together */
	uint32_t results; /* bit per enum inuse_result */
	uint32_t beyond;  /* what keeps a completion open */
	uint32_t open;    /* what keeps one open and should not: it was filled in */
};

static struct inuse_verdict judge(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
				  const struct iu_caller *caller)
{
	static const struct iu_caller nobody;
	struct inuse_verdict v = {.size = sizeof(v)};

	if (memcmp(caller, &nobody, offsetof(struct iu_caller, ports)) == 0 && caller->ports.first == 0 && !caller->syn.known)
		iu_judge_bare(profile, facts, request, NULL, &v);
	else
		iu_judge_call(profile, facts, request, caller, &v);
	return v;
}

/* What documents leave open, and BSD's owner of a TIME-WAIT, which Linux forgets, no value can settle. */
static uint32_t never_settled(const struct iu_profile *profile)
{
	return IU_UNKNOWNS_BEYOND | (profile->documented ? INUSE_MISSING_UID : 0);
}

static void try_all(const struct iu_profile *profile, struct iu_unknowns *u, struct outcomes *o)
{
	o->n = iu_unknowns_completions(u);
	o->seen = o->results = o->beyond = o->open = 0;
	if (o->n > COMPLETIONS_MAX)
		fail_msg("%zu unknowns are too many to try", u->n);
	for (uint64_t i = 0; i < o->n; i++) {
		struct inuse_verdict v;

		iu_unknowns_number(u, i);
		v = judge(profile, &u->facts, &u->request, &u->caller);
		o->each[i] = v.outcome == INUSE_GO ? GOES : v.outcome == INUSE_FAIL ? FAILS : BOTH;
		o->seen |= o->each[i];
		if (v.outcome != INUSE_GO)
			o->results |= 1u << v.result;
		if (v.outcome == INUSE_CANNOT_TELL) {
			o->beyond |= v.missing;
			o->open |= v.missing & ~never_settled(profile);
		}
	}
}

/* The unknowns of which two completions differ that differ in nothing else. */
static uint32_t find_matter(const struct iu_unknowns *u, const struct outcomes *o)
{
	uint32_t matter = o->beyond;
	uint64_t stride = 1;

	for (size_t k = 0; k < u->n; k++) {
		for (uint64_t i = 0; i < o->n && (matter & u->list[k].missing) == 0; i++)
			if (o->each[i] != o->each[i - i / stride % u->list[k].n_values * stride])
				matter |= u->list[k].missing;
		stride *= u->list[k].n_values;
	}
	return matter;
}

static const char *names_of(uint32_t missing, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = 0;
	for (const struct iu_name *name = iu_names_missing; name->name != NULL; name++)
		if ((missing & name->value) != 0 && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len > 0 ? ", " : "", name->name);
	return len > 0 ? buf : "nothing";
}

enum certain_fault certain_check(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
				 const struct iu_caller *caller, char *why, size_t size, bool *ret_open)
{
	static struct iu_unknowns u;
	static struct outcomes o;
	struct inuse_verdict v = judge(profile, facts, request, caller);
	char named[200], real[200];
	uint32_t matter;

	if (ret_open != NULL)
		*ret_open = v.outcome == INUSE_CANNOT_TELL;
	if (!iu_unknowns_find(&u, facts, request, caller, UINT32_MAX))
		fail_msg("more unknowns than can be tried");
	try_all(profile, &u, &o);
	matter = find_matter(&u, &o);
	names_of(v.missing, named, sizeof(named));
	names_of(matter, real, sizeof(real));
	if (o.open != 0) {
		snprintf(why, size, "%s is still missing when everything is known", names_of(o.open, named, sizeof(named)));
		return CERTAIN_STILL_OPEN;
	}
	if (v.outcome != INUSE_CANNOT_TELL && o.seen != (v.outcome == INUSE_GO ? GOES : FAILS)) {
		snprintf(why, size, "said to %s for certain by %s, and %s decides", v.outcome == INUSE_GO ? "go" : "fail", v.rule, real);
		return CERTAIN_WRONG;
	}
	if (v.outcome == INUSE_CANNOT_TELL && o.seen != BOTH) {
		snprintf(why, size, "cannot tell for want of %s, and it %s whatever that is", named, o.seen == GOES ? "goes" : "fails");
		return CERTAIN_TIMID;
	}
	if (v.missing != (v.outcome == INUSE_CANNOT_TELL ? matter : 0)) {
		snprintf(why, size, "names %s, and what matters is %s", named, real);
		return (v.missing & matter) == matter && matter != 0 ? CERTAIN_LOOSE : CERTAIN_MISNAMED;
	}
	if (v.outcome == INUSE_FAIL && (o.results & 1u << v.result) == 0) {
		snprintf(why, size, "fails, but never with %s", iu_name_of(iu_names_result, v.result));
		return CERTAIN_NO_RESULT;
	}
	return CERTAIN_FINE;
}

void certain_assert(const char *name, const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
		    const struct iu_caller *caller)
{
	char why[500];

	if (certain_check(profile, facts, request, caller, why, sizeof(why), NULL) != CERTAIN_FINE)
		fail_msg("%s: %s", name, why);
}

void certain_judge(const struct scene *scene, struct inuse_verdict *ret)
{
	certain_assert("in this scene", &iu_profile_linux, &scene->f, &scene->r, &scene->caller);
	iu_judge(&iu_profile_linux, &scene->f, &scene->r, ret);
}
