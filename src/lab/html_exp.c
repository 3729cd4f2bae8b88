/* SPDX-License-Identifier: MIT */
/* The experiments of the page: each with its sentence, and its runs, of which those that came to the same are told once. */
#include "lab/html_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "lab/html.h"

static void badge(struct iu_text *t, const struct iu_tally *tally, bool kernel)
{
	if (tally->differ > 0)
		iu_html_addf(t, "<b class=\"badge no\">%s</b>", _("differs"));
	else if (tally->unplayed > 0)
		iu_html_addf(t, "<b class=\"badge half\">%s</b>", tally->agree > 0 ? _("partly played") : _("not played here"));
	else
		iu_html_addf(t, "<b class=\"badge yes\">%s</b>", kernel ? _("kernel and model agree") : _("the model agrees"));
}

/* For each run the first one that came to the same. False: out of memory. */
static bool find_alike(const struct iu_html_exp *e, size_t *first)
{
	struct iu_text *signs = calloc(e->n_runs + 1, sizeof(*signs));
	bool fine = signs != NULL;

	for (size_t i = 0; fine && i < e->n_runs; i++) {
		iu_html_signature(&signs[i], e->runs[i]);
		fine = !signs[i].failed;
		for (first[i] = 0; fine && first[i] < i; first[i]++)
			if (e->cases[first[i]] == e->cases[i] && strcmp(signs[first[i]].data, signs[i].data) == 0)
				break;
	}
	for (size_t i = 0; signs != NULL && i < e->n_runs; i++)
		iu_text_done(&signs[i]);
	free(signs);
	return fine;
}

static void say_families(struct iu_text *t, const struct iu_html_exp *e, const size_t *first, size_t of)
{
	bool any = false;

	for (size_t i = of; i < e->n_runs; i++) {
		const char *name = iu_html_family(e->runs[i]);

		if (first[i] != of || name[0] == 0)
			continue;
		iu_html_addf(t, "%s%s", any ? ", " : "", name);
		any = true;
	}
}

/* Which of its three families is shown, and which came to the same. */
static void say_alike(struct iu_text *t, const struct iu_html_exp *e, const size_t *first, size_t of)
{
	const char *shown = iu_html_family(e->runs[of]), *others[2];
	size_t n = 0;

	for (size_t i = of + 1; i < e->n_runs && n < 2; i++)
		if (first[i] == of)
			others[n++] = iu_html_family(e->runs[i]);
	if (shown[0] == 0)
		return;
	iu_text_add(t, "<p class=alike>");
	if (n == 2)
		iu_html_sayf(t, _("Shown is %s. The results were the same with %s and %s."), shown, others[0], others[1]);
	else if (n == 1)
		iu_html_sayf(t, _("Shown is %s. The results were the same with %s."), shown, others[0]);
	else
		iu_html_sayf(t, _("Shown is %s."), shown);
	iu_text_add(t, "</p>\n");
}

static void case_id(struct iu_text *t, const struct iu_html_exp *e, size_t number)
{
	iu_text_add(t, " id=\"");
	iu_html_id(t, e->name);
	iu_html_addf(t, ":%zu\"", number);
}

static void say_why_not(struct iu_text *t, const json_t *run)
{
	const char *why = iu_html_string(run, "why_not");

	if (why[0] == 0)
		return;
	iu_text_add(t, "<p class=alike>");
	iu_html_sayf(t, _("Not played on the kernel: %s"), why);
	iu_text_add(t, "</p>\n");
}

/* A group in a fold of its own, headed by its case. The folds of what differs are open. */
static void fold(struct iu_html_writing *w, const struct iu_html_exp *e, const size_t *first, size_t i, bool names_case, bool open)
{
	struct iu_text *t = w->t;

	iu_text_add(t, "<details class=case");
	if (names_case)
		case_id(t, e, e->cases[i]);
	iu_html_addf(t, "%s><summary>", open ? " open" : "");
	iu_html_case(t, e->runs[i]);
	iu_text_add(t, " <small>");
	say_families(t, e, first, i);
	iu_text_add(t, "</small>");
	if (!json_is_true(json_object_get(e->runs[i], "agrees")))
		iu_html_addf(t, " <b class=\"badge no\">%s</b>", _("differs"));
	else if (iu_html_string(e->runs[i], "why_not")[0] != 0)
		iu_html_addf(t, " <b class=\"badge half\">%s</b>", _("not played here"));
	iu_text_add(t, "</summary>\n");
	say_why_not(t, e->runs[i]);
	iu_html_run(t, e->runs[i], ++w->number);
	iu_text_add(t, "</details>\n");
}

static void groups(struct iu_html_writing *w, const struct iu_html_exp *e)
{
	size_t *first = calloc(e->n_runs + 1, sizeof(*first)), n = 0, last = 0;

	if (first == NULL || !find_alike(e, first)) {
		free(first);
		w->t->failed = true;
		return;
	}
	for (size_t i = 0; i < e->n_runs; i++)
		n += first[i] == i;
	for (size_t i = 0; i < e->n_runs; i++) {
		if (first[i] != i)
			continue;
		if (n == 1) {
			say_alike(w->t, e, first, i);
			say_why_not(w->t, e->runs[i]);
			iu_html_run(w->t, e->runs[i], ++w->number);
		} else {
			fold(w, e, first, i, e->cases[i] != last, i == 0 || !json_is_true(json_object_get(e->runs[i], "agrees")));
		}
		last = e->cases[i];
	}
	free(first);
}

static void experiment(struct iu_html_writing *w, const struct iu_html_exp *e)
{
	const char *because = iu_html_string(e->runs[0], "because"), *system = iu_html_string(e->runs[0], "system");
	struct iu_tally tally = iu_html_tally(e);
	bool kernel = false;
	struct iu_text *t = w->t;

	for (size_t i = 0; i < e->n_runs; i++)
		kernel |= iu_html_played(e->runs[i]);
	iu_text_add(t, "<article><h3 id=\"");
	iu_html_id(t, e->name);
	iu_text_add(t, "\">");
	iu_html_link(t, e->name);
	iu_html_addf(t, "%s</a> ", e->name);
	badge(t, &tally, kernel);
	iu_html_addf(t, "</h3>\n<p class=shows>%s</p>\n", iu_html_string(e->runs[0], "shows"));
	if (because[0] != 0)
		iu_html_addf(t, "<p>%s</p>\n", because);
	iu_text_add(t, "<p class=again>");
	iu_html_addf(t, "<code>inuse lab %s%s%s%s</code>", strcmp(system, "linux") != 0 ? "--os " : "", strcmp(system, "linux") != 0 ? system : "",
		     strcmp(system, "linux") != 0 ? " " : "", e->name);
	iu_text_add(t, "</p>\n");
	groups(w, e);
	iu_text_add(t, "</article>\n");
}

void iu_html_experiments(struct iu_html_writing *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (iu_html_starts_topic(w, i)) {
			iu_text_add(w->t, i > 0 ? "</section>\n<section><h2 id=\"" : "<section><h2 id=\"");
			iu_html_topic_id(w->t, w->exps[i].name);
			iu_text_add(w->t, "\">");
			iu_html_topic_name(w->t, w->exps[i].name);
			iu_text_add(w->t, "</h2>\n");
		}
		experiment(w, &w->exps[i]);
	}
	iu_text_add(w->t, w->n > 0 ? "</section>\n" : "");
}
