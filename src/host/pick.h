/* SPDX-License-Identifier: MIT */
/*
 * Ports on which a call would succeed.
 *
 * Theory of operation
 *
 * Candidates are judged in their order until enough are found. The first few are looked at through the eyes that know most
 * (up to 64 ports at once); if they do not suffice the whole table is read, once, with one socket of each kind kept.
 * Either way the host is looked at once or twice, however many ports there are.
 */
#ifndef IU_HOST_PICK_H
#define IU_HOST_PICK_H

#include "host/answer.h"

struct iu_pick {
	const struct iu_resolved *r; /* whose port is replaced by each candidate */
	bool strict; /* "free, as far as could be seen" is not enough */
	size_t want; /* how many are wanted */
	/* out */
	size_t n; /* how many were found */
	size_t n_unknown; /* candidates of which it cannot be told */
};

/*
 * The ports that the kernel chooses from, reserved ones left out, in ascending order from `begin` on and then those below.
 * begin: an index that is taken modulo their number. Returns how many. f: the settings of a snapshot.
 */
size_t iu_pick_automatic(const struct iu_facts *f, uint32_t begin, uint16_t ret[65536]);

/*
 * Judges the candidates in their order; ports that pass are written to ret, which has room for p->want. The question's own
 * snapshot is used where it has one. INUSE_E_*: no source answers.
 */
enum inuse_status iu_pick(struct iu_pick *p, const uint16_t *candidates, size_t n, uint16_t *ret,
			  struct inuse_error *error);

#endif
