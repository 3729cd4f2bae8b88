/* SPDX-License-Identifier: MIT */
/* The call that is judged, made for real in a socket that is closed at once. */
#ifndef IU_CURE_TRY_H
#define IU_CURE_TRY_H

#include "inuse.h"

/*
 * Makes the call of the request in the network namespace of the calling thread, with its options, and tells what the
 * kernel answered; *ret_result only on success. Blocks for nothing.
 * BIND has the port for an instant: another bind may fail meanwhile, and the port's memory of SO_REUSEPORT is written.
 * LISTEN listens for an instant behind a filter that drops every packet: a client that comes just then tries again a
 * second later and is not refused.
 * CONNECT asks for everything that this host decides, the local port above all. Where TCP Fast Open is on (default since
 * Linux 3.13), no packet leaves; else a SYN does, and the peer may see a connection that is reset at once; nothing stays
 * behind. A TIME-WAIT that the kernel recycles for it is gone afterwards.
 * The rights are those of the caller, whatever may_bind_low says. Another uid than the caller's takes root.
 *
 * INUSE_E_INPUT: the request is no call of a client or server; INUSE_E_UNSUPPORTED: ACCEPT (only the peer can send that
 * packet), UDP, repair mode, a reuseport program; INUSE_E_PERMISSION: an option or uid is not permitted;
 * INUSE_E_SYSTEM: the kernel answered with something that no rule knows.
 */
enum inuse_status iu_try(const struct inuse_request *request, enum inuse_result *ret_result, struct inuse_error *error);

#endif
