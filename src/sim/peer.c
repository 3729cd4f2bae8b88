/* SPDX-License-Identifier: MIT */
/* A host elsewhere whose packets an experiment writes itself. See peer.h. */
#include "sim/peer.h"

#include <stdio.h>

/* Far from 0 on both sides, so that a number below it is one, too. */
#define FIRST 1000000u

char *iu_flags_text(uint8_t flags, char *buf)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {{IU_SYN, "SYN"}, {IU_FIN, "FIN"}, {IU_RST, "RST"}, {IU_PSH, "PSH"}, {IU_ACK, "ACK"}};
	size_t at = 0;

	buf[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((flags & names[i].bit) != 0)
			at += (size_t)snprintf(buf + at, 24 - at, "%s%s", at > 0 ? "," : "", names[i].name);
	return buf;
}

void iu_peer_init(struct iu_peer *peer, bool timestamps)
{
	*peer = (struct iu_peer){.next = FIRST, .clock = FIRST, .timestamps = timestamps};
}

struct iu_segment iu_peer_say(struct iu_peer *peer, uint8_t flags, int32_t seq, int32_t ack, int32_t time)
{
	struct iu_segment s = {.flags = flags, .seq = peer->next + (uint32_t)seq, .has_ts = peer->timestamps};

	if ((flags & IU_ACK) != 0)
		s.ack = peer->seen + (uint32_t)ack;
	s.tsval = peer->clock + (uint32_t)time;
	s.tsecr = (flags & IU_ACK) != 0 ? peer->echo : 0;
	/* a SYN takes its number only once it is answered: until then the old conversation goes on */
	if (seq == 0 && (flags & IU_SYN) == 0)
		peer->next = iu_segment_end(&s);
	if (time > 0)
		peer->clock = s.tsval;
	return s;
}

bool iu_peer_hear(struct iu_peer *peer, const struct iu_segment *s)
{
	uint32_t end = iu_segment_end(s);
	bool answers_syn = (s->flags & IU_SYN) != 0 && (s->flags & IU_ACK) != 0;

	if (s->has_ts)
		peer->echo = s->tsval;
	if (answers_syn && s->ack != peer->next) {
		peer->next = s->ack;
		peer->seen = end;
		return true;
	}
	if (end == s->seq)
		return true;
	if (!iu_seq_before(peer->seen, end))
		return false;
	peer->seen = end;
	return true;
}
