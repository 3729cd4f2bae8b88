/* SPDX-License-Identifier: MIT */
/*
 * Every predicate of the rules by itself: when it says yes, when no, and when that cannot be known.
 *
 * Theory of operation
 *
 * A predicate is named by a row that asks it, as "system row"; several rows may ask the same one. The words are those of
 * support/scene.h; a predicate about a socket is asked about the first one. What a predicate was ever seen to answer, in any of
 * these scenes and in the scenes with something forgotten, has to be in the table: so a predicate without a case is found, and so is
 * one whose "cannot tell" nobody has written down.
 */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "model/judge.h"
#include "support/scene.h"

#define NO INUSE_NO
#define YES INUSE_YES
#define MAYBE INUSE_MAYBE
#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* missing: of what is not known, the first; 0 where the answer is certain. */
struct predicate_case {
	const char *row, *sockets, *call, *facts;
	enum inuse_tri answer;
	enum inuse_missing missing;
};

static const struct predicate_case cases[] = {
#define CASE(row, sockets, call, facts, answer, missing) {row, sockets, call, facts, answer, missing},
#include "unit/predicates.def"
#undef CASE
};

/* A row of a profile: of its calls, or of its owners. */
struct row {
	iu_call_when *call;
	iu_owner_when *owner;
};

/* The row that a case names. False: there is none, or it asks nothing. */
static bool find_row(const char *name, const struct iu_profile **ret_profile, struct row *ret)
{
	const char *id = strchr(name, ' ');
	const struct iu_call_rule *call;
	const struct iu_owner_rule *owner;
	char os[32];

	assert_non_null(id);
	snprintf(os, sizeof(os), "%.*s", (int)(id - name), name);
	*ret_profile = iu_profile_find(os);
	assert_non_null(*ret_profile);
	call = iu_call_rule_find(*ret_profile, id + 1);
	owner = iu_owner_rule_find(*ret_profile, id + 1);
	*ret = (struct row){.call = call != NULL ? call->when : NULL, .owner = owner != NULL ? owner->when : NULL};
	return ret->call != NULL || ret->owner != NULL;
}

static enum inuse_tri ask(const struct iu_profile *profile, const struct row *row, struct scene *s, uint32_t *missing)
{
	struct iu_world w;

	*missing = 0;
	iu_world_start(&w, profile, &s->f, &s->r, &s->caller);
	return row->call != NULL ? row->call(&w, missing) : row->owner(&w, &s->sockets[0], missing);
}

static const char *tri_text(enum inuse_tri tri)
{
	return tri == INUSE_YES ? "yes" : tri == INUSE_NO ? "no" : "cannot be known";
}

static void test_predicate__each_case__its_answer(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ROWS(cases); i++) {
		const struct predicate_case *c = &cases[i];
		const struct iu_profile *profile;
		uint32_t missing;
		enum inuse_tri got;
		struct scene s;
		struct row row;

		if (!find_row(c->row, &profile, &row))
			fail_msg("%s: there is no such row, or it asks nothing", c->row);
		scene_make(&s, c->sockets, c->call, c->facts);
		got = ask(profile, &row, &s, &missing);
		if (got == c->answer && (got != INUSE_MAYBE || (missing & c->missing) != 0))
			continue;
		wrong++;
		print_error("%s, [%s] %s [%s]: %s, missing %#x; expected %s, missing %#x\n", c->row, c->sockets, c->call, c->facts,
			    tri_text(got), missing, tri_text(c->answer), c->missing);
	}
	assert_int_equal(wrong, 0);
}

/* The answers that the table has for this very predicate, a bit for each. */
static unsigned answers_in_table(const struct row *row)
{
	unsigned answers = 0;

	for (size_t i = 0; i < ROWS(cases); i++) {
		const struct iu_profile *profile;
		struct row other;

		if (find_row(cases[i].row, &profile, &other) && other.call == row->call && other.owner == row->owner)
			answers |= 1u << cases[i].answer;
	}
	return answers;
}

static void forget_all(struct scene *s)
{
	s->f.settings_known = 0;
	s->f.locals_known = false;
	s->f.n_locals = 0;
	s->f.n_routes = 0;
	s->f.buckets_known = false;
	s->f.n_buckets = 0;
	s->r.may_bind_low = INUSE_MAYBE;
	for (size_t i = 0; i < s->f.n_sockets; i++)
		s->sockets[i].known = 0;
}

/* What the predicate is seen to answer anywhere, as long as its row is one of calls like this, or its socket is there. */
static unsigned answers_anywhere(const struct iu_profile *profile, const struct row *row, enum inuse_call call)
{
	unsigned answers = 0;

	for (size_t i = 0; i < ROWS(cases); i++) {
		uint32_t missing;
		struct scene s;

		scene_make(&s, cases[i].sockets, cases[i].call, cases[i].facts);
		if (row->owner != NULL ? s.f.n_sockets == 0 : s.r.call != call)
			continue;
		answers |= 1u << ask(profile, row, &s, &missing);
		forget_all(&s);
		answers |= 1u << ask(profile, row, &s, &missing);
	}
	return answers;
}

static int check_row(const struct iu_profile *profile, const char *id, const struct row *row, enum inuse_call call)
{
	unsigned there = answers_in_table(row), seen = answers_anywhere(profile, row, call);
	int wrong = 0;

	if (there == 0) {
		print_error("%s %s: no case names its predicate\n", profile->name, id);
		return 1;
	}
	if ((there & (there - 1)) == 0) {
		print_error("%s %s: one answer is no test\n", profile->name, id);
		wrong++;
	}
	for (unsigned answer = 0; answer <= INUSE_MAYBE; answer++)
		if ((seen & ~there & 1u << answer) != 0) {
			print_error("%s %s: no case in which it answers \"%s\"\n", profile->name, id, tri_text((enum inuse_tri)answer));
			wrong++;
		}
	return wrong;
}

static void test_predicates__all_of_all_systems__have_their_cases(void **state)
{
	const struct iu_profile *p;
	int wrong = 0;

	for (size_t os = 0; (p = iu_profile_at(os)) != NULL; os++) {
		for (size_t i = 0; i < p->n_calls; i++)
			if (p->calls[i].when != NULL)
				wrong += check_row(p, p->calls[i].id, &(struct row){.call = p->calls[i].when}, p->calls[i].call);
		for (size_t i = 0; i < p->n_owners; i++)
			if (p->owners[i].when != NULL)
				wrong += check_row(p, p->owners[i].id, &(struct row){.owner = p->owners[i].when}, INUSE_CALL_BIND);
	}
	assert_int_equal(wrong, 0);
}

static enum inuse_tri never_named(struct iu_world *w, uint32_t *missing)
{
	return INUSE_NO;
}

/* The check above can fail: a predicate that no case names is noticed. */
static void test_predicates__new_one__noticed(void **state)
{
	assert_int_equal(answers_in_table(&(struct row){.call = never_named}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_predicate__each_case__its_answer),
		cmocka_unit_test(test_predicates__all_of_all_systems__have_their_cases),
		cmocka_unit_test(test_predicates__new_one__noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
