/* SPDX-License-Identifier: MIT */
/* The whole verdict: judged, its cause named, its cures tried. */
#include "model/judge.h"

void iu_judge(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
	      struct inuse_verdict *ret_verdict)
{
	iu_judge_bare(profile, facts, request, NULL, ret_verdict);
	iu_cause_find(facts, ret_verdict);
	iu_cures_find(profile, facts, ret_verdict);
}
