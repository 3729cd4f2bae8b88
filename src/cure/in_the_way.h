/* SPDX-License-Identifier: MIT */
/* One socket by itself: does it stand in the way of a call, and what is it? */
#ifndef IU_CURE_IN_THE_WAY_H
#define IU_CURE_IN_THE_WAY_H

#include "model/facts.h"

/*
 * Would the socket, if it were the only one, make one of the requests fail, or may it? Asked of the same rules that judge
 * the host. For bind and listen, and for a connect with a fixed local port; nothing single is in the way of others.
 * context: facts whose features and routes count, or NULL.
 */
bool iu_is_in_the_way(const struct inuse_request *requests, size_t n, const struct iu_facts *context,
		      const struct inuse_socket *socket);

/* What a socket in the way is, and so what may be done about it. */
enum iu_kind {
	IU_KIND_REMAINS, /* TIME-WAIT, or FIN-WAIT-2 without a process */
	IU_KIND_ORPHAN, /* its process has closed it; the kernel goes on sending what is left, and then the end */
	IU_KIND_CONNECTION, /* living: of whoever serves the port, or of a client that insisted on it */
	IU_KIND_CLIENT, /* living, or orphaned: of a client that got the port from the kernel, innocently */
	IU_KIND_UNSURE, /* living; which of the two is not known */
	IU_KIND_HOLDER, /* listens, or is only bound: gone when its processes have closed it */
	IU_KIND_KERNEL, /* the kernel's own: nobody can close it */
	IU_N_KINDS,
};
enum iu_kind iu_kind_of(const struct inuse_socket *socket);
/*
 * The same for a living connection of which its source does not know who chose the port: it is the server's if a
 * listener (one of `listeners`) covers its address, because connect() takes no port on which somebody listens.
 */
enum iu_kind iu_kind_beside(const struct inuse_socket *socket, const struct inuse_socket *listeners, size_t n);

#endif
