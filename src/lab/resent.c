/* SPDX-License-Identifier: MIT */
/* Packets that crossed more than once. See resent.h. */
#include "lab/resent.h"

#include "base/address.h"

/* An acknowledgement that is further away than any window belongs to another connection of the same ports. */
#define WINDOW_MAX (1u << 30)

static bool same_end(const struct inuse_addr *a, const struct inuse_addr *b)
{
	return a->port == b->port && iu_addr_same(a, b);
}

static bool is_same(const struct iu_packet *a, const struct iu_packet *b)
{
	return a->s.seq == b->s.seq && a->s.flags == b->s.flags && a->s.len == b->s.len && same_end(&a->from, &b->from) &&
	       same_end(&a->to, &b->to);
}

static bool answers(const struct iu_packet *answer, const struct iu_packet *packet)
{
	return (answer->s.flags & IU_ACK) != 0 && answer->s.ack - iu_segment_end(&packet->s) < WINDOW_MAX &&
	       same_end(&answer->from, &packet->to) && same_end(&answer->to, &packet->from);
}

/*
 * RFC 9293 3.5.2: who dials where the other end still has an older connection is told so by an acknowledgement, resets that, and
 * dials again. What it said before is over.
 */
static void forget(struct iu_resent *r, const struct iu_packet *reset)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->sent[i].again || !same_end(&r->sent[i].packet.from, &reset->from) || !same_end(&r->sent[i].packet.to, &reset->to))
			r->sent[kept++] = r->sent[i];
	r->n = kept;
}

void iu_resent_note(struct iu_resent *r, const struct iu_packet *packet)
{
	bool known = false;

	if ((packet->s.flags & IU_RST) != 0)
		forget(r, packet);
	for (size_t i = 0; i < r->n; i++) {
		struct iu_resent_packet *sent = &r->sent[i];

		sent->answered |= answers(packet, &sent->packet);
		if (is_same(&sent->packet, packet))
			sent->again = known = true;
	}
	/* what takes up no number is never sent again: it is said anew */
	if (!known && iu_segment_end(&packet->s) != packet->s.seq && r->n < IU_RESENT_MAX)
		r->sent[r->n++] = (struct iu_resent_packet){.packet = *packet};
}

unsigned iu_resent_count(const struct iu_resent *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->sent[i].again && r->sent[i].answered;
	return n;
}
