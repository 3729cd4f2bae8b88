/* SPDX-License-Identifier: MIT */
/*
 * The second eye: the whole table of TCP, with the flags that sock_diag does not tell.
 *
 * Theory of operation
 *
 * The kernel's iterator over TCP shows all but the sockets that are only bound, which are in no table: those come
 * from a walk over all bind buckets, before the table. A socket that connects or listens in between may be seen
 * twice; none is missed for that reason. Nothing is kept: the table streams through a buffer of fixed size.
 *
 * Where there are very many owners on the buckets, that walk takes about as long as the table, and goes on beside it in
 * a thread of its own. A socket that connects or listens just then may be missed; but no such table is of one moment.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "host/bpf_access.h"
#include "host/bpf_walk.h"
#include "host/record.h"
#include "tcp.lskel.h"

#define FEW_OWNERS 5000

/* Where the sockets go. */
struct delivery {
	const struct iu_scope *scope;
	iu_socket_fn *fn;
	void *arg;
	int64_t tick_ns;
	bool stopped;
	uint64_t delivered;
};

/* Few enough to be chosen in the kernel; others are left to wanted(). */
static bool few_ports(const struct iu_scope *scope)
{
	return scope->ports != NULL && scope->n_ports > 0 && scope->n_ports <= IU_WALK_PORTS;
}

static bool wanted(const struct iu_scope *scope, uint16_t port)
{
	if (scope->ports == NULL)
		return true;
	for (size_t i = 0; i < scope->n_ports; i++)
		if (scope->ports[i] == port)
			return true;
	return false;
}

static bool deliver(void *arg, const void *record)
{
	const struct iu_rec *rec = record;
	struct delivery *d = arg;
	struct inuse_socket s;

	if (!wanted(d->scope, rec->sport))
		return true;
	s = iu_record_socket(rec, d->tick_ns);
	d->delivered++;
	d->stopped = !d->fn(d->arg, &s);
	return !d->stopped;
}

/* The walk for the sockets that are only bound. */
struct bound {
	struct iu_walk_question question;
	struct iu_walker *walker; /* NULL: not begun, or refused */
	pthread_t thread;
	bool beside; /* it goes on while the table is read */
	int os_code;
};

static void begin_bound(struct bound *b, const struct iu_scope *scope)
{
	b->question = (struct iu_walk_question){.mode = IU_WALK_BOUND, .limit = FEW_OWNERS};
	if (few_ports(scope)) {
		b->question.ports = scope->ports;
		b->question.n_ports = scope->n_ports;
	}
	if (iu_walker_new(&b->question, &b->walker, NULL) != INUSE_OK)
		b->walker = NULL;
}

static void *walk_beside(void *arg)
{
	struct bound *b = arg;

	b->os_code = iu_walker_again(b->walker, &b->question);
	return NULL;
}

/* False when the table is to be read first: there are very many owners. */
static bool is_bound_done(struct bound *b)
{
	if (b->walker == NULL || !iu_walker_answer(b->walker)->limited)
		return true;
	b->question.limit = 0;
	b->beside = pthread_create(&b->thread, NULL, walk_beside, b) == 0;
	if (!b->beside)
		walk_beside(b);
	return !b->beside;
}

static void deliver_bound(struct delivery *d, struct bound *b, uint32_t *ret_unseen)
{
	const struct iu_rec *records;
	size_t n;

	if (b->beside)
		pthread_join(b->thread, NULL);
	b->beside = false;
	if (b->walker == NULL || b->os_code != 0) {
		*ret_unseen |= INUSE_MISSING_BOUND;
	} else {
		if (iu_walker_partial(b->walker))
			*ret_unseen |= INUSE_MISSING_PARTIAL;
		records = iu_walker_records(b->walker, &n);
		for (size_t i = 0; i < n && !d->stopped; i++)
			deliver(d, &records[i]);
	}
	iu_walker_free(b->walker);
	b->walker = NULL;
}

/* 0 or an errno. */
static int load(const struct iu_scope *scope, struct iu_tcp_bpf **ret_skel)
{
	struct iu_tcp_bpf *skel = iu_tcp_bpf__open();
	int os_code;

	if (skel == NULL)
		return ENOMEM;
	if (few_ports(scope)) {
		skel->rodata->n_ports = (__u32)scope->n_ports;
		for (size_t i = 0; i < scope->n_ports; i++)
			skel->rodata->ports[i] = scope->ports[i];
	}
	os_code = IU_BPF_LOAD(iu_tcp_bpf__load, skel);
	if (os_code == 0)
		*ret_skel = skel;
	else
		iu_tcp_bpf__destroy(skel);
	return os_code;
}

static int open_table(const struct iu_scope *scope, int *ret_fd)
{
	struct iu_tcp_bpf *skel = NULL;
	int os_code = load(scope, &skel);

	if (os_code != 0)
		return os_code;
	*ret_fd = iu_bpf_open_iterator(skel->progs.dump_tcp.prog_fd);
	os_code = *ret_fd < 0 ? errno : 0;
	iu_tcp_bpf__destroy(skel);
	return os_code;
}

enum inuse_status iu_iter_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
			       struct inuse_error *error)
{
	struct delivery d = {.scope = scope, .fn = fn, .arg = arg, .tick_ns = iu_bpf_tick_ns()};
	int fd = -1, os_code = open_table(scope, &fd);
	struct bound bound = {0};
	bool bound_done = true;

	*ret_unseen = 0;
	if (os_code != 0)
		return iu_bpf_refused(os_code, error);
	if (scope->bound) {
		begin_bound(&bound, scope);
		bound_done = is_bound_done(&bound);
		if (bound_done)
			deliver_bound(&d, &bound, ret_unseen);
	}
	if (!d.stopped)
		os_code = iu_bpf_read_records(fd, sizeof(struct iu_rec), deliver, &d);
	close(fd);
	if (!bound_done)
		deliver_bound(&d, &bound, ret_unseen);
	if (os_code != 0 && d.delivered == 0)
		return iu_bpf_refused(os_code, error);
	if (os_code != 0)
		*ret_unseen |= INUSE_MISSING_PARTIAL;
	return INUSE_OK;
}
