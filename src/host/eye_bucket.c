/* SPDX-License-Identifier: MIT */
/*
 * The first eye: the bind buckets themselves, which is what bind() decides on.
 *
 * Theory of operation
 *
 * Everything that holds a port hangs on the port's bucket: listeners, connections, sockets that are only bound,
 * TIME-WAIT; half-open requests do not. Only connect() ever meets one, from the port of a listener: they are looked for elsewhere then.
 *
 * Where the scope allows classes the BPF program hands out up to 64 sockets one
 * by one (listeners and bound ones first, 16 of the mini sockets, 32 of all that is no listener) and counts the
 * others by what rules can tell apart: a class is delivered as one socket with a count, with the addresses and the
 * end of the one that goes last.
 */
#include "bpf/record.h"
#include "base/error.h"
#include "base/gettext.h"
#include "host/bpf_access.h"
#include "host/bpf_walk.h"
#include "host/features.h"
#include "host/record.h"

/* Where the sockets go. */
struct delivery {
	iu_socket_fn *fn;
	iu_bucket_fn *bucket_fn;
	void *arg;
	int64_t tick_ns;
	bool met_listener;
};

static bool deliver(struct delivery *d, const struct iu_rec *rec, uint64_t count)
{
	struct inuse_socket s = iu_record_socket(rec, d->tick_ns);

	s.count = count;
	d->met_listener |= s.state == INUSE_LISTEN;
	return d->fn(d->arg, &s);
}

/* Buckets of a VRF device come last: who wants the bucket of a port finds the ordinary one first. */
static bool deliver_buckets(const struct delivery *d, const struct iu_walk *walk, bool of_device)
{
	struct iu_bucket b;

	for (uint32_t i = 0; d->bucket_fn != NULL && i < walk->n_buckets; i++) {
		if ((walk->buckets[i].l3mdev != 0) != of_device)
			continue;
		b = iu_record_bucket(&walk->buckets[i]);
		if (!d->bucket_fn(d->arg, &b))
			return false;
	}
	return true;
}

static void deliver_elsewhere(const struct iu_walker *w, iu_elsewhere_fn *fn, void *arg)
{
	const struct iu_walk *walk = iu_walker_answer(w);

	for (uint32_t i = 0; fn != NULL && i < walk->n_places; i++) {
		const struct iu_place *place = &walk->places[i];
		struct iu_elsewhere e = {.netns = place->netns, .port = (uint16_t)place->port, .proto = INUSE_PROTO_TCP,
					 .listening = place->listening != 0, .count = place->count};

		if (!fn(arg, &e))
			return;
	}
}

static void deliver_all(struct delivery *d, const struct iu_walker *w)
{
	const struct iu_walk *walk = iu_walker_answer(w);
	const struct iu_rec *records;
	size_t n;

	if (!deliver_buckets(d, walk, false) || !deliver_buckets(d, walk, true))
		return;
	for (uint32_t i = 0; i < walk->n_shown; i++)
		if (!deliver(d, &walk->shown[i], 1))
			return;
	for (uint32_t i = 0; i < IU_WALK_CLASSES_MAX; i++)
		if (walk->classes[i].count > 0 && !deliver(d, &walk->classes[i].rec, walk->classes[i].count))
			return;
	records = iu_walker_records(w, &n);
	for (size_t i = 0; i < n; i++)
		if (!deliver(d, &records[i], 1))
			return;
}

static void tell_features(const struct iu_walk *walk, struct iu_probed *ret)
{
	static const struct {
		uint32_t has, feature;
	} rows[] = {
		{IU_HAS_ADDRESS_BUCKETS, IU_FEATURE_BHASH2},
		{IU_HAS_OWNERS_BY_ADDRESS, IU_FEATURE_OWNERS_BY_ADDR},
		{IU_HAS_CONNECT_BIND, IU_FEATURE_CONNECT_BIND},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ret->which |= rows[i].feature;
		if ((walk->has & rows[i].has) != 0)
			ret->present |= rows[i].feature;
	}
}

/* Addresses and destinations that were asked about. More than there is room for: false. */
static bool collect_asked(const struct iu_scope *scope, struct inuse_addr *asked, size_t *ret_n)
{
	if (scope->n_at + scope->n_routes > IU_WALK_ASKED)
		return false;
	for (size_t i = 0; i < scope->n_at; i++)
		asked[(*ret_n)++] = scope->at[i];
	for (size_t i = 0; i < scope->n_routes; i++)
		asked[(*ret_n)++] = scope->routes[i];
	return true;
}

enum inuse_status iu_bucket_each(const struct iu_scope *scope, iu_socket_fn *fn, iu_bucket_fn *bucket_fn,
				 iu_elsewhere_fn *elsewhere_fn, void *arg, uint32_t *ret_unseen, struct inuse_error *error)
{
	struct inuse_addr asked[IU_WALK_ASKED];
	struct iu_walk_question q = {
		.mode = IU_WALK_CLASSES, .ports = scope->ports, .n_ports = scope->n_ports, .asked = asked, .elsewhere = elsewhere_fn != NULL};
	struct delivery d = {.fn = fn, .bucket_fn = bucket_fn, .arg = arg, .tick_ns = iu_bpf_tick_ns()};
	struct iu_walker *w = NULL;
	enum inuse_status status;

	*ret_unseen = 0;
	if (scope->ports == NULL || scope->n_ports == 0 || scope->n_ports > IU_WALK_PORTS)
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("the buckets are read for up to %d ports"),
			       IU_WALK_PORTS);
	if (!scope->classes || !collect_asked(scope, asked, &q.n_asked))
		q.mode = IU_WALK_ALL;
	status = iu_walker_new(&q, &w, error);
	/* More classes than the table has room for: then one by one. */
	if (status == INUSE_OK && q.mode == IU_WALK_CLASSES && iu_walker_answer(w)->crowded) {
		iu_walker_free(w);
		q.mode = IU_WALK_ALL;
		status = iu_walker_new(&q, &w, error);
	}
	if (status != INUSE_OK)
		return status;
	if (iu_walker_partial(w))
		*ret_unseen |= INUSE_MISSING_PARTIAL;
	if (scope->probed != NULL)
		tell_features(iu_walker_answer(w), scope->probed);
	deliver_all(&d, w);
	deliver_elsewhere(w, elsewhere_fn, arg);
	iu_walker_free(w);
	if (d.met_listener && scope->n_routes > 0 && iu_iter_requests(scope, fn, arg) != 0)
		*ret_unseen |= INUSE_MISSING_PARTIAL;
	return INUSE_OK;
}

enum inuse_status iu_bucket_elsewhere(uint16_t port, iu_elsewhere_fn *fn, void *arg, struct inuse_error *error)
{
	struct iu_walk_question q = {.mode = IU_WALK_ELSEWHERE, .ports = &port, .n_ports = 1};
	struct iu_walker *w = NULL;
	enum inuse_status status = iu_walker_new(&q, &w, error);

	if (status != INUSE_OK)
		return status;
	deliver_elsewhere(w, fn, arg);
	iu_walker_free(w);
	return INUSE_OK;
}

/* Those of the last walk. False: the caller wants no more. */
static bool deliver_memories(const struct iu_walker *w, const struct delivery *d)
{
	const struct iu_walk *walk = iu_walker_answer(w);

	return iu_walker_partial(w) || (deliver_buckets(d, walk, false) && deliver_buckets(d, walk, true));
}

/* Ports one by one, whose buckets did not all fit into one answer: every VRF device has some of its own. 0 or an errno. */
static int memories_singly(struct iu_walker *w, const struct iu_walk_question *all, const struct delivery *d, bool *more)
{
	for (size_t i = 0; i < all->n_ports && *more; i++) {
		struct iu_walk_question one = {.mode = IU_WALK_MEMORY, .ports = all->ports + i, .n_ports = 1};
		int os_code = iu_walker_again(w, &one);

		if (os_code != 0)
			return os_code;
		if (!iu_walker_answer(w)->crowded)
			*more = deliver_memories(w, d);
	}
	return 0;
}

enum inuse_status iu_bucket_memories(const uint16_t *ports, size_t n, iu_bucket_fn *fn, void *arg, struct inuse_error *error)
{
	struct iu_walk_question q = {.mode = IU_WALK_MEMORY};
	struct delivery d = {.bucket_fn = fn, .arg = arg};
	struct iu_walker *w = NULL;
	bool more = true;
	int os_code = 0;

	for (size_t at = 0; at < n && more && os_code == 0; at += q.n_ports) {
		q.ports = ports + at;
		q.n_ports = n - at < IU_WALK_PORTS ? n - at : IU_WALK_PORTS;
		if (w == NULL) {
			enum inuse_status status = iu_walker_new(&q, &w, error);

			if (status != INUSE_OK)
				return status;
		} else {
			os_code = iu_walker_again(w, &q);
		}
		if (os_code == 0 && iu_walker_answer(w)->crowded)
			os_code = memories_singly(w, &q, &d, &more);
		else if (os_code == 0)
			more = deliver_memories(w, &d);
	}
	iu_walker_free(w);
	return INUSE_OK;
}
