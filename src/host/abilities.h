/* SPDX-License-Identifier: MIT */
/* What this kernel shows this user, source by source: the lines of inuse --version. */
#ifndef IU_HOST_ABILITIES_H
#define IU_HOST_ABILITIES_H

#include "host/host.h"

/*
 * name: of the source, as in hosts.def. usable: it answers. complete: it shows everything that it can show to anybody.
 * text: one translated sentence without a full stop: what it tells, or what stands in the way. Borrowed for the call.
 */
struct iu_ability {
	const char *name;
	bool usable, complete;
	const char *text;
};
typedef void iu_ability_fn(void *arg, const struct iu_ability *ability);

/* Tries every source in the order of hosts.def, in the namespace of the calling thread. Changes nothing. */
void iu_host_abilities(iu_ability_fn *fn, void *arg);

/* Why Yama's ptrace_scope (-1: there is no Yama) forbids reading one's own processes; NULL when it does not. Pure. */
const char *iu_yama_hindrance(int64_t ptrace_scope, bool may_trace_all);

#endif
