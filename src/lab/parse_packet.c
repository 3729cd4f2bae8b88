/* SPDX-License-Identifier: MIT */
/* Reading peers, and the packets that they send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/address.h"
#include "base/parse.h"
#include "base/text.h"
#include "lab/parse.h"
#include "sim/peer.h"

bool iu_parse_peer_name(struct iu_parser *p, struct iu_step *s, const char *word)
{
	size_t i = iu_parse_index(p->exp->peers, p->exp->n_peers, word);

	if (!iu_parse_is_name(word))
		return iu_parse_wrong_word(p, word, _("is no name: a small letter, then up to 14 small letters, digits and hyphens"));
	if (i == IU_EXP_MAX_PEERS)
		return iu_parse_wrong(p, _("there are more than %d peers"), IU_EXP_MAX_PEERS);
	if (p->peers[i])
		return iu_parse_wrong_word(p, word, _("is the name of a peer already"));
	if (i == p->exp->n_peers) {
		p->exp->peers[i] = iu_parse_string(p, word, strlen(word));
		if (p->exp->peers[i] == NULL)
			return false;
		p->exp->n_peers++;
	}
	p->peers[i] = true;
	s->peer = (uint8_t)i;
	return true;
}

bool iu_parse_peer(struct iu_parser *p, struct iu_step *s, const char *word)
{
	size_t i = iu_parse_index(p->exp->peers, p->exp->n_peers, word);

	if (i == p->exp->n_peers || !p->peers[i])
		return iu_parse_wrong_word(p, word, _("is no peer yet; a step \"peer NAME far:5001 to wire:5000\" makes it"));
	s->peer = (uint8_t)i;
	return true;
}

/* Where a host elsewhere can be that packets from the device `wire` reach this one from. */
static bool is_far(const struct iu_step *s)
{
	static const struct inuse_addr nets[] = {{.family = 4, .ip = {198, 51, 100}}, {.family = 6, .ip = {0x20, 1, 0x0d, 0xb8, 0, 5}}};
	struct inuse_addr host = iu_peer_to(s, IU_RUN_AS_WRITTEN);

	if (s->at.kind != IU_AT_LITERAL)
		return s->at.kind == IU_AT_FAR;
	return (iu_addr_in(&s->at.addr, &nets[0], 24) || iu_addr_in(&s->at.addr, &nets[1], 64)) && !iu_addr_same(&s->at.addr, &host);
}

bool iu_parse_peer_from(struct iu_parser *p, struct iu_step *s, const char *word)
{
	if (!iu_parse_address(p, word, &s->at))
		return false;
	if (is_far(s) && s->at.addr.port != 0)
		return true;
	return iu_parse_wrong_word(p, word, p->exp->runs != 0 ? _("is not where a peer can be, such as far:5001")
							      : _("is not where a peer can be, such as 198.51.100.2:5001 or [2001:db8:5::2]:5001"));
}

bool iu_parse_peer_to(struct iu_parser *p, struct iu_step *s, const char *word)
{
	struct inuse_addr host = iu_peer_to(s, IU_RUN_AS_WRITTEN);
	struct iu_where to = {0};

	if (!iu_parse_address(p, word, &to))
		return false;
	if (to.addr.port == 0 || (to.kind == IU_AT_LITERAL ? !iu_addr_same(&to.addr, &host) : to.kind != IU_AT_WIRE))
		return iu_parse_wrong_word(p, word, p->exp->runs != 0 ? _("is not what a peer can speak to, such as wire:5000")
								      : _("is not what that peer can speak to: 198.51.100.1 or [2001:db8:5::1], with a port"));
	s->number = to.addr.port;
	return true;
}

bool iu_parse_packet(struct iu_parser *p, struct iu_step *s, const char *word)
{
	static const uint8_t flags[] = {IU_SYN, IU_ACK, IU_FIN | IU_ACK, IU_RST};
	char text[24];

	for (size_t i = 0; i < sizeof(flags); i++)
		if (strcmp(iu_flags_text(flags[i], text), word) == 0) {
			s->tcp_flags = flags[i];
			return true;
		}
	return iu_parse_wrong_word(p, word, _("is no packet that a peer can send: SYN, ACK, FIN,ACK or RST"));
}

/* "seq+1000": so far from the number that fits. In the order seq, ack, time, each once. */
bool iu_parse_packet_number(struct iu_parser *p, struct iu_step *s, const char *word)
{
	static const char *const names[] = {"seq", "ack", "time"};
	int32_t *const numbers[] = {&s->seq, &s->ack, &s->time};
	uint64_t n;

	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(word, names[i], len) != 0 || (word[len] != '+' && word[len] != '-') ||
		    !iu_parse_u64(word + len + 1, 1, 1000000000, &n))
			continue;
		for (size_t k = i; k < 3; k++)
			if (*numbers[k] != 0)
				return iu_parse_wrong(p, _("seq, ack, time is the order, each once"));
		*numbers[i] = word[len] == '+' ? (int32_t)n : -(int32_t)n;
		return true;
	}
	return iu_parse_wrong_word(p, word, _("does not tell how far a number is off, such as seq+1000, ack-1 or time-1"));
}
