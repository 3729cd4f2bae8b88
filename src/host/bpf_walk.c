/* SPDX-License-Identifier: MIT */
/*
 * Loading and running the walk over the bind buckets.
 *
 * Theory of operation
 *
 * An answer is walked for again until no list changed under the walk. A *table* may be long, and whoever takes its records
 * may take his time: it is handed out piece by piece, and where a list has changed, only the hash slot of that list is
 * walked again. What was handed out of it before is remembered by a number made of both ends and the inode, and is passed over.
 * A slot that changes again and again is left in the end, and the table called partial.
 */
#include "host/bpf_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "host/bpf_access.h"
#include "host/linux_tcp.h"
#include "host/settings.h"

#include "host/bpf_skeleton.h"
#include "bucket.lskel.h"

#define TRIES 12     /* walks that were disturbed, before the answer is called partial */
#define TIMER_TRIES 3 /* walks that met a timer in between states */
#define ELSEWHERE_TRIES 3 /* walks that were disturbed in another namespace only */
#define ROOM 1024
#define PIECE 8192 /* records of a table at a time: 768 KiB */

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
static int load(struct iu_walker *w)
{
	int os_code;

	w->skel = iu_bucket_bpf__open();
	if (w->skel == NULL)
		return ENOMEM;
	w->skel->rodata->mode = w->mode;
	w->skel->rodata->elsewhere = w->elsewhere;
	w->skel->rodata->time_wait_ticks = (uint32_t)(IU_TIME_WAIT_NS / iu_bpf_tick_ns());
	w->skel->maps.out.max_entries = (uint32_t)w->room;
	os_code = IU_BPF_LOAD(iu_bucket_bpf__load, w->skel);
	if (os_code != 0) {
		unload(w);
		return os_code;
	}
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

/* 0 or an errno. */
static int run(struct iu_walker *w)
{
	int fd = iu_bpf_socket(), os_code;

	if (fd < 0)
		return errno;
	memory(w)->socket_fd = fd;
	os_code = iu_bpf_run(w->skel->progs.walk_buckets.prog_fd);
	close(fd);
	return os_code;
}

int iu_walker_again(struct iu_walker *w, const struct iu_walk_question *q)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int torn = 0, in_between = 0, elsewhere = 0, os_code;
	const struct iu_walk *walk;

	w->partial = false;
	while (torn < TRIES) {
		ask(w, q);
		os_code = run(w);
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
	w->room = question->mode == IU_WALK_ALL ? ROOM : 1;
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

/* -------------------------------------------------------------------------------------------------- the table */

/* What was handed out of the slot in which the walk stands. */
struct slot {
	uint64_t *ids;
	size_t n, cap, n_sorted; /* sorted: when it is walked again */
	unsigned torn;
	bool full; /* no memory: what is walked again would come twice */
};

struct table {
	struct iu_walker *walker;
	struct slot slot;
	iu_walk_record_fn *fn;
	void *arg;
	uint64_t delivered;
	bool stopped;
};

static uint64_t id_of(const struct iu_rec *rec)
{
	uint64_t words[6] = {rec->inode, (uint64_t)rec->family << 32 | (uint64_t)rec->sport << 16 | rec->dport}, id = 0;

	memcpy(&words[2], rec->saddr, sizeof(rec->saddr));
	memcpy(&words[4], rec->daddr, sizeof(rec->daddr));
	for (size_t i = 0; i < 6; i++) {
		id = (id ^ words[i]) * 0x9e3779b97f4a7c15;
		id ^= id >> 32;
	}
	return id;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool slot_has(const struct slot *s, uint64_t id)
{
	return s->n_sorted > 0 && bsearch(&id, s->ids, s->n_sorted, sizeof(id), by_value) != NULL;
}

static void slot_add(struct slot *s, uint64_t id)
{
	size_t cap = s->cap ? s->cap * 2 : PIECE;
	uint64_t *ids;

	if (s->n == s->cap) {
		ids = realloc(s->ids, cap * sizeof(*ids));
		s->full |= ids == NULL;
		if (ids == NULL)
			return;
		s->ids = ids;
		s->cap = cap;
	}
	s->ids[s->n++] = id;
}

/* The records of a piece, and what has to be remembered of them. */
static void deliver_piece(struct table *t)
{
	const struct iu_walk *walk = memory(t->walker);
	size_t n = walk->n_out < t->walker->room ? walk->n_out : t->walker->room;
	size_t start = walk->new_slot ? walk->slot_start : 0;
	struct slot *slot = &t->slot;

	for (size_t i = 0; i < n && !t->stopped; i++) {
		uint64_t id = i >= start || slot->n_sorted > 0 ? id_of(&t->walker->out[i]) : 0;
		bool again = slot_has(slot, id);

		if (i == start && walk->new_slot)
			slot->n = slot->n_sorted = slot->torn = 0;
		if (i >= start && !again)
			slot_add(slot, id);
		if (!again) {
			t->delivered++;
			t->stopped = !t->fn(t->arg, &t->walker->out[i]);
		}
	}
	if (walk->new_slot && start >= n)
		slot->n = slot->n_sorted = slot->torn = 0;
}

/* How a walk goes on that has stopped before its end. */
static enum iu_walk_resume go_on(struct table *t, bool *partial)
{
	struct slot *slot = &t->slot;

	if (!memory(t->walker)->torn)
		return IU_WALK_ON;
	if (slot->torn++ >= TRIES + slot->n / PIECE || slot->full) {
		*partial = true;
		return IU_WALK_SLOT_OVER;
	}
	if (slot->n > 0)
		qsort(slot->ids, slot->n, sizeof(*slot->ids), by_value);
	slot->n_sorted = slot->n;
	return IU_WALK_SLOT_AGAIN;
}

/* 0 or an errno. */
static int walk_pieces(struct table *t, const struct iu_walk_question *q, struct iu_walk_table_end *end)
{
	enum iu_walk_resume resume = IU_WALK_FROM_START;
	int os_code;

	do {
		ask(t->walker, q);
		memory(t->walker)->resume = resume;
		os_code = run(t->walker);
		if (os_code != 0)
			return os_code;
		end->requests += memory(t->walker)->requests;
		deliver_piece(t);
		if (!memory(t->walker)->finished)
			resume = go_on(t, &end->partial);
	} while (!t->stopped && !memory(t->walker)->finished);
	return 0;
}

enum inuse_status iu_walk_table(const struct iu_walk_question *question, iu_walk_record_fn *fn, void *arg,
				struct iu_walk_table_end *ret_end, struct inuse_error *error)
{
	struct iu_walker w = {.mode = IU_WALK_TABLE, .room = question->piece ? question->piece : PIECE};
	struct table t = {.walker = &w, .fn = fn, .arg = arg};
	int os_code;

	*ret_end = (struct iu_walk_table_end){0};
	os_code = load(&w);
	if (os_code == 0) {
		os_code = walk_pieces(&t, question, ret_end);
		unload(&w);
	}
	free(t.slot.ids);
	if (os_code != 0 && t.delivered == 0)
		return iu_bpf_refused(os_code, error);
	ret_end->partial |= os_code != 0;
	return INUSE_OK;
}
