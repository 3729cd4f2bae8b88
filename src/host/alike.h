/* SPDX-License-Identifier: MIT */
/*
 * Sockets that no rule about bind() tells apart: of each kind the first is enough.
 *
 * bind() asks whether anybody stands in the way, not how many, so a whole table can be judged from one socket of each
 * kind: a million connections of one server to a million clients are one.
 */
#ifndef IU_HOST_ALIKE_H
#define IU_HOST_ALIKE_H

#include "inuse.h"

struct iu_alike {
	struct iu_alike_key *keys; /* a hash table with open addressing */
	size_t n, cap; /* cap: 0 or a power of 2 */
};

/* {0} is fine. */
void iu_alike_done(struct iu_alike *a);
/* Is this the first of its kind? Remembers it. When out of memory everything is. Fits iu_scope's want. */
bool iu_alike_is_new(void *alike, const struct inuse_socket *socket);

#endif
