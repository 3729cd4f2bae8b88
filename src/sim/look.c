/* SPDX-License-Identifier: MIT */
/* Questions to the simulated host that change nothing. */
#include "base/address.h"
#include "sim/host.h"

struct inuse_addr iu_sim_local(const struct iu_sim *sim, unsigned s)
{
	const struct inuse_socket *socket = iu_sim_peek(sim, s);

	return socket != NULL ? socket->local : (struct inuse_addr){0};
}

const struct inuse_socket *iu_sim_peek(const struct iu_sim *sim, unsigned s)
{
	if (s >= IU_SIM_SOCKETS || sim->by_number[s] == NONE || !sim->nodes[sim->by_number[s]].used)
		return NULL;
	return &sim->nodes[sim->by_number[s]].s;
}

unsigned iu_sim_waiting(const struct iu_sim *sim, unsigned s)
{
	unsigned n = 0;

	for (int i = 0; iu_sim_peek(sim, s) != NULL && i < sim->top; i++)
		n += sim->nodes[i].used && sim->nodes[i].listener == sim->by_number[s];
	return n;
}

/*
 * Of a group with SO_REUSEPORT any may be chosen, even one that has been bound to another device since it joined: linux v6.18
 * inet_lookup_reuseport() asks reuseport_select_sock() without asking for the device again.
 */
static int fits_or_may(const struct iu_sim_node *l, const struct inuse_addr *to, uint32_t arrival)
{
	return !l->used || !l->on_port ? 0 : iu_sim_fits(&l->s, to, (l->s.flags & INUSE_REUSEPORT) != 0 ? l->s.device : arrival);
}

/* How well the best of them fits that the lookup can find by itself. */
static int best_of(const struct iu_sim *sim, const struct inuse_addr *to, uint32_t arrival)
{
	int best = 0;

	for (int i = 0; i < sim->top; i++) {
		const struct iu_sim_node *l = &sim->nodes[i];
		int here = l->used && l->on_port ? iu_sim_fits(&l->s, to, arrival) : 0;

		best = here > best ? here : best;
	}
	return best;
}

/* How many listeners may get a SYN to that address which arrives at that device. */
static unsigned choices(const struct iu_sim *sim, const struct inuse_addr *to, uint32_t arrival)
{
	unsigned n_best = 0, n_alike = 0;
	int best = best_of(sim, to, arrival);
	bool reuseport = false;

	for (int i = 0; best > 0 && i < sim->top; i++) {
		const struct iu_sim_node *l = &sim->nodes[i];
		int here = fits_or_may(l, to, arrival);

		if (here == 0 || (best >= IU_SIM_FITS_ADDRESS && here < IU_SIM_FITS_ADDRESS))
			continue;
		/* of an old connection it has a processor, and on that fits a little better: linux v6.18 compute_score(), sk_incoming_cpu */
		here += l->heard && here < best ? 1 : 0;
		/* and a listener in TCP_REPAIR is none that others can rely on */
		n_alike += l->in_repair ? 2 : 1;
		reuseport |= (l->s.flags & INUSE_REUSEPORT) != 0 || l->in_repair;
		n_best += here == best;
	}
	/* the first of a group that comes along ends the search, whoever would fit better */
	return reuseport ? n_alike : n_best;
}

unsigned iu_sim_choices(const struct iu_sim *sim, unsigned s, const struct inuse_addr *to)
{
	const struct iu_sim_node *node = iu_sim_peek(sim, s) != NULL ? &sim->nodes[sim->by_number[s]] : &sim->nobody;
	struct inuse_addr dest = iu_sim_destination(sim, &node->s, to);

	return choices(sim, &dest, iu_sim_arrival(sim, node, &dest));
}

unsigned iu_sim_peer_choices(const struct iu_sim *sim, unsigned p)
{
	return choices(sim, &sim->fars[p].to, iu_device_of(&sim->facts, &sim->fars[p].to));
}

bool iu_sim_is_unrefused(const struct iu_sim *sim, unsigned s, const struct inuse_addr *to)
{
	const struct inuse_socket *socket = iu_sim_peek(sim, s);

	return socket != NULL && iu_reset_is_lost(&sim->facts, &socket->local, to);
}

bool iu_sim_is_twice(const struct iu_sim *sim, unsigned s)
{
	const struct inuse_socket *socket = iu_sim_peek(sim, s);

	return socket != NULL && socket->remote.family != 0 &&
	       iu_sim_find(sim, &socket->local, &socket->remote, 0, sim->by_number[s]) != NONE;
}

bool iu_sim_has_request(const struct iu_sim *sim)
{
	return sim->has_request;
}

bool iu_sim_owes_ack(struct iu_sim *sim)
{
	bool owes = sim->owes_ack;

	sim->owes_ack = false;
	return owes;
}

bool iu_sim_request(struct iu_sim *sim, unsigned s, enum inuse_call call, const struct inuse_addr *to, uint8_t claims,
		    struct inuse_request *ret_request, struct iu_caller *ret_caller)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);

	if (call == INUSE_CALL_CONNECT && claims == IU_UNSPEC)
		return false;
	*ret_request = iu_sim_request_of(sim, node, call);
	*ret_caller = iu_sim_caller_of(sim, node, to != NULL ? iu_sim_claims(node, to, claims) : claims);
	if (to != NULL && call == INUSE_CALL_BIND) {
		ret_request->local = *to;
	} else if (to != NULL && call == INUSE_CALL_CONNECT) {
		ret_request->remote = iu_sim_destination(sim, &node->s, to);
		ret_request->local = iu_sim_dials_as(node, &ret_request->remote);
		iu_sim_ask_route_of(sim, node, &ret_request->remote);
	} else if (ret_request->local.family == 0) {
		ret_request->local = iu_addr_any(node->s.family, 0);
	}
	/* a sandbox is asked before the model, and who asks again how a connection has come about is told so */
	if (((sim->forbids & IU_SIM_FORBID_BIND) != 0 && call == INUSE_CALL_BIND) ||
	    (call == INUSE_CALL_CONNECT && ((sim->forbids & IU_SIM_FORBID_CONNECT) != 0 || node->unreported || node->in_repair)))
		return false;
	return !(call == INUSE_CALL_BIND && to != NULL && to->port == 0 && node->no_port && !node->on_port);
}

void iu_sim_count(struct iu_sim *sim, struct iu_decided *decided)
{
	sim->decided = decided;
}
