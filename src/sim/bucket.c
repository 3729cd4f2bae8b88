/* SPDX-License-Identifier: MIT */
/*
 * What a port remembers, and what it remembers of each of its addresses.
 *
 * Theory of operation
 *
 * connect() shares a port only while everybody on it got it from connect(): the bucket of the port is marked then. Since 6.18 the mark comes
 * back when the last other one leaves. The kernel asks the buckets of the addresses for it, which have marks of their own, set when
 * the first socket comes, cleared by bind(), and looked at again whenever a socket leaves that address. A socket that moves to an
 * address, because it connects or becomes TIME-WAIT there, leaves its mark as it is. An address in both of its forms is one, and has that
 * in which the first socket came.
 */
#include "base/address.h"
#include "sim/host.h"

struct iu_bucket *iu_sim_bucket(struct iu_sim *sim, uint16_t port, bool make)
{
	for (size_t i = 0; i < sim->n_buckets; i++)
		if (sim->buckets[i].port == port)
			return &sim->buckets[i];
	if (!make || sim->n_buckets == BUCKETS)
		return NULL;
	sim->buckets[sim->n_buckets] = (struct iu_bucket){.port = port};
	return &sim->buckets[sim->n_buckets++];
}

/* The kernel's buckets are of an address, on whatever link: linux v6.18 net/ipv4/inet_hashtables.c inet_bind2_bucket_match() */
static bool is_of(const struct inuse_addr *a, const struct inuse_addr *b)
{
	struct inuse_addr x = *a, y = *b;

	x.scope = y.scope = 0;
	return a->port == b->port && iu_addr_same(&x, &y);
}

static struct iu_sim_mark *mark_of(struct iu_sim *sim, const struct inuse_addr *addr)
{
	for (size_t i = 0; i < sim->n_marks; i++)
		if (is_of(&sim->marks[i].addr, addr))
			return &sim->marks[i];
	return NULL;
}

/* The form of 0.0.0.0 is told in the port's bucket: on some kernels bind() depends on it. */
static void tell_any4(struct iu_sim *sim, const struct inuse_addr *addr, uint8_t family)
{
	struct iu_bucket *b = iu_sim_bucket(sim, addr->port, false);

	if (b != NULL && (iu_addr_is_mapped_any(addr) || (addr->family == 4 && iu_addr_is_any(addr))))
		b->any4 = family;
}

void iu_sim_join(struct iu_sim *sim, const struct iu_sim_node *node, bool by_bind)
{
	struct iu_sim_mark *mark = mark_of(sim, &node->s.local);

	if (mark != NULL) {
		mark->connect_only &= !by_bind;
	} else if (sim->n_marks < BUCKETS) {
		sim->marks[sim->n_marks++] =
			(struct iu_sim_mark){.addr = node->s.local, .connect_only = (node->s.flags & INUSE_PORT_LOCKED) == 0};
		tell_any4(sim, &node->s.local, node->s.local.family);
	}
}

void iu_sim_leave(struct iu_sim *sim, const struct inuse_addr *addr)
{
	struct iu_sim_mark *mark = mark_of(sim, addr);
	bool any = false, locked = false;

	for (int i = 0; mark != NULL && i < sim->top; i++) {
		const struct iu_sim_node *node = &sim->nodes[i];

		if (!node->used || !node->on_port || node->s.proto != INUSE_PROTO_TCP || !is_of(&node->s.local, addr))
			continue;
		any = true;
		locked |= (node->s.flags & INUSE_PORT_LOCKED) != 0;
	}
	if (mark != NULL && !any) {
		tell_any4(sim, addr, 0);
		*mark = sim->marks[--sim->n_marks];
	} else if (mark != NULL && !locked) {
		mark->connect_only = true;
	}
}

void iu_sim_off_bucket(struct iu_sim *sim, const struct inuse_addr *addr)
{
	struct iu_bucket *b = iu_sim_bucket(sim, addr->port, false);
	bool any = false, all = true;

	iu_sim_leave(sim, addr);
	for (size_t i = 0; i < sim->n_marks; i++)
		if (sim->marks[i].addr.port == addr->port) {
			any = true;
			all &= sim->marks[i].connect_only;
		}
	if (b != NULL && !any)
		*b = sim->buckets[--sim->n_buckets];
	else if (b != NULL && all && (sim->facts.features & IU_FEATURE_CONNECT_BIND) != 0)
		b->fastreuse = b->fastreuseport = -1;
}
