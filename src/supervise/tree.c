/* SPDX-License-Identifier: MIT */
/* The processes below the supervisor, read from /proc when somebody asks. */
#include "supervise/tree.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/proc_parse.h"
#include "supervise/status.h"

/* No family is deeper than this; a cycle, which a torn reading might show, ends here. */
#define DEPTH_MAX 4096
#define EPOLL "anon_inode:[eventpoll]"

static bool add(struct iu_tree *tree, const struct iu_tree_process *process)
{
	if (tree->n == tree->cap) {
		size_t cap = tree->cap ? tree->cap * 2 : 256;
		struct iu_tree_process *list = realloc(tree->list, cap * sizeof(*list));

		if (list == NULL)
			return false;
		tree->list = list;
		tree->cap = cap;
	}
	tree->list[tree->n++] = *process;
	return true;
}

static int by_pid(const void *a, const void *b)
{
	const struct iu_tree_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool add_pid(struct iu_tree *tree, const char *pid)
{
	struct iu_proc_stat stat;
	char path[300], text[1024];
	long len;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	len = iu_read_small(path, text, sizeof(text));
	return len <= 0 || !iu_proc_parse_stat(text, (size_t)len, &stat) ||
	       add(tree, &(struct iu_tree_process){stat.pid, stat.ppid, stat.status, stat.start_ticks});
}

static void sort(struct iu_tree *tree)
{
	if (tree->n > 0)
		qsort(tree->list, tree->n, sizeof(*tree->list), by_pid);
}

bool iu_tree_read(struct iu_tree *tree)
{
	DIR *dir = opendir("/proc");
	bool ok = dir != NULL;
	struct dirent *entry;

	tree->n = 0;
	while (ok && (entry = readdir(dir)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			ok = add_pid(tree, entry->d_name);
	if (dir != NULL)
		closedir(dir);
	sort(tree);
	return ok;
}

/* The children of each of its threads. False: this kernel does not list them (CONFIG_PROC_CHILDREN), or memory ran out. */
static bool add_children(struct iu_tree *tree, int32_t pid)
{
	char path[300], number[16];
	struct dirent *entry;
	bool listed = true;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir != NULL && listed && (entry = readdir(dir)) != NULL) {
		FILE *f;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/children", pid, entry->d_name);
		f = fopen(path, "re");
		if (f == NULL) {
			/* the thread has gone, or the file is unknown to this kernel */
			snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, entry->d_name);
			listed = access(path, F_OK) != 0;
		}
		while (f != NULL && listed && fscanf(f, "%15s", number) == 1)
			listed = add_pid(tree, number);
		if (f != NULL)
			fclose(f);
	}
	if (dir != NULL)
		closedir(dir);
	return listed;
}

bool iu_tree_read_children(struct iu_tree *tree, int32_t root)
{
	bool listed;

	tree->n = 0;
	listed = add(tree, &(struct iu_tree_process){.pid = root, .status = 'R'}) && add_children(tree, root);
	sort(tree);
	return listed;
}

bool iu_tree_read_below(struct iu_tree *tree, int32_t root)
{
	tree->n = 0;
	if (!add(tree, &(struct iu_tree_process){.pid = root, .status = 'R'}))
		return false;
	/* who is added is looked at in turn */
	for (size_t i = 0; i < tree->n; i++)
		if (!add_children(tree, tree->list[i].pid))
			return iu_tree_read(tree);
	sort(tree);
	return true;
}

void iu_tree_done(struct iu_tree *tree)
{
	free(tree->list);
	*tree = (struct iu_tree){0};
}

const struct iu_tree_process *iu_tree_find(const struct iu_tree *tree, int32_t pid)
{
	struct iu_tree_process key = {.pid = pid};

	return tree->n ? bsearch(&key, tree->list, tree->n, sizeof(*tree->list), by_pid) : NULL;
}

int32_t iu_tree_branch(const struct iu_tree *tree, int32_t pid, int32_t root)
{
	for (int depth = 0; depth < DEPTH_MAX && pid > 0; depth++) {
		const struct iu_tree_process *process = iu_tree_find(tree, pid);

		if (process == NULL)
			return 0;
		if (process->ppid == root)
			return pid;
		pid = process->ppid;
	}
	return 0;
}

bool iu_tree_each_fd(int32_t pid, void (*fn)(void *arg, int32_t pid, int32_t fd, uint64_t inode), void *arg)
{
	char path[64], link[64];
	struct dirent *entry;
	uint64_t inode;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		if (len == sizeof(EPOLL) - 1 && memcmp(link, EPOLL, sizeof(EPOLL) - 1) == 0)
			fn(arg, pid, atoi(entry->d_name), IU_TREE_EPOLL);
		else if (len > 0 && iu_proc_parse_socket_link(link, (size_t)len, &inode))
			fn(arg, pid, atoi(entry->d_name), inode);
	}
	if (dir != NULL)
		closedir(dir);
	return dir != NULL;
}
