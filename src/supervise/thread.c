/* SPDX-License-Identifier: MIT */
/*
 * Threads that call.
 *
 * Theory of operation
 *
 * What a thread may is read anew at each of its calls: it can change between two of them, and only the thread itself can change it,
 * which waits meanwhile. But a program that calls once mostly calls again, from the same thread. So two handles are kept
 * of the last few threads: a pidfd and the folder in /proc. Both are bound to the thread, not to its number: once the number
 * belongs to another, they answer ESRCH and are opened anew. (An exec in a thread that is not the first gives it the first
 * one's number, and the handles then lead to it, as the number does.)
 *
 * From Linux 6.13 on, one ioctl tells the ids; before, the status file does, which costs ten times as much. Capabilities
 * come from capget(2), the user namespace from its file; the kernel makes that file anew for each look unless
 * somebody has it open, so we have ours open. Measured on 6.18: 3 us in all, 20 us by opening each file at each call.
 */
#include "supervise/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervise/caller.h"

/* Threads whose handles are kept. */
#define KEPT 32

/* linux v6.13 include/uapi/linux/pidfd.h struct pidfd_info, its first version */
struct info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	uint32_t spare;
};
#define GET_INFO _IOWR(0xFF, 11, struct info)
#define INFO_PID_AND_CREDS 3u

struct kept {
	int32_t tid; /* 0: nothing is kept here */
	int pidfd;   /* of the thread; -1 */
	int folder;  /* /proc/TID; -1 */
	int status;  /* its file; -1 */
};

/* As long-lived as the process. */
static struct kept all[KEPT];
static bool lacks_info; /* this kernel */

static void forget(struct kept *k)
{
	const int handles[] = {k->pidfd, k->folder, k->status};

	for (size_t i = 0; k->tid != 0 && i < sizeof(handles) / sizeof(handles[0]); i++)
		if (handles[i] >= 0)
			close(handles[i]);
	*k = (struct kept){0};
}

static struct kept *find(int32_t tid)
{
	struct kept *k = &all[(uint32_t)tid % KEPT];

	if (k->tid != tid) {
		forget(k);
		*k = (struct kept){tid, -1, -1, -1};
	}
	return k;
}

void iu_thread_forget(int32_t tid)
{
	forget(find(tid));
}

void iu_thread_forget_all(void)
{
	for (size_t i = 0; i < KEPT; i++)
		forget(&all[i]);
}

int iu_thread_pidfd(int32_t tid)
{
	struct kept *k = find(tid);

	if (k->pidfd < 0)
		k->pidfd = iu_pidfd_open(tid, true);
	return k->pidfd;
}

/* ------------------------------------------------------------------------------------- what it may */

static bool open_folder(struct kept *k)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", k->tid);
	if (k->folder < 0)
		k->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return k->folder >= 0;
}

static bool ids_of_info(struct kept *k, int32_t *ret_pid, struct iu_rights *ret)
{
	struct info i = {.mask = INFO_PID_AND_CREDS};

	if (lacks_info)
		return false;
	/* an error of its own, and no ESRCH: older than 6.9, or than 6.13 */
	if (iu_thread_pidfd(k->tid) < 0 || ioctl(k->pidfd, GET_INFO, &i) != 0) {
		lacks_info = errno == EINVAL || errno == ENOTTY;
		return false;
	}
	if ((i.mask & INFO_PID_AND_CREDS) != INFO_PID_AND_CREDS)
		return false;
	*ret_pid = (int32_t)i.tgid;
	*ret = (struct iu_rights){.uid = {i.ruid, i.euid, i.suid, i.fsuid}, .gid = {i.rgid, i.egid, i.sgid, i.fsgid}};
	return true;
}

static bool ids_of_status(struct kept *k, int32_t *ret_pid, struct iu_rights *ret)
{
	char text[IU_STATUS_MAX];
	struct iu_status status;
	ssize_t n;

	if (k->status < 0)
		k->status = openat(k->folder, "status", O_RDONLY | O_CLOEXEC);
	n = k->status < 0 ? -1 : pread(k->status, text, sizeof(text) - 1, 0);
	if (n < 0)
		return false;
	text[n] = 0;
	errno = EBADMSG;
	if (!iu_status_parse(text, &status))
		return false;
	*ret_pid = status.pid;
	*ret = status.rights;
	return true;
}

static bool read_capabilities(int32_t tid, uint64_t *ret)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, tid};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	*ret = (uint64_t)data[1].effective << 32 | data[0].effective;
	return true;
}

static bool read_user_ns(const struct kept *k, uint64_t *ret)
{
	static int own_ns = -2;
	struct stat st;

	if (own_ns == -2)
		own_ns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	/* own_ns -1: a kernel without them */
	if (fstatat(k->folder, "ns/user", &st, 0) != 0)
		return errno == ENOENT && own_ns == -1;
	*ret = st.st_ino;
	return true;
}

static bool read_label(const struct kept *k, struct iu_rights *ret)
{
	int fd = openat(k->folder, "attr/current", O_RDONLY | O_CLOEXEC), code;
	ssize_t n = fd < 0 ? -1 : read(fd, ret->label, sizeof(ret->label) - 1);

	code = errno;
	if (fd >= 0)
		close(fd);
	ret->label[n < 0 ? 0 : n] = 0;
	/* linux v6.18 security/security.c security_getprocattr(): EINVAL when no module labels processes */
	ret->labelled = n >= 0 || (code != EINVAL && code != ENOENT);
	errno = code;
	return n >= 0 || !ret->labelled;
}

/* Each step fails by itself when the thread has gone. */
static bool read_rights(struct kept *k, const struct iu_rights *own, int32_t *ret_pid, struct iu_rights *ret)
{
	if (!open_folder(k) || (!ids_of_info(k, ret_pid, ret) && !ids_of_status(k, ret_pid, ret)) ||
	    !read_capabilities(k->tid, &ret->capabilities) || !read_user_ns(k, &ret->user_ns))
		return false;
	return (own != NULL && !own->labelled) || read_label(k, ret);
}

bool iu_thread_rights(int32_t tid, const struct iu_rights *own, int32_t *ret_pid, struct iu_rights *ret)
{
	if (read_rights(find(tid), own, ret_pid, ret))
		return true;
	if (errno == EMFILE)
		iu_thread_forget_all();
	/* what was kept may be that of an earlier thread of this number */
	iu_thread_forget(tid);
	if (read_rights(find(tid), own, ret_pid, ret))
		return true;
	/* with hidepid=invisible nothing is there of who may not be looked into: linux v6.18 fs/proc/base.c proc_pid_permission() */
	if (errno == ENOENT && (kill(tid, 0) == 0 || errno == EPERM))
		errno = EACCES;
	return false;
}
