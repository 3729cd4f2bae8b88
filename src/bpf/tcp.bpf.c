/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The table of TCP as records: listeners, connections, half-open ones, TIME-WAIT; not the sockets that are only bound.
 * The iterator shows the namespace of whoever opened it, and holds what it shows still while this runs.
 */
#include "bpf/socket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Local ports that are wanted; none: all of them. */
const volatile __u32 n_ports = 0;
const volatile __u16 ports[IU_WALK_PORTS] = {};

static struct iu_rec rec;

static __always_inline bool wanted(__u16 port)
{
	if (n_ports == 0)
		return true;
	for (__u32 i = 0; i < IU_WALK_PORTS && i < n_ports; i++)
		if (ports[i] == port)
			return true;
	return false;
}

SEC("iter/tcp")
int dump_tcp(struct bpf_iter__tcp *ctx)
{
	const struct sock_common *sk = ctx->sk_common;
	const struct tcp_timewait_sock *mini;

	if (!sk || !wanted(sk->skc_num))
		return 0;
	put_common(&rec, sk);
	mini = rec.state == TCP_TIME_WAIT ? bpf_skc_to_tcp_timewait_sock((void *)sk) : NULL;
	if (mini)
		put_mini(&rec, mini);
	else if (rec.state == TCP_NEW_SYN_RECV)
		rec.flags = IU_REC_REQUEST | (rec.flags & IU_REC_V6ONLY);
	else
		put_full(&rec, (const void *)sk);
	if (!rec.jiffies) /* one pair serves for the whole table: times are told from it, not from the moment of the look */
		read_clock(&rec.jiffies, &rec.now_ns);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}
