/* SPDX-License-Identifier: MIT */
/*
 * What a SYN meets that arrives for req.local from req.remote. linux-rules section 4.
 *
 * Theory of operation
 *
 * The listener and what is left of an old connection are different sockets. TIME-WAIT guards one 4-tuple, and a SYN
 * that is plainly newer (sequence number or timestamp) may end it and go to the listener. One that is not gets an ACK; the
 * peer, which knows of no connection, answers with RST; that RST ends the TIME-WAIT and the peer's next SYN is accepted,
 * some milliseconds later. Only with net.ipv4.tcp_rfc1337=1 does the RST change nothing.
 */
#include "base/address.h"
#include "model/rule.h"

/* Bound to another device than that at which the SYN arrives, a socket is not found for it: linux v6.18 inet_match(). */
static bool is_deaf(const struct iu_world *w, const struct inuse_socket *o)
{
	uint32_t device = w->req.device != 0 ? w->req.device : iu_device_of(w->facts, &w->req.local);

	return iu_socket_device_known(w, o) && o->device != 0 && device != 0 && o->device != device;
}

/* What is left of the old connection of this peer: NULL none. */
static const struct inuse_socket *old_connection(const struct iu_world *w)
{
	const struct inuse_request *r = &w->req;

	if (r->remote.family == 0 || r->remote.port == 0)
		return NULL;
	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];

		if (!iu_socket_is_owner(w, o, r->local.port) || o->state == INUSE_LISTEN || o->state == INUSE_BOUND || is_deaf(w, o))
			continue;
		if (o->remote.port == r->remote.port && iu_addr_same(&o->remote, &r->remote) &&
		    (iu_addr_is_any(&r->local) || iu_addr_is_mapped_any(&r->local) || iu_addr_same(&o->local, &r->local)))
			return o;
	}
	return NULL;
}

/* A listener on one of our addresses of that family. */
static bool listens_on_some(const struct iu_world *w, const struct inuse_addr *to)
{
	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];

		if (o->state == INUSE_LISTEN && !iu_listens_to_nobody(o) && iu_socket_is_owner(w, o, to->port) &&
		    iu_addr_unmapped(&o->local).family == iu_addr_unmapped(to).family)
			return true;
	}
	return false;
}

static enum inuse_tri somebody_listens(const struct iu_world *w, uint32_t *missing)
{
	struct inuse_addr to = w->req.local;
	uint32_t lacking = 0;
	enum inuse_tri found;

	if ((!iu_addr_is_any(&to) && !iu_addr_is_mapped_any(&to)) || w->req.remote.family == 0)
		return iu_listener_for(w, &to, missing);
	/* which of our addresses the SYN comes to is open: the peer's family decides */
	to = w->req.remote;
	to.port = w->req.local.port;
	found = iu_listener_for(w, &to, &lacking);
	if (found != INUSE_YES && listens_on_some(w, &to))
		return INUSE_YES;
	*missing |= lacking;
	return found;
}

enum inuse_tri iu_pred_syn_no_listener(struct iu_world *w, uint32_t *missing)
{
	const struct inuse_socket *old = old_connection(w);
	uint32_t listens_lacks = 0, silent_lacks = 0;
	enum inuse_tri listens = somebody_listens(w, &listens_lacks), silent = INUSE_NO, refused;

	/* what is left in TIME-WAIT answers in place of the listener, and net.ipv4.tcp_rfc1337 keeps it from the RST */
	if (old != NULL && old->mini && old->state == INUSE_TIME_WAIT)
		silent = iu_setting_on(w->facts, IU_SET_RFC1337, &silent_lacks);
	/* where nobody listens it fails, by this row or that of syn-rfc1337: the setting alone matters only where that is certain */
	if (listens != INUSE_NO)
		silent_lacks = 0;
	refused = iu_both(iu_not(listens), listens_lacks, iu_not(silent), silent_lacks, missing);
	if (old != NULL && refused != INUSE_NO && listens == INUSE_NO)
		iu_scan_add(&w->scan, old, NULL, refused == INUSE_YES);
	return refused;
}

enum inuse_tri iu_pred_syn_live(struct iu_world *w, uint32_t *missing)
{
	const struct inuse_socket *old = old_connection(w);

	if (old == NULL || old->mini)
		return INUSE_NO;
	iu_scan_add(&w->scan, old, NULL, true);
	return INUSE_YES;
}

/* A SYN inside the window of a FIN-WAIT-2 remainder is answered with RST [P10]; beyond it with ACK, and all goes well [P10b]. */
enum inuse_tri iu_pred_syn_fin_wait2(struct iu_world *w, uint32_t *missing)
{
	const struct inuse_socket *old = old_connection(w);

	if (old == NULL || !old->mini || old->state != INUSE_FIN_WAIT2)
		return INUSE_NO;
	if (w->caller.syn.known && !w->caller.syn.in_window)
		return INUSE_NO;
	iu_scan_add(&w->scan, old, NULL, w->caller.syn.known);
	if (w->caller.syn.known)
		return INUSE_YES;
	*missing |= INUSE_MISSING_SEQUENCE;
	return INUSE_MAYBE;
}

/* The RST of a peer whose old SYN got an ACK does not end TIME-WAIT then [P17]; what is left in FIN-WAIT-2 it always ends [P10b]. */
static enum inuse_tri keeps_silent(const struct iu_world *w, const struct inuse_socket *old, uint32_t *missing)
{
	uint32_t listens_lacks = 0, on_lacks = 0, lacking = 0;
	enum inuse_tri on, listens, ignored;

	if (old == NULL || !old->mini || old->state != INUSE_TIME_WAIT)
		return INUSE_NO;
	on = iu_setting_on(w->facts, IU_SET_RFC1337, &on_lacks);
	if (on == INUSE_NO)
		return INUSE_NO;
	listens = somebody_listens(w, &listens_lacks);
	if (listens == INUSE_NO) /* the setting alone can have kept the row of syn-no-listener from answering */
		return INUSE_YES;
	if (on == INUSE_MAYBE) /* the row of syn-no-listener has told what comes of a port without one */
		listens = INUSE_YES;
	ignored = w->caller.syn.known ? iu_is(!w->caller.syn.newer) : INUSE_MAYBE;
	ignored = iu_not(iu_both(listens, listens_lacks, iu_not(ignored), INUSE_MISSING_SEQUENCE, &lacking));
	return iu_both(on, on_lacks, ignored, lacking, missing);
}

enum inuse_tri iu_pred_syn_rfc1337(struct iu_world *w, uint32_t *missing)
{
	const struct inuse_socket *old = old_connection(w);
	enum inuse_tri silent = keeps_silent(w, old, missing);

	if (silent != INUSE_NO)
		iu_scan_add(&w->scan, old, NULL, silent == INUSE_YES);
	return silent;
}

enum inuse_tri iu_pred_syn_time_wait(struct iu_world *w, uint32_t *missing)
{
	const struct inuse_socket *old = old_connection(w);

	if (old == NULL || !old->mini)
		return INUSE_NO;
	if (old->state == INUSE_TIME_WAIT)
		iu_scan_add(&w->scan, old, NULL, true);
	return INUSE_YES;
}
