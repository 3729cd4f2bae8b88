/* SPDX-License-Identifier: MIT */
/* connect(): routes, and the 4-tuple of a fixed port. linux-rules 3.1 and 3.2. */
#include "base/address.h"
#include "model/rule.h"

static bool zero_means_loopback(const struct inuse_addr *a)
{
	return iu_addr_is_any(a) || iu_addr_is_mapped_any(a);
}

static enum inuse_tri route_says(const struct iu_world *w, enum inuse_result result)
{
	for (size_t i = 0; i < w->facts->n_routes; i++)
		if (iu_addr_same(&w->facts->routes[i].remote, &w->req.remote))
			return iu_is(w->facts->routes[i].result == result);
	return INUSE_NO; /* not asked: nothing is known to be in the way */
}

enum inuse_tri iu_pred_mapped_by_v6only(struct iu_world *w, uint32_t *missing)
{
	return iu_is(iu_addr_is_mapped(&w->req.remote) && (w->req.flags & INUSE_V6ONLY) != 0);
}

enum inuse_tri iu_pred_no_route(struct iu_world *w, uint32_t *missing)
{
	/* multicast and broadcast are no destinations for TCP [C23] */
	if (iu_addr_is_multicast(&w->req.remote))
		return INUSE_YES;
	return route_says(w, INUSE_R_NETUNREACH);
}

enum inuse_tri iu_pred_unreachable(struct iu_world *w, uint32_t *missing)
{
	return route_says(w, INUSE_R_HOSTUNREACH);
}

enum inuse_tri iu_pred_prohibited(struct iu_world *w, uint32_t *missing)
{
	return route_says(w, INUSE_R_ACCES);
}

enum inuse_tri iu_pred_route_invalid(struct iu_world *w, uint32_t *missing)
{
	return route_says(w, INUSE_R_INVAL);
}

/* Is o the very 4-tuple? An owner bound to a device matches only a requester bound to the same one [C33]. */
static enum inuse_tri is_tuple(const struct iu_world *w, const struct inuse_socket *o, const struct inuse_addr *local,
			       const struct inuse_addr *remote, uint32_t *missing)
{
	if (!iu_socket_is_owner(w, o, local->port) || o->state == INUSE_LISTEN || o->state == INUSE_BOUND ||
	    o->remote.port != remote->port || !iu_addr_same(&o->remote, remote))
		return INUSE_NO;
	if ((o->known & INUSE_KNOW_DEVICE) != 0 && o->device != 0 && o->device != w->req.device)
		return INUSE_NO;
	if (local->family == 0) {
		*missing |= INUSE_MISSING_ROUTE;
		return INUSE_MAYBE;
	}
	return iu_is(iu_addr_same(&o->local, local));
}

static struct inuse_addr remote_of(const struct iu_world *w)
{
	struct inuse_addr r = w->req.remote;

	if (zero_means_loopback(&r)) { /* connect() to 0.0.0.0 means this host [C28] */
		r = iu_addr_any(iu_addr_unmapped(&r).family ? iu_addr_unmapped(&r).family : 4, r.port);
		r.ip[r.family == 4 ? 0 : 15] = r.family == 4 ? 127 : 1;
		if (r.family == 4)
			r.ip[3] = 1;
	}
	return r;
}

typedef enum inuse_tri tuple_fn(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing);

static enum inuse_tri find_tuple(struct iu_world *w, tuple_fn *fn, uint32_t *missing)
{
	struct inuse_addr remote = remote_of(w), local = w->source;
	enum inuse_tri any = INUSE_NO;

	if (w->req.local.port == 0)
		return INUSE_NO;
	local.port = w->req.local.port;
	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];
		enum inuse_tri hit = is_tuple(w, o, &local, &remote, missing);

		if (hit != INUSE_NO)
			hit = iu_and(hit, fn(w, o, missing));
		if (hit != INUSE_NO)
			iu_scan_add(&w->scan, o, NULL, hit == INUSE_YES);
		any = iu_or(any, hit);
	}
	return any;
}

static enum inuse_tri live(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(!o->mini);
}

static enum inuse_tri without_timestamps(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return o->mini ? iu_not(iu_socket_has(w, o, INUSE_TIMESTAMPS, INUSE_MISSING_TIMESTAMPS, missing)) : INUSE_NO;
}

static enum inuse_tri mini(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(o->mini);
}

enum inuse_tri iu_pred_tuple_live(struct iu_world *w, uint32_t *missing)
{
	return find_tuple(w, live, missing);
}

enum inuse_tri iu_pred_tuple_no_timestamps(struct iu_world *w, uint32_t *missing)
{
	return find_tuple(w, without_timestamps, missing);
}

enum inuse_tri iu_pred_tuple_timestamps(struct iu_world *w, uint32_t *missing)
{
	return find_tuple(w, mini, missing);
}

/* Only this host's own ports can be known to be closed; what another host says is not this host's to tell. */
enum inuse_tri iu_pred_nobody_listens(struct iu_world *w, uint32_t *missing)
{
	struct inuse_addr remote = remote_of(w);
	uint32_t lacking = 0;

	if (iu_addr_is_local(w->facts, &remote) != INUSE_YES || !iu_port_covered(w->facts, remote.port))
		return INUSE_NO;
	return iu_is(iu_listener_for(w, &remote, &lacking) == INUSE_NO);
}
