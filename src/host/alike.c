/* SPDX-License-Identifier: MIT */
/* Sockets that no rule about bind() tells apart. */
#include "host/alike.h"

#include <stdlib.h>
#include <string.h>

/* All that bind() reads of a socket. Filled after memset(): compared and hashed with its padding. */
struct iu_alike_key {
	struct inuse_addr local;
	uint32_t flags, known, device, uid;
	uint64_t netns;
	uint8_t state, family, mini, proto, used;
};

static struct iu_alike_key key_of(const struct inuse_socket *s)
{
	struct iu_alike_key key;

	memset(&key, 0, sizeof(key));
	key.local.family = s->local.family;
	key.local.port = s->local.port;
	key.local.scope = s->local.scope;
	memcpy(key.local.ip, s->local.ip, sizeof(key.local.ip));
	key.flags = s->flags;
	key.known = s->known;
	key.device = s->device;
	key.uid = s->mini ? 0 : s->uid; /* the uid of what is left in TIME-WAIT is not compared */
	key.netns = s->netns;
	key.state = (uint8_t)s->state;
	key.family = s->family;
	key.mini = s->mini;
	key.proto = (uint8_t)s->proto;
	key.used = 1;
	return key;
}

/* FNV-1a. */
static size_t hash(const struct iu_alike_key *key)
{
	const unsigned char *bytes = (const unsigned char *)key;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(*key); i++)
		h = (h ^ bytes[i]) * 0x100000001b3;
	return (size_t)(h ^ h >> 32);
}

/* The key's place, or the free one where it belongs. */
static struct iu_alike_key *place_of(struct iu_alike_key *keys, size_t cap, const struct iu_alike_key *key)
{
	size_t i = hash(key) & (cap - 1);

	while (keys[i].used && memcmp(&keys[i], key, sizeof(*key)) != 0)
		i = (i + 1) & (cap - 1);
	return &keys[i];
}

static bool grow(struct iu_alike *a)
{
	size_t cap = a->cap ? a->cap * 2 : 256;
	struct iu_alike_key *keys = calloc(cap, sizeof(*keys));

	if (keys == NULL)
		return false;
	for (size_t i = 0; i < a->cap; i++)
		if (a->keys[i].used)
			memcpy(place_of(keys, cap, &a->keys[i]), &a->keys[i], sizeof(*keys));
	free(a->keys);
	a->keys = keys;
	a->cap = cap;
	return true;
}

void iu_alike_done(struct iu_alike *a)
{
	free(a->keys);
	*a = (struct iu_alike){0};
}

bool iu_alike_is_new(void *alike, const struct inuse_socket *socket)
{
	struct iu_alike *a = alike;
	struct iu_alike_key key = key_of(socket), *place;

	if (a->n * 4 >= a->cap * 3 && !grow(a))
		return true;
	place = place_of(a->keys, a->cap, &key);
	if (place->used)
		return false;
	memcpy(place, &key, sizeof(key));
	a->n++;
	return true;
}
