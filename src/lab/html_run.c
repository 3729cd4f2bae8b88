/* SPDX-License-Identifier: MIT */
/* One run: its diagram, its calls with what was expected and what happened, and the rules that decided. */
#include "lab/html_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/gettext.h"
#include "lab/html.h"
#include "lab/sequence.h"

bool iu_html_played(const json_t *run)
{
	return json_is_true(json_object_get(run, "kernel_played"));
}

void iu_html_case(struct iu_text *t, const json_t *run)
{
	static const char none[] = ": none", between[] = "; ";
	const char *label = iu_html_string(run, "case"), *at = label;
	bool any = false;

	while (at[0] != 0) {
		const char *stop = strstr(at, between);
		size_t len = stop != NULL ? (size_t)(stop - at) : strlen(at), tail = sizeof(none) - 1;

		if (len < tail || strncmp(at + len - tail, none, tail) != 0) {
			iu_text_add(t, any ? between : "");
			iu_html_text_n(t, at, len);
			any = true;
		}
		at += len + (stop != NULL ? sizeof(between) - 1 : 0);
	}
	if (!any) /* the case in which there is nothing of all that */
		iu_html_text_n(t, label, strlen(label));
}

/* --------------------------------------------------------------------------------------------------- calls */

static void cell_outcome(struct iu_text *t, const json_t *step, bool kernel)
{
	static const char *const classes[] = {
		[IU_TONE_QUIET] = "ok", [IU_TONE_PLAIN] = "plain", [IU_TONE_REFUSED] = "refused", [IU_TONE_WRONG] = "wrong",
	};
	enum iu_tone tone = iu_step_tone(step);
	const char *model = iu_html_string(step, "model"), *here = kernel ? iu_step_outcome(step) : model;

	iu_html_addf(t, "<td class=%s>%s", classes[tone], here);
	if (tone == IU_TONE_WRONG) {
		iu_html_addf(t, " <b class=\"badge no\">%s</b>", _("differs"));
		if (json_object_get(step, "kernel_sockets") != NULL)
			iu_html_addf(t, "<small>%s</small>", _("The sockets are not those of the model."));
	}
	if (strcmp(here, model) != 0)
		iu_html_addf(t, "<small>%s %s</small>", _("model:"), model);
	/* the model went on where the kernel could not */
	if (kernel && json_object_get(step, "kernel") == NULL)
		iu_html_addf(t, "<small>%s</small>", _("the model; not played on the kernel"));
}

static void cell_expected(struct iu_text *t, const json_t *step)
{
	const json_t *e = json_object_get(step, "expected");

	iu_html_addf(t, "<td>%s", iu_html_string(e, "outcome"));
	if (e != NULL && strcmp(iu_html_string(e, "rank"), "live") != 0)
		iu_html_addf(t, "<small>%s: %s</small>", iu_html_string(e, "rank"), iu_html_string(e, "source"));
}

static void calls(struct iu_text *t, const json_t *run)
{
	bool kernel = iu_html_played(run);
	size_t i;
	json_t *step;

	iu_html_addf(t, "<table class=calls><thead><tr><th scope=col>%s<th scope=col>%s<th scope=col>%s<tbody>\n", _("Call"), _("Expected"),
		     kernel ? _("Kernel") : _("Model"));
	json_array_foreach (json_object_get(run, "steps"), i, step) {
		bool wrong = !json_is_true(json_object_get(step, "agrees"));

		iu_html_addf(t, "<tr%s><th scope=row>%s", wrong ? " class=wrong" : "", iu_html_string(step, "step"));
		cell_expected(t, step);
		cell_outcome(t, step, kernel);
		iu_text_add(t, "\n");
	}
	iu_text_add(t, "</table>\n");
}

/* --------------------------------------------------------------------------------------------------- rules */

static bool worth_telling(const json_t *step)
{
	return json_object_get(step, "rule") != NULL &&
	       (json_object_get(step, "expected") != NULL || strcmp(iu_html_string(step, "model"), "OK") != 0);
}

/* Did an earlier step of the run tell this rule? */
static bool told_before(const json_t *steps, size_t at)
{
	const char *rule = iu_html_string(json_array_get(steps, at), "rule");

	for (size_t i = 0; i < at; i++)
		if (worth_telling(json_array_get(steps, i)) && strcmp(iu_html_string(json_array_get(steps, i), "rule"), rule) == 0)
			return true;
	return false;
}

static void rules(struct iu_text *t, const json_t *run)
{
	const json_t *steps = json_object_get(run, "steps");
	bool open = false;
	size_t i;
	json_t *step;

	json_array_foreach (steps, i, step) {
		const char *text = iu_html_string(step, "rule_text");

		if (!worth_telling(step) || told_before(steps, i))
			continue;
		iu_text_add(t, open ? "" : "<dl class=rules>");
		open = true;
		iu_html_addf(t, "<dt><code>%s</code> %s <code>%s</code><dd>%s <cite>%s</cite>\n", iu_html_string(step, "step"), _("by the rule"),
			     iu_html_string(step, "rule"), text[0] != 0 ? _(text) : "", iu_html_string(step, "rule_source"));
	}
	iu_text_add(t, open ? "</dl>\n" : "");
}

void iu_html_run(struct iu_text *t, const json_t *run, size_t number)
{
	iu_text_add(t, "<div class=run>");
	iu_html_diagram(t, run, number);
	iu_text_add(t, "<div>");
	calls(t, run);
	rules(t, run);
	iu_text_add(t, "</div></div>\n");
}

/* ----------------------------------------------------------------------------------------------- signature */

static void sign_sockets(struct iu_text *t, const json_t *sockets)
{
	size_t i;
	json_t *s;

	json_array_foreach (sockets, i, s)
		iu_text_addf(t, "%s,", iu_html_string(s, "state"));
}

/* ":5000" of the first socket that the run had. */
static const char *first_port(const json_t *run)
{
	size_t i;
	json_t *step;

	json_array_foreach (json_object_get(run, "steps"), i, step) {
		const char *colon = strrchr(iu_html_string(json_array_get(iu_step_sockets(step), 0), "local"), ':');

		if (colon != NULL)
			return colon;
	}
	return "";
}

static void sign_packets(struct iu_text *t, const json_t *packets, const char *port)
{
	size_t i;
	json_t *p;
	char flags[32];

	json_array_foreach (packets, i, p) {
		const char *from = strrchr(iu_html_string(p, "from"), ':');

		iu_text_addf(t, "%s%c%lld;", iu_packet_flags(p, true, flags, sizeof(flags)),
			     from != NULL && strcmp(from, port) == 0 ? '<' : '>', (long long)json_integer_value(json_object_get(p, "len")));
	}
}

void iu_html_signature(struct iu_text *t, const json_t *run)
{
	const char *port = first_port(run);
	size_t i;
	json_t *step;

	iu_text_addf(t, "%s\n%d%d\n%s\n", iu_html_string(run, "case"), json_is_true(json_object_get(run, "agrees")), iu_html_played(run),
		     iu_html_string(run, "why_not"));
	json_array_foreach (json_object_get(run, "steps"), i, step) {
		const char *text = iu_html_string(step, "step");
		bool chance = strncmp(text, "port ", 5) == 0 || strncmp(text, "left ", 5) == 0; /* ports and seconds */

		iu_text_addf(t, "%s|%s|%s|%d|%s|", text, chance ? "" : iu_html_string(step, "kernel"),
			     chance ? "" : iu_html_string(step, "model"), json_is_true(json_object_get(step, "agrees")),
			     iu_html_string(step, "rule"));
		sign_sockets(t, iu_step_sockets(step));
		sign_packets(t, json_object_get(step, "packets"), port);
		iu_text_add(t, "\n");
	}
}
