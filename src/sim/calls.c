/* SPDX-License-Identifier: MIT */
/* The calls that the model judges, and what comes of them when they succeed: socket, bind and listen. */
#include <string.h>

#include "base/address.h"
#include "sim/host.h"

static const struct iu_sim_answer ok = {.text = "OK"};

static const char *const texts[] = {
	[INUSE_R_OK] = "OK",
	[INUSE_R_ADDRINUSE] = "EADDRINUSE",
	[INUSE_R_ADDRNOTAVAIL] = "EADDRNOTAVAIL",
	[INUSE_R_ACCES] = "EACCES",
	[INUSE_R_INVAL] = "EINVAL",
	[INUSE_R_NODEV] = "ENODEV",
	[INUSE_R_NETUNREACH] = "ENETUNREACH",
	[INUSE_R_HOSTUNREACH] = "EHOSTUNREACH",
	[INUSE_R_CONNREFUSED] = "ECONNREFUSED",
	[INUSE_R_TIMEDOUT] = "ETIMEDOUT",
	[INUSE_R_PERM] = "EPERM",
	[INUSE_R_AFNOSUPPORT] = "EAFNOSUPPORT",
	[INUSE_R_ISCONN] = "EISCONN",
	[INUSE_R_ALREADY] = "EALREADY",
	[INUSE_R_OPNOTSUPP] = "EOPNOTSUPP",
};
_Static_assert(sizeof(texts) / sizeof(texts[0]) == INUSE_N_RESULTS, "every result has its text");

const char *iu_sim_result_text(enum inuse_result result)
{
	return texts[result];
}

struct iu_sim_answer iu_sim_answer_of(const struct inuse_verdict *v)
{
	if (v->outcome == INUSE_CANNOT_TELL)
		return (struct iu_sim_answer){.text = "undocumented", .rule = v->rule, .cannot_tell = true, .missing = v->missing};
	return (struct iu_sim_answer){.text = texts[v->outcome == INUSE_GO ? INUSE_R_OK : v->result], .rule = v->rule};
}

void iu_sim_socket(struct iu_sim *sim, unsigned s, uint8_t family, enum inuse_proto proto, uint32_t flags)
{
	int n = iu_sim_node_new(sim);
	struct iu_sim_node *node;

	sim->by_number[s] = n;
	if (n == NONE)
		return;
	node = &sim->nodes[n];
	node->refs = 1;
	node->s.family = family;
	node->s.proto = proto;
	node->s.flags = flags;
	node->s.uid = sim->uid;
	node->s.inode = ++sim->next;
	if (family == 6 && sim->facts.settings[IU_SET_BINDV6ONLY] != 0)
		node->s.flags |= INUSE_V6ONLY;
}

struct inuse_request iu_sim_request_of(const struct iu_sim *sim, const struct iu_sim_node *node, enum inuse_call call)
{
	struct inuse_request r = INUSE_REQUEST_INIT;

	r.call = call;
	r.proto = node->s.proto;
	r.local = node->s.local;
	r.flags = node->s.flags & (INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY | INUSE_FREEBIND | INUSE_TRANSPARENT |
				   INUSE_GROUP | INUSE_REPAIR | INUSE_EXCLUSIVE);
	r.device = node->s.device;
	r.uid = node->s.uid;
	r.may_bind_low = sim->uid == 0 ? INUSE_YES : INUSE_NO;
	return r;
}

uint8_t iu_sim_claims(const struct iu_sim_node *node, const struct inuse_addr *addr, uint8_t claims)
{
	return claims == 0 && addr->family != node->s.family ? addr->family : claims;
}

struct iu_caller iu_sim_caller_of(const struct iu_sim *sim, const struct iu_sim_node *node, uint8_t claims)
{
	struct iu_caller caller = {.family = node->s.family, .claims = claims, .ports = node->ports};
	int n = (int)(node - sim->nodes);

	caller.datagram = node->s.proto == INUSE_PROTO_UDP;
	caller.was_connected = node->was_connected;
	if (n >= 0 && n < sim->top && sim->view_of[n] != NONE)
		caller.self = &sim->view[sim->view_of[n]];
	return caller;
}

struct inuse_verdict iu_sim_judge(struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_request *r,
				  uint8_t claims)
{
	struct inuse_verdict v = {.size = sizeof(v)};
	struct iu_caller caller;

	iu_sim_view(sim);
	caller = iu_sim_caller_of(sim, node, claims);
	caller.decided = sim->decided;
	iu_judge_call(sim->profile, &sim->facts, r, &caller, &v);
	return v;
}

/* The first of these ports that the call gets; 0: none. */
static uint16_t search(struct iu_sim *sim, const struct iu_sim_node *node, struct inuse_request *r, struct iu_range ports, unsigned step)
{
	for (unsigned pass = 0; pass < step; pass++) {
		/* bind() begins with the parity that the range does not begin with, connect() with the other [Z06 Z07] */
		unsigned port = ports.first + (step == 1 ? 0 : r->call == INUSE_CALL_CONNECT ? pass : 1 - pass);

		for (; port <= ports.last; port += step) {
			struct inuse_verdict v;

			sim->facts.settings[IU_SET_RANGE_FIRST] = sim->facts.settings[IU_SET_RANGE_LAST] = port;
			v = iu_sim_judge(sim, node, r, 0);
			/* a SYN that is never answered has its port, too */
			if (v.outcome != INUSE_FAIL || v.result == INUSE_R_TIMEDOUT)
				return (uint16_t)port;
		}
	}
	return 0;
}

uint16_t iu_sim_find_port(struct iu_sim *sim, const struct iu_sim_node *node, struct inuse_request *r, uint16_t chosen)
{
	struct iu_range all = {(uint16_t)sim->facts.settings[IU_SET_RANGE_FIRST], (uint16_t)sim->facts.settings[IU_SET_RANGE_LAST]};
	struct iu_range own = node->ports, want = all, rest = {1, 0};
	struct iu_decided *decided = sim->decided;
	unsigned step = own.first != 0 ? 1 : 2;
	uint16_t found;

	if (own.first >= all.first && own.first <= all.last && own.first != 0)
		want.first = own.first;
	if (own.last >= want.first && own.last <= all.last && own.last != 0)
		want.last = own.last;
	if (chosen != 0)
		want = chosen >= want.first && chosen <= want.last ? (struct iu_range){chosen, chosen} : (struct iu_range){1, 0};
	if (r->call != INUSE_CALL_CONNECT && (r->flags & INUSE_REUSEADDR) != 0)
		rest = iu_upper_half(&want);
	sim->decided = NULL; /* these are not calls */
	found = search(sim, node, r, want, step);
	if (found == 0)
		found = search(sim, node, r, rest, step);
	sim->facts.settings[IU_SET_RANGE_FIRST] = all.first;
	sim->facts.settings[IU_SET_RANGE_LAST] = all.last;
	sim->decided = decided;
	return found;
}

/* A socket comes on its port, and the port remembers it. */
static void take_port(struct iu_sim *sim, struct iu_sim_node *node, const struct inuse_request *r, bool listening)
{
	bool first = iu_sim_bucket(sim, r->local.port, false) == NULL;
	struct iu_bucket *b;

	node->on_port = true;
	if (node->s.proto != INUSE_PROTO_TCP)
		return; /* its ports are others */
	b = iu_sim_bucket(sim, r->local.port, true);
	if (b != NULL)
		iu_bucket_remember(b, r, first, listening, sim->facts.features);
	node->s.flags |= INUSE_PORT_LOCKED;
	iu_sim_join(sim, node, true);
}

/* An IPv6 socket that is bound to an address that is not IPv4's takes IPv6 alone from then on. */
static bool becomes_v6only(const struct iu_sim_node *node, const struct inuse_addr *addr)
{
	return node->s.family == 6 && !iu_addr_is_any(addr) && !iu_addr_is_mapped(addr);
}

/* ::ffff:0.0.0.0 counts as an address. */
static void lock_address(struct iu_sim_node *node, const struct inuse_addr *addr)
{
	node->addr_locked |= !iu_addr_is_any(addr);
}

void iu_sim_bind_to_device(struct iu_sim_node *node, uint32_t device)
{
	node->s.device = device;
	if (iu_addr_is_link_local6(&node->s.local))
		node->s.local.scope = device;
	if (iu_addr_is_link_local6(&node->bound))
		node->bound.scope = device;
}

/* A link-local address binds the socket to its device before it is looked at, so also when it is refused then. */
static void take_scope(struct iu_sim_node *node, const struct inuse_addr *addr, const struct inuse_verdict *v)
{
	bool looked_at = v->outcome != INUSE_FAIL || v->result == INUSE_R_NODEV || v->result == INUSE_R_ADDRNOTAVAIL ||
			 v->result == INUSE_R_ADDRINUSE;

	if (iu_addr_is_link_local6(addr) && addr->scope != 0 && looked_at)
		iu_sim_bind_to_device(node, addr->scope);
}

static void forget_bind(struct iu_sim_node *node)
{
	node->s.local = node->bound = (struct inuse_addr){0};
	node->has_shadow = false;
}

struct iu_sim_answer iu_sim_bind(struct iu_sim *sim, unsigned s, const struct inuse_addr *addr, uint8_t claims, uint16_t chosen)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	struct inuse_request r = iu_sim_request_of(sim, node, INUSE_CALL_BIND);
	struct inuse_verdict v;
	bool automatic = addr->port == 0;

	claims = iu_sim_claims(node, addr, claims);
	/* Landlock and its like are asked before all else: linux v6.18 net/socket.c __sys_bind_socket() [M24] */
	if ((sim->forbids & IU_SIM_FORBID_BIND) != 0 && node->s.proto == INUSE_PROTO_TCP)
		return (struct iu_sim_answer){.text = "EACCES"};
	r.local = *addr;
	if (!iu_addr_is_link_local6(addr))
		r.local.scope = 0; /* nobody looks at it */
	else if (addr->scope == 0)
		r.local.scope = node->s.device;
	if (becomes_v6only(node, addr))
		r.flags |= INUSE_V6ONLY;
	if (node->no_port && automatic && !node->on_port) {
		v = iu_sim_judge(sim, node, &r, claims);
		take_scope(node, addr, &v);
		/* the address is looked at, whether there is a port is not */
		if (v.outcome == INUSE_FAIL && v.result != INUSE_R_ADDRINUSE)
			return iu_sim_answer_of(&v);
		node->bound = node->s.local = r.local;
		lock_address(node, addr);
		node->has_shadow = becomes_v6only(node, addr);
		if (becomes_v6only(node, addr))
			node->s.flags |= INUSE_V6ONLY;
		return ok;
	}
	v = iu_sim_judge(sim, node, &r, claims);
	take_scope(node, addr, &v);
	if (v.outcome == INUSE_FAIL) {
		/* refused at the port, it has lost the address, too, that an earlier bind() without a port gave it */
		if (v.result == INUSE_R_ADDRINUSE && !node->on_port)
			forget_bind(node);
		return iu_sim_answer_of(&v);
	}
	if (automatic)
		r.local.port = iu_sim_find_port(sim, node, &r, chosen);
	node->s.local = node->bound = r.local;
	node->has_shadow = becomes_v6only(node, addr);
	node->s.flags = (node->s.flags & ~(uint32_t)INUSE_V6ONLY) | (r.flags & INUSE_V6ONLY);
	node->s.state = INUSE_BOUND;
	node->locked = !automatic;
	lock_address(node, addr);
	take_port(sim, node, &r, false);
	return iu_sim_answer_of(&v);
}

struct iu_sim_answer iu_sim_listen(struct iu_sim *sim, unsigned s, unsigned backlog, uint16_t chosen)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	struct inuse_request r = iu_sim_request_of(sim, node, INUSE_CALL_LISTEN);
	struct inuse_verdict v;

	if (r.local.family == 0)
		r.local = iu_addr_any(node->s.family, 0);
	v = iu_sim_judge(sim, node, &r, 0);
	if (v.outcome == INUSE_FAIL)
		return iu_sim_answer_of(&v);
	node->backlog = backlog;
	if (node->s.state == INUSE_LISTEN)
		return iu_sim_answer_of(&v);
	if (r.local.port == 0)
		r.local.port = iu_sim_find_port(sim, node, &r, chosen);
	node->s.local = r.local;
	node->s.state = INUSE_LISTEN;
	take_port(sim, node, &r, true);
	return iu_sim_answer_of(&v);
}
