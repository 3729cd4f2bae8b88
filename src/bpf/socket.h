/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * One socket of the kernel, whatever its kind, into a struct iu_rec.
 *
 * A socket may be freed and used again while it is read: sockets come from memory that stays sockets
 * (SLAB_TYPESAFE_BY_RCU), so what is read is of some socket, but perhaps of another. What is compared together must
 * therefore be read together: the head of the socket is copied in one go, and read from the copy.
 */
#ifndef IU_BPF_SOCKET_H
#define IU_BPF_SOCKET_H

#include "bpf/kernel.h"

/* The copy. The kernel's struct tcp_timewait_sock has 264 bytes in 6.18, and all other kinds have more. */
static __u64 copied[48];
#define TCP_TW ((const struct tcp_timewait_sock *)copied)
#define TW (&TCP_TW->tw_sk)
#define COPY (&TCP_TW->tw_sk.__tw_common)

static __always_inline bool copy_socket(const void *sk)
{
	__u32 size = bpf_core_type_size(struct tcp_timewait_sock);

	return size <= sizeof(copied) && bpf_probe_read_kernel(copied, size, sk) == 0;
}

static __always_inline bool is_mini(void)
{
	return COPY->skc_state == TCP_TIME_WAIT;
}

/* The bucket that the copied socket says it hangs on. */
static __always_inline const void *bucket_of(const void *sk)
{
	if (is_mini())
		return TW->tw_tb;
	return BPF_CORE_READ((const struct tcp_sock *)sk, inet_conn.icsk_bind_hash);
}

static __always_inline void put_v4(__u8 *to, __u32 address)
{
	*(__u64 *)to = 0;
	*(__u64 *)(to + 8) = 0;
	*(__u32 *)to = address;
}

static __always_inline void put_v6(__u8 *to, const struct in6_addr *address)
{
	*(__u64 *)to = *(const __u64 *)address->bytes;
	*(__u64 *)(to + 8) = *(const __u64 *)(address->bytes + 8);
}

static __always_inline void put_common(struct iu_rec *rec, const struct sock_common *c)
{
	__u32 reuse = BPF_CORE_READ_BITFIELD(c, skc_reuse), flags = 0;

	rec->family = c->skc_family;
	rec->sport = c->skc_num;
	rec->dport = c->skc_dport;
	rec->device = c->skc_bound_dev_if;
	rec->cookie = c->skc_cookie.counter;
	rec->state = c->skc_state;
	rec->reuse = reuse;
	if (reuse)
		flags |= IU_REC_REUSE;
	if (reuse == 2)
		flags |= IU_REC_REPAIR;
	if (BPF_CORE_READ_BITFIELD(c, skc_reuseport))
		flags |= IU_REC_REUSEPORT;
	if (BPF_CORE_READ_BITFIELD(c, skc_ipv6only))
		flags |= IU_REC_V6ONLY;
	rec->flags = flags;
	rec->inode = 0;
	rec->expires = 0;
	rec->timer_flags = 0;
	rec->uid = 0;
	if (c->skc_family == AF_INET6 && bpf_core_field_exists(c->skc_v6_rcv_saddr)) {
		put_v6(rec->saddr, &c->skc_v6_rcv_saddr);
		put_v6(rec->daddr, &c->skc_v6_daddr);
	} else {
		put_v4(rec->saddr, c->skc_rcv_saddr);
		put_v4(rec->daddr, c->skc_daddr);
	}
}

/*
 * Was every port of the bucket picked by connect()? It marks a bucket that it makes in both fields, and the first bind() or
 * listener on it takes one mark away for good: linux v6.1 net/ipv4/inet_hashtables.c __inet_hash_connect(),
 * inet_connection_sock.c inet_csk_update_fastreuse(). Asked only where sockets have no mark of their own.
 */
static __always_inline bool is_of_connect(const struct inet_bind_bucket *bucket)
{
	return bucket && BPF_CORE_READ(bucket, fastreuse) < 0 && BPF_CORE_READ(bucket, fastreuseport) < 0;
}

static __always_inline void put_mini(struct iu_rec *rec, const struct tcp_timewait_sock *tw)
{
	rec->flags |= IU_REC_MINI;
	rec->state = tw->tw_sk.tw_substate;
	rec->expires = tw->tw_sk.tw_timer.expires;
	rec->timer_flags = tw->tw_sk.tw_timer.flags;
	if (tw->tw_sk.tw_timer.entry.pprev)
		rec->flags |= IU_REC_TIMER;
	if (tw->tw_ts_recent_stamp)
		rec->flags |= IU_REC_TIMESTAMPS;
	if (bpf_core_field_exists(tw->tw_sk.tw_connect_bind))
		rec->flags |= IU_REC_PORT_KNOWN |
			      (BPF_CORE_READ_BITFIELD(tw, tw_sk.tw_connect_bind) ? 0 : IU_REC_PORT_LOCKED);
	else if (is_of_connect(tw->tw_sk.tw_tb))
		rec->flags |= IU_REC_PORT_KNOWN;
}

/*
 * Did the port come from bind() or a listener, or from connect()'s own search? An accepted connection does not have
 * SOCK_BINDPORT_LOCK either, so without the newer mark the two can be told apart only on a bucket of connect()'s own.
 */
static __always_inline void put_port_lock(struct iu_rec *rec, const struct tcp_sock *tcp)
{
	unsigned int locks = BPF_CORE_READ_BITFIELD_PROBED(tcp, SK.sk_userlocks);

	if (bpf_core_field_exists(TW->tw_connect_bind))
		rec->flags |= IU_REC_PORT_KNOWN | (locks & SOCK_CONNECT_BIND ? 0 : IU_REC_PORT_LOCKED);
	else if ((locks & SOCK_BINDPORT_LOCK) || rec->state == TCP_LISTEN || rec->state == TCP_CLOSE)
		rec->flags |= IU_REC_PORT_KNOWN | IU_REC_PORT_LOCKED;
	else if (is_of_connect(BPF_CORE_READ(tcp, inet_conn.icsk_bind_hash)))
		rec->flags |= IU_REC_PORT_KNOWN;
}

static __always_inline void put_full(struct iu_rec *rec, const struct tcp_sock *tcp)
{
	const struct socket_alloc *socket = alloc_of(BPF_CORE_READ(tcp, SK.sk_socket));

	rec->uid = BPF_CORE_READ(tcp, SK.sk_uid.val);
	put_port_lock(rec, tcp);
	if (BPF_CORE_READ(tcp, rx_opt.ts_recent_stamp))
		rec->flags |= IU_REC_TIMESTAMPS;
	if (bpf_core_field_exists(struct tcp_sock, is_mptcp) && BPF_CORE_READ(tcp, is_mptcp))
		rec->flags |= IU_REC_MPTCP;
	else if (BPF_CORE_READ_BITFIELD_PROBED(tcp, SK.sk_kern_sock))
		rec->flags |= IU_REC_KERNEL;
	if (!socket)
		return;
	rec->inode = BPF_CORE_READ(socket, vfs_inode.i_ino);
	if (BPF_CORE_READ(socket, socket.file))
		rec->flags |= IU_REC_HAS_FILE;
}

/* Fills all of rec but the netns and the times, from the copy of sk. */
static __always_inline void put_socket(struct iu_rec *rec, const void *sk)
{
	put_common(rec, COPY);
	if (rec->state == TCP_TIME_WAIT)
		put_mini(rec, TCP_TW);
	else if (rec->state == TCP_NEW_SYN_RECV)
		rec->flags = IU_REC_REQUEST | (rec->flags & IU_REC_V6ONLY);
	else
		put_full(rec, sk);
}

/* Both clocks. The tick may be nearly over already: times reckoned from the pair are late by up to one tick. */
static __always_inline void read_clock(__u64 *ret_jiffies, __u64 *ret_now_ns)
{
	*ret_jiffies = bpf_jiffies64();
	*ret_now_ns = bpf_ktime_get_boot_ns();
}

#endif
