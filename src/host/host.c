/* SPDX-License-Identifier: MIT */
/* The sources of sockets in their order, and the first that answers. */
#include "host/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/collect.h"

/* What iu_bucket_each() takes at once, and how many such calls are still better than reading the whole table. */
#define PORTS_AT_ONCE 16
#define PORTS_MAX 64

static enum inuse_status bucket_each(const struct iu_scope *scope, const struct iu_sink *sink, uint32_t *ret_unseen,
				     struct inuse_error *error)
{
	struct iu_scope part = *scope;
	enum inuse_status status = INUSE_OK;
	uint32_t unseen = 0;

	for (size_t at = 0; at < scope->n_ports && status == INUSE_OK; at += part.n_ports) {
		uint32_t one = 0;

		part.ports = scope->ports + at;
		part.n_ports = scope->n_ports - at < PORTS_AT_ONCE ? scope->n_ports - at : PORTS_AT_ONCE;
		status = iu_bucket_each(&part, sink->fn, sink->bucket_fn, sink->elsewhere_fn, sink->arg, &one, error);
		unseen |= one;
	}
	if (status == INUSE_OK)
		*ret_unseen = unseen;
	return status;
}

static enum inuse_status iter_each(const struct iu_scope *scope, const struct iu_sink *sink, uint32_t *ret_unseen,
				   struct inuse_error *error)
{
	return iu_iter_each(scope, sink->fn, sink->arg, ret_unseen, error);
}

static enum inuse_status diag_each(const struct iu_scope *scope, const struct iu_sink *sink, uint32_t *ret_unseen,
				   struct inuse_error *error)
{
	return iu_diag_each(scope, INUSE_PROTO_TCP, sink->fn, sink->arg, ret_unseen, error);
}

static enum inuse_status procnet_each(const struct iu_scope *scope, const struct iu_sink *sink, uint32_t *ret_unseen,
				      struct inuse_error *error)
{
	return iu_procnet_each(scope, sink->fn, sink->arg, ret_unseen, error);
}

#define PORTS IU_FOR_PORTS
#define TABLE IU_FOR_TABLE
#define OWNERS IU_FOR_OWNERS
#define OPTIONS IU_FOR_OPTIONS
const struct iu_source iu_sources[IU_N_SOURCES] = {
#define SOURCE(id, name, each, use, tells) [IU_SOURCE_##id] = {name, each, use, tells},
#include IU_HOSTS_DEF
#undef SOURCE
};
#undef PORTS
#undef TABLE
#undef OWNERS
#undef OPTIONS
_Static_assert(IU_N_SOURCES <= 32, "scope->without has a bit for every source");

bool iu_source_is_out(const struct iu_scope *scope, enum iu_source_id id)
{
	/* the table of listeners is small: to load a program into the kernel for it would cost more */
	return (scope->without & (1u << id)) != 0 || (scope->listeners && (id == IU_SOURCE_BUCKET || id == IU_SOURCE_ITER));
}

/* Counts what came through, so that a source that broke off can be told from one that never began. */
struct counted {
	const struct iu_sink *sink;
	uint64_t n;
};

static bool count_socket(void *arg, const struct inuse_socket *socket)
{
	struct counted *c = arg;

	c->n++;
	return c->sink->fn(c->sink->arg, socket);
}

static bool count_bucket(void *arg, const struct iu_bucket *bucket)
{
	struct counted *c = arg;

	return c->sink->bucket_fn == NULL || c->sink->bucket_fn(c->sink->arg, bucket);
}

static bool count_elsewhere(void *arg, const struct iu_elsewhere *elsewhere)
{
	struct counted *c = arg;

	return c->sink->elsewhere_fn(c->sink->arg, elsewhere);
}

enum inuse_status iu_sources_run(const struct iu_scope *scope, const struct iu_sink *sink, enum iu_source_id *ret_id,
				 uint32_t *ret_unseen, struct inuse_error *error)
{
	bool ports = scope->n_ports > 0 && scope->n_ports <= PORTS_MAX && !sink->streams;
	unsigned use = ports ? IU_FOR_PORTS : IU_FOR_TABLE;
	struct inuse_error why;
	enum inuse_status status =
		iu_fail(&why, INUSE_E_UNSUPPORTED, 0, NULL, _("every source of sockets was left out"));

	for (int id = 0; id < IU_N_SOURCES; id++) {
		struct counted counted = {.sink = sink};
		struct iu_sink counting = {.fn = count_socket, .bucket_fn = count_bucket, .arg = &counted};
		uint32_t unseen = 0;

		if (sink->elsewhere_fn != NULL)
			counting.elsewhere_fn = count_elsewhere;
		if ((iu_sources[id].use & use) == 0 || iu_source_is_out(scope, (enum iu_source_id)id))
			continue;
		status = iu_sources[id].each(scope, &counting, &unseen, &why);
		if (sink->told != NULL)
			iu_snapshot_say(sink->told, iu_sources[id].name, status == INUSE_OK,
					status == INUSE_OK ? _(iu_sources[id].tells) : why.text);
		if (status == INUSE_OK) {
			*ret_id = (enum iu_source_id)id;
			*ret_unseen = unseen;
			return INUSE_OK;
		}
		if (sink->refused != NULL && sink->refused->status == INUSE_OK)
			*sink->refused = why;
		/* what was handed on cannot be taken back, unless the sink knows how */
		if (counted.n > 0 && sink->restart == NULL)
			break;
		if (counted.n > 0)
			sink->restart(sink->arg);
	}
	if (error != NULL)
		*error = why;
	return status;
}

enum inuse_status iu_host_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, struct iu_seen *ret_seen,
			       struct inuse_error *error)
{
	struct inuse_error refused = {0};
	struct iu_sink sink = {.fn = fn, .arg = arg, .refused = &refused, .streams = !scope->classes};
	struct iu_seen seen = {0};
	enum inuse_status status;
	enum iu_source_id id = 0;

	status = iu_sources_run(scope, &sink, &id, &seen.unseen, error);
	if (status < 0)
		return status;
	seen.id = id;
	strncpy(seen.source, iu_sources[id].name, sizeof(seen.source) - 1);
	memcpy(seen.reason, refused.text, sizeof(seen.reason));
	if (ret_seen != NULL)
		*ret_seen = seen;
	return INUSE_OK;
}
