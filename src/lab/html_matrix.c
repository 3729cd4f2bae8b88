/* SPDX-License-Identifier: MIT */
/*
 * The bind matrix: what the old socket asked for by what the new one asks for, a table for each experiment that is one (matrix.h).
 *
 * Theory of operation
 *
 * Nothing stands in a cell but what the runs of its case came to: the word is what bind() and listen() of the new socket answered. The
 * families of a case are one cell; where they do not agree each has its line. What only the model played is marked: in its cell, or for a
 * whole table in its caption.
 */
#include "lab/html_parts.h"

#include <string.h>

#include "base/gettext.h"
#include "lab/html.h"
#include "lab/matrix.h"

#define STAGES 6
#define MANY 4 /* columns that still fit a phone */

/* When in the life of the old socket it is: the order of the tables. What is not named comes last. */
static int stage_of(const struct iu_html_exp *e)
{
	static const char *const names[STAGES] = {"bound", "overtaken", "listening", "connected", "fin-wait-2", "time-wait"};
	int stage = 0;

	while (stage < STAGES && strcmp(iu_html_short_name(e->name), names[stage]) != 0)
		stage++;
	return stage;
}

bool iu_html_has_matrix(const struct iu_html_exp *exps, size_t n)
{
	struct iu_matrix m;

	for (size_t i = 0; i < n; i++)
		if (iu_matrix_read(&m, &exps[i]))
			return true;
	return false;
}

/* ---------------------------------------------------------------------------------------------------- cells */

static bool is_ok(const char *outcome)
{
	return outcome != NULL && strcmp(outcome, "OK") == 0;
}

static const char *class_of(const struct iu_matrix_fate *f)
{
	if (!f->agrees)
		return "differs";
	if (f->bind != NULL && strcmp(f->bind, "undocumented") == 0)
		return "none";
	return !is_ok(f->bind) ? "no" : f->listen != NULL && !is_ok(f->listen) ? "half" : "yes";
}

/* A word that may be broken in its middle: "reuse|addr", "EADDR|INUSE". */
static void breakable(struct iu_text *t, const char *word, size_t len)
{
	static const char *const halves[] = {"reuse", "exclusive", "EADDR"};

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

static const char *word_of(const struct iu_matrix_fate *f)
{
	if (f->bind != NULL && strcmp(f->bind, "undocumented") == 0)
		return _("not documented");
	return !is_ok(f->bind) ? _("refused") : f->listen != NULL && !is_ok(f->listen) ? _("binds only") : _("works");
}

/* The word, and below it the error where there is one. */
static void say_fate(struct iu_text *t, const struct iu_matrix *m, const struct iu_matrix_fate *f, const char *family)
{
	const char *failed = !is_ok(f->bind) ? f->bind : f->listen;

	iu_html_addf(t, "<b>%s</b>", word_of(f));
	if (failed != NULL && failed[0] == 'E') {
		iu_html_addf(t, " <small>%s", failed == f->listen ? "listen: " : "");
		breakable(t, failed, strlen(failed));
		iu_text_add(t, "</small>");
	}
	if (family[0] != 0)
		iu_html_addf(t, " <small>%s</small>", family);
	if (!f->agrees)
		iu_html_addf(t, " <small>%s</small>", _("not as expected"));
	else if (!f->played && m->played)
		iu_html_addf(t, " <small>%s</small>", _("the model only"));
}

static bool same_fate(const struct iu_matrix_fate *a, const struct iu_matrix_fate *b)
{
	const char *x = a->listen != NULL ? a->listen : "", *y = b->listen != NULL ? b->listen : "";

	return a->bind != NULL && b->bind != NULL && strcmp(a->bind, b->bind) == 0 && strcmp(x, y) == 0 && a->agrees == b->agrees &&
	       a->played == b->played;
}

static void cell(struct iu_text *t, const struct iu_matrix *m, size_t row, size_t column)
{
	size_t first = iu_matrix_run(m, row, column, SIZE_MAX);
	struct iu_matrix_fate fate, other;
	bool alike = true;

	if (first == SIZE_MAX) {
		iu_html_addf(t, "<td class=none>%s", _("not played"));
		return;
	}
	fate = iu_matrix_fate(m->exp->runs[first]);
	for (size_t i = first; i != SIZE_MAX; i = iu_matrix_run(m, row, column, i)) {
		other = iu_matrix_fate(m->exp->runs[i]);
		alike &= same_fate(&fate, &other);
	}
	iu_html_addf(t, "<td class=%s><a href=\"#", alike ? class_of(&fate) : "half");
	iu_html_id(t, m->exp->name);
	iu_html_addf(t, ":%zu\">", m->exp->cases[first]);
	if (alike)
		say_fate(t, m, &fate, "");
	for (size_t i = first; !alike && i != SIZE_MAX; i = iu_matrix_run(m, row, column, i)) {
		other = iu_matrix_fate(m->exp->runs[i]);
		say_fate(t, m, &other, iu_html_family(m->exp->runs[i]));
		iu_text_add(t, " ");
	}
	iu_text_add(t, "</a>");
}

/* --------------------------------------------------------------------------------------------------- tables */

/* What a row or a column stands for: "reuseaddr + reuseport", "none, any". */
static void heading(struct iu_text *t, const struct iu_matrix_side *side, bool with_address)
{
	if (side->options[0] == 0)
		iu_html_text(t, _("none"));
	for (size_t len = strlen(side->options), at = 0; at < len;) {
		size_t n = strcspn(side->options + at, " ");

		iu_text_add(t, at > 0 ? " + " : "");
		breakable(t, side->options + at, n);
		at += n + 1;
	}
	if (with_address) {
		iu_text_add(t, ", ");
		iu_html_text_n(t, side->address, strcspn(side->address, ":"));
	}
}

static void caption(struct iu_text *t, const struct iu_matrix *m)
{
	iu_html_addf(t, "<caption><span><b>%s</b> %s", iu_html_short_name(m->exp->name), iu_html_string(m->exp->runs[0], "shows"));
	if (!m->played) {
		iu_text_add(t, " ");
		iu_html_sayf(t, _("All of it is what the model says; no kernel played it here."));
	}
	iu_text_add(t, "</span></caption>");
}

static void table(struct iu_text *t, const struct iu_matrix *m)
{
	const char *many = m->n_columns > MANY ? " many" : "";

	iu_html_addf(t, "<div class=\"scroll%s\" tabindex=0 role=region aria-label=\"%s\"><table class=\"matrix%s\">", many,
		     iu_html_short_name(m->exp->name), many);
	caption(t, m);
	iu_html_addf(t, "<thead><tr><td><th scope=colgroup colspan=%zu>%s\n<tr><th scope=col>%s", m->n_columns, _("the new socket has"),
		     _("the old one has"));
	for (size_t k = 0; k < m->n_columns; k++) {
		iu_text_add(t, "<th scope=col>");
		heading(t, &m->columns[k], m->column_addresses);
	}
	iu_text_add(t, "<tbody>\n");
	for (size_t i = 0; i < m->n_rows; i++) {
		iu_text_add(t, "<tr><th scope=row>");
		heading(t, &m->rows[i], m->row_addresses);
		for (size_t k = 0; k < m->n_columns; k++)
			cell(t, m, i, k);
		iu_text_add(t, "\n");
	}
	iu_text_add(t, "</table></div>\n");
}

void iu_html_matrix(struct iu_text *t, const struct iu_html_exp *exps, size_t n)
{
	struct iu_matrix m;

	iu_html_addf(t, "<section><h2 id=\"matrix\">%s</h2><p>%s</p>\n<div class=matrices>", _("The bind matrix"),
		     _("May a new server have the port of an old one? A table for each situation: the old socket's options down, the new "
		       "one's across, with the same address and the same user where the table does not say otherwise. Each cell is what came "
		       "of the experiment that it leads to; where IPv4 and IPv6 differ, it says so."));
	for (int stage = 0; stage <= STAGES; stage++)
		for (size_t i = 0; i < n; i++)
			if (stage_of(&exps[i]) == stage && iu_matrix_read(&m, &exps[i]))
				table(t, &m);
	iu_text_add(t, "</div></section>\n");
}
