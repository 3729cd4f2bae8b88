/* SPDX-License-Identifier: MIT */
/* What the model says of a call by given facts, and whether what it does not know makes a difference. */
#include <string.h>

#include "base/address.h"
#include "lab/fuzz_private.h"

#define SOCKETS_MAX 256
#define UNKNOWNS_MAX 256

/* The SYN of a connect() that found its port. */
static void judge_syn(const struct iu_profile *profile, const struct iu_facts *facts, const struct iu_fuzz_call *call,
		      struct iu_fuzz_said *said)
{
	struct inuse_request syn = INUSE_REQUEST_INIT;
	struct inuse_verdict v = {.size = sizeof(v)};
	struct inuse_addr from = call->request.local;
	struct iu_decided decided = {0};

	if (from.family == 0 || iu_addr_is_any(&from) || iu_addr_is_mapped_any(&from))
		from = facts->n_routes > 0 ? facts->routes[0].source : (struct inuse_addr){0};
	from.port = call->request.local.port != 0 ? call->request.local.port : call->chosen;
	if (from.family == 0 || from.port == 0 || iu_answer_is_lost(facts, call->request.device, &from, &call->request.remote) || iu_addr_is_local(facts, &call->request.remote) != INUSE_YES ||
	    (from.port == call->request.remote.port && iu_addr_same(&from, &call->request.remote)))
		return;
	syn.call = INUSE_CALL_ACCEPT;
	syn.local = call->request.remote;
	syn.remote = from;
	iu_judge_call(profile, facts, &syn, &(struct iu_caller){.decided = &decided}, &v);
	said->possible = (said->possible & ~(1u << INUSE_R_OK)) | decided.possible;
	said->outcome = v.outcome;
	said->missing = v.missing;
	if (v.outcome != INUSE_GO) {
		said->result = v.result;
		said->rule = v.rule;
	}
}

struct iu_fuzz_said iu_fuzz_judge(const struct iu_profile *profile, const struct iu_facts *facts, const struct iu_fuzz_call *call)
{
	struct iu_fuzz_said said = {.verdict = {.size = sizeof(said.verdict)}};
	struct iu_caller caller = call->caller;
	struct iu_decided decided = {0};

	caller.decided = &decided;
	iu_judge_call(profile, facts, &call->request, &caller, &said.verdict);
	said.possible = decided.possible;
	said.outcome = said.verdict.outcome;
	said.result = said.outcome == INUSE_GO ? INUSE_R_OK : said.verdict.result;
	said.rule = said.verdict.rule;
	said.missing = said.verdict.missing;
	if (call->request.call == INUSE_CALL_CONNECT && said.outcome == INUSE_GO)
		judge_syn(profile, facts, call, &said);
	return said;
}

bool iu_fuzz_said_agrees(const struct iu_fuzz_said *said, const char *kernel)
{
	if (said->outcome == INUSE_CANNOT_TELL)
		return false;
	/* whether the accept queue has room is not asked of the model */
	if (strcmp(kernel, "EINPROGRESS") == 0)
		return said->outcome == INUSE_GO || (said->possible & (1u << INUSE_R_TIMEDOUT)) != 0;
	/* that it fails may be certain where of two errors either may come */
	for (int i = 0; i < INUSE_N_RESULTS; i++)
		if ((said->possible & (1u << i)) != 0 && strcmp(iu_sim_result_text((enum inuse_result)i), kernel) == 0)
			return true;
	return false;
}

/* sock_diag without privileges: what it shows of which socket, see diag_message.c. */
static uint32_t plainly_known(const struct inuse_socket *s)
{
	uint32_t known = INUSE_KNOW_DEVICE | INUSE_KNOW_INODE;
	bool waits = s->state == INUSE_LISTEN || s->state == INUSE_BOUND;

	if (s->family == 4 || iu_addr_is_mapped(&s->local) || waits)
		known |= INUSE_KNOW_V6ONLY;
	if (!s->mini)
		known |= INUSE_KNOW_UID | INUSE_KNOW_MPTCP;
	if (!s->mini && !waits && s->state != INUSE_SYN_SENT)
		known |= INUSE_KNOW_TIMESTAMPS;
	return known;
}

const struct iu_facts *iu_fuzz_plain_facts(const struct iu_facts *all)
{
	static struct inuse_socket sockets[SOCKETS_MAX];
	static struct iu_facts facts;
	const uint32_t flags = INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT | INUSE_KNOW_V6ONLY | INUSE_KNOW_TIMESTAMPS |
			       INUSE_KNOW_PORT_LOCKED | INUSE_KNOW_MPTCP;

	facts = *all;
	facts.sockets = sockets;
	facts.n_sockets = all->n_sockets < SOCKETS_MAX ? all->n_sockets : SOCKETS_MAX;
	facts.n_buckets = 0;
	facts.buckets_known = false;
	for (size_t i = 0; i < facts.n_sockets; i++) {
		sockets[i] = all->sockets[i];
		sockets[i].known = plainly_known(&sockets[i]);
		sockets[i].flags &= ~flags | sockets[i].known;
		if (sockets[i].mini) /* the timer is told rounded, as the kernel's wheel has it */
			sockets[i].free_slack_ns = 0;
	}
	return &facts;
}

/* ------------------------------------------------------------------------------------- trying out unknowns */

struct unknown {
	size_t socket;
	uint32_t flag;
};

struct trial {
	struct inuse_socket sockets[SOCKETS_MAX];
	struct unknown unknowns[UNKNOWNS_MAX];
	size_t n_unknowns;
	struct iu_facts facts;
	struct iu_bucket bucket;
	struct iu_fuzz_call call;
};

static void find_unknowns(struct trial *t, uint32_t missing)
{
	static const struct {
		uint32_t missing, flag;
	} kinds[] = {
		{INUSE_MISSING_REUSEADDR, INUSE_REUSEADDR}, {INUSE_MISSING_REUSEPORT, INUSE_REUSEPORT},
		{INUSE_MISSING_V6ONLY, INUSE_V6ONLY},       {INUSE_MISSING_TIMESTAMPS, INUSE_TIMESTAMPS},
		{INUSE_MISSING_PORT_LOCKED, INUSE_PORT_LOCKED},
	};

	for (size_t i = 0; i < t->facts.n_sockets; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if ((t->sockets[i].known & kinds[k].flag) == 0 && t->n_unknowns < UNKNOWNS_MAX) {
				/* what is not said to be missing makes no difference, so one value of it will do */
				t->sockets[i].known |= kinds[k].flag;
				if ((missing & kinds[k].missing) != 0)
					t->unknowns[t->n_unknowns++] = (struct unknown){i, kinds[k].flag};
			}
}

/* A memory of the port that lets this very request in. */
static void remember_request(struct trial *t)
{
	const struct inuse_request *r = &t->call.request;

	t->bucket = (struct iu_bucket){.port = r->local.port};
	iu_bucket_remember(&t->bucket, r, false, false, t->facts.features);
}

static void set_unknowns(struct trial *t, uint64_t bits, uint64_t *random, bool all)
{
	for (size_t i = 0; i < t->n_unknowns; i++) {
		struct inuse_socket *s = &t->sockets[t->unknowns[i].socket];
		bool on = all ? (bits >> i & 1) != 0 : iu_fuzz_pick(random, 2) != 0;

		s->flags = on ? s->flags | t->unknowns[i].flag : s->flags & ~t->unknowns[i].flag;
	}
}

/* What comes out as a bit; 0 when it is still open. */
static uint32_t outcome_bit(const struct iu_profile *profile, const struct trial *t)
{
	struct iu_fuzz_said said = iu_fuzz_judge(profile, &t->facts, &t->call);

	if (said.outcome == INUSE_CANNOT_TELL)
		return 0;
	return 1u << (said.outcome == INUSE_GO ? INUSE_R_OK : said.result);
}

bool iu_fuzz_unknown_matters(const struct iu_profile *profile, const struct iu_facts *plain, const struct iu_fuzz_call *call,
			     uint64_t *random)
{
	static struct trial t;
	struct iu_fuzz_said said = iu_fuzz_judge(profile, plain, call);
	uint32_t seen = 0;
	size_t memories = said.missing & INUSE_MISSING_MEMORY ? 2 : 1; /* without one, and with one */
	bool all;
	uint64_t tries;

	/* sequence numbers to come are no field of a socket */
	if ((said.missing & (INUSE_MISSING_SEQUENCE | INUSE_MISSING_DRAW)) != 0)
		return true;
	t.facts = *plain;
	t.n_unknowns = 0;
	t.call = *call;
	memcpy(t.sockets, plain->sockets, plain->n_sockets * sizeof(t.sockets[0]));
	if (call->caller.self != NULL)
		t.call.caller.self = t.sockets + (call->caller.self - plain->sockets);
	t.facts.sockets = t.sockets;
	t.facts.buckets_known = true;
	t.facts.buckets = &t.bucket;
	remember_request(&t);
	find_unknowns(&t, said.missing);
	all = t.n_unknowns <= 12;
	tries = all ? UINT64_C(1) << t.n_unknowns : 4096;
	for (uint64_t i = 0; i < tries; i++) {
		set_unknowns(&t, i, random, all);
		for (size_t m = 0; m < memories; m++) {
			t.facts.n_buckets = m;
			seen |= outcome_bit(profile, &t);
		}
		if ((seen & (seen - 1)) != 0)
			return true;
	}
	return false;
}
