/* SPDX-License-Identifier: MIT */
/* One socket by itself: does it stand in the way of a call, and what is it? */
#include "cure/in_the_way.h"

#include "model/judge.h"

bool iu_is_in_the_way(const struct inuse_request *requests, size_t n, const struct iu_facts *context,
		      const struct inuse_socket *socket)
{
	struct inuse_socket here = *socket;
	/* buckets_known and no bucket: what a port remembers lets somebody in, and is nobody's fault */
	struct iu_facts facts = {.sockets = &here, .n_sockets = 1, .buckets_known = true};

	here.netns = 0;
	if (context != NULL) {
		facts.os = context->os;
		facts.features = context->features;
		facts.routes = context->routes;
		facts.n_routes = context->n_routes;
	}
	for (size_t i = 0; i < n; i++) {
		struct inuse_request request = requests[i];
		struct inuse_verdict v;

		/* what is wrong with the address or with the rights of the caller is not this socket's doing */
		request.may_bind_low = INUSE_YES;
		request.flags |= INUSE_FREEBIND;
		iu_judge_bare(iu_profile_of(&facts), &facts, &request, NULL, &v);
		if (v.outcome != INUSE_GO && v.n_blockers > 0)
			return true;
	}
	return false;
}

static bool knows(const struct inuse_socket *o, uint32_t bits)
{
	return (o->known & bits) == bits;
}

/* FIN sent, or both: a connection that nobody has accepted yet cannot be in these. */
static bool is_closed_here(const struct inuse_socket *o)
{
	return o->state == INUSE_FIN_WAIT1 || o->state == INUSE_FIN_WAIT2 || o->state == INUSE_CLOSING ||
	       o->state == INUSE_LAST_ACK;
}

enum iu_kind iu_kind_of(const struct inuse_socket *o)
{
	bool orphan = is_closed_here(o) && knows(o, INUSE_KNOW_INODE) && o->inode == 0;

	if (o->mini)
		return IU_KIND_REMAINS;
	if ((o->flags & INUSE_KERNEL) != 0)
		return IU_KIND_KERNEL;
	if (o->state == INUSE_LISTEN)
		return IU_KIND_HOLDER;
	if (knows(o, INUSE_KNOW_PORT_LOCKED) && (o->flags & INUSE_PORT_LOCKED) == 0)
		return IU_KIND_CLIENT; /* bound to port 0, if it is only bound */
	if (o->state == INUSE_BOUND)
		return IU_KIND_HOLDER;
	if (orphan)
		return knows(o, INUSE_KNOW_PORT_LOCKED) ? IU_KIND_ORPHAN : IU_KIND_UNSURE;
	return knows(o, INUSE_KNOW_PORT_LOCKED) ? IU_KIND_CONNECTION : IU_KIND_UNSURE;
}

enum iu_kind iu_kind_beside(const struct inuse_socket *o, const struct inuse_socket *listeners, size_t n)
{
	struct iu_facts facts = {.sockets = listeners, .n_sockets = n};
	struct iu_world world = {.profile = &iu_profile_linux, .facts = &facts};
	enum iu_kind kind = iu_kind_of(o);
	uint32_t missing = 0;

	if (kind != IU_KIND_UNSURE || n == 0 || iu_listener_for(&world, &o->local, &missing) != INUSE_YES)
		return kind;
	return is_closed_here(o) && o->inode == 0 ? IU_KIND_ORPHAN : IU_KIND_CONNECTION;
}
