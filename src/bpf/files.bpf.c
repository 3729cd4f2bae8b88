/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Who has which sockets open: every descriptor of every process in the reader's pid namespace, whatever /proc shows.
 *
 * The kernel leaves out threads that share their descriptors with the leader of their process. A thread with
 * descriptors of its own is told as its process, without a number, because in /proc/PID/fd that number means
 * something else.
 */
#include "bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define PIDTYPE_TGID 1

/* The inodes that are wanted; with `all`, every internet socket. */
const volatile bool all = false;
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} inodes SEC(".maps");

/* How deep the reader's pid namespace is; 0 is the first, in which every process has a number. */
__s32 reader_level = -1;

static __always_inline bool wanted(const struct socket *socket, __u64 inode)
{
	__u16 family;

	if (!all)
		return bpf_map_lookup_elem(&inodes, &inode) != NULL;
	family = BPF_CORE_READ(socket, sk, __sk_common.skc_family);
	return family == AF_INET || family == AF_INET6;
}

/* Entry `level` of pid->numbers: linux v6.18 kernel/pid.c pid_nr_ns(). */
static __always_inline const struct upid *upid_at(const struct pid *pid, __u32 level)
{
	const char *numbers = (const char *)pid + bpf_core_field_offset(struct pid, numbers);

	return (const struct upid *)(numbers + (__u64)level * bpf_core_type_size(struct upid));
}

/* The process's number in the reader's pid namespace; 0 if it has none there. The reader is the current task. */
static __always_inline __s32 number_of(const struct task_struct *task)
{
	const struct task_struct *reader = (const void *)bpf_get_current_task();
	const struct pid *own = BPF_CORE_READ(reader, thread_pid);
	const struct pid *pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
	__u32 level = BPF_CORE_READ(own, level);

	if (level > BPF_CORE_READ(pid, level))
		return 0;
	if (BPF_CORE_READ(upid_at(pid, level), ns) != BPF_CORE_READ(upid_at(own, level), ns))
		return 0;
	return BPF_CORE_READ(upid_at(pid, level), nr);
}

SEC("iter/task_file")
int dump_files(struct bpf_iter__task_file *ctx)
{
	const struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct iu_rec_file rec = {};
	const struct socket *socket;

	if (reader_level < 0)
		reader_level = BPF_CORE_READ((const struct task_struct *)bpf_get_current_task(), thread_pid, level);
	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	rec.inode = inode_of(socket);
	if (!wanted(socket, rec.inode))
		return 0;
	rec.pid = number_of(task);
	rec.fd = task->pid == task->tgid ? (__s32)ctx->fd : -1;
	bpf_seq_write(ctx->meta->seq, &rec, sizeof(rec));
	return 0;
}
