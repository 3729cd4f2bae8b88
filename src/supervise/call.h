/* SPDX-License-Identifier: MIT */
/* A bind, listen or connect of another program, made on a duplicate of its socket. */
#ifndef IU_SUPERVISE_CALL_H
#define IU_SUPERVISE_CALL_H

#include <sys/socket.h>

#include "inuse.h"

struct iu_call {
	enum inuse_call kind; /* BIND, LISTEN, CONNECT */
	int32_t fd;           /* its number in the program */
	struct sockaddr_storage addr; /* bind, connect: copied once */
	socklen_t len;
	int backlog;          /* listen */
	bool unbound;         /* connect, listen: the kernel chooses the port, so that of the socket afterwards was not asked for */
};

/* The socket is one that this is about: TCP, MPTCP included, over IPv4 or IPv6. */
bool iu_call_concerns(int fd);
/* The kernel would look at the address (its length is possible), and it is of IPv4 or IPv6. */
bool iu_call_sensible(const struct iu_call *call);

enum iu_call_end {
	IU_CALL_MADE,   /* *ret_os_code is what the program is to be told */
	IU_CALL_LET_GO, /* nothing final was done: the program's own call must go through */
};
/* Makes the call on fd, a duplicate of the program's socket. Never waits. */
enum iu_call_end iu_call_make(const struct iu_call *call, int fd, int *ret_os_code);

/* The socket has a port. */
bool iu_call_is_bound(int fd);
/* The call in the words of the model: the options, device and owner that the socket has now. */
struct inuse_request iu_call_request(const struct iu_call *call, int fd, bool may_bind_low);
/* Inode of a socket, 0 unknown. */
uint64_t iu_call_inode(int fd);
const char *iu_call_name(enum inuse_call kind);
/* The address that the call names: of the socket itself for listen. Returns buf. */
char *iu_call_address(const struct inuse_request *request, char buf[INUSE_ADDR_TEXT]);

#endif
