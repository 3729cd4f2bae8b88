/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Half-open connections as records: they are in the table of TCP, but on no bind bucket. The iterator shows the namespace of
 * whoever opened it, and holds what it shows still while this runs.
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
int dump_requests(struct bpf_iter__tcp *ctx)
{
	const struct sock_common *sk = ctx->sk_common;

	if (!sk || sk->skc_state != TCP_NEW_SYN_RECV || !wanted(sk->skc_num))
		return 0;
	put_common(&rec, sk);
	rec.flags = IU_REC_REQUEST | (rec.flags & IU_REC_V6ONLY);
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}
