/* SPDX-License-Identifier: MIT */
/* Which sockets are to be removed: the plan. */
#include "cure/evict.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/host.h"

#define MAX_LISTENERS 256

/* What is unsure while the sockets stream by is settled when all listeners are known. */
struct making {
	const struct inuse_request *requests;
	size_t n_requests;
	const struct iu_facts *context;
	bool living, failed;
	struct iu_evict_plan *plan;
	struct iu_evict_plan unsure; /* only its targets */
	struct inuse_socket *listeners;
	size_t n_listeners;
};

static bool add_target(struct iu_evict_plan *plan, const struct inuse_socket *o, enum iu_kind kind)
{
	if (plan->n == plan->cap) {
		size_t cap = plan->cap ? plan->cap * 2 : 64;
		struct iu_evict_target *targets = realloc(plan->targets, cap * sizeof(*targets));

		if (targets == NULL)
			return false;
		plan->targets = targets;
		plan->cap = cap;
	}
	plan->targets[plan->n++] = (struct iu_evict_target){
		.local = o->local,
		.remote = o->remote,
		.cookie = o->cookie,
		.device = o->device,
		.family = o->family,
		.state = (uint8_t)o->state,
		.kind = (uint8_t)kind,
	};
	return true;
}

static bool may_go(const struct making *m, enum iu_kind kind)
{
	return kind == IU_KIND_REMAINS || kind == IU_KIND_ORPHAN || (kind == IU_KIND_CONNECTION && m->living);
}

static bool take_in(void *arg, const struct inuse_socket *o)
{
	struct making *m = arg;
	enum iu_kind kind = iu_kind_of(o);

	if (o->state == INUSE_LISTEN && m->n_listeners < MAX_LISTENERS) {
		m->listeners[m->n_listeners] = *o;
		m->listeners[m->n_listeners++].netns = 0;
	}
	if (o->state == INUSE_SYN_RECV || !iu_is_in_the_way(m->requests, m->n_requests, m->context, o))
		return true;
	if (kind == IU_KIND_UNSURE)
		m->failed =
			!add_target(&m->unsure, o, o->inode == 0 ? IU_KIND_ORPHAN : kind); /* if it is the server's */
	else
		m->plan->n_of_kind[kind] += o->count ? o->count : 1;
	if (may_go(m, kind) && !add_target(m->plan, o, kind))
		m->failed = true;
	return !m->failed;
}

static void settle(struct making *m)
{
	for (size_t i = 0; i < m->unsure.n && !m->failed; i++) {
		const struct iu_evict_target *t = &m->unsure.targets[i];
		/* what iu_kind_of() read when it was unsure */
		struct inuse_socket o = {.state = t->state,
					 .family = t->family,
					 .local = t->local,
					 .remote = t->remote,
					 .cookie = t->cookie,
					 .device = t->device,
					 .inode = t->kind == IU_KIND_ORPHAN ? 0 : 1,
					 .known = INUSE_KNOW_INODE,
					 .count = 1};
		enum iu_kind kind = iu_kind_beside(&o, m->listeners, m->n_listeners);

		m->plan->n_of_kind[kind]++;
		if (may_go(m, kind) && !add_target(m->plan, &o, kind))
			m->failed = true;
	}
}

/* The local ports of the requests, without doubles; 0 is none. */
static size_t ports_of(const struct inuse_request *requests, size_t n, uint16_t *ret, size_t max)
{
	size_t n_ports = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = 0;

		while (at < n_ports && ret[at] != requests[i].local.port)
			at++;
		if (at == n_ports && n_ports < max && requests[i].local.port != 0)
			ret[n_ports++] = requests[i].local.port;
	}
	return n_ports;
}

enum inuse_status iu_evict_plan(const struct inuse_request *requests, size_t n, const struct iu_facts *context,
				bool living, unsigned without, struct iu_evict_plan *ret_plan,
				struct inuse_error *error)
{
	uint16_t ports[16];
	struct making m = {.requests = requests, .n_requests = n, .context = context, .living = living};
	struct iu_scope scope = {
		.ports = ports, .n_ports = ports_of(requests, n, ports, 16), .bound = true, .without = without};
	struct iu_evict_plan plan = {0};
	struct iu_seen seen = {0};
	enum inuse_status status = INUSE_OK;

	m.plan = &plan;
	m.listeners = calloc(MAX_LISTENERS, sizeof(*m.listeners));
	m.failed = m.listeners == NULL;
	if (!m.failed && scope.n_ports > 0)
		status = iu_host_each(&scope, take_in, &m, &seen, error);
	if (status == INUSE_OK)
		settle(&m);
	if (status == INUSE_OK && m.failed)
		status = iu_fail(error, INUSE_E_MEMORY, 0, "evict", _("out of memory"));
	plan.partial = (seen.unseen & INUSE_MISSING_PARTIAL) != 0;
	free(m.listeners);
	iu_evict_plan_done(&m.unsure);
	if (status < 0)
		iu_evict_plan_done(&plan);
	else
		*ret_plan = plan;
	return status;
}

void iu_evict_plan_done(struct iu_evict_plan *plan)
{
	free(plan->targets);
	*plan = (struct iu_evict_plan){0};
}
