/* SPDX-License-Identifier: MIT */
/* The kernel's own bind buckets, read between two steps, beside the simulated sockets. */
#include "lab/eyes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "host/bucket_reader.h"
#include "host/host.h"
#include "lab/live.h"
#include "say/names.h"
#include "say/say.h"

#define SOCKETS_MAX 256
#define PATIENCE_NS INT64_C(200000000)

struct iu_eyes {
	uint16_t ports[IU_EYES_PORTS];
	size_t n_ports;
	struct iu_bucket_reader *reader;
	struct inuse_socket sockets[SOCKETS_MAX];
	size_t n_sockets;
	const struct iu_bucket *buckets;
	size_t n_buckets;
	struct iu_facts facts;
};

struct iu_eyes *iu_eyes_new(const uint16_t *ports, size_t n, struct inuse_error *error)
{
	struct iu_eyes *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
		return NULL;
	}
	memcpy(e->ports, ports, n * sizeof(ports[0]));
	e->n_ports = n;
	if (iu_bucket_reader_new(e->ports, n, &e->reader, error) == INUSE_OK)
		return e;
	free(e);
	return NULL;
}

void iu_eyes_ask(struct iu_eyes *e, const uint16_t *ports, size_t n)
{
	memcpy(e->ports, ports, n * sizeof(ports[0]));
	e->n_ports = n;
	iu_bucket_reader_ask(e->reader, e->ports, n);
}

void iu_eyes_free(struct iu_eyes *e)
{
	if (e != NULL)
		iu_bucket_reader_free(e->reader);
	free(e);
}

bool iu_eyes_read(struct iu_eyes *e, const struct iu_facts *simulated)
{
	const struct inuse_socket *sockets;

	if (!iu_bucket_reader_read(e->reader))
		return false;
	sockets = iu_bucket_reader_sockets(e->reader, &e->n_sockets);
	if (e->n_sockets > SOCKETS_MAX)
		return false;
	for (size_t i = 0; i < e->n_sockets; i++) {
		e->sockets[i] = sockets[i];
		if (sockets[i].device == 0 || simulated == NULL)
			continue;
		e->sockets[i].device = iu_live_device(simulated, sockets[i].device);
		if (sockets[i].local.scope != 0)
			e->sockets[i].local.scope = e->sockets[i].device;
		if (sockets[i].remote.scope != 0)
			e->sockets[i].remote.scope = e->sockets[i].device;
	}
	e->buckets = iu_bucket_reader_buckets(e->reader, &e->n_buckets);
	return true;
}

static bool is_read(const struct iu_eyes *e, uint16_t port)
{
	for (size_t i = 0; i < e->n_ports; i++)
		if (e->ports[i] == port)
			return true;
	return false;
}

/* ---------------------------------------------------------------------------------------------- comparing */

static bool is_connection(const struct inuse_socket *s)
{
	return s->state != INUSE_LISTEN && s->state != INUSE_BOUND;
}

/* The options that rules read of a socket in that state. */
static uint32_t telling_flags(const struct inuse_socket *s)
{
	uint32_t flags = INUSE_REUSEADDR | INUSE_REUSEPORT | (s->known & INUSE_PORT_LOCKED);

	if (s->family == 6 && (!iu_addr_is_mapped(&s->local) || s->state == INUSE_LISTEN))
		flags |= INUSE_V6ONLY;
	if (s->mini)
		flags |= INUSE_TIMESTAMPS;
	return flags;
}

static bool same_socket(const struct inuse_socket *seen, const struct inuse_socket *simulated)
{
	uint32_t flags = telling_flags(seen);

	return seen->state == simulated->state && seen->mini == simulated->mini && seen->family == simulated->family &&
	       seen->device == simulated->device && (seen->mini || seen->uid == simulated->uid) &&
	       seen->local.port == simulated->local.port && iu_addr_same(&seen->local, &simulated->local) &&
	       (seen->flags & flags) == (simulated->flags & flags) &&
	       (!is_connection(seen) || (seen->remote.port == simulated->remote.port && iu_addr_same(&seen->remote, &simulated->remote)));
}

static void socket_text(const struct inuse_socket *s, char *buf, size_t size)
{
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT] = "";
	uint32_t flags = s->flags & telling_flags(s);

	inuse_addr_text(&s->local, local);
	if (is_connection(s))
		inuse_addr_text(&s->remote, remote);
	snprintf(buf, size, "%s%s %s > %s%s%s%s%s%s uid %u device %u", iu_say_state(s->state), s->mini ? " remains" : "", local, remote,
		 flags & INUSE_REUSEADDR ? " reuseaddr" : "", flags & INUSE_REUSEPORT ? " reuseport" : "",
		 flags & INUSE_V6ONLY ? " v6only" : "", flags & INUSE_TIMESTAMPS ? " timestamps" : "",
		 flags & INUSE_PORT_LOCKED ? " locked" : "", s->mini ? 0 : s->uid, s->device);
}

static bool find_same(const struct inuse_socket *s, const struct inuse_socket *list, size_t n, bool *taken, bool seen)
{
	for (size_t i = 0; i < n; i++)
		if (!taken[i] && (seen ? same_socket(s, &list[i]) : same_socket(&list[i], s)))
			return taken[i] = true;
	return false;
}

static bool say_differs(const char *whose, const struct inuse_socket *s, char *why, size_t size)
{
	char text[320];

	socket_text(s, text, sizeof(text));
	snprintf(why, size, "%s: %s", whose, text);
	return false;
}

static const struct iu_bucket *bucket_of(const struct iu_bucket *list, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].port == port)
			return &list[i];
	return NULL;
}

static bool same_memory(const struct iu_bucket *a, const struct iu_bucket *b)
{
	if (iu_bucket_is_of_connect(a) != iu_bucket_is_of_connect(b) || (a->fastreuseport > 0) != (b->fastreuseport > 0) ||
	    (a->any4 != 0 && a->any4 != b->any4))
		return false;
	if (a->fastreuseport <= 0)
		return true;
	/* of an IPv4 socket only the IPv4 form is ever looked at */
	return a->uid == b->uid && a->family == b->family && iu_addr_same(&a->addr4, &b->addr4) &&
	       (a->family == 4 || (a->v6only == b->v6only && iu_addr_same(&a->addr6, &b->addr6)));
}

static bool compare_buckets(const struct iu_eyes *e, const struct iu_facts *simulated, char *why, size_t size)
{
	for (size_t i = 0; i < e->n_buckets; i++) {
		const struct iu_bucket *b = &e->buckets[i], *s = bucket_of(simulated->buckets, simulated->n_buckets, b->port);
		char mine[INUSE_ADDR_TEXT], theirs[INUSE_ADDR_TEXT] = "";

		if (s != NULL && same_memory(b, s))
			continue;
		inuse_addr_text(b->family == 4 ? &b->addr4 : &b->addr6, mine);
		if (s != NULL)
			inuse_addr_text(s->family == 4 ? &s->addr4 : &s->addr6, theirs);
		snprintf(why, size, "what port %u remembers: kernel reuseport %d uid %u %s, model %d uid %u %s", b->port,
			 b->fastreuseport, b->uid, mine, s != NULL ? s->fastreuseport : -2, s != NULL ? s->uid : 0, theirs);
		return false;
	}
	return true;
}

bool iu_eyes_compare(const struct iu_eyes *e, const struct iu_facts *simulated, char *why, size_t size)
{
	bool taken[512] = {false};

	for (size_t i = 0; i < e->n_sockets; i++)
		if (!find_same(&e->sockets[i], simulated->sockets, simulated->n_sockets, taken, true))
			return say_differs("only the kernel has", &e->sockets[i], why, size);
	memset(taken, 0, sizeof(taken));
	for (size_t i = 0; i < simulated->n_sockets; i++) {
		const struct inuse_socket *s = &simulated->sockets[i];

		if (s->proto == INUSE_PROTO_TCP && !iu_socket_is_request(s) && is_read(e, s->local.port) &&
		    !find_same(s, e->sockets, e->n_sockets, taken, false))
			return say_differs("only the model has", s, why, size);
	}
	return compare_buckets(e, simulated, why, size);
}

bool iu_eyes_compare_patiently(struct iu_eyes *e, const struct iu_facts *simulated, char *why, size_t size)
{
	if (iu_eyes_compare(e, simulated, why, size))
		return true;
	for (int64_t end = iu_live_now() + PATIENCE_NS; iu_live_now() < end;) {
		iu_live_pause();
		if (iu_eyes_read(e, simulated) && iu_eyes_compare(e, simulated, why, size))
			return true;
	}
	return false;
}

size_t iu_eyes_count(const struct iu_eyes *e)
{
	return e->n_sockets;
}

const struct iu_facts *iu_eyes_facts(struct iu_eyes *e, const struct iu_facts *simulated)
{
	size_t n = e->n_sockets;

	/* requests that are half open are in no bucket, and found elsewhere: what is simulated stands for what would be */
	for (size_t i = 0; i < simulated->n_sockets && n < SOCKETS_MAX; i++)
		if (iu_socket_is_request(&simulated->sockets[i]))
			e->sockets[n++] = simulated->sockets[i];
	e->facts = *simulated;
	e->facts.now_ns = iu_host_now(); /* their timers are told by the clock of the host */
	e->facts.sockets = e->sockets;
	e->facts.n_sockets = n;
	e->facts.buckets = e->buckets;
	e->facts.n_buckets = e->n_buckets;
	return &e->facts;
}
