/* SPDX-License-Identifier: MIT */
/*
 * How a connection ended: which side ended it, and where its TIME-WAIT is.
 *
 * Theory of operation
 *
 * TIME-WAIT stays with the side that sent the first FIN (RFC 9293 3.6); a reset leaves nothing on either side. Who was
 * first is told by the state that our socket had just before we ended it: ESTABLISHED, we were; CLOSE-WAIT, the peer
 * was. That is a deduction, and it can be wrong: data that arrives after a close() is answered with a reset, and
 * a new connection of the same two ends replaces the TIME-WAIT. So what the kernel holds afterwards is looked up
 * (aftermath.h) and has the last word where it can be read. Everything in this file is pure.
 */
#ifndef IU_NET_ENDING_H
#define IU_NET_ENDING_H

#include "base/text.h"

enum iu_net_first { IU_FIRST_NOBODY, IU_FIRST_US, IU_FIRST_PEER };

enum iu_net_how {
	IU_HOW_ORDERLY,
	IU_HOW_RESET_BY_US,
	IU_HOW_RESET_BY_PEER,
	IU_HOW_FAILED, /* another error: os_code */
};

enum iu_net_where {
	IU_TW_UNKNOWN,
	IU_TW_HERE,
	IU_TW_LATER, /* here as soon as the peer has closed, too: FIN-WAIT until then */
	IU_TW_WAS_HERE, /* a new connection of the same two ends has replaced it */
	IU_TW_PEER,
	IU_TW_NOWHERE,
};

/* What is known of a connection that has ended. */
struct iu_net_ending {
	struct inuse_addr local, remote;
	uint64_t bytes_in, bytes_out; /* out: taken by the kernel, not necessarily received */
	int64_t took_ns;
	enum iu_net_how how;
	int os_code;              /* for IU_HOW_FAILED */
	enum inuse_state before;  /* our state just before our first FIN or RST; UNKNOWN: not looked at */
	bool peer_ended;          /* the peer's FIN was read */
	bool gave_up;             /* we ended it because the peer kept silent for too long */
	enum iu_net_first first;  /* iu_ending_settle() fills these two */
	enum iu_net_where time_wait;
};

/*
 * Fills first and time_wait. here, there: state of the socket of the same two ends as the kernel holds it now, seen
 * from our and from the peer's side; INUSE_STATE_UNKNOWN: none. looked: the two could be looked up.
 * False: it may still change in a moment (FINs under way).
 */
bool iu_ending_settle(struct iu_net_ending *e, bool looked, enum inuse_state here, enum inuse_state there);

/* "this side closed first; TIME-WAIT is here": translated, without a full stop. */
const char *iu_ending_sentence(const struct iu_net_ending *e);

/* One line for people, newline included. round: of dial, counted from 1; 0: of serve. */
void iu_ending_line(struct iu_text *t, const struct iu_net_ending *e, uint64_t round);
/*
 * The same as one line of JSON. received: what the peer said as far as it is kept (escaped), or NULL; cut: there was
 * more of it.
 */
void iu_ending_json(struct iu_text *t, const struct iu_net_ending *e, uint64_t round, const char *received, bool cut);

#endif
