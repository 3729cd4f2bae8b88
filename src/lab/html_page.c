/* SPDX-License-Identifier: MIT */
/* Many runs as one page of HTML. See html_page.h. */
#include "lab/html_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "lab/html.h"

struct iu_html_page {
	json_t *runs;
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
static bool sort_runs(struct iu_html_writing *w, const json_t *runs)
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

bool iu_html_starts_topic(const struct iu_html_writing *w, size_t i)
{
	return i == 0 || !same_topic(w->exps[i].name, w->exps[i - 1].name);
}

void iu_html_topic_name(struct iu_text *t, const char *name)
{
	size_t len = topic_len(name);

	if (len == 0)
		iu_html_text(t, _("files of your own"));
	else
		iu_html_text_n(t, name, len);
}

void iu_html_topic_id(struct iu_text *t, const char *name)
{
	struct iu_text topic = {0};

	iu_text_add_n(&topic, name, topic_len(name));
	iu_html_id(t, topic.data != NULL ? topic.data : "");
	iu_text_add(t, "/");
	iu_text_done(&topic);
}

void iu_html_link(struct iu_text *t, const char *name)
{
	iu_text_add(t, "<a href=\"#");
	iu_html_id(t, name);
	iu_text_add(t, "\">");
}

const char *iu_html_short_name(const char *name)
{
	size_t len = topic_len(name);

	return name + len + (len > 0 && name[len] == '/');
}

struct iu_tally iu_html_tally(const struct iu_html_exp *e)
{
	struct iu_tally tally = {0};

	for (size_t i = 0; i < e->n_runs; i++)
		iu_tally_add(&tally, e->runs[i]);
	return tally;
}

const char *iu_html_family(const json_t *run)
{
	const char *family = iu_html_string(run, "family");

	return strcmp(family, "ipv4") == 0 ? "IPv4" : strcmp(family, "ipv6") == 0 ? "IPv6"
	       : strcmp(family, "mapped") == 0 ? _("IPv4-mapped IPv6") : family;
}

enum inuse_status iu_html_page_write(const struct iu_html_page *page, const struct iu_html_facts *facts, struct iu_text *t,
				     struct inuse_error *error)
{
	struct iu_html_writing w = {.t = t, .facts = facts};
	bool sorted = sort_runs(&w, page->runs);

	if (sorted) {
		iu_html_head(&w);
		iu_text_add(t, "<main>\n");
		iu_html_found(&w);
		iu_html_contents(&w);
		if (iu_html_has_matrix(w.exps, w.n))
			iu_html_matrix(t, w.exps, w.n);
		iu_html_legend(&w);
		iu_html_experiments(&w);
		iu_text_add(t, "</main>\n</body>\n</html>\n");
	}
	for (size_t i = 0; i < w.n; i++) {
		free(w.exps[i].runs);
		free(w.exps[i].cases);
	}
	free(w.exps);
	return sorted && !t->failed ? INUSE_OK : iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
}

