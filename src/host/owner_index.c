/* SPDX-License-Identifier: MIT */
/*
 * An index of the descriptors that are sockets.
 *
 * The hits of the search come process by process. They are sorted by process first, to describe each of them once, then
 * by inode and age, as a socket's holders stand in a snapshot: the ancestor in front, every process once.
 */
#include "host/owner_index.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/collect.h"

struct hit {
	uint64_t inode;
	int32_t pid, fd;
};

struct iu_owner_index {
	struct inuse_snapshot *texts;  /* whose arena has the strings of the processes */
	struct iu_collection c;        /* processes, and holders beside inodes */
	uint64_t *inodes;              /* of each holder, sorted */
	struct hit *hits;              /* while it is made */
	size_t n_hits, cap_hits;
};

void iu_owner_index_free(struct iu_owner_index *index)
{
	if (index == NULL)
		return;
	iu_collection_done(&index->c);
	iu_snapshot_free(index->texts);
	free(index->inodes);
	free(index->hits);
	free(index);
}

static bool take_hit(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	struct iu_owner_index *x = arg;
	struct hit hit = {inode, pid, fd};

	/* what has no number here can only be counted as hidden */
	return pid == 0 || iu_collection_add(&x->c, &x->hits, &x->n_hits, &x->cap_hits, &hit, sizeof(hit));
}

static void find_all(const struct iu_scope *scope, struct iu_owner_index *x)
{
	bool complete;

	if (!iu_source_is_out(scope, IU_SOURCE_FILES) &&
	    iu_files_owners(NULL, 0, take_hit, x, &complete, NULL) == INUSE_OK)
		return;
	x->n_hits = 0;
	if (!iu_source_is_out(scope, IU_SOURCE_PROCFD))
		iu_proc_owners(NULL, 0, take_hit, x, &complete, NULL);
}

static int by_pid(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Describes every process once, and puts its place among the processes where its number stood; drops what is gone. */
static void describe(struct iu_owner_index *x)
{
	size_t kept = 0;
	int32_t last = 0;
	bool there = false;

	if (x->n_hits > 0)
		qsort(x->hits, x->n_hits, sizeof(*x->hits), by_pid);
	for (size_t i = 0; i < x->n_hits; i++) {
		struct inuse_process process;
		struct hit hit = x->hits[i];

		if (hit.pid != last) {
			last = hit.pid;
			there = iu_proc_describe(x->texts, hit.pid, &process) == INUSE_OK &&
				iu_collection_add(&x->c, &x->c.processes, &x->c.n_processes, &x->c.cap_processes,
						  &process, sizeof(process));
		}
		hit.pid = (int32_t)x->c.n_processes - 1;
		if (there)
			x->hits[kept++] = hit;
	}
	x->n_hits = kept;
}

static int by_inode_and_age(const void *a, const void *b, void *arg)
{
	const struct inuse_process *processes = arg;
	const struct hit *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid && processes[x->pid].started_ns != processes[y->pid].started_ns)
		return processes[x->pid].started_ns < processes[y->pid].started_ns ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static void sort(struct iu_owner_index *x)
{
	struct iu_collection *c = &x->c;

	x->inodes = calloc(x->n_hits + 1, sizeof(*x->inodes));
	if (x->inodes == NULL) {
		c->failed = true;
		return;
	}
	if (x->n_hits > 0)
		qsort_r(x->hits, x->n_hits, sizeof(*x->hits), by_inode_and_age, c->processes);
	for (size_t i = 0; i < x->n_hits; i++) {
		struct inuse_holder holder = {(uint32_t)x->hits[i].pid, x->hits[i].fd};

		if (i > 0 && x->hits[i].inode == x->hits[i - 1].inode && x->hits[i].pid == x->hits[i - 1].pid)
			continue;
		x->inodes[c->n_holders] = x->hits[i].inode;
		if (!iu_collection_add(c, &c->holders, &c->n_holders, &c->cap_holders, &holder, sizeof(holder)))
			return;
	}
}

enum inuse_status iu_owner_index_new(const struct iu_scope *scope, struct iu_owner_index **ret_index,
				     struct inuse_error *error)
{
	struct iu_owner_index *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "owners", _("out of memory"));
	x->texts = iu_snapshot_new();
	if (x->texts != NULL) {
		find_all(scope, x);
		describe(x);
		sort(x);
	}
	free(x->hits);
	x->hits = NULL;
	if (x->texts == NULL || x->c.failed) {
		iu_owner_index_free(x);
		return iu_fail(error, INUSE_E_MEMORY, 0, "owners", _("out of memory"));
	}
	*ret_index = x;
	return INUSE_OK;
}

/* The first holder whose inode is not below this one. */
static size_t lower_bound(const struct iu_owner_index *x, uint64_t inode)
{
	size_t low = 0, high = x->c.n_holders;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (x->inodes[middle] < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void iu_owner_index_find(const struct iu_owner_index *x, struct inuse_socket *socket)
{
	size_t first, end;

	socket->holders = socket->n_holders = 0;
	if (socket->inode == 0) {
		socket->known |= socket->known & INUSE_KNOW_INODE ? INUSE_KNOW_OWNER : 0;
		return;
	}
	for (first = end = lower_bound(x, socket->inode); end < x->c.n_holders && x->inodes[end] == socket->inode;)
		end++;
	socket->holders = (uint32_t)first;
	socket->n_holders = (uint32_t)(end - first);
	if (end > first)
		socket->known |= INUSE_KNOW_OWNER;
	else if ((socket->flags & (INUSE_KERNEL | INUSE_MPTCP)) != INUSE_KERNEL)
		socket->known &= ~INUSE_KNOW_OWNER;
}

void iu_owner_index_facts(const struct iu_owner_index *x, struct iu_facts *facts)
{
	facts->processes = x->c.processes;
	facts->n_processes = x->c.n_processes;
	facts->holders = x->c.holders;
	facts->n_holders = x->c.n_holders;
}
