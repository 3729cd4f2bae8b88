/* SPDX-License-Identifier: MIT */
/*
 * The sums of `inuse ls --count`.
 *
 * States and ports are arrays; remote addresses are kept in a hash table with open addressing, at most three quarters
 * full. A million peers take some 64 MiB.
 */
#include "cli/ls_count.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "say/names.h"
#include "say/row.h"

#define SHOWN 10

struct remote {
	struct inuse_addr addr; /* port 0 */
	uint64_t n;             /* 0: the place is free */
};

struct iu_ls_count {
	uint64_t total, states[INUSE_N_STATES], ports[65536];
	struct remote *remotes;
	size_t n_remotes, cap; /* cap: a power of two */
};

/* One sum, ready to be sorted and printed. */
struct sum {
	uint64_t n;
	uint32_t number; /* state, port, or place of the remote */
};

struct iu_ls_count *iu_ls_count_new(void)
{
	struct iu_ls_count *count = calloc(1, sizeof(*count));

	if (count == NULL)
		return NULL;
	count->cap = 1024;
	count->remotes = calloc(count->cap, sizeof(*count->remotes));
	if (count->remotes == NULL) {
		free(count);
		return NULL;
	}
	return count;
}

void iu_ls_count_free(struct iu_ls_count *count)
{
	if (count != NULL)
		free(count->remotes);
	free(count);
}

uint64_t iu_ls_count_total(const struct iu_ls_count *count)
{
	return count->total;
}

/* FNV-1a, 64 bit. The peers could choose addresses that collide, but only the asker would wait a little longer. */
static uint64_t hash_of(const struct inuse_addr *a)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(a->ip); i++)
		hash = (hash ^ a->ip[i]) * 0x100000001b3;
	return hash ^ hash >> 32;
}

/* The place of addr: its own, or a free one. */
static struct remote *place_of(struct remote *table, size_t cap, const struct inuse_addr *addr)
{
	size_t at = (size_t)hash_of(addr) & (cap - 1);

	while (table[at].n != 0 && (table[at].addr.family != addr->family || table[at].addr.scope != addr->scope ||
				    memcmp(table[at].addr.ip, addr->ip, sizeof(addr->ip)) != 0))
		at = (at + 1) & (cap - 1);
	return &table[at];
}

static bool grow(struct iu_ls_count *count)
{
	size_t cap = count->cap * 2;
	struct remote *table = calloc(cap, sizeof(*table));

	if (table == NULL)
		return false;
	for (size_t i = 0; i < count->cap; i++)
		if (count->remotes[i].n != 0)
			*place_of(table, cap, &count->remotes[i].addr) = count->remotes[i];
	free(count->remotes);
	count->remotes = table;
	count->cap = cap;
	return true;
}

bool iu_ls_count_add(struct iu_ls_count *count, const struct inuse_socket *s)
{
	struct inuse_addr addr = iu_addr_unmapped(&s->remote);
	uint64_t n = s->count > 1 ? s->count : 1;
	struct remote *remote;

	count->total += n;
	count->states[(unsigned)s->state < INUSE_N_STATES ? s->state : INUSE_STATE_UNKNOWN] += n;
	count->ports[s->local.port] += n;
	if (!iu_socket_has_remote(s))
		return true;
	if (count->n_remotes >= count->cap / 4 * 3 && !grow(count))
		return false;
	addr.port = 0;
	remote = place_of(count->remotes, count->cap, &addr);
	count->n_remotes += remote->n == 0;
	remote->addr = addr;
	remote->n += n;
	return true;
}

/* ------------------------------------------------------------------------------------------- printing */

enum by { BY_STATE, BY_PORT, BY_REMOTE };

static int most_first(const void *x, const void *y)
{
	const struct sum *a = x, *b = y;

	if (a->n != b->n)
		return a->n < b->n ? 1 : -1;
	return (a->number > b->number) - (a->number < b->number);
}

static uint64_t sum_at(const struct iu_ls_count *count, enum by by, size_t i)
{
	return by == BY_STATE ? count->states[i] : by == BY_PORT ? count->ports[i] : count->remotes[i].n;
}

/* Everything that is not 0, sorted; NULL when out of memory. */
static struct sum *sums_of(const struct iu_ls_count *count, enum by by, size_t *ret_n)
{
	size_t max = by == BY_STATE ? INUSE_N_STATES : by == BY_PORT ? 65536 : count->cap, n = 0;
	struct sum *sums = malloc(max * sizeof(*sums));

	if (sums == NULL)
		return NULL;
	for (size_t i = 0; i < max; i++)
		if (sum_at(count, by, i) != 0)
			sums[n++] = (struct sum){sum_at(count, by, i), (uint32_t)i};
	qsort(sums, n, sizeof(*sums), most_first);
	*ret_n = n;
	return sums;
}

static void name_of(const struct iu_ls_count *count, enum by by, const struct sum *sum, char buf[INUSE_ADDR_TEXT])
{
	if (by == BY_STATE)
		snprintf(buf, INUSE_ADDR_TEXT, "%s", iu_say_state((enum inuse_state)sum->number));
	else if (by == BY_PORT)
		snprintf(buf, INUSE_ADDR_TEXT, ":%u", sum->number);
	else
		iu_addr_host_text(&count->remotes[sum->number].addr, buf);
}

static void print_people(const struct iu_ls_count *count, enum by by, const struct sum *sums, size_t n, FILE *f,
			 bool all)
{
	static const char *const titles[] = {
		[BY_STATE] = N_("by state"), [BY_PORT] = N_("by local port"), [BY_REMOTE] = N_("by remote address")};
	size_t shown = all || n <= SHOWN ? n : SHOWN;
	char name[INUSE_ADDR_TEXT];

	fprintf(f, "%s\n", _(titles[by]));
	for (size_t i = 0; i < shown; i++) {
		name_of(count, by, &sums[i], name);
		fprintf(f, "%10llu  %s\n", (unsigned long long)sums[i].n, name);
	}
	if (shown < n)
		fprintf(f, iu_ngettext("            and %zu more\n", "            and %zu more\n", n - shown),
			n - shown);
}

static void print_json(const struct iu_ls_count *count, enum by by, const struct sum *sums, size_t n, FILE *f)
{
	char name[INUSE_ADDR_TEXT];

	for (size_t i = 0; i < n; i++) {
		json_t *line = json_pack("{s:s, s:i}", "schema", "inuse-count", "version", 1);

		name_of(count, by, &sums[i], name);
		if (by == BY_STATE)
			json_object_set_new(line, "state",
					    json_string(iu_json_state((enum inuse_state)sums[i].number)));
		else if (by == BY_PORT)
			json_object_set_new(line, "port", json_integer(sums[i].number));
		else
			json_object_set_new(line, "remote", json_string(name));
		json_object_set_new(line, "count", json_integer((json_int_t)sums[i].n));
		json_dumpf(line, f, JSON_COMPACT);
		fputc('\n', f);
		json_decref(line);
	}
}

enum inuse_status iu_ls_count_print(const struct iu_ls_count *count, FILE *f, bool json, bool all,
				    struct inuse_error *error)
{
	if (!json)
		fprintf(f, iu_ngettext("%llu socket\n", "%llu sockets\n", count->total),
			(unsigned long long)count->total);
	for (enum by by = BY_STATE; by <= BY_REMOTE; by++) {
		size_t n = 0;
		struct sum *sums = sums_of(count, by, &n);

		if (sums == NULL)
			return iu_fail(error, INUSE_E_MEMORY, 0, "count", _("out of memory"));
		if (json)
			print_json(count, by, sums, n, f);
		else if (n > 0)
			print_people(count, by, sums, n, f, all);
		free(sums);
	}
	return INUSE_OK;
}
