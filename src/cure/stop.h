/* SPDX-License-Identifier: MIT */
/*
 * Ending the processes that hold an address.
 *
 * Theory of operation
 *
 * A plan lists every process that holds a socket in the way: each is opened by a pidfd, and checked by its start time to be the
 * one that was seen, so that whatever is signalled later is that very process or nothing. Who must not be ended, or whose end
 * does not help because somebody starts it again, is listed with the reason and never signalled unless the caller insists.
 * A process below another one in the plan (the worker of a master) follows it: it is signalled only if it outlives its master.
 */
#ifndef IU_CURE_STOP_H
#define IU_CURE_STOP_H

#include "cure/in_the_way.h"

enum iu_stop_why_not {
	IU_STOP_MAY, /* it may be ended */
	IU_STOP_INIT, /* process 1; on Windows the kernel, pid 4 */
	IU_STOP_SELF, /* this process, or an ancestor of it: the shell, the terminal, the login */
	IU_STOP_ELSEWHERE, /* in another pid namespace: it has no number here */
	IU_STOP_CHANGED, /* not the one that was seen any more, or gone */
	IU_STOP_UNSURE, /* whether it is that one, or one above this program, cannot be found out: no /proc, no pidfd_open() */
	IU_STOP_UNIT, /* systemd would start it again, or has its socket: insist, or stop the unit */
	IU_STOP_CONTAINER, /* it belongs to a container: insist, or stop that */
	IU_STOP_ENDED, /* Windows: it has ended, and a child has its socket */
	IU_STOP_DENIED, /* Windows: this user may not end it */
};

struct iu_stop_target {
	const struct inuse_process *process; /* borrowed from the facts */
	int pidfd; /* on Windows a handle; -1 when it is not to be ended */
	enum iu_stop_why_not why_not;
	bool follows; /* another one of the plan is above it */
	uint64_t inode; /* one of the sockets in the way that it holds, its port and its descriptor */
	uint16_t port;
	int32_t fd;
	bool signalled, ended;
	int os_code; /* why it could not be signalled, 0: it could */
};

#define IU_STOP_MAX 256
struct iu_stop_plan {
	struct iu_stop_target targets[IU_STOP_MAX];
	size_t n;
	bool more; /* there are still more than IU_STOP_MAX */
	uint64_t n_hidden; /* sockets in the way whose processes are hidden from this user */
};

/*
 * Who has to end so that the sockets in the way are closed. facts: sockets (those in the way only), holders and processes.
 * Clients that got the port from the kernel are not looked at. insist: units and containers, too. End it with
 * iu_stop_plan_done().
 */
void iu_stop_plan(const struct iu_facts *facts, bool insist, struct iu_stop_plan *ret);
void iu_stop_plan_done(struct iu_stop_plan *plan);
/* How many may be ended, and have not ended. */
size_t iu_stop_left(const struct iu_stop_plan *plan);

/* SIGTERM and SIGKILL. Windows asks nobody: it ends a process at once either way. */
enum iu_stop_how { IU_STOP_ASKING, IU_STOP_AT_ONCE };

/*
 * Sends the signal to those that may be ended and have not: first to those that follow nobody, and to the others once
 * these have ended. A process that has let go of its socket meanwhile is left alone. Waits for their end until
 * iu_host_now() is until_ns, or fd (-1: none) is readable: then false.
 */
bool iu_stop_apply(struct iu_stop_plan *plan, enum iu_stop_how how, int64_t until_ns, int fd);

#endif
