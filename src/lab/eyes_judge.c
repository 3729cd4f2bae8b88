/* SPDX-License-Identifier: MIT */
/* What the model says of a call by given facts, and whether what it does not know makes a difference. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "lab/eyes.h"
#include "model/unknowns.h"

#define SOCKETS_MAX 256
#define TRIES_MAX 4096

/* The SYN of a connect() that found its port. */
static void judge_syn(const struct iu_profile *profile, const struct iu_facts *facts, const struct iu_eyes_call *call,
		      struct iu_eyes_said *said)
{
	struct inuse_request syn = INUSE_REQUEST_INIT;
	struct inuse_verdict v = {.size = sizeof(v)};
	struct inuse_addr from = call->request.local;
	struct iu_decided decided = {0};
	struct iu_world w;

	iu_world_start(&w, profile, facts, &call->request, &call->caller);
	if (!iu_dials_from(facts, &from, &call->request.remote))
		from = facts->n_routes > 0 ? facts->routes[0].source : (struct inuse_addr){0};
	from.port = call->request.local.port != 0 ? call->request.local.port : call->chosen;
	if (from.family == 0 || from.port == 0 || iu_answer_is_lost(facts, w.req.device, &from, &call->request.remote) ||
	    iu_reset_is_lost(facts, &from, &call->request.remote) || iu_addr_is_local(facts, &call->request.remote) != INUSE_YES ||
	    (from.port == call->request.remote.port && iu_addr_same(&from, &call->request.remote)))
		return;
	syn.call = INUSE_CALL_ACCEPT;
	syn.local = call->request.remote;
	syn.remote = from;
	syn.device = w.req.device;
	iu_judge_call(profile, facts, &syn, &(struct iu_caller){.decided = &decided}, &v);
	said->possible = (said->possible & ~(1u << INUSE_R_OK)) | decided.possible;
	said->outcome = v.outcome;
	said->missing = v.missing;
	if (v.outcome != INUSE_GO) {
		said->result = v.result;
		said->rule = v.rule;
	}
}

struct iu_eyes_said iu_eyes_judge(const struct iu_profile *profile, const struct iu_facts *facts, const struct iu_eyes_call *call)
{
	struct iu_eyes_said said = {.verdict = {.size = sizeof(said.verdict)}};
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

bool iu_eyes_said_agrees(const struct iu_eyes_said *said, const char *kernel)
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

/* An ordinary user's view of the simulated sockets. Borrowed until the next call. */
static const struct iu_facts *plain_facts(const struct iu_facts *all)
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

/* The same call, of the socket's own entry among these facts. */
static struct iu_eyes_call as_user(const struct iu_facts *plain, const struct iu_facts *simulated, const struct iu_eyes_call *call)
{
	struct iu_eyes_call r = *call;

	if (r.caller.self != NULL)
		r.caller.self = plain->sockets + (r.caller.self - simulated->sockets);
	return r;
}

struct iu_eyes_said iu_eyes_judge_user(const struct iu_profile *profile, const struct iu_facts *simulated, const struct iu_eyes_call *call)
{
	const struct iu_facts *plain = plain_facts(simulated);
	struct iu_eyes_call same = as_user(plain, simulated, call);

	return iu_eyes_judge(profile, plain, &same);
}

struct iu_eyes_said iu_eyes_judge_bucket(const struct iu_profile *profile, struct iu_eyes *eyes, const struct iu_facts *simulated,
					 const struct iu_eyes_call *call)
{
	const struct iu_facts *seen = iu_eyes_facts(eyes, simulated);
	struct iu_eyes_call same = *call;

	same.caller.self = NULL;
	for (size_t i = 0; same.inode != 0 && i < seen->n_sockets; i++)
		if (seen->sockets[i].inode == same.inode && !seen->sockets[i].mini)
			same.caller.self = &seen->sockets[i];
	return iu_eyes_judge(profile, seen, &same);
}

bool iu_eyes_said_open(const struct iu_eyes_said *said)
{
	return said->outcome == INUSE_CANNOT_TELL && said->missing == INUSE_MISSING_SEQUENCE;
}

void iu_eyes_say_wrong(const char *eyes, const struct iu_eyes_said *said, const char *kernel, char *why, size_t size)
{
	static const char *const outcomes[] = {"OK", "", "cannot tell"};

	snprintf(why, size, "the kernel says %s; the model, by what %s: %s (rule %s, missing 0x%x)", kernel, eyes,
		 said->outcome == INUSE_FAIL ? iu_sim_result_text(said->result) : outcomes[said->outcome],
		 said->rule != NULL ? said->rule : "-", said->missing);
}

/* ------------------------------------------------------------------------------------- trying out unknowns */

/* What comes out as a bit; 0 when it is still open. */
static uint32_t outcome_bit(const struct iu_profile *profile, const struct iu_unknowns *u, const struct iu_eyes_call *call)
{
	struct iu_eyes_call completed = *call;
	struct iu_eyes_said said;

	completed.request = u->request;
	completed.caller = u->caller;
	said = iu_eyes_judge(profile, &u->facts, &completed);
	if (said.outcome == INUSE_CANNOT_TELL)
		return 0;
	return 1u << (said.outcome == INUSE_GO ? INUSE_R_OK : said.result);
}

bool iu_eyes_unknown_matters(const struct iu_profile *profile, const struct iu_facts *simulated, const struct iu_eyes_call *asked,
			     uint64_t *random)
{
	static struct iu_unknowns u;
	const struct iu_facts *plain = plain_facts(simulated);
	struct iu_eyes_call same = as_user(plain, simulated, asked), *call = &same;
	struct iu_eyes_said said = iu_eyes_judge(profile, plain, call);
	uint64_t completions, tries;
	uint32_t seen = 0;

	/* sequence numbers to come are no field of a socket */
	if ((said.missing & (INUSE_MISSING_SEQUENCE | INUSE_MISSING_DRAW)) != 0)
		return true;
	if (!iu_unknowns_find(&u, plain, &call->request, &call->caller, said.missing))
		return true; /* too many sockets for that */
	completions = iu_unknowns_completions(&u);
	tries = completions < TRIES_MAX ? completions : TRIES_MAX;
	for (uint64_t i = 0; i < tries; i++) {
		for (size_t k = 0; tries < completions && k < u.n; k++)
			u.list[k].value = (uint8_t)iu_lab_pick(random, u.list[k].n_values);
		if (tries < completions)
			iu_unknowns_complete(&u);
		else
			iu_unknowns_number(&u, i);
		seen |= outcome_bit(profile, &u, call);
		if ((seen & (seen - 1)) != 0)
			return true;
	}
	return false;
}

unsigned iu_lab_pick(uint64_t *random, unsigned n)
{
	/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators) */
	uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return (unsigned)((z >> 32) * n >> 32);
}
