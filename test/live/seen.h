/* SPDX-License-Identifier: MIT */
/* What an eye delivers, kept for a test to look at. One file of tests includes it, and has its own. */
#ifndef TEST_LIVE_SEEN_H
#define TEST_LIVE_SEEN_H

#include "support/live.h"

#include "host/sources.h"

#define MAX_SEEN 8192

/* What an eye delivered. */
static struct {
	struct inuse_socket sockets[MAX_SEEN];
	size_t n, n_buckets;
	uint64_t total; /* counts added up */
	struct iu_bucket buckets[64];
	uint32_t unseen;
} seen;

static inline bool keep_socket(void *arg, const struct inuse_socket *socket)
{
	seen.total += socket->count;
	if (seen.n < MAX_SEEN)
		seen.sockets[seen.n++] = *socket;
	return true;
}

static inline bool keep_bucket(void *arg, const struct iu_bucket *bucket)
{
	if (seen.n_buckets < 64)
		seen.buckets[seen.n_buckets++] = *bucket;
	return true;
}

static inline void need(enum inuse_status status, const struct inuse_error *error)
{
	if (status == INUSE_E_PERMISSION || status == INUSE_E_UNSUPPORTED)
		live_skip("%s", error->text);
	if (status != INUSE_OK)
		live_fail("%d: %s", status, error->text);
}

/* Looks at the buckets of the scope; skips the test where nothing can be seen. */
static inline void look_scope(const struct iu_scope *scope)
{
	struct inuse_error error = {0};

	memset(&seen, 0, sizeof(seen));
	need(iu_bucket_each(scope, keep_socket, keep_bucket, NULL, NULL, &seen.unseen, &error), &error);
	assert_int_equal(seen.unseen, 0);
}

static inline void look(uint16_t port)
{
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .classes = true, .bound = true};

	look_scope(&scope);
}

/* The only socket of that state that was seen. */
static inline const struct inuse_socket *only(enum inuse_state state)
{
	const struct inuse_socket *found = NULL;

	for (size_t i = 0; i < seen.n; i++) {
		if (seen.sockets[i].state != state)
			continue;
		if (found != NULL)
			live_fail("more than one socket in state %d", state);
		found = &seen.sockets[i];
	}
	if (found == NULL)
		live_fail("no socket in state %d among %zu", state, seen.n);
	return found;
}

static inline void check_addr(const struct inuse_addr *a, const char *text)
{
	char buf[INUSE_ADDR_TEXT];

	assert_string_equal(inuse_addr_text(a, buf), text);
}

/* Those of mask are known, and exactly flags are set. */
static inline void check_flags(const struct inuse_socket *s, uint32_t mask, uint32_t flags)
{
	if ((s->known & mask) != mask)
		live_fail("known %x lacks some of %x", s->known, mask);
	if ((s->flags & mask) != flags)
		live_fail("flags %x, of which %x should be %x", s->flags, mask, flags);
}

/* What decides on a bind() of the same address. */
#define REUSE (INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY)

/* The same at the whole table. */
static inline void look_table(const struct iu_scope *scope)
{
	struct inuse_error error = {0};

	memset(&seen, 0, sizeof(seen));
	need(iu_iter_each(scope, keep_socket, NULL, &seen.unseen, &error), &error);
	assert_int_equal(seen.unseen, 0);
}

#endif
