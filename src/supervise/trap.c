/* SPDX-License-Identifier: MIT */
/*
 * Serving the calls that wait.
 *
 * Theory of operation
 *
 * Anything that inuse cannot do exactly as the kernel would is let go: the kernel then makes the call in the program, as if
 * nobody were there. So only this is taken in hand: bind, listen and connect of a TCP socket, with an address that can be read
 * and has a possible length, by a thread that has the very rights of inuse. Letting go is safe also against a program that
 * changes its memory meanwhile, because the kernel reads it again and checks with the program's own rights.
 *
 * Landlock takes rights away without a trace in /proc. So the call that does it is trapped as well: whoever made it,
 * and whoever was born after it and is not the program itself, may be restricted, and is let go.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "supervise/hold.h"

/* Calls that are served before the loop turns to something else. */
#define ROUND 64
#define RESTRICTED_MAX (sizeof(((struct iu_generation *)NULL)->restricted) / sizeof(int32_t))

static void let_go(struct iu_generation *g, const struct iu_notice *notice)
{
	iu_seccomp_let_go(g->listener, notice->id);
}

/* ------------------------------------------------------------------------------ what is only looked at */

static void note(struct iu_supervisor *s, enum iu_note what, int32_t tid)
{
	struct iu_status status;
	char program[64];
	int32_t pid = tid;

	if ((s->voice.noted >> what & 1) != 0)
		return;
	if (tid != 0 && iu_status_read(tid, &status))
		pid = status.pid;
	iu_voice_note(&s->voice, what, iu_status_program(pid, program, sizeof(program)), pid);
}

static void take_landlock(struct iu_generation *g, const struct iu_notice *notice)
{
	struct iu_status status;
	struct timespec ts;
	uint64_t now;

	note(g->s, IU_NOTE_LANDLOCK, notice->tid);
	clock_gettime(CLOCK_BOOTTIME, &ts);
	now = (uint64_t)ts.tv_sec * (uint64_t)sysconf(_SC_CLK_TCK) +
	      (uint64_t)ts.tv_nsec * (uint64_t)sysconf(_SC_CLK_TCK) / 1000000000;
	if (g->restricted_at == 0)
		g->restricted_at = now ? now : 1;
	if (g->n_restricted < RESTRICTED_MAX)
		g->restricted[g->n_restricted++] = iu_status_read(notice->tid, &status) ? status.pid : notice->tid;
}

static bool may_be_restricted(const struct iu_generation *g, const struct iu_caller *caller)
{
	uint64_t started;

	if (g->restricted_at == 0)
		return false;
	for (size_t i = 0; i < g->n_restricted; i++)
		if (g->restricted[i] == caller->pid)
			return true;
	if (caller->pid == g->pid && g->n_restricted < RESTRICTED_MAX)
		return false; /* born of inuse, and has not done it itself */
	started = iu_status_started(caller->pid);
	return started == 0 || started + 1 >= g->restricted_at;
}

/* The set-uid and set-gid bits, and capabilities of the file: what it would have given. */
static bool gives_rights(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	return ((st.st_mode & S_ISUID) != 0 && st.st_uid != geteuid()) ||
	       ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getegid());
}

/* An exec of a path that may be relative to the caller's directory; seen through its root. Only for a sentence. */
static void take_exec(struct iu_generation *g, const struct iu_notice *notice)
{
	uint64_t address = notice->args[notice->what == IU_TRAPPED_EXEC ? 0 : 1];
	struct iu_caller caller = {.tid = notice->tid};
	char path[1024 + 64] = "";
	size_t prefix, len = 0;

	if ((g->s->voice.noted >> IU_NOTE_SET_UID & 1) != 0 || notice->tid == 0)
		return;
	prefix = (size_t)snprintf(path, sizeof(path), "/proc/%d/root/", notice->tid);
	/* a string ends before a page that is not there: read up to each page's end */
	while (len < 1023 && memchr(path + prefix, 0, len) == NULL) {
		size_t step = 4096 - (size_t)((address + len) % 4096);

		step = step < 1023 - len ? step : 1023 - len;
		if (iu_caller_memory(&caller, address + len, path + prefix + len, step) != IU_REACH_OK)
			return;
		len += step;
	}
	path[prefix + len] = 0;
	if (path[prefix] != '/') {
		char relative[1024];

		if (notice->what == IU_TRAPPED_EXEC_AT && (int)notice->args[0] != -100 /* AT_FDCWD */)
			return;
		snprintf(relative, sizeof(relative), "%s", path + prefix);
		snprintf(path, sizeof(path), "/proc/%d/cwd/%s", notice->tid, relative);
	}
	if (gives_rights(path)) {
		const char *slash = strrchr(path, '/');

		iu_voice_note(&g->s->voice, IU_NOTE_SET_UID, slash ? slash + 1 : path, notice->tid);
	}
}

/* ------------------------------------------------------------------------------------ bind, listen, connect */

/* False: not one that is taken in hand. */
static bool read_call(const struct iu_notice *notice, struct iu_caller *caller, struct iu_call *ret, enum iu_reach *ret_reach)
{
	static const enum inuse_call kinds[] = {
		[IU_TRAPPED_BIND] = INUSE_CALL_BIND,
		[IU_TRAPPED_LISTEN] = INUSE_CALL_LISTEN,
		[IU_TRAPPED_CONNECT] = INUSE_CALL_CONNECT,
	};
	int len = (int)notice->args[2];

	*ret = (struct iu_call){.kind = kinds[notice->what], .fd = (int32_t)notice->args[0]};
	*ret_reach = IU_REACH_OK;
	if (ret->kind == INUSE_CALL_LISTEN) {
		ret->backlog = (int)notice->args[1];
		return true;
	}
	if (len < 0 || (size_t)len > sizeof(ret->addr))
		return false;
	ret->len = (socklen_t)len;
	*ret_reach = iu_caller_memory(caller, notice->args[1], &ret->addr, ret->len);
	return *ret_reach == IU_REACH_OK && iu_call_sensible(ret);
}

static void note_reach(struct iu_supervisor *s, enum iu_reach reach, struct iu_caller *caller)
{
	static const struct {
		enum iu_reach reach;
		enum iu_note note;
	} rows[] = {
		{IU_REACH_RIGHTS, IU_NOTE_RIGHTS},
		{IU_REACH_DENIED, IU_NOTE_DENIED},
		{IU_REACH_FULL, IU_NOTE_FULL},
		{IU_REACH_UNABLE, IU_NOTE_UNABLE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].reach == reach)
			iu_voice_note(&s->voice, rows[i].note, iu_caller_program(caller), caller->pid);
}

/* Gets hold of everything that the call takes. False: it is to be let go; what there was to be said was said. */
static bool take_in_hand(struct iu_generation *g, const struct iu_notice *notice, struct iu_waiting_call *w)
{
	struct iu_supervisor *s = g->s;
	enum iu_reach rights = iu_caller_look(&s->rights, notice->tid, &w->caller), reach;

	if (rights != IU_REACH_OK && rights != IU_REACH_RIGHTS) {
		note_reach(s, rights, &w->caller);
		return false;
	}
	if (!read_call(notice, &w->caller, &w->call, &reach)) {
		note_reach(s, reach, &w->caller);
		return false;
	}
	reach = iu_caller_fd(&w->caller, w->call.fd, &w->fd);
	if (reach != IU_REACH_OK) {
		w->fd = -1;
		note_reach(s, reach, &w->caller);
		return false;
	}
	if (!iu_call_concerns(w->fd) || !iu_seccomp_still_there(g->listener, notice->id))
		return false;
	/* only now: calls that nobody is interested in are nothing to speak of */
	note_reach(s, rights, &w->caller);
	w->own_rights = rights != IU_REACH_OK || may_be_restricted(g, &w->caller);
	return !w->own_rights;
}

/*
 * A socket that is about to listen: its connections inherit SO_REUSEADDR, and so does what they leave behind. Only now: while
 * it is bound and does not listen, the option would let somebody else have the port as well.
 */
static void prepare(struct iu_supervisor *s, struct iu_waiting_call *w)
{
	int on = 1;

	if (w->call.kind == INUSE_CALL_LISTEN && (s->o->fix & IU_FIX_REUSEADDR) != 0)
		setsockopt(w->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static void take_call(struct iu_generation *g, const struct iu_notice *notice, int slot)
{
	struct iu_waiting_call w = {.generation = g, .id = notice->id, .slot = slot, .fd = -1};
	int os_code = 0;

	if (!take_in_hand(g, notice, &w)) {
		if (w.own_rights)
			iu_hold_make_way(g->s, &w);
		iu_waiting_let_go(&w);
		return;
	}
	prepare(g->s, &w);
	w.call.unbound = w.call.kind != INUSE_CALL_BIND && !iu_call_is_bound(w.fd);
	if (iu_hold_give(g->s, &w))
		return;
	if (iu_call_make(&w.call, w.fd, &os_code) == IU_CALL_LET_GO) {
		iu_waiting_let_go(&w);
		return;
	}
	if (os_code == EADDRINUSE && iu_hold_make_way(g->s, &w))
		iu_call_make(&w.call, w.fd, &os_code);
	if (os_code != 0) {
		iu_incident_begin(g->s, &w, os_code);
		return;
	}
	iu_trap_succeeded(g->s, &w);
	iu_waiting_answer(&w, 0);
}

void iu_trap_succeeded(struct iu_supervisor *s, struct iu_waiting_call *w)
{
	if (w->call.kind == INUSE_CALL_BIND)
		iu_hold_bound(s, w);
	else if (w->call.kind == INUSE_CALL_LISTEN)
		iu_hold_listened(s, w);
}

/* ---------------------------------------------------------------------------------------------- the queue */

static void serve(struct iu_generation *g, const struct iu_notice *notice)
{
	int slot;

	switch (g->blind ? IU_TRAPPED_OTHER : notice->what) {
	case IU_TRAPPED_BIND:
	case IU_TRAPPED_LISTEN:
	case IU_TRAPPED_CONNECT:
		slot = iu_guard_enter(&g->s->guard, g->watched, notice->id);
		if (slot < 0)
			break;
		take_call(g, notice, slot);
		return;
	case IU_TRAPPED_IO_URING:
		note(g->s, IU_NOTE_IO_URING, notice->tid);
		break;
	case IU_TRAPPED_EPOLL:
		g->s->epoll_sets++;
		break;
	case IU_TRAPPED_FOREIGN:
		g->s->epoll_sets++; /* it may be one of those */
		note(g->s, IU_NOTE_FOREIGN, notice->tid);
		break;
	case IU_TRAPPED_LANDLOCK:
		take_landlock(g, notice);
		break;
	case IU_TRAPPED_EXEC:
	case IU_TRAPPED_EXEC_AT:
		take_exec(g, notice);
		break;
	case IU_TRAPPED_OPTION:
		iu_hold_option(g, notice);
		break;
	default:
		break;
	}
	let_go(g, notice);
}

void iu_trap_ready(uv_poll_t *poll, int status, int events)
{
	struct iu_generation *g = poll->data;
	struct iu_notice notice;

	for (int i = 0; i < ROUND; i++) {
		enum iu_received received = iu_seccomp_receive(g->listener, &notice);

		if (received == IU_RECEIVED_END) {
			uv_poll_stop(poll); /* nobody is left under this filter */
			g->deserted = true;
			return;
		}
		if (received == IU_RECEIVED_NONE)
			return;
		serve(g, &notice);
	}
}
