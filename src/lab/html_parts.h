/* SPDX-License-Identifier: MIT */
/* The parts of the page, one file each. */
#ifndef IU_LAB_HTML_PARTS_H
#define IU_LAB_HTML_PARTS_H

#include "lab/html_page.h"

/* An experiment and its runs, in the order of its cases. */
struct iu_html_exp {
	const char *name;
	const json_t **runs;
	size_t n_runs;
	size_t *cases;    /* of each run: the number of its case, from 1 on */
	size_t n_cases;
};

/* html.css as it goes into the page, and its hash for the Content-Security-Policy (tools/style.py). */
extern const char iu_html_style[], iu_html_style_hash[];

/* "" where there is no such string. */
const char *iu_html_string(const json_t *o, const char *key);

/* Adds the words of a run's case, without those that stand for nothing: "new reuseaddr, bind OK"; "" where there is no table. */
void iu_html_case(struct iu_text *t, const json_t *run);

/* html_run.c: a run with its diagram, calls and rules. number: tells its ids from those of other runs. */
void iu_html_run(struct iu_text *t, const json_t *run, size_t number);
/* The kernel has played it to its end. */
bool iu_html_played(const json_t *run);
/* What tells one run from another of the same case: answers, states and kinds of packets, but no address, number or time. */
void iu_html_signature(struct iu_text *t, const json_t *run);

/* html_svg.c: the diagram, and what it shows in words. */
void iu_html_diagram(struct iu_text *t, const json_t *run, size_t number);

/* html_matrix.c: the table of options by options for every experiment of the topic "matrix"; nothing when there is none. */
bool iu_html_has_matrix(const struct iu_html_exp *exps, size_t n);
void iu_html_matrix(struct iu_text *t, const struct iu_html_exp *exps, size_t n);

#endif
