/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Who has which sockets open: every descriptor of every process that has a number in the reader's pid namespace, whatever /proc
 * shows.
 *
 * Theory of operation
 *
 * One run answers one struct iu_files. It reads the tables of descriptors themselves, a few nanoseconds each; the kernel's own
 * iterator takes hold of every file and lets go of it, which takes a quarter of a microsecond.
 *
 * Processes are a ring of their first threads, and so are the threads of each. The run is inside an RCU section: a task that
 * leaves a ring meanwhile still leads on along it, and a table that has become too small is not freed yet. But what a
 * task has open goes at once when it ends: what was found is only kept if the task still has the same descriptors afterwards.
 *
 * A thread that shares its descriptors with the first one of its process is passed over. One with descriptors of its own is
 * told as its process, without a number, because in /proc/PID/fd that number means something else.
 */
#include "bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define STEPS (1 << 23)
#define CHUNK 64 /* descriptors that are copied at a time; every table has a multiple of it: linux v6.18 fs/file.c alloc_fdtable() */

/* The inodes that are wanted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u8);
} inodes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iu_rec_file);
} out SEC(".maps");

struct iu_files files;

/*
 * Where the run stands. Pointers into the kernel are only ever read through bpf_probe_read_kernel(). Marked as used, or clang takes
 * it apart into variables that the type information does not know.
 */
static struct {
	const struct task_struct *start, *leader, *thread;
	const struct pid_namespace *pid_ns;
	const void *socket_ops;          /* the operations of a file that is a socket */
	struct file **table;    /* the descriptors that are being read */
	unsigned long *in_use;  /* a bit for each of them */
	__u32 first;            /* of those in the chunk */
	__s32 number;                    /* of the process in the reader's pid namespace */
	__u32 skips;                     /* its descriptors have been read */
} at __attribute__((used));

static const struct file *chunk[CHUNK];

static __always_inline bool wanted(const struct socket_alloc *socket, __u64 inode)
{
	const struct sock_common *sk;
	__u16 family;

	if (!files.all)
		return bpf_map_lookup_elem(&inodes, &inode) != NULL;
	sk = (const void *)BPF_CORE_READ(socket, socket.sk);
	family = BPF_CORE_READ(sk, skc_family);
	return family == AF_INET || family == AF_INET6;
}

static __always_inline void put_out(__u64 inode, __s32 fd)
{
	__u32 i = files.n_out++;
	struct iu_rec_file *to;

	if (i >= files.room)
		return;
	to = bpf_map_lookup_elem(&out, &i);
	if (!to)
		return;
	to->inode = inode;
	to->pid = at.number;
	to->fd = at.thread == at.leader ? fd : -1;
}

static __always_inline void look_at_file(const struct file *file, __u32 fd)
{
	const struct socket_alloc *socket;
	__u64 inode;

	if (BPF_CORE_READ(file, f_op) != at.socket_ops)
		return;
	socket = alloc_of(BPF_CORE_READ(file, private_data));
	inode = BPF_CORE_READ(socket, vfs_inode.i_ino);
	if (wanted(socket, inode))
		put_out(inode, fd);
}

static long look_at_place(__u32 i, void *unused)
{
	const struct file *file = chunk[i % CHUNK];

	if (file)
		look_at_file(file, at.first + i);
	return 0;
}

static long look_at_chunk(__u32 i, void *unused)
{
	__u64 in_use = 0;

	bpf_probe_read_kernel(&in_use, sizeof(in_use), (const char *)at.in_use + i * sizeof(in_use));
	if (!in_use)
		return 0;
	at.first = i * CHUNK;
	if (bpf_probe_read_kernel(chunk, sizeof(chunk), &at.table[at.first]) == 0)
		bpf_loop(CHUNK, look_at_place, NULL, 0);
	return 0;
}

static __always_inline void look_at_files(const struct files_struct *open)
{
	const struct fdtable *table = BPF_CORE_READ(open, fdt);

	at.table = BPF_CORE_READ(table, fd);
	at.in_use = BPF_CORE_READ(table, open_fds);
	bpf_loop(BPF_CORE_READ(table, max_fds) / CHUNK, look_at_chunk, NULL, 0);
}

/* The descriptors of a thread; once more if they became others meanwhile. */
static __always_inline void look_at_thread(void)
{
	const struct task_struct *leader = at.leader, *thread = at.thread;
	const struct files_struct *open = BPF_CORE_READ(thread, files);
	__u64 n_out = files.n_out;

	at.skips = 1;
	if (!open || (thread != leader && open == BPF_CORE_READ(leader, files)))
		return;
	look_at_files(open);
	if (BPF_CORE_READ(thread, files) == open)
		return;
	files.n_out = n_out;
	at.skips = 0;
}

/* Entry `level` of pid->numbers: linux v6.18 kernel/pid.c pid_nr_ns(). */
static __always_inline const struct upid *upid_at(const struct pid *pid, __u32 level)
{
	const void *numbers = (const void *)pid + bpf_core_field_offset(struct pid, numbers);

	return numbers + (__u64)level * bpf_core_type_size(struct upid);
}

/* The process's number in the reader's pid namespace; 0 if it has none there. */
static __always_inline __s32 number_of(const struct task_struct *task)
{
	const struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = files.level;

	if (level > BPF_CORE_READ(pid, level) || BPF_CORE_READ(upid_at(pid, level), ns) != at.pid_ns)
		return 0;
	return BPF_CORE_READ(upid_at(pid, level), nr);
}

static __always_inline void enter_process(const struct task_struct *leader)
{
	at.leader = leader;
	at.thread = leader;
	at.number = number_of(leader);
	at.skips = at.number == 0;
}

/* The ring of threads has its head in the process's own memory: what is no thread of the same leader is the head. */
static __always_inline bool next_thread(void)
{
	const struct task_struct *leader = at.leader, *before = at.thread, *thread;
	const struct list_head *next = BPF_CORE_READ(before, thread_node.next);

	thread = (const void *)next - bpf_core_field_offset(struct task_struct, thread_node);
	if (!next || thread == leader || BPF_CORE_READ(thread, group_leader) != leader ||
	    BPF_CORE_READ(thread, signal) != BPF_CORE_READ(leader, signal))
		return false;
	at.thread = thread;
	at.skips = 0;
	return true;
}

/* False at the end of the ring. */
static __always_inline bool next_process(void)
{
	const struct task_struct *before = at.leader, *leader;
	const struct list_head *next = BPF_CORE_READ(before, tasks.next);

	leader = (const void *)next - bpf_core_field_offset(struct task_struct, tasks);
	files.finished = leader == at.start;
	if (!next || files.finished)
		return false;
	enter_process(leader);
	return true;
}

static long step(__u32 i, void *unused)
{
	if (!at.skips)
		look_at_thread();
	else if ((at.number == 0 || !next_thread()) && !next_process())
		return 1;
	return 0;
}

SEC("raw_tp/inuse")
int dump_files(void *ctx)
{
	const struct task_struct *reader = (const void *)bpf_get_current_task();
	const struct file *socket = file_of(reader, files.socket_fd);
	const struct pid *own = BPF_CORE_READ(reader, thread_pid);
	__u32 level = BPF_CORE_READ(own, level);

	files.level = level;
	at.pid_ns = BPF_CORE_READ(upid_at(own, level), ns);
	at.socket_ops = BPF_CORE_READ(socket, f_op);
	at.start = BPF_CORE_READ(reader, group_leader);
	if (!at.socket_ops)
		return 0;
	enter_process(at.start);
	bpf_loop(STEPS, step, NULL, 0);
	return 0;
}
