/* SPDX-License-Identifier: MIT */
/* What FreeBSD and macOS have in common: in_pcbbind() of BSD. */
#include "base/address.h"
#include "model/rule.h"

bool iu_bsd_is_connected(const struct inuse_socket *o)
{
	return o->mini || (o->state != INUSE_LISTEN && o->state != INUSE_BOUND);
}

static bool same_address(const struct iu_world *w, const struct inuse_socket *o)
{
	struct inuse_addr a = iu_addr_unmapped(&o->local), b = iu_addr_unmapped(&w->req.local);

	return a.family == b.family && iu_addr_same(&a, &b);
}

enum inuse_tri iu_pred_bsd_both_reuseport(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if ((w->req.flags & INUSE_REUSEPORT) == 0)
		return INUSE_NO;
	return iu_socket_has(w, o, INUSE_REUSEPORT, INUSE_MISSING_REUSEPORT, missing);
}

enum inuse_tri iu_pred_bsd_not_the_same(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	/* either option makes the lookup one for exactly this address, unconnected: without INPLOOKUP_WILDCARD */
	return iu_is((w->req.flags & (INUSE_REUSEADDR | INUSE_REUSEPORT)) != 0 &&
		     (iu_bsd_is_connected(o) || !same_address(w, o)));
}

/* in_pcb_lport() looks a port up as bind() does that names it: with SO_REUSEADDR connections and TIME-WAIT take none. */
static enum inuse_tri takes_port(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_and(iu_owner_overlaps(w, o, missing), iu_not(iu_pred_bsd_not_the_same(w, o, missing)));
}

enum inuse_tri iu_pred_bsd_ports_exhausted(struct iu_world *w, uint32_t *missing)
{
	return iu_ports_exhausted(w, takes_port, missing);
}

enum inuse_tri iu_bsd_of_another_user(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (w->req.uid == 0)
		return INUSE_NO;
	/* what is left of a connection is nobody's to Linux, where these facts are from; BSD remembers whose it was */
	if (o->mini || (o->known & INUSE_KNOW_UID) == 0) {
		*missing |= INUSE_MISSING_UID;
		return INUSE_MAYBE;
	}
	return iu_is(o->uid != w->req.uid);
}
