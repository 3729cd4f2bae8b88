/* SPDX-License-Identifier: MIT */
/*
 * Sockets as POSIX has them, on Windows, too.
 *
 * Theory of operation
 *
 * On Windows a socket is a kernel handle, of which 32 bits are significant (Microsoft, "Interprocess Communication Between
 * 32-bit and 64-bit Applications"), so it fits into an int; it is closed with iu_socket_close() and its errors come from
 * WSAGetLastError(). The calls are wrapped: they set errno to the code that errno.h has for it, and strerror() names
 * Winsock's own number. connect() says EINPROGRESS where Winsock says that it would block.
 */
#ifndef IU_COMPAT_SOCKET_H
#define IU_COMPAT_SOCKET_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifdef _WIN32

#include <winsock2.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>

#define SOCK_NONBLOCK 0x1000
#define SOCK_CLOEXEC 0x2000
#define MSG_NOSIGNAL 0
#define MSG_MORE 0
#define MSG_DONTWAIT 0
#define SHUT_WR SD_SEND
#ifndef IF_NAMESIZE
#define IF_NAMESIZE 256
#endif
/* Options that Windows does not have: setting them fails with ENOPROTOOPT. */
#define SO_REUSEPORT 0x7f01
#define IP_FREEBIND 0x7f02
#define IP_BIND_ADDRESS_NO_PORT 0x7f03

int iu_winsock_socket(int family, int type, int protocol);
int iu_winsock_bind(int fd, const struct sockaddr *sa, int len);
int iu_winsock_listen(int fd, int backlog);
int iu_winsock_connect(int fd, const struct sockaddr *sa, int len);
int iu_winsock_accept(int fd, struct sockaddr *sa, int *len, int flags);
int iu_winsock_setsockopt(int fd, int level, int name, const void *value, int len);
int iu_winsock_getsockopt(int fd, int level, int name, void *value, int *len);
int iu_winsock_getsockname(int fd, struct sockaddr *sa, int *len);
ssize_t iu_winsock_recv(int fd, void *buf, size_t len, int flags);
ssize_t iu_winsock_send(int fd, const void *buf, size_t len, int flags);
int iu_winsock_shutdown(int fd, int how);
int iu_winsock_poll(WSAPOLLFD *list, unsigned long n, int timeout_ms);
int iu_winsock_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret);
/* WSAECONNREFUSED to ECONNREFUSED, and so on; EIO for what errno.h has no name for. */
int iu_winsock_errno(int wsa_code);
/* "address already in use (WSAEADDRINUSE, 10048)"; a constant string. */
const char *iu_winsock_strerror(int code);

#define socket(family, type, protocol) iu_winsock_socket(family, type, protocol)
#define bind(fd, sa, len) iu_winsock_bind(fd, sa, len)
#define listen(fd, backlog) iu_winsock_listen(fd, backlog)
#define connect(fd, sa, len) iu_winsock_connect(fd, sa, len)
#define accept4(fd, sa, len, flags) iu_winsock_accept(fd, sa, len, flags)
#define setsockopt(fd, level, name, value, len) iu_winsock_setsockopt(fd, level, name, value, len)
#define getsockopt(fd, level, name, value, len) iu_winsock_getsockopt(fd, level, name, value, len)
#define getsockname(fd, sa, len) iu_winsock_getsockname(fd, sa, len)
#define recv(fd, buf, len, flags) iu_winsock_recv(fd, buf, len, flags)
#define send(fd, buf, len, flags) iu_winsock_send(fd, buf, len, flags)
#define shutdown(fd, how) iu_winsock_shutdown(fd, how)
#define poll(list, n, timeout_ms) iu_winsock_poll(list, n, timeout_ms)
#undef getaddrinfo
#define getaddrinfo(host, service, hints, ret) iu_winsock_getaddrinfo(host, service, hints, ret)
#define strerror(code) iu_winsock_strerror(code)

#else

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#endif

/* Closes a socket; keeps errno. */
void iu_socket_close(int fd);
/* 0, or -1 with errno set. */
int iu_socket_set_nonblocking(int fd, bool on);
/*
 * For a listener that does not set SO_REUSEADDR: nobody else may take its port over. On Windows that takes
 * SO_EXCLUSIVEADDRUSE; elsewhere it is so by itself. 0, or -1 with errno set.
 */
int iu_socket_claim(int fd);
/*
 * Does SO_REUSEADDR let a server restart, and nothing else? On Windows it lets any program take a port from its owner
 * (Microsoft, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE").
 */
bool iu_socket_reuse_is_harmless(void);

#endif
