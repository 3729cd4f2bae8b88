/* SPDX-License-Identifier: MIT */
/* Packets that crossed more than once. */
#ifndef IU_LAB_RESENT_H
#define IU_LAB_RESENT_H

#include "lab/live.h"

#define IU_RESENT_MAX 512

/*
 * What crossed so far. Zero is the beginning. More than IU_RESENT_MAX packets that count are not looked at: no experiment
 * has so many.
 */
struct iu_resent {
	struct iu_resent_packet {
		struct iu_packet packet;
		bool again, answered;
	} sent[IU_RESENT_MAX];
	size_t n;
};

/* Takes note of a packet, in the order in which they crossed. Pure. */
void iu_resent_note(struct iu_resent *resent, const struct iu_packet *packet);
/*
 * How many of them crossed again although they were answered: a SYN, a FIN or data, from the same end, with the same number, flags and
 * length, whose acknowledgement crossed, too. A host does that when it is so busy that the answer is late; what nobody answers is
 * sent again on any host, and does not count.
 */
unsigned iu_resent_count(const struct iu_resent *resent);

#endif
