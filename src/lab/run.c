/* SPDX-License-Identifier: MIT */
/*
 * Many runs side by side.
 *
 * Theory of operation
 *
 * Each run is a job. The results are handed out in the order of the experiments, whoever is ready first. On the model they are
 * played one after the other; on the kernel by run_live.c.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/gettext.h"
#include "lab/jobs.h"

static size_t count_runs(const struct iu_exp *exp)
{
	size_t n = 0;

	for (int r = 1; r < IU_N_RUNS; r++)
		n += (exp->runs & (1u << r)) != 0;
	return (n > 0 ? n : 1) * exp->n_cases;
}

static void add_jobs(struct iu_runner *r, const struct iu_exp *exp)
{
	for (size_t c = 0; c < exp->n_cases; c++)
		for (int run = 0; run < IU_N_RUNS; run++) {
			bool wanted = exp->runs == 0 ? run == IU_RUN_AS_WRITTEN : (exp->runs & (1u << run)) != 0;

			if (wanted)
				r->list[r->n++].play = (struct iu_play){.exp = exp, .which = c, .run = (enum iu_run)run, .os = r->jobs->os};
		}
}

json_t *iu_jobs_unplayed(const struct iu_play *play, const char *why)
{
	struct iu_play alone = *play;

	alone.live = NULL;
	alone.why_not = why;
	return iu_play(&alone);
}

void iu_jobs_give(struct iu_runner *r)
{
	while (r->given < r->n && r->list[r->given].done) {
		if (r->list[r->given].run != NULL)
			r->fn(r->arg, r->list[r->given].run);
		json_decref(r->list[r->given].run);
		r->list[r->given++].run = NULL;
	}
}

enum inuse_status iu_jobs_run(const struct iu_jobs *jobs, void (*fn)(void *arg, const json_t *run), void *arg,
			      struct inuse_error *error)
{
	struct iu_runner *r = calloc(1, sizeof(*r));
	size_t n = 0;
	enum inuse_status status = INUSE_OK;

	for (size_t i = 0; i < jobs->n_exps; i++)
		n += count_runs(jobs->exps[i]);
	if (r != NULL)
		r->list = calloc(n > 0 ? n : 1, sizeof(*r->list));
	if (r == NULL || r->list == NULL) {
		free(r);
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	}
	r->jobs = jobs;
	r->fn = fn;
	r->arg = arg;
	for (size_t i = 0; i < jobs->n_exps; i++)
		add_jobs(r, jobs->exps[i]);
	for (size_t i = 0; jobs->model_only && i < r->n; i++) {
		r->list[i].run = iu_play(&r->list[i].play);
		r->list[i].done = true;
		iu_jobs_give(r);
	}
	if (!jobs->model_only)
		status = iu_jobs_live(r, error);
	free(r->list);
	free(r);
	return status;
}
