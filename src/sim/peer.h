/* SPDX-License-Identifier: MIT */
/*
 * A host elsewhere whose packets an experiment writes itself.
 *
 * Theory of operation
 *
 * A *peer* is one end of a TCP conversation with numbers of its own but no rules: it sends what it is told to. What it keeps
 * is only what makes a packet fit the conversation: its next number, the next one that it expects, its clock, and the other
 * side's clock to echo (RFC 7323). A packet is told by what differs from that: `seq` and `time` so much later than it is
 * the turn of, `ack` so much more than has come. The same peer speaks to the simulated host and, through bytes, to the kernel. Pure.
 */
#ifndef IU_SIM_PEER_H
#define IU_SIM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flags of a TCP header. */
#define IU_FIN 1u
#define IU_SYN 2u
#define IU_RST 4u
#define IU_PSH 8u
#define IU_ACK 16u

/* What a TCP header says. tsval, tsecr: only with has_ts. */
struct iu_segment {
	uint8_t flags;
	bool has_ts;
	uint32_t seq, ack, len, tsval, tsecr;
};

struct iu_peer {
	uint32_t next;    /* its next sequence number */
	uint32_t seen;    /* the next one that it expects */
	uint32_t clock, echo;
	bool timestamps;
};

/* "SYN,ACK" for IU_SYN | IU_ACK; buf has room for 24 characters. Returns buf. */
char *iu_flags_text(uint8_t flags, char *buf);
/* Is a before b, as numbers that wrap around are compared? RFC 9293 3.4. */
static inline bool iu_seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}
/* The number behind the segment: SYN, FIN and each byte take one. */
static inline uint32_t iu_segment_end(const struct iu_segment *s)
{
	return s->seq + s->len + ((s->flags & IU_SYN) != 0) + ((s->flags & IU_FIN) != 0);
}

void iu_peer_init(struct iu_peer *peer, bool timestamps);
/* The packet that it sends now. seq, ack, time (ms): how far from the fitting number. */
struct iu_segment iu_peer_say(struct iu_peer *peer, uint8_t flags, int32_t seq, int32_t ack, int32_t time);
/* A packet for it has come. False: it says nothing new, all its numbers had come before (it was sent again). */
bool iu_peer_hear(struct iu_peer *peer, const struct iu_segment *segment);

#endif
