/* SPDX-License-Identifier: MIT */
/* Network namespaces: finding and entering them. Everything here concerns the calling thread only. */
#ifndef IU_HOST_NETNS_H
#define IU_HOST_NETNS_H

#include "inuse.h"

/*
 * Moves the calling thread into a network namespace: a name below /run/netns (`ip netns`), the number of a process that
 * is in it, or a path when there is a slash in it. A name wins over a number.
 * INUSE_E_NO_NAMESPACE: there is none; INUSE_E_PERMISSION: not ours to enter; else the thread has moved. Being there
 * already needs no permission.
 */
enum inuse_status iu_netns_enter(const char *name_or_pid, struct inuse_error *error);

/* The same for a descriptor of a namespace. name: for the sentence of an error. */
enum inuse_status iu_netns_enter_fd(int fd, const char *name, struct inuse_error *error);

/* A namespace. All of it is borrowed for the call. */
struct iu_netns {
	int fd;
	uint64_t inode;
	const char *name; /* "blue" or "pid 812 (nginx)", to be shown: already escaped */
	int32_t pid;      /* a process in it, 0 none seen */
	bool own;         /* the calling thread's, when it all began */
};

/* Return false to stop. It may move the thread: iu_netns_each() brings it back at the end. */
typedef bool iu_netns_fn(void *arg, const struct iu_netns *netns);

/*
 * Every distinct namespace that this user can reach, each once: the own one first, then those below /run/netns, then
 * those of processes. *ret_complete: no process was out of sight, so that there are no others but those that are held
 * by a single thread or a descriptor.
 * INUSE_E_UNSUPPORTED: this kernel or sandbox shows no namespaces, fn was not called. INUSE_E_SYSTEM: the way back is
 * closed, and the thread is in another namespace than before.
 */
enum inuse_status iu_netns_each(iu_netns_fn *fn, void *arg, bool *ret_complete, struct inuse_error *error);

#endif
