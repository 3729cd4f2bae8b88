/* SPDX-License-Identifier: MIT */
/* The exchange of the program's new socket for a held one. */
#ifndef IU_SUPERVISE_SWAP_H
#define IU_SUPERVISE_SWAP_H

#include "supervise/incident.h"

enum iu_swap_end {
	IU_SWAP_MADE,
	IU_SWAP_NONE,   /* the number is another socket by now, or the call waits no more: nothing was done */
	IU_SWAP_SPREAD, /* it is open in another process, too, or under too many numbers: all is as it was */
};

/*
 * Puts a duplicate of `held` under each number that the caller has its new socket (w->fd) under, and makes its registrations with
 * epoll again. MADE: w->fd is closed, and *ret_epoll_ok is false when a registration could not be made. Else the call can be
 * made as it stands.
 */
enum iu_swap_end iu_swap(struct iu_supervisor *s, struct iu_waiting_call *w, int held, bool *ret_epoll_ok);

#endif
