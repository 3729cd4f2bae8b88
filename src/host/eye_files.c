/* SPDX-License-Identifier: MIT */
/*
 * Owners of sockets: the tables of descriptors of all processes.
 *
 * What is found is handed out through a map that is made before. Where that is too small it is made larger, and all is read again.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/record.h"
#include "host/bpf_access.h"
#include "host/sources.h"

#include "host/bpf_skeleton.h"
#include "files.lskel.h"

/* More than that are not put into the kernel's map: every socket is told, and sorted out here. */
#define MOST_IN_MAP 65536
#define ROOM 1024
#define ROOM_FOR_ALL 65536
#define TRIES 3 /* runs that did not come round the ring of processes */

struct delivery {
	const uint64_t *sorted; /* with MOST_IN_MAP exceeded, else NULL */
	size_t n;
	iu_owner_fn *fn;
	void *arg;
};

/* What is asked for, and the program that looks for it. */
struct search {
	const uint64_t *inodes;
	size_t n;
	bool all;
	uint64_t room;
	struct iu_files_bpf *skel;
	struct iu_rec_file *out;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void deliver(const struct delivery *d, const struct iu_rec_file *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t inode = records[i].inode;

		if (d->sorted != NULL && bsearch(&inode, d->sorted, d->n, sizeof(inode), compare) == NULL)
			continue;
		if (!d->fn(d->arg, inode, records[i].pid, records[i].fd))
			return;
	}
}

static void unload(struct search *s)
{
	if (s->out != NULL)
		munmap(s->out, s->room * sizeof(*s->out));
	s->out = NULL;
	if (s->skel != NULL)
		iu_files_bpf__destroy(s->skel);
	s->skel = NULL;
}

/* 0 or an errno. */
static int fill(const struct search *s)
{
	const uint8_t one = 1;

	for (size_t i = 0; !s->all && i < s->n; i++)
		if (skel_map_update_elem(s->skel->maps.inodes.map_fd, &s->inodes[i], &one, BPF_ANY) != 0)
			return errno;
	return 0;
}

/* 0 or an errno. */
static int load(struct search *s)
{
	int os_code;

	s->skel = iu_files_bpf__open();
	if (s->skel == NULL)
		return ENOMEM;
	s->skel->maps.inodes.max_entries = s->all || s->n == 0 ? 1 : (__u32)s->n;
	s->skel->maps.out.max_entries = (__u32)s->room;
	os_code = IU_BPF_LOAD(iu_files_bpf__load, s->skel);
	if (os_code == 0)
		os_code = fill(s);
	if (os_code != 0)
		return os_code;
	s->out = iu_bpf_map_array(s->skel->maps.out.map_fd, s->room * sizeof(*s->out));
	return s->out == NULL ? errno : 0;
}

/* Room for what there was, and some more. 0 or an errno. */
static int grow(struct search *s)
{
	uint64_t n = s->skel->bss->files.n_out;

	if (n > UINT32_MAX / 2)
		return E2BIG;
	unload(s);
	s->room = n + n / 4 + ROOM;
	return load(s);
}

/* 0 or an errno. */
static int run(struct search *s, int socket_fd)
{
	struct iu_files *files;
	int os_code;

	for (int i = 0; i < TRIES;) {
		files = &s->skel->bss->files;
		*files = (struct iu_files){.room = s->room, .socket_fd = socket_fd, .all = s->all};
		os_code = iu_bpf_run(s->skel->progs.dump_files.prog_fd);
		if (os_code != 0)
			return os_code;
		if (files->n_out > s->room) {
			os_code = grow(s);
			if (os_code != 0)
				return os_code;
		} else if (files->finished) {
			return 0;
		} else {
			i++;
		}
	}
	return 0;
}

/* 0 or an errno. */
static int search(struct search *s, const struct delivery *d, bool *ret_complete)
{
	int socket_fd = iu_bpf_socket(), os_code;

	if (socket_fd < 0)
		return errno;
	os_code = load(s);
	if (os_code == 0)
		os_code = run(s, socket_fd);
	close(socket_fd);
	if (os_code == 0) {
		*ret_complete = s->skel->bss->files.level == 0 && s->skel->bss->files.finished;
		deliver(d, s->out, s->skel->bss->files.n_out);
	}
	unload(s);
	return os_code;
}

/* A sorted copy, for when there are too many for the map; NULL else, or with errno set when out of memory. */
static uint64_t *sorted_copy(const uint64_t *inodes, size_t n)
{
	uint64_t *copy;

	errno = 0;
	if (inodes == NULL || n <= MOST_IN_MAP)
		return NULL;
	copy = calloc(n, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < n; i++)
		copy[i] = inodes[i];
	if (copy != NULL)
		qsort(copy, n, sizeof(*copy), compare);
	return copy;
}

enum inuse_status iu_files_owners(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
				  struct inuse_error *error)
{
	uint64_t *sorted = sorted_copy(inodes, n);
	struct delivery d = {.sorted = sorted, .n = n, .fn = fn, .arg = arg};
	struct search s = {.inodes = inodes, .n = n, .all = inodes == NULL || n > MOST_IN_MAP};
	int os_code = sorted == NULL ? errno : 0;

	s.room = s.all ? ROOM_FOR_ALL : ROOM;
	if (os_code == 0)
		os_code = search(&s, &d, ret_complete);
	free(sorted);
	return os_code == 0 ? INUSE_OK : iu_bpf_refused(os_code, error);
}
