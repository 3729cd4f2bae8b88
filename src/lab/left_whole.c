/* SPDX-License-Identifier: MIT */
/* A close() that a busy machine ends in another way than an idle one. See left_whole.h. */
#include "lab/left_whole.h"

#include "base/address.h"

static bool same_ends(const struct inuse_socket *a, const struct inuse_socket *b)
{
	return a->local.port == b->local.port && a->remote.port == b->remote.port && iu_addr_same(&a->local, &b->local) &&
	       iu_addr_same(&a->remote, &b->remote);
}

bool iu_lab_left_whole(const struct inuse_socket *simulated, size_t n, const struct inuse_socket *seen, size_t n_seen)
{
	for (size_t i = 0; i < n_seen; i++) {
		if (seen[i].state != INUSE_FIN_WAIT2 || seen[i].inode != 0 || seen[i].mini)
			continue;
		for (size_t k = 0; k < n; k++)
			if (simulated[k].mini && simulated[k].state == INUSE_FIN_WAIT2 && same_ends(&simulated[k], &seen[i]))
				return true;
	}
	return false;
}
