/* SPDX-License-Identifier: MIT */
/* connect(), and what its SYN meets on this host. */
#include <string.h>

#include "base/address.h"
#include "sim/host.h"

static const struct iu_sim_answer ok = {.text = "OK"};

/* The handshake: a child of the listener, which waits to be accepted. False: there is no room for it. */
static bool make_child(struct iu_sim *sim, int client, int listener)
{
	struct iu_sim_node *c = &sim->nodes[client];
	int n = iu_sim_child_new(sim, listener, &c->s.remote, &c->s.local);

	if (n == NONE)
		return false;
	sim->nodes[n].peer = client;
	sim->nodes[n].born_ns = c->born_ns = sim->facts.now_ns;
	c->peer = n;
	c->s.state = INUSE_ESTABLISHED;
	if (sim->facts.settings[IU_SET_TIMESTAMPS] != 0) {
		sim->nodes[n].s.flags |= INUSE_TIMESTAMPS;
		c->s.flags |= INUSE_TIMESTAMPS;
	}
	if (sim->nodes[n].shut_write) /* linux v6.18 net/ipv4/tcp_input.c tcp_rcv_state_process(), TCP_SYN_RECV */
		iu_sim_send_fin(sim, n);
	return true;
}

/* The socket leaves the bucket of its address, and comes to that of another one, or back, on the same port. */
static void join_again(struct iu_sim *sim, struct iu_sim_node *node, const struct inuse_addr *to)
{
	struct inuse_addr from = node->s.local;

	node->s.local = *to;
	if (!node->on_port)
		return;
	iu_sim_leave(sim, &from);
	iu_sim_join(sim, node, false);
}

static void move_to(struct iu_sim *sim, struct iu_sim_node *node, const struct inuse_addr *to)
{
	if (node->s.local.port == to->port && iu_addr_same(&node->s.local, to))
		node->s.local = *to;
	else
		join_again(sim, node, to);
}

void iu_sim_forget_address(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	if (node->addr_locked) {
		node->bound = node->s.local;
	} else { /* even where it never had another: linux v6.18 net/ipv4/inet_hashtables.c inet_bhash2_reset_saddr() */
		node->has_shadow = false;
		join_again(sim, node, &node->bound);
	}
	if (!node->on_port)
		node->s.local.port = 0;
}

void iu_sim_disconnect(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	node->peer = NONE;
	node->s.remote = (struct inuse_addr){0};
	if (node->locked) {
		node->s.state = INUSE_BOUND;
	} else {
		iu_sim_off_port(sim, n);
		node->s.state = INUSE_STATE_UNKNOWN;
	}
	iu_sim_forget_address(sim, n);
	if (!node->locked)
		node->s.local.port = 0;
}

/*
 * What the number of a SYN is beside an old connection of this host with the same 4-tuple. The kernel counts 64 ns a step
 * (net/core/secure_seq.c seq_scale()), so after 4 ms it has left any window; before that, and when it has gone half around,
 * nobody can say.
 */
static struct iu_syn syn_of(const struct iu_sim *sim, int old)
{
	int64_t age_ns = old != NONE ? sim->facts.now_ns - sim->nodes[old].born_ns : 0;

	return (struct iu_syn){.known = age_ns >= SECOND_NS / 50 && age_ns < 120 * SECOND_NS, .newer = true};
}

uint32_t iu_sim_arrival(const struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *dest)
{
	return iu_arrival(&sim->facts, node->s.device, dest);
}

/*
 * Does the client hear the listener's answer? It arrives at the device of the client's address, or at lo if the listener is bound to that. To a
 * link-local one it goes by the device at which the SYN came in: linux v6.18 net/ipv6/tcp_ipv6.c tcp_v6_init_req()
 */
static bool hears_answer(const struct iu_sim *sim, const struct iu_sim_node *client, int listener)
{
	uint32_t device = sim->nodes[listener].s.device, arrival;

	if (device == 0 && iu_addr_is_link_local6(&client->s.local))
		device = iu_sim_arrival(sim, client, &client->s.remote);
	arrival = iu_arrival(&sim->facts, device, &client->s.local);

	return arrival != 0 && (client->s.device == 0 || client->s.device == arrival);
}

enum inuse_tri iu_sim_hears_listener(const struct iu_sim *sim, const struct iu_sim_node *node)
{
	uint32_t arrival = iu_sim_arrival(sim, node, &node->s.remote);
	int listener = arrival != 0 ? iu_sim_listener_for(sim, &node->s.remote, arrival) : NONE;

	return listener != NONE ? iu_is(hears_answer(sim, node, listener)) : INUSE_MAYBE;
}

/* From an address that is not the host's no answer goes out, but with IP_TRANSPARENT: linux v6.18 ip_route_output_key_hash_rcu(). */
static bool may_answer_from(const struct iu_sim *sim, int listener, const struct inuse_addr *addr)
{
	return iu_addr_is_local(&sim->facts, addr) == INUSE_YES || (sim->nodes[listener].s.flags & INUSE_TRANSPARENT) != 0;
}

/* The SYN has come to a listener, or to nobody: then nothing says so. */
static bool meets_listener(struct iu_sim *sim, struct iu_sim_node *node, uint32_t arrival)
{
	int listener = iu_sim_listener_for(sim, &node->s.remote, arrival);

	if (listener == NONE || !may_answer_from(sim, listener, &node->s.remote) || iu_sim_queue_full(sim, listener))
		return false;
	if (!hears_answer(sim, node, listener)) {
		sim->has_request = true;
		return false;
	}
	return make_child(sim, (int)(node - sim->nodes), listener);
}

/* Of a SYN whose answers are not all heard: TIME-WAIT makes way for a listener; what else has the 4-tuple answers in vain. */
static bool meets_unheard(struct iu_sim *sim, struct iu_sim_node *node, uint32_t arrival)
{
	int old = iu_sim_find(sim, &node->s.remote, &node->s.local, arrival, (int)(node - sim->nodes));

	if (old != NONE) {
		if (!sim->nodes[old].s.mini || sim->nodes[old].s.state != INUSE_TIME_WAIT ||
		    iu_sim_listener_for(sim, &node->s.remote, arrival) == NONE) {
			if (hears_answer(sim, node, old)) /* an ACK that it did not ask for, and answers with RST */
				iu_sim_rst(sim, old);
			sim->has_request = true;
			return false;
		}
		iu_sim_done(sim, old);
	}
	return meets_listener(sim, node, arrival);
}

/* What the SYN meets on this host; sets the state of the client. */
static struct iu_sim_answer send_syn(struct iu_sim *sim, struct iu_sim_node *node, uint32_t arrival)
{
	struct inuse_request r = INUSE_REQUEST_INIT;
	int client = (int)(node - sim->nodes), old;
	struct iu_caller caller = {0};
	struct inuse_verdict v;
	struct iu_sim_answer answer;

	r.call = INUSE_CALL_ACCEPT;
	r.local = node->s.remote;
	r.remote = node->s.local;
	r.device = arrival;
	old = iu_sim_find(sim, &node->s.remote, &node->s.local, arrival, client);
	caller.family = r.local.family;
	caller.syn = syn_of(sim, old);
	iu_sim_view(sim);
	caller.decided = sim->decided;
	iu_judge_call(sim->profile, &sim->facts, &r, &caller, &v);
	answer = iu_sim_answer_of(&v);
	if (v.outcome == INUSE_FAIL && v.result != INUSE_R_TIMEDOUT) {
		/* what was left over there is asked first, and gets a RST for its answer */
		old = iu_sim_find(sim, &node->s.remote, &node->s.local, arrival, client);
		if (old != NONE)
			iu_sim_rst(sim, old);
		iu_sim_disconnect(sim, (int)(node - sim->nodes));
		node->shut_read = node->shut_write = false;
		return answer;
	}
	if (v.outcome == INUSE_FAIL) { /* answered, but never as the client wants it */
		answer.text = "EINPROGRESS";
		return answer;
	}
	if (old != NONE && sim->nodes[old].s.mini)
		iu_sim_done(sim, old);
	else if (old != NONE)
		iu_sim_rst(sim, old);
	if (!meets_listener(sim, node, arrival))
		answer.text = "EINPROGRESS"; /* the SYN is not answered; who waits gives up in the end */
	return answer;
}

/* The first IPv4 address of a device that is not lo; NULL: it has none. */
static const struct inuse_addr *address_of(const struct iu_sim *sim, uint32_t device)
{
	for (size_t i = 0; i < sim->n_nets; i++)
		if (sim->nets[i].device == device && sim->nets[i].addr.family == 4)
			return &sim->nets[i].addr;
	return NULL;
}

struct inuse_addr iu_sim_destination(const struct iu_sim *sim, const struct inuse_socket *s, const struct inuse_addr *to)
{
	const struct inuse_addr *from = &s->local, *of_device = address_of(sim, s->device);
	struct inuse_addr r = *to, own = iu_addr_unmapped(from);
	bool any4 = iu_addr_unmapped(to).family == 4 && (iu_addr_is_any(to) || iu_addr_is_mapped_any(to));

	if (any4 && own.family == 4 && iu_dials_from(&sim->facts, from, to))
		r = *from;
	else if (any4 && of_device != NULL)
		r = iu_addr_as_family(of_device, to->family);
	else if (any4)
		inuse_addr_parse(to->family == 4 ? "127.0.0.1" : "::ffff:127.0.0.1", &r, NULL);
	else if (iu_addr_is_any(to))
		inuse_addr_parse(iu_addr_is_mapped(from) ? "::ffff:127.0.0.1" : "::1", &r, NULL);
	r.port = to->port;
	/* the kernel looks at the scope of link-local addresses alone */
	if (!iu_addr_is_link_local6(&r))
		r.scope = 0;
	else if (r.scope == 0)
		r.scope = s->device;
	return r;
}

/* The address that the socket dials that destination from: its own, or the route's. */
static struct inuse_addr source_of(const struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *to)
{
	return iu_dials_from(&sim->facts, &node->s.local, to) ? node->s.local : iu_addr_as_family(&sim->route.source, node->s.family);
}

/* What is left of an older connection with this 4-tuple, if it is in the way; what was bound to another device keeps its own [C33]. */
static int remains_of(const struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *local, const struct inuse_addr *to)
{
	int old = iu_sim_find(sim, local, to, 0, (int)(node - sim->nodes));
	const struct inuse_socket *s = old != NONE ? &sim->nodes[old].s : NULL;

	return s != NULL && s->mini && (s->device == 0 || s->device == node->s.device) ? old : NONE;
}

/* The model has let it pass: the socket has its 4-tuple now, and what was left of an older one is gone. */
static void take_tuple(struct iu_sim *sim, struct iu_sim_node *node, const struct inuse_addr *to, uint16_t port)
{
	struct inuse_addr local = source_of(sim, node, to);
	struct iu_bucket *b;
	int old;

	local.port = port;
	move_to(sim, node, &local);
	old = remains_of(sim, node, &local, to);
	if (old != NONE) { /* the mark of timestamps is handed on [F] */
		node->s.flags |= sim->nodes[old].s.flags & INUSE_TIMESTAMPS;
		iu_sim_done(sim, old);
	}
	b = iu_sim_bucket(sim, port, false);
	if (b == NULL) {
		b = iu_sim_bucket(sim, port, true);
		if (b != NULL)
			b->fastreuse = b->fastreuseport = -1;
	}
	node->s.local = local;
	node->s.remote = *to;
	node->s.state = INUSE_SYN_SENT;
	node->heard = true;
	if (!node->on_port) {
		node->on_port = true;
		iu_sim_join(sim, node, false);
	}
	node->fin_in = node->fin_out = false;
	node->unread = 0;
	node->broken = NULL;
}

/*
 * By the device that a socket is bound to even one's own addresses are somewhere else, if they are of others. IPv4 takes what has no route
 * there, or one that refuses it, for a neighbour, and goes with the first address of the device, or else of the host: linux v6.18
 * ip_route_output_key_hash_rcu(), inet_select_addr(). IPv6 does not.
 */
static void leave_by(struct iu_sim *sim, uint32_t device, const struct inuse_addr *dest)
{
	struct inuse_addr u = iu_addr_unmapped(dest);
	const struct iu_local *from = NULL;

	sim->route.result = u.family == 6 ? INUSE_R_NETUNREACH : INUSE_R_OK;
	for (size_t i = 0; i < sim->n_nets; i++) {
		const struct iu_local *net = &sim->nets[i];

		if (net->addr.family != u.family)
			continue;
		if (net->device == device && iu_addr_in(&u, &net->addr, net->prefix_len))
			sim->route.result = INUSE_R_OK;
		if (from == NULL || (from->device != device && net->device == device))
			from = net;
	}
	if (from != NULL)
		sim->route.source = iu_addr_as_family(&from->addr, dest->family);
	sim->route.source.port = 0;
	sim->route.device = device;
}

struct inuse_addr iu_sim_dials_as(const struct iu_sim_node *node, const struct inuse_addr *to)
{
	struct inuse_addr shadow = node->s.local;

	if (node->has_shadow && iu_addr_is_mapped(to) && !iu_addr_is_mapped(&shadow) && (node->s.flags & INUSE_V6ONLY) == 0) {
		inuse_addr_parse("::ffff:127.0.0.6", &shadow, NULL);
		shadow.port = node->s.local.port;
	}
	return shadow;
}

static bool is_there(const struct iu_sim *sim, uint32_t device)
{
	for (size_t i = 0; i < sim->facts.n_devices; i++)
		if (sim->devices[i].index == device)
			return true;
	return false;
}

/* The device that the socket is bound to, or will be by the scope of what it dials; 0: to none. */
static uint32_t bound_to(const struct iu_sim_node *node, const struct inuse_addr *dest)
{
	return node->s.device == 0 && node->s.family == 6 && iu_addr_is_link_local6(dest) ? dest->scope : node->s.device;
}

/*
 * From an IPv4 address that is not this host's own none of IPv4 is reached, whatever the device: linux v6.18 ip_route_output_key_hash_rcu(),
 * __ip_dev_find(). INUSE_R_OK: it is.
 */
static enum inuse_result no_source(const struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *from,
				   const struct inuse_addr *dest)
{
	struct inuse_addr u = iu_addr_unmapped(from);

	if (iu_addr_unmapped(dest).family != 4 || u.family != 4 || !iu_dials_from(&sim->facts, from, dest))
		return INUSE_R_OK;
	if (iu_addr_is_multicast(&u) || iu_addr_is_limited_broadcast(&u))
		return INUSE_R_INVAL;
	if ((node->s.flags & INUSE_TRANSPARENT) != 0)
		return INUSE_R_OK;
	return iu_addr_is_local(&sim->facts, &u) != INUSE_YES || iu_addr_is_of_many(&sim->facts, &u) ? INUSE_R_NETUNREACH : INUSE_R_OK;
}

/* Does it go out by another device than lo? */
static bool leaves(const struct iu_sim *sim, uint32_t device, const struct inuse_addr *dest)
{
	if (iu_addr_is_broadcast(&sim->facts, dest, device))
		return !iu_addr_is_loopback(dest);
	return iu_arrival(&sim->facts, device, dest) == 0;
}

void iu_sim_ask_route_of(struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *dest)
{
	struct inuse_addr from = iu_sim_dials_as(node, dest);
	uint32_t device = bound_to(node, dest);

	iu_sim_ask_route(sim, dest);
	if (device != 0 && !is_there(sim, device))
		sim->route.result = iu_addr_unmapped(dest).family == 4 ? INUSE_R_NODEV : INUSE_R_NETUNREACH;
	else if (device != 0 && iu_device_of(&sim->facts, dest) != device)
		leave_by(sim, device, dest);
	if (no_source(sim, node, &from, dest) != INUSE_R_OK)
		sim->route.result = no_source(sim, node, &from, dest);
	/* IPv4's loopback addresses leave the machine with nobody [C26] */
	if (sim->route.result == INUSE_R_OK && iu_addr_unmapped(dest).family == 4 && iu_addr_is_loopback(&from) &&
	    iu_dials_from(&sim->facts, &from, dest) && leaves(sim, device, dest))
		sim->route.result = INUSE_R_INVAL;
}

static struct inuse_addr with_port(const struct inuse_addr *a, uint16_t port)
{
	struct inuse_addr r = *a;

	r.port = port;
	return r;
}

/*
 * A SYN that nobody listens for is answered by what is left of an old connection over there, if there is something, which then gets a
 * RST. What was left of it here is gone already: the socket has taken its place.
 */
static struct iu_sim_answer refuse(struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *dest,
				   const struct iu_sim_answer *said)
{
	struct inuse_addr local = source_of(sim, node, dest);
	struct iu_caller caller = {.family = dest->family, .decided = sim->decided};
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct iu_sim_answer answer;
	struct inuse_verdict v;
	int old;

	local.port = node->s.local.port;
	old = remains_of(sim, node, &local, dest);
	if (old != NONE)
		iu_sim_done(sim, old);
	r.call = INUSE_CALL_ACCEPT;
	r.local = *dest;
	r.remote = local;
	iu_sim_view(sim);
	iu_judge_call(sim->profile, &sim->facts, &r, &caller, &v);
	old = iu_sim_find(sim, dest, &local, iu_sim_arrival(sim, node, dest), (int)(node - sim->nodes));
	if (old != NONE)
		iu_sim_rst(sim, old);
	answer = iu_sim_answer_of(&v);
	answer.rule = said->rule;
	return answer;
}

/*
 * What comes of a SYN that leaves the host, be it only because the socket is bound to a device, or for which a RST would not be heard. NULL:
 * it is answered.
 */
static const char *without_answer(struct iu_sim *sim, unsigned s, const struct inuse_addr *dest, uint32_t arrival)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);

	if (arrival == 0)
		return "EINPROGRESS";
	if (iu_answer_is_lost(&sim->facts, node->s.device, &node->s.local, dest) ||
	    (iu_addr_is_link_local6(&node->s.local) && iu_reset_is_lost(&sim->facts, &node->s.local, dest)))
		return meets_unheard(sim, node, arrival) ? "OK" : "EINPROGRESS";
	return iu_reset_is_lost(&sim->facts, &node->s.local, dest) && iu_sim_choices(sim, s, dest) == 0 ? "EINPROGRESS" : NULL;
}

/* What a link-local destination binds the socket to stays for good, whatever comes of the call, once the kernel has looked at it. */
static void keep_device(struct iu_sim_node *node, const struct inuse_addr *dest, const struct inuse_verdict *v)
{
	if (v->outcome != INUSE_FAIL || (v->result != INUSE_R_ISCONN && v->result != INUSE_R_ALREADY))
		iu_sim_bind_to_device(node, bound_to(node, dest));
}

/* What has become of the socket by a connect() that failed at once. given: the address that it had before. */
static struct iu_sim_answer give_up(struct iu_sim *sim, struct iu_sim_node *node, const struct inuse_addr *given,
				    const struct inuse_addr *dest, const struct inuse_verdict *v)
{
	bool refused = v->result == INUSE_R_CONNREFUSED, came_to_the_port = refused || v->result == INUSE_R_ADDRNOTAVAIL;
	struct iu_sim_answer answer = iu_sim_answer_of(v);

	/* it dialled with its shadow */
	if (iu_addr_is_mapped(&node->s.local) && !iu_addr_is_mapped(given)) {
		if (came_to_the_port)
			node->bound = node->s.local;
		else
			node->s.local = *given;
	}
	/* tcp_v6_connect() turns it into an IPv4 one, and back when that fails at once */
	if (node->s.family == 6 && iu_addr_is_mapped(dest) && (node->s.flags & INUSE_V6ONLY) == 0 && v->result != INUSE_R_ISCONN)
		node->went_v4 = refused;
	if (refused)
		node->shut_read = node->shut_write = false;
	if (refused && node->s.local.port != 0)
		answer = refuse(sim, node, dest, &answer);
	/* the address that was taken for it stays with a socket that once was bound to one: SOCK_BINDADDR_LOCK */
	if (node->addr_locked && !iu_dials_from(&sim->facts, &node->s.local, dest) && came_to_the_port) {
		struct inuse_addr source = with_port(&sim->route.source, node->s.local.port);

		move_to(sim, node, &source);
		node->bound = node->s.local;
	}
	/* a route that refuses it is asked about before the port, and leaves that alone */
	if (node->s.state == INUSE_BOUND && !node->locked && came_to_the_port)
		iu_sim_disconnect(sim, (int)(node - sim->nodes));
	return answer;
}

/*
 * A port that nobody listens on refuses, unless what is left of an old connection answers instead: which of the two, the automatic port
 * decides. Where that is known the SYN is judged from there. [syn/time-wait-without-listener]
 */
static void judge_from_port(struct iu_sim *sim, struct iu_sim_node *node, struct inuse_request *r, uint16_t chosen, struct inuse_verdict *v)
{
	int64_t first = sim->facts.settings[IU_SET_RANGE_FIRST], last = sim->facts.settings[IU_SET_RANGE_LAST];
	struct iu_decided *decided = sim->decided;
	struct inuse_request there = *r;
	struct inuse_verdict said;

	there.local.port = chosen == 0 && first == last ? (uint16_t)first : chosen;
	if (r->local.port != 0 || there.local.port == 0 || v->outcome != INUSE_FAIL || v->result != INUSE_R_CONNREFUSED)
		return;
	sim->decided = NULL; /* this is no other call */
	said = iu_sim_judge(sim, node, &there, 0);
	sim->decided = decided;
	if (said.outcome != INUSE_FAIL || said.result != INUSE_R_TIMEDOUT)
		return;
	*v = said;
	*r = there;
}

static struct iu_sim_answer start_connect(struct iu_sim *sim, unsigned s, const struct inuse_addr *to, uint16_t chosen)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	struct inuse_request r = iu_sim_request_of(sim, node, INUSE_CALL_CONNECT);
	const char *unanswered;
	struct inuse_addr dest = iu_sim_destination(sim, &node->s, to), given = node->s.local;
	struct iu_sim_answer answer;
	struct inuse_verdict v;
	uint32_t arrival;
	uint16_t port;

	node->s.local = r.local = iu_sim_dials_as(node, &dest);
	iu_sim_ask_route_of(sim, node, &dest);
	r.remote = dest;
	v = iu_sim_judge(sim, node, &r, iu_sim_claims(node, to, 0));
	sim->facts.n_routes = 1;
	keep_device(node, &dest, &v);
	judge_from_port(sim, node, &r, chosen, &v);
	if (v.outcome == INUSE_FAIL && v.result != INUSE_R_TIMEDOUT)
		return give_up(sim, node, &given, &dest, &v);
	port = r.local.port != 0 ? r.local.port : iu_sim_find_port(sim, node, &r, chosen);
	take_tuple(sim, node, &dest, port);
	/* an IPv6 socket that once dialled IPv4 gets no answers of IPv6 any more: tcp_v6_connect() leaves icsk_af_ops as they are */
	if (node->went_v4 && !iu_addr_is_mapped(&dest))
		return (struct iu_sim_answer){.text = "EINPROGRESS", .rule = v.rule};
	node->went_v4 |= node->s.family == 6 && iu_addr_is_mapped(&dest);
	/* a SYN to an address of many is answered by nobody: linux v6.18 tcp_v4_conn_request(), tcp_v4_send_reset() */
	arrival = iu_addr_is_of_many(&sim->facts, &dest) ? 0 : iu_sim_arrival(sim, node, &dest);
	if (arrival != 0 && dest.port == port && iu_addr_same(&dest, &node->s.local)) { /* it meets itself [C16] */
		node->peer = (int)(node - sim->nodes);
		node->s.state = INUSE_ESTABLISHED;
		if (sim->facts.settings[IU_SET_TIMESTAMPS] != 0)
			node->s.flags |= INUSE_TIMESTAMPS;
		return iu_sim_answer_of(&v);
	}
	unanswered = without_answer(sim, s, &dest, arrival);
	if (unanswered != NULL)
		return (struct iu_sim_answer){.text = unanswered, .rule = v.rule};
	answer = send_syn(sim, node, arrival);
	/* with a port that nobody has named it might have met something else */
	if (v.outcome == INUSE_CANNOT_TELL && (v.missing & INUSE_MISSING_DRAW) != 0 && r.local.port == 0 && chosen == 0)
		return iu_sim_answer_of(&v);
	/* what let the client pass tells more than that somebody listens */
	if (answer.rule == NULL || strcmp(answer.rule, "syn-accepted") == 0 || v.outcome == INUSE_FAIL)
		answer.rule = v.rule;
	return answer;
}

struct iu_sim_answer iu_sim_connect(struct iu_sim *sim, unsigned s, const struct inuse_addr *to, uint16_t chosen)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	struct iu_sim_answer answer;

	if (node->unreported && node->s.state == INUSE_ESTABLISHED) {
		node->unreported = false;
		return ok; /* the first call that finds the connection made says so [C25b] */
	}
	if ((sim->forbids & IU_SIM_FORBID_CONNECT) != 0)
		return (struct iu_sim_answer){.text = "EACCES"};
	if (node->in_repair) /* makes a connection without a packet: for checkpoints, and not simulated */
		return (struct iu_sim_answer){.text = "undocumented", .cannot_tell = true};
	answer = start_connect(sim, s, to, chosen);
	node->was_connected |= strcmp(answer.text, "OK") == 0;
	if (node->nonblocking && strcmp(answer.text, "OK") == 0) {
		node->unreported = true;
		answer.text = "EINPROGRESS";
	}
	return answer;
}
