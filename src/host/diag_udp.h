/* SPDX-License-Identifier: MIT */
/* Whether a port is held by UDP, which never blocks TCP and is worth a line. */
#ifndef IU_HOST_DIAG_UDP_H
#define IU_HOST_DIAG_UDP_H

#include "model/facts.h"

/*
 * How many UDP sockets of this namespace have the port: into ret->count, 0 for none; netns 0 is the own one.
 * INUSE_E_UNSUPPORTED, INUSE_E_PERMISSION: sock_diag does not tell.
 */
enum inuse_status iu_diag_udp(uint16_t port, struct iu_elsewhere *ret, struct inuse_error *error);

#endif
