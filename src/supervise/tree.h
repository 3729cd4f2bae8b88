/* SPDX-License-Identifier: MIT */
/* The processes below the supervisor. */
#ifndef IU_SUPERVISE_TREE_H
#define IU_SUPERVISE_TREE_H

#include "inuse.h"

struct iu_tree_process {
	int32_t pid, ppid;
	char status; /* as in /proc/PID/stat: Z for one that has ended */
	uint64_t started; /* ticks since boot */
};

/* Processes, sorted by pid. {0} is empty. */
struct iu_tree {
	struct iu_tree_process *list;
	size_t n, cap;
};

/* Reads /proc. False when it cannot; what was read is there. */
bool iu_tree_read(struct iu_tree *tree);
/*
 * Reads only root (with ppid 0) and what is below it, which is quicker on a host with many processes. One that is born while this
 * is done may be missing, so that nobody is left is not to be concluded from it.
 */
bool iu_tree_read_below(struct iu_tree *tree, int32_t root);
/* The same, and only root and its own children. False where the kernel does not list them. */
bool iu_tree_read_children(struct iu_tree *tree, int32_t root);
void iu_tree_done(struct iu_tree *tree);
const struct iu_tree_process *iu_tree_find(const struct iu_tree *tree, int32_t pid);
/* The child of root on the way up from pid; 0 when pid is not below root. */
int32_t iu_tree_branch(const struct iu_tree *tree, int32_t pid, int32_t root);

/* inode of what iu_tree_each_fd() hands out that is an epoll set and not a socket. */
#define IU_TREE_EPOLL UINT64_MAX
/* Hands each socket and epoll set among the descriptors of the process to fn. False: it may not be looked into. */
bool iu_tree_each_fd(int32_t pid, void (*fn)(void *arg, int32_t pid, int32_t fd, uint64_t inode), void *arg);

#endif
