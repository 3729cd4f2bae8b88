/* SPDX-License-Identifier: MIT */
/*
 * Ports that the kernel chooses: port 0 of bind(), automatic ports of connect(). linux-rules 1.5 and 3.3.
 *
 * Theory of operation
 *
 * Both searches go through the range minus the reserved ports. One pass over the sockets, and one over each list of ports, marks
 * every port as free, perhaps usable, taken or reserved; an array of 64 KiB on the stack, no allocation.
 */
#include <string.h>

#include "base/address.h"
#include "model/rule.h"

#define LOOPBACK_IFINDEX 1

/* Beside one of the others, SEEN: the port's bucket is known; SHARED: and marked as one that only connect() has given away. */
enum mark { FREE, MAYBE_USABLE, TAKEN, RESERVED, SHARED = 4, SEEN = 8 };

static enum mark mark_of(const uint8_t marks[IU_ALL_PORTS], int64_t port)
{
	return (enum mark)(marks[port] & ~(SHARED | SEEN));
}

static bool read_range(const struct iu_world *w, int64_t *first, int64_t *last, uint32_t *missing)
{
	const struct iu_range *own = &w->caller.ports;

	if (!iu_setting(w->facts, IU_SET_RANGE_FIRST, first) || !iu_setting(w->facts, IU_SET_RANGE_LAST, last) || *first < 0 ||
	    *last > 65535 || w->facts->n_covered != 0) {
		*missing |= INUSE_MISSING_RANGE;
		return false;
	}
	/* IP_LOCAL_PORT_RANGE: a bound that is outside of the setting's range is not taken at all [Z08] */
	if (own->first != 0 && own->first >= *first && own->first <= *last)
		*first = own->first;
	if (own->last != 0 && own->last >= *first && own->last <= *last)
		*last = own->last;
	return true;
}

/*
 * One search: random start, every second port, then the others, in pairs. Of an odd number of ports above one that leaves out
 * the first or the last, as chance has it; of three ports always the last. linux v6.18 inet_csk_find_open_port(),
 * __inet_hash_connect(): remaining &= ~1U.
 */
static enum inuse_tri search(struct iu_world *w, const uint8_t marks[IU_ALL_PORTS], int64_t first, int64_t last, bool pairs, uint64_t *maybe)
{
	bool odd = pairs && last > first && (last - first) % 2 == 0;
	unsigned drawn = 0;
	uint64_t left = 0, open = 0;

	for (int64_t p = first; p <= last; p++) {
		bool draw = odd && (p == last || (p == first && last - first > 2));

		if (mark_of(marks, p) == RESERVED)
			continue;
		w->ports_total++;
		if (odd && p == last && last - first == 2)
			continue;
		drawn += draw && mark_of(marks, p) == FREE;
		left += !draw && mark_of(marks, p) == FREE;
		open += mark_of(marks, p) == MAYBE_USABLE || (draw && mark_of(marks, p) == FREE);
	}
	left += drawn == 2;
	w->ports_left += left;
	*maybe += open;
	return left > 0 ? INUSE_NO : open > 0 ? INUSE_MAYBE : INUSE_YES;
}

struct iu_range iu_upper_half(struct iu_range *ports)
{
	struct iu_range upper = {(uint16_t)(ports->first + (ports->last + 1 - ports->first) / 4 * 2), ports->last};

	if (ports->last - ports->first < 3)
		return (struct iu_range){1, 0};
	ports->last = upper.first - 1;
	return upper;
}

static enum inuse_tri count(struct iu_world *w, uint8_t marks[IU_ALL_PORTS], int64_t first, int64_t last, uint32_t *missing)
{
	bool connects = w->req.call == INUSE_CALL_CONNECT;
	/* linux v6.8 __inet_hash_connect(): step = local_ports ? 1 : 2; before, every search was in pairs [own-range-odd] */
	bool pairs = !connects || w->caller.ports.first == 0 || (w->facts->features & IU_FEATURE_WHOLE_OWN_RANGE) == 0;
	struct iu_range ports = {(uint16_t)first, (uint16_t)last}, upper = {1, 0};
	uint64_t maybe = 0;
	enum inuse_tri exhausted;

	iu_ports_mark_reserved(w->facts, marks, RESERVED);
	w->ports_total = w->ports_left = 0;
	if (!connects && (w->req.flags & INUSE_REUSEADDR) != 0)
		upper = iu_upper_half(&ports);
	exhausted = search(w, marks, ports.first, ports.last, pairs, &maybe);
	if (upper.first <= upper.last)
		exhausted = iu_and(exhausted, search(w, marks, upper.first, upper.last, pairs, &maybe));
	if (exhausted == INUSE_MAYBE) {
		w->ports_left = maybe;
		if (*missing == 0)
			*missing = INUSE_MISSING_DRAW;
	}
	return exhausted;
}

/*
 * net.ipv4.ip_autobind_reuse: a second search, in which SO_REUSEADDR on both counts, but not where SO_REUSEPORT would let them
 * share the port [Z02]
 */
static enum inuse_tri takes_from_bind(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	uint32_t overlaps_lacks = 0, devices_lacks = 0, reuse_lacks = 0, reuseport_lacks = 0, met_lacks = 0, shared_lacks = 0, lacking = 0;
	enum inuse_tri overlaps = iu_owner_overlaps(w, o, &overlaps_lacks), differ = iu_pred_devices_differ(w, o, &devices_lacks);
	enum inuse_tri met = iu_both(overlaps, overlaps_lacks, iu_not(differ), devices_lacks, &met_lacks);
	enum inuse_tri reuse = iu_pred_both_reuse(w, o, &reuse_lacks), reuseport = iu_pred_both_reuseport(w, o, &reuseport_lacks);
	enum inuse_tri shared = iu_both(reuse, reuse_lacks, iu_not(reuseport), reuseport_lacks, &lacking);
	uint32_t autobind_lacks = 0;
	enum inuse_tri autobind = iu_setting_on(w->facts, IU_SET_AUTOBIND_REUSE, &autobind_lacks);

	shared = iu_both(shared, lacking, autobind, INUSE_MISSING_SETTING, &shared_lacks);
	return iu_both(met, met_lacks, iu_not(shared), shared_lacks, missing);
}

/* Then some port is left whatever the range is. */
static bool no_port_is_taken(const struct iu_world *w, const uint8_t marks[IU_ALL_PORTS])
{
	if (w->facts->n_covered != 0 || w->facts->n_reserved != 0 || w->facts->n_excluded != 0)
		return false;
	for (uint32_t p = 0; p < IU_ALL_PORTS; p++)
		if (mark_of(marks, p) != FREE)
			return false;
	return true;
}

enum inuse_tri iu_ports_exhausted(struct iu_world *w, iu_owner_when *takes_port, uint32_t *missing)
{
	uint8_t marks[IU_ALL_PORTS];
	enum inuse_tri exhausted;
	uint32_t range_lacks = 0;
	int64_t first, last;

	if (w->req.local.port != 0)
		return INUSE_NO;
	memset(marks, FREE, sizeof(marks));
	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];
		uint32_t lacking = 0;
		enum inuse_tri takes;

		if (!iu_socket_is_owner(w, o, o->local.port) || o->local.port == 0)
			continue;
		takes = takes_port(w, o, &lacking);
		if (takes == INUSE_YES || (takes == INUSE_MAYBE && marks[o->local.port] == FREE))
			marks[o->local.port] = takes == INUSE_YES ? TAKEN : MAYBE_USABLE;
		if (takes == INUSE_MAYBE)
			*missing |= lacking;
	}
	if (!read_range(w, &first, &last, &range_lacks)) {
		*missing |= range_lacks;
		return no_port_is_taken(w, marks) ? INUSE_NO : INUSE_MAYBE;
	}
	exhausted = count(w, marks, first, last, missing);
	if (exhausted == INUSE_NO)
		*missing = 0;
	return exhausted;
}

/* bind(:0) takes no port on which any overlapping owner of the same device stands, whatever the flags [Z01 Z03]. */
enum inuse_tri iu_pred_ports_exhausted(struct iu_world *w, uint32_t *missing)
{
	return iu_ports_exhausted(w, takes_from_bind, missing);
}

enum inuse_tri iu_pred_port_automatic(struct iu_world *w, uint32_t *missing)
{
	return iu_is(w->req.local.port == 0);
}

/*
 * What net.ipv4.tcp_tw_reuse=2 means by loopback: one of the addresses is, or the socket was bound to lo, whose index is 1 in every
 * namespace. linux v6.18 net/ipv4/tcp_ipv4.c tcp_twsk_unique(); connect/time-wait-takeover-not-loopback.
 */
static enum inuse_tri was_on_loopback(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (iu_addr_is_loopback(&o->local) || iu_addr_is_loopback(&o->remote))
		return INUSE_YES;
	if (iu_socket_device_known(w, o))
		return iu_is(o->device == LOOPBACK_IFINDEX);
	if (w->req.device != LOOPBACK_IFINDEX)
		return INUSE_NO; /* bound to lo it would be another connection */
	*missing |= INUSE_MISSING_DEVICE;
	return INUSE_MAYBE;
}

/* Does net.ipv4.tcp_tw_reuse allow it? */
static enum inuse_tri is_allowed(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	int64_t reuse;

	if (!iu_setting(w->facts, IU_SET_TW_REUSE, &reuse)) {
		*missing |= INUSE_MISSING_SETTING;
		return INUSE_MAYBE;
	}
	return reuse == 2 ? was_on_loopback(w, o, missing) : iu_is(reuse != 0);
}

/*
 * Has it been in TIME-WAIT for net.ipv4.tcp_tw_reuse_delay? Before 6.14 that is a second, of which the kernel's clock counts whole ones:
 * the next may begin at any moment. linux v6.13 net/ipv4/tcp_ipv4.c tcp_twsk_unique()
 */
static enum inuse_tri is_old_enough(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	int64_t delay_ms, entered_ns = o->since_ns != 0 ? o->since_ns : o->free_at_ns - 60 * 1000000000ll;
	int64_t age_ns = w->facts->now_ns - entered_ns;
	bool known = iu_setting(w->facts, IU_SET_TW_REUSE_DELAY, &delay_ms), whole = (w->facts->features & IU_FEATURE_TW_DELAY) == 0;

	if (known && delay_ms == 0)
		return INUSE_YES;
	if (known && (o->since_ns != 0 || o->free_at_ns != 0) && (age_ns <= 0 || age_ns >= delay_ms * 1000000 || !whole))
		return iu_is(age_ns >= delay_ms * 1000000);
	*missing |= known ? INUSE_MISSING_TIMER : INUSE_MISSING_SETTING;
	return INUSE_MAYBE;
}

/* TIME-WAIT to the same destination that a client may take over: tcp_tw_reuse and its delay [C05-C11]. */
static enum inuse_tri may_take_over(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	uint32_t allowed_lacks = 0, age_lacks = 0, stamp_lacks = 0, lacking = 0;
	enum inuse_tri allowed, old, stamped;

	if (!o->mini || o->state != INUSE_TIME_WAIT || w->profile->tuple_waits)
		return INUSE_NO;
	allowed = is_allowed(w, o, &allowed_lacks);
	old = is_old_enough(w, o, &age_lacks);
	allowed = iu_both(allowed, allowed_lacks, old, age_lacks, &lacking);
	stamped = iu_socket_has(w, o, INUSE_TIMESTAMPS, INUSE_MISSING_TIMESTAMPS, &stamp_lacks);
	return iu_both(allowed, lacking, stamped, stamp_lacks, missing);
}

/*
 * connect() shares a port that is marked as one that only connect() has given away. The mark is that of the bucket, where that can be seen:
 * it comes and goes a little later than the sockets say. linux v6.18 __inet_hash_connect(), inet_bind_bucket_destroy()
 */
static enum inuse_tri is_locked(const struct iu_world *w, const struct inuse_socket *o, enum inuse_tri shared, uint32_t *missing)
{
	bool sticks = (w->facts->features & IU_FEATURE_CONNECT_BIND) == 0;
	enum inuse_tri locked;
	uint32_t lacking = 0;

	/* before 6.18 the mark stays when the last one that is not connect()'s has left */
	if (shared == INUSE_YES || (w->facts->buckets_known && sticks))
		return iu_is(shared != INUSE_YES);
	locked = iu_socket_has(w, o, INUSE_PORT_LOCKED, INUSE_MISSING_PORT_LOCKED, &lacking);
	if (sticks && locked != INUSE_YES)
		lacking |= INUSE_MISSING_MEMORY;
	*missing |= lacking;
	return sticks ? iu_or(locked, INUSE_MAYBE) : locked;
}

/* The very connection that the call would make on that port. */
static enum inuse_tri is_our_tuple(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	uint32_t lacking = 0;
	enum inuse_tri from_there = w->source.family == 0 ? INUSE_MAYBE : iu_is(iu_addr_same(&o->local, &w->source)), elsewhere;

	if (!iu_addr_same(&o->remote, &w->req.remote) || o->remote.port != w->req.remote.port)
		return INUSE_NO;
	elsewhere = iu_socket_is_elsewhere(w, o, &lacking);
	return iu_both(iu_not(elsewhere), lacking, from_there, INUSE_MISSING_ROUTE, missing);
}

/* Has only connect() given that port away, as its bucket says? MAYBE: it cannot be seen. */
static enum inuse_tri is_shared(const struct iu_world *w, const uint8_t marks[IU_ALL_PORTS], uint16_t port)
{
	if ((marks[port] & SHARED) != 0)
		return INUSE_YES;
	return (marks[port] & SEEN) != 0 || w->facts->buckets_known ? INUSE_NO : INUSE_MAYBE;
}

/*
 * A bound socket keeps its port to itself. Not always one that had bound to all addresses and has had a connection since: it moved to
 * the address of that, perhaps gave it up and moved back, and if only connect() had given the port away there the mark of the bucket
 * did not change. Of those that cannot be told from it nobody knows who does not see the bucket. connect/shared-with-a-reset-client,
 * connect/shared-with-one-given-up; linux v6.18 net/ipv4/inet_hashtables.c inet_bhash2_update_saddr()
 */
static enum inuse_tri is_held_by_bound(const struct iu_world *w, enum inuse_tri shared, uint32_t *missing)
{
	if ((w->facts->features & IU_FEATURE_CONNECT_BIND) == 0)
		return INUSE_YES;
	if (shared == INUSE_MAYBE)
		*missing |= INUSE_MISSING_MEMORY;
	return iu_not(shared);
}

static enum inuse_tri takes_from_connect(const struct iu_world *w, const struct inuse_socket *o, enum inuse_tri shared, uint32_t *missing)
{
	uint32_t locked_lacks = 0, tuple_lacks = 0, taken_lacks = 0, lacking = 0;
	enum inuse_tri locked, tuple, taken;

	if (o->state == INUSE_LISTEN)
		return INUSE_YES;
	if (o->state == INUSE_BOUND)
		return is_held_by_bound(w, shared, missing);
	locked = is_locked(w, o, shared, &locked_lacks);
	tuple = is_our_tuple(w, o, &tuple_lacks);
	taken = tuple != INUSE_NO ? iu_not(may_take_over(w, o, &taken_lacks)) : INUSE_NO;
	taken = iu_both(tuple, tuple_lacks, taken, taken_lacks, &lacking);
	return iu_not(iu_both(iu_not(locked), locked_lacks, iu_not(taken), lacking, missing));
}

/* Does a socket have it that shares it with no automatic port? */
static bool is_bound_on(const struct iu_world *w, uint16_t port)
{
	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];

		if (iu_socket_is_owner(w, o, port) && (o->state == INUSE_LISTEN || o->state == INUSE_BOUND))
			return true;
	}
	return false;
}

/* Is there no other automatic port than this? */
static enum inuse_tri is_only_port(const struct iu_world *w, uint16_t port, uint32_t *missing)
{
	uint8_t marks[IU_ALL_PORTS] = {FREE};
	int64_t first, last;
	uint32_t lacking = 0;

	if (!read_range(w, &first, &last, &lacking)) {
		if (is_bound_on(w, port))
			return INUSE_NO; /* nor is it one, then */
		*missing |= lacking;
		return INUSE_MAYBE;
	}
	iu_ports_mark_reserved(w->facts, marks, RESERVED);
	for (int64_t p = first; p <= last; p++)
		if (p != port && marks[p] != RESERVED)
			return INUSE_NO;
	return iu_is(port >= first && port <= last);
}

/*
 * The only automatic port is the one that is dialled, on this very address: the socket meets itself [C16]. Where there are
 * other ports it would be one draw in thousands, and is not counted with.
 */
enum inuse_tri iu_pred_self_connect(struct iu_world *w, uint32_t *missing)
{
	const struct inuse_addr *to = &w->req.remote;
	uint32_t port_lacks = 0;
	enum inuse_tri from, port;

	if (w->req.device != 0 && iu_arrival(w->facts, w->req.device, to) == 0)
		return INUSE_NO;
	/* from which of its addresses the host dials itself is open: to none but its own */
	if (w->source.family == 0)
		from = iu_addr_is_local(w->facts, to) == INUSE_NO ? INUSE_NO : INUSE_MAYBE;
	else
		from = iu_is(iu_addr_same(&w->source, to));
	if (from == INUSE_NO)
		return INUSE_NO;
	port = w->req.local.port != 0 ? iu_is(w->req.local.port == to->port) : is_only_port(w, to->port, &port_lacks);
	return iu_both(from, INUSE_MISSING_ROUTE, port, port_lacks, missing);
}

/*
 * Before 6.18 a port that bind() or a listener was ever on is closed to automatic ports until everybody has left it: linux
 * v6.17 net/ipv4/inet_hashtables.c __inet_hash_connect(); connect/shared-with-a-bound-socket.
 */
static void mark_remembered(const struct iu_world *w, uint8_t marks[IU_ALL_PORTS])
{
	bool sticks = (w->facts->features & IU_FEATURE_CONNECT_BIND) == 0;

	memset(marks, FREE, IU_ALL_PORTS);
	for (size_t i = 0; i < w->facts->n_buckets; i++) {
		const struct iu_bucket *b = &w->facts->buckets[i];
		bool shared = iu_bucket_is_of_connect(b);

		if (mark_of(marks, b->port) != TAKEN)
			marks[b->port] = SEEN | (shared ? SHARED : sticks ? TAKEN : FREE);
	}
}

enum inuse_tri iu_pred_connect_exhausted(struct iu_world *w, uint32_t *missing)
{
	uint8_t marks[IU_ALL_PORTS];
	int64_t first, last;
	enum inuse_tri exhausted;
	uint32_t range_lacks = 0;
	bool ranged;

	if (w->req.local.port != 0)
		return INUSE_NO;
	ranged = read_range(w, &first, &last, &range_lacks);
	mark_remembered(w, marks);
	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];
		uint32_t lacking = 0;
		enum inuse_tri takes;

		if (!iu_socket_is_owner(w, o, o->local.port) || mark_of(marks, o->local.port) == TAKEN)
			continue;
		takes = takes_from_connect(w, o, is_shared(w, marks, o->local.port), &lacking);
		if (takes != INUSE_NO)
			marks[o->local.port] = (uint8_t)((marks[o->local.port] & (SHARED | SEEN)) | (takes == INUSE_YES ? TAKEN : MAYBE_USABLE));
		if (takes == INUSE_MAYBE)
			*missing |= lacking;
		if (takes != INUSE_NO && ranged && iu_addr_same(&o->remote, &w->req.remote) && o->local.port >= first &&
		    o->local.port <= last)
			iu_scan_add(&w->scan, o, NULL, takes == INUSE_YES);
	}
	if (!ranged) {
		*missing |= range_lacks;
		return no_port_is_taken(w, marks) ? INUSE_NO : INUSE_MAYBE;
	}
	exhausted = count(w, marks, first, last, missing);
	if (exhausted == INUSE_NO) {
		*missing = 0;
		w->scan = (struct iu_scan){.all_expire = true};
	}
	return exhausted;
}
