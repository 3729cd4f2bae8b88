/* SPDX-License-Identifier: MIT */
/*
 * Ending processes on Windows.
 *
 * There is no SIGTERM: a program with a window can be asked to close it, one of the console only by a program of its own
 * console. So a process is ended at once (TerminateProcess), after the plan was shown. A handle is as good as a pidfd: as long as
 * it is open the number is given to no other process.
 */
#include "cure/stop_own.h"

#include <errno.h>

#include "compat/windows.h"
#include "host/host.h"
#include "host/windows.h"

#define SECOND INT64_C(1000000000)
#define HALF_A_SECOND_MS 500

/* Is `pid` this process, or one that started it? A number of a parent may be somebody else's by now: then one too many is spared. */
static bool is_above_us(uint32_t pid)
{
	uint32_t at = GetCurrentProcessId();

	for (int i = 0; i < 128 && at != 0; i++) {
		if (at == pid)
			return true;
		at = iu_windows_parent(at);
	}
	return false;
}

enum iu_stop_why_not iu_stop_judge(const struct inuse_process *p, bool insist)
{
	if (p->pid <= 0 || p->pid == IU_WINDOWS_SYSTEM_PID)
		return IU_STOP_INIT;
	if (p->status == 'X')
		return IU_STOP_ENDED;
	return is_above_us((uint32_t)p->pid) ? IU_STOP_SELF : IU_STOP_MAY;
}

enum iu_stop_why_not iu_stop_open(const struct inuse_process *p, int *ret_pidfd)
{
	HANDLE process = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)p->pid);
	int64_t apart;

	if (process == NULL)
		return GetLastError() == ERROR_ACCESS_DENIED ? IU_STOP_DENIED : IU_STOP_CHANGED;
	apart = iu_windows_started_ns(process) - p->started_ns;
	/* a start is told on another clock than ours, and a number is not given out again within a second */
	if ((p->started_ns != 0 && (apart > SECOND || apart < -SECOND)) || WaitForSingleObject(process, 0) == WAIT_OBJECT_0) {
		CloseHandle(process);
		return IU_STOP_CHANGED;
	}
	*ret_pidfd = (int)(intptr_t)process;
	return IU_STOP_MAY;
}

static HANDLE handle_of(const struct iu_stop_target *t)
{
	return (HANDLE)(intptr_t)t->pidfd;
}

void iu_stop_close(struct iu_stop_target *t)
{
	if (t->pidfd != -1)
		CloseHandle(handle_of(t));
	t->pidfd = -1;
}

struct search {
	const struct iu_stop_target *target;
	bool found;
};

static bool look_at(void *arg, const struct inuse_socket *socket, uint32_t pid)
{
	struct search *search = arg;

	search->found |= socket->local.port == search->target->port && pid == (uint32_t)search->target->process->pid;
	return !search->found;
}

/* Does it still hold a socket of the port? True also where that cannot be read. */
static bool still_holds(const struct iu_stop_target *t)
{
	struct search search = {.target = t};

	return iu_windows_table(4, look_at, &search, NULL) < 0 || iu_windows_table(6, look_at, &search, NULL) < 0 || search.found;
}

static void end(struct iu_stop_target *t)
{
	if (WaitForSingleObject(handle_of(t), 0) == WAIT_OBJECT_0 || (!t->signalled && t->port != 0 && !still_holds(t)))
		t->ended = true;
	else if (TerminateProcess(handle_of(t), 1))
		t->signalled = true;
	else
		t->os_code = EPERM;
}

/* fd: that of iu_system_catch_interrupts(). False: it was readable. */
static bool await_end(struct iu_stop_target *t, int64_t until_ns, int fd)
{
	HANDLE handles[2] = {handle_of(t), fd >= 0 ? iu_windows_interrupt_event() : NULL};
	int64_t left_ms = (until_ns - iu_host_now()) / 1000000;
	DWORD rc = WaitForMultipleObjects(handles[1] != NULL ? 2 : 1, handles, FALSE,
					  left_ms <= 0 ? 0 : left_ms > 60000 ? 60000 : (DWORD)left_ms);

	t->ended |= rc == WAIT_OBJECT_0;
	return rc != WAIT_OBJECT_0 + 1;
}

bool iu_stop_apply(struct iu_stop_plan *plan, enum iu_stop_how how, int64_t until_ns, int fd)
{
	for (int follows = 0; follows < 2; follows++) {
		for (size_t i = 0; i < plan->n; i++) {
			struct iu_stop_target *t = &plan->targets[i];

			if (t->follows != (follows != 0) || !iu_stop_is_left(t))
				continue;
			/* a worker whose master goes ends by itself, mostly */
			if (follows && !t->signalled && WaitForSingleObject(handle_of(t), HALF_A_SECOND_MS) == WAIT_OBJECT_0)
				t->ended = true;
			else
				end(t);
		}
		for (size_t i = 0; i < plan->n; i++)
			if (iu_stop_is_left(&plan->targets[i]) && plan->targets[i].signalled &&
			    !await_end(&plan->targets[i], until_ns, fd))
				return false;
	}
	return true;
}
