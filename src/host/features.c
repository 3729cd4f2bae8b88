/* SPDX-License-Identifier: MIT */
/* What the running kernel has of what kernels differ in. See features.h. */
#include "host/features.h"

#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "host/sources.h"
#include "model/judge.h"
#include "say/names.h"

/* What shows in the kernel's types or names. */
static const uint32_t can_be_probed = 0
#define STRUCT 1u
#define MEMBER 1u
#define FUNCTION 1u
#define FUNCTION_GONE 1u
#define FUNCTION_ANSWERS 1u
#define NOTHING 0u
#define FEATURE(id, name, major, minor, bound, evidence, probe, ...) | (probe * IU_FEATURE_##id)
#include "model/features.def"
#undef FEATURE
#undef STRUCT
#undef MEMBER
#undef FUNCTION
#undef FUNCTION_GONE
#undef FUNCTION_ANSWERS
#undef NOTHING
	;

void iu_features_take(struct iu_facts *facts, const struct iu_probed *probed)
{
	facts->features = (facts->features & ~probed->which) | (probed->present & probed->which);
	facts->features_probed |= probed->which;
}

static bool same_answer(const struct inuse_verdict *a, const struct inuse_verdict *b)
{
	bool same_rule = a->rule == b->rule || (a->rule != NULL && b->rule != NULL && strcmp(a->rule, b->rule) == 0);

	return same_rule && a->outcome == b->outcome && a->result == b->result && a->step == b->step &&
	       a->missing == b->missing && a->n_blockers == b->n_blockers;
}

uint32_t iu_features_that_matter(const struct iu_facts *facts, const struct inuse_request *requests, size_t n)
{
	uint32_t assumed = can_be_probed & ~facts->features_probed, matter = 0;
	const struct iu_profile *profile = iu_profile_of(facts);

	if (facts->os != IU_SYSTEM_linux)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct inuse_verdict now, otherwise;

		iu_judge_bare(profile, facts, &requests[i], NULL, &now);
		for (uint32_t bit = 1; bit <= assumed; bit <<= 1) {
			struct iu_facts other = *facts;

			if ((bit & assumed & ~matter) == 0)
				continue;
			other.features ^= bit;
			iu_judge_bare(profile, &other, &requests[i], NULL, &otherwise);
			if (!same_answer(&now, &otherwise))
				matter |= bit;
		}
	}
	return matter;
}

static void say_names(struct iu_text *t, uint32_t features)
{
	const char *comma = "";

	for (const struct iu_name *f = iu_names_feature; f->name != NULL; f++)
		if ((features & f->value) != 0) {
			iu_text_addf(t, "%s%s", comma, f->name);
			comma = ", ";
		}
}

/* "Seen types": what was asked there; or that it is not to be had, and what is assumed therefore. */
static void say(struct inuse_snapshot *s, uint32_t asked, const struct inuse_error *why)
{
	struct iu_text names = {0}, t = {0};
	uint32_t kernel = iu_snapshot_facts(s)->kernel;

	say_names(&names, asked);
	if (why == NULL)
		iu_text_addf(&t, _("what the kernel has of that in which kernels differ, where the answer depends on it: %s"), names.data);
	else
		iu_text_addf(&t, _("assumed from the version %u.%u, as the answer depends on it: %s; %s"), kernel >> 16, kernel & 0xffff,
			     names.data, why->text);
	iu_snapshot_say(s, "types", why == NULL, t.data);
	iu_text_done(&names);
	iu_text_done(&t);
}

void iu_features_settle(struct inuse_snapshot *s, const struct inuse_request *requests, size_t n)
{
	struct iu_facts *facts = iu_snapshot_scalars(s);
	uint32_t matter = iu_features_that_matter(facts, requests, n);
	struct inuse_error error = {0};
	struct iu_probed probed = {0};
	bool done;

	if (matter == 0)
		return;
	/* all of them: where one is other than was assumed, another may matter */
	done = iu_features_probe(IU_KERNEL_TYPES, can_be_probed & ~facts->features_probed, &probed, &error) == INUSE_OK;
	iu_features_take(facts, &probed);
	say(s, matter, done ? NULL : &error);
}

void iu_features_settle_all(struct inuse_snapshot *s)
{
	struct iu_facts *facts = iu_snapshot_scalars(s);
	struct iu_probed probed = {0};

	if (facts->os != IU_SYSTEM_linux)
		return;
	iu_features_probe(IU_KERNEL_TYPES, can_be_probed & ~facts->features_probed, &probed, NULL);
	iu_features_take(facts, &probed);
	iu_features_probe_names(IU_KERNEL_NAMES, can_be_probed & ~facts->features_probed, &probed);
	iu_features_take(facts, &probed);
}

/* The scalars of the running kernel. */
static void take_here(struct iu_facts *ret)
{
	struct inuse_snapshot *s = iu_snapshot_new();

	*ret = (struct iu_facts){0};
	if (s == NULL)
		return;
	if (iu_settings_read(s, NULL) == INUSE_OK)
		iu_features_settle_all(s);
	*ret = *iu_snapshot_scalars(s);
	iu_snapshot_free(s);
}

void iu_features_each(void (*fn)(void *arg, const struct iu_feature_line *line), void *arg)
{
	static const struct {
		const char *name, *what;
	} rows[] = {
#define FEATURE(id, name, major, minor, bound, evidence, probe, of, with, what) {name, what},
#include "model/features.def"
#undef FEATURE
	};
	struct iu_facts facts;

	take_here(&facts);
	for (unsigned i = 0; i < IU_N_FEATURES; i++) {
		struct iu_feature_line line = {.name = rows[i].name, .what = _(rows[i].what), .present = (facts.features >> i & 1) != 0,
					       .probed = (facts.features_probed >> i & 1) != 0};

		fn(arg, &line);
	}
}

uint32_t iu_features_here(void)
{
	struct iu_facts facts;

	take_here(&facts);
	return facts.features;
}
