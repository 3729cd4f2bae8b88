/* SPDX-License-Identifier: MIT */
/* Fuzzing of experiments: any text is refused with a line and a sentence, or plays on every model without a crash. */
#include "fuzz/input.h"
#include "lab/play.h"
#include "model/rule.h"

static void play(const struct iu_exp *exp, enum iu_os os)
{
	/* many cases are one case many times */
	size_t n = exp->n_cases < 3 ? exp->n_cases : 3;

	for (size_t i = 0; i < n; i++)
		for (int run = 0; run < IU_N_RUNS; run++) {
			struct iu_play p = {.exp = exp, .which = i, .run = (enum iu_run)run, .os = os};
			json_t *played;

			if (exp->runs == 0 ? run != IU_RUN_AS_WRITTEN : (exp->runs & (1u << run)) == 0)
				continue;
			played = iu_play(&p);
			MUST(played != NULL);
			json_decref(played);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inuse_error error = {0};
	struct iu_exp *exp = NULL;

	if (iu_exp_parse("f", (const char *)data, size, &exp, &error) != INUSE_OK) {
		MUST(error.status == INUSE_E_INPUT && strncmp(error.text, "f:", 2) == 0);
		MUST(error.text[2] >= '1' && error.text[2] <= '9' && strpbrk(error.text, "\n\x1b") == NULL);
		return 0;
	}
	for (int os = 0; os < IU_N_OS; os++)
		if (iu_profile_find(iu_os_names[os]) != NULL && exp->cases[0].n_steps < 60)
			play(exp, (enum iu_os)os);
	iu_exp_free(exp);
	return 0;
}
