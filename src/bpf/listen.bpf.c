/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Tells when a socket begins to listen on a port: one word for each into a ring buffer, which wakes whoever polls it.
 *
 * The state changes before the port is asked for again, and before the socket can be found as a listener (linux v6.18
 * net/ipv4/inet_connection_sock.c inet_csk_listen_start()): who is woken may have to look twice. A socket without a port gets one
 * only then, so that it may be any.
 */
#include "bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define BPF_MAP_TYPE_RINGBUF 27

const volatile __u16 port = 0;
const volatile __u32 netns = 0; /* the inode of the network namespace; 0: not known, so any */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* made a page at load time */
} news SEC(".maps");

/* The arguments: struct sock *, the old state, the new one. */
SEC("raw_tp/inet_sock_set_state")
int tell_of_listener(const __u64 *args)
{
	const struct sock *sk = (const void *)args[0];
	__u16 number;

	if (args[2] != TCP_LISTEN || (netns && BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != netns))
		return 0;
	number = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (number == 0 || number == port)
		bpf_ringbuf_output(&news, &number, sizeof(number), 0);
	return 0;
}
