/* SPDX-License-Identifier: MIT */
/* What is not known in given facts, and every value that it may have. */
#include "model/unknowns.h"

#include <string.h>

#include "base/address.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

enum kind {
	OPTION,     /* of a socket */
	DEVICE,     /* of a socket: none, that of the call, another */
	USER,       /* of a socket: that of the call, another */
	AGE,        /* of a TIME-WAIT */
	SETTING,
	PORT_RANGE, /* of automatic ports: a wide one, one port */
	PRIVILEGE,  /* of the caller */
	LOCAL,      /* is an address one of this host: the local, the remote one */
	SOURCE,     /* the address that connect() comes from */
	LISTENER,   /* on a port that is not covered */
	SEQUENCE,   /* of the SYN to come */
	MEMORY,     /* of a port */
};

static bool is_connection(const struct inuse_socket *s)
{
	return s->state != INUSE_LISTEN && s->state != INUSE_BOUND;
}

static bool is_wildcard(const struct inuse_addr *a)
{
	return iu_addr_is_any(a) || iu_addr_is_mapped_any(a);
}

/* ------------------------------------------------------------------------------------------------- finding */

struct search {
	struct iu_unknowns *u;
	uint32_t missing;
	bool full;
};

static void found(struct search *s, enum kind kind, uint32_t missing, unsigned n_values, size_t of, uint32_t flag)
{
	struct iu_unknowns *u = s->u;

	/* what is not asked for has its first value: one value of it will do */
	if ((s->missing & missing) == 0)
		n_values = 1;
	if (u->n == IU_UNKNOWNS_MAX)
		s->full = true;
	else
		u->list[u->n++] = (struct iu_unknown){missing, (uint8_t)kind, (uint8_t)n_values, 0, (uint32_t)of, flag};
}

/* Does a rule read that option of such a socket? */
static bool is_read(const struct inuse_socket *o, uint32_t flag, enum iu_system os)
{
	if (flag == INUSE_V6ONLY)
		return o->family == 6 && !iu_addr_is_mapped(&o->local) && (is_wildcard(&o->local) || o->state != INUSE_LISTEN);
	if (flag == INUSE_TIMESTAMPS)
		return o->mini;
	if (flag == INUSE_PORT_LOCKED)
		return is_connection(o);
	return flag != INUSE_EXCLUSIVE || os == IU_SYSTEM_windows;
}

/* Is it not known for how long a TIME-WAIT has been one, or is that less than what the kernel's clock can tell? See is_old_enough(). */
static bool is_age_open(const struct iu_facts *f, const struct inuse_socket *o)
{
	int64_t entered_ns = o->since_ns != 0 ? o->since_ns : o->free_at_ns - INT64_C(60000000000), age_ns = f->now_ns - entered_ns;

	return (o->free_at_ns == 0 && o->since_ns == 0) ||
	       ((f->features & IU_FEATURE_TW_DELAY) == 0 && age_ns > 0 && age_ns < INT64_C(1000000000));
}

static void find_of_socket(struct search *s, size_t i)
{
	static const struct {
		uint32_t missing, flag;
	} options[] = {
		{INUSE_MISSING_REUSEADDR, INUSE_REUSEADDR}, {INUSE_MISSING_REUSEPORT, INUSE_REUSEPORT},
		{INUSE_MISSING_V6ONLY, INUSE_V6ONLY},       {INUSE_MISSING_TIMESTAMPS, INUSE_TIMESTAMPS},
		{INUSE_MISSING_PORT_LOCKED, INUSE_PORT_LOCKED}, {INUSE_MISSING_REUSEADDR, INUSE_EXCLUSIVE},
	};
	const struct iu_facts *f = s->u->given;
	const struct inuse_socket *o = &f->sockets[i];
	int64_t delay_ms;

	for (size_t k = 0; k < ROWS(options); k++)
		if ((o->known & options[k].flag) == 0 && is_read(o, options[k].flag, f->os))
			found(s, OPTION, options[k].missing, 2, i, options[k].flag);
	if ((o->known & INUSE_KNOW_DEVICE) == 0 && f->os == IU_SYSTEM_linux)
		found(s, DEVICE, INUSE_MISSING_DEVICE, 3, i, 0);
	if ((o->known & INUSE_KNOW_UID) == 0)
		found(s, USER, INUSE_MISSING_UID, 2, i, 0);
	if (o->mini && o->state == INUSE_TIME_WAIT && (!iu_setting(f, IU_SET_TW_REUSE_DELAY, &delay_ms) || delay_ms > 0) && is_age_open(f, o))
		found(s, AGE, INUSE_MISSING_TIMER, 2, i, 0);
}

static void find_settings(struct search *s)
{
	static const struct {
		enum iu_setting setting;
		unsigned n_values;
	} rows[] = {{IU_SET_UNPRIVILEGED_PORT_START, 3}, {IU_SET_NONLOCAL_BIND, 2}, {IU_SET_NONLOCAL_BIND6, 2}, {IU_SET_AUTOBIND_REUSE, 2},
		    {IU_SET_TW_REUSE, 3}, {IU_SET_TW_REUSE_DELAY, 2}, {IU_SET_RFC1337, 2}};
	const struct iu_facts *f = s->u->given;
	int64_t first, last;
	bool range;

	for (size_t i = 0; f->os == IU_SYSTEM_linux && i < ROWS(rows); i++)
		if ((f->settings_known & 1u << rows[i].setting) == 0)
			found(s, SETTING, INUSE_MISSING_SETTING, rows[i].n_values, rows[i].setting, 0);
	range = iu_setting(f, IU_SET_RANGE_FIRST, &first) && iu_setting(f, IU_SET_RANGE_LAST, &last);
	if (!range || (f->n_covered != 0 && s->u->asked->local.port == 0))
		found(s, PORT_RANGE, INUSE_MISSING_RANGE, (unsigned)(f->n_sockets < 200 ? 2 + f->n_sockets : 200), 0, 0);
}

/* Addresses that are none of this host's as far as is known, and could be. */
static void find_addresses(struct search *s)
{
	const struct inuse_request *r = s->u->asked;
	const struct iu_facts *f = s->u->given;

	if (!is_wildcard(&r->local) && iu_addr_is_local(f, &r->local) == INUSE_MAYBE)
		found(s, LOCAL, INUSE_MISSING_ADDRESSES, 2, 0, 0);
	if (r->call == INUSE_CALL_CONNECT && !iu_addr_same(&r->local, &r->remote) && iu_addr_is_local(f, &r->remote) == INUSE_MAYBE)
		found(s, LOCAL, INUSE_MISSING_ADDRESSES, 2, 1, 0);
}

/* Where connect() may come from: an address of its own, the one that is dialled, and those from which connections like it came. */
static bool source_of(const struct iu_unknowns *u, unsigned value, struct inuse_addr *ret)
{
	const struct inuse_request *r = u->asked;

	*ret = (struct inuse_addr){.family = iu_addr_unmapped(&r->remote).family};
	ret->ip[0] = ret->family == 4 ? 203 : 0xfd; /* documentation, private: nobody else has it */
	if (value-- == 0)
		return true;
	*ret = r->remote;
	if (value-- == 0)
		return true;
	for (size_t i = 0; i < u->given->n_sockets; i++) {
		const struct inuse_socket *o = &u->given->sockets[i];

		if (!is_connection(o))
			continue;
		/* it dialled the same, or it is the other end */
		*ret = iu_addr_same(&o->remote, &r->remote) ? o->local : o->remote;
		if ((iu_addr_same(&o->remote, &r->remote) || iu_addr_same(&o->local, &r->remote)) && value-- == 0)
			return true;
	}
	return false;
}

static void find_source(struct search *s, const struct iu_caller *caller)
{
	struct inuse_addr source;
	struct iu_world w;
	unsigned n = 0;

	iu_world_start(&w, &iu_profile_linux, s->u->given, s->u->asked, caller);
	if (s->u->asked->call != INUSE_CALL_CONNECT || w.source.family != 0)
		return;
	while (n < UINT8_MAX && source_of(s->u, n, &source))
		n++;
	found(s, SOURCE, INUSE_MISSING_ROUTE, n, 0, 0);
}

static void find_coverage(struct search *s)
{
	const struct inuse_request *r = s->u->asked;

	if (r->local.port != 0 && !iu_port_covered(s->u->given, r->local.port))
		found(s, LISTENER, INUSE_MISSING_COVERAGE, 2, 0, 0);
	if (r->call == INUSE_CALL_CONNECT && r->local.port != 0 && !iu_port_covered(s->u->given, r->remote.port))
		found(s, LISTENER, INUSE_MISSING_COVERAGE, 2, 1, 0);
}

/* Such a socket holds its port: the memory of a port is that of TCP in this namespace, and of no half-open request. */
static bool holds(const struct iu_facts *f, const struct inuse_socket *o, uint16_t port)
{
	return o->local.port == port && o->proto == INUSE_PROTO_TCP && iu_socket_is_here(f, o) && !iu_socket_is_request(o);
}

static bool has_owner(const struct iu_facts *f, uint16_t port)
{
	for (size_t i = 0; i < f->n_sockets; i++)
		if (holds(f, &f->sockets[i], port))
			return true;
	return false;
}

/* Does somebody there keep connect() from sharing the port? MAYBE: one that is bound, and may have moved (pred_ports.c). */
static enum inuse_tri is_marked(const struct iu_facts *f, uint16_t port)
{
	enum inuse_tri marked = INUSE_NO;

	for (size_t i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *o = &f->sockets[i];
		bool may_have_moved = (f->features & IU_FEATURE_CONNECT_BIND) != 0 && o->state == INUSE_BOUND;

		if (holds(f, o, port) && (!is_connection(o) || (o->flags & INUSE_PORT_LOCKED) != 0))
			marked = iu_or(marked, may_have_moved ? INUSE_MAYBE : INUSE_YES);
	}
	return marked;
}

static bool has_bucket(const struct iu_facts *f, uint16_t port)
{
	for (size_t i = 0; i < f->n_buckets; i++)
		if (f->buckets[i].port == port)
			return true;
	return false;
}

/* Does it matter who was first on 0.0.0.0? See overlooks_any4() in pred_conflict.c. */
static bool is_any4_read(const struct iu_facts *f, const struct inuse_request *r)
{
	return (f->features & (IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR)) == IU_FEATURE_BHASH2 && iu_addr_is_mapped(&r->local);
}

static void find_memory(struct search *s)
{
	const struct iu_facts *f = s->u->given;
	const struct inuse_request *r = s->u->asked;

	if (f->buckets_known)
		return;
	if (r->local.port != 0) {
		if (has_owner(f, r->local.port) && !has_bucket(f, r->local.port))
			found(s, MEMORY, INUSE_MISSING_MEMORY, is_any4_read(f, r) ? 4 : 2, r->local.port, 0);
		return;
	}
	for (size_t i = 0; i < f->n_sockets; i++) {
		bool again = has_bucket(f, f->sockets[i].local.port);

		for (size_t k = 0; k < s->u->n; k++)
			again |= s->u->list[k].kind == MEMORY && s->u->list[k].of == f->sockets[i].local.port;
		if (!again)
			found(s, MEMORY, INUSE_MISSING_MEMORY, is_any4_read(f, r) ? 4 : 2, f->sockets[i].local.port, 0);
	}
}

bool iu_unknowns_find(struct iu_unknowns *u, const struct iu_facts *facts, const struct inuse_request *request,
		      const struct iu_caller *caller, uint32_t missing)
{
	struct search s = {.u = u, .missing = missing};

	if (facts->n_sockets > IU_UNKNOWNS_SOCKETS || facts->n_locals > IU_UNKNOWNS_MORE || facts->n_routes > IU_UNKNOWNS_MORE ||
	    (!facts->buckets_known && facts->n_buckets > IU_UNKNOWNS_MORE))
		return false;
	u->given = facts;
	u->asked = request;
	u->caller = *caller;
	u->n = 0;
	if (caller->self != NULL)
		u->caller.self = u->sockets + (caller->self - facts->sockets);
	for (size_t i = 0; i < facts->n_sockets; i++)
		find_of_socket(&s, i);
	find_settings(&s);
	if (request->may_bind_low == INUSE_MAYBE)
		found(&s, PRIVILEGE, INUSE_MISSING_PRIVILEGE, 2, 0, 0);
	find_addresses(&s);
	find_source(&s, caller);
	find_coverage(&s);
	if (request->call == INUSE_CALL_ACCEPT && !caller->syn.known)
		found(&s, SEQUENCE, INUSE_MISSING_SEQUENCE, 3, 0, 0);
	find_memory(&s);
	return !s.full;
}

/* ---------------------------------------------------------------------------------------------- completing */

static void complete_setting(struct iu_unknowns *u, enum iu_setting setting, unsigned value)
{
	static const int64_t low_ports[] = {1024, 0, 65536}, delays[] = {0, INT64_C(86400000)};

	u->facts.settings_known |= 1u << setting;
	u->facts.settings[setting] = setting == IU_SET_UNPRIVILEGED_PORT_START ? low_ports[value] :
				     setting == IU_SET_TW_REUSE_DELAY ? delays[value] : value;
}

static void add_listener(struct iu_unknowns *u, const struct inuse_addr *at)
{
	struct inuse_socket *o = &u->sockets[u->facts.n_sockets++];

	*o = (struct inuse_socket){.state = INUSE_LISTEN, .known = ~(uint32_t)INUSE_KNOW_OWNER, .count = 1, .local = *at};
	if (o->local.family == 0)
		o->local.family = 4;
	o->family = o->local.family;
}

/* A wide range, the port that is dialled, the port of one of the sockets; where ports are not covered the second is taken. */
static void complete_range(struct iu_unknowns *u, unsigned value)
{
	struct inuse_addr at = u->request.local;
	uint16_t port = value == 0 ? 0 : value == 1 ? u->request.remote.port : u->sockets[value - 2].local.port;
	bool wide;

	if (u->facts.n_covered != 0 && value == 1) {
		at.port = port = 40000;
		add_listener(u, &at);
	}
	wide = port == 0;

	u->facts.settings_known |= 1u << IU_SET_RANGE_FIRST | 1u << IU_SET_RANGE_LAST;
	u->facts.settings[IU_SET_RANGE_FIRST] = wide ? 32768 : port;
	u->facts.settings[IU_SET_RANGE_LAST] = wide ? 60999 : port;
	u->facts.n_covered = 0;
}

static void complete_socket(struct iu_unknowns *u, const struct iu_unknown *k)
{
	struct inuse_socket *o = &u->sockets[k->of];
	uint32_t mine = u->request.device != 0 ? u->request.device : 1;

	switch ((enum kind)k->kind) {
	case OPTION:
		o->known |= k->flag;
		o->flags = k->value != 0 ? o->flags | k->flag : o->flags & ~k->flag;
		break;
	case DEVICE:
		o->known |= INUSE_KNOW_DEVICE;
		o->device = k->value == 0 ? 0 : k->value == 1 ? mine : mine + 7;
		break;
	case USER:
		o->known |= INUSE_KNOW_UID;
		o->uid = k->value == 0 ? u->request.uid : u->request.uid + 1;
		break;
	default: /* AGE */
		o->since_ns = u->facts.now_ns - (k->value == 0 ? INT64_C(59000000000) : 0);
		break;
	}
}

static void add_local(struct iu_unknowns *u, const struct inuse_addr *a)
{
	struct iu_local *l = &u->locals[u->facts.n_locals];

	if (iu_addr_is_local(&u->facts, a) == INUSE_YES)
		return;
	*l = (struct iu_local){.addr = iu_addr_unmapped(a)};
	l->addr.port = 0;
	l->prefix_len = l->addr.family == 4 ? 32 : 128;
	u->facts.n_locals++;
}

/* What connect() comes from is an address of this host; the one that is dialled only where that is. */
static void complete_source(struct iu_unknowns *u, unsigned value)
{
	struct iu_route *route = &u->routes[u->facts.n_routes++];

	*route = (struct iu_route){.remote = u->request.remote};
	source_of(u, value, &route->source);
	if (iu_addr_same(&route->source, &route->remote) && iu_addr_is_local(&u->facts, &route->remote) != INUSE_YES)
		source_of(u, 0, &route->source);
	add_local(u, &route->source);
}

static void complete_coverage(struct iu_unknowns *u, const struct iu_unknown *k)
{
	u->facts.n_covered = 0;
	if (k->value != 0)
		add_listener(u, k->of == 0 ? &u->request.local : &u->request.remote);
}

/*
 * bind(): a memory of the port that lets this very request in, or one that does not, and who was first on 0.0.0.0. An automatic port
 * of connect(): whether bind() was ever on it, which on newer kernels most sockets on it tell.
 */
static void complete_memory(struct iu_unknowns *u, const struct iu_unknown *k)
{
	struct iu_bucket *b = &u->buckets[u->facts.n_buckets];
	uint16_t port = (uint16_t)k->of;
	bool sticks = (u->facts.features & IU_FEATURE_CONNECT_BIND) == 0;
	enum inuse_tri marked = is_marked(&u->facts, port);

	if (u->facts.n_buckets == IU_UNKNOWNS_MORE)
		return;
	u->facts.n_buckets++;
	*b = (struct iu_bucket){.port = port, .any4 = (k->value & 2) != 0 ? 6 : 4};
	if (u->request.local.port != 0 && (k->value & 1) != 0)
		iu_bucket_remember(b, &u->request, true, false, u->facts.features);
	else if (u->request.local.port == 0 && marked != INUSE_YES && ((k->value & 1) == 0 || (marked == INUSE_NO && !sticks)))
		b->fastreuse = b->fastreuseport = -1;
}

void iu_unknowns_complete(struct iu_unknowns *u)
{
	u->facts = *u->given;
	u->request = *u->asked;
	u->facts.sockets = u->sockets;
	u->facts.locals = u->locals;
	u->facts.routes = u->routes;
	if (u->given->n_sockets > 0)
		memcpy(u->sockets, u->given->sockets, u->given->n_sockets * sizeof(u->sockets[0]));
	if (u->given->n_locals > 0)
		memcpy(u->locals, u->given->locals, u->given->n_locals * sizeof(u->locals[0]));
	if (u->given->n_routes > 0)
		memcpy(u->routes, u->given->routes, u->given->n_routes * sizeof(u->routes[0]));
	if (!u->given->buckets_known) {
		u->facts.buckets = u->buckets;
		if (u->given->n_buckets > 0)
			memcpy(u->buckets, u->given->buckets, u->given->n_buckets * sizeof(u->buckets[0]));
		u->facts.buckets_known = true;
	}
	u->facts.locals_known = true;
	for (size_t i = 0; i < u->n; i++) {
		const struct iu_unknown *k = &u->list[i];

		switch ((enum kind)k->kind) {
		case OPTION:
		case DEVICE:
		case USER:
		case AGE:
			complete_socket(u, k);
			break;
		case SETTING:
			complete_setting(u, (enum iu_setting)k->of, k->value);
			break;
		case PORT_RANGE:
			complete_range(u, k->value);
			break;
		case PRIVILEGE:
			u->request.may_bind_low = k->value == 0 ? INUSE_NO : INUSE_YES;
			break;
		case LOCAL:
			if (k->value != 0)
				add_local(u, k->of == 0 ? &u->request.local : &u->request.remote);
			break;
		case SOURCE:
			complete_source(u, k->value);
			break;
		case LISTENER:
			complete_coverage(u, k);
			break;
		case SEQUENCE:
			u->caller.syn = (struct iu_syn){.known = true, .newer = k->value == 0, .in_window = k->value == 1};
			break;
		case MEMORY:
			complete_memory(u, k);
			break;
		}
	}
}

uint64_t iu_unknowns_completions(const struct iu_unknowns *u)
{
	uint64_t n = 1;

	for (size_t i = 0; i < u->n && n < IU_UNKNOWNS_MANY; i++)
		n *= u->list[i].n_values;
	return n < IU_UNKNOWNS_MANY ? n : IU_UNKNOWNS_MANY;
}

void iu_unknowns_number(struct iu_unknowns *u, uint64_t i)
{
	for (size_t k = 0; k < u->n; k++) {
		u->list[k].value = (uint8_t)(i % u->list[k].n_values);
		i /= u->list[k].n_values;
	}
	iu_unknowns_complete(u);
}
