/* SPDX-License-Identifier: MIT */
/* How a connection ended, deduced from what was seen before and after; and told in a line. Pure. */
#include "net/ending.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/gettext.h"

static enum iu_net_first first_of(enum inuse_state before)
{
	switch (before) {
	case INUSE_STATE_UNKNOWN:
		return IU_FIRST_NOBODY;
	case INUSE_CLOSE_WAIT:
	case INUSE_LAST_ACK:
	case INUSE_BOUND: /* only the peer's reset closes our socket before we do */
		return IU_FIRST_PEER;
	default:
		return IU_FIRST_US;
	}
}

static bool is_under_way(enum inuse_state state)
{
	return state == INUSE_FIN_WAIT1 || state == INUSE_FIN_WAIT2 || state == INUSE_CLOSING || state == INUSE_LAST_ACK;
}

static bool is_alive(enum inuse_state state)
{
	return state == INUSE_SYN_SENT || state == INUSE_SYN_RECV || state == INUSE_ESTABLISHED || state == INUSE_CLOSE_WAIT;
}

/* We sent the first FIN, as far as we know. */
static enum iu_net_where where_if_us(struct iu_net_ending *e, bool looked, enum inuse_state here, enum inuse_state there)
{
	if (!looked)
		return e->peer_ended ? IU_TW_HERE : IU_TW_LATER;
	if (here == INUSE_TIME_WAIT)
		return IU_TW_HERE;
	if (is_under_way(here))
		return IU_TW_LATER;
	if (there == INUSE_TIME_WAIT) {
		/* the two FINs crossed, and the peer's was the first after all */
		e->first = IU_FIRST_PEER;
		return IU_TW_PEER;
	}
	/* ours has ended, so a living one is another connection */
	return is_alive(here) ? IU_TW_WAS_HERE : IU_TW_NOWHERE;
}

/* The peer sent the first FIN. Only a peer on this host can be looked up; any other is believed to follow the rule. */
static enum iu_net_where where_if_peer(const struct iu_net_ending *e, bool looked, enum inuse_state here,
				       enum inuse_state there)
{
	bool seen_gone = looked && here == INUSE_STATE_UNKNOWN && there == INUSE_STATE_UNKNOWN;

	return seen_gone && iu_addr_is_loopback(&e->remote) ? IU_TW_NOWHERE : IU_TW_PEER;
}

bool iu_ending_settle(struct iu_net_ending *e, bool looked, enum inuse_state here, enum inuse_state there)
{
	/* a server's listener is what a look-up finds where no connection is left */
	if (here == INUSE_LISTEN || here == INUSE_BOUND)
		here = INUSE_STATE_UNKNOWN;
	if (there == INUSE_LISTEN || there == INUSE_BOUND)
		there = INUSE_STATE_UNKNOWN;
	e->first = first_of(e->before);
	if (e->how != IU_HOW_ORDERLY)
		e->time_wait = IU_TW_NOWHERE;
	else if (e->first == IU_FIRST_US)
		e->time_wait = where_if_us(e, looked, here, there);
	else if (e->first == IU_FIRST_PEER)
		e->time_wait = where_if_peer(e, looked, here, there);
	else
		e->time_wait = IU_TW_UNKNOWN;
	if (!looked || e->how != IU_HOW_ORDERLY)
		return true;
	return !is_under_way(here) && !is_under_way(there);
}

static const char *const where_names[] = {
	[IU_TW_UNKNOWN] = "unknown", [IU_TW_HERE] = "here", [IU_TW_LATER] = "later",
	[IU_TW_WAS_HERE] = "was-here", [IU_TW_PEER] = "peer", [IU_TW_NOWHERE] = "nowhere",
};
static const char *const first_names[] = {
	[IU_FIRST_NOBODY] = NULL, [IU_FIRST_US] = "here", [IU_FIRST_PEER] = "peer",
};
static const char *const reset_names[] = {
	[IU_HOW_ORDERLY] = NULL, [IU_HOW_RESET_BY_US] = "here", [IU_HOW_RESET_BY_PEER] = "peer", [IU_HOW_FAILED] = NULL,
};

static const struct {
	enum iu_net_first first; /* NOBODY: whoever */
	enum iu_net_how how;
	enum iu_net_where where; /* UNKNOWN: wherever */
	const char *sentence;
} sentences[] = {
	{IU_FIRST_US, IU_HOW_ORDERLY, IU_TW_HERE, N_("this side closed first; TIME-WAIT is here")},
	{IU_FIRST_US, IU_HOW_ORDERLY, IU_TW_LATER,
	 N_("this side closed first; TIME-WAIT will be here when the peer has closed")},
	{IU_FIRST_US, IU_HOW_ORDERLY, IU_TW_WAS_HERE,
	 N_("this side closed first; TIME-WAIT was here until the same two ends connected again")},
	{IU_FIRST_US, IU_HOW_ORDERLY, IU_TW_NOWHERE,
	 N_("this side closed first; TIME-WAIT is nowhere (reset by late data, or there are too many)")},
	{IU_FIRST_PEER, IU_HOW_ORDERLY, IU_TW_PEER, N_("the peer closed first; TIME-WAIT is at the peer")},
	{IU_FIRST_PEER, IU_HOW_ORDERLY, IU_TW_NOWHERE, N_("the peer closed first; TIME-WAIT is nowhere")},
	{IU_FIRST_US, IU_HOW_RESET_BY_US, IU_TW_UNKNOWN, N_("this side reset it; TIME-WAIT is nowhere (reset)")},
	{IU_FIRST_PEER, IU_HOW_RESET_BY_US, IU_TW_UNKNOWN,
	 N_("the peer closed first and this side reset it; TIME-WAIT is nowhere (reset)")},
	{IU_FIRST_US, IU_HOW_RESET_BY_PEER, IU_TW_UNKNOWN,
	 N_("this side closed first and the peer reset it; TIME-WAIT is nowhere (reset)")},
	{IU_FIRST_PEER, IU_HOW_RESET_BY_PEER, IU_TW_UNKNOWN, N_("the peer reset it; TIME-WAIT is nowhere (reset)")},
	{IU_FIRST_NOBODY, IU_HOW_FAILED, IU_TW_UNKNOWN, N_("the connection broke; TIME-WAIT is nowhere")},
	{IU_FIRST_NOBODY, IU_HOW_ORDERLY, IU_TW_UNKNOWN, N_("closed")},
	{IU_FIRST_NOBODY, IU_HOW_RESET_BY_US, IU_TW_UNKNOWN, N_("reset by this side")},
	{IU_FIRST_NOBODY, IU_HOW_RESET_BY_PEER, IU_TW_UNKNOWN, N_("reset by the peer")},
};

const char *iu_ending_sentence(const struct iu_net_ending *e)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (sentences[i].how == e->how && (sentences[i].first == IU_FIRST_NOBODY || sentences[i].first == e->first) &&
		    (sentences[i].where == IU_TW_UNKNOWN || sentences[i].where == e->time_wait))
			return _(sentences[i].sentence);
	return _("closed");
}

void iu_ending_line(struct iu_text *t, const struct iu_net_ending *e, uint64_t round)
{
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT];

	inuse_addr_text(&e->local, local);
	inuse_addr_text(&e->remote, remote);
	if (round > 0)
		iu_text_addf(t, _("%llu: %s > %s  %.2f ms  %llu bytes in, %llu out  %s"), (unsigned long long)round, local, remote,
			     (double)e->took_ns / 1e6, (unsigned long long)e->bytes_in, (unsigned long long)e->bytes_out,
			     iu_ending_sentence(e));
	else
		iu_text_addf(t, _("%s  %llu bytes in, %llu out  %s"), remote, (unsigned long long)e->bytes_in,
			     (unsigned long long)e->bytes_out, iu_ending_sentence(e));
	if (e->gave_up)
		iu_text_add(t, _(" (given up: the peer kept silent)"));
	if (e->how == IU_HOW_FAILED)
		iu_text_addf(t, " (%s)", strerror(e->os_code));
	iu_text_add(t, "\n");
}

static json_t *name_or_null(const char *name)
{
	return name != NULL ? json_string(name) : json_null();
}

void iu_ending_json(struct iu_text *t, const struct iu_net_ending *e, uint64_t round, const char *received, bool cut)
{
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT];
	json_t *line = json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:f, s:o, s:o, s:s, s:b, s:o}", "schema", 1, "kind",
				 "connection", "local", inuse_addr_text(&e->local, local), "remote",
				 inuse_addr_text(&e->remote, remote), "bytes_in", (json_int_t)e->bytes_in, "bytes_out",
				 (json_int_t)e->bytes_out, "ms", (double)e->took_ns / 1e6, "closed_first",
				 name_or_null(first_names[e->first]), "reset_by", name_or_null(reset_names[e->how]), "time_wait",
				 where_names[e->time_wait], "gave_up", e->gave_up, "os_code",
				 e->how == IU_HOW_FAILED ? json_integer(e->os_code) : json_null());
	char *text;

	if (line != NULL && round > 0)
		json_object_set_new(line, "round", json_integer((json_int_t)round));
	if (line != NULL && received != NULL) {
		json_object_set_new(line, "received", json_string(received));
		json_object_set_new(line, "received_cut", json_boolean(cut));
	}
	text = line != NULL ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	if (text != NULL) {
		iu_text_add(t, text);
		iu_text_add(t, "\n");
	} else {
		t->failed = true;
	}
	free(text);
	json_decref(line);
}
