/* SPDX-License-Identifier: MIT */
/* What the kernel holds of a connection after its end, asked of sock_diag: one exact look-up, not a dump. */
#ifndef IU_NET_AFTERMATH_H
#define IU_NET_AFTERMATH_H

#include "net/ending.h"

struct iu_net_diag;

/* Opens the way to the kernel; NULL where there is none (no libmnl in this build, or the kernel refuses). */
struct iu_net_diag *iu_net_diag_new(void);
void iu_net_diag_free(struct iu_net_diag *diag);

/*
 * The state of the socket with these two ends in the namespace of the caller. A listener on `local` is what is found
 * where no such connection is left; INUSE_STATE_UNKNOWN: nothing at all. False: no answer.
 */
bool iu_net_diag_state(struct iu_net_diag *diag, const struct inuse_addr *local, const struct inuse_addr *remote,
		       enum inuse_state *ret_state);

/* Looks both ends up and settles the ending. False: it may still change in a moment. diag may be NULL. */
bool iu_net_diag_settle(struct iu_net_diag *diag, struct iu_net_ending *e);

#endif
