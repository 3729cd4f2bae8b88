/* SPDX-License-Identifier: MIT */
/* A close() that a busy machine ends in another way than an idle one. See left_whole.h. */
#include "lab/left_whole.h"

#include "base/address.h"

static bool same_ends(const struct inuse_socket *a, const struct inuse_socket *b)
{
	return a->local.port == b->local.port && a->remote.port == b->remote.port && iu_addr_same(&a->local, &b->local) &&
	       iu_addr_same(&a->remote, &b->remote);
}

static bool other_end(const struct inuse_socket *a, const struct inuse_socket *b)
{
	return a->local.port == b->remote.port && a->remote.port == b->local.port && iu_addr_same(&a->local, &b->remote) &&
	       iu_addr_same(&a->remote, &b->local);
}

/* A LAST-ACK is simulated that was not seen, though the TIME-WAIT was that should have answered it in vain. */
static bool was_answered(const struct inuse_socket *last_ack, const struct inuse_socket *seen, size_t n_seen)
{
	bool answers = false;

	for (size_t i = 0; i < n_seen; i++) {
		if (seen[i].state == INUSE_LAST_ACK && same_ends(&seen[i], last_ack))
			return false;
		answers |= seen[i].mini && seen[i].state == INUSE_TIME_WAIT && other_end(&seen[i], last_ack);
	}
	return answers;
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
	for (size_t k = 0; k < n; k++)
		if (simulated[k].state == INUSE_LAST_ACK && simulated[k].inode == 0 && was_answered(&simulated[k], seen, n_seen))
			return true;
	return false;
}
