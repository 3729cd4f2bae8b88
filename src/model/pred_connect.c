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

enum inuse_tri iu_pred_dials_without_scope(struct iu_world *w, uint32_t *missing)
{
	return iu_is(iu_addr_is_link_local6(&w->req.remote) && w->req.remote.scope == 0 && w->req.device == 0);
}

/* A socket that is bound to a device, be it by its own link-local address, reaches none of another link. */
enum inuse_tri iu_pred_scope_differs(struct iu_world *w, uint32_t *missing)
{
	return iu_is(iu_addr_is_link_local6(&w->req.remote) && w->req.remote.scope != 0 && w->req.device != 0 &&
		     w->req.remote.scope != w->req.device);
}

enum inuse_tri iu_pred_mapped_by_v6only(struct iu_world *w, uint32_t *missing)
{
	return iu_is(iu_addr_is_mapped(&w->req.remote) && (w->req.flags & INUSE_V6ONLY) != 0);
}

/* From an IPv4 address in IPv6 clothes no IPv6 destination is reached. */
enum inuse_tri iu_pred_mapped_source(struct iu_world *w, uint32_t *missing)
{
	return iu_is(iu_addr_is_mapped(&w->req.local) && !iu_addr_is_mapped(&w->req.remote) && !iu_addr_is_any(&w->req.remote));
}

enum inuse_tri iu_pred_no_route(struct iu_world *w, uint32_t *missing)
{
	bool asked_first = route_says(w, INUSE_R_INVAL) == INUSE_YES || route_says(w, INUSE_R_NODEV) == INUSE_YES;

	/* multicast and broadcast are no destinations for TCP [C23]; for IPv4 the route is asked first */
	if (iu_addr_unmapped(&w->req.remote).family == 4 && asked_first)
		return INUSE_NO;
	if (iu_addr_is_multicast(&w->req.remote) || iu_addr_is_limited_broadcast(&w->req.remote) ||
	    iu_addr_is_broadcast(w->facts, &w->req.remote, w->req.device))
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

enum inuse_tri iu_pred_route_no_device(struct iu_world *w, uint32_t *missing)
{
	return route_says(w, INUSE_R_NODEV);
}

/* Is o the very 4-tuple? An owner bound to a device matches only a requester bound to the same one [C33]. */
static enum inuse_tri is_tuple(const struct iu_world *w, const struct inuse_socket *o, const struct inuse_addr *local,
			       const struct inuse_addr *remote, uint32_t *missing)
{
	enum inuse_tri elsewhere, from_there;
	uint32_t lacking = 0;

	if (!iu_socket_has_tuple(w, o, local->port) || o->state == INUSE_LISTEN || o->state == INUSE_BOUND ||
	    o->remote.port != remote->port || !iu_addr_same(&o->remote, remote))
		return INUSE_NO;
	elsewhere = iu_socket_is_elsewhere(w, o, &lacking);
	from_there = local->family == 0 ? INUSE_MAYBE : iu_is(iu_addr_same(&o->local, local));
	return iu_both(iu_not(elsewhere), lacking, from_there, INUSE_MISSING_ROUTE, missing);
}

static struct inuse_addr remote_of(const struct iu_world *w)
{
	struct inuse_addr r = w->req.remote;

	/* connect() to 0.0.0.0 means this host [C28], where the socket has an IPv4 address that very one */
	if (zero_means_loopback(&r) && iu_addr_unmapped(&r).family == 4 && iu_addr_unmapped(&w->req.local).family == 4 &&
	    iu_dials_from(w->facts, &w->req.local, &r)) {
		r = w->req.local;
		r.port = w->req.remote.port;
	} else if (zero_means_loopback(&r)) {
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
		uint32_t tuple_lacks = 0, fn_lacks = 0;
		enum inuse_tri hit = is_tuple(w, o, &local, &remote, &tuple_lacks), asked;

		asked = hit != INUSE_NO ? fn(w, o, &fn_lacks) : INUSE_NO;
		hit = iu_both(hit, tuple_lacks, asked, fn_lacks, missing);
		if (hit != INUSE_NO)
			iu_scan_add(&w->scan, o, NULL, hit == INUSE_YES);
		any = iu_or(any, hit);
	}
	return any;
}

/* Is it a mini socket that is left of a connection? */
static bool is_left(const struct inuse_socket *o)
{
	return o->mini && iu_socket_is_remains(o);
}

static enum inuse_tri live(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(!is_left(o));
}

static enum inuse_tri without_timestamps(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return is_left(o) ? iu_not(iu_socket_has(w, o, INUSE_TIMESTAMPS, INUSE_MISSING_TIMESTAMPS, missing)) : INUSE_NO;
}

static enum inuse_tri mini(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(is_left(o));
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

uint32_t iu_arrival(const struct iu_facts *f, uint32_t device, const struct inuse_addr *to)
{
	bool loopback = false;

	if (iu_addr_is_local(f, to) == INUSE_YES && (device == 0 || iu_device_of(f, to) == device))
		return iu_device_of(f, to);
	for (size_t i = 0; i < f->n_devices; i++)
		loopback |= device != 0 && f->devices[i].index == device && f->devices[i].loopback;
	return loopback && iu_addr_unmapped(to).family == 4 ? device : 0;
}

bool iu_answer_is_lost(const struct iu_facts *f, uint32_t device, const struct inuse_addr *from, const struct inuse_addr *to)
{
	return device != 0 && (iu_device_of(f, to) != device || (from->family != 0 && iu_device_of(f, from) != device));
}

bool iu_reset_is_lost(const struct iu_facts *f, const struct inuse_addr *from, const struct inuse_addr *to)
{
	bool strictly = iu_addr_is_link_local6(from) || (from->family == 6 && !iu_addr_is_mapped(from) && iu_addr_is_loopback(from));

	return strictly && iu_addr_is_local(f, to) == INUSE_YES && iu_device_of(f, to) != iu_device_of(f, from);
}

/* Is the other end of the connection to be in TIME-WAIT here? *ret: it, or the first that may be. */
static enum inuse_tri meets_time_wait(const struct iu_world *w, const struct inuse_socket **ret, uint32_t *missing)
{
	const struct inuse_addr remote = remote_of(w);
	enum inuse_tri any = INUSE_NO;
	uint32_t lacking = 0;

	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];
		enum inuse_tri from, port, met;

		if (!o->mini || o->state != INUSE_TIME_WAIT || !iu_socket_is_owner(w, o, remote.port) || !iu_addr_same(&o->local, &remote))
			continue;
		from = w->source.family == 0 ? INUSE_MAYBE : iu_is(iu_addr_same(&o->remote, &w->source));
		port = w->req.local.port == 0 ? INUSE_MAYBE : iu_is(w->req.local.port == o->remote.port);
		met = iu_both(from, INUSE_MISSING_ROUTE, port, INUSE_MISSING_DRAW, &lacking);
		if (met == INUSE_YES || (met == INUSE_MAYBE && any == INUSE_NO))
			*ret = o;
		any = iu_or(any, met);
	}
	if (any == INUSE_MAYBE)
		*missing |= lacking;
	return any;
}

/*
 * A TIME-WAIT of this host, on the side that is dialled, has the port of the caller. It answers a SYN although nobody listens, and
 * with net.ipv4.tcp_rfc1337=1 the RST that the answer gets changes nothing [P09].
 */
enum inuse_tri iu_pred_nobody_answers(struct iu_world *w, uint32_t *missing)
{
	uint32_t rfc1337_lacks = 0, nobody_lacks = 0, meets_lacks = 0, lacking = 0, all = 0;
	enum inuse_tri rfc1337 = iu_setting_on(w->facts, IU_SET_RFC1337, &rfc1337_lacks), nobody, silent, meets, answer;
	const struct inuse_socket *met = NULL;

	if (rfc1337 == INUSE_NO)
		return INUSE_NO;
	nobody = iu_pred_nobody_listens(w, &nobody_lacks);
	silent = iu_both(rfc1337, rfc1337_lacks, nobody, nobody_lacks, &lacking);
	meets = meets_time_wait(w, &met, &meets_lacks);
	answer = iu_both(silent, lacking, meets, meets_lacks, &all);
	/* with an answer it fails, and without one: where somebody may listen, that alone decides, and the row of nobody-listens names it */
	if (nobody != INUSE_MAYBE)
		*missing |= all;
	if (answer != INUSE_NO)
		iu_scan_add(&w->scan, met, NULL, answer == INUSE_YES);
	return answer;
}

/* Whoever comes from an address that only this host can have dials this host, if it dials that. */
static bool is_own_source(const struct iu_world *w, const struct inuse_addr *remote)
{
	int64_t nonlocal;
	bool known = iu_setting(w->facts, iu_addr_unmapped(remote).family == 4 ? IU_SET_NONLOCAL_BIND : IU_SET_NONLOCAL_BIND6, &nonlocal);

	return w->source.family != 0 && iu_addr_same(&w->source, remote) && known && nonlocal == 0 &&
	       (w->req.flags & (INUSE_FREEBIND | INUSE_TRANSPARENT)) == 0;
}

/* Only this host's own ports can be known to be closed; what another host says is not this host's to tell. */
enum inuse_tri iu_pred_nobody_listens(struct iu_world *w, uint32_t *missing)
{
	struct inuse_addr remote = remote_of(w);
	uint32_t lacking = 0;
	enum inuse_tri local, listens;

	if (iu_answer_is_lost(w->facts, w->req.device, &w->source, &remote) || iu_reset_is_lost(w->facts, &w->source, &remote))
		return INUSE_NO;
	local = is_own_source(w, &remote) ? INUSE_YES : iu_addr_is_local(w->facts, &remote);
	listens = local != INUSE_NO ? iu_listener_for(w, &remote, &lacking) : INUSE_NO;
	return iu_both(local, INUSE_MISSING_ADDRESSES, iu_not(listens), lacking, missing);
}
