/* SPDX-License-Identifier: MIT */
/* What wakes somebody who waits for an address on Windows: processes that end, and Ctrl-C. Nothing tells of sockets there. */
#include <stdlib.h>

#include "base/error.h"
#include "base/gettext.h"
#include "compat/windows.h"
#include "host/host.h"
#include "host/watch.h"

#define MAX_PROCESSES (MAXIMUM_WAIT_OBJECTS - 1) /* and the event of Ctrl-C */

struct iu_watch {
	HANDLE processes[MAX_PROCESSES];
	DWORD n;
	bool one_is_gone; /* a process had ended before it could be watched */
};

enum inuse_status iu_watch_new(const uint16_t *ports, size_t n_ports, bool routes, struct iu_watch **ret_watch,
			       struct inuse_error *error)
{
	struct iu_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "watch", _("out of memory"));
	*ret_watch = w;
	return INUSE_OK;
}

static void forget_processes(struct iu_watch *w)
{
	while (w->n > 0)
		CloseHandle(w->processes[--w->n]);
	w->one_is_gone = false;
}

void iu_watch_free(struct iu_watch *w)
{
	if (w == NULL)
		return;
	forget_processes(w);
	free(w);
}

bool iu_watch_sees_sockets(const struct iu_watch *w)
{
	return false;
}

bool iu_watch_for_listeners(struct iu_watch *w, uint16_t port)
{
	return false;
}

void iu_watch_processes(struct iu_watch *w, const int32_t *pids, size_t n)
{
	forget_processes(w);
	for (size_t i = 0; i < n && w->n < MAX_PROCESSES; i++) {
		HANDLE process = pids[i] > 0 ? OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pids[i]) : NULL;

		if (process != NULL)
			w->processes[w->n++] = process;
		else if (pids[i] > 0 && GetLastError() == ERROR_INVALID_PARAMETER)
			w->one_is_gone = true;
	}
}

void iu_watch_forget(struct iu_watch *w)
{
}

/* Milliseconds until then, at least one, as long as it has not come. */
static DWORD left_ms(int64_t until_ns)
{
	int64_t left = until_ns == INT64_MAX ? INT64_MAX : until_ns - iu_host_now();

	return left <= 0 ? 0 : left / 1000000 >= 60000 ? 60000 : (DWORD)(left / 1000000) + 1;
}

static void drop_process(struct iu_watch *w, DWORD i)
{
	CloseHandle(w->processes[i]);
	w->processes[i] = w->processes[--w->n];
}

/* fd: that of iu_system_catch_interrupts(). */
unsigned iu_watch_wait(struct iu_watch *w, unsigned want, int64_t until_ns, int fd)
{
	HANDLE handles[MAXIMUM_WAIT_OBJECTS], interrupt = fd >= 0 ? iu_windows_interrupt_event() : NULL;
	DWORD ms, rc, n = 0, first;

	if (w->one_is_gone && (want & IU_WATCH_PROCESS) != 0) {
		w->one_is_gone = false;
		return IU_WATCH_PROCESS;
	}
	if (interrupt != NULL)
		handles[n++] = interrupt;
	first = n;
	for (DWORD i = 0; i < w->n && (want & IU_WATCH_PROCESS) != 0; i++)
		handles[n++] = w->processes[i];
	while ((ms = left_ms(until_ns)) > 0) {
		if (n == 0) {
			Sleep(ms);
			continue;
		}
		rc = WaitForMultipleObjects(n, handles, FALSE, ms);
		if (rc == WAIT_FAILED)
			return 0;
		if (rc < WAIT_OBJECT_0 + first)
			return IU_WATCH_OTHER;
		if (rc < WAIT_OBJECT_0 + n) {
			drop_process(w, rc - WAIT_OBJECT_0 - first);
			return IU_WATCH_PROCESS;
		}
	}
	return 0;
}
