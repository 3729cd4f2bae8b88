/* SPDX-License-Identifier: MIT */
/*
 * Packets from elsewhere, which an experiment writes itself (peer.h), and what they are answered with.
 *
 * Theory of operation
 *
 * A packet meets what has its 4-tuple: a connection, what is left of one, a half-open request; else a listener; else nothing.
 * Each answers with at most one packet, which the peer hears. A SYN is put to the model with what its numbers say, and the row
 * that decides is told. What is left in TIME-WAIT and FIN-WAIT-2: linux v6.18 net/ipv4/tcp_minisocks.c
 * tcp_timewait_state_process(); half-open requests: tcp_check_req(); connections: RFC 9293 3.10.7.4 and RFC 5961. What does not
 * fit is acknowledged once in net.ipv4.tcp_invalid_ratelimit. Not simulated: windows that change, data that a peer sends,
 * delayed acknowledgements.
 */
#include <string.h>

#include "base/address.h"
#include "sim/host.h"

#define WINDOW 60000u /* roughly what a fresh connection takes; nothing depends on the exact number */

struct arrival {
	struct iu_sim *sim;
	struct iu_sim_far *far;
	const struct iu_segment *seg;
	const char *rule;       /* of the model, or NULL */
	struct iu_segment back; /* the answer; flags 0: none */
};

void iu_sim_peer(struct iu_sim *sim, unsigned p, const struct inuse_addr *at, const struct inuse_addr *to, bool timestamps)
{
	struct iu_sim_far *far = &sim->fars[p];

	*far = (struct iu_sim_far){.used = true, .at = *at, .to = *to};
	iu_peer_init(&far->peer, timestamps);
}

/* The device of this host that is on the way to the peer. */
static uint32_t arrival_of(const struct iu_sim *sim, const struct iu_sim_far *far)
{
	return iu_device_of(&sim->facts, &far->to);
}

static bool has(const struct iu_segment *s, uint8_t flag)
{
	return (s->flags & flag) != 0;
}

static void answer(struct arrival *a, uint8_t flags, uint32_t seq, uint32_t ack)
{
	a->back = (struct iu_segment){.flags = flags, .seq = seq, .ack = ack, .has_ts = a->seg->has_ts, .tsval = 1};
}

static void acknowledge(struct arrival *a, const struct iu_sim_node *node)
{
	answer(a, IU_ACK, node->flow.snd_nxt, node->flow.rcv_nxt);
}

/*
 * May a packet that does not fit be answered, or did another one get an answer just now? *last_ns: when; 0: none did. What carries data
 * or a FIN and no SYN is no part of a war of acknowledgements, and always answered. linux v6.18 tcp_oow_rate_limited()
 */
static bool may_answer(const struct arrival *a, int64_t *last_ns)
{
	int64_t now_ns = a->sim->facts.now_ns, limit_ns = a->sim->facts.settings[IU_SET_INVALID_RATELIMIT] * 1000000;

	if (iu_segment_end(a->seg) != a->seg->seq && !has(a->seg, IU_SYN))
		return true;
	if (*last_ns != 0 && now_ns - *last_ns < limit_ns)
		return false;
	*last_ns = now_ns;
	return true;
}

static void acknowledge_rarely(struct arrival *a, struct iu_sim_node *node)
{
	if (may_answer(a, &node->flow.answered_ns))
		acknowledge(a, node);
}

/* RFC 9293 3.10.7.1: a RST takes its number from the ACK, or acknowledges what has none. */
static void refuse(struct arrival *a)
{
	if (has(a->seg, IU_ACK))
		answer(a, IU_RST, a->seg->ack, 0);
	else
		answer(a, IU_RST | IU_ACK, 0, iu_segment_end(a->seg));
}

void iu_sim_tell_far(struct iu_sim *sim, int n, uint8_t flags, uint32_t len)
{
	struct iu_sim_flow *flow = &sim->nodes[n].flow;
	struct iu_segment s = {.flags = flags, .seq = flow->snd_nxt, .ack = flow->rcv_nxt, .len = len};

	flow->snd_nxt = iu_segment_end(&s);
	iu_peer_hear(&sim->fars[flow->far].peer, &s);
}

/* -------------------------------------------------------------------------------------------- listeners */

/* Is its clock behind the last that came? RFC 7323 5. */
static bool is_paws_rejected(const struct iu_sim_node *m, const struct iu_segment *s)
{
	return m->flow.ts_recent != 0 && s->has_ts && iu_seq_before(s->tsval, m->flow.ts_recent);
}

static struct iu_syn syn_says(const struct iu_sim_node *old, const struct iu_segment *s)
{
	bool by_clock = old->flow.ts_recent != 0 && s->has_ts && iu_seq_before(old->flow.ts_recent, s->tsval);
	struct iu_syn syn = {.known = true};

	/* whose clock is behind is not asked for its number any more */
	if (!is_paws_rejected(old, s)) {
		syn.newer = by_clock || iu_seq_before(old->flow.rcv_nxt, s->seq);
		syn.in_window = s->seq - old->flow.rcv_nxt < WINDOW;
	}
	return syn;
}

/* Which row of the model decides about this SYN. old: what has its 4-tuple, or NULL. */
static void ask_model(struct arrival *a, const struct iu_sim_node *old)
{
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct iu_caller caller = {0};
	struct inuse_verdict v;

	r.call = INUSE_CALL_ACCEPT;
	r.local = a->far->to;
	r.remote = a->far->at;
	r.device = arrival_of(a->sim, a->far);
	caller.family = r.local.family;
	caller.syn = old != NULL ? syn_says(old, a->seg) : (struct iu_syn){.known = true, .newer = true};
	iu_sim_view(a->sim);
	caller.decided = a->sim->decided;
	iu_judge_call(a->sim->profile, &a->sim->facts, &r, &caller, &v);
	a->rule = v.rule;
}

/* The SYN is taken, when there is room. */
static void take_syn(struct arrival *a, int listener)
{
	if (iu_sim_queue_full(a->sim, listener))
		return;
	a->far->half_open = true;
	a->far->answered_ns = 0;
	a->far->listener = a->sim->nodes[listener].s.inode;
	a->far->family = a->sim->nodes[listener].s.family;
	a->far->device = a->sim->nodes[listener].s.device;
	a->far->syn = *a->seg;
	a->far->syn.has_ts &= a->sim->facts.settings[IU_SET_TIMESTAMPS] != 0;
	a->far->iss = a->sim->next_iss += 1000000;
	answer(a, IU_SYN | IU_ACK, a->far->iss, iu_segment_end(a->seg));
}

/* The third packet of the handshake: the connection waits to be accepted. */
static void complete(struct arrival *a, int listener)
{
	struct iu_sim *sim = a->sim;
	struct iu_sim_node *child;
	int n;

	if (iu_sim_queue_full(sim, listener))
		return;
	n = iu_sim_child_new(sim, listener, &a->far->to, &a->far->at);
	if (n == NONE)
		return;
	a->far->half_open = false;
	child = &sim->nodes[n];
	child->s.device = a->far->device;
	child->flow = (struct iu_sim_flow){.far = (int)(a->far - sim->fars), .rcv_nxt = a->far->syn.seq + 1, .snd_nxt = a->far->iss + 1};
	if (a->far->syn.has_ts) {
		child->s.flags |= INUSE_TIMESTAMPS;
		child->flow.ts_recent = a->seg->tsval;
	}
}

static void meet_connection(struct arrival *a, int n);

/*
 * A RST for a request goes by the device that the listener is bound to now, and so does an ACK of IPv6: linux v6.18 tcp_v4_send_reset(),
 * tcp_v6_reqsk_send_ack(). By another than that of the peer it does not get there.
 */
static void answer_by_listener(struct arrival *a, int listener)
{
	uint32_t device = a->sim->nodes[listener].s.device;

	if (device != 0 && device != arrival_of(a->sim, a->far) && (has(&a->back, IU_RST) || a->far->to.family == 6) &&
	    !has(&a->back, IU_SYN))
		a->back.flags = 0;
}

/* linux v6.18 net/ipv4/tcp_minisocks.c tcp_check_req() */
static void meet_half_open(struct arrival *a, int listener)
{
	struct iu_sim_far *far = a->far;
	const struct iu_segment *s = a->seg;
	uint32_t rcv_nxt = far->syn.seq + 1;
	bool paws = far->syn.has_ts && s->has_ts && iu_seq_before(s->tsval, far->syn.tsval);
	int n;

	if (s->flags == IU_SYN && s->seq == far->syn.seq && !paws) {
		answer(a, IU_SYN | IU_ACK, far->iss, rcv_nxt);
	} else if (has(s, IU_ACK) && s->ack != far->iss + 1) {
		if (!has(s, IU_RST))
			refuse(a);
	} else if (paws || s->seq - rcv_nxt >= WINDOW) {
		if (!has(s, IU_RST) && may_answer(a, &far->answered_ns))
			answer(a, IU_ACK, far->iss + 1, rcv_nxt);
	} else if (has(s, IU_RST) && s->seq != rcv_nxt && (a->sim->facts.features & IU_FEATURE_HALF_OPEN_RESET) != 0) {
		if (may_answer(a, &far->answered_ns))
			answer(a, IU_ACK, far->iss + 1, rcv_nxt); /* RFC 5961 3.2 */
	} else if (has(s, IU_RST | IU_SYN)) {
		far->half_open = false;
		if (!has(s, IU_RST))
			refuse(a);
	} else if (has(s, IU_ACK)) {
		complete(a, listener);
		n = iu_sim_find(a->sim, &far->to, &far->at, arrival_of(a->sim, far), NONE);
		if (n != NONE && has(s, IU_FIN))
			meet_connection(a, n);
	}
}

/* The listener whose request is half open; NONE: it is none any more, and its requests are gone. */
static int listener_of(const struct iu_sim *sim, const struct iu_sim_far *far)
{
	for (int i = 0; far->half_open && i < sim->top; i++)
		if (sim->nodes[i].used && sim->nodes[i].s.state == INUSE_LISTEN && sim->nodes[i].s.inode == far->listener)
			return i;
	return NONE;
}

static void meet_listener(struct arrival *a)
{
	int listener = listener_of(a->sim, a->far);

	if (listener != NONE) {
		meet_half_open(a, listener);
		answer_by_listener(a, listener);
		return;
	}
	a->far->half_open = false;
	listener = iu_sim_listener_for(a->sim, &a->far->to, arrival_of(a->sim, a->far));
	if (has(a->seg, IU_SYN))
		ask_model(a, NULL);
	if (has(a->seg, IU_RST))
		return;
	if (has(a->seg, IU_SYN) && listener != NONE)
		take_syn(a, listener);
	else
		refuse(a);
}

/* ---------------------------------------------------------------------------------- what is left of one */

static void rearm(struct arrival *a, struct iu_sim_node *m)
{
	m->s.free_at_ns = iu_sim_in(a->sim, iu_sim_time_wait(a->sim));
}

static void note_clock(struct iu_sim_node *m, const struct iu_segment *s)
{
	if (m->flow.ts_recent != 0 && s->has_ts)
		m->flow.ts_recent = s->tsval;
}

static void meet_fin_wait2(struct arrival *a, int n)
{
	struct iu_sim_node *m = &a->sim->nodes[n];
	const struct iu_segment *s = a->seg;

	if (is_paws_rejected(m, s) || s->seq - m->flow.rcv_nxt >= WINDOW) {
		acknowledge_rarely(a, m);
	} else if (has(s, IU_RST)) {
		iu_sim_rst(a->sim, n);
	} else if (has(s, IU_SYN)) {
		iu_sim_done(a->sim, n);
		refuse(a);
	} else if (has(s, IU_FIN) && s->seq != m->flow.rcv_nxt) { /* data is missing that nobody would read any more */
		iu_sim_done(a->sim, n);
		refuse(a);
	} else if (has(s, IU_FIN)) {
		m->s.state = INUSE_TIME_WAIT;
		m->flow.rcv_nxt = iu_segment_end(s);
		note_clock(m, s);
		rearm(a, m);
		acknowledge(a, m);
	}
}

static void meet_time_wait(struct arrival *a, int n)
{
	struct iu_sim_node *m = &a->sim->nodes[n];
	const struct iu_segment *s = a->seg;
	bool paws = is_paws_rejected(m, s);
	int listener;

	if (!paws && s->seq == m->flow.rcv_nxt && (iu_segment_end(s) == s->seq || has(s, IU_RST))) {
		note_clock(m, s);
		if (has(s, IU_RST))
			iu_sim_rst(a->sim, n); /* unless net.ipv4.tcp_rfc1337 protects it [P08 P09] */
		else
			rearm(a, m);
		return;
	}
	if (has(s, IU_SYN) && syn_says(m, s).newer) {
		listener = iu_sim_listener_for(a->sim, &a->far->to, arrival_of(a->sim, a->far));
		if (listener != NONE) { /* it is gone even when the listener has no room [P18] */
			iu_sim_done(a->sim, n);
			take_syn(a, listener);
			return;
		}
	}
	if (has(s, IU_RST))
		return;
	if (paws || has(s, IU_ACK))
		rearm(a, m);
	acknowledge_rarely(a, m);
}

/* ------------------------------------------------------------------------------------------- connections */

/* All that was sent is acknowledged, the FIN included. */
static void meet_ack_of_fin(struct iu_sim *sim, int n)
{
	struct iu_sim_node *node = &sim->nodes[n];

	if (node->s.state == INUSE_CLOSING) {
		iu_sim_leave_mini(sim, n, INUSE_TIME_WAIT, iu_sim_time_wait(sim));
	} else if (node->s.state == INUSE_LAST_ACK) {
		iu_sim_done(sim, n);
	} else if (node->s.state == INUSE_FIN_WAIT1) {
		node->s.state = INUSE_FIN_WAIT2;
		if (node->refs == 0)
			iu_sim_orphan(sim, n);
	}
}

static void meet_fin(struct arrival *a, int n)
{
	struct iu_sim_node *node = &a->sim->nodes[n];

	node->fin_in = true;
	node->flow.rcv_nxt++;
	acknowledge(a, node);
	if (node->s.state == INUSE_ESTABLISHED)
		node->s.state = INUSE_CLOSE_WAIT;
	else if (node->s.state == INUSE_FIN_WAIT1) /* both closed at once */
		node->s.state = INUSE_CLOSING;
	else if (node->s.mini || node->s.state == INUSE_FIN_WAIT2)
		iu_sim_leave_mini(a->sim, n, INUSE_TIME_WAIT, iu_sim_time_wait(a->sim));
}

static void meet_connection(struct arrival *a, int n)
{
	struct iu_sim_node *node = &a->sim->nodes[n];
	const struct iu_segment *s = a->seg;

	if (has(s, IU_RST)) {
		if (s->seq == node->flow.rcv_nxt)
			iu_sim_rst(a->sim, n);
		else if (s->seq - node->flow.rcv_nxt < WINDOW)
			acknowledge_rarely(a, node); /* RFC 5961 3.2 */
		return;
	}
	if (has(s, IU_SYN) || s->seq != node->flow.rcv_nxt || is_paws_rejected(node, s)) {
		acknowledge_rarely(a, node); /* RFC 5961 4.2; RFC 9293 3.10.7.4 */
		return;
	}
	note_clock(node, s);
	if (node->fin_out && s->ack == node->flow.snd_nxt)
		meet_ack_of_fin(a->sim, n);
	/* what was a whole socket may be a remnant now */
	n = iu_sim_find(a->sim, &a->far->to, &a->far->at, arrival_of(a->sim, a->far), NONE);
	if (n != NONE && has(s, IU_FIN) && a->sim->nodes[n].s.mini)
		meet_fin_wait2(a, n);
	else if (n != NONE && has(s, IU_FIN))
		meet_fin(a, n);
}

struct iu_sim_answer iu_sim_send(struct iu_sim *sim, unsigned p, uint8_t flags, int32_t seq, int32_t ack, int32_t time)
{
	struct iu_sim_far *far = &sim->fars[p];
	struct iu_segment s = iu_peer_say(&far->peer, flags, seq, ack, time);
	struct arrival a = {.sim = sim, .far = far, .seg = &s};
	int n = iu_sim_find(sim, &far->to, &far->at, arrival_of(sim, far), NONE);

	if (n != NONE && has(&s, IU_SYN))
		ask_model(&a, &sim->nodes[n]);
	if (n == NONE)
		meet_listener(&a);
	else if (sim->nodes[n].flow.far == NONE)
		; /* a connection that was made from this host: its peer has no part in it */
	else if (!sim->nodes[n].s.mini)
		meet_connection(&a, n);
	else if (sim->nodes[n].s.state == INUSE_FIN_WAIT2)
		meet_fin_wait2(&a, n);
	else
		meet_time_wait(&a, n);
	if (a.back.flags != 0 && !iu_peer_hear(&far->peer, &a.back))
		a.back.flags = 0; /* what is only said again is nothing new, on a kernel neither */
	return (struct iu_sim_answer){.text = a.back.flags != 0 ? iu_flags_text(a.back.flags, sim->said) : "nothing", .rule = a.rule};
}
