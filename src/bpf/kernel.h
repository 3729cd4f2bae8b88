/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The few fields of the kernel that the programs read.
 *
 * Declared by hand, no vmlinux.h: order, offsets and what lies between are found at load time (CO-RE). Bit-fields may
 * be whole bytes in other versions. What does not exist everywhere is asked for with bpf_core_field_exists():
 *   6.1 .. 6.7  owners, time-wait ones included, hang on inet_bind_bucket.owners
 *   6.8 ..      they hang on the inet_bind2_bucket of their address, and those on inet_bind_bucket.bhash2
 *
 * The kernel searches all of its type information for each type that a program starts from, and remembers 31 names, each in
 * the place that its hash gives it (linux v6.18 kernel/bpf/btf.c check_cand_cache()); a search is a third of a millisecond.
 * Types whose names share a place push each other out at every start. Those of the bucket and files programs do not; nsproxy
 * and signal_struct would: therefore a namespace is reached through a socket, and threads through their tasks.
 */
#ifndef IU_BPF_KERNEL_H
#define IU_BPF_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "bpf/record.h"

/* From the kernel's uapi headers, which may not be there for this target. */
#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_F_MMAPABLE 1024
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define SOCK_BINDPORT_LOCK 8
#define SOCK_CONNECT_BIND 16 /* where inet_timewait_sock has tw_connect_bind: observed on 6.18 */
enum {
	TCP_ESTABLISHED = 1,
	TCP_FIN_WAIT2 = 5,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_LISTEN = 10,
	TCP_NEW_SYN_RECV = 12,
};

/* The same ever since: not worth a search for their fields, which costs every start a third of a millisecond a type. */
struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct list_head {
	struct list_head *next, *prev;
};

struct in6_addr {
	__u8 bytes[16];
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	struct net *net;
} possible_net_t;

struct ns_common {
	const void *ops;
	unsigned int inum;
};

struct inet_hashinfo {
	void *bhash; /* struct inet_bind_hashbucket */
	unsigned int bhash_size;
};

struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
};

struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
	int sysctl_tcp_fin_timeout; /* ticks */
};

typedef struct {
	int unused;
} spinlock_t;

typedef struct {
	int counter;
} atomic_t;

struct net {
	struct list_head list;
	spinlock_t nsid_lock; /* for its size */
	struct ns_common ns;
	__u32 hash_mix;
	struct netns_ipv4 ipv4;
};

struct inet_bind_bucket {
	possible_net_t ib_net;
	int l3mdev;
	unsigned short port;
	signed char fastreuse, fastreuseport;
	kuid_t fastuid;
	struct in6_addr fast_v6_rcv_saddr;
	__be32 fast_rcv_saddr;
	unsigned short fast_sk_family;
	bool fast_ipv6_only;
	struct hlist_node node;
	struct hlist_head owners; /* .. 6.7 */
	struct hlist_head bhash2; /* 6.8 .. */
};

struct inet_bind2_bucket {
	possible_net_t ib_net;
	unsigned short port, family;  /* family: .. 6.7 */
	struct hlist_node bhash_node; /* 6.8 .. */
	struct hlist_head owners;
};

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4, skc_reuseport : 1, skc_ipv6only : 1, skc_net_refcnt : 1;
	int skc_bound_dev_if;
	struct hlist_node skc_bind_node;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	struct {
		__s64 counter;
	} skc_cookie;
};

struct inode {
	unsigned long i_ino;
};

struct file {
	const void *f_op;
	void *private_data;
	struct inode *f_inode;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

struct timer_list {
	struct hlist_node entry;
	unsigned long expires;
	__u32 flags;
};

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	struct timer_list sk_timer; /* of TCP's keepalives .. 6.18 */
	kuid_t sk_uid;
	__u8 sk_kern_sock : 1, sk_userlocks : 4; /* a whole byte of its own in 6.18 */
	__u16 sk_protocol;
};

struct inet_sock {
	struct sock sk;
};

struct request_sock_queue {
	atomic_t qlen; /* connections that are half open */
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
	struct inet_bind_bucket *icsk_bind_hash;
	struct inet_bind2_bucket *icsk_bind2_hash;
	struct timer_list icsk_keepalive_timer; /* 6.19 .., where sk_timer is that of retransmissions */
	__u32 icsk_rto;                         /* ticks */
};

struct tcp_options_received {
	int ts_recent_stamp;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	struct tcp_options_received rx_opt;
	bool is_mptcp;
	int linger2; /* TCP_LINGER2, ticks; 0: as the namespace has it */
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	unsigned char tw_substate;
	unsigned int tw_connect_bind : 1; /* 6.18: the port was picked by connect() */
	struct timer_list tw_timer;
	struct inet_bind_bucket *tw_tb;
};

struct tcp_timewait_sock {
	struct inet_timewait_sock tw_sk;
	int tw_ts_recent_stamp;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *open_fds;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	struct list_head tasks, thread_node;
	struct task_struct *group_leader;
	struct files_struct *files;
	void *signal;
	struct pid *thread_pid;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	__u32 uid;
};

#pragma clang attribute pop

/* A struct tcp_sock begins with it. */
#define SK inet_conn.icsk_inet.sk

/* What a socket is allocated together with, its inode; NULL of NULL. linux v6.18 include/net/sock.h SOCK_INODE() */
static __always_inline const struct socket_alloc *alloc_of(const struct socket *socket)
{
	const char *alloc = (const char *)socket - bpf_core_field_offset(struct socket_alloc, socket);

	return socket ? (const struct socket_alloc *)alloc : NULL;
}

/* A descriptor of a task; NULL if it is not open. */
static __always_inline const struct file *file_of(const struct task_struct *task, __u32 fd)
{
	struct file **table = BPF_CORE_READ(task, files, fdt, fd);
	const struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), &table[fd]);
	return file;
}

#endif
