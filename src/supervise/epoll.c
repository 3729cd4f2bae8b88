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
 */
#include "supervise/epoll.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

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

static bool read_set(const struct iu_caller *caller, int32_t number, uint64_t inode, struct iu_registrations *ret)
{
	uint64_t data, found;
	uint32_t events;
	char path[80], line[256];
	int epoll = -1;
	bool ok = true;
	int32_t fd;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", caller->tid, number);
	f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT;
	while (ok && fgets(line, sizeof(line), f) != NULL) {
		if (!parse(line, &fd, &events, &data, &found) || found != inode)
			continue;
		if (epoll < 0 && iu_caller_fd(caller, number, &epoll) != IU_REACH_OK)
			ok = false;
		ok = ok && add(ret, epoll, fd, events, data);
	}
	if (epoll >= 0)
		close(epoll);
	fclose(f);
	return ok;
}

bool iu_epoll_read(const struct iu_caller *caller, const int32_t *epolls, size_t n, uint64_t inode, struct iu_registrations *ret)
{
	for (size_t i = 0; i < n; i++)
		if (!read_set(caller, epolls[i], inode, ret))
			return false;
	return true;
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
