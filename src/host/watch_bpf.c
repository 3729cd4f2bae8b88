/* SPDX-License-Identifier: MIT */
/* Word of sockets that begin to listen: a program on the kernel's tracepoint, and the ring buffer that it writes to. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/bpf_access.h"
#include "host/settings.h"
#include "host/watch.h"

#include "host/bpf_skeleton.h"
#include "listen.lskel.h"

struct iu_watch_listeners {
	struct iu_listen_bpf *skel;
	size_t page;
	unsigned long *consumed;       /* the ring's two counters of bytes, each on a page of its own: linux v6.18 kernel/bpf/ringbuf.c */
	const unsigned long *produced;
};

static void *map_page(const struct iu_watch_listeners *l, int access, size_t which)
{
	void *at = mmap(NULL, l->page, access, MAP_SHARED, l->skel->maps.news.map_fd, (off_t)(which * l->page));

	return at == MAP_FAILED ? NULL : at;
}

struct iu_watch_listeners *iu_watch_open_listeners(uint16_t port)
{
	struct iu_watch_listeners *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->page = (size_t)sysconf(_SC_PAGESIZE);
	l->skel = iu_listen_bpf__open();
	if (l->skel != NULL) {
		l->skel->rodata->port = port;
		l->skel->rodata->netns = (__u32)iu_host_netns();
		l->skel->maps.news.max_entries = (__u32)l->page;
		if (IU_BPF_LOAD(iu_listen_bpf__load, l->skel) == 0) {
			l->consumed = map_page(l, PROT_READ | PROT_WRITE, 0);
			l->produced = map_page(l, PROT_READ, 1);
		}
	}
	if (l->consumed != NULL && l->produced != NULL && iu_listen_bpf__attach(l->skel) >= 0)
		return l;
	iu_watch_close_listeners(l);
	return NULL;
}

void iu_watch_close_listeners(struct iu_watch_listeners *l)
{
	if (l == NULL)
		return;
	if (l->consumed != NULL)
		munmap(l->consumed, l->page);
	if (l->produced != NULL)
		munmap((void *)(uintptr_t)l->produced, l->page);
	if (l->skel != NULL)
		iu_listen_bpf__destroy(l->skel);
	free(l);
}

int iu_watch_listeners_fd(const struct iu_watch_listeners *l)
{
	return l->skel->maps.news.map_fd;
}

void iu_watch_listeners_drain(struct iu_watch_listeners *l)
{
	__atomic_store_n(l->consumed, __atomic_load_n(l->produced, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}
