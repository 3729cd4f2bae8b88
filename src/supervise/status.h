/* SPDX-License-Identifier: MIT */
/* What /proc tells of a thread: whose it is, what it may, which signals wait for it. */
#ifndef IU_SUPERVISE_STATUS_H
#define IU_SUPERVISE_STATUS_H

#include "inuse.h"

/* What decides what a system call may do. Two threads with equal rights may do the same. Read by thread.h. */
struct iu_rights {
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint64_t capabilities;   /* effective */
	uint64_t user_ns;        /* inode of the user namespace */
	char label[256];         /* of the security module (AppArmor, SELinux), "" none */
	bool labelled;           /* there is such a module */
};

/* Of /proc/TID/status: room for a line of some thousand groups. */
#define IU_STATUS_MAX 32768
struct iu_status {
	int32_t pid, ppid; /* of its process, and of the parent of that */
	uint64_t pending, blocked, ignored; /* signals, bit n - 1 for signal n; pending: of the thread and its process */
	struct iu_rights rights;            /* label and user_ns are not in this file */
	char name[64];                      /* of the thread; may hold anything */
};

/* Pure. False if something that is needed is missing. */
bool iu_status_parse(const char *text, struct iu_status *ret);
/* tid 0: the calling process. False when it is gone or hidden: errno tells. */
bool iu_status_read(int32_t tid, struct iu_status *ret);
/* The name of the process, which a thread may have its own of; "?" if it cannot be read. Returns buf. */
char *iu_status_program(int32_t pid, char *buf, size_t size);
/* When the process began, in ticks since the machine did; 0: not known. */
uint64_t iu_status_started(int32_t pid);
/* A signal has stopped it, and nothing has continued it. False too when it is gone or hidden. */
bool iu_status_is_stopped(int32_t pid);
bool iu_rights_same(const struct iu_rights *a, const struct iu_rights *b);
/* SIGHUP, SIGINT, SIGQUIT or SIGTERM waits for it, and it neither blocks nor ignores that: somebody wants it to end. */
bool iu_status_is_called(const struct iu_status *status);

#define IU_CAP_NET_BIND_SERVICE 10
#define IU_CAP_SYS_ADMIN 21
bool iu_rights_have(const struct iu_rights *rights, unsigned capability);

/* Reads a whole small file into buf, with a NUL. Returns its length, or -1 with errno set. */
long iu_read_small(const char *path, char *buf, size_t size);

#endif
