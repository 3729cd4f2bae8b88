/* SPDX-License-Identifier: MIT */
/* One run, step by step. See play.h. */
#include "lab/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/address.h"
#include "lab/left_whole.h"
#include "lab/live.h"
#include "lab/onmodel.h"
#include "lab/play_eyes.h"
#include "lab/resent.h"
#include "say/names.h"
#include "say/say.h"

#define SOCKETS_MAX 1024
#define PACKETS_MAX 256
#define OWNERS_MAX 16
#define SETTLE_NS INT64_C(3000000000)

struct flow {
	struct inuse_addr from, to;
	uint32_t first; /* its first sequence number: numbers are told relative to it */
};

struct player {
	const struct iu_play *play;
	struct iu_onmodel model;
	struct iu_live *live; /* NULL once the kernel cannot go on */
	struct iu_play_eyes *eyes; /* NULL: nothing is played on a kernel */
	struct iu_capture *capture;
	struct iu_packet packets[PACKETS_MAX];
	struct flow flows[64];
	size_t n_flows;
	struct iu_resent resent;
	struct inuse_socket seen[SOCKETS_MAX];
	size_t n_seen;
	bool agrees;
	bool left_whole; /* see left_whole.h */
	json_t *run;
};

/* ------------------------------------------------------------------------------------------------ sockets */

static bool is_connection(const struct inuse_socket *s)
{
	return s->state != INUSE_LISTEN && s->state != INUSE_BOUND;
}

/* What has to be equal on both sides: "TIME-WAIT 127.0.0.1:5000 > 127.0.0.1:5001". */
static void key_of(const struct inuse_socket *s, char *buf, size_t size)
{
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT] = "";

	inuse_addr_text(&s->local, local);
	if (is_connection(s))
		inuse_addr_text(&s->remote, remote);
	snprintf(buf, size, "%s %s%s%s", iu_say_state(s->state), local, remote[0] ? " > " : "", remote);
}

static int by_key(const void *a, const void *b)
{
	char x[220], y[220];

	key_of(a, x, sizeof(x));
	key_of(b, y, sizeof(y));
	return strcmp(x, y);
}

/* The TCP sockets of the model that are on a port, sorted; without bound ones where the kernel does not show these. */
static size_t model_sockets(struct player *p, struct inuse_socket *ret, bool bound)
{
	const struct iu_facts *f = iu_sim_facts(p->model.sim);
	size_t n = 0;

	for (size_t i = 0; i < f->n_sockets && n < SOCKETS_MAX; i++)
		if (f->sockets[i].proto == INUSE_PROTO_TCP && !iu_socket_is_request(&f->sockets[i]) &&
		    (bound || f->sockets[i].state != INUSE_BOUND))
			ret[n++] = f->sockets[i];
	qsort(ret, n, sizeof(ret[0]), by_key);
	return n;
}

static bool same_sockets(const struct inuse_socket *a, size_t n, const struct inuse_socket *b, size_t m)
{
	for (size_t i = 0; n == m && i < n; i++)
		if (by_key(&a[i], &b[i]) != 0)
			return false;
	return n == m;
}

static json_t *socket_json(const struct inuse_socket *s, int64_t now_ns, bool with_flags)
{
	json_t *o = json_object(), *flags = json_array();
	char text[INUSE_ADDR_TEXT];

	json_object_set_new(o, "state", json_string(iu_json_state(s->state)));
	json_object_set_new(o, "local", json_string(inuse_addr_text(&s->local, text)));
	if (is_connection(s))
		json_object_set_new(o, "remote", json_string(inuse_addr_text(&s->remote, text)));
	if (s->free_at_ns != 0)
		json_object_set_new(o, "left_ms", json_integer((s->free_at_ns - now_ns) / 1000000));
	if (s->mini)
		json_object_set_new(o, "remains", json_true());
	for (const struct iu_name *f = iu_names_flag; with_flags && f->name != NULL; f++)
		if ((s->flags & f->value) != 0 && (f->value & (INUSE_REUSEADDR | INUSE_REUSEPORT | INUSE_V6ONLY | INUSE_TIMESTAMPS)) != 0)
			json_array_append_new(flags, json_string(f->name));
	if (with_flags)
		json_object_set_new(o, "flags", flags);
	else
		json_decref(flags);
	return o;
}

static json_t *sockets_json(const struct inuse_socket *list, size_t n, int64_t now_ns, bool with_flags)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, socket_json(&list[i], now_ns, with_flags));
	return a;
}

/* The kernel's, sorted, with the numbers that the model has for devices. */
static void look_at_kernel(struct player *p)
{
	const struct iu_facts *simulated = iu_sim_facts(p->model.sim);

	p->n_seen = iu_live_sockets(p->live, p->seen, SOCKETS_MAX);
	for (size_t i = 0; i < p->n_seen; i++) {
		p->seen[i].local.scope = iu_live_device(simulated, p->seen[i].local.scope);
		p->seen[i].remote.scope = iu_live_device(simulated, p->seen[i].remote.scope);
	}
	qsort(p->seen, p->n_seen, sizeof(p->seen[0]), by_key);
}

/* Looks at the kernel's sockets until they are those of the model. False: they never were. */
static bool settle(struct player *p, json_t *step)
{
	static struct inuse_socket want[SOCKETS_MAX];
	bool bound = p->live == NULL || iu_live_sees_bound(p->live), same = true;
	size_t n = model_sockets(p, want, bound);

	for (int64_t end = iu_live_now() + SETTLE_NS; p->live != NULL;) {
		look_at_kernel(p);
		if (bound != iu_live_sees_bound(p->live)) {
			bound = iu_live_sees_bound(p->live);
			n = model_sockets(p, want, bound);
		}
		same = same_sockets(want, n, p->seen, p->n_seen);
		if (same || iu_live_now() > end)
			break;
		iu_live_pause();
	}
	p->left_whole |= p->live != NULL && same && iu_lab_left_whole(want, n, p->seen, p->n_seen);
	json_object_set_new(step, "sockets", sockets_json(want, n, iu_sim_facts(p->model.sim)->now_ns, true));
	if (!same)
		json_object_set_new(step, "kernel_sockets", sockets_json(p->seen, p->n_seen, iu_live_now(), false));
	return same;
}

/* ------------------------------------------------------------------------------------------------ packets */

static struct flow *find_flow(struct player *p, const struct inuse_addr *from, const struct inuse_addr *to)
{
	for (size_t i = 0; i < p->n_flows; i++)
		if (p->flows[i].from.port == from->port && p->flows[i].to.port == to->port &&
		    iu_addr_same(&p->flows[i].from, from) && iu_addr_same(&p->flows[i].to, to))
			return &p->flows[i];
	return NULL;
}

/*
 * Sequence numbers of a direction begin at 0 with its first packet, and anew when it accepts a connection; a SYN is told beside
 * the connection before it, which is what decides about it. Signed: numbers wrap around.
 */
static int32_t relative(struct player *p, const struct inuse_addr *from, const struct inuse_addr *to, uint32_t seq)
{
	const struct flow *flow = find_flow(p, from, to);

	return (int32_t)(seq - (flow != NULL ? flow->first : 0));
}

static void note_flow(struct player *p, const struct iu_packet *packet)
{
	struct flow *flow = find_flow(p, &packet->from, &packet->to);

	if (flow == NULL && p->n_flows < sizeof(p->flows) / sizeof(p->flows[0]))
		p->flows[p->n_flows++] = (struct flow){packet->from, packet->to, packet->s.seq};
	else if (flow != NULL && (packet->s.flags & (IU_SYN | IU_ACK)) == (IU_SYN | IU_ACK))
		flow->first = packet->s.seq;
}

static json_t *packet_json(struct player *p, const struct iu_packet *packet)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} flags[] = {{2, "SYN"}, {1, "FIN"}, {4, "RST"}, {8, "PSH"}, {16, "ACK"}};
	json_t *o = json_object(), *names = json_array();
	char text[INUSE_ADDR_TEXT];

	json_object_set_new(o, "from", json_string(inuse_addr_text(&packet->from, text)));
	json_object_set_new(o, "to", json_string(inuse_addr_text(&packet->to, text)));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if ((packet->s.flags & flags[i].bit) != 0)
			json_array_append_new(names, json_string(flags[i].name));
	json_object_set_new(o, "flags", names);
	note_flow(p, packet);
	json_object_set_new(o, "seq", json_integer(relative(p, &packet->from, &packet->to, packet->s.seq)));
	if ((packet->s.flags & 16) != 0)
		json_object_set_new(o, "ack", json_integer(relative(p, &packet->to, &packet->from, packet->s.ack)));
	json_object_set_new(o, "len", json_integer(packet->s.len));
	json_object_set_new(o, "timestamps", json_boolean(packet->s.has_ts));
	return o;
}

/*
 * Sent again because it is part of the experiment: peers elsewhere answer when the file says so, and are asked again meanwhile; and
 * what a full receiver has no room for is said again.
 */
static bool may_come_again(const struct player *p, const struct iu_packet *packet)
{
	const struct iu_exp_case *c = &p->play->exp->cases[p->play->which];

	for (size_t i = 0; i < c->n_steps; i++) {
		const struct iu_step *step = &c->steps[i];
		struct inuse_addr peer = iu_where_addr(&step->at, p->play->run);

		if (step->action == IU_DO_PEER && (iu_addr_same(&peer, &packet->from) || iu_addr_same(&peer, &packet->to)))
			return true;
		if (step->action == IU_DO_FILL && packet->s.len > 0)
			return true;
	}
	return false;
}

/* Where none can be captured nothing is said: that is not the same as that none crossed. */
static void take_packets(struct player *p, json_t *step)
{
	unsigned lost = 0;
	json_t *a;
	size_t n;

	if (p->capture == NULL)
		return;
	a = json_array();
	n = iu_capture_take(p->capture, p->packets, PACKETS_MAX, &lost);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, packet_json(p, &p->packets[i]));
	for (size_t i = 0; i < n; i++)
		if (!may_come_again(p, &p->packets[i]))
			iu_resent_note(&p->resent, &p->packets[i]);
	json_object_set_new(step, "packets", a);
	if (lost > 0)
		json_object_set_new(step, "packets_lost", json_integer(lost));
}

/* -------------------------------------------------------------------------------------------------- steps */

static bool is_look(enum iu_action action)
{
	return action == IU_DO_LOOK || action == IU_DO_LEFT || action == IU_DO_PORT;
}

/* A packet is not expected to be answered in a certain way where nothing is said of it. */
static bool may_be_anything(enum iu_action action)
{
	return is_look(action) || action == IU_DO_SEND;
}

/* What should come of it. NULL: anything may. */
static const char *expected(const struct player *p, const struct iu_step *step, const struct iu_expect *e)
{
	if (e != NULL)
		return e->outcome;
	return may_be_anything(step->action) ? NULL : "OK";
}

static void give_expected(const struct player *p, json_t *o, const struct iu_expect *e)
{
	json_t *x;

	if (e == NULL)
		return;
	x = json_object();
	json_object_set_new(x, "outcome", json_string(e->outcome));
	json_object_set_new(x, "rank", json_string(iu_rank_names[e->rank]));
	if (e->source[0] != 0)
		json_object_set_new(x, "source", json_string(e->source));
	json_object_set_new(o, "expected", x);
}

static void give_rule(const struct player *p, json_t *o, const char *rule)
{
	const struct iu_profile *profile = iu_profile_find(iu_os_names[p->play->os]);
	const struct iu_call_rule *call = iu_call_rule_find(profile, rule);
	const struct iu_owner_rule *owner = iu_owner_rule_find(profile, rule);
	const struct iu_words *words = iu_words_of_rule(profile, rule);

	if (rule == NULL)
		return;
	json_object_set_new(o, "rule", json_string(rule));
	if (words != NULL && words->headline != NULL)
		json_object_set_new(o, "rule_text", json_string(words->headline));
	if (call != NULL || owner != NULL)
		json_object_set_new(o, "rule_source", json_string(call != NULL ? call->ref : owner->ref));
}

/* The socket that the step made or called, or the peer, and its address afterwards. */
static void give_socket(const struct player *p, json_t *o, const struct iu_step *step)
{
	const struct iu_exp *exp = p->play->exp;
	unsigned number = step->action == IU_DO_ACCEPT ? step->other : step->socket;
	bool peer = step->action == IU_DO_PEER;
	struct inuse_addr local = {0};
	char text[INUSE_ADDR_TEXT];

	if (step->action > IU_DO_CLOSE && step->action != IU_DO_PORT && !peer)
		return;
	json_object_set_new(o, "socket", json_string(peer ? exp->peers[step->peer] : exp->sockets[number]));
	if (peer)
		local = iu_where_addr(&step->at, p->play->run);
	else if (step->action != IU_DO_CLOSE)
		local = iu_sim_local(p->model.sim, number);
	if (local.family != 0 && local.port != 0)
		json_object_set_new(o, "local", json_string(inuse_addr_text(&local, text)));
}

/* What a bind() or listen() finds on its port, and what the model makes of each. Before the model makes the step. */
static json_t *owners_json(struct player *p, const struct iu_step *step)
{
	struct iu_sim_owner owners[OWNERS_MAX];
	size_t n = iu_onmodel_owners(&p->model, step, owners, OWNERS_MAX);
	const struct iu_profile *profile = iu_profile_find(iu_os_names[p->play->os]);
	json_t *a = n > 0 ? json_array() : NULL;

	for (size_t i = 0; i < n; i++) {
		json_t *o = socket_json(&owners[i].socket, iu_sim_facts(p->model.sim)->now_ns, true);
		const struct iu_words *words = iu_words_of_rule(profile, owners[i].rule);

		json_object_set_new(o, "rule", json_string(owners[i].rule));
		if (words != NULL && words->headline != NULL)
			json_object_set_new(o, "rule_text", json_string(words->headline));
		json_object_set_new(o, "in_the_way", owners[i].blocks == INUSE_MAYBE ? json_null() : json_boolean(owners[i].blocks == INUSE_YES));
		json_array_append_new(a, o);
	}
	return a;
}

/* What the kernel says; false: it cannot play on, and why_not is in the run. */
static bool ask_kernel(struct player *p, const struct iu_step *step, const char *want, struct iu_live_answer *ret)
{
	struct inuse_error error = {0};

	if (iu_live_step(p->live, step, want, ret, &error) == INUSE_OK)
		return true;
	json_object_set_new(p->run, "why_not", json_string(error.text));
	p->live = NULL;
	return false;
}

static bool model_agrees(const struct player *p, const struct iu_step *step, const char *want, const struct iu_sim_answer *a,
			 const struct iu_expect *e)
{
	/* where documents are silent a step that nothing is expected of may go either way */
	if (a->cannot_tell && e == NULL && p->play->os != IU_OS_LINUX)
		return true;
	return want == NULL || iu_outcome_agrees(step, want, a->text);
}

/* Where bound sockets cannot be seen, a look is held against the model's without them. */
static bool kernel_agrees(struct player *p, const struct iu_step *step, const char *want, const char *text)
{
	char seen[96];

	if (step->action == IU_DO_LOOK && p->live != NULL && !iu_live_sees_bound(p->live)) {
		const struct iu_facts *f = iu_sim_facts(p->model.sim);

		return strcmp(text, iu_states_text(f->sockets, f->n_sockets, (uint16_t)step->number, false, seen, sizeof(seen))) == 0;
	}
	return want == NULL || iu_outcome_agrees(step, want, text);
}

static void play_step(struct player *p, const struct iu_step *step, json_t *steps)
{
	const struct iu_expect *e = iu_step_expects(step, p->play->os, p->play->lacks);
	const char *want = expected(p, step, e);
	struct iu_live_answer kernel = {0};
	struct iu_sim_answer model;
	json_t *o = json_object(), *owners;
	const char *wrong;
	bool agrees, played;

	iu_play_eyes_before(p->eyes, step);
	played = p->live != NULL && ask_kernel(p, step, want, &kernel);
	wrong = played ? iu_play_eyes_wrong(p->eyes, step, kernel.text, kernel.chosen) : NULL;
	owners = owners_json(p, step);
	model = iu_onmodel_step(&p->model, step, kernel.chosen);
	json_object_set_new(o, "line", json_integer(step->line));
	json_object_set_new(o, "step", json_string(step->text));
	give_socket(p, o, step);
	give_expected(p, o, e);
	if (played)
		json_object_set_new(o, "kernel", json_string(kernel.text));
	json_object_set_new(o, "model", json_string(model.cannot_tell && p->play->os == IU_OS_LINUX ? "cannot tell" : model.text));
	give_rule(p, o, model.rule);
	if (owners != NULL)
		json_object_set_new(o, "owners", owners);
	agrees = model_agrees(p, step, want, &model, e) && (!played || kernel_agrees(p, step, want, kernel.text));
	/* ports that a side chose are not the file's to say, but both sides must have the same */
	if (played && !is_look(step->action) && strcmp(kernel.text, model.text) != 0)
		agrees = false;
	if (wrong != NULL) {
		json_object_set_new(o, "eyes", json_string(wrong));
		agrees = false;
	}
	if (!settle(p, o))
		agrees = false;
	take_packets(p, o);
	json_object_set_new(o, "agrees", json_boolean(agrees));
	p->agrees &= agrees;
	json_array_append_new(steps, o);
}

static void give_head(const struct player *p)
{
	const struct iu_exp *exp = p->play->exp;
	const struct iu_exp_case *c = &exp->cases[p->play->which];

	json_object_set_new(p->run, "schema", json_string("inuse-lab"));
	json_object_set_new(p->run, "version", json_integer(1));
	json_object_set_new(p->run, "experiment", json_string(exp->name));
	json_object_set_new(p->run, "shows", json_string(exp->shows));
	if (exp->because[0] != 0)
		json_object_set_new(p->run, "because", json_string(exp->because));
	json_object_set_new(p->run, "covers", json_string(c->covers[0] != 0 ? c->covers : exp->covers));
	if (c->label[0] != 0)
		json_object_set_new(p->run, "case", json_string(c->label));
	if (p->play->run != IU_RUN_AS_WRITTEN)
		json_object_set_new(p->run, "family", json_string(iu_run_names[p->play->run]));
	json_object_set_new(p->run, "system", json_string(iu_os_names[p->play->os]));
	if (p->play->why_not != NULL)
		json_object_set_new(p->run, "why_not", json_string(p->play->why_not));
	else if (p->live != NULL && p->play->why_no_eyes != NULL)
		json_object_set_new(p->run, "why_no_buckets", json_string(p->play->why_no_eyes));
}

/* The device of peers elsewhere, as the live player makes it. */
static void make_wire(struct player *p)
{
	static const struct iu_where wire = {.kind = IU_AT_WIRE};
	uint32_t device = iu_sim_device(p->model.sim, "wire");
	struct inuse_addr v4 = iu_where_addr(&wire, IU_RUN_IPV4), v6 = iu_where_addr(&wire, IU_RUN_IPV6);

	iu_sim_address(p->model.sim, device, &v4, 24);
	if (iu_wire_has_ipv6(p->play->exp, p->play->run))
		iu_sim_address(p->model.sim, device, &v6, 64);
}

bool iu_play_was_disturbed(const json_t *run)
{
	return json_object_get(run, "sent_again") != NULL || json_object_get(run, "left_whole") != NULL;
}

json_t *iu_play(const struct iu_play *play)
{
	static const struct inuse_addr second = {.family = 6, .ip = {0xfd, [15] = 2}};
	struct player *p = calloc(1, sizeof(*p));
	const struct iu_exp_case *c = &play->exp->cases[play->which];
	json_t *steps = json_array(), *run = NULL;

	if (p != NULL)
		p->model.sim = iu_sim_new(iu_profile_find(iu_os_names[play->os]), 0);
	if (p != NULL && p->model.sim != NULL) {
		p->play = play;
		p->model.os = play->os;
		p->model.run = play->run;
		p->live = play->live;
		p->eyes = iu_play_eyes_new(play, &p->model);
		p->capture = p->live != NULL ? iu_capture_new(iu_live_wire_device(p->live)) : NULL;
		p->agrees = true;
		p->run = run = json_object();
		iu_sim_features(p->model.sim, iu_sim_facts(p->model.sim)->features & ~play->lacks);
		if (play->run == IU_RUN_IPV6)
			iu_sim_address(p->model.sim, 1, &second, 128);
		if ((play->exp->needs & IU_NEED_WIRE) != 0)
			make_wire(p);
		give_head(p);
		for (size_t i = 0; i < c->n_steps; i++)
			play_step(p, &c->steps[i], steps);
		json_object_set_new(run, "kernel_played", json_boolean(p->live != NULL));
		json_object_set_new(run, "agrees", json_boolean(p->agrees));
		if (iu_resent_count(&p->resent) > 0)
			json_object_set_new(run, "sent_again", json_integer(iu_resent_count(&p->resent)));
		if (p->left_whole)
			json_object_set_new(run, "left_whole", json_true());
		json_object_set(run, "steps", steps);
		iu_capture_free(p->capture);
		iu_play_eyes_free(p->eyes);
	}
	json_decref(steps);
	if (p != NULL)
		iu_sim_free(p->model.sim);
	free(p);
	return run;
}
