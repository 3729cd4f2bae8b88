/* SPDX-License-Identifier: MIT */
/* Ending the processes that hold an address: the plan. How each system does it is in stop_<system>.c. */
#include "cure/stop_own.h"

static void add(struct iu_stop_plan *plan, const struct iu_facts *f, const struct inuse_socket *o, uint32_t holder,
		bool insist)
{
	const struct inuse_process *p = &f->processes[f->holders[holder].process];
	struct iu_stop_target *t;

	for (size_t i = 0; i < plan->n; i++)
		if (plan->targets[i].process == p)
			return;
	plan->more = plan->n == IU_STOP_MAX;
	if (plan->more)
		return;
	t = &plan->targets[plan->n++];
	*t = (struct iu_stop_target){.process = p, .pidfd = -1, .inode = o->inode, .port = o->local.port,
				    .fd = f->holders[holder].fd};
	t->why_not = iu_stop_judge(p, insist);
	if (t->why_not == IU_STOP_MAY)
		t->why_not = iu_stop_open(p, &t->pidfd);
}

/* A connection that is the server's: by its own word, or because a listener covers it. */
static bool is_concerned(const struct iu_facts *f, const struct inuse_socket *o)
{
	enum iu_kind kind = iu_kind_of(o);

	for (size_t i = 0; i < f->n_sockets && kind == IU_KIND_UNSURE; i++)
		if (f->sockets[i].state == INUSE_LISTEN)
			kind = iu_kind_beside(o, &f->sockets[i], 1);
	return kind == IU_KIND_HOLDER || kind == IU_KIND_CONNECTION;
}

void iu_stop_plan(const struct iu_facts *f, bool insist, struct iu_stop_plan *ret)
{
	ret->n = 0;
	ret->more = false;
	ret->n_hidden = 0;
	for (size_t i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *o = &f->sockets[i];

		if (!is_concerned(f, o))
			continue;
		ret->n_hidden += o->n_holders == 0 && (o->known & INUSE_KNOW_OWNER) == 0;
		for (uint32_t j = 0; j < o->n_holders && o->holders + j < f->n_holders; j++)
			if (f->holders[o->holders + j].process < f->n_processes)
				add(ret, f, o, o->holders + j, insist);
	}
	for (size_t i = 0; i < ret->n; i++)
		for (size_t j = 0; j < ret->n; j++)
			if (ret->targets[i].process->ppid == ret->targets[j].process->pid && i != j &&
			    ret->targets[j].why_not == IU_STOP_MAY)
				ret->targets[i].follows = true;
}

void iu_stop_plan_done(struct iu_stop_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		iu_stop_close(&plan->targets[i]);
	plan->n = 0;
}

bool iu_stop_is_left(const struct iu_stop_target *t)
{
	return t->why_not == IU_STOP_MAY && !t->ended && t->os_code == 0;
}

size_t iu_stop_left(const struct iu_stop_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		n += iu_stop_is_left(&plan->targets[i]);
	return n;
}
