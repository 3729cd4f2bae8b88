/* SPDX-License-Identifier: MIT */
/*
 * The second eye: the whole table of TCP, with the flags that sock_diag does not tell.
 *
 * Theory of operation
 *
 * Whatever has a port is an owner of that port's bind bucket, and the walk over all buckets meets each of them once, in
 * about the order in which they were made. The kernel's own iterators go by the hash of both ends, lock every slot and hold
 * every socket: three times as long, and without the sockets that are only bound. Only half-open connections are on no
 * bucket; listeners count theirs, and only where there are some the kernel's iterator is asked for them.
 * Nothing is kept: the table streams through a buffer of fixed size. No such table is of one moment.
 */
#include <errno.h>
#include <unistd.h>

#include "host/bpf_access.h"
#include "host/bpf_walk.h"
#include "host/record.h"

#include "host/bpf_skeleton.h"
#include "tcp.lskel.h"

/* Where the sockets go. */
struct delivery {
	const struct iu_scope *scope;
	iu_socket_fn *fn;
	void *arg;
	int64_t tick_ns;
	bool stopped;
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

static bool deliver(void *arg, const struct iu_rec *rec)
{
	struct delivery *d = arg;
	struct inuse_socket s;

	if (!wanted(d->scope, rec->sport))
		return true;
	s = iu_record_socket(rec, d->tick_ns);
	if (s.state == INUSE_BOUND && !d->scope->bound)
		return true;
	d->stopped = !d->fn(d->arg, &s);
	return !d->stopped;
}

static bool deliver_read(void *arg, const void *record)
{
	return deliver(arg, record);
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

static int read_half_open(const struct iu_scope *scope, struct delivery *d)
{
	struct iu_tcp_bpf *skel = NULL;
	int os_code = load(scope, &skel), fd;

	if (os_code != 0)
		return os_code;
	fd = iu_bpf_open_iterator(skel->progs.dump_requests.prog_fd);
	os_code = fd < 0 ? errno : 0;
	iu_tcp_bpf__destroy(skel);
	if (fd < 0)
		return os_code;
	os_code = iu_bpf_read_records(fd, sizeof(struct iu_rec), deliver_read, d);
	close(fd);
	return os_code;
}

int iu_iter_requests(const struct iu_scope *scope, iu_socket_fn *fn, void *arg)
{
	struct delivery d = {.scope = scope, .fn = fn, .arg = arg, .tick_ns = iu_bpf_tick_ns()};

	return read_half_open(scope, &d);
}

enum inuse_status iu_iter_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
			       struct inuse_error *error)
{
	struct iu_walk_question question = {.mode = IU_WALK_TABLE};
	struct delivery d = {.scope = scope, .fn = fn, .arg = arg, .tick_ns = iu_bpf_tick_ns()};
	struct iu_walk_table_end end;
	enum inuse_status status;

	*ret_unseen = 0;
	if (few_ports(scope)) {
		question.ports = scope->ports;
		question.n_ports = scope->n_ports;
	}
	status = iu_walk_table(&question, deliver, &d, &end, error);
	if (status != INUSE_OK)
		return status;
	if (end.requests > 0 && !d.stopped && !scope->listeners && read_half_open(scope, &d) != 0)
		end.partial = true;
	*ret_unseen = end.partial ? INUSE_MISSING_PARTIAL : 0;
	return INUSE_OK;
}
