/* SPDX-License-Identifier: MIT */
/*
 * Who stands in the way on the port: overlap, tolerance, and what the bucket remembers. linux-rules 1.2 to 1.4.
 *
 * Theory of operation
 *
 * bind() looks at every owner of the port whose address overlaps the requested one and that is not tolerated. It is
 * enough that one is left. With SO_REUSEPORT it first asks what the bucket remembers of the last such socket, and on a match
 * looks at nobody.
 */
#include "base/address.h"
#include "model/judge.h"

static bool is_v4_side(const struct inuse_addr *a)
{
	return a->family == 4 || iu_addr_is_mapped(a);
}

static bool is_v4_any(const struct inuse_addr *a)
{
	return a->family == 6 ? iu_addr_is_mapped_any(a) : iu_addr_is_any(a);
}

static enum inuse_tri not_v6only(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (o->family == 4 || (iu_addr_is_mapped(&o->local) && !iu_listens_to_nobody(o)))
		return INUSE_YES;
	if (iu_addr_is_mapped(&o->local))
		return INUSE_NO;
	/*
	 * bind() to a genuine IPv6 address has set it (linux v6.18 __inet6_bind()). One that does not listen may have been bound to ::,
	 * have connected, and have been reset: then it has the address of the connection, and not the mark
	 * [dual-stack/reset-client-blocks-v4-wildcard].
	 */
	if (o->state == INUSE_LISTEN && (o->known & INUSE_KNOW_V6ONLY) == 0 && !iu_addr_is_any(&o->local))
		return INUSE_NO;
	return iu_not(iu_socket_has(w, o, INUSE_V6ONLY, INUSE_MISSING_V6ONLY, missing));
}

/*
 * From 6.1 on the wildcards of a port are looked up by address. 0.0.0.0 and ::ffff:0.0.0.0 share a list, which has the form of who was
 * first on it; and until 6.8 an IPv6 socket does not find it in the form of ::ffff:0.0.0.0, so that whoever binds a mapped address
 * there meets nobody on it. linux v6.1 net/ipv4/inet_hashtables.c inet_bind2_bucket_match_addr_any();
 * dual-stack/mapped-wildcard, mapped-wildcard-first. A kernel that does not tell the form of the list has it as its owner has.
 */
static enum inuse_tri overlooks_any4(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	uint32_t features = w->facts->features & (IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR);

	if (features != IU_FEATURE_BHASH2 || !iu_addr_is_mapped(&w->req.local))
		return INUSE_NO;
	for (size_t i = 0; i < w->facts->n_buckets; i++)
		if (w->facts->buckets[i].port == o->local.port && w->facts->buckets[i].any4 != 0)
			return iu_is(w->facts->buckets[i].any4 == 6);
	if (w->facts->buckets_known)
		return iu_is(iu_addr_is_mapped_any(&o->local));
	*missing |= INUSE_MISSING_MEMORY;
	return INUSE_MAYBE;
}

/* A specific address meets wildcards of its side and the identical address. */
static enum inuse_tri specific_overlaps(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	const struct inuse_addr *r = &w->req.local;

	if (o->local.family == 6 && iu_addr_is_any(&o->local))
		return is_v4_side(r) ? not_v6only(w, o, missing) : INUSE_YES;
	if (is_v4_any(&o->local))
		return is_v4_side(r) && !iu_listens_to_nobody(o) ? iu_not(overlooks_any4(w, o, missing)) : INUSE_NO;
	return iu_addr_same(&o->local, r) ? iu_is(!iu_listens_to_nobody(o)) : INUSE_NO;
}

enum inuse_tri iu_owner_overlaps(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	const struct inuse_addr *r = &w->req.local;
	bool genuine6 = o->local.family == 6 && !iu_addr_is_mapped(&o->local);

	if (r->family == 6 && iu_addr_is_mapped_any(r)) {
		if (genuine6 && !iu_addr_is_any(&o->local))
			return INUSE_NO;
		return not_v6only(w, o, missing);
	}
	if (!iu_addr_is_any(r))
		return specific_overlaps(w, o, missing);
	if (r->family == 6)
		return iu_is(genuine6 || (w->req.flags & INUSE_V6ONLY) == 0);
	/* 0.0.0.0 meets IPv6 connections, too, if their socket was not v6only [D10 D12] */
	return not_v6only(w, o, missing);
}

enum inuse_tri iu_pred_no_overlap(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_not(iu_owner_overlaps(w, o, missing));
}

enum inuse_tri iu_pred_devices_differ(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (w->req.device == 0)
		return INUSE_NO;
	if (!iu_socket_device_known(w, o)) {
		*missing |= INUSE_MISSING_DEVICE;
		return INUSE_MAYBE;
	}
	return iu_is(o->device != 0 && o->device != w->req.device);
}

enum inuse_tri iu_pred_both_reuse(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if ((w->req.flags & INUSE_REUSEADDR) == 0 || o->state == INUSE_LISTEN)
		return INUSE_NO;
	return iu_socket_has(w, o, INUSE_REUSEADDR, INUSE_MISSING_REUSEADDR, missing);
}

/* Before 6.17 what nobody has open counts as root's: linux v6.16 net/core/sock.c sock_i_uid(); bind/orphan-of-another-user. */
static bool counts_as_roots(const struct iu_world *w, const struct inuse_socket *o)
{
	return (w->facts->features & IU_FEATURE_ORPHAN_UID) == 0 && (o->known & INUSE_KNOW_HAS_FILE) != 0 &&
	       (o->flags & INUSE_HAS_FILE) == 0;
}

static enum inuse_tri same_uid(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (o->mini)
		return INUSE_YES; /* the uid of what is left in TIME-WAIT is not compared [T14] */
	if (counts_as_roots(w, o))
		return iu_is(w->req.uid == 0);
	if ((o->known & INUSE_KNOW_UID) == 0) {
		*missing |= INUSE_MISSING_UID;
		return INUSE_MAYBE;
	}
	return iu_is(o->uid == w->req.uid);
}

enum inuse_tri iu_pred_both_reuseport(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	uint32_t lacking = 0, uid_lacks = 0;
	enum inuse_tri set, same;

	if ((w->req.flags & INUSE_REUSEPORT) == 0 || (w->req.flags & INUSE_GROUP) != 0)
		return INUSE_NO;
	set = iu_socket_has(w, o, INUSE_REUSEPORT, INUSE_MISSING_REUSEPORT, &lacking);
	same = same_uid(w, o, &uid_lacks);
	return iu_both(set, lacking, same, uid_lacks, missing);
}

enum inuse_tri iu_pred_owner_listens(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(o->state == INUSE_LISTEN);
}

enum inuse_tri iu_pred_owner_mini(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(o->mini);
}

enum inuse_tri iu_pred_owner_bound(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(o->state == INUSE_BOUND);
}

enum inuse_tri iu_owner_blocks(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing,
			       const char **ret_rule)
{
	bool may_block = false, may_pass = false;
	uint32_t lacking = 0;

	*ret_rule = NULL;
	for (size_t i = 0; i < w->profile->n_owners; i++) {
		const struct iu_owner_rule *r = &w->profile->owners[i];
		enum inuse_tri when = r->when != NULL ? r->when(w, o, &lacking) : INUSE_YES;

		if (when == INUSE_NO)
			continue;
		if (r->then != INUSE_R_OK && *ret_rule == NULL)
			*ret_rule = r->id;
		may_block |= r->then != INUSE_R_OK;
		may_pass |= r->then == INUSE_R_OK;
		if (when == INUSE_YES) {
			if (w->caller.decided != NULL && i < IU_MAX_OWNER_RULES)
				w->caller.decided->owners[i]++;
			break;
		}
	}
	if (may_block && may_pass)
		*missing |= lacking;
	return may_block ? (may_pass ? INUSE_MAYBE : INUSE_YES) : INUSE_NO;
}

/* What explains most comes first: a listener before a bound socket before a connection before remains. */
static int telling(const struct inuse_socket *o, bool certain)
{
	int rank = o->state == INUSE_LISTEN ? 4 : o->state == INUSE_BOUND ? 3 : o->mini ? 1 : 2;

	return rank + (certain ? 8 : 0);
}

void iu_scan_add(struct iu_scan *scan, const struct inuse_socket *o, const char *rule, bool certain)
{
	uint32_t at;

	/* bind() and connect() may both meet it */
	for (uint32_t i = 0; i < scan->n_shown; i++)
		if (scan->shown[i] == o) {
			scan->certain[i] |= certain;
			return;
		}
	at = scan->n_shown < INUSE_MAX_SHOWN ? scan->n_shown++ : INUSE_MAX_SHOWN;
	scan->n += o->count ? o->count : 1;
	scan->n_by_state[o->state < INUSE_N_STATES ? o->state : 0] += o->count ? o->count : 1;
	if (o->free_at_ns == 0)
		scan->all_expire = false;
	else if (o->free_at_ns + o->free_slack_ns > scan->free_at_ns + scan->free_slack_ns) {
		scan->free_at_ns = o->free_at_ns;
		scan->free_slack_ns = o->free_slack_ns;
	}
	/* insertion sort into the few that are shown */
	while (at > 0) {
		const struct inuse_socket *before = scan->shown[at - 1];
		int a = telling(o, certain), b = telling(before, scan->certain[at - 1]);

		if (a < b || (a == b && o->free_at_ns <= before->free_at_ns))
			break;
		if (at < INUSE_MAX_SHOWN) {
			scan->shown[at] = before;
			scan->rule[at] = scan->rule[at - 1];
			scan->certain[at] = scan->certain[at - 1];
		}
		at--;
	}
	if (at < INUSE_MAX_SHOWN) {
		scan->shown[at] = o;
		scan->rule[at] = rule;
		scan->certain[at] = certain;
	}
}

enum inuse_tri iu_owners_answer(const struct iu_world *w, enum inuse_result result, uint32_t *missing)
{
	enum inuse_tri any = INUSE_NO;

	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];

		for (size_t r = 0; iu_socket_is_owner(w, o, w->req.local.port) && r < w->profile->n_owners; r++) {
			enum inuse_tri when = w->profile->owners[r].when ? w->profile->owners[r].when(w, o, missing) : INUSE_YES;

			if (when == INUSE_NO)
				continue;
			any = iu_or(any, w->profile->owners[r].then == result ? when : INUSE_NO);
			if (when == INUSE_YES)
				break;
		}
	}
	return any;
}

enum inuse_tri iu_pred_no_conflict(struct iu_world *w, uint32_t *missing)
{
	enum inuse_tri any = INUSE_NO;

	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];
		const char *rule;
		enum inuse_tri blocks;

		if (!iu_socket_is_owner(w, o, w->req.local.port))
			continue;
		blocks = iu_owner_blocks(w, o, missing, &rule);
		if (blocks != INUSE_NO)
			iu_scan_add(&w->scan, o, rule, blocks == INUSE_YES);
		any = iu_or(any, blocks);
	}
	if (any != INUSE_YES && !iu_port_covered(w->facts, w->req.local.port)) {
		*missing |= INUSE_MISSING_COVERAGE;
		return INUSE_MAYBE;
	}
	return iu_not(any);
}

static bool has_owners(const struct iu_world *w, enum inuse_state state)
{
	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];

		if (iu_socket_is_owner(w, o, w->req.local.port) && (state == INUSE_STATE_UNKNOWN || o->state == state))
			return true;
	}
	return false;
}

enum inuse_tri iu_pred_repair(struct iu_world *w, uint32_t *missing)
{
	return iu_is((w->req.flags & INUSE_REPAIR) != 0);
}

static bool addr4_is_any(const struct inuse_addr *a)
{
	return (a->ip[0] | a->ip[1] | a->ip[2] | a->ip[3]) == 0;
}

/* The IPv4 shadow that a socket's address has in the kernel: its own, 0.0.0.0 for ::, 127.0.0.6 for a genuine IPv6 one. */
static struct inuse_addr shadow4(const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	if (u.family == 4)
		return u;
	if (iu_addr_is_any(a))
		return iu_addr_any(4, a->port);
	return (struct inuse_addr){.family = 4, .port = a->port, .ip = {127, 0, 0, 6}};
}

static bool remembered_covers(const struct iu_bucket *b, const struct inuse_addr *r, bool r_v6only)
{
	struct inuse_addr r4 = shadow4(r);
	bool both_v4 = addr4_is_any(&b->addr4) || iu_addr_same(&b->addr4, &r4);

	if (b->family == 4)
		return !r_v6only && both_v4;
	if (iu_addr_is_mapped(&b->addr6) && is_v4_side(r))
		return !r_v6only && both_v4;
	/* :: that takes IPv4 as well covers everything, a v6only one only what is not IPv4 */
	if (iu_addr_is_any(&b->addr6))
		return !(b->v6only && is_v4_side(r));
	return r->family == 6 && iu_addr_same(&b->addr6, r);
}

bool iu_bucket_lets_in(const struct iu_bucket *b, const struct inuse_request *r)
{
	if ((r->flags & INUSE_REUSEPORT) == 0 || (r->flags & INUSE_GROUP) != 0 || b->fastreuseport <= 0 || b->uid != r->uid)
		return false;
	/* 1: any address, only before 6.8; 2: the remembered one */
	return b->fastreuseport == 1 || remembered_covers(b, &r->local, (r->flags & INUSE_V6ONLY) != 0);
}

void iu_bucket_remember(struct iu_bucket *b, const struct inuse_request *r, bool first, bool listening, uint32_t features)
{
	bool reuse = (r->flags & (INUSE_REUSEADDR | INUSE_REPAIR)) != 0 && !listening;
	bool v6 = r->local.family == 6;

	/* since 6.8 the socket is on the bucket before this is asked, so that nobody is ever the first [B16] */
	first &= (features & IU_FEATURE_OWNERS_BY_ADDR) == 0;
	if (first)
		b->fastreuse = reuse;
	else if (!reuse)
		b->fastreuse = 0;
	if ((r->flags & INUSE_REUSEPORT) == 0) {
		b->fastreuseport = 0;
		return;
	}
	if (!first && iu_bucket_lets_in(b, r))
		return;
	b->fastreuseport = first ? 1 : 2;
	b->uid = r->uid;
	b->family = r->local.family;
	b->v6only = v6 && (r->flags & INUSE_V6ONLY) != 0;
	b->addr4 = shadow4(&r->local);
	b->addr6 = v6 ? r->local : (struct inuse_addr){.family = 6, .port = r->local.port};
	b->addr6.scope = 0; /* the kernel does not remember it: bind/reuseport-memory-ignores-scopes */
}

enum inuse_tri iu_pred_reuseport_memory(struct iu_world *w, uint32_t *missing)
{
	const struct iu_bucket *b = w->bucket;

	if ((w->req.flags & INUSE_REUSEPORT) == 0 || (w->req.flags & INUSE_GROUP) != 0 ||
	    !has_owners(w, INUSE_STATE_UNKNOWN))
		return INUSE_NO;
	if (!w->facts->buckets_known && b == NULL) {
		*missing |= INUSE_MISSING_MEMORY;
		return INUSE_MAYBE;
	}
	return iu_is(b != NULL && iu_bucket_lets_in(b, &w->req));
}

enum inuse_tri iu_pred_reuse_memory(struct iu_world *w, uint32_t *missing)
{
	/* a listener has cleared the mark by its own listen(), which asks as if it lacked SO_REUSEADDR: linux v6.1 inet_csk_get_port() */
	if (w->req.call == INUSE_CALL_LISTEN || (w->req.flags & INUSE_REUSEADDR) == 0 || has_owners(w, INUSE_LISTEN) ||
	    !has_owners(w, INUSE_STATE_UNKNOWN))
		return INUSE_NO;
	if (!w->facts->buckets_known && w->bucket == NULL) {
		*missing |= INUSE_MISSING_MEMORY;
		return INUSE_MAYBE;
	}
	return iu_is(w->bucket != NULL && w->bucket->fastreuse > 0);
}
