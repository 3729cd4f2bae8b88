/* SPDX-License-Identifier: MIT */
/* Ports on which a call would succeed. */
#include "host/pick.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/alike.h"
#include "host/host.h"

#define AT_ONCE 64 /* ports that the sources for single ports take */

size_t iu_pick_automatic(const struct iu_facts *f, uint32_t begin, uint16_t ret[65536])
{
	uint8_t reserved[IU_ALL_PORTS] = {0};
	int64_t first, last;
	size_t n = 0, k = 0;

	if (!iu_setting(f, IU_SET_RANGE_FIRST, &first) || !iu_setting(f, IU_SET_RANGE_LAST, &last) || first < 1 ||
	    last > 65535)
		return 0;
	iu_ports_mark_reserved(f, reserved, 1);
	for (int64_t p = first; p <= last; p++)
		n += !reserved[p];
	for (int64_t p = first; p <= last; p++)
		if (!reserved[p])
			ret[(k++ + n - begin % n) % n] = (uint16_t)p;
	return n;
}

/* The facts with their sockets in the order of ports. */
struct by_port {
	struct iu_facts facts;
	struct inuse_socket *sockets;
};

static int compare_ports(const void *a, const void *b)
{
	const struct inuse_socket *x = a, *y = b;

	return x->local.port - y->local.port;
}

static bool sort_by_port(const struct iu_facts *f, struct by_port *ret)
{
	ret->facts = *f;
	ret->sockets = malloc((f->n_sockets + 1) * sizeof(*f->sockets));
	if (ret->sockets == NULL)
		return false;
	if (f->n_sockets > 0) {
		memcpy(ret->sockets, f->sockets, f->n_sockets * sizeof(*f->sockets));
		qsort(ret->sockets, f->n_sockets, sizeof(*ret->sockets), compare_ports);
	}
	ret->facts.sockets = ret->sockets;
	return true;
}

/* The facts as they are for one port: bind() looks at no other. */
static struct iu_facts facts_of_port(const struct by_port *all, uint16_t port)
{
	struct iu_facts f = all->facts;
	size_t low = 0, high = f.n_sockets;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all->sockets[middle].local.port < port)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < f.n_sockets && all->sockets[high].local.port == port;)
		high++;
	f.sockets = all->sockets + low;
	f.n_sockets = high - low;
	return f;
}

static enum inuse_tri would_succeed(const struct iu_pick *p, const struct by_port *all, uint16_t port)
{
	struct iu_facts f = facts_of_port(all, port);
	struct inuse_request requests[IU_MAX_ADDRS];
	size_t n = iu_resolved_requests(p->r, &f, requests);
	enum inuse_tri yes = INUSE_YES;

	for (size_t i = 0; i < n; i++) {
		struct inuse_verdict v;

		requests[i].local.port = port;
		iu_judge_bare(iu_profile_of(&f), &f, &requests[i], NULL, &v);
		if (v.outcome == INUSE_FAIL)
			return INUSE_NO;
		if (v.outcome == INUSE_CANNOT_TELL || (p->strict && v.as_far_as_seen))
			yes = INUSE_MAYBE;
	}
	return yes;
}

static enum inuse_status judge_all(struct iu_pick *p, const struct iu_facts *facts, const uint16_t *candidates,
				   size_t n, uint16_t *ret, struct inuse_error *error)
{
	struct by_port all;

	if (!sort_by_port(facts, &all))
		return iu_fail(error, INUSE_E_MEMORY, 0, "pick", _("out of memory"));
	for (size_t i = 0; i < n && p->n < p->want; i++) {
		enum inuse_tri yes = would_succeed(p, &all, candidates[i]);

		if (yes == INUSE_YES)
			ret[p->n++] = candidates[i];
		p->n_unknown += yes == INUSE_MAYBE;
	}
	free(all.sockets);
	return INUSE_OK;
}

/* ports NULL: all there are. */
static enum inuse_status look_and_judge(struct iu_pick *p, const uint16_t *ports, size_t n_ports,
					const uint16_t *candidates, size_t n, uint16_t *ret, struct inuse_error *error)
{
	struct iu_alike alike = {0};
	struct iu_scope scope = {.ports = ports,
				 .n_ports = n_ports,
				 .bound = true,
				 .classes = true,
				 .at = p->r->addrs,
				 .n_at = p->r->n,
				 .without = p->r->q->without,
				 .want = iu_alike_is_new,
				 .want_arg = &alike};
	struct inuse_snapshot *s;
	enum inuse_status status = iu_host_take(&scope, &s, error);

	if (status == INUSE_OK) {
		status = judge_all(p, iu_snapshot_facts(s), candidates, n, ret, error);
		iu_snapshot_free(s);
	}
	iu_alike_done(&alike);
	return status;
}

enum inuse_status iu_pick(struct iu_pick *p, const uint16_t *candidates, size_t n, uint16_t *ret,
			  struct inuse_error *error)
{
	size_t few = n < AT_ONCE ? n : AT_ONCE;
	enum inuse_status status = INUSE_OK;

	p->n = p->n_unknown = 0;
	if (p->r->q->snapshot != NULL)
		return judge_all(p, iu_snapshot_facts(p->r->q->snapshot), candidates, n, ret, error);
	if (n == 0)
		return INUSE_OK;
	if (p->want <= few || n <= few)
		status = look_and_judge(p, candidates, few, candidates, few, ret, error);
	else
		few = 0;
	if (status == INUSE_OK && p->n < p->want && few < n)
		status = look_and_judge(p, NULL, 0, candidates + few, n - few, ret, error);
	return status;
}
