/* SPDX-License-Identifier: MIT */
/* iu_host_*() on Windows: one source tells all there is. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/abilities.h"
#include "host/answer.h"
#include "host/port_memory.h"
#include "host/windows.h"
#include "model/rule.h"

#define NS_PER_S INT64_C(1000000000)
#define SOURCE_NAME "iphelper"

static const char tells[] =
	N_("connections, listeners and their processes; neither options nor sockets that are only bound");

static const char tells_no_ranges[] =
	N_("connections, listeners and their processes; neither options nor sockets that are only bound, nor which ports Windows "
	   "has set aside");

int64_t iu_host_now(void)
{
	LARGE_INTEGER ticks, frequency;

	QueryPerformanceFrequency(&frequency);
	QueryPerformanceCounter(&ticks);
	return ticks.QuadPart / frequency.QuadPart * NS_PER_S + ticks.QuadPart % frequency.QuadPart * NS_PER_S / frequency.QuadPart;
}

/* No port needs a privilege on Windows. */
enum inuse_tri iu_may_bind_low(int64_t uid)
{
	/* asked of a saved state of Linux, whose users are not ours */
	return uid < 0 ? INUSE_MAYBE : iu_is(uid == 0);
}

static bool wants_port(const struct iu_scope *scope, uint16_t port)
{
	for (size_t i = 0; i < scope->n_ports; i++)
		if (scope->ports[i] == port)
			return true;
	return scope->n_ports == 0;
}

struct stream {
	const struct iu_scope *scope;
	iu_socket_fn *fn;
	void *arg;
	bool stopped;
};

static bool stream_one(void *arg, const struct inuse_socket *socket, uint32_t pid)
{
	struct stream *stream = arg;

	if (wants_port(stream->scope, socket->local.port))
		stream->stopped = !stream->fn(stream->arg, socket);
	return !stream->stopped;
}

enum inuse_status iu_host_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, struct iu_seen *ret_seen,
			       struct inuse_error *error)
{
	struct stream stream = {.scope = scope, .fn = fn, .arg = arg};
	struct iu_seen seen = {.unseen = INUSE_MISSING_BOUND, .source = SOURCE_NAME};
	enum inuse_status status = INUSE_OK;

	if ((scope->without & 1u << IU_SOURCE_IPHELPER) != 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("every source of sockets was left out"));
	for (int family = 4; family <= 6 && status == INUSE_OK && !stream.stopped; family += 2)
		status = iu_windows_table(family, stream_one, &stream, error);
	if (status == INUSE_OK && ret_seen != NULL)
		*ret_seen = seen;
	return status;
}

/* ------------------------------------------------------------------------------------------------ a snapshot */

/* Holders and processes are added as they are met; a process may hold many sockets. */
struct collection {
	const struct iu_scope *scope;
	struct inuse_snapshot *s;
	struct known {
		uint32_t pid, uid;
	} *known; /* the snapshot's processes, in their order */
	size_t n, cap;
	uint32_t n_holders;
	size_t n_sockets;
	bool failed;
};

static uint32_t process_index(struct collection *c, uint32_t pid, bool listens);

/* Who has ended, and yet has a listener: what may be told of it are its children, one of which must have inherited it. */
static void add_children(struct collection *c, uint32_t pid)
{
	uint32_t children[16];
	size_t n = iu_windows_children(pid, children, 16);

	for (size_t i = 0; i < n; i++)
		process_index(c, children[i], false);
}

/* The index of the process; UINT32_MAX: it has ended, or memory ran out. */
static uint32_t process_index(struct collection *c, uint32_t pid, bool listens)
{
	struct inuse_process p;
	uint32_t index;

	for (size_t i = 0; i < c->n; i++)
		if (c->known[i].pid == pid)
			return (uint32_t)i;
	if (!iu_windows_process(c->s, pid, &p)) {
		if (!listens)
			return UINT32_MAX;
		p.status = 'X';
	}
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct known *known = realloc(c->known, cap * sizeof(*known));

		if (known == NULL) {
			c->failed = true;
			return UINT32_MAX;
		}
		c->known = known;
		c->cap = cap;
	}
	if (iu_snapshot_add_process(c->s, &p) == NULL)
		return UINT32_MAX;
	c->known[c->n] = (struct known){pid, p.uid};
	index = (uint32_t)c->n++;
	if (p.status == 'X')
		add_children(c, pid);
	return index;
}

static bool collect_one(void *arg, const struct inuse_socket *socket, uint32_t pid)
{
	struct collection *c = arg;
	struct inuse_socket mine = *socket;
	struct inuse_holder holder = {.fd = -1};

	if (!wants_port(c->scope, socket->local.port) ||
	    (c->scope->want != NULL && !c->scope->want(c->scope->want_arg, socket)))
		return true;
	c->n_sockets++;
	if (c->scope->owners && pid != 0) {
		holder.process = process_index(c, pid, mine.state == INUSE_LISTEN);
		if (holder.process != UINT32_MAX && iu_snapshot_add_holder(c->s, &holder) != NULL) {
			mine.holders = c->n_holders++;
			mine.n_holders = 1;
			mine.uid = c->known[holder.process].uid;
			mine.known |= mine.uid != 0 ? INUSE_KNOW_UID : 0;
		} else {
			mine.known &= ~INUSE_KNOW_OWNER; /* whoever inherited it is in no table */
		}
	}
	return iu_snapshot_add_socket(c->s, &mine) != NULL && !c->failed;
}

static enum inuse_status fill(const struct iu_scope *scope, struct inuse_snapshot *s, struct inuse_error *error)
{
	struct collection c = {.scope = scope, .s = s};
	struct iu_facts *facts = iu_snapshot_scalars(s);
	enum inuse_status status = INUSE_OK;
	bool ranges = true;

	facts->os = IU_SYSTEM_windows;
	facts->now_ns = iu_host_now();
	facts->unseen = INUSE_MISSING_BOUND;
	iu_windows_surroundings(s);
	for (int family = 4; family <= 6 && status == INUSE_OK; family += 2)
		status = iu_windows_table(family, collect_one, &c, error);
	free(c.known);
	/* a port that somebody has is not in an excluded range: netsh need not be waited for */
	if (scope->n_ports == 0 || c.n_sockets == 0)
		ranges = iu_windows_ranges(s);
	for (size_t i = 0; i < scope->n_ports; i++) {
		struct iu_range range = {scope->ports[i], scope->ports[i]};

		iu_snapshot_add_covered(s, &range);
	}
	if (status < 0)
		return status;
	if (c.failed)
		return iu_fail(error, INUSE_E_MEMORY, 0, "snapshot", _("out of memory"));
	iu_snapshot_say(s, SOURCE_NAME, true, ranges ? _(tells) : _(tells_no_ranges));
	return iu_snapshot_seal(s, error);
}

enum inuse_status iu_host_take(const struct iu_scope *scope, struct inuse_snapshot **ret_snapshot,
			       struct inuse_error *error)
{
	struct inuse_snapshot *s;
	enum inuse_status status;

	if ((scope->without & 1u << IU_SOURCE_IPHELPER) != 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("every source of sockets was left out"));
	s = iu_snapshot_new();
	if (s == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "snapshot", _("out of memory"));
	status = fill(scope, s, error);
	if (status < 0)
		iu_snapshot_free(s);
	else
		*ret_snapshot = s;
	return status;
}

/* Automatic ports depend on nothing of the kind here. */
void iu_port_memory_settle(struct inuse_snapshot *snapshot, const struct inuse_request *requests, size_t n, unsigned without)
{
}

/* ----------------------------------------------------------------------------------------------- abilities */

static bool note_pid(void *arg, const struct inuse_socket *socket, uint32_t pid)
{
	*(bool *)arg |= pid != 0;
	return !*(bool *)arg;
}

void iu_host_abilities(iu_ability_fn *fn, void *arg)
{
	struct iu_ability ability = {.name = SOURCE_NAME, .text = _(tells)};
	struct inuse_error why = {0};
	bool any_pid = false;

	ability.usable = iu_windows_table(4, note_pid, &any_pid, &why) == INUSE_OK;
	if (!ability.usable)
		ability.text = why.text;
	else if (!any_pid)
		ability.text = _("connections and listeners, but not their processes (as under Wine)");
	fn(arg, &ability);
}
