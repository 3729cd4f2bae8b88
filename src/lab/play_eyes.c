/* SPDX-License-Identifier: MIT */
/* What eyes see of the calls of an experiment. See play_eyes.h. */
#include "lab/play_eyes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/eyes.h"
#include "lab/live_private.h"

struct iu_play_eyes {
	const struct iu_play *play;
	struct iu_onmodel *model;
	const struct iu_profile *profile;
	uint16_t ports[IU_EYES_PORTS];
	size_t n_ports;
	bool judged, looked;
	struct iu_eyes_call call;
	char why[512];
};

static bool knows_port(const struct iu_play_eyes *e, uint16_t port)
{
	for (size_t i = 0; i < e->n_ports; i++)
		if (e->ports[i] == port)
			return true;
	return false;
}

static void add_port(struct iu_play_eyes *e, unsigned port)
{
	if (port != 0 && e->n_ports < IU_EYES_PORTS && !knows_port(e, (uint16_t)port))
		e->ports[e->n_ports++] = (uint16_t)port;
}

/* Those that the steps name, and small ranges to choose from. */
static void collect_ports(struct iu_play_eyes *e)
{
	const struct iu_exp_case *c = &e->play->exp->cases[e->play->which];

	for (size_t i = 0; i < c->n_steps; i++) {
		const struct iu_step *s = &c->steps[i];
		struct iu_range range;
		const char *rest;

		if (s->action == IU_DO_BIND || s->action == IU_DO_CONNECT)
			add_port(e, s->at.addr.port);
		if (s->action != IU_DO_SETTING || strcmp(s->word, "net.ipv4.ip_local_port_range") != 0 || !iu_lab_range(s->value, &range, &rest))
			continue;
		for (unsigned port = range.first; port <= range.last && e->n_ports < IU_EYES_PORTS; port++)
			add_port(e, port);
	}
}

struct iu_play_eyes *iu_play_eyes_new(const struct iu_play *play, struct iu_onmodel *model)
{
	struct iu_play_eyes *e = play->live != NULL ? calloc(1, sizeof(*e)) : NULL;

	if (e == NULL)
		return NULL;
	e->play = play;
	e->model = model;
	e->profile = iu_profile_find(iu_os_names[play->os]);
	collect_ports(e);
	if (play->eyes != NULL)
		iu_eyes_ask(play->eyes, e->ports, e->n_ports);
	return e;
}

void iu_play_eyes_free(struct iu_play_eyes *e)
{
	free(e);
}

/* All ports that the call may be about were read. */
static bool sees_all(const struct iu_play_eyes *e, const struct iu_facts *simulated)
{
	const struct inuse_request *r = &e->call.request;

	if ((r->call == INUSE_CALL_CONNECT && !knows_port(e, r->remote.port)) ||
	    (e->call.caller.self != NULL && !knows_port(e, e->call.caller.self->local.port)))
		return false;
	if (r->local.port != 0)
		return knows_port(e, r->local.port);
	for (int64_t port = simulated->settings[IU_SET_RANGE_FIRST]; port <= simulated->settings[IU_SET_RANGE_LAST]; port++)
		if (!knows_port(e, (uint16_t)port))
			return false;
	return e->call.caller.ports.first == 0;
}

void iu_play_eyes_before(struct iu_play_eyes *e, const struct iu_step *step)
{
	const struct iu_facts *simulated;
	struct stat st;

	if (e == NULL)
		return;
	e->judged = e->looked = false;
	e->why[0] = 0;
	e->call = (struct iu_eyes_call){.inode = 0};
	if (e->play->live->fds[step->socket] < 0 || !iu_onmodel_request(e->model, step, &e->call.request, &e->call.caller))
		return;
	e->judged = true;
	e->call.inode = fstat(e->play->live->fds[step->socket], &st) == 0 ? st.st_ino : 0;
	simulated = iu_sim_facts(e->model->sim);
	e->looked = e->play->eyes != NULL && sees_all(e, simulated) && iu_eyes_read(e->play->eyes, simulated);
	if (e->looked && iu_eyes_compare_patiently(e->play->eyes, simulated, e->why, sizeof(e->why)))
		e->why[0] = 0;
}

const char *iu_play_eyes_wrong(struct iu_play_eyes *e, const struct iu_step *step, const char *kernel, uint16_t chosen)
{
	const struct iu_facts *simulated;
	struct iu_eyes_said said;
	uint64_t random = 1;

	if (e == NULL || !e->judged)
		return NULL;
	if (e->why[0] != 0)
		return e->why;
	e->call.chosen = chosen;
	simulated = iu_sim_facts(e->model->sim);
	if (e->looked) {
		said = iu_eyes_judge_bucket(e->profile, e->play->eyes, simulated, &e->call);
		if (!iu_eyes_said_open(&said) && !iu_eyes_said_agrees(&said, kernel)) {
			iu_eyes_say_wrong("the kernel's bucket shows", &said, kernel, e->why, sizeof(e->why));
			return e->why;
		}
	}
	said = iu_eyes_judge_user(e->profile, simulated, &e->call);
	if (said.outcome == INUSE_CANNOT_TELL ? iu_eyes_unknown_matters(e->profile, simulated, &e->call, &random) : iu_eyes_said_agrees(&said, kernel))
		return NULL;
	iu_eyes_say_wrong(said.outcome == INUSE_CANNOT_TELL ? "an ordinary user sees, although all values of the unknown lead to one outcome"
							      : "an ordinary user sees",
			  &said, kernel, e->why, sizeof(e->why));
	return e->why;
}
