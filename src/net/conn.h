/* SPDX-License-Identifier: MIT */
/*
 * Connections of serve and dial: one state machine for both.
 *
 * Theory of operation
 *
 * A *set* of connections behaves alike: each does a *job* (send a text, echo, drain) and is then *ended* in one of four
 * ways. The job is done when the text is with the kernel, or when the first bytes were answered or read. From then on:
 *
 *	first       close() at once, as textbooks do. Unread or late data makes a reset of it.
 *	half        end our side (shutdown), read the peer's rest to its end, close: nothing is lost.
 *	after-peer  read until the peer has ended its side, then close.
 *	reset       SO_LINGER with 0 seconds: no FIN, no TIME-WAIT, data on the way is lost.
 *
 * A peer that ends first is answered in full and then closed, whatever the way (but reset).
 *
 * Nobody harms anybody: all connections read into one buffer, and only what a slow peer of an echo has not taken yet
 * is copied (one buffer's worth, and reading stops meanwhile). One that always has more to read gets one buffer's worth in
 * each turn of the loop; libuv would give it 32. A connection on which nothing moves for idle_ms is given up; so is one
 * whose peer does not end within finish_ms after us, however much it sends. Where something is left to send, bytes that the
 * peer acknowledges count as movement, too.
 *
 * What does not need the loop does not touch it: a text that fits into the socket's buffer and is followed by a close
 * costs accept, send and close. A peer that ends as soon as it has read ours is not waited for with the loop either (*soon*):
 * soon_ms after our end its socket is read, and a few times more, soon_ms apart; only what is still there then is watched,
 * which would have taken four system calls and a wake-up each, a look in vain takes one. One in vain puts off those at the
 * younger connections, too, until the loop's clock has moved on, though not for long: how soon clients end depends more on
 * how many there are and how busy the machine is than on the client. The next connection is the occasion for a look; a timer
 * that is short enough to come before the kernel's own tick would cost more than it saves, so that the one for when no
 * connection comes is late.
 *
 * Not handled: SO_LINGER with seconds blocks close() on Linux even where the socket is non-blocking, so such sockets are
 * closed by libuv's threads, four at a time.
 */
#ifndef IU_NET_CONN_H
#define IU_NET_CONN_H

#include <uv.h>

#include "net/aftermath.h"
#include "net/net.h"

struct iu_conn;

struct iu_conns {
	/* set by the owner before iu_conns_init() */
	enum iu_net_job job;
	enum iu_net_close close;
	const char *text; /* IU_JOB_SEND; borrowed */
	size_t text_len;
	int linger_s;       /* SO_LINGER, -1: not set */
	uint64_t idle_ms;   /* 0: never give up */
	uint64_t finish_ms; /* 0: idle_ms decides */
	/* After our end (IU_CLOSE_HALF, without observe and received): how long to wait for a look at the peer's; 0: watch for it. */
	uint64_t soon_ms;
	bool observe;       /* find out who ended it first, how long it took and what is left: costs a few system calls */
	uint64_t patience_ms; /* ... and look again until it has settled: after 1, 2, 4 ... patience_ms */
	void (*received)(void *arg, const char *data, size_t len); /* may be NULL */
	/* The descriptor is closed; called from within iu_conns_take(), too. With `observe`, up to 2 * patience_ms later. */
	void (*ended)(void *arg, const struct iu_net_ending *ending);
	/* Called ten times a second while there are connections, and while `awake`. May be NULL. */
	void (*tick)(void *arg);
	void *arg;

	/* private */
	uv_loop_t *loop;
	uv_timer_t timer, soon_timer;
	struct iu_conn *soon, **soon_end; /* whose peers are expected to end at any moment, in the order of their next look */
	uint64_t in_vain_ms; /* of uv_now(): when one of them was last looked at in vain */
	bool awake, hurried;
	uint64_t next_ms; /* of uv_now(): no deadline is before it */
	uint64_t last_ms; /* of uv_now(): hurried connections are over by then */
	struct iu_conn *head;
	size_t n;
	size_t n_cut; /* ended by last_ms */
	char *scratch;
	struct iu_net_diag *diag;
};

/* Starts an empty set; INUSE_E_MEMORY. Ends with iu_conns_close() and, when the loop has run out, iu_conns_done(). */
enum inuse_status iu_conns_init(struct iu_conns *set, uv_loop_t *loop, struct inuse_error *error);
/* Closes the set's timer, so that the loop can end. No connections may be left. Again is fine. */
void iu_conns_close(struct iu_conns *set);
void iu_conns_done(struct iu_conns *set);

/*
 * Takes a connected, non-blocking socket; closes it when out of memory (and then says nothing of its end). peer: told at the end.
 * reset: the peer has reset it already and the error was taken off the socket; what it sent may still be there.
 */
void iu_conns_take(struct iu_conns *set, int fd, const struct inuse_addr *peer, bool reset);
/* awake: tick even without connections. */
void iu_conns_stay_awake(struct iu_conns *set, bool awake);
/* Ends our side of what is idle and lets the rest finish; what is left after grace_ms is cut off. */
void iu_conns_hurry(struct iu_conns *set, uint64_t grace_ms);

/*
 * For conn.c: closes linger_fd (-1: nothing to close) in a thread, looks what the kernel holds when the set observes,
 * and calls set->ended.
 */
void iu_conns_farewell(struct iu_conns *set, const struct iu_net_ending *ending, int linger_fd);

#endif
