/* SPDX-License-Identifier: MIT */
/*
 * What ports remember of bind(), read where an answer depends on it.
 *
 * Theory of operation
 *
 * Before Linux 6.18 a port on which bind() or a listener once was is closed to automatic ports of connect() for as long as anybody has it:
 * that stands in its bucket and nowhere else. Whoever asks for an automatic port is shown the whole table, which has no buckets; as long as
 * one port of the range is without any socket, nothing depends on them. Where the answer does, the buckets of the range's other ports
 * are read, and the snapshot has them from then on.
 */
#ifndef IU_HOST_PORT_MEMORY_H
#define IU_HOST_PORT_MEMORY_H

#include "host/snapshot.h"

/*
 * Adds to a sealed snapshot of this machine the buckets that these requests depend on, and says in it what came of that. without: as in
 * struct iu_scope. Where they cannot be read, or memory runs out, the snapshot stays as it is.
 */
void iu_port_memory_settle(struct inuse_snapshot *snapshot, const struct inuse_request *requests, size_t n, unsigned without);

#endif
