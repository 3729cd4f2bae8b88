/* SPDX-License-Identifier: MIT */
/* What a bind() or listen() would find on its port. */
#include "base/address.h"
#include "sim/host.h"

size_t iu_sim_owners(struct iu_sim *sim, unsigned s, enum inuse_call call, const struct inuse_addr *addr, struct iu_sim_owner *ret,
		     size_t max)
{
	struct iu_sim_node *node = iu_sim_node_of(sim, s);
	struct iu_caller caller = {.family = node->s.family};
	struct inuse_request r = iu_sim_request_of(sim, node, call);
	int self = (int)(node - sim->nodes);
	size_t n = 0;

	if (addr != NULL)
		r.local = *addr;
	if (r.local.family == 0)
		r.local = iu_addr_any(node->s.family, 0);
	iu_sim_view(sim);
	if (self >= 0 && self < NODES && sim->view_of[self] != NONE)
		caller.self = &sim->view[sim->view_of[self]];
	for (size_t i = 0; r.local.port != 0 && i < sim->facts.n_sockets && n < max; i++) {
		struct iu_sim_owner owner = {.socket = sim->view[i]};

		if (&sim->view[i] == caller.self)
			continue;
		owner.blocks = iu_judge_owner(sim->profile, &sim->facts, &r, &caller, &sim->view[i], &owner.rule);
		if (owner.rule != NULL)
			ret[n++] = owner;
	}
	return n;
}
