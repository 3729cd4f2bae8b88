/* SPDX-License-Identifier: MIT */
/*
 * The bind matrix: options of the old socket by options of the new one, a table for each experiment of the topic "matrix".
 *
 * Theory of operation
 *
 * Nothing stands in a cell but what a run of its case came to: the options are those that the steps `set old` and `set new` of the
 * run set, the word is what `bind new` and `listen new` answered. The families of a case are one cell; where they do not agree each has
 * its line. A cell without a run stays empty, and says so; one that only the model played is marked.
 */
#include "lab/html_parts.h"

#include <string.h>

#include "base/gettext.h"
#include "lab/html.h"
#include "lab/sequence.h"

#define SETS_MAX 32
#define STAGES 6

/* What one run came to. */
struct fate {
	const char *bind, *listen; /* "OK", an error; NULL: not called */
	bool agrees, played;
};

/* Sets of options as they are written, in their order: "", "reuseaddr", "reuseaddr reuseport". */
struct sets {
	struct iu_text list[SETS_MAX];
	size_t n;
};

static bool is_matrix(const struct iu_html_exp *e)
{
	return strncmp(e->name, "matrix/", 7) == 0;
}

/* When in the life of the old socket it is: the order of the tables. What is not named comes last. */
static int stage_of(const struct iu_html_exp *e)
{
	static const char *const names[STAGES] = {"bound", "overtaken", "listening", "connected", "fin-wait-2", "time-wait"};
	int stage = 0;

	while (stage < STAGES && strcmp(e->name + 7, names[stage]) != 0)
		stage++;
	return stage;
}

bool iu_html_has_matrix(const struct iu_html_exp *exps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_matrix(&exps[i]))
			return true;
	return false;
}

/* "reuseaddr reuseport": what the run sets on that socket before anything else happens to it. */
static void options_of(const json_t *run, const char *set, struct iu_text *ret)
{
	size_t i, len = strlen(set);
	json_t *step;

	json_array_foreach (json_object_get(run, "steps"), i, step) {
		const char *text = iu_html_string(step, "step");

		if (strncmp(text, set, len) == 0)
			iu_text_addf(ret, "%s%s", ret->len > 0 ? " " : "", text + len);
	}
	if (ret->data == NULL)
		iu_text_add(ret, "");
}

static struct fate fate_of(const json_t *run)
{
	struct fate f = {.agrees = json_is_true(json_object_get(run, "agrees")), .played = iu_html_played(run)};
	size_t i;
	json_t *step;

	json_array_foreach (json_object_get(run, "steps"), i, step) {
		const char *text = iu_html_string(step, "step");

		if (strncmp(text, "bind new ", 9) == 0)
			f.bind = iu_step_outcome(step);
		else if (strcmp(text, "listen new") == 0)
			f.listen = iu_step_outcome(step);
	}
	return f;
}

static const char *text_or_empty(const struct iu_text *t)
{
	return t->data != NULL ? t->data : "";
}

static void add_set(struct sets *sets, const json_t *run, const char *set)
{
	struct iu_text t = {0};

	options_of(run, set, &t);
	for (size_t i = 0; i < sets->n; i++)
		if (strcmp(text_or_empty(&sets->list[i]), text_or_empty(&t)) == 0) {
			iu_text_done(&t);
			return;
		}
	if (sets->n < SETS_MAX)
		sets->list[sets->n++] = t;
	else
		iu_text_done(&t);
}

static void sets_done(struct sets *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		iu_text_done(&sets->list[i]);
}

static bool has_options(const json_t *run, const char *set, const char *options)
{
	struct iu_text t = {0};
	bool same;

	options_of(run, set, &t);
	same = strcmp(text_or_empty(&t), options) == 0;
	iu_text_done(&t);
	return same;
}

/* ---------------------------------------------------------------------------------------------------- cells */

static bool is_ok(const char *outcome)
{
	return outcome != NULL && strcmp(outcome, "OK") == 0;
}

static const char *class_of(const struct fate *f)
{
	if (!f->agrees)
		return "differs";
	return !is_ok(f->bind) ? "no" : f->listen != NULL && !is_ok(f->listen) ? "half" : "yes";
}

/* A word that may be broken in its middle: "reuse|addr", "EADDR|INUSE". */
static void breakable(struct iu_text *t, const char *word, size_t len)
{
	static const char *const halves[] = {"reuse", "EADDR"};

	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		size_t half = strlen(halves[i]);

		if (len <= half || strncmp(word, halves[i], half) != 0)
			continue;
		iu_html_text_n(t, word, half);
		iu_text_add(t, "<wbr>");
		word += half;
		len -= half;
		break;
	}
	iu_html_text_n(t, word, len);
}

/* The word, and below it the error where there is one. */
static void say_fate(struct iu_text *t, const struct fate *f, const char *family)
{
	const char *failed = !is_ok(f->bind) ? f->bind : f->listen;

	iu_html_addf(t, "<b>%s</b>", !is_ok(f->bind) ? _("refused") : f->listen != NULL && !is_ok(f->listen) ? _("binds only") : _("works"));
	if (failed != NULL && !is_ok(failed)) {
		iu_html_addf(t, " <small>%s", failed == f->listen ? "listen: " : "");
		breakable(t, failed, strlen(failed));
		iu_text_add(t, "</small>");
	}
	if (family[0] != 0)
		iu_html_addf(t, " <small>%s</small>", family);
	if (!f->agrees)
		iu_html_addf(t, " <small>%s</small>", _("differs from the model"));
	else if (!f->played)
		iu_html_addf(t, " <small>%s</small>", _("the model only"));
}

static bool same_fate(const struct fate *a, const struct fate *b)
{
	const char *x = a->listen != NULL ? a->listen : "", *y = b->listen != NULL ? b->listen : "";

	return a->bind != NULL && b->bind != NULL && strcmp(a->bind, b->bind) == 0 && strcmp(x, y) == 0 && a->agrees == b->agrees &&
	       a->played == b->played;
}

static void link_to(struct iu_text *t, const struct iu_html_exp *e, size_t number)
{
	iu_text_add(t, "<a href=\"#");
	iu_html_id(t, e->name);
	iu_html_addf(t, ":%zu\">", number);
}

static void cell(struct iu_text *t, const struct iu_html_exp *e, const char *old, const char *new)
{
	const json_t *run = NULL;
	struct fate first = {0}, f;
	size_t number = 0;
	bool alike = true;

	for (size_t i = 0; i < e->n_runs; i++) {
		if (!has_options(e->runs[i], "set old ", old) || !has_options(e->runs[i], "set new ", new))
			continue;
		f = fate_of(e->runs[i]);
		if (run != NULL)
			alike &= same_fate(&first, &f);
		else
			first = f;
		number = number == 0 ? e->cases[i] : number;
		run = e->runs[i];
	}
	if (run == NULL || first.bind == NULL) {
		iu_html_addf(t, "<td class=none>%s", _("not played"));
		return;
	}
	iu_html_addf(t, "<td class=%s>", alike ? class_of(&first) : "half");
	link_to(t, e, number);
	if (alike)
		say_fate(t, &first, "");
	for (size_t i = 0; !alike && i < e->n_runs; i++) {
		if (e->cases[i] != number)
			continue;
		f = fate_of(e->runs[i]);
		say_fate(t, &f, iu_html_string(e->runs[i], "family"));
		iu_text_add(t, " ");
	}
	iu_text_add(t, "</a>");
}

/* The options of a row or a column; breaks after each. */
static void heading(struct iu_text *t, const char *options)
{
	if (options[0] == 0)
		iu_html_text(t, _("none"));
	for (size_t len = strlen(options), at = 0; at < len;) {
		size_t n = strcspn(options + at, " ");

		iu_text_add(t, at > 0 ? " + " : "");
		breakable(t, options + at, n);
		at += n + 1;
	}
}

static void matrix(struct iu_text *t, const struct iu_html_exp *e)
{
	struct sets olds = {0}, news = {0};

	for (size_t i = 0; i < e->n_runs; i++) {
		add_set(&olds, e->runs[i], "set old ");
		add_set(&news, e->runs[i], "set new ");
	}
	iu_text_add(t, "<div class=scroll tabindex=0 role=region aria-label=\"");
	iu_html_text(t, e->name + 7);
	iu_html_addf(t, "\"><table class=matrix><caption><b>%s</b> %s</caption><thead><tr><td><th scope=colgroup colspan=%zu>%s\n<tr><th scope=col>%s",
		     e->name + 7, iu_html_string(e->runs[0], "shows"), news.n, _("the new socket has"), _("the old one has"));
	for (size_t k = 0; k < news.n; k++) {
		iu_text_add(t, "<th scope=col>");
		heading(t, text_or_empty(&news.list[k]));
	}
	iu_text_add(t, "<tbody>\n");
	for (size_t i = 0; i < olds.n; i++) {
		iu_text_add(t, "<tr><th scope=row>");
		heading(t, text_or_empty(&olds.list[i]));
		for (size_t k = 0; k < news.n; k++)
			cell(t, e, text_or_empty(&olds.list[i]), text_or_empty(&news.list[k]));
		iu_text_add(t, "\n");
	}
	iu_text_add(t, "</table></div>\n");
	sets_done(&olds);
	sets_done(&news);
}

void iu_html_matrix(struct iu_text *t, const struct iu_html_exp *exps, size_t n)
{
	iu_html_addf(t, "<section><h2 id=\"matrix\">%s</h2><p>%s</p>\n<div class=matrices>", _("The bind matrix"),
		     _("May a new server bind the port of an old one and listen on it? A table for each state of the old one: the old "
		       "socket's options down, the new one's across. Both have the same address and the same user. Each cell is what came of the "
		       "experiment that it leads to; where families differ, it says so."));
	for (int stage = 0; stage <= STAGES; stage++)
		for (size_t i = 0; i < n; i++)
			if (is_matrix(&exps[i]) && stage_of(&exps[i]) == stage)
				matrix(t, &exps[i]);
	iu_text_add(t, "</div></section>\n");
}
