/* SPDX-License-Identifier: MIT */
/* What came of a run, for people. All of it is read from the run's JSON object. */
#include <stdio.h>
#include <string.h>

#include "base/gettext.h"
#include "lab/play.h"
#include "say/names.h"
#include "say/say.h"

#define STEP_COLUMN 38

/* As in the other verbs. */
#define BOLD "\033[1m"
#define BOLD_RED "\033[1;31m"
#define BOLD_GREEN "\033[1;32m"
#define BOLD_YELLOW "\033[1;33m"

/* colour: "" for none. */
static void say_coloured(struct iu_text *t, const char *colour, const char *text)
{
	iu_text_add(t, colour);
	iu_text_add(t, text);
	iu_text_add(t, colour[0] != 0 ? "\033[0m" : "");
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

void iu_tally_add(struct iu_tally *tally, const json_t *run)
{
	tally->runs++;
	if (!json_is_true(json_object_get(run, "agrees")))
		tally->differ++;
	else if (json_object_get(run, "why_not") != NULL)
		tally->unplayed++;
	else
		tally->agree++;
	tally->again += json_integer_value(json_object_get(run, "plays")) > 1;
}

static void say_name(struct iu_text *t, const json_t *run, bool colour)
{
	say_coloured(t, colour ? BOLD : "", text_of(run, "experiment"));
	if (text_of(run, "case")[0] != 0)
		iu_text_addf(t, "  (%s)", text_of(run, "case"));
	if (text_of(run, "family")[0] != 0)
		iu_text_addf(t, "  %s", text_of(run, "family"));
	if (strcmp(text_of(run, "system"), "linux") != 0)
		iu_text_addf(t, "  %s", text_of(run, "system"));
}

/* On a busy machine packets cross again, or the kernel takes another way, and the run was played again, too. */
static void say_plays(struct iu_text *t, const json_t *run)
{
	int plays = (int)json_integer_value(json_object_get(run, "plays"));

	if (iu_play_was_disturbed(run) && plays < 2)
		iu_text_add(t, _(" (packets crossed again or too late: the machine may be too busy)"));
	else if (iu_play_was_disturbed(run))
		iu_text_addf(t, _(" (played %d times, and each time packets crossed again or too late: the machine may be too busy)"), plays);
	else if (plays > 1)
		iu_text_addf(t, _(" (played %d times, as packets crossed again or too late: the machine is busy)"), plays);
}

/* One word or sentence: how it ended. */
static void say_end(struct iu_text *t, const json_t *run, bool colour)
{
	const char *why = text_of(run, "why_not");

	if (!json_is_true(json_object_get(run, "agrees"))) {
		say_coloured(t, colour ? BOLD_RED : "", _("DIFFERS"));
	} else if (why[0] != 0) {
		iu_text_add(t, colour ? BOLD_YELLOW : "");
		iu_text_addf(t, _("the model agrees; not played on the kernel: %s"), why);
		iu_text_add(t, colour ? "\033[0m" : "");
	} else {
		say_coloured(t, colour ? BOLD_GREEN : "", json_is_true(json_object_get(run, "kernel_played")) ? _("kernel and model agree")
														     : _("the model agrees"));
	}
	say_plays(t, run);
}

static void say_socket(struct iu_text *t, const json_t *s)
{
	uint32_t state = 0;
	const char *name = text_of(s, "state");
	json_t *flags = json_object_get(s, "flags"), *left = json_object_get(s, "left_ms");
	size_t i;
	json_t *flag;

	iu_name_find(iu_names_state, name, strlen(name), &state);
	iu_text_addf(t, "%s %s", iu_say_state((enum inuse_state)state), text_of(s, "local"));
	if (text_of(s, "remote")[0] != 0)
		iu_text_addf(t, " > %s", text_of(s, "remote"));
	json_array_foreach (flags, i, flag)
		iu_text_addf(t, "%s%s", i == 0 ? "  " : ",", json_string_value(flag));
	if (left != NULL)
		iu_text_addf(t, "  %lld s", (long long)((json_integer_value(left) + 999) / 1000));
}

static void say_sockets(struct iu_text *t, const char *lead, const json_t *list)
{
	size_t i;
	json_t *s;

	json_array_foreach (list, i, s) {
		size_t start = t->len;

		iu_text_add(t, "      ");
		iu_text_add(t, i == 0 ? lead : "");
		iu_text_pad(t, start, 16, 1);
		say_socket(t, s);
		iu_text_add(t, "\n");
	}
}

static void say_packets(struct iu_text *t, const json_t *list)
{
	size_t i, k;
	json_t *p, *flag;

	json_array_foreach (list, i, p) {
		size_t start = t->len;
		json_int_t len = json_integer_value(json_object_get(p, "len"));

		iu_text_add(t, "      ");
		iu_text_add(t, i == 0 ? _("packets") : "");
		iu_text_pad(t, start, 16, 1);
		iu_text_addf(t, "%s > %s  ", text_of(p, "from"), text_of(p, "to"));
		json_array_foreach (json_object_get(p, "flags"), k, flag)
			iu_text_addf(t, "%s%s", k > 0 ? "," : "", json_string_value(flag));
		iu_text_addf(t, " seq %lld", (long long)json_integer_value(json_object_get(p, "seq")));
		if (json_object_get(p, "ack") != NULL)
			iu_text_addf(t, " ack %lld", (long long)json_integer_value(json_object_get(p, "ack")));
		if (len > 0)
			iu_text_addf(t, _(", %lld bytes"), (long long)len);
		if (json_is_true(json_object_get(p, "timestamps")))
			iu_text_add(t, _(", timestamps"));
		iu_text_add(t, "\n");
	}
}

static void say_rule(struct iu_text *t, const json_t *step, size_t width)
{
	size_t start = t->len;

	iu_text_add(t, "      ");
	iu_text_add(t, _("rule"));
	iu_text_pad(t, start, 16, 1);
	iu_text_addf(t, "%s: ", text_of(step, "rule"));
	iu_say_wrapped(t, text_of(step, "rule_text")[0] ? _(text_of(step, "rule_text")) : "", 16, width);
	iu_text_add(t, "\n");
	start = t->len;
	iu_text_pad(t, start, 16, 16);
	iu_say_wrapped(t, text_of(step, "rule_source"), 16, width);
	iu_text_add(t, "\n");
}

/* Sockets on the port that the call passes by, and why. */
static void say_tolerated(struct iu_text *t, const json_t *step, size_t width)
{
	bool first = true;
	size_t i;
	json_t *o;

	json_array_foreach (json_object_get(step, "owners"), i, o) {
		size_t start = t->len;

		if (!json_is_false(json_object_get(o, "in_the_way")))
			continue;
		iu_text_add(t, "      ");
		iu_text_add(t, first ? _("passes") : "");
		iu_text_pad(t, start, 16, 1);
		first = false;
		say_socket(t, o);
		iu_text_addf(t, "\n                %s: ", text_of(o, "rule"));
		iu_say_wrapped(t, text_of(o, "rule_text")[0] ? _(text_of(o, "rule_text")) : "", 16, width);
		iu_text_add(t, "\n");
	}
}

/* Where the columns of a run's table begin; kernel 0: there is none. */
struct columns {
	size_t expected, kernel, model, width;
	bool colour;
};

static size_t wider(size_t width, const char *text)
{
	size_t n = iu_width(text);

	return n > width ? n : width;
}

/* As wide as what stands in them, but the steps at most STEP_COLUMN: a longer one pushes its own line. */
static struct columns measure(const json_t *run, bool kernel, const struct iu_report_look *look)
{
	size_t step_width = wider(0, _("step")), expected = wider(0, _("expected")), played = wider(0, _("kernel")), i;
	json_t *step;

	json_array_foreach (json_object_get(run, "steps"), i, step) {
		step_width = wider(step_width, text_of(step, "step"));
		expected = wider(expected, text_of(json_object_get(step, "expected"), "outcome"));
		played = wider(played, text_of(step, "kernel"));
	}
	step_width = 4 + (step_width < STEP_COLUMN ? step_width : STEP_COLUMN) + 2;
	return (struct columns){step_width, kernel ? step_width + expected + 2 : 0,
				step_width + expected + 2 + (kernel ? played + 2 : 0), look->width, look->colour};
}

/* Colours are of a whole line, so that no width depends on them. */
static const char *colour_of_step(const json_t *step)
{
	if (!json_is_true(json_object_get(step, "agrees")))
		return BOLD_RED;
	return json_object_get(step, "expected") != NULL ? BOLD : "";
}

/* The table's line: the step, what was expected, what happened. */
static void say_step_line(struct iu_text *t, const json_t *step, const struct columns *c)
{
	struct iu_text line = {0};

	iu_text_addf(&line, "  %s ", json_is_true(json_object_get(step, "agrees")) ? " " : "!");
	iu_text_add(&line, text_of(step, "step"));
	iu_text_pad(&line, 0, c->expected, 2);
	iu_text_add(&line, text_of(json_object_get(step, "expected"), "outcome"));
	if (c->kernel > 0) {
		iu_text_pad(&line, 0, c->kernel, 2);
		iu_text_add(&line, text_of(step, "kernel"));
	}
	iu_text_pad(&line, 0, c->model, 2);
	iu_text_add(&line, text_of(step, "model"));
	say_coloured(t, c->colour ? colour_of_step(step) : "", line.data != NULL ? line.data : "");
	iu_text_add(t, "\n");
	t->failed |= line.failed;
	iu_text_done(&line);
}

static void say_heading(struct iu_text *t, const struct columns *c)
{
	size_t start;

	iu_text_add(t, "\n");
	start = t->len;
	iu_text_add(t, "    ");
	iu_text_add(t, _("step"));
	iu_text_pad(t, start, c->expected, 2);
	iu_text_add(t, _("expected"));
	if (c->kernel > 0) {
		iu_text_pad(t, start, c->kernel, 2);
		iu_text_add(t, _("kernel"));
	}
	iu_text_pad(t, start, c->model, 2);
	iu_text_addf(t, "%s\n", _("model"));
}

static void say_source(struct iu_text *t, const json_t *step)
{
	const json_t *e = json_object_get(step, "expected");
	size_t start = t->len;

	if (e == NULL || strcmp(text_of(e, "rank"), "live") == 0)
		return;
	iu_text_add(t, "      ");
	iu_text_add(t, _("expected"));
	iu_text_pad(t, start, 16, 1);
	iu_text_addf(t, "%s: %s\n", text_of(e, "rank"), text_of(e, "source"));
}

static void say_step(struct iu_text *t, const json_t *step, const json_t *before, const struct columns *columns)
{
	const json_t *sockets = json_object_get(step, "sockets");
	bool same = before != NULL && json_equal(sockets, json_object_get(before, "sockets"));

	say_step_line(t, step, columns);
	say_source(t, step);
	/* the rule is worth its lines where an answer was expected, or was none of success */
	if (json_object_get(step, "rule") != NULL &&
	    (json_object_get(step, "expected") != NULL || strcmp(text_of(step, "model"), "OK") != 0)) {
		say_rule(t, step, columns->width);
		say_tolerated(t, step, columns->width);
	}
	if (json_object_get(step, "eyes") != NULL) {
		size_t start = t->len;

		iu_text_add(t, "      ");
		iu_text_add(t, _("eyes"));
		iu_text_pad(t, start, 16, 1);
		iu_say_wrapped(t, text_of(step, "eyes"), 16, columns->width);
		iu_text_add(t, "\n");
	}
	say_packets(t, json_object_get(step, "packets"));
	if (json_object_get(step, "kernel_sockets") != NULL) {
		say_sockets(t, _("kernel has"), json_object_get(step, "kernel_sockets"));
		say_sockets(t, _("model has"), sockets);
	} else if (!same) {
		say_sockets(t, _("sockets"), sockets);
	}
}

void iu_report_run(struct iu_text *t, const json_t *run, const struct iu_report_look *look)
{
	struct columns columns = measure(run, json_is_true(json_object_get(run, "kernel_played")), look);
	const json_t *steps = json_object_get(run, "steps"), *before = NULL;
	size_t i;
	json_t *step;

	say_name(t, run, look->colour);
	if (look->quiet) {
		iu_text_add(t, ": ");
		say_end(t, run, look->colour);
		iu_text_add(t, "\n");
		return;
	}
	iu_text_add(t, "\n  ");
	iu_say_wrapped(t, text_of(run, "shows"), 2, look->width);
	iu_text_add(t, "\n");
	if (text_of(run, "because")[0] != 0) {
		iu_text_add(t, "  ");
		iu_say_wrapped(t, text_of(run, "because"), 2, look->width);
		iu_text_add(t, "\n");
	}
	say_heading(t, &columns);
	json_array_foreach (steps, i, step) {
		say_step(t, step, before, &columns);
		before = step;
	}
	iu_text_add(t, "\n  ");
	say_end(t, run, look->colour);
	iu_text_add(t, "\n");
}
