/* SPDX-License-Identifier: MIT */
/*
 * Cures: each is tried on the model before it is offered.
 *
 * Theory of operation
 *
 * A cure changes the request (set an option, take another address) or the world (a process is gone, the remains are
 * gone, the old sockets had the option). The same rules then judge again; the cure is listed when they say GO. What
 * helps only from the next stop on is marked `later`.
 */
#include <string.h>

#include "base/address.h"
#include "model/judge.h"

#define HELPS(name)                                                                                 \
	static bool name(const struct iu_profile *p, const struct iu_facts *f, const struct inuse_verdict *v, \
			 struct inuse_cure *cure)

/* The calling function's parameters are used by most rows, not by all. */
#define UNUSED (void)p, (void)f, (void)v, (void)cure

static bool goes(const struct iu_profile *p, const struct iu_facts *f, const struct inuse_request *request,
		 const struct iu_world *what_if)
{
	struct inuse_verdict v;

	iu_judge_bare(p, f, request, what_if, &v);
	return v.outcome == INUSE_GO;
}

static bool by_cause(const struct inuse_verdict *v, const char *cause)
{
	return strcmp(v->cause, cause) == 0;
}

static bool is_conflict(const struct inuse_verdict *v)
{
	return v->result == INUSE_R_ADDRINUSE && v->n_shown > 0;
}

/* The holder whose end would free the address; NULL when there is none or it would not help. */
static const struct inuse_process *decisive(const struct iu_profile *p, const struct iu_facts *f,
					    const struct inuse_verdict *v, struct inuse_cure *cure)
{
	for (uint16_t i = 0; i < v->n_shown; i++) {
		const struct inuse_process *process = iu_holder_of(f, v->shown[i]);
		struct iu_world gone = {.without_remains = true}; /* they are not the process's any more, and another cure's matter */

		if (process == NULL || process->pid == 0 || iu_maker_is_hidden(f, v->shown[i]))
			continue;
		gone.without_pid = process->pid;
		if (v->shown[i]->n_holders > 1 || goes(p, f, &v->request, &gone)) {
			cure->pid = process->pid;
			cure->index = i;
			return process;
		}
	}
	return NULL;
}

/* The one that makes the call: if it ended, nobody would be left to make it. */
static bool is_asker(const struct iu_facts *f, const struct inuse_process *h)
{
	return h->pid == f->asker;
}

HELPS(helps_continue)
{
	const struct inuse_process *holder = decisive(p, f, v, cure);

	return holder != NULL && holder->status == 'T' && !is_asker(f, holder);
}

/* A service that was started as such; logins and terminals run in scopes and in user@.service itself. */
static bool has_own_unit(const struct inuse_process *h)
{
	const char *slash = strrchr(h->unit, '/'), *name = slash ? slash + 1 : h->unit;
	size_t len = strlen(name);

	if (strcmp(h->comm, "docker-proxy") == 0)
		return false;
	return h->socket_unit[0] != 0 || (len > 8 && strcmp(name + len - 8, ".service") == 0 &&
					  strncmp(name, "user@", 5) != 0 && h->container[0] == 0);
}

enum iu_manager iu_manager_of(const struct inuse_process *h)
{
	if (has_own_unit(h))
		return IU_MANAGER_UNIT;
	/* a container's proxy belongs to the container */
	return h->container[0] != 0 || strcmp(h->comm, "docker-proxy") == 0 ? IU_MANAGER_CONTAINER : IU_MANAGER_NONE;
}

HELPS(helps_stop_unit)
{
	const struct inuse_process *holder = decisive(p, f, v, cure);

	return holder != NULL && iu_manager_of(holder) == IU_MANAGER_UNIT;
}

HELPS(helps_stop_container)
{
	const struct inuse_process *holder = decisive(p, f, v, cure);

	return holder != NULL && iu_manager_of(holder) == IU_MANAGER_CONTAINER;
}

HELPS(helps_end_process)
{
	const struct inuse_process *holder = decisive(p, f, v, cure);

	/* a unit is started again, and pid 1 is nobody's to end */
	if (f->os == IU_SYSTEM_windows && holder != NULL && (holder->pid == IU_WINDOWS_SYSTEM_PID || holder->status == 'X'))
		return false;
	return holder != NULL && holder->pid != 1 && !is_asker(f, holder) && iu_manager_of(holder) == IU_MANAGER_NONE;
}

HELPS(helps_reuseaddr_new)
{
	struct inuse_request r = v->request;

	UNUSED;
	/* on Windows it would take the port from whoever has it */
	if (v->n_shown == 0 || f->os == IU_SYSTEM_windows)
		return false;
	r.flags |= INUSE_REUSEADDR;
	return goes(p, f, &r, NULL);
}

HELPS(helps_wait)
{
	struct iu_world gone = {.without_remains = true};

	if (v->free_at_ns == 0 || !goes(p, f, &v->request, &gone))
		return false;
	cure->wait_ns = v->free_at_ns > v->now_ns ? v->free_at_ns - v->now_ns : 0;
	return true;
}

/* Of remains: a whole socket only if it is certain not to be a client's. */
static bool is_evictable(const struct inuse_socket *o)
{
	return o->mini || (o->known & o->flags & INUSE_PORT_LOCKED) != 0;
}

HELPS(helps_evict)
{
	struct iu_world gone = {.without_remains = true};

	UNUSED;
	return (f->features & IU_FEATURE_TW_DESTROY) != 0 && v->n_shown > 0 && is_evictable(v->shown[0]) &&
	       v->step != INUSE_CALL_ACCEPT && goes(p, f, &v->request, &gone);
}

HELPS(helps_reuseaddr_old)
{
	struct iu_world had = {.old_had_reuseaddr = true};
	struct inuse_request r = v->request;

	UNUSED;
	if (!is_conflict(v) || !v->shown[0]->mini || (v->shown[0]->flags & INUSE_REUSEADDR) != 0 ||
	    by_cause(v, "time-wait-of-client"))
		return false;
	r.flags |= INUSE_REUSEADDR;
	cure->later = true;
	return goes(p, f, &r, &had);
}

HELPS(helps_reuseport_new)
{
	struct inuse_request r = v->request;

	UNUSED;
	if (!is_conflict(v) || v->shown[0]->mini)
		return false;
	r.flags |= INUSE_REUSEPORT;
	return goes(p, f, &r, NULL);
}

HELPS(helps_same_user)
{
	struct inuse_request r = v->request;

	UNUSED;
	if (!is_conflict(v) || (r.flags & INUSE_REUSEPORT) == 0 || v->shown[0]->mini)
		return false;
	r.uid = v->shown[0]->uid;
	return goes(p, f, &r, NULL);
}

HELPS(helps_v6only)
{
	struct inuse_request r = v->request;

	UNUSED;
	if (!is_conflict(v) || r.local.family != 6)
		return false;
	r.flags |= INUSE_V6ONLY;
	return goes(p, f, &r, NULL);
}

HELPS(helps_wait_tentative)
{
	UNUSED;
	return iu_decided_by(v, "tentative");
}

HELPS(helps_own_address)
{
	struct inuse_request r = v->request;

	UNUSED;
	if (!iu_decided_by(v, "not-local"))
		return false;
	r.local = iu_addr_any(r.local.family, r.local.port);
	return goes(p, f, &r, NULL);
}

HELPS(helps_freebind)
{
	struct inuse_request r = v->request;

	UNUSED;
	if (!iu_decided_by(v, "not-local") && !iu_decided_by(v, "tentative"))
		return false;
	r.flags |= INUSE_FREEBIND;
	return goes(p, f, &r, NULL);
}

HELPS(helps_privilege)
{
	struct inuse_request r = v->request;

	UNUSED;
	if (v->result != INUSE_R_ACCES || v->step == INUSE_CALL_CONNECT)
		return false;
	r.may_bind_low = INUSE_YES;
	return goes(p, f, &r, NULL);
}

HELPS(helps_high_port)
{
	UNUSED;
	return by_cause(v, "privileged-port");
}

HELPS(helps_other_port)
{
	UNUSED;
	return iu_decided_by(v, "excluded-range");
}

/* A client's automatic port sits on the server's: keep the port out of the range that clients draw from. */
HELPS(helps_reserve_port)
{
	int64_t first, last;

	UNUSED;
	if (!by_cause(v, "client-on-port") && !by_cause(v, "time-wait-of-client"))
		return false;
	cure->later = true;
	return iu_setting(f, IU_SET_RANGE_FIRST, &first) && iu_setting(f, IU_SET_RANGE_LAST, &last) &&
	       v->request.local.port >= first && v->request.local.port <= last &&
	       !iu_port_reserved(f, v->request.local.port);
}

HELPS(helps_no_port)
{
	UNUSED;
	return iu_decided_by(v, "ports-exhausted");
}

HELPS(helps_wider_range)
{
	UNUSED;
	return iu_decided_by(v, "ports-exhausted") || iu_decided_by(v, "connect-exhausted");
}

HELPS(helps_any_from_port)
{
	struct inuse_request r = v->request;

	UNUSED;
	if (r.call != INUSE_CALL_CONNECT || r.local.port == 0)
		return false;
	if (f->n_covered != 0) /* of other ports nothing is known; another pair is free most likely */
		return iu_decided_by(v, "tuple-live") || iu_decided_by(v, "tuple-time-wait") || iu_decided_by(v, "tuple-waits");
	r.local.port = 0;
	return goes(p, f, &r, NULL);
}

HELPS(helps_timestamps)
{
	UNUSED;
	cure->later = true;
	return iu_decided_by(v, "tuple-time-wait");
}

HELPS(helps_start_server)
{
	UNUSED;
	return v->result == INUSE_R_CONNREFUSED && !iu_decided_by(v, "syn-fin-wait2");
}

static const struct iu_cure cures[] = {
#define CURE(id, helps) {id, helps},
#include "model/cures.def"
#undef CURE
};

const struct iu_cure *iu_cures(size_t *ret_n)
{
	*ret_n = sizeof(cures) / sizeof(cures[0]);
	return cures;
}

void iu_cures_find(const struct iu_profile *profile, const struct iu_facts *facts, struct inuse_verdict *v)
{
	v->n_cures = 0;
	if (v->outcome != INUSE_FAIL)
		return;
	for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]) && v->n_cures < INUSE_MAX_CURES; i++) {
		struct inuse_cure cure = {.id = cures[i].id};

		if (cures[i].helps(profile, facts, v, &cure))
			v->cures[v->n_cures++] = cure;
	}
}
