/* SPDX-License-Identifier: MIT */
/*
 * A process, as /proc tells it.
 *
 * Everything is read below one descriptor of /proc/PID, so that all of it is of one process even when its number is
 * given to another meanwhile. What may not be read stays "".
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/proc_parse.h"
#include "host/sources.h"

#define ARGS_MAX 4096

/* Reads at most size - 1 bytes and ends them with NUL; the length, or -1. */
static ssize_t read_below(int base, const char *name, char *buf, size_t size)
{
	int fd = openat(base, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	buf[0] = 0;
	if (fd < 0)
		return -1;
	while (len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = 0;
	close(fd);
	return n < 0 && len == 0 ? -1 : (ssize_t)len;
}

static const char *link_below(struct inuse_snapshot *s, int base, const char *name)
{
	char buf[PATH_MAX];
	ssize_t n = readlinkat(base, name, buf, sizeof(buf));

	return iu_snapshot_string_n(s, buf, n > 0 ? (size_t)n : 0);
}

static int64_t ticks_to_ns(uint64_t ticks)
{
	long hz = sysconf(_SC_CLK_TCK);

	return hz > 0 ? (int64_t)(ticks * (uint64_t)(1000000000 / hz)) : 0;
}

static const char *user_name(struct inuse_snapshot *s, uint32_t uid)
{
	struct passwd entry, *found = NULL;
	char buf[4096];

	if (getpwuid_r((uid_t)uid, &entry, buf, sizeof(buf), &found) != 0 || found == NULL)
		return "";
	return iu_snapshot_string(s, found->pw_name);
}

/* A terminal whose number says nothing has its name in sysfs. */
static const char *terminal(struct inuse_snapshot *s, uint32_t tty)
{
	char name[64], path[64], text[512], *at;

	if (tty == 0)
		return "";
	if (*iu_proc_tty_name(tty, name, sizeof(name)) != 0)
		return iu_snapshot_string(s, name);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/uevent", tty >> 8 & 0xfff, (tty & 0xff) | (tty >> 12 & 0xfff00));
	if (read_below(AT_FDCWD, path, text, sizeof(text)) <= 0 || (at = strstr(text, "DEVNAME=")) == NULL)
		return "";
	at += strlen("DEVNAME=");
	return iu_snapshot_string_n(s, at, strcspn(at, "\n"));
}

static bool in_this_directory(int base)
{
	struct stat theirs, ours;

	return fstatat(base, "cwd", &theirs, 0) == 0 && stat(".", &ours) == 0 && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}

static void describe_stat(struct inuse_snapshot *s, int base, struct inuse_process *p)
{
	struct iu_proc_stat stat;
	char text[2048];
	ssize_t n = read_below(base, "stat", text, sizeof(text));

	if (n <= 0 || !iu_proc_parse_stat(text, (size_t)n, &stat))
		return;
	p->ppid = stat.ppid;
	p->status = stat.status;
	p->dies_of_term = stat.dies_of_term;
	p->started_ns = ticks_to_ns(stat.start_ticks);
	p->tty = terminal(s, stat.tty);
}

static void describe_user(struct inuse_snapshot *s, int base, struct inuse_process *p)
{
	char text[4096];
	ssize_t n = read_below(base, "status", text, sizeof(text));

	if (n <= 0 || !iu_proc_parse_uid(text, (size_t)n, &p->uid))
		return;
	p->user = user_name(s, p->uid);
	p->same_dir = p->uid == geteuid() && in_this_directory(base);
}

static void describe_group(struct inuse_snapshot *s, int base, struct inuse_process *p)
{
	struct iu_proc_cgroup group;
	char text[8192];
	ssize_t n = read_below(base, "cgroup", text, sizeof(text));

	if (n <= 0)
		return;
	iu_proc_parse_cgroup(text, (size_t)n, &group);
	p->unit = iu_snapshot_string(s, group.unit);
	p->user_unit = group.user_unit;
	p->container = iu_snapshot_string(s, group.container);
	p->container_kind = iu_snapshot_string(s, group.container_kind);
}

/* One that /proc hides, or that is there without a /proc, has a number and no more; one that has ended has nothing open. */
static bool is_running(int32_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

enum inuse_status iu_proc_describe(struct inuse_snapshot *s, int32_t pid, struct inuse_process *ret_process)
{
	struct inuse_process p = {.pid = pid, .uid = UINT32_MAX, .comm = "", .user = "", .exe = "", .args = "", .cwd = "",
				  .tty = "", .unit = "", .socket_unit = "", .container = "", .container_kind = ""};
	char path[32], text[ARGS_MAX + 1];
	ssize_t n;
	int base;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	base = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (base < 0 && is_running(pid)) {
		*ret_process = p;
		return INUSE_OK;
	}
	if (base < 0)
		return INUSE_E_SYSTEM;
	n = read_below(base, "comm", text, sizeof(text));
	if (n <= 0) {
		close(base);
		return INUSE_E_SYSTEM;
	}
	p.comm = iu_snapshot_string_n(s, text, text[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n);
	n = read_below(base, "cmdline", text, sizeof(text));
	if (n > 0)
		p.args = iu_snapshot_string_n(s, text, iu_proc_join_args(text, (size_t)n));
	p.exe = link_below(s, base, "exe");
	p.cwd = link_below(s, base, "cwd");
	describe_stat(s, base, &p);
	describe_user(s, base, &p);
	describe_group(s, base, &p);
	close(base);
	*ret_process = p;
	return INUSE_OK;
}
