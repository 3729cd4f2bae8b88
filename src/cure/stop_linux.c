/* SPDX-License-Identifier: MIT */
/* Ending processes on Linux: pidfds and signals. */
#include "cure/stop_own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/host.h"
#include "host/proc_parse.h"
#include "model/judge.h"

static bool read_stat(int32_t pid, struct iu_proc_stat *ret)
{
	char path[64], text[1024];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text));
		close(fd);
	}
	return len > 0 && iu_proc_parse_stat(text, (size_t)len, ret);
}

/* Is `pid` this process, or above it? A chain of parents ends at 0; it is cut where processes change under the walk. */
static bool is_above_us(int32_t pid)
{
	struct iu_proc_stat stat = {.ppid = getpid()};

	for (int i = 0; i < 128 && stat.ppid > 0; i++) {
		if (stat.ppid == pid)
			return true;
		if (!read_stat(stat.ppid, &stat))
			return false;
	}
	return false;
}

static int64_t start_ns(const struct iu_proc_stat *stat)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return ticks > 0 ? (int64_t)(stat->start_ticks * (1000000000ull / (uint64_t)ticks)) : 0;
}

/* Opens the process if it is still the one that was seen. */
enum iu_stop_why_not iu_stop_open(const struct inuse_process *p, int *ret_pidfd)
{
	int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	struct iu_proc_stat stat;
	int64_t apart;

	if (fd < 0)
		return errno == ESRCH || errno == EINVAL ? IU_STOP_CHANGED : IU_STOP_UNSURE;
	apart = read_stat(p->pid, &stat) ? start_ns(&stat) - p->started_ns : INT64_MAX;
	/* a number is not used again within a tick */
	if (p->started_ns != 0 && (apart > 10000000 || apart < -10000000)) {
		close(fd);
		return IU_STOP_CHANGED;
	}
	*ret_pidfd = fd;
	return IU_STOP_MAY;
}

enum iu_stop_why_not iu_stop_judge(const struct inuse_process *p, bool insist)
{
	struct iu_proc_stat own;

	if (p->pid <= 0)
		return IU_STOP_ELSEWHERE;
	if (p->socket_unit[0] != 0 || p->pid == 1)
		return p->socket_unit[0] != 0 ? IU_STOP_UNIT : IU_STOP_INIT;
	if (!read_stat(getpid(), &own))
		return IU_STOP_UNSURE;
	if (is_above_us(p->pid))
		return IU_STOP_SELF;
	switch (iu_manager_of(p)) {
	case IU_MANAGER_UNIT:
		return insist ? IU_STOP_MAY : IU_STOP_UNIT;
	case IU_MANAGER_CONTAINER:
		return insist ? IU_STOP_MAY : IU_STOP_CONTAINER;
	default:
		return IU_STOP_MAY;
	}
}

void iu_stop_close(struct iu_stop_target *t)
{
	if (t->pidfd >= 0)
		close(t->pidfd);
	t->pidfd = -1;
}

/* Does it still hold the socket? True also where that cannot be read. */
static bool still_holds(const struct iu_stop_target *t)
{
	char path[64], link[64];
	uint64_t inode;
	ssize_t len;

	if (t->fd < 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", t->process->pid, t->fd);
	len = readlink(path, link, sizeof(link));
	if (len < 0)
		return errno != ENOENT;
	return iu_proc_parse_socket_link(link, (size_t)len, &inode) && inode == t->inode;
}

static void send_signal(struct iu_stop_target *t, int signal)
{
	if (!iu_stop_is_left(t) || (!t->signalled && !still_holds(t)))
		t->ended |= iu_stop_is_left(t);
	else if (syscall(SYS_pidfd_send_signal, t->pidfd, signal, NULL, 0) == 0)
		t->signalled = true;
	else if (errno == ESRCH)
		t->ended = true;
	else
		t->os_code = errno;
	/* one that Ctrl-Z has stopped cannot act on it before it goes on */
	if (t->signalled && !t->ended && t->process->status == 'T')
		syscall(SYS_pidfd_send_signal, t->pidfd, SIGCONT, NULL, 0);
}

/* Waits for the end of those that were signalled. False: fd is readable. */
static bool await_ends(struct iu_stop_plan *plan, int64_t until_ns, int other)
{
	for (;;) {
		struct pollfd fds[IU_STOP_MAX + 1] = {{.fd = other, .events = POLLIN}};
		int64_t left_ms = (until_ns - iu_host_now()) / 1000000;
		size_t waiting = 0;

		for (size_t i = 0; i < plan->n; i++) {
			struct iu_stop_target *t = &plan->targets[i];
			bool wait = iu_stop_is_left(t) && t->signalled;

			fds[i + 1] = (struct pollfd){.fd = wait ? t->pidfd : -1, .events = POLLIN};
			waiting += wait;
		}
		if (waiting == 0 || left_ms <= 0)
			return true;
		if (poll(fds, plan->n + 1, left_ms < 60000 ? (int)left_ms + 1 : 60000) < 0 && errno != EINTR)
			return true;
		if (fds[0].revents != 0)
			return false;
		for (size_t i = 0; i < plan->n; i++)
			plan->targets[i].ended |= fds[i + 1].revents != 0;
	}
}

bool iu_stop_apply(struct iu_stop_plan *plan, enum iu_stop_how how, int64_t until_ns, int fd)
{
	int signal = how == IU_STOP_AT_ONCE ? SIGKILL : SIGTERM;

	for (int follows = 0; follows < 2; follows++) {
		for (size_t i = 0; i < plan->n; i++)
			if (plan->targets[i].follows == (follows != 0)) {
				/* a worker whose master goes ends by itself, mostly: it has half a second */
				if (follows && !plan->targets[i].signalled && iu_stop_is_left(&plan->targets[i]))
					poll(&(struct pollfd){.fd = plan->targets[i].pidfd, .events = POLLIN}, 1, 500);
				send_signal(&plan->targets[i], signal);
			}
		if (!await_ends(plan, until_ns, fd))
			return false;
	}
	return true;
}
