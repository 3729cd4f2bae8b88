/* SPDX-License-Identifier: MIT */
/* The whole verdict: judged, its cause named, its cures tried. */
#include "model/judge.h"

#include <string.h>

void iu_judge(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
	      struct inuse_verdict *ret_verdict)
{
	iu_judge_bare(profile, facts, request, NULL, ret_verdict);
	iu_cause_find(facts, ret_verdict);
	iu_cures_find(profile, facts, ret_verdict);
}

/* What succeeded had nothing in its way. */
static void pass(struct inuse_verdict *v)
{
	v->outcome = INUSE_GO;
	v->result = INUSE_R_OK;
	v->n_blockers = v->n_shown = 0;
	memset(v->n_by_state, 0, sizeof(v->n_by_state));
	v->free_at_ns = v->free_slack_ns = 0;
}

/* Windows hides all options, and with them which of two errors it would be. */
static bool settle_windows(enum inuse_result said, struct inuse_verdict *v)
{
	bool access = said == INUSE_R_ACCES;

	if (v->n_shown == 0 || (!access && said != INUSE_R_ADDRINUSE))
		return false;
	if (v->shown[0]->state == INUSE_LISTEN || v->shown[0]->state == INUSE_BOUND)
		v->rule = access ? "table-access" : "table-in-use";
	v->result = said;
	return true;
}

/* That the last call was refused says that those before it were not: a client's bind() has passed. */
static void settle_connect(const struct iu_facts *facts, enum inuse_result said, struct inuse_verdict *v)
{
	const struct iu_caller bound = {.family = 0};
	struct inuse_verdict connect;

	iu_judge_call(iu_profile_of(facts), facts, &v->request, &bound, &connect);
	if (connect.outcome != INUSE_GO && connect.result == said)
		*v = connect;
}

void iu_judge_settle(const struct iu_facts *facts, enum inuse_result said, struct inuse_verdict *v)
{
	if (v->outcome != INUSE_CANNOT_TELL)
		return;
	if (v->request.call == INUSE_CALL_CONNECT && v->step == INUSE_CALL_BIND && said != INUSE_R_OK && said != v->result)
		settle_connect(facts, said, v);
	if (said == INUSE_R_OK)
		pass(v);
	else if (facts->os == IU_SYSTEM_windows ? settle_windows(said, v) : said == v->result)
		v->outcome = INUSE_FAIL;
	else
		return;
	v->missing = 0;
	iu_cause_find(facts, v);
	iu_cures_find(iu_profile_of(facts), facts, v);
}
