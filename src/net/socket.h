/* SPDX-License-Identifier: MIT */
/*
 * Sockets of our own making, so that exactly the options that were asked for are set.
 *
 * Theory of operation
 *
 * libuv creates sockets by itself, sets SO_REUSEADDR on everything it binds and keeps a failed bind() back until
 * listen() or connect() (libuv 1.44 src/unix/tcp.c uv__tcp_bind()). Here every option counts, and which call failed
 * counts, too: so sockets are made and bound here and handed over when they are ready.
 */
#ifndef IU_NET_SOCKET_H
#define IU_NET_SOCKET_H

#include "compat/socket.h"
#include "inuse.h"

/* An address as people know it: a v4-mapped one becomes IPv4. family 0 for what is neither IPv4 nor IPv6. */
struct inuse_addr iu_net_addr(const struct sockaddr_storage *sa);
/* The address that the socket is bound to, family 0 when it cannot be told. */
struct inuse_addr iu_net_local(int fd);

/* What a listening socket is to be. */
struct iu_net_listener {
	struct inuse_addr at; /* family 0: both families on one socket, or IPv4 alone where there is no IPv6 */
	bool reuseaddr, reuseport, v6only;
	int backlog;
};

/*
 * Makes, binds and listens. *request describes the call that was made (also when it fails), for a verdict;
 * *ret_fd is non-blocking, close-on-exec and the caller's. INUSE_E_REFUSED: bind or listen failed with error->os_code,
 * the verdict tells why; INUSE_E_SYSTEM: there was no socket to begin with.
 */
enum inuse_status iu_net_listen(const struct iu_net_listener *what, struct inuse_request *request, int *ret_fd,
				struct inuse_error *error);

/*
 * Makes a client's socket for request->remote and binds it to request->local when that names an address or a port.
 * SO_REUSEADDR is set when request->flags has it. With an address but port 0 the port is left to connect()
 * (IP_BIND_ADDRESS_NO_PORT), which finds one where bind() would not. Errors as in iu_net_listen().
 */
enum inuse_status iu_net_client(const struct inuse_request *request, int *ret_fd, struct inuse_error *error);

/* SO_LINGER: close() waits up to `seconds`; 0: close() resets the connection; -1: off. */
void iu_net_linger(int fd, int seconds);

/* The state of a connection of ours; INUSE_STATE_UNKNOWN where it cannot be told. kernel_<system>.c has these. */
enum inuse_state iu_net_state(int fd);
/* Bytes that have come and were not read, and bytes that the peer has not acknowledged; 0 where it cannot be told. */
size_t iu_net_unread(int fd);
size_t iu_net_unsent(int fd);
/* A second descriptor of the same socket, close-on-exec; -1 with errno set. */
int iu_net_dup(int fd);
/* May a socket be handed to libuv after both sides have ended? */
bool iu_net_opens_late(void);
/* Does libuv look again in its next turn at a stream for which it was given no buffer? */
bool iu_net_reads_again(void);
/* The errno of an error of libuv, which has numbers of its own on Windows. */
int iu_net_errno(int uv_code);

/* Makes the process fit for sockets: writing to a connection that is gone is an error instead of a signal. */
void iu_net_prepare(void);

#endif
