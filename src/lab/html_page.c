/* SPDX-License-Identifier: MIT */
/* Many runs as one page of HTML. See html_page.h. */
#include "lab/html_parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/gettext.h"
#include "lab/html.h"
#include "lab/play.h"
#include "lab/sequence.h"

struct iu_html_page {
	json_t *runs;
};

/* What is being written. */
struct writing {
	struct iu_text *t;
	const struct iu_html_facts *facts;
	struct iu_html_exp *exps;
	size_t n;
	struct iu_tally tally;
	size_t packets, number; /* number: of the diagram that was written last */
};

struct iu_html_page *iu_html_page_new(void)
{
	struct iu_html_page *page = calloc(1, sizeof(*page));

	if (page != NULL)
		page->runs = json_array();
	if (page != NULL && page->runs == NULL) {
		free(page);
		return NULL;
	}
	return page;
}

void iu_html_page_free(struct iu_html_page *page)
{
	if (page == NULL)
		return;
	json_decref(page->runs);
	free(page);
}

enum inuse_status iu_html_page_add(struct iu_html_page *page, const json_t *run)
{
	return json_array_append(page->runs, (json_t *)run) == 0 ? INUSE_OK : INUSE_E_MEMORY;
}

/* -------------------------------------------------------------------------------------------- experiments */

static size_t case_of(const struct iu_html_exp *e, const json_t *run)
{
	for (size_t i = 0; i < e->n_runs; i++)
		if (strcmp(iu_html_string(e->runs[i], "case"), iu_html_string(run, "case")) == 0)
			return e->cases[i];
	return 0;
}

static void add_run(struct iu_html_exp *e, const json_t *run)
{
	size_t number = case_of(e, run);

	e->cases[e->n_runs] = number != 0 ? number : ++e->n_cases;
	e->runs[e->n_runs++] = run;
}

/* The runs of each experiment side by side, in the order in which the first of them came. */
static bool sort_runs(struct writing *w, const json_t *runs)
{
	size_t i, max = json_array_size(runs) + 1;
	json_t *run;

	w->exps = calloc(max, sizeof(*w->exps));
	if (w->exps == NULL)
		return false;
	json_array_foreach (runs, i, run) {
		const char *name = iu_html_string(run, "experiment");
		struct iu_html_exp *e = NULL;

		/* mostly that of the run before */
		for (size_t k = w->n; k-- > 0 && e == NULL;)
			if (strcmp(w->exps[k].name, name) == 0)
				e = &w->exps[k];
		if (e == NULL) {
			size_t rest = max - i;

			e = &w->exps[w->n++];
			*e = (struct iu_html_exp){.name = name, .runs = calloc(rest, sizeof(*e->runs)), .cases = calloc(rest, sizeof(size_t))};
		}
		if (e->runs == NULL || e->cases == NULL)
			return false;
		add_run(e, run);
		iu_tally_add(&w->tally, run);
	}
	return true;
}

static size_t topic_len(const char *name)
{
	size_t len = strlen(name);

	if (len > 4 && strcmp(name + len - 4, ".exp") == 0)
		return 0; /* a file of one's own */
	return strcspn(name, "/");
}

static bool same_topic(const char *a, const char *b)
{
	size_t len = topic_len(a);

	return len == topic_len(b) && strncmp(a, b, len) == 0;
}

static bool starts_topic(const struct writing *w, size_t i)
{
	return i == 0 || !same_topic(w->exps[i].name, w->exps[i - 1].name);
}

static void topic_name(struct iu_text *t, const char *name)
{
	size_t len = topic_len(name);

	if (len == 0)
		iu_html_text(t, _("files of your own"));
	else
		iu_html_text_n(t, name, len);
}

/* A topic's anchor: "time-wait/", which no experiment has. */
static void topic_id(struct iu_text *t, const char *name)
{
	struct iu_text topic = {0};

	iu_text_add_n(&topic, name, topic_len(name));
	iu_html_id(t, topic.data != NULL ? topic.data : "");
	iu_text_add(t, "/");
	iu_text_done(&topic);
}

static void link_to(struct iu_text *t, const char *name)
{
	iu_text_add(t, "<a href=\"#");
	iu_html_id(t, name);
	iu_text_add(t, "\">");
}

static const char *short_name(const char *name)
{
	size_t len = topic_len(name);

	return name + len + (len > 0 && name[len] == '/');
}

static struct iu_tally tally_of(const struct iu_html_exp *e)
{
	struct iu_tally tally = {0};

	for (size_t i = 0; i < e->n_runs; i++)
		iu_tally_add(&tally, e->runs[i]);
	return tally;
}

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

static void say_facts(const struct writing *w)
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

static void head(const struct writing *w)
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

static const char *family_name(const json_t *run)
{
	const char *family = iu_html_string(run, "family");

	return strcmp(family, "ipv4") == 0 ? "IPv4" : strcmp(family, "ipv6") == 0 ? "IPv6"
	       : strcmp(family, "mapped") == 0 ? _("IPv4-mapped IPv6") : family;
}

/* The name and the anchor of a run: its case where the experiment has several. */
static void link_run(struct iu_text *t, const struct iu_html_exp *e, size_t i)
{
	const char *family = family_name(e->runs[i]);

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

static void differences(const struct writing *w)
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

/* By reason, which mostly is the same for many. */
static void unplayed(const struct writing *w)
{
	const char *last = "";
	bool open = false;

	if (w->tally.unplayed == 0)
		return;
	iu_html_addf(w->t, "<section><h2 id=\"not-played\">%s</h2><p>%s</p><ul>", _("Not played on the kernel"),
		     _("Here only the model was asked, and it agrees with what was expected."));
	for (size_t k = 0; k < w->n; k++)
		for (size_t i = 0; i < w->exps[k].n_runs; i++) {
			const char *why = iu_html_string(w->exps[k].runs[i], "why_not");

			if (why[0] == 0 || !json_is_true(json_object_get(w->exps[k].runs[i], "agrees")))
				continue;
			if (!open || strcmp(last, why) != 0)
				iu_html_addf(w->t, open ? "</ul>\n<li>%s<ul>" : "<li>%s<ul>", why);
			open = true;
			last = why;
			iu_text_add(w->t, "<li>");
			link_run(w->t, &w->exps[k], i);
		}
	iu_text_add(w->t, open ? "</ul></ul></section>\n" : "</ul></section>\n");
}

/* ------------------------------------------------------------------------------------------------- contents */

static void contents(const struct writing *w)
{
	struct iu_text *t = w->t;

	iu_html_addf(t, "<nav aria-labelledby=contents><h2 id=contents>%s</h2><ul class=jump>\n", _("Contents"));
	if (iu_html_has_matrix(w->exps, w->n))
		iu_html_addf(t, "<li><a href=\"#matrix\">%s</a>\n", _("The bind matrix"));
	iu_html_addf(t, "<li><a href=\"#legend\">%s</a>\n</ul><dl class=toc>\n", _("How to read the diagrams"));
	for (size_t i = 0; i < w->n; i++) {
		if (starts_topic(w, i)) {
			iu_text_add(t, i > 0 ? "</ul></div>\n<div><dt><a href=\"#" : "<div><dt><a href=\"#");
			topic_id(t, w->exps[i].name);
			iu_text_add(t, "\">");
			topic_name(t, w->exps[i].name);
			iu_text_add(t, "</a><dd><ul>");
		}
		iu_text_add(t, "<li>");
		link_to(t, w->exps[i].name);
		iu_html_addf(t, "%s</a>", short_name(w->exps[i].name));
		if (tally_of(&w->exps[i]).differ > 0)
			iu_html_addf(t, " <b class=\"badge no\">%s</b>", _("differs"));
		iu_text_add(t, "\n");
	}
	iu_text_add(t, w->n > 0 ? "</ul></div></dl></nav>\n" : "</dl></nav>\n");
}

static void matrix(const struct writing *w)
{
	if (!iu_html_has_matrix(w->exps, w->n))
		return;
	iu_html_addf(w->t, "<section><h2 id=\"matrix\">%s</h2><p>%s</p>\n", _("The bind matrix"),
		     _("May a new server bind the port of an old one and listen on it? A table for each state of the old one: the old "
		       "socket's options down, the new one's across. Both have the same address and the same user. Each cell is what came of the "
		       "experiment that it leads to; where families differ, it says so."));
	iu_html_matrix(w->t, w->exps, w->n);
	iu_text_add(w->t, "</section>\n");
}

static void legend(const struct writing *w)
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

	iu_html_addf(w->t, "<section><h2 id=\"legend\">%s</h2><p>%s</p>\n<ul class=legend>", _("How to read the diagrams"),
		     _("Time runs downwards. Each grey strip is a call with its outcome, written as in the experiment's file; below it are "
		       "the packets that it sent, and what its sockets then are. A line stands for a local address, under the names of its "
		       "sockets. Sequence numbers begin at 0 in each direction. Below each diagram the same is told in words."));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		iu_html_addf(w->t, "<li><b class=s%d>%s</b> %s\n", (int)rows[i].life, rows[i].states, _(rows[i].says));
	iu_text_add(w->t, "</ul></section>\n");
}

/* ---------------------------------------------------------------------------------------------- experiments */

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
		const char *name = family_name(e->runs[i]);

		if (first[i] != of || name[0] == 0)
			continue;
		iu_html_addf(t, "%s%s", any ? ", " : "", name);
		any = true;
	}
}

/* "In IPv4. IPv6 and mapped came to the same." */
static void say_alike(struct iu_text *t, const struct iu_html_exp *e, const size_t *first, size_t of)
{
	struct iu_text others = {0};

	for (size_t i = of + 1; i < e->n_runs; i++)
		if (first[i] == of)
			iu_text_addf(&others, "%s%s", others.len > 0 ? ", " : "", family_name(e->runs[i]));
	if (family_name(e->runs[of])[0] != 0) {
		iu_text_add(t, "<p class=alike>");
		if (others.len > 0)
			iu_html_sayf(t, _("Shown is %s. The results were the same with %s."), family_name(e->runs[of]), others.data);
		else
			iu_html_sayf(t, _("Shown is %s."), family_name(e->runs[of]));
		iu_text_add(t, "</p>\n");
	}
	t->failed |= others.failed;
	iu_text_done(&others);
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
static void fold(struct writing *w, const struct iu_html_exp *e, const size_t *first, size_t i, bool names_case, bool open)
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

static void groups(struct writing *w, const struct iu_html_exp *e)
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

static void experiment(struct writing *w, const struct iu_html_exp *e)
{
	const char *because = iu_html_string(e->runs[0], "because"), *system = iu_html_string(e->runs[0], "system");
	struct iu_tally tally = tally_of(e);
	bool kernel = false;
	struct iu_text *t = w->t;

	for (size_t i = 0; i < e->n_runs; i++)
		kernel |= iu_html_played(e->runs[i]);
	iu_text_add(t, "<article><h3 id=\"");
	iu_html_id(t, e->name);
	iu_text_add(t, "\">");
	link_to(t, e->name);
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

static void experiments(struct writing *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (starts_topic(w, i)) {
			iu_text_add(w->t, i > 0 ? "</section>\n<section><h2 id=\"" : "<section><h2 id=\"");
			topic_id(w->t, w->exps[i].name);
			iu_text_add(w->t, "\">");
			topic_name(w->t, w->exps[i].name);
			iu_text_add(w->t, "</h2>\n");
		}
		experiment(w, &w->exps[i]);
	}
	iu_text_add(w->t, w->n > 0 ? "</section>\n" : "");
}

enum inuse_status iu_html_page_write(const struct iu_html_page *page, const struct iu_html_facts *facts, struct iu_text *t,
				     struct inuse_error *error)
{
	struct writing w = {.t = t, .facts = facts};
	bool sorted = sort_runs(&w, page->runs);

	if (sorted) {
		head(&w);
		iu_text_add(t, "<main>\n");
		differences(&w);
		unplayed(&w);
		contents(&w);
		matrix(&w);
		legend(&w);
		experiments(&w);
		iu_text_add(t, "</main>\n</body>\n</html>\n");
	}
	for (size_t i = 0; i < w.n; i++) {
		free(w.exps[i].runs);
		free(w.exps[i].cases);
	}
	free(w.exps);
	return sorted && !t->failed ? INUSE_OK : iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
}
