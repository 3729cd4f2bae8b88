/* SPDX-License-Identifier: MIT */
/* What came of a run as a sequence diagram. See sequence.h. */
#include "lab/sequence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "say/names.h"

#define PACKETS_DRAWN 16 /* of a step; the list has them all */
#define KEY 96

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

const char *iu_step_outcome(const json_t *step)
{
	return json_object_get(step, "kernel") != NULL ? text_of(step, "kernel") : text_of(step, "model");
}

const json_t *iu_step_sockets(const json_t *step)
{
	const json_t *kernel = json_object_get(step, "kernel_sockets");

	return kernel != NULL ? kernel : json_object_get(step, "sockets");
}

/* Does the step only look? Then its answer is neither success nor failure. */
static bool is_look(const char *step)
{
	static const char *const looks[] = {"look ", "left ", "port "};

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (strncmp(step, looks[i], strlen(looks[i])) == 0)
			return true;
	return false;
}

enum iu_tone iu_step_tone(const json_t *step)
{
	const char *outcome = iu_step_outcome(step);

	if (!json_is_true(json_object_get(step, "agrees")))
		return IU_TONE_WRONG;
	if (strcmp(outcome, "OK") == 0)
		return IU_TONE_QUIET;
	return outcome[0] == 'E' && !is_look(text_of(step, "step")) ? IU_TONE_REFUSED : IU_TONE_PLAIN;
}

char *iu_packet_flags(const json_t *packet, bool push, char *buf, size_t size)
{
	size_t i, at = 0;
	json_t *flag;

	buf[0] = 0;
	json_array_foreach (json_object_get(packet, "flags"), i, flag) {
		const char *name = json_string_value(flag);

		if (name == NULL || at >= size || (!push && strcmp(name, "PSH") == 0))
			continue;
		at += (size_t)snprintf(buf + at, size - at, "%s%s", at > 0 ? "+" : "", name);
	}
	return buf;
}

/* --------------------------------------------------------------------------------------------------- texts */

/* Takes over the buffer; "" when memory ran out. */
static const char *keep(struct iu_sequence *q, struct iu_text *t)
{
	if (t->failed || (t->data != NULL && q->n_texts == q->cap_texts)) {
		size_t cap = q->cap_texts * 2 + 32;
		char **more = t->failed ? NULL : reallocarray(q->texts, cap, sizeof(*more));

		if (more == NULL) {
			q->failed = true;
			iu_text_done(t);
			return "";
		}
		q->texts = more;
		q->cap_texts = cap;
	}
	if (t->data == NULL)
		return "";
	q->texts[q->n_texts++] = t->data;
	return t->data;
}

static const char *keep_escaped(struct iu_sequence *q, const char *text)
{
	struct iu_text t = {0};

	iu_text_add_escaped(&t, text);
	return keep(q, &t);
}

/* ---------------------------------------------------------------------------------------------------- ends */

/* "[::ffff:127.0.0.1]:5000" is 127.0.0.1:5000. */
static char *key_of(const char *address, char buf[KEY])
{
	static const char mapped[] = "[::ffff:";
	const char *end = strchr(address, ']');

	if (strncmp(address, mapped, sizeof(mapped) - 1) == 0 && end != NULL && strchr(address, '.') != NULL)
		snprintf(buf, KEY, "%.*s%s", (int)(end - address - 8), address + 8, end + 1);
	else
		snprintf(buf, KEY, "%s", address);
	return buf;
}

static bool is_wildcard(const char *key)
{
	return strncmp(key, "0.0.0.0:", 8) == 0 || strncmp(key, "[::]:", 5) == 0;
}

static const char *port_of(const char *key)
{
	const char *colon = strrchr(key, ':');

	return colon != NULL ? colon : key;
}

/* The end of that address, or -1. */
static int find_end(const struct iu_sequence *q, const char *address)
{
	char key[KEY];

	key_of(address, key);
	for (size_t i = 0; i < q->diagram.n_ends; i++)
		if (strcmp(q->ends[i].address, key) == 0)
			return (int)i;
	for (size_t i = 0; is_wildcard(key) && i < q->diagram.n_ends; i++)
		if (strcmp(port_of(q->ends[i].address), port_of(key)) == 0)
			return (int)i;
	return -1;
}

static void add_end(struct iu_sequence *q, const char *address)
{
	struct iu_diagram *d = &q->diagram;
	struct iu_text kept = {0};
	char key[KEY];

	if (address[0] == 0 || find_end(q, address) >= 0)
		return;
	key_of(address, key);
	for (size_t i = 0; i < d->n_ends; i++)
		if (is_wildcard(q->ends[i].address) && strcmp(port_of(q->ends[i].address), port_of(key)) == 0) {
			iu_text_add_escaped(&kept, key); /* the wildcard's place is taken by an address of its port */
			q->ends[i].address = keep(q, &kept);
			return;
		}
	if (d->n_ends < IU_DIAGRAM_ENDS) {
		iu_text_add_escaped(&kept, key);
		q->ends[d->n_ends++] = (struct iu_diagram_end){.address = keep(q, &kept), .names = ""};
	}
}

static void read_ends(struct iu_sequence *q, const json_t *steps)
{
	size_t i, k;
	json_t *step, *o;

	json_array_foreach (steps, i, step) {
		json_array_foreach (json_object_get(step, "packets"), k, o) {
			add_end(q, text_of(o, "to"));
			add_end(q, text_of(o, "from"));
		}
		json_array_foreach (iu_step_sockets(step), k, o)
			add_end(q, text_of(o, "local"));
	}
}

static bool has_name(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strstr(names, name); p != NULL; p = strstr(p + 1, name))
		if ((p == names || p[-1] == ' ') && (p[len] == 0 || p[len] == ','))
			return true;
	return false;
}

/* Which of the experiment's sockets were there. */
static void read_names(struct iu_sequence *q, const json_t *steps)
{
	size_t i;
	json_t *step;

	json_array_foreach (steps, i, step) {
		const char *name = text_of(step, "socket");
		int end = find_end(q, text_of(step, "local"));
		struct iu_text t = {0};

		if (name[0] == 0 || end < 0 || has_name(q->ends[end].names, name))
			continue;
		iu_text_addf(&t, "%s%s", q->ends[end].names, q->ends[end].names[0] != 0 ? ", " : "");
		iu_text_add_escaped(&t, name);
		q->ends[end].names = keep(q, &t);
	}
}

/* --------------------------------------------------------------------------------------------------- states */

static enum inuse_state state_of(const json_t *socket)
{
	const char *name = text_of(socket, "state");
	uint32_t state = INUSE_BOUND;

	iu_name_find(iu_names_state, name, strlen(name), &state);
	return (enum inuse_state)state;
}

static const char *local_of(const json_t *socket)
{
	return text_of(socket, "local");
}

static enum iu_life life_of(enum inuse_state state)
{
	switch (state) {
	case INUSE_BOUND:
		return IU_LIFE_BOUND;
	case INUSE_LISTEN:
		return IU_LIFE_LISTEN;
	case INUSE_SYN_SENT:
	case INUSE_SYN_RECV:
		return IU_LIFE_OPENING;
	case INUSE_ESTABLISHED:
		return IU_LIFE_OPEN;
	case INUSE_TIME_WAIT:
		return IU_LIFE_TIME_WAIT;
	default:
		return IU_LIFE_CLOSING;
	}
}

/* Of several sockets the one that the lifeline shows: the one with the higher number. */
static int weight_of(enum iu_life life)
{
	static const int weights[IU_N_LIVES] = {[IU_LIFE_BOUND] = 1, [IU_LIFE_LISTEN] = 2, [IU_LIFE_TIME_WAIT] = 3,
						[IU_LIFE_CLOSING] = 4, [IU_LIFE_OPENING] = 5, [IU_LIFE_OPEN] = 6};

	return weights[life];
}

/* The address without its port, where it is not that of the end. */
static void other_address(const struct iu_sequence *q, int end, const char *local, char buf[KEY])
{
	char key[KEY];

	buf[0] = 0;
	key_of(local, key);
	if (strcmp(key, q->ends[end].address) == 0)
		return;
	snprintf(buf, KEY, "%s", local);
	buf[strlen(buf) - strlen(port_of(buf))] = 0;
}

/* The line of socket i at that end, unless an earlier one has told it: "2 TIME-WAIT 0.0.0.0 60 s". */
static void say_line(const struct iu_sequence *q, int end, const json_t *sockets, size_t at, bool seconds, struct iu_text *t)
{
	const json_t *s = json_array_get(sockets, at), *left = json_object_get(s, "left_ms");
	enum inuse_state state = state_of(s);
	char address[KEY], other[KEY];
	size_t i;
	int n = 0;
	json_t *o;

	other_address(q, end, local_of(s), address);
	json_array_foreach (sockets, i, o) {
		if (state_of(o) != state || find_end(q, local_of(o)) != end)
			continue;
		other_address(q, end, local_of(o), other);
		if (strcmp(address, other) != 0)
			continue;
		if (i < at)
			return;
		n++;
	}
	iu_text_add(t, t->len > 0 ? "\n" : "");
	if (n > 1)
		iu_text_addf(t, "%d ", n);
	iu_text_addf(t, "%s%s%s", iu_say_state(state), address[0] != 0 ? " " : "", address);
	if (seconds && left != NULL)
		iu_text_addf(t, " %lld s", (long long)((json_integer_value(left) + 999) / 1000));
}

/* What one end has: a line for each state (and address, where it is another). seconds: with what is left of it. */
static enum iu_life say_states(const struct iu_sequence *q, int end, const json_t *sockets, bool seconds, struct iu_text *t)
{
	enum iu_life life = IU_LIFE_NONE;
	size_t i;
	json_t *s;

	for (int state = 0; state < INUSE_N_STATES; state++)
		json_array_foreach (sockets, i, s) {
			if ((int)state_of(s) != state || find_end(q, local_of(s)) != end)
				continue;
			say_line(q, end, sockets, i, seconds, t);
			if (weight_of(life_of((enum inuse_state)state)) > weight_of(life))
				life = life_of((enum inuse_state)state);
		}
	return life;
}

/* ---------------------------------------------------------------------------------------------------- steps */

static const char *label_of(struct iu_sequence *q, const json_t *packet)
{
	long long len = json_integer_value(json_object_get(packet, "len"));
	char flags[32];
	struct iu_text t = {0};

	iu_text_addf(&t, "%s seq %lld", iu_packet_flags(packet, false, flags, sizeof(flags)),
		     (long long)json_integer_value(json_object_get(packet, "seq")));
	if (json_object_get(packet, "ack") != NULL)
		iu_text_addf(&t, " ack %lld", (long long)json_integer_value(json_object_get(packet, "ack")));
	if (len > 0)
		iu_text_addf(&t, iu_ngettext(", %lld byte", ", %lld bytes", len), len);
	return keep(q, &t);
}

static void read_packets(struct iu_sequence *q, const json_t *step, struct iu_diagram_step *ret)
{
	const json_t *list = json_object_get(step, "packets");
	size_t n = json_array_size(list), drawn = 0, i;
	long long lost = json_integer_value(json_object_get(step, "packets_lost"));
	struct iu_diagram_packet *packets = calloc(n < PACKETS_DRAWN ? n + 1 : PACKETS_DRAWN, sizeof(*packets));
	struct iu_text more = {0};
	json_t *p;

	q->n_packets += n;
	q->captured |= list != NULL;
	json_array_foreach (list, i, p) {
		int from = find_end(q, text_of(p, "from")), to = find_end(q, text_of(p, "to"));

		if (packets != NULL && from >= 0 && to >= 0 && drawn < PACKETS_DRAWN)
			packets[drawn++] = (struct iu_diagram_packet){from, to, label_of(q, p)};
	}
	if (drawn < n)
		iu_text_addf(&more, iu_ngettext("%zu more packet: the list below has it.", "%zu more packets: the list below has them.",
						n - drawn), n - drawn);
	if (lost > 0) {
		iu_text_add(&more, more.len > 0 ? " " : "");
		iu_text_addf(&more, iu_ngettext("%lld packet was not seen.", "%lld packets were not seen.", lost), lost);
	}
	ret->packets = packets;
	ret->n_packets = drawn;
	ret->more = keep(q, &more);
	q->failed |= packets == NULL;
}

/* The states of each end after the step, where they are others than `before` (which they then become). True: some are. */
static bool read_states(struct iu_sequence *q, const json_t *step, const char *before[], struct iu_diagram_step *ret)
{
	bool changed = false;

	for (size_t i = 0; i < q->diagram.n_ends; i++) {
		struct iu_text key = {0}, shown = {0};
		const char *now;

		say_states(q, (int)i, iu_step_sockets(step), false, &key);
		now = keep(q, &key);
		if (strcmp(now, before[i]) == 0)
			continue;
		before[i] = now;
		changed = true;
		ret->lives[i] = say_states(q, (int)i, iu_step_sockets(step), true, &shown);
		if (shown.len == 0)
			iu_text_add(&shown, _("nothing left"));
		ret->states[i] = keep(q, &shown);
	}
	return changed;
}

static void read_steps(struct iu_sequence *q, const json_t *steps)
{
	const char *before[IU_DIAGRAM_ENDS] = {"", "", "", "", "", "", "", ""};
	size_t i;
	json_t *step;

	json_array_foreach (steps, i, step) {
		struct iu_diagram_step s = {.call = text_of(step, "step"), .outcome = iu_step_outcome(step), .tone = iu_step_tone(step)};
		bool changed;

		read_packets(q, step, &s);
		changed = read_states(q, step, before, &s);
		/* a socket that was made is nothing to see yet */
		if (strncmp(s.call, "socket ", 7) == 0 && s.tone == IU_TONE_QUIET && !changed && s.n_packets == 0) {
			free((void *)s.packets);
			continue;
		}
		s.call = keep_escaped(q, s.call);
		s.outcome = keep_escaped(q, s.outcome);
		q->steps[q->diagram.n_steps++] = s;
	}
}

void iu_sequence_read(struct iu_sequence *ret, const json_t *run)
{
	const json_t *steps = json_object_get(run, "steps");

	*ret = (struct iu_sequence){0};
	ret->steps = calloc(json_array_size(steps) + 1, sizeof(*ret->steps));
	ret->failed = ret->steps == NULL;
	if (ret->failed)
		return;
	read_ends(ret, steps);
	read_names(ret, steps);
	read_steps(ret, steps);
	ret->diagram.ends = ret->ends;
	ret->diagram.steps = ret->steps;
}

void iu_sequence_done(struct iu_sequence *q)
{
	for (size_t i = 0; i < q->diagram.n_steps; i++)
		free((void *)q->steps[i].packets);
	for (size_t i = 0; i < q->n_texts; i++)
		free(q->texts[i]);
	free(q->texts);
	free(q->steps);
	*q = (struct iu_sequence){0};
}
