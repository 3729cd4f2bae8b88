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

/* Can it be removed, alone? */
static bool can_remove(const struct iu_fuzzer *f, const struct inuse_socket *o)
{
	int s = find_open(f, o->inode);

	if (o->mini)
		return true;
	if (s < 0)
		return o->inode == 0 && o->state != INUSE_ESTABLISHED && o->state != INUSE_CLOSE_WAIT;
	if (o->state == INUSE_LISTEN && iu_sim_waiting(f->model.sim, (unsigned)s) > 0)
		return false;
	return !is_shared(f, s);
}

static bool remove_one(struct iu_fuzzer *f, const struct inuse_socket *o)
{
	int s = find_open(f, o->inode);

	if (s < 0)
		return iu_lab_destroy(o, NULL) == INUSE_OK;
	if (o->state != INUSE_LISTEN && o->state != INUSE_BOUND && !iu_fuzz_vanish(f->live->fds[s]))
		return false;
	close(f->live->fds[s]);
	f->live->fds[s] = -1;
	return true;
}

static enum iu_agreement say(struct iu_fuzzer *f, const struct inuse_verdict *v, uint32_t gone, const char *text)
{
	snprintf(f->why, sizeof(f->why), "with %u of %u named blockers removed the kernel says %s", gone, v->n_shown, text);
	f->kind = IU_BY_REMOVAL;
	return IU_DIFFERS;
}

enum iu_agreement iu_fuzz_remove(struct iu_fuzzer *f, const struct iu_step *step, const struct inuse_verdict *v)
{
	struct iu_fuzz_answer answer;

	if (v->n_blockers != v->n_shown || v->n_shown == 0 || geteuid() != 0)
		return IU_AGREES;
	for (uint32_t i = 0; i < v->n_shown; i++)
		if (!can_remove(f, v->shown[i]))
			return IU_AGREES;
	for (uint32_t i = 0; i < v->n_shown; i++) {
		bool last = i + 1 == v->n_shown;

		if (!remove_one(f, v->shown[i]) || iu_fuzz_kernel(f, step, &answer, NULL) != INUSE_OK)
			return IU_ENDED;
		if (strcmp(answer.text, last ? "OK" : "EADDRINUSE") != 0)
			return say(f, v, i + 1, answer.text);
	}
	if (!f->again) {
		f->result->removed++;
		f->result->blockers += v->n_shown;
	}
	return IU_ENDED;
}
