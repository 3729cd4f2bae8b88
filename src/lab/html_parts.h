/* SPDX-License-Identifier: MIT */
/* The parts of the page, one file each. */
#ifndef IU_LAB_HTML_PARTS_H
#define IU_LAB_HTML_PARTS_H

#include "lab/html_page.h"
#include "lab/play.h"

/* An experiment and its runs, in the order of its cases. */
struct iu_html_exp {
	const char *name;
	const json_t **runs;
	size_t n_runs;
	size_t *cases;    /* of each run: the number of its case, from 1 on */
	size_t n_cases;
};

/* What is being written. */
struct iu_html_writing {
	struct iu_text *t;
	const struct iu_html_facts *facts;
	struct iu_html_exp *exps;
	size_t n;
	struct iu_tally tally;
	size_t number; /* of the diagram that was written last */
};

/* html_page.c: experiment i is the first of its topic. */
bool iu_html_starts_topic(const struct iu_html_writing *w, size_t i);
/* The topic of an experiment, for people; and its anchor: "time-wait/", which no experiment has. */
void iu_html_topic_name(struct iu_text *t, const char *name);
void iu_html_topic_id(struct iu_text *t, const char *name);
/* The name without its topic. */
const char *iu_html_short_name(const char *name);
/* The beginning of a link to an experiment: what it says, and "</a>", are left to do. */
void iu_html_link(struct iu_text *t, const char *name);
struct iu_tally iu_html_tally(const struct iu_html_exp *e);
/* "IPv4"; "" where a run has no family. */
const char *iu_html_family(const json_t *run);

/* html_head.c */
void iu_html_head(const struct iu_html_writing *w);
/* What differs, and what was not played. */
void iu_html_found(const struct iu_html_writing *w);
void iu_html_contents(const struct iu_html_writing *w);
void iu_html_legend(const struct iu_html_writing *w);

/* html_exp.c */
void iu_html_experiments(struct iu_html_writing *w);

/* html.css as it goes into the page, and its hash for the Content-Security-Policy (tools/style.py). */
extern const char iu_html_style[], iu_html_style_hash[];

/* "" where there is no such string. */
const char *iu_html_string(const json_t *o, const char *key);

/* Adds the words of a run's case, without those that stand for nothing: "new: reuseaddr; bind: OK"; "" where there is no table. */
void iu_html_case(struct iu_text *t, const json_t *run);

/* html_run.c: a run with its diagram, calls and rules. number: tells its ids from those of other runs. */
void iu_html_run(struct iu_text *t, const json_t *run, size_t number);
/* The kernel has played it to its end. */
bool iu_html_played(const json_t *run);
/* What tells one run from another of the same case: answers, states and kinds of packets, but no address, number or time. */
void iu_html_signature(struct iu_text *t, const json_t *run);

/* html_svg.c: the diagram, and what it shows in words. */
void iu_html_diagram(struct iu_text *t, const json_t *run, size_t number);

/* html_matrix.c: its section: a table for every experiment that is one (matrix.h). */
bool iu_html_has_matrix(const struct iu_html_exp *exps, size_t n);
void iu_html_matrix(struct iu_text *t, const struct iu_html_exp *exps, size_t n);

#endif
