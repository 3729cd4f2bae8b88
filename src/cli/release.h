/* SPDX-License-Identifier: MIT */
/* inuse release and inuse kill: one plan, shown, asked about and carried out; release.c does, release_plan.c tells. */
#ifndef IU_CLI_RELEASE_H
#define IU_CLI_RELEASE_H

#include <jansson.h>

#include "base/text.h"
#include "cli/call_options.h"
#include "cure/evict.h"
#include "cure/stop.h"
#include "host/answer.h"

enum { IU_OPT_CONNECTIONS = 256, IU_OPT_KILL, IU_OPT_FORCE, IU_OPT_ANYWAY, IU_OPT_GRACE, IU_OPT_DRY_RUN, IU_OPT_YES };

#define IU_RELEASE_ROWS \
	{IU_OPT_FORCE, "force", NULL, N_("SIGKILL for processes that outlive SIGTERM, without asking again")}, \
	{IU_OPT_GRACE, "grace", "SEC", N_("how long SIGTERM may take (10)")}, \
	{IU_OPT_ANYWAY, "anyway", NULL, N_("end processes of systemd units and containers, too")}, \
	{IU_OPT_DRY_RUN, "dry-run", NULL, N_("show the plan and do nothing")}, \
	{IU_OPT_YES, "yes", NULL, N_("do not ask")}, \
	IU_FROM_ROW, IU_CALL_ROWS, IU_PLAIN_ROW, IU_NETNS_ROW, IU_STRICT_ROW, IU_WITHOUT_ROW, IU_JSON_ROW, IU_QUIET_ROW, \
	{0, NULL, NULL, NULL}

struct iu_release {
	struct iu_call call;
	bool connections, kill, force, anyway, dry_run, yes;
	int64_t grace_ns;
	/* the plan */
	struct iu_resolved resolved;
	struct inuse_answer *answer;        /* before */
	struct inuse_request requests[IU_MAX_ADDRS];
	size_t n_requests;
	struct iu_evict_plan evict;
	struct inuse_error evict_refused;   /* status < 0: this user may not remove sockets */
	struct inuse_snapshot *living;      /* what stop borrows from */
	struct iu_stop_plan stop;
	/* what came of it */
	struct iu_evict_done done;
	struct inuse_answer *after;
};

/* Runs a verb: kill: processes are ended, as with --kill. */
int iu_release_run(const struct iu_verb *verb, bool kill, int argc, char **argv);

/* Something of the plan can be done. */
bool iu_release_has_work(const struct iu_release *r);
/* If all of it is done the call succeeds, as far as can be foreseen. */
bool iu_release_frees(const struct iu_release *r);
/* The plan for people, lines ending in '\n'. */
void iu_release_say_plan(struct iu_text *t, const struct iu_release *r);
/* The plan, and what came of it if it was done; NULL when out of memory. */
json_t *iu_release_json(const struct iu_release *r, bool done);

#endif
