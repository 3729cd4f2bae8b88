/* SPDX-License-Identifier: MIT */
/* From a rule and the most telling blocker to the cause that a person would name. Ordered rows: causes.def. */
#include <string.h>

#include "base/address.h"
#include "model/judge.h"

#define WHEN(name) static bool name(const struct inuse_verdict *v, const struct iu_facts *f)
#define RULE(name, rule_id)                       \
	WHEN(name)                                \
	{                                         \
		(void)f;                          \
		return iu_decided_by(v, rule_id); \
	}

static const struct inuse_socket *blocker(const struct inuse_verdict *v)
{
	return v->n_shown > 0 ? v->shown[0] : NULL;
}

static bool holds_address(const struct inuse_socket *b)
{
	return b != NULL && (b->state == INUSE_LISTEN || b->state == INUSE_BOUND);
}

static bool knows(const struct inuse_socket *b, uint32_t known)
{
	return (b->known & known) == known;
}

WHEN(free_)
{
	(void)f;
	return v->outcome == INUSE_GO;
}

RULE(rule_multicast6, "multicast6")
RULE(rule_mapped_on_v6only, "mapped-on-v6only")
RULE(rule_device_missing, "device-missing")
RULE(rule_scope_differs, "scope-differs")
RULE(rule_tentative, "tentative")
RULE(rule_not_local, "not-local")
RULE(rule_ports_exhausted, "ports-exhausted")
RULE(rule_tuple_live, "tuple-live")
RULE(rule_tuple_time_wait, "tuple-time-wait")
RULE(rule_excluded, "excluded-range")
RULE(rule_tuple_waits, "tuple-waits")
RULE(rule_connect_exhausted, "connect-exhausted")
RULE(rule_nobody_listens, "nobody-listens")
RULE(rule_syn_no_listener, "syn-no-listener")
RULE(rule_syn_fin_wait2, "syn-fin-wait2")

RULE(rule_nobody_answers, "nobody-answers")
RULE(rule_syn_silent, "syn-rfc1337")

/* The same of either end: what is left in TIME-WAIT answers, and no RST ends it. */
WHEN(rule_syn_rfc1337)
{
	return rule_syn_silent(v, f) || rule_nobody_answers(v, f);
}

WHEN(rule_link_local)
{
	(void)f;
	return iu_decided_by(v, "link-local-without-scope") || iu_decided_by(v, "connect-without-scope");
}

WHEN(rule_other_device)
{
	return rule_scope_differs(v, f) ||
	       (rule_not_local(v, f) && v->request.device != 0 && iu_addr_is_loopback(&v->request.local));
}

WHEN(rule_privileged)
{
	(void)f;
	return iu_decided_by(v, "privileged-port") || iu_decided_by(v, "privileged-port4");
}

WHEN(rule_route)
{
	static const char *const rules[] = {"no-route", "unreachable", "route-prohibits", "route-invalid", "route-no-device",
					   "mapped-by-v6only", "mapped-source"};

	(void)f;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (iu_decided_by(v, rules[i]))
			return true;
	return false;
}

WHEN(self_connect)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return b != NULL && !b->mini && b->local.port == b->remote.port && iu_addr_same(&b->local, &b->remote);
}

WHEN(rule_syn_no_listener_time_wait)
{
	return rule_syn_no_listener(v, f) && blocker(v) != NULL;
}

/* Who made the socket has ended, and Windows does not tell who inherited it. */
WHEN(windows_dead)
{
	const struct inuse_process *p = iu_holder_of(f, blocker(v));

	return f->os == IU_SYSTEM_windows && p != NULL && p->status == 'X';
}

WHEN(windows_system)
{
	const struct inuse_process *p = iu_holder_of(f, blocker(v));

	return f->os == IU_SYSTEM_windows && p != NULL && p->pid == IU_WINDOWS_SYSTEM_PID;
}

/* Refused for what the other socket has set, or for whose it is, and not only for its address. */
WHEN(windows_exclusive)
{
	const struct inuse_socket *b = blocker(v);

	return f->os == IU_SYSTEM_windows && holds_address(b) &&
	       (v->result == INUSE_R_ACCES || (b->flags & INUSE_EXCLUSIVE) != 0);
}

WHEN(kernel_socket)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return b != NULL && knows(b, INUSE_KNOW_KERNEL) && (b->flags & INUSE_KERNEL) != 0;
}

WHEN(socket_unit)
{
	const struct inuse_process *p = iu_holder_of(f, blocker(v));

	return p != NULL && p->pid == 1 && (p->socket_unit[0] != 0 || strcmp(p->comm, "systemd") == 0);
}

WHEN(docker_proxy)
{
	const struct inuse_process *p = iu_holder_of(f, blocker(v));

	return p != NULL && strcmp(p->comm, "docker-proxy") == 0;
}

WHEN(suspended)
{
	const struct inuse_process *p = iu_holder_of(f, blocker(v));

	return p != NULL && p->status == 'T';
}

WHEN(mptcp)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return b != NULL && b->state == INUSE_LISTEN && knows(b, INUSE_KNOW_MPTCP) && (b->flags & INUSE_MPTCP) != 0;
}

/* A listener that allows sharing, and another socket on the same port that only waits to listen: its listen() loses. */
WHEN(second_listen)
{
	const struct inuse_socket *b = blocker(v);

	if (b == NULL || b->state != INUSE_LISTEN || !knows(b, INUSE_KNOW_REUSEADDR) || (b->flags & INUSE_REUSEADDR) == 0)
		return false;
	for (size_t i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *o = &f->sockets[i];

		if (o->state == INUSE_BOUND && o->local.port == b->local.port && (o->flags & INUSE_REUSEADDR) != 0 && iu_socket_is_here(f, o))
			return true;
	}
	return false;
}

WHEN(reuseport_uid)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return b != NULL && !b->mini && (v->request.flags & INUSE_REUSEPORT) != 0 &&
	       knows(b, INUSE_KNOW_REUSEPORT | INUSE_KNOW_UID) && (b->flags & INUSE_REUSEPORT) != 0 && b->uid != v->request.uid;
}

WHEN(reuseport_one_side)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return holds_address(b) && knows(b, INUSE_KNOW_REUSEPORT) &&
	       ((b->flags ^ v->request.flags) & INUSE_REUSEPORT) != 0;
}

WHEN(in_flight)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return holds_address(b) && knows(b, INUSE_KNOW_OWNER | INUSE_KNOW_INODE) && b->n_holders == 0 && b->inode != 0;
}

WHEN(inherited)
{
	const struct inuse_socket *b = blocker(v);

	return holds_address(b) && b->n_holders > 1 && !iu_holders_are_family(f, b) && b->holders + b->n_holders <= f->n_holders &&
	       f->holders[b->holders].process != f->holders[b->holders + b->n_holders - 1].process;
}

WHEN(v6_blocks_v4)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return holds_address(b) && v->request.local.family == 4 && b->local.family == 6 && iu_addr_is_any(&b->local);
}

WHEN(v4_blocks_v6)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return holds_address(b) && v->request.local.family == 6 && iu_addr_is_any(&v->request.local) &&
	       iu_addr_unmapped(&b->local).family == 4;
}

WHEN(wildcard_specific)
{
	const struct inuse_socket *b = blocker(v);
	struct inuse_addr local;

	if (!holds_address(b) || f->os == IU_SYSTEM_windows) /* there such pairs may stand side by side */
		return false;
	local = iu_addr_unmapped(&b->local);
	return iu_addr_is_any(&local) != iu_addr_is_any(&v->request.local);
}

/* Who asks has the address itself, by another socket. */
WHEN(bound_twice)
{
	const struct inuse_process *p = iu_holder_of(f, blocker(v));

	return p != NULL && p->pid == f->asker && f->asker != 0 && holds_address(blocker(v));
}

WHEN(started_twice)
{
	const struct inuse_process *p = iu_holder_of(f, blocker(v));

	return p != NULL && p->same_dir && blocker(v)->state == INUSE_LISTEN;
}

WHEN(listener)
{
	(void)f;
	return blocker(v) != NULL && blocker(v)->state == INUSE_LISTEN;
}

WHEN(bound)
{
	(void)f;
	return blocker(v) != NULL && blocker(v)->state == INUSE_BOUND;
}

/* What connect() left on a port that the kernel picked for it; such sockets have no flags, so nothing tolerates them. */
WHEN(mini_of_client)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return b != NULL && b->mini && knows(b, INUSE_KNOW_PORT_LOCKED) && (b->flags & INUSE_PORT_LOCKED) == 0;
}

WHEN(fin_wait2)
{
	(void)f;
	return blocker(v) != NULL && iu_socket_is_remains(blocker(v)) && blocker(v)->state == INUSE_FIN_WAIT2;
}

/* Only TIME-WAIT is in the way of a call that sets SO_REUSEADDR: an old socket lacked it, though nobody could see that. */
static bool tw_must_have_lacked(const struct inuse_verdict *v)
{
	return v->outcome == INUSE_FAIL && (v->request.flags & INUSE_REUSEADDR) != 0 &&
	       v->n_blockers == v->n_by_state[INUSE_TIME_WAIT];
}

static bool tw(const struct inuse_verdict *v, bool old_had, bool new_has)
{
	const struct inuse_socket *b = blocker(v);

	if (b == NULL || !b->mini || ((v->request.flags & INUSE_REUSEADDR) != 0) != new_has)
		return false;
	if (!knows(b, INUSE_KNOW_REUSEADDR))
		return tw_must_have_lacked(v);
	return ((b->flags & INUSE_REUSEADDR) != 0) == old_had;
}

WHEN(tw_old_lacked)
{
	(void)f;
	return tw(v, false, true);
}

WHEN(tw_new_lacks)
{
	(void)f;
	return tw(v, true, false);
}

WHEN(tw_neither)
{
	(void)f;
	return tw(v, false, false);
}

WHEN(tw_unknown)
{
	(void)f;
	return blocker(v) != NULL && blocker(v)->mini;
}

WHEN(close_wait)
{
	(void)f;
	return blocker(v) != NULL && blocker(v)->state == INUSE_CLOSE_WAIT && blocker(v)->inode != 0;
}

WHEN(orphan)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return b != NULL && knows(b, INUSE_KNOW_INODE) && b->inode == 0 &&
	       (b->state == INUSE_FIN_WAIT1 || b->state == INUSE_FIN_WAIT2 || b->state == INUSE_CLOSING ||
		b->state == INUSE_LAST_ACK);
}

WHEN(client_port)
{
	const struct inuse_socket *b = blocker(v);

	(void)f;
	return b != NULL && knows(b, INUSE_KNOW_PORT_LOCKED) && (b->flags & INUSE_PORT_LOCKED) == 0;
}

WHEN(anything)
{
	(void)v;
	(void)f;
	return true;
}

static const struct iu_cause causes[] = {
#define CAUSE(id, when) {id, when},
#include "model/causes.def"
#undef CAUSE
};

const struct iu_cause *iu_causes(size_t *ret_n)
{
	*ret_n = sizeof(causes) / sizeof(causes[0]);
	return causes;
}

/* Worth a word although the call would succeed. */
static const char *find_note(const struct inuse_verdict *v, const struct iu_facts *f)
{
	static const char *const rules[] = {"reuseport-memory", "tuple-recycled", "syn-time-wait", "syn-live"};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (iu_decided_by(v, rules[i]))
			return rules[i];
	if (v->request.call == INUSE_CALL_CONNECT || v->request.call == INUSE_CALL_ACCEPT)
		return NULL;
	for (size_t i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *o = &f->sockets[i];

		if (o->local.port != v->request.local.port || !iu_socket_is_here(f, o))
			continue;
		if (o->state == INUSE_LISTEN && (v->request.flags & INUSE_REUSEPORT) != 0 && (o->flags & INUSE_REUSEPORT) != 0)
			return "reuseport-shared";
		if (o->state == INUSE_BOUND && (v->request.flags & INUSE_REUSEADDR) != 0 && (o->flags & INUSE_REUSEADDR) != 0)
			return "bind-shared";
	}
	return NULL;
}

void iu_cause_find(const struct iu_facts *facts, struct inuse_verdict *v)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].when(v, facts)) {
			v->cause = causes[i].id;
			break;
		}
	v->note = v->outcome == INUSE_GO ? find_note(v, facts) : NULL;
}
