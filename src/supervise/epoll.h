/* SPDX-License-Identifier: MIT */
/* Registrations of a socket with epoll: read from the program, and made again for the socket that took its place. */
#ifndef IU_SUPERVISE_EPOLL_H
#define IU_SUPERVISE_EPOLL_H

#include "supervise/caller.h"

/* {0} is empty. */
struct iu_registrations {
	struct {
		int epoll;  /* a duplicate */
		int32_t fd; /* the number under which the program registered the socket */
		uint32_t events;
		uint64_t data;
	} *list;
	size_t n, cap;
};

/* Those of the socket with that inode in n epoll sets of the caller. False: one could not be read. */
bool iu_epoll_read(const struct iu_caller *caller, const int32_t *epolls, size_t n, uint64_t inode, struct iu_registrations *ret);
/* Makes them for fd, under the program's numbers. False: one was not made. */
bool iu_epoll_restore(const struct iu_registrations *registrations, int fd);
void iu_epoll_done(struct iu_registrations *registrations);

#endif
