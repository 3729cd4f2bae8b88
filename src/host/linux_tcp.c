/* SPDX-License-Identifier: MIT */
/* What the numbers of Linux's TCP mean: states, timers. */
#include "host/linux_tcp.h"

#define NS_PER_S INT64_C(1000000000)

enum inuse_state iu_state_from_linux(unsigned tcp_state)
{
	/* linux v6.18 include/net/tcp_states.h */
	static const enum inuse_state states[] = {
		INUSE_STATE_UNKNOWN, INUSE_ESTABLISHED, INUSE_SYN_SENT,   INUSE_SYN_RECV, INUSE_FIN_WAIT1,
		INUSE_FIN_WAIT2,     INUSE_TIME_WAIT,   INUSE_BOUND,      INUSE_CLOSE_WAIT, INUSE_LAST_ACK,
		INUSE_LISTEN,        INUSE_CLOSING,     INUSE_SYN_RECV,
	};

	return tcp_state < sizeof(states) / sizeof(states[0]) ? states[tcp_state] : INUSE_STATE_UNKNOWN;
}

/*
 * linux v6.18 kernel/time/timer.c calc_wheel_index(): level n takes what is due within 63 * 8^n ticks and has steps of
 * 8^n ticks; the moment is rounded up to the next step.
 */
static int64_t step_ns(int64_t duration_ns, uint32_t hz)
{
	/* Seconds and the rest apart: ten days in ns, times 1000, does not fit into 64 bits. */
	int64_t ticks = duration_ns / NS_PER_S * hz + duration_ns % NS_PER_S * hz / NS_PER_S;
	int levels = hz > 100 ? 9 : 8, level = 0;

	while (level < levels - 1 && ticks >= INT64_C(63) << (3 * level))
		level++;
	return (INT64_C(1) << (3 * level)) * NS_PER_S / hz;
}

int64_t iu_wheel_step_ns(int64_t duration_ns, uint32_t hz)
{
	static const uint32_t usual[] = {100, 250, 300, 1000};
	int64_t most = 0;

	if (duration_ns < 0)
		duration_ns = 0;
	if (hz != 0)
		return step_ns(duration_ns, hz);
	for (unsigned i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (step_ns(duration_ns, usual[i]) > most)
			most = step_ns(duration_ns, usual[i]);
	return most;
}

int64_t iu_mini_slack_ns(uint32_t hz)
{
	return iu_wheel_step_ns(IU_TIME_WAIT_NS, hz);
}

/* linux v6.18 net/ipv4/tcp_timer.c tcp_keepalive_timer() */
void iu_orphan_end(struct inuse_socket *s, int64_t now_ns, int64_t left_ns, int64_t fin_most_ns, uint32_t hz)
{
	int64_t again_ns = fin_most_ns - IU_TIME_WAIT_NS;

	if (s->state != INUSE_FIN_WAIT2 || s->mini || s->inode != 0 || fin_most_ns == 0)
		return;
	s->free_at_ns = now_ns + left_ns;
	s->free_slack_ns = iu_wheel_step_ns(fin_most_ns, hz) + again_ns + iu_wheel_step_ns(again_ns, hz);
}
