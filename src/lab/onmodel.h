/* SPDX-License-Identifier: MIT */
/* The steps of an experiment on the simulated host. */
#ifndef IU_LAB_ONMODEL_H
#define IU_LAB_ONMODEL_H

#include "lab/exp.h"
#include "sim/sim.h"

struct iu_onmodel {
	struct iu_sim *sim;
	enum iu_os os;
	enum iu_run run;
	uint64_t held[IU_EXP_MAX_PROCESSES]; /* bit per socket that a process has open */
	char text[96];
};

/* What the step, a bind or listen about to be made, finds on its port; at most max. */
size_t iu_onmodel_owners(struct iu_onmodel *m, const struct iu_step *step, struct iu_sim_owner *ret, size_t max);
/* What the model is asked by the step, a bind, listen or connect about to be made, as iu_sim_request(). False: it is not asked. */
bool iu_onmodel_request(struct iu_onmodel *m, const struct iu_step *step, struct inuse_request *ret_request, struct iu_caller *ret_caller);
struct iu_sim_answer iu_onmodel_step(struct iu_onmodel *m, const struct iu_step *step, uint16_t chosen);

#endif
