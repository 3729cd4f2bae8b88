/* SPDX-License-Identifier: MIT */
/* What a socket that exists already may no longer do, and addresses that do not fit it. linux-rules 1.1, 2 and 3.1. */
#include "base/address.h"
#include "model/rule.h"

/* What the socket is; UNKNOWN: it has neither port nor peer. */
static enum inuse_state state_of(const struct iu_world *w)
{
	return w->caller.self != NULL ? w->caller.self->state : INUSE_STATE_UNKNOWN;
}

/* An IPv6 socket is given an IPv4 sockaddr, which is shorter than its own [M17]. */
enum inuse_tri iu_pred_sockaddr_short(struct iu_world *w, uint32_t *missing)
{
	return iu_is(w->caller.family == 6 && w->caller.claims == 4);
}

/* bind() of an IPv4 socket takes AF_UNSPEC for AF_INET if the address is 0.0.0.0 [M15 M16]; for connect() it means something else. */
enum inuse_tri iu_pred_sockaddr_family(struct iu_world *w, uint32_t *missing)
{
	if (w->caller.claims == IU_UNSPEC)
		return iu_is(w->req.call != INUSE_CALL_CONNECT && (w->caller.family == 6 || !iu_addr_is_any(&w->req.local)));
	return iu_is(w->caller.family == 4 && w->caller.claims == 6);
}

enum inuse_tri iu_pred_bound_already(struct iu_world *w, uint32_t *missing)
{
	return iu_is(w->caller.self != NULL);
}

enum inuse_tri iu_pred_datagram(struct iu_world *w, uint32_t *missing)
{
	return iu_is(w->caller.datagram);
}

enum inuse_tri iu_pred_listening(struct iu_world *w, uint32_t *missing)
{
	return iu_is(state_of(w) == INUSE_LISTEN);
}

enum inuse_tri iu_pred_connecting(struct iu_world *w, uint32_t *missing)
{
	return iu_is(state_of(w) == INUSE_SYN_SENT);
}

/* A socket whose connection is being set up, is there, is being ended, or was: no socket connects or listens after that. */
enum inuse_tri iu_pred_connected(struct iu_world *w, uint32_t *missing)
{
	enum inuse_state state = state_of(w);

	return iu_is(w->caller.was_connected ||
		     (state != INUSE_STATE_UNKNOWN && state != INUSE_BOUND && state != INUSE_LISTEN));
}
