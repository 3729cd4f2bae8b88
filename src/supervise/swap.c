/* SPDX-License-Identifier: MIT */
/*
 * The exchange of the program's new socket for a held one.
 *
 * Theory of operation
 *
 * The new socket must vanish from everywhere, or somebody would go on with one that has no port. Mostly it is open under one number
 * in one process. To look for others takes as long as the processes have descriptors, and a server with thousands of
 * sockets would wait for minutes. So the one number is exchanged, and then a *witness* is asked whether that was all: an epoll set
 * that the new socket was put into. A registration does not keep a file open, and a socket that is not bound is always
 * ready (EPOLLHUP; linux v6.18 net/ipv4/tcp.c tcp_poll()). An open file that nobody has any more is never reported as ready,
 * from the moment that the last one has given it up (fs/eventpoll.c epi_fget()). So silence is proof; it covers what
 * no list shows, too: a descriptor that is on its way in a message, another thread in a call. inuse itself closes its duplicate
 * before it asks.
 *
 * If the witness speaks, it is looked where else the socket is. Other numbers of the same process are exchanged as well. If another
 * process has it, which would stay with the new one, the exchange is taken back: the new socket, as it is there, goes
 * where it was. Its registrations were never gone. A kernel before 6.9 has a witness that always speaks; then every exchange
 * takes that look.
 *
 * What was read of the program counts only while the call still waits; the kernel refuses to put a descriptor into a
 * call that does not (SECCOMP_IOCTL_NOTIF_ADDFD). Another thread may close the number meanwhile, so whether it is still
 * that socket is looked at last of all.
 */
#include "supervise/swap.h"

#include <linux/kcmp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervise/epoll.h"
#include "supervise/tree.h"

/* A socket that is open under more numbers than this is not exchanged. */
#define NUMBERS_MAX 16

struct exchange {
	struct iu_supervisor *s;
	struct iu_waiting_call *w;
	int held;
	uint64_t inode; /* of the new socket */
	bool cloexec;   /* as the program has it under the number of the call */
};

/* ------------------------------------------------------------------------------------------- the witness */

static bool speaks(int witness)
{
	struct epoll_event event;

	return epoll_wait(witness, &event, 1, 0) != 0;
}

/* -1: there is none, or one that does not see the socket while it is there. */
static int make_witness(int fd)
{
	struct epoll_event event = {0};
	int witness = epoll_create1(EPOLL_CLOEXEC);

	if (witness >= 0 && epoll_ctl(witness, EPOLL_CTL_ADD, fd, &event) == 0 && speaks(witness))
		return witness;
	if (witness >= 0)
		close(witness);
	return -1;
}

/* -------------------------------------------------------------------------------------------- the numbers */

static bool is_new_socket(int fd, uint64_t inode)
{
	return iu_call_inode(fd) == inode;
}

static bool put(struct exchange *x, int32_t number, bool cloexec)
{
	bool same;
	int fd;

	if (iu_caller_fd(&x->w->caller, number, &fd) != IU_REACH_OK)
		return false;
	same = is_new_socket(fd, x->inode);
	close(fd);
	return same && iu_seccomp_put_fd(x->w->generation->listener, x->w->id, x->held, number, cloexec);
}

struct place {
	uint64_t inode;
	int32_t pid; /* 0: the caller */
	int32_t list[NUMBERS_MAX];
	size_t n; /* may be more than there is room for */
};

static void add_number(void *arg, int32_t pid, int32_t fd, uint64_t inode)
{
	struct place *place = arg;

	if (inode != place->inode)
		return;
	place->pid = pid;
	if (place->n < NUMBERS_MAX)
		place->list[place->n] = fd;
	place->n++;
}

/* A thread may have descriptors of its own; then those of its process are another's. */
static bool has_those_of_its_process(const struct iu_caller *caller)
{
	return caller->tid == caller->pid || syscall(SYS_kcmp, caller->tid, caller->pid, KCMP_FILES, 0, 0) == 0;
}

/* Looks for the new socket with everybody but the caller. */
static void look_elsewhere(struct exchange *x, struct place *ret)
{
	bool own = has_those_of_its_process(&x->w->caller);
	struct iu_tree tree = {0};

	iu_tree_read_below(&tree, getpid());
	for (size_t i = 0; ret->n == 0 && i < tree.n; i++)
		if ((tree.list[i].pid != x->w->caller.pid || !own) && iu_children_is_of_program(x->s, &tree, &tree.list[i]))
			iu_tree_each_fd(tree.list[i].pid, add_number, ret);
	iu_tree_done(&tree);
}

/* -1: it is not there any more. */
static int fetch(const struct exchange *x, const struct place *from)
{
	int pidfd = from->pid == 0 ? -1 : iu_pidfd_open(from->pid, false);
	int fd = pidfd < 0 ? -1 : iu_pidfd_getfd(pidfd, from->list[0]);

	if (pidfd >= 0)
		close(pidfd);
	if (from->pid == 0 && iu_caller_fd(&x->w->caller, from->list[0], &fd) != IU_REACH_OK)
		return -1;
	if (fd >= 0 && !is_new_socket(fd, x->inode)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Puts the new socket where it was. False: who else had it has given it up meanwhile. */
static bool take_back(struct exchange *x, const struct place *from)
{
	int fd = fetch(x, from);

	if (fd < 0)
		return false;
	iu_seccomp_put_fd(x->w->generation->listener, x->w->id, fd, x->w->call.fd, x->cloexec);
	x->w->fd = fd;
	return true;
}

/* It is still somewhere: the rest is exchanged. False: that cannot be, and was taken back. */
static bool put_elsewhere(struct exchange *x, struct iu_registrations *registrations, bool *ret_epoll_ok)
{
	struct place here = {.inode = x->inode}, elsewhere = {.inode = x->inode};

	iu_tree_each_fd(x->w->caller.tid, add_number, &here);
	here.pid = 0;
	if (here.n > NUMBERS_MAX && take_back(x, &here))
		return false;
	look_elsewhere(x, &elsewhere);
	if (elsewhere.n > 0 && take_back(x, &elsewhere))
		return false;
	if (here.n > 0) {
		iu_epoll_done(registrations);
		*ret_epoll_ok = iu_epoll_read_all(&x->w->caller, x->inode, registrations);
	}
	for (size_t i = 0; i < here.n && i < NUMBERS_MAX; i++)
		put(x, here.list[i], iu_caller_fd_cloexec(&x->w->caller, here.list[i]));
	return true;
}

enum iu_swap_end iu_swap(struct iu_supervisor *s, struct iu_waiting_call *w, int held, bool *ret_epoll_ok)
{
	struct exchange x = {s, w, held, iu_call_inode(w->fd), iu_caller_fd_cloexec(&w->caller, w->call.fd)};
	struct iu_registrations registrations = {0};
	enum iu_swap_end end = IU_SWAP_NONE;
	int witness;

	*ret_epoll_ok = iu_epoll_read(&w->caller, s->epoll_sets, w->fd, w->call.fd, &registrations);
	witness = make_witness(w->fd);
	if (put(&x, w->call.fd, x.cloexec)) {
		close(w->fd);
		w->fd = -1;
		end = IU_SWAP_MADE;
		if ((witness < 0 || speaks(witness)) && !put_elsewhere(&x, &registrations, ret_epoll_ok))
			end = IU_SWAP_SPREAD;
	}
	if (end == IU_SWAP_MADE)
		*ret_epoll_ok = iu_epoll_restore(&registrations, held) && *ret_epoll_ok;
	if (witness >= 0)
		close(witness);
	iu_epoll_done(&registrations);
	return end;
}
