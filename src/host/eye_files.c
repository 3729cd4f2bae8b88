/* SPDX-License-Identifier: MIT */
/* Owners of sockets: the kernel's iterator over the descriptors of all processes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/record.h"
#include "files.lskel.h"
#include "host/bpf_access.h"
#include "host/sources.h"

/* More than that are not put into the kernel's map: every socket is told, and sorted out here. */
#define MOST_IN_MAP 65536

struct delivery {
	const uint64_t *sorted; /* with MOST_IN_MAP exceeded, else NULL */
	size_t n;
	iu_owner_fn *fn;
	void *arg;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool deliver(void *arg, const void *record)
{
	const struct delivery *d = arg;
	const struct iu_rec_file *rec = record;
	uint64_t inode = rec->inode;

	if (d->sorted != NULL && bsearch(&inode, d->sorted, d->n, sizeof(inode), compare) == NULL)
		return true;
	return d->fn(d->arg, inode, rec->pid, rec->fd);
}

/* 0 or an errno. */
static int fill(int map_fd, const uint64_t *inodes, size_t n)
{
	const uint8_t one = 1;

	for (size_t i = 0; i < n; i++)
		if (bpf_map_update_elem(map_fd, &inodes[i], &one, BPF_ANY) != 0)
			return errno;
	return 0;
}

/* 0 or an errno. */
static int load(const uint64_t *inodes, size_t n, struct iu_files_bpf **ret_skel)
{
	struct iu_files_bpf *skel = iu_files_bpf__open();
	int os_code;

	if (skel == NULL)
		return ENOMEM;
	skel->rodata->all = inodes == NULL || n > MOST_IN_MAP;
	skel->maps.inodes.max_entries = n == 0 || n > MOST_IN_MAP ? 1 : (__u32)n;
	os_code = IU_BPF_LOAD(iu_files_bpf__load, skel);
	if (os_code == 0 && n <= MOST_IN_MAP)
		os_code = fill(skel->maps.inodes.map_fd, inodes, n);
	if (os_code == 0)
		*ret_skel = skel;
	else
		iu_files_bpf__destroy(skel);
	return os_code;
}

/* 0 or an errno. */
static int read_owners(struct iu_files_bpf *skel, struct delivery *d)
{
	int fd = iu_bpf_open_iterator(skel->progs.dump_files.prog_fd), os_code;

	if (fd < 0)
		return errno;
	os_code = iu_bpf_read_records(fd, sizeof(struct iu_rec_file), deliver, d);
	close(fd);
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
	struct iu_files_bpf *skel = NULL;
	int os_code = sorted == NULL ? errno : 0;

	if (os_code == 0)
		os_code = load(inodes, n, &skel);
	if (os_code == 0)
		os_code = read_owners(skel, &d);
	if (os_code == 0)
		*ret_complete = skel->data->reader_level == 0;
	if (skel != NULL)
		iu_files_bpf__destroy(skel);
	free(sorted);
	return os_code == 0 ? INUSE_OK : iu_bpf_refused(os_code, error);
}
