/* SPDX-License-Identifier: MIT */
/* Records of the BPF programs in the words of the library. */
#include "host/record.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "host/linux_tcp.h"

static const struct {
	uint32_t rec, flag;
} flags[] = {
	{IU_REC_REUSE, INUSE_REUSEADDR},
	{IU_REC_REUSEPORT, INUSE_REUSEPORT},
	{IU_REC_V6ONLY, INUSE_V6ONLY},
	{IU_REC_TIMESTAMPS, INUSE_TIMESTAMPS},
	{IU_REC_PORT_LOCKED, INUSE_PORT_LOCKED},
	{IU_REC_MPTCP, INUSE_MPTCP},
	{IU_REC_REPAIR, INUSE_REPAIR},
	{IU_REC_HAS_FILE, INUSE_HAS_FILE},
	{IU_REC_KERNEL, INUSE_KERNEL},
};

enum {
	KNOWN_ALWAYS = INUSE_KNOW_DEVICE | INUSE_KNOW_INODE | INUSE_KNOW_KERNEL | INUSE_KNOW_HAS_FILE,
	KNOWN_MINI = KNOWN_ALWAYS | INUSE_KNOW_OWNER | INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT | INUSE_KNOW_V6ONLY |
		     INUSE_KNOW_TIMESTAMPS,
	KNOWN_REQUEST = KNOWN_ALWAYS | INUSE_KNOW_OWNER | INUSE_KNOW_V6ONLY,
	KNOWN_FULL = KNOWN_ALWAYS | INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT | INUSE_KNOW_V6ONLY |
		     INUSE_KNOW_TIMESTAMPS | INUSE_KNOW_MPTCP | INUSE_KNOW_UID,
};

/* What no timer and no clock exceeds that are told truly, so that sums stay within their type. */
#define TICKS_MAX INT32_MAX
#define NOW_MAX_NS (UINT64_MAX / 4)

static int64_t now_of(const struct iu_rec *rec)
{
	return (int64_t)(rec->now_ns < NOW_MAX_NS ? rec->now_ns : NOW_MAX_NS);
}

static int64_t ticks_within(int64_t ticks)
{
	if (ticks > TICKS_MAX)
		return TICKS_MAX;
	return ticks < -TICKS_MAX ? -TICKS_MAX : ticks;
}

int64_t iu_record_end(const struct iu_rec *rec, int64_t tick_ns, int64_t *ret_slack_ns)
{
	uint64_t end = iu_wheel_end(rec->expires, rec->timer_flags);
	int64_t ticks = 0, now_ns = now_of(rec);

	*ret_slack_ns = 0;
	if (!(rec->flags & (IU_REC_MINI | IU_REC_TIMER)))
		return 0;
	if (rec->flags & IU_REC_TIMER)
		ticks = (int64_t)(end - rec->jiffies);
	/* if the first timer is late by a tick, the second may be by a step of its own */
	if (rec->flags & IU_REC_AGAIN)
		*ret_slack_ns = ticks_within((int64_t)(iu_wheel_end(end, rec->timer_flags) - end)) * tick_ns;
	if (ticks > 0)
		return now_ns + ticks_within(ticks) * tick_ns;
	*ret_slack_ns = tick_ns;
	return now_ns;
}

static struct inuse_addr address(const struct iu_rec *rec, const uint8_t *bytes, uint16_t port)
{
	struct inuse_addr a = {.family = rec->family == AF_INET6 ? 6 : 4, .port = port};

	/* two copies of a size that is known: a call for each end of a million sockets counts */
	if (a.family == 6)
		memcpy(a.ip, bytes, 16);
	else
		memcpy(a.ip, bytes, 4);
	if (iu_addr_is_link_local6(&a))
		a.scope = rec->device;
	return a;
}

static uint32_t known_of_kind(const struct iu_rec *rec)
{
	if (rec->flags & IU_REC_MINI)
		return KNOWN_MINI;
	if (rec->flags & IU_REC_REQUEST)
		return KNOWN_REQUEST;
	/* A subflow of MPTCP is held through the socket above it, which is not looked at. */
	if (rec->flags & IU_REC_MPTCP)
		return KNOWN_FULL & ~(uint32_t)(rec->flags & IU_REC_HAS_FILE ? 0 : INUSE_KNOW_HAS_FILE);
	if (rec->inode == 0 || (rec->flags & IU_REC_KERNEL))
		return KNOWN_FULL | INUSE_KNOW_OWNER;
	return KNOWN_FULL;
}

static uint32_t known(const struct iu_rec *rec)
{
	return known_of_kind(rec) | (rec->flags & IU_REC_PORT_KNOWN ? INUSE_KNOW_PORT_LOCKED : 0);
}

struct inuse_socket iu_record_socket(const struct iu_rec *rec, int64_t tick_ns)
{
	struct inuse_socket s = {
		.state = iu_state_from_linux(rec->state),
		.family = rec->family == AF_INET6 ? 6 : 4,
		.mini = rec->flags & (IU_REC_MINI | IU_REC_REQUEST),
		.proto = INUSE_PROTO_TCP,
		.known = known(rec),
		.device = rec->device,
		.uid = rec->uid,
		.inode = rec->inode,
		.cookie = rec->cookie,
		.count = 1,
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (rec->flags & flags[i].rec)
			s.flags |= flags[i].flag;
	s.local = address(rec, rec->saddr, rec->sport);
	s.remote = address(rec, rec->daddr, ntohs(rec->dport));
	s.free_at_ns = iu_record_end(rec, tick_ns, &s.free_slack_ns);
	/* the timer itself knows better than the wheel, which rounds up, when it was set */
	if ((rec->flags & IU_REC_TIMER) != 0 && s.mini && s.state == INUSE_TIME_WAIT)
		s.since_ns = now_of(rec) + ticks_within((int64_t)(rec->expires - rec->jiffies)) * tick_ns - IU_TIME_WAIT_NS;
	return s;
}

struct iu_bucket iu_record_bucket(const struct iu_rec_bucket *rec)
{
	struct iu_bucket b = {.port = rec->port, .fastreuse = rec->fastreuse, .fastreuseport = rec->fastreuseport};

	if (rec->any4 != 0)
		b.any4 = rec->any4 == 6 ? 6 : 4;
	if (rec->fastreuseport <= 0)
		return b;
	b.uid = rec->uid;
	b.family = rec->family == AF_INET6 ? 6 : 4;
	b.v6only = rec->v6only;
	b.addr4 = iu_addr_any(4, rec->port);
	memcpy(b.addr4.ip, rec->addr4, sizeof(rec->addr4));
	b.addr6 = iu_addr_any(6, rec->port);
	memcpy(b.addr6.ip, rec->addr6, sizeof(rec->addr6));
	return b;
}
