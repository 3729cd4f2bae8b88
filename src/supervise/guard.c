/* SPDX-License-Identifier: MIT */
/*
 * A second process that stands by.
 *
 * Theory of operation
 *
 * inuse and the program are in one process group, as the shell made it. A signal to the group (Ctrl-C, `kill %1`, a service
 * manager that ends everybody) reaches the program by itself; one to inuse alone has to be passed on. A process cannot
 * tell which of the two it got. The guard, which nobody knows, is in the group as well and blocks everything: what
 * it gets is for the group, and it reports that.
 *
 * It also holds a duplicate of every listener of the filter. If inuse is killed, the kernel would answer every bind of the
 * programs that go on with ENOSYS; the guard lets them through instead, unsupervised, until the last of them has ended.
 * Which calls inuse had taken in hand stands in a shared page.
 *
 * When the program is stopped (Ctrl-Z), inuse stops itself, so that the shell sees it. If then only the program is
 * continued, the guard continues inuse.
 */
#include "supervise/guard.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/seccomp.h"
#include "supervise/status.h"

/* Generations whose programs may still be alive, at most. */
#define LISTENERS_MAX 256
#define LOOK_MS 200

enum kind { WATCH, STOPPING, ASK };

struct order {
	enum kind kind;
	int32_t number; /* WATCH: of the listener; STOPPING: pid of the program; ASK: of the question */
};

/* The guard's own side. */
struct post {
	int channel, signals;
	pid_t parent;
	int listeners[LISTENERS_MAX];
	int32_t stopped; /* the program that was stopped with inuse, 0 none */
	struct iu_guard_page *page;
};

/* ---------------------------------------------------------------------------------- on the guard's side */

static void close_others(const int *keep, size_t n)
{
	for (int fd = 0; fd < 1024; fd++) {
		bool kept = false;

		for (size_t i = 0; i < n; i++)
			kept |= keep[i] == fd;
		if (!kept)
			close(fd);
	}
	syscall(SYS_close_range, 1024U, ~0U, 0U);
}

static int read_fd(struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static void say(const struct post *post, struct iu_guard_report report)
{
	send(post->channel, &report, sizeof(report), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void report(const struct post *post)
{
	struct signalfd_siginfo info;

	while (read(post->signals, &info, sizeof(info)) == sizeof(info))
		say(post, (struct iu_guard_report){.signal = (int32_t)info.ssi_signo});
}

/* False when inuse has gone. */
static bool take_order(struct post *post)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct order order;
	struct iovec part = {&order, sizeof(order)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(post->channel, &message, MSG_CMSG_CLOEXEC);

	if (n != sizeof(order))
		return n < 0 && errno == EINTR;
	if (order.kind == STOPPING)
		post->stopped = order.number;
	if (order.kind == ASK) {
		report(post);
		say(post, (struct iu_guard_report){.question = (uint32_t)order.number});
	}
	if (order.kind == WATCH && order.number >= 0 && order.number < LISTENERS_MAX) {
		if (post->listeners[order.number] >= 0)
			close(post->listeners[order.number]);
		post->listeners[order.number] = read_fd(&message);
	}
	return true;
}

/* The program runs again, and inuse, which stopped with it, does not. */
static void wake_parent(struct post *post)
{
	if (iu_status_is_stopped(post->stopped))
		return;
	post->stopped = 0;
	kill(post->parent, SIGCONT);
}

/* inuse is gone: every call goes through, until nobody is left. */
static void let_all_go(struct post *post)
{
	struct pollfd pfds[LISTENERS_MAX];
	struct iu_notice notice;
	size_t n = 0;

	for (int i = 0; i < IU_GUARD_CALLS; i++) {
		uint64_t id = atomic_load(&post->page->calls[i].id);
		uint32_t listener = atomic_load(&post->page->calls[i].listener);

		if (id != 0 && listener < LISTENERS_MAX && post->listeners[listener] >= 0)
			iu_seccomp_let_go(post->listeners[listener], id);
	}
	for (int i = 0; i < LISTENERS_MAX; i++)
		if (post->listeners[i] >= 0)
			pfds[n++] = (struct pollfd){.fd = post->listeners[i], .events = POLLIN};
	for (size_t left = n; left > 0;) {
		if (poll(pfds, n, -1) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < n; i++) {
			if (pfds[i].fd < 0 || pfds[i].revents == 0)
				continue;
			if ((pfds[i].revents & POLLIN) != 0) {
				if (iu_seccomp_receive(pfds[i].fd, &notice) == IU_RECEIVED)
					iu_seccomp_let_go(pfds[i].fd, notice.id);
			} else {
				pfds[i].fd = -1;
				left--;
			}
		}
	}
}

static _Noreturn void stand_guard(struct post *post)
{
	struct pollfd pfds[2] = {{.fd = post->channel, .events = POLLIN}, {.fd = post->signals, .events = POLLIN}};
	bool alive = true;

	while (alive) {
		int n = poll(pfds, 2, post->stopped != 0 ? LOOK_MS : -1);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0 && pfds[1].revents != 0)
			report(post);
		if (n > 0 && pfds[0].revents != 0)
			alive = take_order(post);
		if (post->stopped != 0)
			wake_parent(post);
	}
	close(post->channel);
	close(post->signals);
	let_all_go(post);
	_exit(0);
}

static _Noreturn void become_guard(struct iu_guard *guard, int channel, pid_t parent)
{
	struct post post = {.channel = channel, .parent = parent, .page = guard->page};
	sigset_t all;

	sigfillset(&all);
	post.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	for (int i = 0; i < LISTENERS_MAX; i++)
		post.listeners[i] = -1;
	close_others((int[]){channel, post.signals}, 2);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	stand_guard(&post);
}

/* -------------------------------------------------------------------------------------- on inuse's side */

void iu_guard_begin(struct iu_guard *guard)
{
	int ends[2];
	pid_t parent = getpid();

	*guard = (struct iu_guard){.channel = -1};
	guard->page = mmap(NULL, sizeof(*guard->page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guard->page == MAP_FAILED) {
		guard->page = NULL;
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return;
	guard->pid = fork();
	if (guard->pid == 0) {
		close(ends[0]);
		become_guard(guard, ends[1], parent);
	}
	close(ends[1]);
	guard->channel = ends[0];
	if (guard->pid < 0) {
		close(ends[0]);
		guard->channel = -1;
		guard->pid = 0;
	}
}

static void order_guard(const struct iu_guard *guard, enum kind kind, int32_t number, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct order order = {kind, number};
	struct iovec part = {&order, sizeof(order)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (guard->channel < 0)
		return;
	if (fd >= 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	/* the guard reads all the time; a full queue means that it is dead or stopped, and nothing hangs on it */
	sendmsg(guard->channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

uint32_t iu_guard_watch(struct iu_guard *guard, int listener)
{
	uint32_t number = guard->listeners++ % LISTENERS_MAX;

	order_guard(guard, WATCH, (int32_t)number, listener);
	return number;
}

int iu_guard_enter(struct iu_guard *guard, uint32_t listener, uint64_t id)
{
	if (guard->page == NULL)
		return 0;
	for (int i = 0; i < IU_GUARD_CALLS; i++)
		if (atomic_load(&guard->page->calls[i].id) == 0) {
			atomic_store(&guard->page->calls[i].listener, listener);
			atomic_store(&guard->page->calls[i].id, id);
			return i;
		}
	return -1;
}

void iu_guard_leave(struct iu_guard *guard, int slot)
{
	if (guard->page != NULL && slot >= 0)
		atomic_store(&guard->page->calls[slot].id, 0);
}

bool iu_guard_hear(struct iu_guard *guard, struct iu_guard_report *ret, bool *ret_gone)
{
	ssize_t n;

	*ret_gone = false;
	if (guard->channel < 0)
		return false;
	n = recv(guard->channel, ret, sizeof(*ret), MSG_DONTWAIT);
	*ret_gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	return n == sizeof(*ret);
}

void iu_guard_ask(struct iu_guard *guard, uint32_t question)
{
	order_guard(guard, ASK, (int32_t)question, -1);
}

void iu_guard_stopping(struct iu_guard *guard, int32_t program)
{
	order_guard(guard, STOPPING, program, -1);
}

void iu_guard_done(struct iu_guard *guard)
{
	/* it has nothing to tidy up */
	if (guard->pid > 0 && kill(guard->pid, SIGKILL) == 0)
		while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (guard->channel >= 0)
		close(guard->channel);
	if (guard->page != NULL)
		munmap(guard->page, sizeof(*guard->page));
	*guard = (struct iu_guard){.channel = -1};
}
