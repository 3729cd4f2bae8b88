/* SPDX-License-Identifier: MIT */
/* Loading and running the walk over the bind buckets until an undisturbed answer is there. */
#include "host/bpf_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "bucket.lskel.h"
#include "host/bpf_access.h"
#include "host/settings.h"

#define TRIES 12     /* walks that were disturbed, before the answer is called partial */
#define TIMER_TRIES 3 /* walks that met a timer in between states */
#define ELSEWHERE_TRIES 3 /* walks that were disturbed in another namespace only */
#define ROOM 1024

struct iu_walker {
	struct iu_bucket_bpf *skel;
	struct iu_rec *out;
	uint64_t room;
	enum iu_walk_mode mode;
	bool elsewhere;
	bool partial;
};

static struct iu_walk *memory(const struct iu_walker *w)
{
	return &w->skel->bss->walk;
}

static void unload(struct iu_walker *w)
{
	if (w->out != NULL)
		munmap(w->out, w->room * sizeof(*w->out));
	w->out = NULL;
	iu_bucket_bpf__destroy(w->skel);
	w->skel = NULL;
}

void iu_walker_free(struct iu_walker *w)
{
	if (w == NULL)
		return;
	unload(w);
	free(w);
}

/* 0 or an errno. */
static int load_once(struct iu_walker *w, bool use_rcu)
{
	int os_code;

	w->skel = iu_bucket_bpf__open();
	if (w->skel == NULL)
		return ENOMEM;
	w->skel->rodata->use_rcu = use_rcu;
	w->skel->rodata->mode = w->mode;
	w->skel->rodata->elsewhere = w->elsewhere;
	w->skel->maps.out.max_entries = (uint32_t)w->room;
	os_code = IU_BPF_LOAD(iu_bucket_bpf__load, w->skel);
	if (os_code != 0)
		unload(w);
	return os_code;
}

/*
 * Kernels know bpf_rcu_read_lock() from 6.2 and let loops run inside it from 6.9 on; distributions backport: the try
 * decides.
 */
static int load(struct iu_walker *w)
{
	int os_code = EINVAL;

	if (iu_bpf_kernel() >= IU_KERNEL(6, 9))
		os_code = load_once(w, true);
	if (os_code != 0 && os_code != EPERM)
		os_code = load_once(w, false);
	if (os_code != 0)
		return os_code;
	w->out = iu_bpf_map_array(w->skel->maps.out.map_fd, w->room * sizeof(*w->out));
	if (w->out != NULL)
		return 0;
	os_code = errno;
	unload(w);
	return os_code;
}

static void put_asked(struct iu_walk *walk, const struct inuse_addr *a)
{
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
	struct iu_walk_asked *to = &walk->asked[walk->n_asked];

	if (iu_addr_is_any(a) || iu_addr_is_mapped_any(a) || walk->n_asked == IU_WALK_ASKED)
		return;
	memcpy(mapped + 12, a->ip, 4);
	memcpy(to->words, a->family == 4 ? mapped : a->ip, sizeof(to->words));
	to->port = htobe16(a->port);
	to->port_mask = a->port != 0 ? 0xffff : 0;
	walk->n_asked++;
}

static void ask(struct iu_walker *w, const struct iu_walk_question *q)
{
	struct iu_walk *walk = memory(w);

	memset(walk, 0, sizeof(*walk));
	walk->room = w->room;
	walk->limit = q->limit;
	for (size_t i = 0; i < q->n_ports && i < IU_WALK_PORTS; i++)
		walk->ports[walk->n_ports++] = q->ports[i];
	for (size_t i = 0; i < q->n_asked; i++)
		put_asked(walk, &q->asked[i]);
}

static bool idle(const struct iu_rec *rec)
{
	return (rec->flags & (IU_REC_MINI | IU_REC_TIMER)) == IU_REC_MINI;
}

/*
 * A mini socket whose timer does not run has just been made, or is going this moment: linux v6.18
 * net/ipv4/inet_timewait_sock.c inet_twsk_alloc(), tw_timer_handler(). A moment later it is clear which.
 */
static bool some_idle(const struct iu_walker *w)
{
	const struct iu_walk *walk = memory(w);
	bool found = false;

	for (uint32_t i = 0; i < walk->n_shown && !found; i++)
		found = idle(&walk->shown[i]);
	for (uint32_t i = 0; i < IU_WALK_CLASSES_MAX && !found; i++)
		found = idle(&walk->classes[i].rec);
	for (uint64_t i = 0; i < walk->n_out && i < w->room && !found; i++)
		found = idle(&w->out[i]);
	return found;
}

/* Room for what there was, and some more. 0 or an errno. */
static int grow(struct iu_walker *w)
{
	uint64_t n = memory(w)->n_out;

	if (n > UINT32_MAX / 2)
		return E2BIG;
	unload(w);
	w->room = n + n / 4 + ROOM;
	return load(w);
}

int iu_walker_again(struct iu_walker *w, const struct iu_walk_question *q)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int torn = 0, in_between = 0, elsewhere = 0, os_code;
	const struct iu_walk *walk;

	w->partial = false;
	while (torn < TRIES) {
		ask(w, q);
		os_code = iu_bpf_run(w->skel->progs.walk_buckets.prog_fd);
		if (os_code != 0)
			return os_code;
		walk = memory(w);
		if (walk->n_out > w->room) {
			os_code = grow(w);
			if (os_code != 0)
				return os_code;
		} else if (walk->torn || !walk->finished) {
			torn++;
		} else if (walk->torn_elsewhere && elsewhere < ELSEWHERE_TRIES) {
			elsewhere++;
		} else if (in_between < TIMER_TRIES && some_idle(w)) {
			in_between++;
			nanosleep(&moment, NULL);
		} else {
			return 0;
		}
	}
	w->partial = true;
	return 0;
}

enum inuse_status iu_walker_new(const struct iu_walk_question *question, struct iu_walker **ret_walker,
				struct inuse_error *error)
{
	struct iu_walker *w = calloc(1, sizeof(*w));
	int os_code;

	if (w == NULL)
		return iu_bpf_refused(ENOMEM, error);
	w->mode = question->mode;
	w->elsewhere = question->elsewhere || question->mode == IU_WALK_ELSEWHERE;
	w->room = question->mode == IU_WALK_ALL || question->mode == IU_WALK_BOUND ? ROOM : 1;
	os_code = load(w);
	if (os_code == 0)
		os_code = iu_walker_again(w, question);
	if (os_code != 0) {
		iu_walker_free(w);
		return iu_bpf_refused(os_code, error);
	}
	*ret_walker = w;
	return INUSE_OK;
}

const struct iu_walk *iu_walker_answer(const struct iu_walker *w)
{
	return memory(w);
}

const struct iu_rec *iu_walker_records(const struct iu_walker *w, size_t *ret_n)
{
	*ret_n = memory(w)->n_out < w->room ? memory(w)->n_out : w->room;
	return w->out;
}

bool iu_walker_partial(const struct iu_walker *w)
{
	return w->partial;
}
