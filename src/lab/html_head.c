/* SPDX-License-Identifier: MIT */
/* What stands before the experiments: totals, what differs, what was not played, contents, legend. */
#include "lab/html_parts.h"

#include <string.h>
#include <time.h>

#include "base/gettext.h"
#include "lab/diagram.h"
#include "lab/html.h"

/* ---------------------------------------------------------------------------------------------------- head */

static void tile(struct iu_text *t, const char *class, size_t number, const char *word)
{
	iu_html_addf(t, "<li class=%s><b>%zu</b> %s\n", class, number, word);
}

static void fact(struct iu_text *t, const char *name, const char *value)
{
	if (value[0] != 0)
		iu_html_addf(t, "<div><dt>%s<dd>%s</div>\n", name, value);
}

static void say_facts(const struct iu_html_writing *w)
{
	const struct iu_html_facts *f = w->facts;
	time_t when = (time_t)f->when_s;
	struct iu_text took = {0};
	char text[64] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm);
	iu_text_addf(&took, _("%lld.%lld s"), (long long)f->took_ms / 1000, (long long)f->took_ms % 1000 / 100);
	iu_text_add(w->t, "<dl class=facts>");
	fact(w->t, _("Played"), text);
	fact(w->t, _("Kernel"), f->kernel[0] != 0 ? f->kernel : _("none: the model alone"));
	fact(w->t, _("Model of"), f->system);
	fact(w->t, _("Played by"), f->root ? _("root") : _("an ordinary user"));
	fact(w->t, _("Took"), took.data != NULL ? took.data : "");
	fact(w->t, _("Program"), "inuse " INUSE_VERSION);
	iu_text_add(w->t, "</dl>\n");
	w->t->failed |= took.failed;
	iu_text_done(&took);
}

void iu_html_head(const struct iu_html_writing *w)
{
	const struct iu_tally *a = &w->tally;

	/* TRANSLATORS: the code of the language that you translate into, as in <html lang="en"> */
	iu_html_addf(w->t, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n", _("en"));
	iu_html_addf(w->t, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '%s'; base-uri 'none'; "
			   "form-action 'none'\">\n", iu_html_style_hash);
	iu_html_addf(w->t, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
			   "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s</title>\n", _("Why an address is in use: the experiments"));
	iu_text_add(w->t, "<style>");
	iu_text_add(w->t, iu_html_style);
	iu_html_addf(w->t, "</style>\n</head>\n<body>\n<header><h1>%s</h1>\n<p>", _("Why an address is in use"));
	iu_html_sayf(w->t, "%s", w->facts->kernel[0] != 0
		? _("Each rule of the kernel about who may have a port, shown by an experiment: every call below was made on a "
		    "real kernel and judged by the model, and both are held against what was expected.")
		: _("Each rule about who may have a port, shown by an experiment: every call below was judged by the model and "
		    "is held against what was expected."));
	iu_text_add(w->t, "</p>\n<ul class=tiles>");
	tile(w->t, "all", w->n, iu_ngettext("experiment", "experiments", w->n));
	tile(w->t, "all", a->runs, iu_ngettext("run", "runs", a->runs));
	tile(w->t, "yes", a->agree, _("as expected"));
	tile(w->t, a->differ > 0 ? "no" : "all", a->differ, _("not as expected"));
	tile(w->t, a->unplayed > 0 ? "half" : "all", a->unplayed, _("not played on the kernel"));
	iu_text_add(w->t, "</ul>\n");
	say_facts(w);
	iu_text_add(w->t, "</header>\n");
}

/* ---------------------------------------------------------------------------------------------- what differs */

/* The name and the anchor of a run: its case where the experiment has several. */
static void link_run(struct iu_text *t, const struct iu_html_exp *e, size_t i)
{
	const char *family = iu_html_family(e->runs[i]);

	iu_text_add(t, "<a href=\"#");
	iu_html_id(t, e->name);
	if (e->n_cases > 1)
		iu_html_addf(t, ":%zu", e->cases[i]);
	iu_html_addf(t, "\">%s</a>", e->name);
	if (iu_html_string(e->runs[i], "case")[0] != 0) {
		iu_text_add(t, " (");
		iu_html_case(t, e->runs[i]);
		iu_text_add(t, ")");
	}
	iu_html_addf(t, "%s%s", family[0] != 0 ? ", " : "", family);
}

static void say_difference(struct iu_text *t, const struct iu_html_exp *e, size_t i)
{
	const json_t *run = e->runs[i];
	size_t k;
	json_t *step;

	iu_text_add(t, "<li>");
	link_run(t, e, i);
	iu_text_add(t, "<ul>");
	json_array_foreach (json_object_get(run, "steps"), k, step) {
		const json_t *expected = json_object_get(step, "expected");

		if (json_is_true(json_object_get(step, "agrees")))
			continue;
		iu_html_addf(t, "<li><code>%s</code>: ", iu_html_string(step, "step"));
		iu_html_sayf(t, _("expected %s"), expected != NULL ? iu_html_string(expected, "outcome") : "OK");
		if (json_object_get(step, "kernel") != NULL)
			iu_html_sayf(t, _(", the kernel %s"), iu_html_string(step, "kernel"));
		iu_html_sayf(t, _(", the model %s"), iu_html_string(step, "model"));
		if (json_object_get(step, "kernel_sockets") != NULL)
			iu_html_sayf(t, "; %s", _("the sockets afterwards are not those of the model"));
		iu_text_add(t, "\n");
	}
	iu_text_add(t, "</ul>\n");
}

static void differences(const struct iu_html_writing *w)
{
	struct iu_text *t = w->t;

	iu_html_addf(t, "<section><h2 id=\"differs\">%s</h2>", _("What differs"));
	if (w->tally.differ == 0) {
		iu_html_addf(t, "<p class=calm>%s</p>", w->facts->kernel[0] != 0
				     ? _("Nothing. Where the kernel played, it did what was expected, and so did the model.")
				     : _("Nothing. The model did what was expected."));
	} else {
		iu_text_add(t, "<ul class=differs>");
		for (size_t k = 0; k < w->n; k++)
			for (size_t i = 0; i < w->exps[k].n_runs; i++)
				if (!json_is_true(json_object_get(w->exps[k].runs[i], "agrees")))
					say_difference(t, &w->exps[k], i);
		iu_text_add(t, "</ul>");
	}
	iu_text_add(t, "</section>\n");
}

/* Why a run was not played on the kernel although it agrees; "" : it was, or it differs, which is told elsewhere. */
static const char *why_unplayed(const json_t *run)
{
	return json_is_true(json_object_get(run, "agrees")) ? iu_html_string(run, "why_not") : "";
}

static size_t count_unplayed(const struct iu_html_exp *e, const char *why)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_runs; i++)
		n += strcmp(why_unplayed(e->runs[i]), why) == 0;
	return n;
}

/* Has an experiment before this one, or an earlier run of it, the same reason? */
static bool told_reason(const struct iu_html_writing *w, size_t exp, size_t run)
{
	const char *why = why_unplayed(w->exps[exp].runs[run]);

	for (size_t k = 0; k < exp; k++)
		if (count_unplayed(&w->exps[k], why) > 0)
			return true;
	for (size_t i = 0; i < run; i++)
		if (strcmp(why_unplayed(w->exps[exp].runs[i]), why) == 0)
			return true;
	return false;
}

static void say_unplayed(const struct iu_html_writing *w, size_t from, const char *why)
{
	bool any = false;

	iu_html_addf(w->t, "<li>%s: ", why);
	for (size_t k = from; k < w->n; k++) {
		const struct iu_html_exp *e = &w->exps[k];
		size_t n = count_unplayed(e, why);

		if (n == 0)
			continue;
		iu_text_add(w->t, any ? ", " : "");
		any = true;
		iu_html_link(w->t, e->name);
		iu_html_addf(w->t, "%s</a>", e->name);
		if (n < e->n_runs) {
			iu_text_add(w->t, " (");
			/* TRANSLATORS: so many runs of an experiment */
			iu_html_sayf(w->t, _("%zu of %zu"), n, e->n_runs);
			iu_text_add(w->t, ")");
		}
	}
	iu_text_add(w->t, "\n");
}

/* By reason, which mostly is the same for many. */
static void unplayed(const struct iu_html_writing *w)
{
	if (w->tally.unplayed == 0)
		return;
	iu_html_addf(w->t, "<section><h2 id=\"not-played\">%s</h2><p>%s</p><ul>", _("Not played on the kernel"),
		     _("Here only the model was asked, and it agrees with what was expected."));
	for (size_t k = 0; k < w->n; k++)
		for (size_t i = 0; i < w->exps[k].n_runs; i++)
			if (why_unplayed(w->exps[k].runs[i])[0] != 0 && !told_reason(w, k, i))
				say_unplayed(w, k, why_unplayed(w->exps[k].runs[i]));
	iu_text_add(w->t, "</ul></section>\n");
}

void iu_html_found(const struct iu_html_writing *w)
{
	differences(w);
	unplayed(w);
}

/* ------------------------------------------------------------------------------------------------- contents */

void iu_html_contents(const struct iu_html_writing *w)
{
	struct iu_text *t = w->t;

	iu_html_addf(t, "<nav aria-labelledby=contents><h2 id=contents>%s</h2><ul class=jump>\n", _("Contents"));
	if (iu_html_has_matrix(w->exps, w->n))
		iu_html_addf(t, "<li><a href=\"#matrix\">%s</a>\n", _("The bind matrix"));
	iu_html_addf(t, "<li><a href=\"#legend\">%s</a>\n</ul><dl class=toc>\n", _("How to read the diagrams"));
	for (size_t i = 0; i < w->n; i++) {
		if (iu_html_starts_topic(w, i)) {
			iu_text_add(t, i > 0 ? "</ul></div>\n<div><dt><a href=\"#" : "<div><dt><a href=\"#");
			iu_html_topic_id(t, w->exps[i].name);
			iu_text_add(t, "\">");
			iu_html_topic_name(t, w->exps[i].name);
			iu_text_add(t, "</a><dd><ul>");
		}
		iu_text_add(t, "<li>");
		iu_html_link(t, w->exps[i].name);
		iu_html_addf(t, "%s</a>", iu_html_short_name(w->exps[i].name));
		if (iu_html_tally(&w->exps[i]).differ > 0)
			iu_html_addf(t, " <b class=\"badge no\">%s</b>", _("differs"));
		iu_text_add(t, "\n");
	}
	iu_text_add(t, w->n > 0 ? "</ul></div></dl></nav>\n" : "</dl></nav>\n");
}

void iu_html_legend(const struct iu_html_writing *w)
{
	static const struct {
		enum iu_life life;
		const char *states, *says;
	} rows[] = {
		{IU_LIFE_BOUND, "BOUND", N_("a socket has the address and does nothing with it")},
		{IU_LIFE_LISTEN, "LISTEN", N_("a server waits for clients")},
		{IU_LIFE_OPENING, "SYN-SENT", N_("a connection is being made")},
		{IU_LIFE_OPEN, "ESTABLISHED", N_("a connection is open")},
		{IU_LIFE_CLOSING, "FIN-WAIT-2", N_("a connection of which one side, or both, has closed: FIN-WAIT, CLOSE-WAIT, CLOSING, LAST-ACK")},
		{IU_LIFE_TIME_WAIT, "TIME-WAIT", N_("the side that closed first keeps the address for a while, without any process")},
	};

	iu_html_addf(w->t, "<section><h2 id=\"legend\">%s</h2><p>%s</p>\n<p>%s</p>\n<ul class=legend>", _("How to read the diagrams"),
		     _("Time runs downwards. Each grey strip is a call with its outcome, written as in the experiment's file; below it are "
		       "the packets that it sent, and what its sockets then are. A line stands for a local address, under the names of its "
		       "sockets. Sequence numbers begin at 0 in each direction. Below each diagram the same is told in words."),
		     _("In the calls \"here\" is an address of this host, \"second\" another one and \"any\" all of them; \"wire\" is its address "
		       "on a device with nobody behind it, and \"far\" one behind it, whose packets the experiment writes itself. \"look\", "
		       "\"left\" and \"port\" are no calls: they tell the sockets on a port, how long they stay there by themselves, and the port "
		       "that a socket has."));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		iu_html_addf(w->t, "<li><b class=s%d>%s</b> %s\n", (int)rows[i].life, rows[i].states, _(rows[i].says));
	iu_text_add(w->t, "</ul></section>\n");
}
