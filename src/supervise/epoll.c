/* SPDX-License-Identifier: MIT */
/*
 * Registrations of a socket with epoll.
 *
 * Theory of operation
 *
 * A program may register a socket before it binds it (Asio does). The registration belongs to the open file, not to the
 * number; when another socket is put under that number, the old registration goes with the old socket, and the program
 * would wait for ever. What was registered, for what and with which data, stands in /proc/PID/fdinfo of the epoll set.
 * The kernel keeps a registration by open file and number (linux v6.18 fs/eventpoll.c ep_find()), and the program will
 * name its own number when it changes or removes it. So it has to be made under that very number, where inuse may have something
 * else: a child process, which has a table of descriptors for itself, makes them.
 *
 * A server with thousands of sockets mostly has them all in one set, and asks for each. To read the whole set each time takes
 * as long as all of them together. So of the last few processes it is remembered which of their descriptors are epoll
 * sets, until somebody makes a new one (a call that is trapped). A set that has few registrations is read; of one that has
 * many, kcmp(2) tells whether the socket is in it under the number of the call, and only if it is, the set is read. Not found
 * are then, in a set of many, a registration under another number, closed since; and one in a set that came from
 * another process in a message since the last look. No program is known that does either.
 */
#include "supervise/epoll.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/call.h"
#include "supervise/tree.h"

/* A process that has more sets than this is not looked after. */
#define SETS_MAX 256
/* Processes whose sets are remembered. */
#define KEPT 8
/* As many registrations are read at each call; linux v6.18: 0.1 ms. */
#define FEW 128
/* Different sockets that were registered under one number. */
#define DEPTH_MAX 8

struct set {
	int32_t number;
	size_t registrations; /* at the last reading */
};

struct kept {
	int32_t tid; /* 0: nothing is kept here */
	uint64_t started;
	unsigned made;
	struct set sets[SETS_MAX];
	size_t n; /* may be more than there is room for */
};

/* As long-lived as the process. */
static struct kept all[KEPT];

static bool add(struct iu_registrations *r, int epoll, int32_t fd, uint32_t events, uint64_t data)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8;
		void *list = realloc(r->list, cap * sizeof(*r->list));

		if (list == NULL)
			return false;
		r->list = list;
		r->cap = cap;
	}
	r->list[r->n].epoll = fcntl(epoll, F_DUPFD_CLOEXEC, 10);
	r->list[r->n].fd = fd;
	r->list[r->n].events = events;
	r->list[r->n].data = data;
	return r->list[r->n++].epoll >= 0;
}

/* One line of fdinfo; linux v6.18 fs/eventpoll.c ep_show_fdinfo(). False: it is none of a registration. */
static bool parse(const char *line, int32_t *ret_fd, uint32_t *ret_events, uint64_t *ret_data, uint64_t *ret_inode)
{
	unsigned long long data, inode;
	long long position;

	if (sscanf(line, "tfd: %d events: %x data: %llx pos:%lli ino:%llx", ret_fd, ret_events, &data, &position, &inode) != 5)
		return false;
	*ret_data = data;
	*ret_inode = inode;
	return true;
}

static bool read_set(const struct iu_caller *caller, struct set *set, uint64_t inode, struct iu_registrations *ret)
{
	uint64_t data, found;
	uint32_t events;
	char path[80], line[256];
	int epoll = -1;
	bool ok = true;
	int32_t fd;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", caller->tid, set->number);
	f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT;
	set->registrations = 0;
	while (ok && fgets(line, sizeof(line), f) != NULL) {
		if (!parse(line, &fd, &events, &data, &found))
			continue;
		set->registrations++;
		if (found != inode)
			continue;
		if (epoll < 0 && iu_caller_fd(caller, set->number, &epoll) != IU_REACH_OK)
			ok = false;
		ok = ok && add(ret, epoll, fd, events, data);
	}
	if (epoll >= 0)
		close(epoll);
	fclose(f);
	return ok;
}

/* ----------------------------------------------------------------------------------------- which sets there are */

static void add_set(void *arg, int32_t pid, int32_t fd, uint64_t inode)
{
	struct kept *k = arg;

	if (inode == IU_TREE_EPOLL && k->n++ < SETS_MAX)
		k->sets[k->n - 1] = (struct set){fd, 0};
}

static void look_again(struct kept *k)
{
	k->n = 0;
	if (!iu_tree_each_fd(k->tid, add_set, k))
		k->tid = 0;
}

static struct kept *find(int32_t tid, unsigned made)
{
	struct kept *k = &all[(uint32_t)tid % KEPT];
	uint64_t started = iu_status_started(tid);

	if (k->tid == tid && k->started == started && k->made == made)
		return k;
	k->tid = tid;
	k->started = started;
	k->made = made;
	look_again(k);
	return k;
}

enum finding { NOT_IN_IT, MAYBE_IN_IT, NO_SET };

/* linux v6.18 kernel/kcmp.c kcmp_epoll_target() */
static enum finding ask(const struct iu_caller *caller, const struct set *set, int fd, int32_t number)
{
	for (uint32_t depth = 0; depth < DEPTH_MAX; depth++) {
		struct kcmp_epoll_slot slot = {(uint32_t)set->number, (uint32_t)number, depth};
		long same = syscall(SYS_kcmp, getpid(), caller->tid, KCMP_EPOLL_TFD, fd, &slot);

		if (same < 0 && errno == ENOENT)
			return NOT_IN_IT;
		if (same < 0 && (errno == EBADF || errno == EINVAL))
			return NO_SET;
		if (same <= 0)
			return MAYBE_IN_IT;
	}
	return MAYBE_IN_IT;
}

/* False: what was remembered is of no use any more. */
static bool read_where_it_may_be(const struct iu_caller *caller, struct kept *k, int fd, int32_t number, bool *ret_ok,
				 struct iu_registrations *ret)
{
	uint64_t inode = iu_call_inode(fd);

	*ret_ok = k->tid != 0 && k->n <= SETS_MAX;
	for (size_t i = 0; *ret_ok && i < k->n; i++) {
		enum finding finding = ask(caller, &k->sets[i], fd, number);

		if (finding == NO_SET)
			return false;
		if (finding == MAYBE_IN_IT || k->sets[i].registrations <= FEW)
			*ret_ok = read_set(caller, &k->sets[i], inode, ret);
	}
	return true;
}

bool iu_epoll_read(const struct iu_caller *caller, unsigned made, int fd, int32_t number, struct iu_registrations *ret)
{
	struct kept *k = find(caller->tid, made);
	bool ok;

	if (read_where_it_may_be(caller, k, fd, number, &ok, ret))
		return ok;
	iu_epoll_done(ret);
	look_again(k);
	/* where kcmp is not to be had, that is no set either */
	return read_where_it_may_be(caller, k, fd, number, &ok, ret) ? ok : iu_epoll_read_all(caller, iu_call_inode(fd), ret);
}

bool iu_epoll_read_all(const struct iu_caller *caller, uint64_t inode, struct iu_registrations *ret)
{
	struct kept *k = find(caller->tid, 0);
	bool ok;

	iu_epoll_done(ret);
	look_again(k);
	ok = k->tid != 0 && k->n <= SETS_MAX;
	for (size_t i = 0; ok && i < k->n; i++)
		ok = read_set(caller, &k->sets[i], inode, ret);
	return ok;
}

/* In the child. */
static bool make_all(const struct iu_registrations *r, int fd)
{
	int highest = fd;

	for (size_t i = 0; i < r->n; i++)
		highest = r->list[i].fd > highest ? r->list[i].fd : highest;
	/* out of the way of every number that is needed */
	fd = fcntl(fd, F_DUPFD, highest + 1);
	for (size_t i = 0; i < r->n; i++)
		r->list[i].epoll = fcntl(r->list[i].epoll, F_DUPFD, highest + 1);
	for (size_t i = 0; i < r->n; i++) {
		struct epoll_event event = {.events = r->list[i].events, .data.u64 = r->list[i].data};

		if (dup2(fd, r->list[i].fd) < 0 ||
		    (epoll_ctl(r->list[i].epoll, EPOLL_CTL_ADD, r->list[i].fd, &event) != 0 && errno != EEXIST))
			return false;
	}
	return true;
}

bool iu_epoll_restore(const struct iu_registrations *r, int fd)
{
	int status = 1;
	pid_t pid;

	if (r->n == 0)
		return true;
	pid = fork();
	if (pid == 0)
		_exit(make_all(r, fd) ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void iu_epoll_done(struct iu_registrations *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].epoll >= 0)
			close(r->list[i].epoll);
	free(r->list);
	*r = (struct iu_registrations){0};
}
