/* SPDX-License-Identifier: MIT */
/*
 * From a socket that is thrown away to the one that takes its place.
 *
 * Theory of operation
 *
 * The program made a new socket and set what it wanted on it; then it is given the held one instead. So each option that can be
 * read is set there as it is on the new one: also those that have their default on the new one, because the held one may
 * have what an earlier start had set. What is equal already is not touched: setting a buffer's size, even to what it is,
 * ends its automatic sizing. Where a value cannot be set, nothing is exchanged.
 * What cannot be read at all (TCP_MD5SIG, attached programs) is watched for as it is set; see hold.c.
 */
#include "supervise/carry.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

enum kind {
	INTEGER,
	RECEIVE, /* size of a buffer: the kernel doubles what is set (linux v6.18 net/core/sock.c __sock_set_rcvbuf()) */
	SEND,    /* likewise */
	SEGMENT, /* unset, it reads as 536 (TCP_MSS_DEFAULT), and is set by 0 */
	RAW,     /* a structure or a text, as long as getsockopt says */
	WAITING, /* RAW, and changes calls that wait already */
};

/* Both families; a row that the socket's family or the kernel does not know is passed over. */
static const struct {
	int level, name;
	enum kind kind;
	const char *text;
} options[] = {
	{SOL_SOCKET, SO_REUSEADDR, INTEGER, "SO_REUSEADDR"},
	{SOL_SOCKET, SO_REUSEPORT, INTEGER, "SO_REUSEPORT"},
	{SOL_SOCKET, SO_KEEPALIVE, INTEGER, "SO_KEEPALIVE"},
	{SOL_SOCKET, SO_DONTROUTE, INTEGER, "SO_DONTROUTE"},
	{SOL_SOCKET, SO_OOBINLINE, INTEGER, "SO_OOBINLINE"},
	{SOL_SOCKET, SO_RCVLOWAT, INTEGER, "SO_RCVLOWAT"},
	{SOL_SOCKET, SO_MARK, INTEGER, "SO_MARK"},
	{SOL_SOCKET, SO_BUSY_POLL, INTEGER, "SO_BUSY_POLL"},
	{SOL_SOCKET, SO_PREFER_BUSY_POLL, INTEGER, "SO_PREFER_BUSY_POLL"},
	{SOL_SOCKET, SO_BUSY_POLL_BUDGET, INTEGER, "SO_BUSY_POLL_BUDGET"},
	{SOL_SOCKET, SO_INCOMING_CPU, INTEGER, "SO_INCOMING_CPU"},
	{SOL_SOCKET, SO_TIMESTAMP, INTEGER, "SO_TIMESTAMP"},
	{SOL_SOCKET, SO_TIMESTAMPNS, INTEGER, "SO_TIMESTAMPNS"},
	{SOL_SOCKET, SO_TIMESTAMPING, INTEGER, "SO_TIMESTAMPING"},
	{SOL_SOCKET, SO_RXQ_OVFL, INTEGER, "SO_RXQ_OVFL"},
	{SOL_SOCKET, SO_ZEROCOPY, INTEGER, "SO_ZEROCOPY"},
	{SOL_SOCKET, SO_RCVBUF, RECEIVE, "SO_RCVBUF"},
	{SOL_SOCKET, SO_SNDBUF, SEND, "SO_SNDBUF"},
	/* whether sizes were set: behind them */
	{SOL_SOCKET, SO_BUF_LOCK, INTEGER, "SO_BUF_LOCK"},
	{SOL_SOCKET, SO_MAX_PACING_RATE, RAW, "SO_MAX_PACING_RATE"},
	{SOL_SOCKET, SO_LINGER, RAW, "SO_LINGER"},
	{SOL_SOCKET, SO_RCVTIMEO, WAITING, "SO_RCVTIMEO"},
	{SOL_SOCKET, SO_SNDTIMEO, WAITING, "SO_SNDTIMEO"},
	{IPPROTO_IP, IP_TOS, INTEGER, "IP_TOS"},
	{IPPROTO_IP, IP_TTL, INTEGER, "IP_TTL"},
	{IPPROTO_IP, IP_MINTTL, INTEGER, "IP_MINTTL"},
	{IPPROTO_IP, IP_MTU_DISCOVER, INTEGER, "IP_MTU_DISCOVER"},
	{IPPROTO_IP, IP_FREEBIND, INTEGER, "IP_FREEBIND"},
	{IPPROTO_IP, IP_TRANSPARENT, INTEGER, "IP_TRANSPARENT"},
	{IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, INTEGER, "IP_BIND_ADDRESS_NO_PORT"},
	{IPPROTO_IP, IP_LOCAL_PORT_RANGE, INTEGER, "IP_LOCAL_PORT_RANGE"},
	{IPPROTO_IP, IP_RECVERR, INTEGER, "IP_RECVERR"},
	{IPPROTO_IP, IP_PKTINFO, INTEGER, "IP_PKTINFO"},
	{IPPROTO_IP, IP_OPTIONS, RAW, "IP_OPTIONS"},
	{IPPROTO_IPV6, IPV6_TCLASS, INTEGER, "IPV6_TCLASS"},
	{IPPROTO_IPV6, IPV6_UNICAST_HOPS, INTEGER, "IPV6_UNICAST_HOPS"},
	{IPPROTO_IPV6, IPV6_MTU_DISCOVER, INTEGER, "IPV6_MTU_DISCOVER"},
	{IPPROTO_IPV6, IPV6_RECVERR, INTEGER, "IPV6_RECVERR"},
	{IPPROTO_IPV6, IPV6_RECVPKTINFO, INTEGER, "IPV6_RECVPKTINFO"},
	{IPPROTO_IPV6, IPV6_RECVTCLASS, INTEGER, "IPV6_RECVTCLASS"},
	/* behind IP_TOS, which sets it: linux v6.18 net/ipv4/ip_sockglue.c __ip_sock_set_tos() */
	{SOL_SOCKET, SO_PRIORITY, INTEGER, "SO_PRIORITY"},
	{IPPROTO_TCP, TCP_NODELAY, INTEGER, "TCP_NODELAY"},
	{IPPROTO_TCP, TCP_CORK, INTEGER, "TCP_CORK"},
	{IPPROTO_TCP, TCP_MAXSEG, SEGMENT, "TCP_MAXSEG"},
	{IPPROTO_TCP, TCP_KEEPIDLE, INTEGER, "TCP_KEEPIDLE"},
	{IPPROTO_TCP, TCP_KEEPINTVL, INTEGER, "TCP_KEEPINTVL"},
	{IPPROTO_TCP, TCP_KEEPCNT, INTEGER, "TCP_KEEPCNT"},
	{IPPROTO_TCP, TCP_SYNCNT, INTEGER, "TCP_SYNCNT"},
	{IPPROTO_TCP, TCP_LINGER2, INTEGER, "TCP_LINGER2"},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, INTEGER, "TCP_DEFER_ACCEPT"},
	{IPPROTO_TCP, TCP_WINDOW_CLAMP, INTEGER, "TCP_WINDOW_CLAMP"},
	{IPPROTO_TCP, TCP_USER_TIMEOUT, INTEGER, "TCP_USER_TIMEOUT"},
	{IPPROTO_TCP, TCP_FASTOPEN, INTEGER, "TCP_FASTOPEN"},
	{IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, INTEGER, "TCP_FASTOPEN_NO_COOKIE"},
	{IPPROTO_TCP, TCP_SAVE_SYN, INTEGER, "TCP_SAVE_SYN"},
	{IPPROTO_TCP, TCP_NOTSENT_LOWAT, INTEGER, "TCP_NOTSENT_LOWAT"},
	{IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, INTEGER, "TCP_THIN_LINEAR_TIMEOUTS"},
	{IPPROTO_TCP, TCP_CONGESTION, RAW, "TCP_CONGESTION"},
};

static int integer(int fd, int level, int name, int otherwise)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) == 0 ? value : otherwise;
}

bool iu_identity_read(int fd, uint64_t netns, struct iu_identity *ret)
{
	socklen_t len = sizeof(ret->netns);

	*ret = (struct iu_identity){.domain = integer(fd, SOL_SOCKET, SO_DOMAIN, -1),
				    .protocol = integer(fd, SOL_SOCKET, SO_PROTOCOL, -1),
				    .device = integer(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 0)};
	if (ret->domain == AF_INET6)
		ret->v6only = integer(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) != 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &ret->netns, &len) != 0)
		ret->netns = netns;
	return ret->domain >= 0 && ret->protocol >= 0;
}

bool iu_identity_same(const struct iu_identity *a, const struct iu_identity *b)
{
	return a->domain == b->domain && a->protocol == b->protocol && a->device == b->device && a->v6only == b->v6only &&
	       a->netns == b->netns;
}

/* Beyond the limit of the system only with the right to it, which the program must have had. */
static bool set_buffer(int to, enum kind kind, int wanted)
{
	int half = wanted / 2, name = kind == RECEIVE ? SO_RCVBUF : SO_SNDBUF;

	if (setsockopt(to, SOL_SOCKET, name, &half, sizeof(half)) == 0 && integer(to, SOL_SOCKET, name, -1) == wanted)
		return true;
	return setsockopt(to, SOL_SOCKET, kind == RECEIVE ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &half, sizeof(half)) == 0;
}

/* True when the option is, in the end, on `to` what it is on `from`. */
static bool carry(size_t i, int from, int to)
{
	char wanted[256] = {0}, had[256] = {0};
	socklen_t len = sizeof(wanted), had_len = sizeof(had);
	int value;

	if (getsockopt(from, options[i].level, options[i].name, wanted, &len) != 0 ||
	    getsockopt(to, options[i].level, options[i].name, had, &had_len) != 0)
		return true; /* not there for this family or kernel */
	if (len == had_len && memcmp(wanted, had, len) == 0)
		return true;
	memcpy(&value, wanted, sizeof(value));
	if (options[i].kind == RECEIVE || options[i].kind == SEND)
		return set_buffer(to, options[i].kind, value);
	if (options[i].kind == SEGMENT && value == TCP_MSS_DEFAULT)
		memset(wanted, 0, sizeof(value));
	return setsockopt(to, options[i].level, options[i].name, wanted, len) == 0;
}

const char *iu_carry_options(int from, int to, bool shared)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (shared && options[i].kind == WAITING)
			continue;
		if (!carry(i, from, to))
			return options[i].text;
	}
	return NULL;
}
