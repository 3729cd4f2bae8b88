/* SPDX-License-Identifier: MIT */
/* Random packets of peers elsewhere: whatever fits their connection more or less, and what a client makes of an ACK for its SYN. */
#include "lab/fuzz_make.h"

#include <string.h>

#include "base/address.h"

static bool is_far(const struct inuse_addr *a)
{
	const struct inuse_addr far4 = iu_make_addr("198.51.100.2", 0), far6 = iu_make_addr("2001:db8:5::2", 0);

	return iu_addr_same(a, &far4) || iu_addr_same(a, &far6);
}

/* A FIN comes once, and after the handshake: with its last packet it is acknowledged when the kernel likes to. */
static bool may_finish(const struct iu_fuzzer *f, unsigned peer)
{
	bool acknowledged = false;

	for (size_t i = f->scene.n; i-- > 0;) {
		const struct iu_step *s = &f->scene.steps[i];

		if (s->action != IU_DO_SEND || s->peer != peer)
			continue;
		if (s->tcp_flags == IU_SYN)
			return acknowledged;
		if ((s->tcp_flags & IU_FIN) != 0)
			return false;
		acknowledged |= s->tcp_flags == IU_ACK;
	}
	return false;
}

/* An ACK has told the peer another time, and a request that is half open takes its own alone: linux v6.18 tcp_check_req(). */
static bool was_corrected(const struct iu_fuzzer *f, unsigned peer)
{
	for (size_t i = f->scene.n; i-- > 0;) {
		const struct iu_step *s = &f->scene.steps[i];

		if (s->action != IU_DO_SEND || s->peer != peer)
			continue;
		if (strcmp(f->scene.kernel[i].text, "ACK") == 0)
			return true;
		if (s->tcp_flags == IU_ACK || strcmp(f->scene.kernel[i].text, "SYN,ACK") == 0)
			return false;
	}
	return false;
}

uint16_t iu_make_peer_port(unsigned p)
{
	return (uint16_t)(IU_FUZZ_PORT + 1 + p);
}

/* Has a SYN gone out to it? What it says to that is not simulated. */
static bool is_dialled(const struct iu_fuzzer *f, unsigned peer)
{
	for (size_t i = 0; i < f->scene.n; i++) {
		const struct iu_step *s = &f->scene.steps[i];

		if (s->action == IU_DO_CONNECT && s->at.addr.port == iu_make_peer_port(peer) && is_far(&s->at.addr) &&
		    strcmp(f->scene.kernel[i].text, "EINPROGRESS") == 0)
			return true;
	}
	return false;
}

/* Dials a peer, mostly from the port that it has a connection with, or a request, or what is left of one. */
bool iu_make_dial_peer(struct iu_fuzzer *f, struct iu_step *s)
{
	static const char *const v6[] = {"2001:db8:5::2", "2001:db8:5::2", "::ffff:198.51.100.2"};
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 80) ? IU_MAKE_BOUND : IU_MAKE_UNBOUND);
	const struct inuse_socket *o;
	struct inuse_addr to;

	if (socket < 0 || f->n_peers == 0)
		return false;
	o = iu_make_peek(f, socket);
	to = iu_make_addr(o->family == 4 ? "198.51.100.2" : v6[iu_make_pick(f, 3)], iu_make_peer_port(iu_make_pick(f, f->n_peers)));
	if (!iu_make_may_dial(f, (unsigned)socket, &to))
		return false;
	iu_make_dial(f, s, (unsigned)socket, &to);
	return true;
}

bool iu_make_packet(struct iu_fuzzer *f, struct iu_step *s)
{
	static const uint8_t flags[] = {IU_SYN, IU_SYN, IU_SYN, IU_ACK, IU_ACK, IU_FIN | IU_ACK, IU_RST};
	static const int32_t offs[] = {0, 1000, -1000, 100000}, times[] = {0, 1, -1, 1000};

	if (f->n_peers == 0)
		return false;
	s->action = IU_DO_SEND;
	s->peer = (uint8_t)iu_make_pick(f, f->n_peers);
	if (is_dialled(f, s->peer))
		return false;
	s->tcp_flags = flags[iu_make_pick(f, 7)];
	if (s->tcp_flags == IU_SYN || s->tcp_flags == IU_RST)
		s->seq = offs[iu_make_pick(f, 4)];
	if (s->tcp_flags == IU_SYN)
		s->time = times[iu_make_pick(f, 4)];
	if (s->tcp_flags == IU_ACK)
		return !was_corrected(f, s->peer);
	return (s->tcp_flags & IU_FIN) == 0 || may_finish(f, s->peer);
}

/* RFC 9293 3.10.7.3: an ACK that a SYN did not ask for is answered with RST, and after a while the SYN comes again. */
bool iu_make_peer_answer(struct iu_fuzzer *f, struct iu_step *s)
{
	size_t n = f->scene.n;
	const struct iu_step *last = n > 0 ? &f->scene.steps[n - 1] : NULL, *before = n > 1 ? &f->scene.steps[n - 2] : NULL;

	if (last == NULL || last->action != IU_DO_SEND || !f->syns[last->peer].open)
		return false;
	if (last->tcp_flags == IU_SYN) {
		*s = (struct iu_step){.action = IU_DO_SEND, .peer = last->peer, .tcp_flags = IU_RST};
		return true;
	}
	if (before == NULL || last->tcp_flags != IU_RST || before->action != IU_DO_SEND || before->tcp_flags != IU_SYN || before->peer != last->peer)
		return false;
	*s = *before;
	return true;
}
