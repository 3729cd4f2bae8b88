/* SPDX-License-Identifier: MIT */
/* --try on Linux: its options, a listener that nobody reaches, a connect() that sends nothing. */
#include "cure/try_own.h"

#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

enum inuse_status iu_try_prepare(int fd, const struct inuse_request *r, struct inuse_error *error)
{
	bool six = (r->local.family ? r->local.family : r->remote.family) == 6;
	char device[IF_NAMESIZE];

	if ((r->flags & INUSE_REUSEADDR) && !iu_try_set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return iu_try_set_failed(error, "SO_REUSEADDR");
	if ((r->flags & INUSE_REUSEPORT) && !iu_try_set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return iu_try_set_failed(error, "SO_REUSEPORT");
	if (six && !iu_try_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, (r->flags & INUSE_V6ONLY) != 0))
		return iu_try_set_failed(error, "IPV6_V6ONLY");
	/* the options of IPv6 are younger (4.15); those of IPv4 act on the same bits */
	if ((r->flags & INUSE_FREEBIND) && !(six && iu_try_set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1)) &&
	    !iu_try_set(fd, IPPROTO_IP, IP_FREEBIND, 1))
		return iu_try_set_failed(error, "IP_FREEBIND");
	if ((r->flags & INUSE_TRANSPARENT) &&
	    !(six ? iu_try_set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) : iu_try_set(fd, IPPROTO_IP, IP_TRANSPARENT, 1)))
		return iu_try_set_failed(error, "IP_TRANSPARENT");
	/* by name, as programs do it: SO_BINDTOIFINDEX takes any number */
	if (r->device != 0 && (if_indextoname(r->device, device) == NULL ||
			       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1) != 0)) {
		errno = errno == ENXIO ? ENODEV : errno;
		return iu_try_set_failed(error, "SO_BINDTODEVICE");
	}
	/* whose socket it is: linux v6.18 net/socket.c sockfs_setattr() */
	if (r->uid != geteuid() && fchown(fd, r->uid, (gid_t)-1) != 0)
		return iu_try_set_failed(error, "fchown");
	return INUSE_OK;
}

/* A classic filter that lets nothing through; on a listener it sees the SYN: linux v6.18 tcp_v4_rcv(), tcp_filter() */
void iu_try_hush(int fd)
{
	struct sock_filter none = {BPF_RET | BPF_K, 0, 0, 0};
	struct sock_fprog program = {1, &none};

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int iu_try_connect(int fd, const struct sockaddr *remote, socklen_t len)
{
	/*
	 * Fast Open without a cookie does everything that connect() decides here and leaves the SYN to the first
	 * send(), which never comes: linux v6.18 net/ipv4/tcp_fastopen.c tcp_fastopen_defer_connect().
	 */
	if (iu_try_set(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1))
		iu_try_set(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	return connect(fd, remote, len) == 0 ? 0 : errno;
}
