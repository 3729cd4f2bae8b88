/* SPDX-License-Identifier: MIT */
/* Nothing can be looked up after the end of a connection: a build without netlink. */
#include "net/aftermath.h"

struct iu_net_diag *iu_net_diag_new(void)
{
	return NULL;
}

void iu_net_diag_free(struct iu_net_diag *diag)
{
}

bool iu_net_diag_state(struct iu_net_diag *diag, const struct inuse_addr *local, const struct inuse_addr *remote,
		       enum inuse_state *ret_state)
{
	return false;
}
