/* SPDX-License-Identifier: MIT */
/*
 * Who holds which socket, for sockets that stream by: all open files are read once, before.
 *
 * 16 bytes for every descriptor that is a socket, whatever the number of sockets without one: a million of them in TIME-WAIT
 * cost nothing. What was opened afterwards is not in it: a socket that is not found has an owner that is not known.
 */
#ifndef IU_HOST_OWNER_INDEX_H
#define IU_HOST_OWNER_INDEX_H

#include "host/host.h"

struct iu_owner_index;

/*
 * Reads the open files, with the best source that works. Sources that are refused leave an index in which nothing is found.
 * *ret_index is NULL where this system has no such index. INUSE_E_MEMORY. The caller frees it with iu_owner_index_free().
 */
enum inuse_status iu_owner_index_new(const struct iu_scope *scope, struct iu_owner_index **ret_index,
				     struct inuse_error *error);
/* NULL is fine. */
void iu_owner_index_free(struct iu_owner_index *index);
/* Fills in the socket's holders, and INUSE_KNOW_OWNER where it is known that it has some, or cannot have any. */
void iu_owner_index_find(const struct iu_owner_index *index, struct inuse_socket *socket);
/* Points the processes and holders of the facts at those of the index. They live as long as it does. */
void iu_owner_index_facts(const struct iu_owner_index *index, struct iu_facts *facts);

#endif
