/* SPDX-License-Identifier: MIT */
/*
 * The thread that waits in a trapped call: who it is, and what can be had of it.
 *
 * Theory of operation
 *
 * Everything is read while the caller waits. It may be killed meanwhile and its number be given to another; so whatever was
 * read counts only if the notification is still valid afterwards (iu_seccomp_still_there()), which the user of this file asks.
 * A thread may have descriptors of its own (CLONE_FILES not set): PIDFD_THREAD (6.9) reaches those; before, kcmp(2) tells
 * whether they are those of its process, and if not, the call is left alone.
 */
#include "supervise/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "supervise/thread.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

int iu_pidfd_open(int32_t tid, bool thread)
{
	return (int)syscall(SYS_pidfd_open, tid, thread ? PIDFD_THREAD : 0);
}

int iu_pidfd_getfd(int pidfd, int32_t fd)
{
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

bool iu_pidfd_signal(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0;
}

static enum iu_reach reach_of(int code)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return IU_REACH_DENIED;
	case EMFILE:
	case ENFILE:
		return IU_REACH_FULL;
	case ENOSYS:
	case EINVAL:
		return IU_REACH_UNABLE;
	default:
		return IU_REACH_GONE;
	}
}

enum iu_reach iu_caller_look(const struct iu_rights *own, int32_t tid, struct iu_caller *ret)
{
	*ret = (struct iu_caller){.tid = tid, .pid = tid};
	if (tid == 0)
		return IU_REACH_UNABLE;
	if (!iu_thread_rights(tid, own, &ret->pid, &ret->rights))
		return reach_of(errno);
	return iu_rights_same(own, &ret->rights) ? IU_REACH_OK : IU_REACH_RIGHTS;
}

const char *iu_caller_program(struct iu_caller *caller)
{
	if (caller->program_[0] == 0)
		iu_status_program(caller->pid, caller->program_, sizeof(caller->program_));
	return caller->program_;
}

enum iu_reach iu_caller_memory(const struct iu_caller *caller, uint64_t address, void *buf, size_t len)
{
	struct iovec here = {buf, len}, there = {(void *)(uintptr_t)address, len}; /* NOLINT: another process's address */
	ssize_t n = process_vm_readv(caller->tid, &here, 1, &there, 1, 0);

	if (n < 0)
		return reach_of(errno);
	return (size_t)n == len ? IU_REACH_OK : IU_REACH_GONE;
}

/* By its process, where a pidfd of a thread is not to be had. */
static enum iu_reach fd_of_process(const struct iu_caller *caller, int32_t fd, int *ret_fd)
{
	int pidfd, code;

	if (caller->tid != caller->pid && syscall(SYS_kcmp, caller->tid, caller->pid, KCMP_FILES, 0, 0) != 0)
		return IU_REACH_UNABLE;
	pidfd = iu_pidfd_open(caller->pid, false);
	if (pidfd < 0)
		return reach_of(errno);
	*ret_fd = iu_pidfd_getfd(pidfd, fd);
	code = errno;
	close(pidfd);
	return *ret_fd >= 0 ? IU_REACH_OK : reach_of(code);
}

enum iu_reach iu_caller_fd(const struct iu_caller *caller, int32_t fd, int *ret_fd)
{
	for (int i = 0; i < 2; i++) {
		int pidfd = iu_thread_pidfd(caller->tid);

		if (pidfd < 0 && errno == EINVAL)
			return fd_of_process(caller, fd, ret_fd);
		*ret_fd = pidfd < 0 ? -1 : iu_pidfd_getfd(pidfd, fd);
		if (*ret_fd >= 0)
			return IU_REACH_OK;
		if (errno == EMFILE)
			iu_thread_forget_all();
		else if (errno == ESRCH)
			iu_thread_forget(caller->tid);
		else
			break;
	}
	return reach_of(errno);
}

bool iu_caller_fd_cloexec(const struct iu_caller *caller, int32_t fd)
{
	char path[80], text[512];
	const char *flags;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", caller->tid, fd);
	if (iu_read_small(path, text, sizeof(text)) < 0)
		return false;
	flags = strstr(text, "flags:");
	return flags != NULL && (strtoul(flags + 6, NULL, 8) & O_CLOEXEC) != 0;
}
