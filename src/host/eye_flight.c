/* SPDX-License-Identifier: MIT */
/* Sockets in flight: the kernel's iterator over unix sockets, and the files that wait in their queues. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/bpf_access.h"
#include "host/sources.h"

#include "host/bpf_skeleton.h"
#include "flight.lskel.h"

/* 0 or an errno. */
static int load(const uint64_t *inodes, size_t n, struct iu_flight_bpf **ret_skel)
{
	struct iu_flight_bpf *skel = iu_flight_bpf__open();
	const uint8_t not_met = 0;
	int os_code;

	if (skel == NULL)
		return ENOMEM;
	skel->maps.flying.max_entries = n == 0 ? 1 : (__u32)n;
	os_code = IU_BPF_LOAD(iu_flight_bpf__load, skel);
	for (size_t i = 0; i < n && os_code == 0; i++)
		if (skel_map_update_elem(skel->maps.flying.map_fd, &inodes[i], &not_met, BPF_ANY) != 0)
			os_code = errno;
	if (os_code == 0)
		*ret_skel = skel;
	else
		iu_flight_bpf__destroy(skel);
	return os_code;
}

/* The program writes nothing; reading is what makes it run. 0 or an errno. */
static int run(struct iu_flight_bpf *skel)
{
	int fd = iu_bpf_open_iterator(skel->progs.find_flying.prog_fd), os_code = 0;
	char nothing[64];
	ssize_t got;

	if (fd < 0)
		return errno;
	do {
		got = read(fd, nothing, sizeof(nothing));
		os_code = got < 0 ? errno : 0;
	} while (got > 0 || os_code == EINTR || os_code == EAGAIN);
	close(fd);
	return os_code;
}

static bool was_met(const struct iu_flight_bpf *skel, uint64_t inode)
{
	union bpf_attr attr;
	uint8_t met = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)skel->maps.flying.map_fd;
	attr.key = (uintptr_t)&inode;
	attr.value = (uintptr_t)&met;
	return skel_sys_bpf(BPF_MAP_LOOKUP_ELEM, &attr, offsetofend(union bpf_attr, flags)) == 0 && met;
}

enum inuse_status iu_flight_each(const uint64_t *inodes, size_t n, iu_inode_fn *fn, void *arg, struct inuse_error *error)
{
	struct iu_flight_bpf *skel = NULL;
	int os_code = load(inodes, n, &skel);

	if (os_code == 0)
		os_code = run(skel);
	for (size_t i = 0; i < n && os_code == 0; i++)
		if (was_met(skel, inodes[i]) && !fn(arg, inodes[i]))
			break;
	if (skel != NULL)
		iu_flight_bpf__destroy(skel);
	return os_code == 0 ? INUSE_OK : iu_bpf_refused(os_code, error);
}
