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

/*
 * Those of the caller's socket `number`, of which fd is a duplicate. made: how many epoll sets were made so far by whomever the
 * caller may have one from. False: one could not be read.
 */
bool iu_epoll_read(const struct iu_caller *caller, unsigned made, int fd, int32_t number, struct iu_registrations *ret);
/* The same for the socket with that inode, under whichever numbers it was registered; every set of the caller is read. */
bool iu_epoll_read_all(const struct iu_caller *caller, uint64_t inode, struct iu_registrations *ret);
/* Makes them for fd, under the program's numbers. False: one was not made. */
bool iu_epoll_restore(const struct iu_registrations *registrations, int fd);
void iu_epoll_done(struct iu_registrations *registrations);

#endif
