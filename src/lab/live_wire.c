/* SPDX-License-Identifier: MIT */
/* Steps on the real kernel of peers elsewhere: what they send goes through the device `wire`, and so do the answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "lab/live_private.h"

#define ANSWER_MS 3000 /* at most, for an answer that should come */
#define SILENCE_MS 30  /* for one that should not */

static const struct iu_where wire_place = {.kind = IU_AT_WIRE};

enum inuse_status iu_live_wire(struct iu_live *live, struct inuse_error *error)
{
	const enum iu_run families[] = {IU_RUN_IPV4, IU_RUN_IPV6};
	enum inuse_status status = iu_wire_new(&live->wire, error);

	if (status == INUSE_OK)
		status = iu_wire_up(error);
	for (int i = 0; i < 2 && status == INUSE_OK; i++) {
		struct inuse_addr a = iu_where_addr(&wire_place, families[i]);

		if (families[i] == IU_RUN_IPV4 || iu_wire_has_ipv6(live->exp, live->run))
			status = iu_wire_address(&a, a.family == 4 ? 24 : 64, error);
	}
	return status;
}

static bool is_of(const struct iu_live_peer *peer, const struct iu_packet *packet)
{
	return packet->from.port == peer->to.port && packet->to.port == peer->at.port && iu_addr_same(&packet->from, &peer->to) &&
	       iu_addr_same(&packet->to, &peer->at);
}

/* Hears what has come for any peer. True: something new for this one; its flags. */
static bool hear(struct iu_live *live, const struct iu_live_peer *mine, int wait_ms, uint8_t *ret_flags)
{
	struct iu_packet packet;

	while (iu_wire_take(live->wire, wait_ms, &packet))
		for (size_t i = 0; i < IU_EXP_MAX_PEERS; i++) {
			struct iu_live_peer *peer = &live->peers[i];

			if (!is_of(peer, &packet) || !iu_peer_hear(&peer->peer, &packet.s))
				continue;
			*ret_flags = packet.s.flags;
			if (peer == mine)
				return true;
		}
	return false;
}

void iu_live_peer(struct iu_live *live, const struct iu_step *step)
{
	struct iu_live_peer *peer = &live->peers[step->peer];

	peer->at = iu_where_addr(&step->at, live->run);
	peer->to = iu_peer_to(step, live->run);
	iu_peer_init(&peer->peer, !step->without_timestamps);
}

bool iu_live_say(struct iu_live *live, const struct iu_step *step)
{
	struct iu_live_peer *peer = &live->peers[step->peer];
	struct iu_packet packet = {.from = peer->at, .to = peer->to};
	uint8_t flags;

	/* what was said before is no answer */
	while (hear(live, NULL, 0, &flags))
		;
	packet.s = iu_peer_say(&peer->peer, step->tcp_flags, step->seq, step->ack, step->time);
	return iu_wire_send(live->wire, &packet);
}

void iu_live_hear(struct iu_live *live, const struct iu_step *step, int wait_ms, struct iu_live_answer *ret)
{
	struct iu_live_peer *peer = &live->peers[step->peer];
	size_t at = 0;
	uint8_t flags;
	char text[24];

	ret->text = ret->buf;
	snprintf(ret->buf, sizeof(ret->buf), "nothing");
	for (; at < sizeof(ret->buf) && hear(live, peer, at == 0 ? wait_ms : 0, &flags);)
		at += (size_t)snprintf(ret->buf + at, sizeof(ret->buf) - at, "%s%s", at > 0 ? ", " : "", iu_flags_text(flags, text));
}

enum inuse_status iu_live_send(struct iu_live *live, const struct iu_step *step, const char *want, struct iu_live_answer *ret,
			       struct inuse_error *error)
{
	if (!iu_live_say(live, step))
		return iu_fail(error, INUSE_E_SYSTEM, errno, "write", _("a packet cannot be sent: %s"), strerror(errno));
	iu_live_hear(live, step, want != NULL && strcmp(want, "nothing") != 0 ? ANSWER_MS : SILENCE_MS, ret);
	return INUSE_OK;
}
