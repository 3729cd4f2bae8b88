/* SPDX-License-Identifier: MIT */
/* The table of held sockets: found by address, and by inode, however many there are. */
#include "supervise/hold.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "host/sockaddr.h"

/* Beyond the descriptors of the program's own start. */
#define FD_FLOOR 64
/*
 * So many numbers are left to what inuse needs besides: handles of callers (thread.c, 3 * 32), clients of inuse restart (32), calls
 * that wait, keepers, the start of the next generation. Where there are few in all, half of them.
 */
#define FD_RESERVE 256

/* Equal for addresses that iu_addr_same() takes for the same: the scope is left out. */
static size_t bucket_of(const struct inuse_addr *local)
{
	struct inuse_addr a = iu_addr_unmapped(local);
	uint32_t hash = 2166136261u ^ a.port; /* FNV-1a, by Fowler, Noll and Vo */

	for (size_t i = 0; i < (a.family == 4 ? 4 : sizeof(a.ip)); i++)
		hash = (hash ^ a.ip[i]) * 16777619u;
	return (hash ^ hash >> 16) % IU_HELD_BUCKETS;
}

struct iu_held *iu_hold_next_at(const struct iu_supervisor *s, const struct inuse_addr *local, const struct iu_held *after)
{
	struct iu_held *h = after ? after->next_at : s->held_by_address[bucket_of(local)];

	while (h != NULL && (h->local.port != local->port || !iu_addr_same(&h->local, local)))
		h = h->next_at;
	return h;
}

struct iu_held *iu_hold_next_inode(const struct iu_supervisor *s, uint64_t inode, const struct iu_held *after)
{
	struct iu_held *h = after ? after->next_inode : s->held_by_inode[inode % IU_HELD_BUCKETS];

	while (h != NULL && h->inode != inode)
		h = h->next_inode;
	return h;
}

struct iu_held *iu_hold_find(const struct iu_supervisor *s, int fd)
{
	uint64_t inode = iu_call_inode(fd), cookie = iu_hold_cookie(fd);
	struct iu_held *h = iu_hold_next_inode(s, inode, NULL);

	/* inodes of sockets are 32 bits wide and come again; a cookie does not */
	while (h != NULL && h->cookie != cookie)
		h = iu_hold_next_inode(s, inode, h);
	return h;
}

static int duplicate(const struct iu_supervisor *s, int fd)
{
	struct rlimit limit;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	rlim_t reserve;

	if (copy < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return copy;
	reserve = limit.rlim_cur / 2 < FD_RESERVE ? limit.rlim_cur / 2 : FD_RESERVE;
	if ((rlim_t)copy + reserve < limit.rlim_cur)
		return copy;
	close(copy);
	return -1;
}

struct iu_held *iu_hold_add(struct iu_supervisor *s, int fd, const struct iu_identity *identity)
{
	struct iu_held *h = calloc(1, sizeof(*h)), **at;
	struct sockaddr_storage own = {0};
	socklen_t len = sizeof(own);

	if (h == NULL || getsockname(fd, (struct sockaddr *)&own, &len) != 0 || (h->fd = duplicate(s, fd)) < 0) {
		free(h);
		return NULL;
	}
	h->s = s;
	h->shared_options = h->shared_flags = h->shared_backlog = -1;
	h->cookie = iu_hold_cookie(fd);
	h->inode = iu_call_inode(fd);
	h->identity = *identity;
	h->local = iu_sockaddr_to(&own);
	h->next = s->held;
	s->held = h;
	at = &s->held_by_address[bucket_of(&h->local)];
	h->next_at = *at;
	*at = h;
	at = &s->held_by_inode[h->inode % IU_HELD_BUCKETS];
	h->next_inode = *at;
	*at = h;
	return h;
}

/* Takes it out of the chain that begins there; next: where in struct iu_held the chain goes on. */
static void unlink_from(struct iu_held **at, const struct iu_held *h, size_t next)
{
	while (*at != NULL && *at != h)
		at = (struct iu_held **)(void *)((char *)*at + next);
	if (*at != NULL)
		*at = *(struct iu_held *const *)(const void *)((const char *)h + next);
}

void iu_hold_drop(struct iu_held *h)
{
	struct iu_supervisor *s = h->s;

	unlink_from(&s->held, h, offsetof(struct iu_held, next));
	unlink_from(&s->held_by_address[bucket_of(&h->local)], h, offsetof(struct iu_held, next_at));
	unlink_from(&s->held_by_inode[h->inode % IU_HELD_BUCKETS], h, offsetof(struct iu_held, next_inode));
	iu_hold_unkeep(h);
	iu_hold_forget(h);
	close(h->fd);
	free(h);
}
