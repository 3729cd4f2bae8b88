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

/* Every process that /proc shows, sorted by pid. {0} is empty. */
struct iu_tree {
	struct iu_tree_process *list;
	size_t n, cap;
};

/* Reads /proc. False when it cannot; what was read is there. */
bool iu_tree_read(struct iu_tree *tree);
void iu_tree_done(struct iu_tree *tree);
const struct iu_tree_process *iu_tree_find(const struct iu_tree *tree, int32_t pid);
/* pid is root, or a descendant of it. */
bool iu_tree_is_below(const struct iu_tree *tree, int32_t pid, int32_t root);
/* The child of root on the way up from pid; 0 when pid is not below root. */
int32_t iu_tree_branch(const struct iu_tree *tree, int32_t pid, int32_t root);

/* Hands each socket among the descriptors of the process to fn. False: it may not be looked into. */
bool iu_tree_each_socket(int32_t pid, void (*fn)(void *arg, int32_t pid, int32_t fd, uint64_t inode), void *arg);
/* The lowest descriptor of the process that is the socket with this inode; -1 none. *ret_hidden: it may not be looked into. */
int32_t iu_tree_holds(int32_t pid, uint64_t inode, bool *ret_hidden);

#endif
