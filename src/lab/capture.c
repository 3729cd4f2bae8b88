/* SPDX-License-Identifier: MIT */
/*
 * The packets that crossed, through AF_PACKET.
 *
 * Theory of operation
 *
 * A packet socket sees what a device sends and what it receives; on lo, and between the two ends of a veth pair, that is the
 * same packet twice, so only what is received is kept, but for the device that leads to nobody.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/live.h"

struct iu_capture {
	int fd;
	unsigned wire; /* index of the device that leads to nobody */
};

struct iu_capture *iu_capture_new(unsigned wire)
{
	struct iu_capture *c = malloc(sizeof(*c));
	int size = 1 << 20;

	if (c == NULL)
		return NULL;
	c->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	c->wire = wire;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* fewer losses; nothing depends on it */
	return c;
}

void iu_capture_free(struct iu_capture *c)
{
	if (c == NULL)
		return;
	close(c->fd);
	free(c);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Option 8, timestamps (RFC 7323), where it is among the options. */
static void find_timestamps(const uint8_t *options, size_t len, struct iu_segment *ret)
{
	size_t at = 0;

	while (at < len && options[at] != 0) {
		size_t step = options[at] == 1 ? 1 : at + 1 < len ? options[at + 1] : 0;

		if (options[at] == 8 && step == 10 && at + step <= len) {
			ret->has_ts = true;
			ret->tsval = be32(options + at + 2);
			ret->tsecr = be32(options + at + 6);
		}
		if (step == 0 || (options[at] != 1 && step < 2))
			return;
		at += step;
	}
}

static bool read_tcp(const uint8_t *tcp, size_t len, size_t whole, struct iu_packet *ret)
{
	size_t header;

	if (len < 20)
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < 20 || header > len || header > whole)
		return false;
	ret->from.port = be16(tcp);
	ret->to.port = be16(tcp + 2);
	ret->s.seq = be32(tcp + 4);
	ret->s.ack = be32(tcp + 8);
	ret->s.flags = tcp[13];
	ret->s.len = (uint32_t)(whole - header);
	find_timestamps(tcp + 20, header - 20, &ret->s);
	return true;
}

bool iu_packet_read(const uint8_t *bytes, size_t len, struct iu_packet *ret)
{
	size_t header, whole;

	memset(ret, 0, sizeof(*ret));
	if (len < 20)
		return false;
	if (bytes[0] >> 4 == 4) {
		header = (size_t)(bytes[0] & 15) * 4;
		whole = be16(bytes + 2);
		if (bytes[9] != IPPROTO_TCP || header < 20 || header > len || whole < header)
			return false;
		ret->from.family = ret->to.family = 4;
		memcpy(ret->from.ip, bytes + 12, 4);
		memcpy(ret->to.ip, bytes + 16, 4);
		return read_tcp(bytes + header, len - header, whole - header, ret);
	}
	if (bytes[0] >> 4 != 6 || len < 40 || bytes[6] != IPPROTO_TCP)
		return false;
	ret->from.family = ret->to.family = 6;
	memcpy(ret->from.ip, bytes + 8, 16);
	memcpy(ret->to.ip, bytes + 24, 16);
	return read_tcp(bytes + 40, len - 40, be16(bytes + 4), ret);
}

size_t iu_capture_take(struct iu_capture *c, struct iu_packet *ret, size_t max, unsigned *ret_lost)
{
	struct tpacket_stats stats = {0};
	socklen_t stats_len = sizeof(stats);
	size_t n = 0;

	*ret_lost = 0;
	for (;;) {
		uint8_t bytes[256];
		struct sockaddr_ll from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (len < 0)
			break;
		if (from.sll_pkttype == PACKET_OUTGOING && (unsigned)from.sll_ifindex != c->wire)
			continue;
		if (n == max)
			++*ret_lost;
		else if (iu_packet_read(bytes, (size_t)len, &ret[n]))
			n++;
	}
	if (getsockopt(c->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_len) == 0)
		*ret_lost += stats.tp_drops;
	return n;
}
