/* SPDX-License-Identifier: MIT */
/* The judge: runs the tables of a profile. Cause and cures are found by verdict.c. */
#include "model/judge.h"

#include <string.h>

#include "base/address.h"

static const struct iu_bucket *find_bucket(const struct iu_facts *f, uint16_t port)
{
	for (size_t i = 0; i < f->n_buckets; i++)
		if (f->buckets[i].port == port)
			return &f->buckets[i];
	return NULL;
}

/* Where no route was asked for, a host that has but one address to dial another one from dials from that. NULL: it has several. */
static const struct inuse_addr *only_source(const struct iu_facts *f, const struct inuse_addr *remote)
{
	const struct inuse_addr to = iu_addr_unmapped(remote);
	const struct inuse_addr *only = NULL;

	if (!f->locals_known || iu_addr_is_any(&to) || iu_addr_is_loopback(&to) || iu_addr_is_link_local6(&to))
		return NULL;
	for (size_t i = 0; i < f->n_locals; i++) {
		const struct iu_local *l = &f->locals[i];

		if (l->addr.family != to.family || l->broadcast || l->tentative || iu_addr_is_loopback(&l->addr) ||
		    iu_addr_is_link_local6(&l->addr))
			continue;
		if (only != NULL || l->prefix_len != (to.family == 4 ? 32 : 128))
			return NULL;
		only = &l->addr;
	}
	return only;
}

bool iu_dials_from(const struct iu_facts *f, const struct inuse_addr *local, const struct inuse_addr *remote)
{
	if (local->family == 0 || iu_addr_is_any(local) || iu_addr_is_mapped_any(local))
		return false;
	if (local->family == 4)
		return !iu_addr_is_of_many(f, local);
	return iu_addr_is_mapped(local) || !iu_addr_is_mapped(remote);
}

/* The address that connect() gives an unbound socket: its own, else the route's. */
static struct inuse_addr find_source(const struct iu_facts *f, const struct inuse_request *req)
{
	const struct inuse_addr *only;
	struct inuse_addr source = {0};

	if (req->call != INUSE_CALL_CONNECT)
		return req->local;
	if (iu_dials_from(f, &req->local, &req->remote))
		return req->local;
	for (size_t i = 0; i < f->n_routes; i++)
		if (f->routes[i].result == INUSE_R_OK && iu_addr_same(&f->routes[i].remote, &req->remote)) {
			source = f->routes[i].source;
			source.port = req->local.port;
			return source;
		}
	only = only_source(f, &req->remote);
	if (only != NULL)
		source = *only;
	source.port = req->local.port;
	return source;
}

/*
 * connect() to a link-local address binds the socket to the device that the address names; one that names none is of the device that the
 * socket is bound to already. Two that differ stay as they are: the call is refused. linux v6.18 net/ipv6/tcp_ipv6.c tcp_v6_connect()
 */
static void dial_by_scope(struct iu_world *w)
{
	struct inuse_addr *to = &w->req.remote;

	if (!iu_addr_is_link_local6(to))
		return;
	if (to->scope == 0)
		to->scope = w->req.device;
	else if (w->req.device == 0)
		w->req.device = to->scope;
	if (iu_addr_is_link_local6(&w->source) && w->source.scope == 0)
		w->source.scope = w->req.device;
}

static void start(struct iu_world *w, const struct iu_profile *profile, const struct iu_facts *facts,
		  const struct inuse_request *request, const struct iu_world *what_if)
{
	*w = (struct iu_world){.profile = profile, .facts = facts, .req = *request};
	w->family = request->local.family ? request->local.family : request->remote.family;
	if (w->family == 0)
		w->family = 4;
	if (w->req.local.family == 0)
		w->req.local = iu_addr_any(w->family, w->req.local.port);
	if (w->family == 4)
		w->req.flags &= ~(uint32_t)INUSE_V6ONLY; /* an IPv4 socket has no such option */
	else if (!iu_addr_is_any(&w->req.local) && !iu_addr_is_mapped(&w->req.local))
		w->req.flags |= INUSE_V6ONLY; /* bind() to a genuine IPv6 address sets it: linux v6.18 __inet6_bind() */
	/* the scope of the address is what the socket is bound to from then on, whatever was before */
	if (iu_addr_is_link_local6(&w->req.local) && w->req.local.scope != 0)
		w->req.device = w->req.local.scope;
	w->bucket = find_bucket(facts, w->req.local.port);
	w->source = find_source(facts, &w->req);
	w->scan.all_expire = true;
	w->caller.family = w->family;
	if (what_if != NULL) {
		w->without_remains = what_if->without_remains;
		w->without_pid = what_if->without_pid;
		w->old_had_reuseaddr = what_if->old_had_reuseaddr;
	}
}

static bool applies(const struct iu_world *w, const struct iu_call_rule *r, enum inuse_call step)
{
	uint32_t features = w->facts->features;

	if (r->call != step && !(step == INUSE_CALL_LISTEN && (r->families & IU_AGAIN) != 0))
		return false;
	return (r->families & (w->family == 4 ? IU_V4 : IU_V6)) != 0 && (features & r->needs) == r->needs &&
	       (features & r->not_with) == 0;
}

static void note(const struct iu_world *w, size_t row, enum inuse_tri when)
{
	struct iu_decided *d = w->caller.decided;

	if (d == NULL || row >= IU_MAX_CALL_RULES)
		return;
	if (when == INUSE_YES)
		d->calls[row]++;
	else
		d->calls_open[row]++;
}

/*
 * Runs one step's rows. Returns the mask of possible results; the first row that matched or might have is in v. Where all
 * refuse, the one that does so for certain is told, and not one before it that only might.
 */
static uint32_t run_step(struct iu_world *w, enum inuse_call step, struct inuse_verdict *v)
{
	const uint32_t ok = 1u << INUSE_R_OK;
	uint32_t possible = 0;

	for (size_t i = 0; i < w->profile->n_calls; i++) {
		const struct iu_call_rule *r = &w->profile->calls[i];
		uint32_t missing = 0;
		enum inuse_tri when;

		if (!applies(w, r, step))
			continue;
		when = r->when != NULL ? r->when(w, &missing) : INUSE_YES;
		if (when == INUSE_NO)
			continue;
		if (possible == 0 || (v->result == INUSE_R_OK && r->then != INUSE_R_OK) ||
		    (when == INUSE_YES && r->then != INUSE_R_OK && (possible & ok) == 0)) {
			v->rule = r->id;
			v->result = r->then;
			v->step = step;
		}
		possible |= 1u << r->then;
		v->missing |= missing;
		note(w, i, when);
		if (when == INUSE_YES)
			break;
	}
	return possible;
}

static void give_scan(const struct iu_world *w, struct inuse_verdict *v)
{
	const struct iu_scan *s = &w->scan;

	v->ports_total = w->ports_total;
	v->ports_left = w->ports_left;
	/* what memory let in although it stands in the way is not told as a blocker */
	if (v->outcome == INUSE_GO && v->step != INUSE_CALL_CONNECT && v->step != INUSE_CALL_ACCEPT)
		return;
	v->n_blockers = s->n;
	memcpy(v->n_by_state, s->n_by_state, sizeof(v->n_by_state));
	v->n_shown = s->n_shown;
	memcpy(v->shown, s->shown, sizeof(v->shown));
	if (v->outcome != INUSE_GO && s->n > 0 && s->all_expire) {
		v->free_at_ns = s->free_at_ns;
		v->free_slack_ns = s->free_slack_ns;
	}
	if (v->result == INUSE_R_ADDRINUSE && s->n_shown > 0 && s->rule[0] != NULL)
		v->rule = s->rule[0];
}

/* Turns the mask of possible results into the outcome. */
static void finish(const struct iu_world *w, uint32_t possible, struct inuse_verdict *v)
{
	const uint32_t ok = 1u << INUSE_R_OK;

	v->outcome = possible == ok ? INUSE_GO : (possible & ok) != 0 ? INUSE_CANNOT_TELL : INUSE_FAIL;
	if (v->outcome != INUSE_CANNOT_TELL)
		v->missing = 0;
	give_scan(w, v);
}

void iu_world_start(struct iu_world *w, const struct iu_profile *profile, const struct iu_facts *facts,
		    const struct inuse_request *request, const struct iu_caller *caller)
{
	start(w, profile, facts, request, NULL);
	/* what bind() would set is set already, or it was not bind() that gave it the address */
	if (request->call == INUSE_CALL_CONNECT && w->family == 6)
		w->req.flags = (w->req.flags & ~(uint32_t)INUSE_V6ONLY) | (request->flags & INUSE_V6ONLY);
	if (request->call == INUSE_CALL_CONNECT)
		dial_by_scope(w);
	w->caller = *caller;
	if (w->caller.family != 0)
		w->family = w->caller.family;
}

void iu_judge_call(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
		   const struct iu_caller *caller, struct inuse_verdict *ret_verdict)
{
	struct inuse_verdict v = {.size = sizeof(v), .request = *request, .now_ns = facts->now_ns, .unseen = facts->unseen};
	struct iu_world w;
	uint32_t possible;

	iu_world_start(&w, profile, facts, request, caller);
	possible = run_step(&w, request->call, &v);
	if (caller->decided != NULL)
		caller->decided->possible = possible;
	/* a profile that has no rows for this call has nothing against it */
	finish(&w, possible != 0 ? possible : 1u << INUSE_R_OK, &v);
	*ret_verdict = v;
}

enum inuse_tri iu_judge_owner(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
			      const struct iu_caller *caller, const struct inuse_socket *socket, const char **ret_rule)
{
	enum inuse_tri blocks;
	struct iu_world w;
	uint32_t missing = 0;

	iu_world_start(&w, profile, facts, request, caller);
	*ret_rule = NULL;
	if (!iu_socket_is_owner(&w, socket, request->local.port))
		return INUSE_NO;
	blocks = iu_owner_blocks(&w, socket, &missing, ret_rule);
	/* what stands in nobody's way is passed by the first row that says so */
	for (size_t i = 0; *ret_rule == NULL && i < profile->n_owners; i++)
		if (profile->owners[i].when == NULL || profile->owners[i].when(&w, socket, &missing) != INUSE_NO)
			*ret_rule = profile->owners[i].id;
	return blocks;
}

void iu_judge_bare(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
		   const struct iu_world *what_if, struct inuse_verdict *ret_verdict)
{
	const uint32_t ok = 1u << INUSE_R_OK;
	struct inuse_verdict v = {.size = sizeof(v), .request = *request, .now_ns = facts->now_ns, .unseen = facts->unseen};
	struct iu_world w;
	uint32_t possible = ok;

	start(&w, profile, facts, request, what_if);
	if (request->call == INUSE_CALL_ACCEPT)
		possible = run_step(&w, INUSE_CALL_ACCEPT, &v);
	else if (request->call != INUSE_CALL_CONNECT || w.req.local.port != 0)
		possible = run_step(&w, INUSE_CALL_BIND, &v);
	/* connect() comes only after a good bind(); a bind that may fail leaves what connect says possible as well */
	if (request->call == INUSE_CALL_CONNECT && (possible & ok) != 0) {
		struct inuse_verdict connect = v;
		struct iu_scan at_bind = w.scan;
		uint32_t later;
		bool certain;

		w.scan = (struct iu_scan){.all_expire = true};
		connect.missing = 0;
		dial_by_scope(&w);
		later = run_step(&w, INUSE_CALL_CONNECT, &connect);
		/* where connect() fails for certain, and a bind() that only may fail would say the same, it is connect()'s story */
		certain = later == 1u << connect.result && connect.result == v.result;
		if (possible == ok || certain) {
			v = connect;
		} else { /* both may be in the way: those of both are told */
			w.scan = at_bind;
			v.missing |= connect.missing;
			run_step(&w, INUSE_CALL_CONNECT, &connect);
		}
		possible = (possible & ~ok) | later;
	}
	if (request->call == INUSE_CALL_LISTEN && v.step == INUSE_CALL_BIND && possible == ok)
		v.step = INUSE_CALL_LISTEN;
	finish(&w, possible, &v);
	v.as_far_as_seen = v.outcome == INUSE_GO && (facts->unseen & (INUSE_MISSING_BOUND | INUSE_MISSING_PARTIAL)) != 0;
	*ret_verdict = v;
}

bool iu_decided_by(const struct inuse_verdict *v, const char *rule)
{
	return v->rule != NULL && strcmp(v->rule, rule) == 0;
}

const struct iu_call_rule *iu_call_rule_find(const struct iu_profile *profile, const char *id)
{
	for (size_t i = 0; id != NULL && i < profile->n_calls; i++)
		if (strcmp(profile->calls[i].id, id) == 0)
			return &profile->calls[i];
	return NULL;
}

const struct iu_owner_rule *iu_owner_rule_find(const struct iu_profile *profile, const char *id)
{
	for (size_t i = 0; id != NULL && i < profile->n_owners; i++)
		if (strcmp(profile->owners[i].id, id) == 0)
			return &profile->owners[i];
	return NULL;
}
