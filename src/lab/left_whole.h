/* SPDX-License-Identifier: MIT */
/* A close() that a busy machine ends in another way than an idle one. */
#ifndef IU_LAB_LEFT_WHOLE_H
#define IU_LAB_LEFT_WHOLE_H

#include "inuse.h"

/*
 * Of a connection whose FIN is acknowledged between the end of close() proper and its release of the socket, the kernel leaves a
 * whole socket in FIN-WAIT-2 where it leaves but a mini one otherwise ("Bad case", "not so rare event": linux v6.18
 * net/ipv4/tcp_input.c tcp_rcv_state_process()). It answers a SYN in another way, and a busy machine does so every now and then.
 *
 * Is there one among those that were seen, for which a mini socket is simulated? Or was there one: the whole socket answers the other end's
 * FIN by its own route, where a mini one's answer may not be heard (time-wait/last-ack-of-loopback), so that a LAST-ACK is missing.
 */
bool iu_lab_left_whole(const struct inuse_socket *simulated, size_t n, const struct inuse_socket *seen, size_t n_seen);

#endif
