/* SPDX-License-Identifier: MIT */
/*
 * Each row of the model names an experiment, and in that experiment it is this row that decides, at a step of which something is
 * expected; what is expected comes true. A row that names a case of the measured table means the experiment that covers it.
 */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "lab/play.h"
#include "model/rule.h"

#define EXPS_MAX 1000

static struct iu_exp *exps[EXPS_MAX];
static size_t n_exps;
static unsigned n_seen, n_source;

static int load_all(void **state)
{
	char folder[512], **names;
	struct inuse_error error = {0};
	size_t n = 0;

	if (iu_lab_folder(folder, sizeof(folder), &error) != INUSE_OK || iu_lab_list(folder, &names, &n, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	assert_true(n < EXPS_MAX);
	for (; n_exps < n; n_exps++)
		if (iu_lab_load(folder, names[n_exps], &exps[n_exps], &error) != INUSE_OK)
			fail_msg("%s", error.text);
	iu_lab_names_free(names, n);
	return 0;
}

static int free_all(void **state)
{
	for (size_t i = 0; i < n_exps; i++)
		iu_exp_free(exps[i]);
	return 0;
}

/* Is id one of these, which are separated by blanks? */
static bool is_among(const char *ids, const char *id)
{
	size_t len = strlen(id);

	for (const char *at = ids; (at = strstr(at, id)) != NULL; at += len)
		if ((at == ids || at[-1] == ' ') && (at[len] == 0 || at[len] == ' '))
			return true;
	return false;
}

/* That row decided the step, or what it makes of a socket on the port. */
static bool decided(const json_t *step, const char *id)
{
	const char *rule = json_string_value(json_object_get(step, "rule"));
	json_t *owner;
	size_t i;

	if (json_object_get(step, "expected") == NULL)
		return false;
	if (rule != NULL && strcmp(rule, id) == 0)
		return true;
	json_array_foreach (json_object_get(step, "owners"), i, owner) {
		/* a conflict is told by the socket that makes it one */
		if (strcmp(json_string_value(json_object_get(owner, "rule")), id) == 0 ||
		    (strcmp(id, "conflict") == 0 && !json_is_false(json_object_get(owner, "in_the_way"))))
			return true;
	}
	return false;
}

/* One run on the model. */
static bool decides_in_run(const struct iu_play *play, const char *id)
{
	json_t *played = iu_play(play), *step;
	bool found = false;
	size_t i;

	assert_non_null(played);
	if (!json_is_true(json_object_get(played, "agrees")))
		fail_msg("%s differs on %s", play->exp->name, iu_os_names[play->os]);
	json_array_foreach (json_object_get(played, "steps"), i, step)
		found |= decided(step, id);
	json_decref(played);
	return found;
}

/* In that experiment: in one of its cases, or with id_of_case in one of those that cover that. */
static bool decides(const struct iu_exp *exp, const char *id_of_case, enum iu_os os, uint32_t lacks, const char *id)
{
	for (size_t c = 0; c < exp->n_cases; c++) {
		bool meant = id_of_case == NULL ||
			     is_among(exp->cases[c].covers[0] != 0 ? exp->cases[c].covers : exp->covers, id_of_case);

		for (int run = 0; meant && run < IU_N_RUNS; run++) {
			struct iu_play play = {.exp = exp, .which = c, .run = (enum iu_run)run, .os = os, .lacks = lacks};
			bool wanted = exp->runs == 0 ? run == IU_RUN_AS_WRITTEN : (exp->runs & (1u << run)) != 0;

			if (wanted && decides_in_run(&play, id))
				return true;
		}
	}
	return false;
}

static bool is_meant(const struct iu_exp *exp, const char *experiment)
{
	if (strchr(experiment, '/') != NULL)
		return strcmp(exp->name, experiment) == 0;
	for (size_t c = 0; c < exp->n_cases; c++)
		if (is_among(exp->cases[c].covers, experiment))
			return true;
	return is_among(exp->covers, experiment);
}

/* bounded: the row is there on some kernels only; lacks: what one that has it lacks. */
static void check_row(enum iu_os os, const char *id, const char *experiment, bool bounded, uint32_t lacks)
{
	const char *case_id = strchr(experiment, '/') == NULL ? experiment : NULL;
	bool there = false;

	/* what nobody has played stands on its source alone, and says so */
	if (strcmp(experiment, "source") == 0) {
		if (os == IU_OS_LINUX && !bounded)
			fail_msg("%s has no experiment", id);
		n_source++;
		return;
	}
	for (size_t i = 0; i < n_exps; i++) {
		if (!is_meant(exps[i], experiment))
			continue;
		there = true;
		if (decides(exps[i], case_id, os, lacks, id)) {
			n_seen++;
			return;
		}
	}
	fail_msg("%s: %s names %s, %s", iu_os_names[os], id, experiment,
		 there ? "where it does not decide" : "which is no experiment");
}

static void check_profile(enum iu_os os)
{
	const struct iu_profile *p = iu_profile_find(iu_os_names[os]);

	if (p == NULL) /* there is no model of it */
		return;
	n_seen = n_source = 0;
	for (size_t i = 0; i < p->n_calls; i++) {
		const struct iu_call_rule *r = &p->calls[i];

		/* what newer kernels do not have is played as on an old one */
		check_row(os, r->id, r->experiment, r->needs != 0 || r->not_with != 0, r->not_with);
	}
	for (size_t i = 0; i < p->n_owners; i++)
		check_row(os, p->owners[i].id, p->owners[i].experiment, false, 0);
	print_message("%s: %u rows decide in their experiments, %u stand on their source\n", p->name, n_seen, n_source);
	assert_int_equal(n_seen + n_source, p->n_calls + p->n_owners);
}

static void test_linux__each_row__decides_in_its_experiment(void **state)
{
	check_profile(IU_OS_LINUX);
}

static void test_other_systems__each_row__decides_in_its_experiment(void **state)
{
	for (int os = IU_OS_LINUX + 1; os < IU_N_OS; os++)
		check_profile((enum iu_os)os);
}

static void test_rule__that_decides_elsewhere__noticed(void **state)
{
	for (size_t i = 0; i < n_exps; i++)
		if (strcmp(exps[i]->name, "bind/free") == 0) {
			assert_true(decides(exps[i], NULL, IU_OS_LINUX, 0, "nobody"));
			assert_true(decides(exps[i], "B01", IU_OS_LINUX, 0, "nobody"));
			assert_false(decides(exps[i], "B02", IU_OS_LINUX, 0, "nobody"));
			assert_false(decides(exps[i], NULL, IU_OS_LINUX, 0, "conflict"));
			return;
		}
	fail();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux__each_row__decides_in_its_experiment),
		cmocka_unit_test(test_other_systems__each_row__decides_in_its_experiment),
		cmocka_unit_test(test_rule__that_decides_elsewhere__noticed),
	};

	return cmocka_run_group_tests(tests, load_all, free_all);
}
