/* SPDX-License-Identifier: MIT */
/*
 * Who has a socket open, by reading the links in /proc/PID/fd.
 *
 * Theory of operation
 *
 * A socket shows as a link "socket:[INODE]" in /proc/PID/fd of every process that has it. One may read the links of
 * processes that one might trace. The search is complete when all of them could be read, none is hidden (hidepid) and
 * the pid namespace is the machine's first one, where every process has a number.
 * A process that ends while it is looked at is no gap: what it held is closed. A thread may have a table of descriptors
 * of its own, and one whose first thread has ended shows only there; threads are looked at when an inode was found
 * nowhere else, as there can be very many of them.
 * A link takes some 6 us (the kernel makes a name and a node for each), so a machine with millions of them is left
 * unfinished after a while: sooner when every inode has been found and only further holders could turn up.
 * Not seen by anybody here: descriptors on their way through a unix socket, files registered with io_uring, sockets of
 * the kernel itself. That is what a socket with an inode and no holder is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "host/collect.h"
#include "host/proc_parse.h"

#define ENOUGH_NS 2000000000  /* when each inode has a holder */
#define TOO_LONG_NS 10000000000 /* anyway */
#define BRIEFLY_NS 1000000000
#define LINKS 1024 /* after so many the clock is looked at */

struct wanted {
	uint64_t inode;
	bool found;
};

struct search {
	struct wanted *wanted; /* sorted, each inode once */
	size_t n, n_found;
	iu_owner_fn *fn;
	void *arg;
	int64_t began_ns, too_long_ns;
	bool all;      /* sockets, whatever their inode */
	bool stopped;  /* the callback has had enough, or it took too long */
	bool gap;      /* a process could not be read */
	bool saw_init; /* pid 1 was read */
};

static int by_inode(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static size_t sort_once(struct wanted *w, size_t n)
{
	size_t kept = 0;

	qsort(w, n, sizeof(*w), by_inode);
	for (size_t i = 0; i < n; i++)
		if (w[i].inode != 0 && (kept == 0 || w[kept - 1].inode != w[i].inode))
			w[kept++] = w[i];
	return kept;
}

/* A file that vanished with its process is no gap; everything else that could not be read is. */
static void note_failure(struct search *s)
{
	if (errno != ENOENT && errno != ESRCH)
		s->gap = true;
}

/* False when the links of this process may not be read. */
static bool look_at_link(struct search *s, int dir, const char *name, int32_t pid)
{
	char link[64];
	struct wanted key = {0}, *hit;
	uint64_t fd;
	ssize_t n;

	if (!iu_parse_u64(name, 0, INT32_MAX, &fd))
		return true;
	n = readlinkat(dir, name, link, sizeof(link));
	if (n < 0) {
		note_failure(s);
		return errno != EACCES && errno != EPERM;
	}
	if (!iu_proc_parse_socket_link(link, (size_t)n, &key.inode))
		return true;
	hit = bsearch(&key, s->wanted, s->n, sizeof(key), by_inode);
	if (hit == NULL && !s->all)
		return true;
	if (hit != NULL) {
		s->n_found += !hit->found;
		hit->found = true;
	}
	s->stopped |= !s->fn(s->arg, key.inode, pid, (int32_t)fd);
	return true;
}

static bool takes_too_long(const struct search *s)
{
	return iu_host_now() - s->began_ns > (s->n_found == s->n && s->too_long_ns > ENOUGH_NS ? ENOUGH_NS : s->too_long_ns);
}

/* base: an open /proc/PID or /proc/PID/task/TID. True if the links could be listed. */
static bool look_at_links(struct search *s, int base, int32_t pid)
{
	int fd = openat(base, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool readable = true;
	unsigned links = 0;

	if (dir == NULL) {
		note_failure(s);
		if (fd >= 0)
			close(fd);
		return false;
	}
	errno = 0;
	while (readable && !s->stopped && (entry = readdir(dir)) != NULL) {
		readable = look_at_link(s, dirfd(dir), entry->d_name, pid);
		if (++links % LINKS == 0)
			s->stopped |= takes_too_long(s);
		errno = 0;
	}
	if (errno != 0)
		note_failure(s);
	closedir(dir);
	return readable;
}

/* False, too, where the kernel was built without kcmp (user-mode Linux): then the thread's links have to tell. */
static bool shares_table(int32_t pid, int32_t tid)
{
	return syscall(SYS_kcmp, pid, tid, KCMP_FILES, 0, 0) == 0;
}

static void look_at_threads(struct search *s, int base, int32_t pid)
{
	int fd = openat(base, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t tid;

	if (dir == NULL) {
		note_failure(s);
		if (fd >= 0)
			close(fd);
		return;
	}
	while (!s->stopped && (entry = readdir(dir)) != NULL) {
		int task;

		if (!iu_parse_u64(entry->d_name, 1, INT32_MAX, &tid) || (int32_t)tid == pid ||
		    shares_table(pid, (int32_t)tid))
			continue;
		task = openat(dirfd(dir), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (task < 0)
			continue;
		look_at_links(s, task, pid);
		close(task);
	}
	closedir(dir);
}

static enum inuse_status look_at_all(struct search *s, bool threads, struct inuse_error *error)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	if (dir == NULL)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "opendir /proc", _("/proc cannot be read: %s"),
			       strerror(errno));
	while (!s->stopped && (entry = readdir(dir)) != NULL) {
		int base;

		if (!iu_parse_u64(entry->d_name, 1, INT32_MAX, &pid))
			continue;
		base = openat(dirfd(dir), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (base < 0) {
			note_failure(s);
			continue;
		}
		if (threads)
			look_at_threads(s, base, (int32_t)pid);
		else if (look_at_links(s, base, (int32_t)pid) && pid == 1)
			s->saw_init = true;
		close(base);
		s->stopped |= takes_too_long(s);
	}
	closedir(dir);
	return INUSE_OK;
}

static bool in_first_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == IU_FIRST_PID_NAMESPACE;
}

static enum inuse_status find(struct search s, const uint64_t *inodes, size_t n, bool *ret_complete,
			      struct inuse_error *error)
{
	enum inuse_status status;

	s.began_ns = iu_host_now();
	s.all = inodes == NULL;
	s.wanted = calloc(n ? n : 1, sizeof(*s.wanted));
	if (s.wanted == NULL)
		return iu_fail(error, INUSE_E_MEMORY, ENOMEM, "owners", _("out of memory"));
	for (size_t i = 0; !s.all && i < n; i++)
		s.wanted[i].inode = inodes[i];
	s.n = sort_once(s.wanted, s.all ? 0 : n);
	status = look_at_all(&s, false, error);
	if (status == INUSE_OK && !s.stopped && s.n_found < s.n)
		status = look_at_all(&s, true, error);
	if (status == INUSE_OK)
		*ret_complete = !s.stopped && !s.gap && s.saw_init && in_first_pid_namespace();
	free(s.wanted);
	return status;
}

enum inuse_status iu_proc_owners(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
				 struct inuse_error *error)
{
	return find((struct search){.fn = fn, .arg = arg, .too_long_ns = TOO_LONG_NS}, inodes, n, ret_complete, error);
}

enum inuse_status iu_proc_owners_briefly(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
					 struct inuse_error *error)
{
	return find((struct search){.fn = fn, .arg = arg, .too_long_ns = BRIEFLY_NS}, inodes, n, ret_complete, error);
}
