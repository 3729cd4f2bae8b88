/* SPDX-License-Identifier: MIT */
/* Listeners: which one a SYN comes to, what it makes of it, and accept(). */
#include "base/address.h"
#include "sim/host.h"

int iu_sim_fits(const struct inuse_socket *l, const struct inuse_addr *to, uint32_t arrival)
{
	struct inuse_addr u = iu_addr_unmapped(to);
	int of_device = l->device != 0 ? 1 : 0, of_family = l->family == u.family ? 1 : 0;

	if (l->state != INUSE_LISTEN || l->local.port != to->port || (iu_addr_is_mapped(&l->local) && (l->flags & INUSE_V6ONLY) != 0) ||
	    (l->device != 0 && l->device != arrival))
		return 0;
	/* the address counts most, the device as much as the family: linux v6.18 compute_score(), __inet_lookup_listener() */
	if (iu_addr_is_mapped_any(&l->local) || (iu_addr_is_any(&l->local) && l->family == 4))
		return u.family == 4 ? 1 + of_device + of_family : 0;
	if (iu_addr_is_any(&l->local))
		return u.family == 6 || (l->flags & INUSE_V6ONLY) == 0 ? 1 + of_device + of_family : 0;
	return iu_addr_same(&l->local, to) ? IU_SIM_FITS_ADDRESS + of_device + of_family : 0;
}

int iu_sim_listener_for(const struct iu_sim *sim, const struct inuse_addr *to, uint32_t arrival)
{
	int best = NONE, rank = 0;

	for (int i = 0; i < sim->top; i++) {
		int here = sim->nodes[i].used && sim->nodes[i].on_port ? iu_sim_fits(&sim->nodes[i].s, to, arrival) : 0;

		if (here > rank) {
			rank = here;
			best = i;
		}
	}
	return best;
}

bool iu_sim_queue_full(const struct iu_sim *sim, int listener)
{
	size_t n = 0;

	for (int i = 0; i < sim->top; i++)
		n += sim->nodes[i].used && sim->nodes[i].listener == listener;
	return n > sim->nodes[listener].backlog;
}

int iu_sim_child_new(struct iu_sim *sim, int listener, const struct inuse_addr *local, const struct inuse_addr *remote)
{
	int n = iu_sim_node_new(sim);
	struct iu_sim_node *child, *l = &sim->nodes[listener];

	if (n == NONE)
		return NONE;
	child = &sim->nodes[n];
	child->s = l->s;
	child->s.state = INUSE_ESTABLISHED;
	child->s.inode = 0;
	child->s.flags |= INUSE_PORT_LOCKED;
	child->s.flags &= ~(uint32_t)INUSE_GROUP; /* the group is the listener's */
	child->s.local = iu_addr_as_family(local, l->s.family);
	child->s.remote = iu_addr_as_family(remote, l->s.family);
	child->on_port = true;
	iu_sim_join(sim, child, false);
	/* a link-local peer is one of its link: linux v6.18 tcp_v6_init_req() */
	if (child->s.device == 0 && iu_addr_is_link_local6(&child->s.remote))
		child->s.device = iu_device_of(&sim->facts, remote);
	/* which link it is says the device alone */
	if (iu_addr_is_link_local6(&child->s.remote))
		child->s.remote.scope = child->s.device;
	if (iu_addr_is_link_local6(&child->s.local))
		child->s.local.scope = child->s.device;
	child->listener = listener;
	child->in_repair = l->in_repair;
	child->heard = true;
	child->addr_locked = l->addr_locked; /* and not its port: linux v6.18 sk_clone_lock() */
	child->went_v4 = iu_addr_is_mapped(&child->s.local);
	child->has_shadow = l->s.family == 6 && !child->went_v4; /* linux v6.18 tcp_v6_syn_recv_sock() */
	child->no_port = l->no_port;
	child->ports = l->ports;
	child->linger = l->linger;
	child->linger2 = l->linger2;
	child->shut_read = l->shut_read;
	child->shut_write = l->shut_write;
	child->order = ++sim->next;
	iu_sim_bucket(sim, child->s.local.port, true);
	return n;
}

struct iu_sim_answer iu_sim_accept(struct iu_sim *sim, unsigned s, unsigned child)
{
	struct iu_sim_node *l = iu_sim_node_of(sim, s), *c;
	int first = NONE;

	if (l->s.state != INUSE_LISTEN)
		return (struct iu_sim_answer){.text = "EINVAL"};
	for (int i = 0; i < sim->top; i++)
		if (sim->nodes[i].used && sim->nodes[i].listener == (int)(l - sim->nodes) &&
		    (first == NONE || sim->nodes[i].order < sim->nodes[first].order))
			first = i;
	if (first == NONE)
		return (struct iu_sim_answer){.text = "EAGAIN"};
	c = &sim->nodes[first];
	c->listener = NONE;
	c->was_connected = true;
	c->refs = 1;
	c->s.uid = sim->uid;
	c->s.inode = ++sim->next;
	sim->by_number[child] = first;
	return (struct iu_sim_answer){.text = "OK"};
}
