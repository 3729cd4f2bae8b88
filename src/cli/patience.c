/* SPDX-License-Identifier: MIT */
/* When to look again. */
#include "cli/patience.h"

#define MS IU_PATIENCE_MS
/* A timer of the kernel fires in one of the ticks of its moment, and its work follows in a softirq. */
#define AFTER_TIMER (5 * MS)
#define QUIET (5000 * MS)
#define WIDE (5000 * MS)

static int64_t between(int64_t x, int64_t least, int64_t most)
{
	return x < least ? least : x > most ? most : x;
}

void iu_patience_looked(struct iu_patience *p, int64_t now_ns, bool by_event)
{
	if (!by_event || now_ns - p->looked_ns > QUIET)
		p->in_vain = 0;
	else if (p->in_vain < 16)
		p->in_vain++;
	p->looked_ns = now_ns;
}

int64_t iu_patience_back_off(const struct iu_patience *p)
{
	return p->looked_ns + between((p->looked_ns - p->began_ns) / 10, 50 * MS, 2000 * MS);
}

int64_t iu_patience_next(const struct iu_patience *p, const struct inuse_verdict *v, bool told)
{
	int64_t most = p->looked_ns + IU_PATIENCE_MOST, due;

	if (v->outcome != INUSE_GO && v->free_at_ns != 0) {
		due = v->free_at_ns + AFTER_TIMER;
		/* with a wide slack "now" is only when it may begin to go, as of a TIME-WAIT on Windows */
		if (due > p->looked_ns && (v->free_at_ns > v->now_ns || v->free_slack_ns < WIDE))
			return due < most ? due : most;
		/* overdue: it goes at any moment of its slack */
		if (v->free_at_ns + v->free_slack_ns > p->looked_ns)
			return p->looked_ns + between(v->free_slack_ns / 8, 20 * MS, 500 * MS);
		return iu_patience_back_off(p);
	}
	return told ? most : iu_patience_back_off(p);
}

int64_t iu_patience_after_event(const struct iu_patience *p)
{
	return p->looked_ns + (p->in_vain == 0 ? 0 : between((20 * MS) << p->in_vain, 0, 2000 * MS));
}

bool iu_patience_is_hopeless(const struct inuse_verdict *v, bool strict)
{
	if (v->outcome == INUSE_GO)
		return v->as_far_as_seen && strict;
	if (v->outcome == INUSE_CANNOT_TELL)
		return v->n_blockers == 0 && (v->missing & INUSE_MISSING_PARTIAL) == 0;
	/* what is wrong with the call itself, or with the rights of its caller; routes may change, so connect() may */
	return v->result == INUSE_R_AFNOSUPPORT ||
	       (v->step == INUSE_CALL_BIND && (v->result == INUSE_R_ACCES || v->result == INUSE_R_INVAL));
}
