/* SPDX-License-Identifier: MIT */
/* The thread that waits in a trapped call: who it is, and what can be had of it. */
#ifndef IU_SUPERVISE_CALLER_H
#define IU_SUPERVISE_CALLER_H

#include "supervise/status.h"

struct iu_caller {
	int32_t tid, pid; /* the thread, and its process */
	struct iu_rights rights;
	char program_[64]; /* for iu_caller_program() */
};

/* What comes of reaching out for a caller. */
enum iu_reach {
	IU_REACH_OK,
	IU_REACH_GONE,    /* it was killed, or what it named is not there */
	IU_REACH_RIGHTS,  /* it has other rights than the supervisor */
	IU_REACH_DENIED,  /* its memory or descriptors are not ours to look at */
	IU_REACH_FULL,    /* inuse has no descriptors left */
	IU_REACH_UNABLE,  /* the kernel or its surroundings lack what that takes */
};

/* own: the supervisor's rights. RIGHTS fills *ret, too; so does DENIED as far as possible. */
enum iu_reach iu_caller_look(const struct iu_rights *own, int32_t tid, struct iu_caller *ret);
/* The name of its process, not escaped; "?" if it cannot be read. Read when it is first asked for, while the caller waits. */
const char *iu_caller_program(struct iu_caller *caller);
/* Copies len bytes of the caller's memory. GONE: nothing is mapped there. */
enum iu_reach iu_caller_memory(const struct iu_caller *caller, uint64_t address, void *buf, size_t len);
/* A duplicate of the caller's descriptor, close-on-exec. GONE: there is no such descriptor. */
enum iu_reach iu_caller_fd(const struct iu_caller *caller, int32_t fd, int *ret_fd);
/* Whether the descriptor itself is close-on-exec. */
bool iu_caller_fd_cloexec(const struct iu_caller *caller, int32_t fd);

/* pidfd of a process, or of any thread of it where the kernel (6.9) can; -1 with errno set. */
int iu_pidfd_open(int32_t tid, bool thread);
int iu_pidfd_getfd(int pidfd, int32_t fd);
bool iu_pidfd_signal(int pidfd, int signal);

#endif
