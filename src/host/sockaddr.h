/* SPDX-License-Identifier: MIT */
/* Between our addresses and the system's. */
#ifndef IU_HOST_SOCKADDR_H
#define IU_HOST_SOCKADDR_H

#include "compat/socket.h"
#include "inuse.h"

/* Fills ret from a; family 0 becomes IPv4's wildcard. Returns the length that bind() and connect() want. */
socklen_t iu_sockaddr_from(const struct inuse_addr *a, struct sockaddr_storage *ret);
/* family 0 for what is neither IPv4 nor IPv6. */
struct inuse_addr iu_sockaddr_to(const struct sockaddr_storage *sa);

#endif
