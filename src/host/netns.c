/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces: finding and entering them.
 *
 * Theory of operation
 *
 * A namespace is named by the inode of its file in nsfs; the same one is met under many paths. Files below /run/netns
 * that are not of nsfs are remains whose mount is gone. Whether a process' file may be looked at is decided by the
 * rules of ptrace, so an ordinary user sees the namespaces of his own processes.
 * Not handled: namespaces that a single thread is in, or that only a descriptor or a mount elsewhere keeps.
 */
#include "host/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"

#define NAMED "/run/netns"
#define NAME_MAX_SHOWN 300
#define FIRST_PID_NAMESPACE 0xEFFFFFFC /* linux v6.18 include/uapi/linux/nsfs.h PID_NS_INIT_INO */

/* The thread's own file; before Linux 3.17 the main thread's. */
static int open_own(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* 0 if the descriptor is not one of a namespace. */
static uint64_t inode_of(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) != 0 || fs.f_type != NSFS_MAGIC || fstat(fd, &st) != 0)
		return 0;
	return st.st_ino;
}

static bool is_own(uint64_t inode)
{
	int fd = open_own();
	bool own = fd >= 0 && inode != 0 && inode_of(fd) == inode;

	if (fd >= 0)
		close(fd);
	return own;
}

enum inuse_status iu_netns_enter_fd(int fd, const char *name, struct inuse_error *error)
{
	char shown[128];
	int code;

	if (is_own(inode_of(fd)) || setns(fd, CLONE_NEWNET) == 0)
		return INUSE_OK;
	code = errno;
	iu_escape(name, shown, sizeof(shown));
	if (code == EPERM)
		return iu_fail(error, INUSE_E_PERMISSION, code, "setns",
			       _("entering the network namespace \"%s\" is not permitted to you"), shown);
	if (code == EINVAL)
		return iu_fail(error, INUSE_E_NO_NAMESPACE, code, "setns",
			       _("\"%s\" is not a network namespace"), shown);
	return iu_fail(error, INUSE_E_SYSTEM, code, "setns",
		       _("the network namespace \"%s\" cannot be entered: %s"), shown, strerror(code));
}

static enum inuse_status cannot_open(const char *name, bool is_pid, int code, struct inuse_error *error)
{
	char shown[128];

	iu_escape(name, shown, sizeof(shown));
	if (code == EACCES || code == EPERM)
		return iu_fail(error, INUSE_E_PERMISSION, code, "open",
			       _("the network namespace \"%s\" is not permitted to you"), shown);
	if (is_pid)
		return iu_fail(error, INUSE_E_NO_NAMESPACE, code, "open",
			       _("there is no network namespace named \"%s\" and no process of that number"), shown);
	return iu_fail(error, INUSE_E_NO_NAMESPACE, code, "open", _("there is no network namespace named \"%s\""),
		       shown);
}

enum inuse_status iu_netns_enter(const char *name_or_pid, struct inuse_error *error)
{
	char path[PATH_MAX];
	enum inuse_status status;
	uint64_t pid;
	bool is_pid = iu_parse_u64(name_or_pid, 1, INT32_MAX, &pid);
	bool is_path = strchr(name_or_pid, '/') != NULL;
	int fd;

	if (name_or_pid[0] == 0 || strcmp(name_or_pid, ".") == 0 || strcmp(name_or_pid, "..") == 0)
		return cannot_open(name_or_pid, false, 0, error);
	if (snprintf(path, sizeof(path), "%s%s", is_path ? "" : NAMED "/", name_or_pid) >= (int)sizeof(path))
		return cannot_open(name_or_pid, false, ENAMETOOLONG, error);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT && is_pid) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && (kill((pid_t)pid, 0) == 0 || errno == EPERM))
			errno = EACCES; /* it is there, and hidden (hidepid) */
	}
	if (fd < 0)
		return cannot_open(name_or_pid, is_pid, errno, error);
	status = iu_netns_enter_fd(fd, name_or_pid, error);
	close(fd);
	return status;
}

/* ------------------------------------------------------------------------------------------------- all of them */

struct walk {
	iu_netns_fn *fn;
	void *arg;
	uint64_t own;
	uint64_t *seen;
	size_t n_seen, cap;
	bool complete, stopped, no_memory;
};

static bool met_before(const struct walk *w, uint64_t inode)
{
	for (size_t i = 0; i < w->n_seen; i++)
		if (w->seen[i] == inode)
			return true;
	return false;
}

static void deliver(struct walk *w, int fd, uint64_t inode, const char *name, int32_t pid)
{
	struct iu_netns netns = {.fd = fd, .inode = inode, .name = name, .pid = pid, .own = inode == w->own};

	if (w->n_seen == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 16;
		uint64_t *seen = realloc(w->seen, cap * sizeof(*seen));

		if (seen == NULL) {
			w->no_memory = true;
			return;
		}
		w->seen = seen;
		w->cap = cap;
	}
	w->seen[w->n_seen++] = inode;
	w->stopped = !w->fn(w->arg, &netns);
}

/* "pid 812 (nginx)" */
static char *pid_name(int32_t pid, char *buf, size_t size)
{
	char path[64], comm[64] = "", shown[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	if (f != NULL) {
		if (fgets(comm, sizeof(comm), f) != NULL)
			comm[strcspn(comm, "\n")] = 0;
		fclose(f);
	}
	snprintf(buf, size, "pid %d (%s)", (int)pid, iu_escape(comm, shown, sizeof(shown)));
	return buf;
}

/* Calls deliver() for the files below /run/netns; with `only`, just finds the name of that one into name. */
static bool walk_named(struct walk *w, uint64_t only, char *name, size_t size)
{
	DIR *dir = opendir(NAMED);
	struct dirent *entry;
	bool found = false;

	while (dir != NULL && !w->stopped && !found && (entry = readdir(dir)) != NULL) {
		int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		uint64_t inode = fd >= 0 ? inode_of(fd) : 0;

		iu_escape(entry->d_name, name, size);
		if (only != 0)
			found = inode == only;
		else if (inode != 0 && !met_before(w, inode))
			deliver(w, fd, inode, name, 0);
		if (fd >= 0)
			close(fd);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void look_at_process(struct walk *w, int32_t pid)
{
	char path[64], name[NAME_MAX_SHOWN];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	if (stat(path, &st) != 0) {
		/* A kernel thread or one that ended in the meantime hides nothing. */
		if (errno == EACCES || errno == EPERM)
			w->complete = false;
		return;
	}
	if (met_before(w, st.st_ino))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (inode_of(fd) == st.st_ino)
		deliver(w, fd, st.st_ino, pid_name(pid, name, sizeof(name)), pid);
	close(fd);
}

static void walk_processes(struct walk *w)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	struct stat st;
	uint64_t pid;

	/* Where other users' processes are hidden (hidepid) the first one is, and below the first pid namespace most are. */
	if (dir == NULL || stat("/proc/1/ns/net", &st) != 0 || stat("/proc/self/ns/pid", &st) != 0 ||
	    st.st_ino != FIRST_PID_NAMESPACE)
		w->complete = false;
	while (dir != NULL && !w->stopped && (entry = readdir(dir)) != NULL)
		if (iu_parse_u64(entry->d_name, 1, INT32_MAX, &pid))
			look_at_process(w, (int32_t)pid);
	if (dir != NULL)
		closedir(dir);
}

static void walk_own(struct walk *w, int own_fd)
{
	char name[NAME_MAX_SHOWN];
	struct stat st;
	int32_t pid = stat("/proc/1/ns/net", &st) == 0 && st.st_ino == w->own ? 1 : getpid();

	if (!walk_named(w, w->own, name, sizeof(name)))
		pid_name(pid, name, sizeof(name));
	deliver(w, own_fd, w->own, name, pid);
}

enum inuse_status iu_netns_each(iu_netns_fn *fn, void *arg, bool *ret_complete, struct inuse_error *error)
{
	struct walk w = {.fn = fn, .arg = arg, .complete = true};
	char name[NAME_MAX_SHOWN];
	int own_fd = open_own(), code = 0;

	w.own = own_fd >= 0 ? inode_of(own_fd) : 0;
	if (w.own == 0) {
		if (own_fd >= 0)
			close(own_fd);
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "/proc/self/ns/net",
			       _("network namespaces cannot be seen here"));
	}
	walk_own(&w, own_fd);
	if (!w.stopped)
		walk_named(&w, 0, name, sizeof(name));
	if (!w.stopped)
		walk_processes(&w);
	free(w.seen);
	if (!is_own(w.own) && setns(own_fd, CLONE_NEWNET) != 0)
		code = errno;
	close(own_fd);
	if (code != 0)
		return iu_fail(error, INUSE_E_SYSTEM, code, "setns",
			       _("the way back from another network namespace is closed: %s"), strerror(code));
	if (w.no_memory)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	*ret_complete = w.complete;
	return INUSE_OK;
}
