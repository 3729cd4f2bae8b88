/* SPDX-License-Identifier: MIT */
/* Random calls, and what ends sockets. */
#include "lab/fuzz_make.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"

static uint16_t pick_port(struct iu_fuzzer *f)
{
	unsigned p = iu_make_pick(f, 100);

	if (f->theme == IU_THEME_EXHAUST)
		return p < 55 ? 0 : p < 90 ? (uint16_t)(IU_FUZZ_RANGE + iu_make_pick(f, 3)) : IU_FUZZ_PORT;
	if (p < 4)
		return 0;
	if (p < 10)
		return (uint16_t)(IU_FUZZ_RANGE + iu_make_pick(f, 3));
	return p < 25 ? IU_FUZZ_PORT + 1 : IU_FUZZ_PORT;
}

bool iu_make_bind(struct iu_fuzzer *f, struct iu_step *s)
{
	static const char *const v4[] = {"0.0.0.0", "0.0.0.0", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2", "10.9.0.1"};
	static const char *const v6[] = {"::", "::", "::1", "::1", "fd00::2", "::ffff:127.0.0.1", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
					 "::ffff:127.0.0.2", "::ffff:10.9.0.1"};
	static const char *const wire4[] = {"0.0.0.0", "198.51.100.1", "198.51.100.1"};
	static const char *const wire6[] = {"::", "::", "2001:db8:5::1", "2001:db8:5::1", "::ffff:198.51.100.1"};
	bool to_peers = f->theme == IU_THEME_PEERS && iu_make_chance(f, 70);
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 97) ? IU_MAKE_UNBOUND : IU_MAKE_ANY_STATE);
	const struct inuse_socket *o;
	struct inuse_addr at;

	if (socket < 0)
		return false;
	o = iu_make_peek(f, socket);
	s->action = IU_DO_BIND;
	s->socket = (uint8_t)socket;
	if (o->family == 4)
		at = iu_make_addr(to_peers ? wire4[iu_make_pick(f, 3)] : v4[iu_make_pick(f, 7)], pick_port(f));
	else if (!to_peers && iu_make_chance(f, 10))
		at = iu_make_link_local(f, pick_port(f));
	else
		at = iu_make_addr(to_peers ? wire6[iu_make_pick(f, 5)] : v6[iu_make_pick(f, 10)], pick_port(f));
	iu_make_at(f, s, &at);
	return true;
}

/* Addresses that are refused, and some that surprisingly are not. */
bool iu_make_odd_bind(struct iu_fuzzer *f, struct iu_step *s)
{
	static const struct {
		const char *addr;
		uint8_t family, claims;
		const char *scope;
	} rows[] = {
		{"192.0.2.1", 4, 0, ""},       {"224.0.0.1", 4, 0, ""},        {"255.255.255.255", 4, 0, ""}, {"0.0.0.1", 4, 0, ""},
		{"10.9.0.255", 4, 0, ""},      {"10.9.0.0", 4, 0, ""},         {"127.255.255.255", 4, 0, ""}, {"::ffff:10.9.0.255", 6, 0, ""},
		{"0.0.0.0", 4, IU_UNSPEC, ""}, {"127.0.0.1", 4, IU_UNSPEC, ""}, {"10.9.0.2", 4, 0, ""},
		{"2001:db8::1", 6, 0, ""},     {"ff02::1", 6, 0, ""},          {"fe80::1", 6, 0, ""},         {"fe80::1", 6, 0, "v0"},
		{"fe80::1", 6, 0, "gone"},     {"127.0.0.1", 6, 0, ""},       {"::", 6, IU_UNSPEC, ""},       {"::1", 4, 0, ""},
		{"2001:db8:1::1", 6, 0, ""},   {"2001:db8:1::1", 6, 0, ""},    {"::ffff:192.0.2.1", 6, 0, ""}, {"::ffff:224.0.0.1", 6, 0, ""}, {"::ffff:127.0.0.1", 6, 0, ""},
	};
	size_t i = iu_make_pick(f, sizeof(rows) / sizeof(rows[0]));
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 70) ? IU_MAKE_UNBOUND : IU_MAKE_ANY_STATE);

	if (socket < 0 || iu_make_peek(f, socket)->family != rows[i].family)
		return false;
	s->action = IU_DO_BIND;
	s->socket = (uint8_t)socket;
	s->at.kind = IU_AT_LITERAL;
	s->at.addr = iu_make_addr(rows[i].addr, iu_make_chance(f, 30) ? IU_FUZZ_LOW : pick_port(f));
	s->at.claims = rows[i].claims;
	if (strcmp(rows[i].scope, "gone") == 0)
		s->at.addr.scope = IU_FUZZ_NO_DEVICE;
	else
		snprintf(s->at.scope, sizeof(s->at.scope), "%s", rows[i].scope);
	return true;
}

bool iu_make_listen(struct iu_fuzzer *f, struct iu_step *s)
{
	unsigned p = iu_make_pick(f, 100);
	int socket = iu_make_pick_socket(f, p < 85 ? IU_MAKE_BOUND : p < 90 ? IU_MAKE_UNBOUND : IU_MAKE_ANY_STATE);

	/* of an IPv6 socket that dialled IPv4 before, the kernel makes a listener whose IPv6 connections do not work: see is_mute() */
	if (socket < 0 || ((f->went_v4 >> socket & 1) != 0 && f->n_peers > 0))
		return false;
	s->action = IU_DO_LISTEN;
	s->socket = (uint8_t)socket;
	/* without room for requests that are half open the kernel answers SYNs without keeping them: cookies */
	s->number = iu_make_chance(f, 90) || f->theme == IU_THEME_PEERS ? 16 : 0;
	return true;
}

/* An address of a listener, as this socket may dial it. */
static bool address_of_listener(struct iu_fuzzer *f, const struct inuse_socket *o, struct inuse_addr *ret)
{
	static const char *const any4[] = {"127.0.0.1", "127.0.0.1", "127.0.0.2", "10.9.0.1", "0.0.0.0"};
	static const char *const mapped[] = {"::ffff:127.0.0.1", "::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"};
	static const char *const any6[] = {"::1", "::1", "fd00::2", "::"};
	int listener = iu_make_pick_socket(f, IU_MAKE_LISTENS);
	struct inuse_addr a;
	bool wants_v4;

	if (listener < 0)
		return false;
	a = iu_addr_unmapped(&iu_make_peek(f, listener)->local);
	wants_v4 = o->family == 4 || a.family == 4 || iu_addr_is_mapped(&o->local) ||
		   (iu_addr_is_any(&a) && (iu_make_peek(f, listener)->flags & INUSE_V6ONLY) == 0 && iu_make_chance(f, 30));
	if (iu_addr_is_any(&a) && o->family == 6 && !wants_v4 && iu_make_chance(f, 15))
		*ret = iu_make_link_local(f, a.port);
	else if (iu_addr_is_any(&a))
		*ret = iu_make_addr(o->family == 4 ? any4[iu_make_pick(f, 5)] : wants_v4 ? mapped[iu_make_pick(f, 4)] : any6[iu_make_pick(f, 4)], a.port);
	else if (o->family == 6 && a.family == 4)
		*ret = iu_make_addr(a.ip[3] == 2 ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1", a.port);
	else
		*ret = a;
	return o->family == 6 || ret->family == 4;
}

static bool odd_destination(struct iu_fuzzer *f, const struct inuse_socket *o, struct inuse_addr *ret)
{
	static const char *const v4[] = {"192.0.2.1", "203.0.113.1", "203.0.113.65", "203.0.113.129", "224.0.0.1", "127.0.0.1", "127.0.0.1",
					 "255.255.255.255", "10.9.0.255"};
	static const char *const v6[] = {"2001:db8::1", "::ffff:203.0.113.1", "::ffff:203.0.113.65", "::ffff:203.0.113.129", "ff02::1", "::1",
					 "::ffff:127.0.0.1", "::ffff:255.255.255.255", "::ffff:10.9.0.255"};
	bool v4_form = (o->family == 4) != iu_make_chance(f, 10); /* now and then that of the other family */

	/* a port where nobody listens, outside of the range: inside of it the kernel might take it for the socket itself */
	if (o->family == 6 && iu_make_chance(f, 15))
		*ret = iu_make_link_local(f, IU_FUZZ_PORT + iu_make_pick(f, 2));
	else
		*ret = iu_make_addr(v4_form ? v4[iu_make_pick(f, 9)] : v6[iu_make_pick(f, 9)], IU_FUZZ_PORT + iu_make_pick(f, 2));
	return true;
}

static bool range_is_one(struct iu_fuzzer *f)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	return facts->settings[IU_SET_RANGE_FIRST] == facts->settings[IU_SET_RANGE_LAST];
}

/* A young TIME-WAIT that a client may take over once it is 1 ms old: the model's clock stands still, the kernel's does not. */
static bool must_wait(struct iu_fuzzer *f, struct iu_step *s)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	if (facts->settings[IU_SET_TW_REUSE_DELAY] > 1)
		return false;
	for (size_t i = 0; i < facts->n_sockets; i++)
		if (facts->sockets[i].mini && facts->sockets[i].free_at_ns > facts->now_ns + INT64_C(59996000000)) {
			*s = (struct iu_step){.action = IU_DO_WAIT, .number = 6000000};
			return true;
		}
	return false;
}

/* Do packets to this address come to the host? They do not while it is not sure of it: RFC 4862 5.4. */
static bool is_here(struct iu_fuzzer *f, const struct inuse_addr *a)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	for (size_t i = 0; i < facts->n_locals; i++)
		if (facts->locals[i].tentative && iu_addr_same(&facts->locals[i].addr, a))
			return false;
	return iu_addr_is_local(facts, a) == INUSE_YES && !iu_addr_is_of_many(facts, a);
}

/*
 * Would IPv6 meet a listener that once dialled IPv4? Its connections of IPv6 come about, and send by IPv4 from then on, to nobody: linux
 * v6.18 tcp_v6_connect() leaves icsk_af_ops as they are, and tcp_v6_syn_recv_sock() hands them on.
 */
static bool is_mute(struct iu_fuzzer *f, const struct inuse_addr *to)
{
	for (unsigned i = 0; to->family == 6 && !iu_addr_is_mapped(to) && i < f->n_sockets; i++) {
		const struct inuse_socket *l = iu_make_peek(f, (int)i);

		if ((f->went_v4 >> i & 1) != 0 && l != NULL && l->state == INUSE_LISTEN && l->local.port == to->port)
			return true;
	}
	return false;
}

/* By the device of peers it would go out, from an address that the kernel has made up there. */
static bool is_of_wire(struct iu_fuzzer *f, const struct inuse_socket *o, const struct inuse_addr *to)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);
	uint32_t device = to->scope != 0 ? to->scope : o->device;

	if (!iu_addr_is_link_local6(to))
		return false;
	for (size_t i = 0; i < facts->n_devices; i++)
		if (facts->devices[i].index == device)
			return strcmp(facts->devices[i].name, "wire") == 0;
	return false;
}

bool iu_make_may_dial(struct iu_fuzzer *f, unsigned socket, const struct inuse_addr *to)
{
	const struct inuse_socket *o = iu_make_peek(f, (int)socket);
	bool of_ipv4 = iu_addr_unmapped(&o->local).family == 4 && (o->flags & INUSE_TRANSPARENT) == 0;

	/* in repair it makes a connection of its own, without a packet: for checkpoints, not for the rules */
	if ((f->haunted && o->local.port == 0) || (o->flags & INUSE_REPAIR) != 0)
		return false;
	if ((f->went_v4 >> socket & 1) != 0 && !iu_addr_is_mapped(to))
		return false; /* who has dialled IPv4 does not come back to IPv6 */
	/* what is not here was bindable, but who answers to it is not heard; of IPv4 it is refused at once */
	return o->local.family == 0 || of_ipv4 || is_here(f, &o->local);
}

void iu_make_dial(struct iu_fuzzer *f, struct iu_step *s, unsigned socket, const struct inuse_addr *to)
{
	if (iu_make_peek(f, (int)socket)->family == 6 && iu_addr_is_mapped(to))
		f->went_v4 |= UINT64_C(1) << socket;
	s->action = IU_DO_CONNECT;
	s->socket = (uint8_t)socket;
	iu_make_at(f, s, to);
}

bool iu_make_connect(struct iu_fuzzer *f, struct iu_step *s)
{
	unsigned p = iu_make_pick(f, 100);
	int socket = iu_make_pick_socket(f, p < 60 ? IU_MAKE_UNBOUND : p < 94 ? IU_MAKE_BOUND : p < 97 ? 1u << INUSE_SYN_SENT : IU_MAKE_ANY_STATE);
	const struct inuse_socket *o;
	struct inuse_addr to;
	bool found;

	if (socket < 0)
		return false;
	o = iu_make_peek(f, socket);
	if (o->local.port != 0 && iu_make_chance(f, 3))
		to = iu_addr_is_any(&o->local) ? iu_make_addr(o->family == 4 ? "127.0.0.1" : "::1", o->local.port) : o->local; /* itself */
	else if (iu_make_chance(f, f->theme == IU_THEME_ODD ? 50 : 4) ? !odd_destination(f, o, &to) : !address_of_listener(f, o, &to))
		return false;
	if (is_of_wire(f, o, &to))
		return false;
	found = iu_sim_choices(f->model.sim, (unsigned)socket, &to) > 0;
	if ((iu_sim_choices(f->model.sim, (unsigned)socket, &to) > 1 && iu_make_chance(f, 90)) || iu_addr_is_mapped_any(&to))
		return false;
	if (!found && o->local.port == 0 && to.port >= IU_FUZZ_RANGE && !range_is_one(f))
		return false;
	if (o->local.port == 0 && must_wait(f, s))
		return true;
	if ((iu_addr_is_local(iu_sim_facts(f->model.sim), &to) == INUSE_YES && !is_here(f, &to)) || is_mute(f, &to) ||
	    !iu_make_may_dial(f, (unsigned)socket, &to))
		return false;
	/* answers to 10.9.0.1 do not come by lo, to which a listener may be bound */
	if (o->local.family == 4 && o->local.ip[0] == 10 && to.ip[0] != 10)
		return false;
	iu_make_dial(f, s, (unsigned)socket, &to);
	return true;
}

bool iu_make_accept(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, IU_MAKE_LISTENS);

	if (socket < 0 || f->n_sockets >= IU_SCENE_SOCKETS || iu_sim_waiting(f->model.sim, (unsigned)socket) == 0)
		return false;
	s->action = IU_DO_ACCEPT;
	s->socket = (uint8_t)socket;
	s->other = (uint8_t)f->n_sockets++;
	return true;
}

/* --------------------------------------------------------------------------------------- what ends them */

bool iu_make_close(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 70) ? IU_MAKE_OPEN : IU_MAKE_ANY_STATE);

	if (socket < 0 || f->haunted)
		return false;
	/* a connection whose one end vanished without a word: the other end is still there to be met */
	f->haunted = (iu_make_peek(f, socket)->flags & INUSE_REPAIR) != 0 && (IU_MAKE_OPEN & (1u << iu_make_peek(f, socket)->state)) != 0;
	s->action = IU_DO_CLOSE;
	s->socket = (uint8_t)socket;
	return true;
}

bool iu_make_shutdown(struct iu_fuzzer *f, struct iu_step *s)
{
	unsigned p = iu_make_pick(f, 100);
	int socket = iu_make_pick_socket(f, p < 55 ? IU_MAKE_OPEN
					    : p < 85 ? IU_MAKE_LISTENS | 1u << INUSE_SYN_SENT
					    : p < 95 ? IU_MAKE_UNBOUND | IU_MAKE_BOUND
						     : IU_MAKE_ANY_STATE);

	if (socket < 0 || f->haunted)
		return false;
	/* before it listens: each connection would begin with a FIN, which no peer elsewhere is told of here */
	if (p >= 85 && f->n_peers > 0)
		return false;
	s->action = IU_DO_SHUTDOWN;
	s->socket = (uint8_t)socket;
	s->number = iu_make_pick(f, 3);
	return true;
}

/* connect() to AF_UNSPEC: the socket is as before its connection, or before listen(). */
bool iu_make_unconnect(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 60) ? IU_MAKE_OPEN : IU_MAKE_ANY_STATE);
	const struct inuse_socket *o;

	if (socket < 0 || f->haunted)
		return false;
	o = iu_make_peek(f, socket);
	if ((o->flags & INUSE_REPAIR) != 0)
		return false;
	if (o->family == 6 && iu_addr_is_mapped(&o->remote))
		f->went_v4 |= UINT64_C(1) << socket;
	s->action = IU_DO_CONNECT;
	s->socket = (uint8_t)socket;
	s->at.kind = IU_AT_LITERAL;
	s->at.addr = iu_make_addr(o->family == 4 ? "0.0.0.0" : "::", 0);
	s->at.claims = IU_UNSPEC;
	return true;
}

bool iu_make_write(struct iu_fuzzer *f, struct iu_step *s)
{
	bool fill = iu_make_chance(f, 10);
	int socket = iu_make_pick_socket(f, 1u << INUSE_ESTABLISHED | (fill ? 0 : 1u << INUSE_CLOSE_WAIT));

	if (socket < 0 || (iu_make_peek(f, socket)->flags & INUSE_REPAIR) != 0 || f->haunted)
		return false;
	s->action = fill ? IU_DO_FILL : IU_DO_WRITE;
	s->socket = (uint8_t)socket;
	s->number = 1;
	return true;
}

bool iu_make_read(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, 1u << INUSE_ESTABLISHED | 1u << INUSE_CLOSE_WAIT);

	if (socket < 0 || f->haunted || (iu_make_peek(f, socket)->flags & INUSE_REPAIR) != 0)
		return false;
	s->action = IU_DO_READ;
	s->socket = (uint8_t)socket;
	s->number = 1;
	return true;
}

bool iu_make_fork(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, IU_MAKE_ANY_STATE);

	if (socket < 0 || f->n_processes >= IU_EXP_MAX_PROCESSES)
		return false;
	s->action = IU_DO_FORK;
	s->process = (uint8_t)f->n_processes++;
	s->sockets = UINT64_C(1) << socket;
	return true;
}

bool iu_make_kill(struct iu_fuzzer *f, struct iu_step *s)
{
	for (unsigned i = 0; i < f->n_processes; i++)
		if (f->live->pids[i] > 0) {
			s->action = IU_DO_KILL;
			s->process = (uint8_t)i;
			return f->user == 0; /* another user may not end it */
		}
	return false;
}
