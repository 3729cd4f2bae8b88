/* SPDX-License-Identifier: MIT */
/*
 * Are the named blockers really what is in the way? Removed one by one, the call has to fail until the last one is gone.
 *
 * A blocker goes without a word to anybody else, so that nothing but itself leaves the port: a socket that is open here is closed
 * under TCP_REPAIR, remains and orphans are removed by SOCK_DESTROY. Who cannot be removed alone (children that wait in the
 * queue of a listener) is left out of the sample.
 */
#include "lab/fuzz_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "say/say.h"

/* The number that eyes, or else the simulation, know this socket by. */
static uint64_t inode_of(const struct iu_fuzzer *f, unsigned s)
{
	const struct inuse_socket *simulated = iu_sim_peek(f->model.sim, s);
	struct stat st;

	if (f->eyes != NULL)
		return fstat(f->live->fds[s], &st) == 0 ? st.st_ino : 0;
	return simulated != NULL ? simulated->inode : 0;
}

/* The open socket with this inode; -1: none. */
static int find_open(const struct iu_fuzzer *f, uint64_t inode)
{
	for (unsigned i = 0; inode != 0 && i < f->n_sockets; i++)
		if (f->live->fds[i] >= 0 && inode_of(f, i) == inode)
			return (int)i;
	return -1;
}

static bool is_shared(const struct iu_fuzzer *f, int s)
{
	for (unsigned p = 0; p < f->n_processes; p++)
		if (f->live->pids[p] > 0 && (f->model.held[p] >> s & 1) != 0)
			return true;
	return false;
}

/* Have both the same ends? SOCK_DESTROY would not tell them apart. */
static bool is_twin(const struct inuse_socket *a, const struct inuse_socket *b)
{
	return a->local.port == b->local.port && a->remote.port == b->remote.port && iu_addr_same(&a->remote, &b->remote);
}

/* Is there another one left that an experiment could not tell from it? */
static bool has_twin(const struct iu_fuzzer *f, const struct inuse_socket *o)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);
	unsigned n = 0;

	for (size_t i = 0; i < facts->n_sockets; i++)
		n += iu_sim_is_left(&facts->sockets[i]) && is_twin(&facts->sockets[i], o);
	return n != 1;
}

/* The RST that its end sends would remove the other end, too. */
static bool takes_another(const struct inuse_verdict *v, const struct inuse_socket *o)
{
	for (uint32_t i = 0; !o->mini && i < v->n_shown; i++)
		if (v->shown[i]->remote.port == o->local.port && v->shown[i]->local.port == o->remote.port &&
		    iu_addr_same(&v->shown[i]->local, &o->remote) && iu_addr_same(&v->shown[i]->remote, &o->local))
			return true;
	return false;
}

/* Can it be removed, alone? */
static bool can_remove(const struct iu_fuzzer *f, const struct inuse_verdict *v, const struct inuse_socket *o)
{
	int s = o->mini ? -1 : find_open(f, o->inode);

	if (s < 0)
		return iu_sim_is_left(o) && !has_twin(f, o) && !takes_another(v, o);
	if (o->state == INUSE_LISTEN && iu_sim_waiting(f->model.sim, (unsigned)s) > 0)
		return false;
	return !is_shared(f, s);
}

static struct iu_step *add(struct iu_fuzzer *f, enum iu_action action)
{
	struct iu_step *step = &f->removal.steps[f->removal.n++];

	*step = (struct iu_step){.action = action};
	return step;
}

/* What is left without a process. A kernel that leaves it there says of the second time that it was there. */
static bool evict(struct iu_fuzzer *f, const struct inuse_socket *o)
{
	const struct inuse_socket left = iu_fuzz_on_kernel(f, o);
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);
	struct iu_step *step = add(f, IU_DO_EVICT);

	step->number = o->local.port;
	step->at.addr = o->remote;
	step->at.addr.scope = 0;
	for (size_t i = 0; o->remote.scope != 0 && i < facts->n_devices; i++)
		if (facts->devices[i].index == o->remote.scope)
			snprintf(step->at.scope, sizeof(step->at.scope), "%s", facts->devices[i].name);
	return iu_lab_destroy(&left, NULL) == INUSE_OK && iu_lab_destroy(&left, NULL) != INUSE_OK;
}

static bool remove_one(struct iu_fuzzer *f, const struct inuse_socket *o)
{
	int s = o->mini ? -1 : find_open(f, o->inode);
	struct iu_step *step;

	if (s < 0)
		return evict(f, o);
	if (o->state != INUSE_LISTEN && o->state != INUSE_BOUND) { /* else it would go on waiting for its peer */
		step = add(f, IU_DO_SET);
		step->socket = (uint8_t)s;
		step->option = IU_OPT_REPAIR;
		if (!iu_fuzz_vanish(f->live->fds[s]))
			return false;
	}
	add(f, IU_DO_CLOSE)->socket = (uint8_t)s;
	close(f->live->fds[s]);
	f->live->fds[s] = -1;
	return true;
}

static enum iu_agreement say(struct iu_fuzzer *f, const struct inuse_verdict *v, uint32_t gone, const char *text)
{
	f->removal.too_many = gone < v->n_shown;
	snprintf(f->why, sizeof(f->why), "the kernel says %s with %u of %u named blockers removed", text, gone, v->n_shown);
	f->kind = IU_BY_REMOVAL;
	return IU_DIFFERS;
}

enum iu_agreement iu_fuzz_remove(struct iu_fuzzer *f, const struct iu_step *step, const struct inuse_verdict *v)
{
	struct iu_fuzz_answer answer;

	f->removal.n = 0;
	if (v->n_blockers != v->n_shown || v->n_shown == 0 || geteuid() != 0)
		return IU_AGREES;
	/* one too many would not be noticed if it always went first */
	if (!f->again)
		f->removal.backward = iu_lab_pick(&f->scene.random, 2) == 0;
	for (uint32_t i = 0; i < v->n_shown; i++)
		if (!can_remove(f, v, v->shown[i]))
			return IU_AGREES;
	for (uint32_t i = 0; i < v->n_shown; i++) {
		bool last = i + 1 == v->n_shown;

		if (!remove_one(f, v->shown[f->removal.backward ? v->n_shown - 1 - i : i]) || iu_fuzz_kernel(f, step, &answer, NULL) != INUSE_OK)
			return IU_ENDED;
		*add(f, IU_DO_BIND) = *step;
		if (strcmp(answer.text, last ? "OK" : "EADDRINUSE") != 0)
			return say(f, v, i + 1, answer.text);
	}
	if (!f->again) {
		f->result->removed++;
		f->result->blockers += v->n_shown;
	}
	return IU_ENDED;
}
