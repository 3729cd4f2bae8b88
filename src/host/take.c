/* SPDX-License-Identifier: MIT */
/*
 * A snapshot of this machine, put together from its sources.
 *
 * Theory of operation
 *
 * Sockets are collected first and owners searched for afterwards; a process that ends in between leaves a socket that
 * nobody seems to hold, which looks like a descriptor in flight. Nothing is called that before a second look: the
 * sockets are read again, and if the one in question is gone, all is taken once more (the whole table is too long for
 * that: there its owner becomes unknown). If it is still there, the owners of such sockets are searched for again,
 * with every source of owners.
 * Only then does everything go into the snapshot, which cannot take back what was added.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/collect.h"
#include "host/diag_udp.h"
#include "host/features.h"

#define ATTEMPTS 3

bool iu_collection_add(struct iu_collection *c, void *array_pointer, size_t *n, size_t *cap, const void *record,
		       size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	char *data;

	memcpy(&data, array_pointer, sizeof(data));
	if (*n == *cap) {
		data = want > SIZE_MAX / size ? NULL : realloc(data, want * size);
		if (data == NULL) {
			c->failed = true;
			return false;
		}
		memcpy(array_pointer, &data, sizeof(data));
		*cap = want;
	}
	memcpy(data + (*n)++ * size, record, size);
	return true;
}

static bool collect_socket(void *arg, const struct inuse_socket *socket)
{
	struct iu_collection *c = arg;
	struct inuse_socket mine = *socket;

	if (c->scope != NULL && c->scope->want != NULL && !c->scope->want(c->scope->want_arg, socket))
		return true;
	mine.holders = mine.n_holders = 0;
	return iu_collection_add(c, &c->sockets, &c->n_sockets, &c->cap_sockets, &mine, sizeof(mine));
}

static bool collect_bucket(void *arg, const struct iu_bucket *bucket)
{
	struct iu_collection *c = arg;

	return iu_collection_add(c, &c->buckets, &c->n_buckets, &c->cap_buckets, bucket, sizeof(*bucket));
}

static bool collect_elsewhere(void *arg, const struct iu_elsewhere *elsewhere)
{
	struct iu_collection *c = arg;

	return iu_collection_add(c, &c->elsewheres, &c->n_elsewheres, &c->cap_elsewheres, elsewhere, sizeof(*elsewhere));
}

static void forget(void *arg)
{
	struct iu_collection *c = arg;

	c->n_sockets = c->n_buckets = c->n_elsewheres = 0;
}

void iu_collection_done(struct iu_collection *c)
{
	free(c->sockets);
	free(c->buckets);
	free(c->elsewheres);
	free(c->processes);
	free(c->holders);
	memset(c, 0, sizeof(*c));
}

static enum inuse_status collect(const struct iu_scope *scope, struct inuse_snapshot *told, struct iu_collection *c,
				 enum iu_source_id *ret_id, uint32_t *ret_unseen, struct inuse_error *error)
{
	struct iu_sink sink = {
		.fn = collect_socket, .bucket_fn = collect_bucket, .arg = c, .restart = forget, .told = told};
	enum inuse_status status;

	if (scope->elsewhere)
		sink.elsewhere_fn = collect_elsewhere;
	c->scope = scope;
	status = iu_sources_run(scope, &sink, ret_id, ret_unseen, error);
	if (status == INUSE_OK && c->failed)
		return iu_fail(error, INUSE_E_MEMORY, 0, "collect", _("out of memory"));
	return status;
}

/* What was read before, as if it were read now. */
static void take_given(const struct iu_scope *scope, struct iu_collection *c, enum iu_source_id *ret_id, uint32_t *ret_unseen)
{
	c->scope = scope;
	c->sockets = *scope->given;
	c->n_sockets = c->cap_sockets = scope->n_given;
	*scope->given = NULL;
	for (size_t i = 0; i < c->n_sockets; i++)
		c->sockets[i].holders = c->sockets[i].n_holders = 0;
	*ret_id = scope->given_seen->id;
	*ret_unseen = scope->given_seen->unseen;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Inodes that were seen. */
struct inodes {
	struct iu_collection memory; /* only to remember that it ran out */
	uint64_t *list;
	size_t n, cap;
};

static bool remember_inode(void *arg, const struct inuse_socket *socket)
{
	struct inodes *seen = arg;

	return socket->inode == 0 || iu_collection_add(&seen->memory, &seen->list, &seen->n, &seen->cap, &socket->inode,
						       sizeof(socket->inode));
}

/*
 * Reads the sockets again. Those that nobody holds and that are gone lose INUSE_KNOW_OWNER; the number of them.
 * With classes, another of many alike may have been picked as the example: then nothing is said of any.
 */
static size_t count_vanished(const struct iu_scope *scope, struct iu_collection *c)
{
	struct inodes seen = {0};
	struct iu_sink sink = {.fn = remember_inode, .arg = &seen};
	enum iu_source_id id;
	uint32_t unseen;
	size_t vanished = 0;
	bool read_again = iu_sources_run(scope, &sink, &id, &unseen, NULL) == INUSE_OK && !seen.memory.failed;

	if (read_again && seen.n > 0)
		qsort(seen.list, seen.n, sizeof(*seen.list), by_number);
	for (size_t i = 0; i < c->n_sockets; i++) {
		struct inuse_socket *socket = &c->sockets[i];

		if (!iu_socket_is_unheld(socket) || (read_again && socket->count > 1))
			continue;
		if (read_again && seen.n > 0 && bsearch(&socket->inode, seen.list, seen.n, sizeof(*seen.list), by_number))
			continue;
		socket->known &= ~INUSE_KNOW_OWNER;
		vanished++;
	}
	free(seen.list);
	return vanished;
}

/* What one attempt has put together. */
struct attempt {
	struct iu_collection collection;
	enum iu_source_id source;
	uint32_t unseen;
	struct iu_probed probed;
	int64_t now_ns;
};

static size_t count_unheld(const struct iu_collection *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_sockets; i++)
		n += iu_socket_is_unheld(&c->sockets[i]);
	return n;
}

/* Sockets and their owners, looked at again as long as a socket vanished under the search. */
static enum inuse_status take_sockets(const struct iu_scope *scope, struct inuse_snapshot *s, struct attempt *a,
				      struct inuse_error *error)
{
	enum inuse_status status = INUSE_OK;

	for (int i = 1;; i++) {
		bool tell = i == 1;

		a->now_ns = iu_host_now();
		if (i == 1 && scope->given_seen != NULL)
			take_given(scope, &a->collection, &a->source, &a->unseen);
		else
			status = collect(scope, tell ? s : NULL, &a->collection, &a->source, &a->unseen, error);
		if (status == INUSE_OK && scope->owners)
			status = iu_owners_find(scope, IU_OWNERS_OF_ALL, &a->collection, s, tell, error);
		if (status < 0 || count_unheld(&a->collection) == 0)
			return status;
		if (count_vanished(scope, &a->collection) == 0)
			return iu_owners_find(scope, IU_OWNERS_OF_UNHELD, &a->collection, s, false, error);
		if (i == ATTEMPTS || scope->n_ports == 0)
			return INUSE_OK;
		iu_collection_done(&a->collection);
		memset(a, 0, sizeof(*a));
	}
}

static bool add_elsewhere(void *arg, const struct iu_elsewhere *elsewhere)
{
	return iu_snapshot_add_elsewhere(arg, elsewhere) != NULL;
}

/*
 * The same port in other namespaces and of UDP: worth a line, never a reason. What cannot be seen there is not missed.
 * The bucket has told of the other namespaces already.
 */
static void take_elsewhere(const struct iu_scope *scope, enum iu_source_id source, struct inuse_snapshot *s)
{
	for (size_t i = 0; i < scope->n_ports && i < 16; i++) {
		struct iu_elsewhere udp;

		if (scope->ports[i] == 0)
			continue;
		if (source != IU_SOURCE_BUCKET && !iu_source_is_out(scope, IU_SOURCE_BUCKET))
			iu_bucket_elsewhere(scope->ports[i], add_elsewhere, s, NULL);
		if (!iu_source_is_out(scope, IU_SOURCE_DIAG) && iu_diag_udp(scope->ports[i], &udp, NULL) == INUSE_OK &&
		    udp.count > 0)
			iu_snapshot_add_elsewhere(s, &udp);
	}
}

/* A part that a verdict can do without: the model knows what it lacks then, and says so. */
static enum inuse_status optional(struct inuse_snapshot *s, const char *name, enum inuse_status status,
				  const struct inuse_error *why)
{
	if (status == INUSE_OK || status == INUSE_E_MEMORY)
		return status;
	iu_snapshot_say(s, name, false, why->text);
	return INUSE_OK;
}

static enum inuse_status take_surroundings(const struct iu_scope *scope, struct inuse_snapshot *s,
					   struct inuse_error *error)
{
	enum inuse_status status = iu_settings_read(s, error);
	struct inuse_error why = {0};

	if (status == INUSE_OK)
		status = optional(s, "addresses", iu_locals_read(s, &why), &why);
	if (status == INUSE_OK && scope->n_routes > 0)
		status = optional(s, "routes", iu_routes_read(s, scope, &why), &why);
	if (status < 0 && error != NULL && why.status == status)
		*error = why;
	return status;
}

static void put_in(const struct iu_scope *scope, struct inuse_snapshot *s, struct attempt *a)
{
	struct iu_collection *c = &a->collection;
	struct iu_facts *facts = iu_snapshot_scalars(s);

	iu_snapshot_own_sockets(s, c->sockets, c->n_sockets, c->cap_sockets);
	c->sockets = NULL;
	for (size_t i = 0; i < c->n_buckets; i++)
		iu_snapshot_add_bucket(s, &c->buckets[i]);
	for (size_t i = 0; i < c->n_elsewheres; i++)
		iu_snapshot_add_elsewhere(s, &c->elsewheres[i]);
	for (size_t i = 0; i < c->n_processes; i++)
		iu_snapshot_add_process(s, &c->processes[i]);
	for (size_t i = 0; i < c->n_holders; i++)
		iu_snapshot_add_holder(s, &c->holders[i]);
	for (size_t i = 0; i < scope->n_ports; i++) {
		struct iu_range range = {scope->ports[i], scope->ports[i]};

		iu_snapshot_add_covered(s, &range);
	}
	facts->unseen |= a->unseen;
	iu_features_take(facts, &a->probed);
	facts->buckets_known = a->source == IU_SOURCE_BUCKET;
	facts->now_ns = a->now_ns;
}

enum inuse_status iu_host_take(const struct iu_scope *scope, struct inuse_snapshot **ret_snapshot,
			       struct inuse_error *error)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct attempt a = {0};
	struct iu_scope looking = *scope;
	enum inuse_status status;

	looking.probed = &a.probed;
	if (s == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "snapshot", _("out of memory"));
	status = take_surroundings(scope, s, error);
	if (status == INUSE_OK)
		status = take_sockets(&looking, s, &a, error);
	if (status == INUSE_OK) {
		if (scope->owners)
			iu_options_find(scope, &a.collection, s);
		put_in(scope, s, &a);
		if (scope->elsewhere)
			take_elsewhere(scope, a.source, s);
		status = iu_snapshot_seal(s, error);
	}
	iu_collection_done(&a.collection);
	if (status < 0) {
		iu_snapshot_free(s);
		return status;
	}
	*ret_snapshot = s;
	return INUSE_OK;
}
