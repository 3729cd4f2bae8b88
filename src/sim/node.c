/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a connection: FIN, RST, the end of a process, and what is left. linux-rules 5; RFC 9293 3.6.
 *
 * Theory of operation
 *
 * A FIN that can arrive is acknowledged at once, so FIN-WAIT-1 and LAST-ACK are seen only where the peer takes no more data
 * (stuck). TIME-WAIT, and FIN-WAIT-2 once its process has closed it, are mini sockets: nodes of their own that keep the
 * options of that moment and have no descriptor.
 */
#include <string.h>

#include "base/address.h"
#include "sim/host.h"

static const struct iu_sim_node empty = {.peer = NONE, .listener = NONE, .linger = -1, .flow = {.far = NONE}};

int iu_sim_node_new(struct iu_sim *sim)
{
	for (int i = 0; i < NODES; i++)
		if (!sim->nodes[i].used) {
			sim->nodes[i] = empty;
			sim->nodes[i].used = true;
			sim->view_of[i] = NONE;
			if (i >= sim->top)
				sim->top = i + 1;
			return i;
		}
	return NONE;
}

static int64_t setting(const struct iu_sim *sim, enum iu_setting id)
{
	return sim->facts.settings[id];
}

void iu_sim_off_port(struct iu_sim *sim, int n)
{
	struct inuse_addr local = sim->nodes[n].s.local;

	if (!sim->nodes[n].on_port)
		return;
	sim->nodes[n].on_port = false;
	sim->nodes[n].s.flags &= ~(uint32_t)INUSE_PORT_LOCKED;
	if (sim->nodes[n].s.proto == INUSE_PROTO_TCP)
		iu_sim_off_bucket(sim, &local);
}

/* Without descriptor and without port nothing is left of it. */
static void free_if_gone(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	if (node->refs > 0 || node->on_port || node->listener != NONE)
		return;
	for (int i = 0; i < sim->top; i++)
		if (sim->nodes[i].used && sim->nodes[i].peer == n)
			sim->nodes[i].peer = NONE;
	node->used = false;
}

void iu_sim_done(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	if (node->s.mini || !node->locked || node->refs == 0 || node->s.state == INUSE_STATE_UNKNOWN) {
		iu_sim_off_port(sim, n);
		node->s.state = INUSE_STATE_UNKNOWN;
		node->s.local.port = 0;
		node->s.flags &= ~(uint32_t)INUSE_PORT_LOCKED;
	} else {
		node->s.state = INUSE_BOUND;
	}
	node->s.free_at_ns = node->whole_until_ns = 0;
	free_if_gone(sim, n);
}

/* Peers that pointed at the full socket now point at what is left of it. */
static void hand_over(struct iu_sim *sim, int from, int to)
{
	int peer = sim->nodes[from].peer;

	sim->nodes[to].peer = peer;
	if (peer != NONE && sim->nodes[peer].peer == from)
		sim->nodes[peer].peer = to;
	sim->nodes[from].peer = NONE;
}

static bool room_for_mini(const struct iu_sim *sim)
{
	int64_t n = 0;

	for (int i = 0; i < sim->top; i++)
		n += sim->nodes[i].used && sim->nodes[i].on_port && sim->nodes[i].s.mini;
	return n < setting(sim, IU_SET_MAX_TW_BUCKETS);
}

int64_t iu_sim_time_wait(const struct iu_sim *sim)
{
	return sim->profile->time_wait_s != 0 ? sim->profile->time_wait_s * SECOND_NS : NO_DOCUMENT;
}

int64_t iu_sim_in(const struct iu_sim *sim, int64_t ns)
{
	return ns != NO_DOCUMENT ? sim->facts.now_ns + ns : 0;
}

void iu_sim_leave_mini(struct iu_sim *sim, int n, enum inuse_state state, int64_t ns)
{
	int mini = room_for_mini(sim) ? iu_sim_node_new(sim) : NONE;

	if (mini != NONE) {
		struct iu_sim_node *m = &sim->nodes[mini];

		m->s = sim->nodes[n].s;
		m->s.state = state;
		m->s.mini = true;
		m->s.inode = 0;
		m->s.uid = 0;
		m->s.free_at_ns = iu_sim_in(sim, ns);
		m->s.since_ns = state == INUSE_TIME_WAIT ? sim->facts.now_ns : 0;
		m->on_port = true;
		iu_sim_join(sim, m, false);
		m->flow = sim->nodes[n].flow;
		m->flow.answered_ns = 0;
		m->born_ns = sim->nodes[n].born_ns;
		hand_over(sim, n, mini);
	}
	iu_sim_done(sim, n);
}

void iu_sim_rst(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	/* net.ipv4.tcp_rfc1337 protects a TIME-WAIT, not the remains in FIN-WAIT-2 [P09] */
	if (node->s.mini && node->s.state == INUSE_TIME_WAIT && setting(sim, IU_SET_RFC1337) != 0)
		return;
	node->broken = node->s.state == INUSE_CLOSE_WAIT ? "EPIPE" : "ECONNRESET";
	if (node->peer != NONE && sim->nodes[node->peer].peer == n)
		sim->nodes[node->peer].peer = NONE;
	node->peer = NONE;
	iu_sim_done(sim, n);
}

void iu_sim_vanish(struct iu_sim *sim, int n)
{
	int peer = sim->nodes[n].peer;

	if (peer != NONE && sim->nodes[peer].peer == n)
		sim->nodes[peer].peer = NONE;
	sim->nodes[n].peer = NONE;
	iu_sim_done(sim, n);
}

void iu_sim_abort(struct iu_sim *sim, int n)
{
	int peer = sim->nodes[n].peer;

	sim->nodes[n].peer = NONE;
	if (peer != NONE && peer != n) {
		sim->nodes[peer].peer = NONE;
		iu_sim_rst(sim, peer);
	}
	iu_sim_done(sim, n);
}

bool iu_sim_is_unheard(const struct iu_sim *sim, const struct iu_sim_node *node)
{
	enum inuse_tri listener = iu_sim_hears_listener(sim, node);

	if (iu_reset_is_lost(&sim->facts, &node->s.local, &node->s.remote) || listener == INUSE_NO)
		return true;
	return listener == INUSE_MAYBE && iu_answer_is_lost(&sim->facts, node->s.device, &node->s.local, &node->s.remote);
}

/* What a first FIN makes of its receiver, and of the sender that it answers. */
static void fin_arrives(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	node->fin_in = true;
	sim->owes_ack |= iu_answer_is_lost(&sim->facts, node->s.device, &node->s.local, &node->s.remote);
	if (node->s.state == INUSE_ESTABLISHED) {
		node->s.state = INUSE_CLOSE_WAIT;
	} else if (node->s.state == INUSE_FIN_WAIT1) {
		node->s.state = INUSE_CLOSING;
	} else if (node->s.mini) {
		node->s.state = INUSE_TIME_WAIT;
		node->s.since_ns = sim->facts.now_ns;
		node->s.free_at_ns = iu_sim_in(sim, iu_sim_time_wait(sim));
	} else if (node->s.state == INUSE_FIN_WAIT2) {
		iu_sim_leave_mini(sim, n, INUSE_TIME_WAIT, iu_sim_time_wait(sim));
	}
}

void iu_sim_send_fin(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];
	int peer = node->peer;

	if (node->fin_out)
		return;
	node->fin_out = true;
	if (node->flow.far != NONE)
		iu_sim_tell_far(sim, n, IU_FIN | IU_ACK, 0);
	if (node->stuck || node->flow.far != NONE || (peer == NONE && iu_sim_is_unheard(sim, node))) {
		node->s.state = node->s.state == INUSE_CLOSE_WAIT ? INUSE_LAST_ACK : INUSE_FIN_WAIT1;
		return;
	}
	if (peer == NONE) { /* nothing is left over there: the FIN is answered with a RST */
		iu_sim_rst(sim, n);
		return;
	}
	if (peer == n) { /* connected to itself: its own FIN comes back (simultaneous close) */
		iu_sim_leave_mini(sim, n, INUSE_TIME_WAIT, iu_sim_time_wait(sim));
	} else if (node->s.state == INUSE_ESTABLISHED) {
		node->s.state = INUSE_FIN_WAIT2;
		fin_arrives(sim, peer);
	} else { /* CLOSE-WAIT: the second FIN, acknowledged at once */
		bool unheard = sim->nodes[peer].s.mini && iu_reset_is_lost(&sim->facts, &node->s.local, &node->s.remote);

		fin_arrives(sim, peer);
		node->peer = NONE;
		if (unheard)
			node->s.state = INUSE_LAST_ACK;
		else
			iu_sim_done(sim, n);
	}
}

/* For how long FIN-WAIT-2 waits without a process: linux v6.18 include/net/tcp.h tcp_fin_time() */
static int64_t fin_time(const struct iu_sim *sim, const struct iu_sim_node *node)
{
	return node->linger2 != 0 ? node->linger2 : setting(sim, IU_SET_FIN_TIMEOUT);
}

void iu_sim_orphan(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];
	int64_t seconds = fin_time(sim, node);

	node->s.inode = 0;
	if (seconds < 0) {
		iu_sim_abort(sim, n);
	} else if (sim->profile->documented) { /* the settings of that time are Linux's */
		iu_sim_leave_mini(sim, n, INUSE_FIN_WAIT2, NO_DOCUMENT);
	} else if (seconds > 60) { /* TCP_TIMEWAIT_LEN: what is longer waits as a whole socket first */
		node->whole_until_ns = sim->facts.now_ns + (seconds - 60) * SECOND_NS;
		node->s.free_at_ns = node->whole_until_ns + (seconds - 60) * SECOND_NS;
	} else {
		iu_sim_leave_mini(sim, n, INUSE_FIN_WAIT2, seconds * SECOND_NS);
	}
}

void iu_sim_drop_queue(struct iu_sim *sim, int n)
{
	for (int i = 0; i < sim->top; i++)
		if (sim->nodes[i].used && sim->nodes[i].listener == n) {
			sim->nodes[i].listener = NONE;
			if (sim->nodes[i].in_repair) { /* these go without a RST */
				sim->nodes[i].peer = NONE;
				iu_sim_done(sim, i);
			} else {
				iu_sim_abort(sim, i);
			}
		}
}

void iu_sim_close(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];
	bool connected = node->s.state == INUSE_ESTABLISHED || node->s.state == INUSE_CLOSE_WAIT ||
			 node->s.state == INUSE_FIN_WAIT1 || node->s.state == INUSE_FIN_WAIT2 || node->s.state == INUSE_LAST_ACK ||
			 node->s.state == INUSE_CLOSING;

	if (node->s.state == INUSE_LISTEN)
		iu_sim_drop_queue(sim, n);
	if (node->in_repair) { /* vanishes without a word [B34 P13] */
		node->peer = NONE;
		iu_sim_done(sim, n);
		return;
	}
	/* data that nobody read, or SO_LINGER with 0, make a reset of it: RFC 2525 2.17, RFC 9293 3.10.4 [T16 T17] */
	if (connected && (node->unread > 0 || node->linger == 0)) {
		iu_sim_abort(sim, n);
		return;
	}
	if (connected) {
		iu_sim_send_fin(sim, n);
		node = &sim->nodes[n];
		if (node->used && node->s.state == INUSE_FIN_WAIT2 && !node->s.mini)
			iu_sim_orphan(sim, n);
		else if (node->used && node->on_port)
			node->s.inode = 0;
		else
			free_if_gone(sim, n);
		return;
	}
	iu_sim_done(sim, n);
}

/* When a timer of the kernel fires; 0: none is running. */
static int64_t fires_at(const struct iu_sim_node *node)
{
	return node->whole_until_ns != 0 ? node->whole_until_ns : node->s.free_at_ns;
}

/* A full FIN-WAIT-2 orphan whose first time is over waits as long again as a mini socket [T30]. */
static void expire(struct iu_sim *sim, int n)
{
	if (sim->nodes[n].whole_until_ns != 0)
		iu_sim_leave_mini(sim, n, INUSE_FIN_WAIT2, (fin_time(sim, &sim->nodes[n]) - 60) * SECOND_NS);
	else
		iu_sim_done(sim, n);
}

void iu_sim_wait(struct iu_sim *sim, int64_t ns)
{
	int64_t end = sim->facts.now_ns + ns;

	for (;;) {
		int first = NONE;

		for (int i = 0; i < sim->top; i++) {
			const struct iu_sim_node *node = &sim->nodes[i];

			if (node->used && node->on_port && fires_at(node) != 0 && fires_at(node) <= end &&
			    (first == NONE || fires_at(node) < fires_at(&sim->nodes[first])))
				first = i;
		}
		if (first == NONE)
			break;
		if (fires_at(&sim->nodes[first]) > sim->facts.now_ns)
			sim->facts.now_ns = fires_at(&sim->nodes[first]);
		expire(sim, first);
	}
	sim->facts.now_ns = end;
}

bool iu_sim_is_left(const struct inuse_socket *s)
{
	bool ending = s->state == INUSE_FIN_WAIT1 || s->state == INUSE_FIN_WAIT2 || s->state == INUSE_CLOSING || s->state == INUSE_LAST_ACK;

	return iu_socket_is_remains(s) || (s->inode == 0 && ending);
}

/* tcp_abort() of the kernel: the peer of a connection that has not said its last word gets a RST. */
void iu_sim_evict(struct iu_sim *sim, uint16_t port, const struct inuse_addr *peer)
{
	for (int i = 0; i < sim->top; i++) {
		const struct iu_sim_node *node = &sim->nodes[i];
		bool ends = node->s.state == INUSE_FIN_WAIT1 || node->s.state == INUSE_FIN_WAIT2;

		if (!node->used || !node->on_port || !iu_sim_is_left(&node->s) || node->s.local.port != port)
			continue;
		if (peer != NULL && (node->s.remote.port != peer->port || !iu_addr_same(&node->s.remote, peer)))
			continue;
		if (!node->s.mini && ends)
			iu_sim_abort(sim, i);
		else
			iu_sim_done(sim, i);
	}
}
