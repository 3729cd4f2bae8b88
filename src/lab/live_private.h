/* SPDX-License-Identifier: MIT */
/* The inside of the live player. */
#ifndef IU_LAB_LIVE_PRIVATE_H
#define IU_LAB_LIVE_PRIVATE_H

#include <sys/types.h>

#include "lab/live.h"

/* A peer elsewhere. */
struct iu_live_peer {
	struct inuse_addr at, to;
	struct iu_peer peer;
};

struct iu_live {
	const struct iu_exp *exp;
	enum iu_run run;
	int fds[IU_EXP_MAX_SOCKETS]; /* -1: none */
	bool nonblocking[IU_EXP_MAX_SOCKETS], listens[IU_EXP_MAX_SOCKETS];
	pid_t pids[IU_EXP_MAX_PROCESSES]; /* 0: none */
	struct iu_wire *wire; /* NULL: none is needed */
	struct iu_live_peer peers[IU_EXP_MAX_PEERS];
	bool sees_bound;
};

/* The address that a step points to; family 0: to none. */
struct inuse_addr iu_live_addr(const struct iu_live *live, const struct iu_where *at);
/* "EADDRINUSE"; buf is used for what has no name here. */
const char *iu_lab_errno(int code, char *buf, size_t size);
/* live_wire.c: makes the device, with its addresses; a peer; and a packet of a peer with its answer. */
enum inuse_status iu_live_wire(struct iu_live *live, struct inuse_error *error);
void iu_live_peer(struct iu_live *live, const struct iu_step *step);
/* The two halves of it. False: errno tells why the packet could not be sent. */
bool iu_live_say(struct iu_live *live, const struct iu_step *step);
void iu_live_hear(struct iu_live *live, const struct iu_step *step, int wait_ms, struct iu_live_answer *ret);
enum inuse_status iu_live_send(struct iu_live *live, const struct iu_step *step, const char *want, struct iu_live_answer *ret,
			       struct inuse_error *error);
/* live_other.c: steps that are no call of a socket. */
bool iu_live_is_other(enum iu_action action);
enum inuse_status iu_live_other(struct iu_live *live, const struct iu_step *step, const char *want,
				struct iu_live_answer *ret, struct inuse_error *error);

#endif
