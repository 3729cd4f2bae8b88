/* SPDX-License-Identifier: MIT */
/* What the numbers of Linux's TCP mean: states, timers. Pure. */
#ifndef IU_HOST_LINUX_TCP_H
#define IU_HOST_LINUX_TCP_H

#include "inuse.h"

/* TCP_ESTABLISHED (1) ... TCP_NEW_SYN_RECV (12) to ours, as sock_diag and /proc/net/tcp have them. */
enum inuse_state iu_state_from_linux(unsigned tcp_state);

/*
 * By how much a kernel timer that was armed for duration_ns may fire late: one step of the wheel level that it went to.
 * hz 0 (unknown): the most of all usual tick rates.
 */
int64_t iu_wheel_step_ns(int64_t duration_ns, uint32_t hz);

/* linux v6.18 include/net/tcp.h TCP_TIMEWAIT_LEN: no setting changes it. */
#define IU_TIME_WAIT_NS INT64_C(60000000000)

/*
 * The slack of a mini socket. Those in TIME-WAIT were armed for 60 s; the remains in FIN-WAIT-2 for 60 s at most, and
 * for how long cannot be read, so that theirs is the upper bound.
 */
int64_t iu_mini_slack_ns(uint32_t hz);

/* linux v6.18 include/net/tcp.h TCP_FIN_TIMEOUT_MAX, the most that TCP_LINGER2 takes */
#define IU_LINGER2_MOST_S 120

/*
 * The end of a whole socket in FIN-WAIT-2 that its process has closed, where only its timer is shown: it fires in left_ns, and what
 * the time for that state is above a minute is waited again, as a mini socket. That time may be the socket's own, from TCP_LINGER2,
 * which is not shown: between nothing and what fin_most_ns, the longest that it may be, leaves. (That it is never below 3.5
 * retransmission timeouts is left aside: it takes one of 34 s.) fin_most_ns 0: not known, and then nothing is told.
 */
void iu_orphan_end(struct inuse_socket *s, int64_t now_ns, int64_t left_ns, int64_t fin_most_ns, uint32_t hz);

#endif
