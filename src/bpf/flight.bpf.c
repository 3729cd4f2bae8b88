/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Which sockets are in flight: sent over a unix socket of the reader's network namespace and not received yet.
 *
 * Every message that waits in a unix socket may carry files. A connection that was not accepted yet has a socket of its
 * own in the kernel's table, with its messages (linux v6.18 net/unix/af_unix.c unix_stream_connect()).
 * The queues are read without their locks: what is found may have been received meanwhile, and what is torn leads to an
 * inode that nobody asked for.
 */
#include "bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Messages in a queue, files in a message (SCM_MAX_FD): more are not looked at. */
#define MESSAGES 4096
#define FILES 253
#define IS_SOCKET(mode) (((mode) & 0170000) == 0140000)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sk_buff {
	struct sk_buff *next;
	char cb[48];
};

struct sk_buff_head {
	struct sk_buff *next;
	__u32 qlen;
};

struct sock___queue {
	struct sk_buff_head sk_receive_queue;
};

struct inode___mode {
	unsigned long i_ino;
	unsigned short i_mode;
};

struct scm_fp_list {
	short count;
	struct file *fp[FILES];
};

struct unix_skb_parms {
	struct scm_fp_list *fp;
};

struct unix_sock {
	struct sock sk;
};

struct bpf_iter__unix {
	struct bpf_iter_meta *meta;
	struct unix_sock *unix_sk;
};

#pragma clang attribute pop

/* The inodes that are asked for; 1 once one was met. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} flying SEC(".maps");

struct queue {
	const struct sk_buff_head *head;
	const struct sk_buff *message;
};

struct files {
	const struct scm_fp_list *list;
	__u32 count;
};

static long look_at_file(__u32 i, struct files *files)
{
	const struct scm_fp_list *list = files->list;
	const struct file *file;
	const struct inode___mode *inode;
	__u64 number;
	__u8 *met;

	if (i >= files->count)
		return 1;
	if (bpf_core_read(&file, sizeof(file), &list->fp[i]) != 0)
		return 1;
	inode = (const void *)BPF_CORE_READ(file, f_inode);
	if (!IS_SOCKET(BPF_CORE_READ(inode, i_mode)))
		return 0;
	number = BPF_CORE_READ(inode, i_ino);
	met = bpf_map_lookup_elem(&flying, &number);
	if (met)
		*met = 1;
	return 0;
}

static __always_inline void look_at_files(const struct sk_buff *message)
{
	const struct unix_skb_parms *parms =
		(const void *)((const char *)message + bpf_core_field_offset(struct sk_buff, cb));
	const struct scm_fp_list *list = BPF_CORE_READ(parms, fp);
	struct files files = {.list = list};

	if (!list)
		return;
	files.count = (__u16)BPF_CORE_READ(list, count);
	bpf_loop(FILES, look_at_file, &files, 0);
}

/* The next message, or NULL when the queue is through. */
static __always_inline const struct sk_buff *step(struct queue *q)
{
	const struct sk_buff *message = q->message;

	if (!message || (const void *)message == (const void *)q->head)
		return NULL;
	q->message = BPF_CORE_READ(message, next);
	return message;
}

static __always_inline struct queue queue_of(const struct sock *sk)
{
	const struct sk_buff_head *head =
		(const void *)((const char *)sk + bpf_core_field_offset(struct sock___queue, sk_receive_queue));

	return (struct queue){head, BPF_CORE_READ(head, next)};
}

static long look_at_message(__u32 i, struct queue *q)
{
	const struct sk_buff *message = step(q);

	if (!message)
		return 1;
	look_at_files(message);
	return 0;
}

SEC("iter/unix")
int find_flying(struct bpf_iter__unix *ctx)
{
	const struct sock *sk = (const void *)ctx->unix_sk;
	struct queue q;

	if (!sk)
		return 0;
	q = queue_of(sk);
	bpf_loop(MESSAGES, look_at_message, &q, 0);
	return 0;
}
