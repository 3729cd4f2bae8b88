/* SPDX-License-Identifier: MIT */
/*
 * A snapshot: facts of one network namespace, and the arena that owns them.
 *
 * Theory of operation
 *
 * Records live in one growing array per kind, strings in *chunks* that never move and are freed together.
 * Memory that runs out is remembered in `failed` instead of being reported by each add, so that a source may add
 * without looking; iu_snapshot_seal() reports it once. The facts borrow the arrays and point at nothing before
 * they are sealed, so that half a snapshot cannot be judged by mistake.
 */
#include "host/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"

/* Strings are short names; one that is longer than a chunk gets a chunk of its own. */
#define CHUNK_SIZE 16384

struct chunk {
	struct chunk *next;
	size_t used, size;
	char data[];
};

struct array {
	void *data;
	size_t n, cap;
};

struct said {
	const char *source, *text;
	bool ok;
};

/* One row per kind of record: its name in the snapshot and in the facts, and its type. */
#define KINDS(KIND) \
	KIND(socket, sockets, struct inuse_socket) \
	KIND(process, processes, struct inuse_process) \
	KIND(holder, holders, struct inuse_holder) \
	KIND(local, locals, struct iu_local) \
	KIND(device, devices, struct iu_device) \
	KIND(route, routes, struct iu_route) \
	KIND(bucket, buckets, struct iu_bucket) \
	KIND(elsewhere, elsewhere, struct iu_elsewhere) \
	KIND(reserved, reserved, struct iu_range) \
	KIND(excluded, excluded, struct iu_range) \
	KIND(covered, covered, struct iu_range)

struct inuse_snapshot {
	struct iu_facts facts;
	struct chunk *chunks; /* newest first */
	bool failed;
	struct array said;
#define KIND(one, many, type) struct array many;
	KINDS(KIND)
#undef KIND
};

struct inuse_snapshot *iu_snapshot_new(void)
{
	return calloc(1, sizeof(struct inuse_snapshot));
}

void iu_snapshot_free(struct inuse_snapshot *s)
{
	struct chunk *chunk, *next;

	if (s == NULL)
		return;
	for (chunk = s->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(s->said.data);
#define KIND(one, many, type) free(s->many.data);
	KINDS(KIND)
#undef KIND
	free(s);
}

/* Copies `size` bytes to the end of the array; NULL, remembered, when out of memory. */
static void *append(struct inuse_snapshot *s, struct array *array, const void *record, size_t size)
{
	char *at;

	if (array->n == array->cap) {
		size_t cap = array->cap ? array->cap * 2 : 16;
		void *data = cap > SIZE_MAX / size ? NULL : realloc(array->data, cap * size);

		if (data == NULL) {
			s->failed = true;
			return NULL;
		}
		array->data = data;
		array->cap = cap;
	}
	at = (char *)array->data + array->n++ * size;
	memcpy(at, record, size);
	return at;
}

#define KIND(one, many, type) \
	type *iu_snapshot_add_##one(struct inuse_snapshot *s, const type *one) \
	{ \
		return append(s, &s->many, one, sizeof(type)); \
	}
KINDS(KIND)
#undef KIND

void iu_snapshot_own_sockets(struct inuse_snapshot *s, struct inuse_socket *sockets, size_t n, size_t cap)
{
	free(s->sockets.data);
	s->sockets = (struct array){.data = sockets, .n = n, .cap = cap};
}

/* Room for `size` bytes in the newest chunk, or in a new one. */
static char *reserve(struct inuse_snapshot *s, size_t size)
{
	struct chunk *chunk = s->chunks;
	size_t want = size > CHUNK_SIZE ? size : CHUNK_SIZE;

	if (chunk == NULL || chunk->size - chunk->used < size) {
		chunk = size > SIZE_MAX - sizeof(*chunk) ? NULL : malloc(sizeof(*chunk) + want);
		if (chunk == NULL) {
			s->failed = true;
			return NULL;
		}
		*chunk = (struct chunk){.next = s->chunks, .size = want};
		s->chunks = chunk;
	}
	chunk->used += size;
	return chunk->data + chunk->used - size;
}

const char *iu_snapshot_string_n(struct inuse_snapshot *s, const char *text, size_t len)
{
	char *copy;

	len = text ? strnlen(text, len) : 0;
	if (len == 0)
		return "";
	copy = reserve(s, len + 1);
	if (copy == NULL)
		return "";
	memcpy(copy, text, len);
	copy[len] = 0;
	return copy;
}

const char *iu_snapshot_string(struct inuse_snapshot *s, const char *text)
{
	return iu_snapshot_string_n(s, text, text ? strlen(text) : 0);
}

struct iu_facts *iu_snapshot_scalars(struct inuse_snapshot *s)
{
	return &s->facts;
}

void iu_snapshot_say(struct inuse_snapshot *s, const char *source, bool ok, const char *text)
{
	struct said row = {iu_snapshot_string(s, source), iu_snapshot_string(s, text), ok};

	append(s, &s->said, &row, sizeof(row));
}

size_t iu_snapshot_n_said(const struct inuse_snapshot *s)
{
	return s->said.n;
}

void iu_snapshot_said(const struct inuse_snapshot *s, size_t i, const char **ret_source, bool *ret_ok,
		      const char **ret_text)
{
	const struct said *row = (const struct said *)s->said.data + i;

	*ret_source = row->source;
	*ret_ok = row->ok;
	*ret_text = row->text;
}

enum inuse_status iu_snapshot_seal(struct inuse_snapshot *s, struct inuse_error *error)
{
	if (s->failed)
		return iu_fail(error, INUSE_E_MEMORY, 0, "snapshot", _("out of memory"));
#define KIND(one, many, type) \
	s->facts.many = s->many.data; \
	s->facts.n_##many = s->many.n;
	KINDS(KIND)
#undef KIND
	return INUSE_OK;
}

void iu_snapshot_set_asker(struct inuse_snapshot *s, int32_t pid)
{
	s->facts.asker = pid;
}

const struct iu_facts *iu_snapshot_facts(const struct inuse_snapshot *s)
{
	return &s->facts;
}
