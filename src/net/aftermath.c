/* SPDX-License-Identifier: MIT */
/* What the kernel still has of a connection settles who closed it and where its TIME-WAIT is. */
#include "net/aftermath.h"

#include <stddef.h>

bool iu_net_diag_settle(struct iu_net_diag *diag, struct iu_net_ending *e)
{
	enum inuse_state here = INUSE_STATE_UNKNOWN, there = INUSE_STATE_UNKNOWN;
	bool looked = diag != NULL && e->before != INUSE_STATE_UNKNOWN &&
		      iu_net_diag_state(diag, &e->local, &e->remote, &here) &&
		      iu_net_diag_state(diag, &e->remote, &e->local, &there);

	return iu_ending_settle(e, looked, here, there);
}
