/* SPDX-License-Identifier: MIT */
/*
 * Many runs as one page of HTML that needs nothing else: no other file, no script.
 *
 * Theory of operation
 *
 * The page keeps the runs' JSON objects (play.h) and is made of nothing but them, so that what stands there was played. The runs
 * of an experiment that came to the same, as in several families they mostly do, are told once. Anchors: TOPIC/NAME is
 * an experiment, TOPIC/NAME:3 the third case of its table.
 */
#ifndef IU_LAB_HTML_PAGE_H
#define IU_LAB_HTML_PAGE_H

#include <jansson.h>
#include <stdint.h>

#include "base/text.h"

struct iu_html_page;

/* What the head tells. Borrowed while the page is written. */
struct iu_html_facts {
	int64_t when_s;        /* of CLOCK_REALTIME, when playing began */
	int64_t took_ms;
	const char *kernel;    /* "Linux 6.18.5 x86_64"; "" : none was asked */
	const char *system;    /* whose model played: "linux" */
	bool root;
};

/* NULL when out of memory. */
struct iu_html_page *iu_html_page_new(void);
void iu_html_page_free(struct iu_html_page *page); /* NULL is fine */
/* Keeps the run. INUSE_E_MEMORY. */
enum inuse_status iu_html_page_add(struct iu_html_page *page, const json_t *run);
/* Adds the whole page to t. INUSE_E_MEMORY. */
enum inuse_status iu_html_page_write(const struct iu_html_page *page, const struct iu_html_facts *facts, struct iu_text *t,
				     struct inuse_error *error);

/* ---- html_file.c: where it goes */

/* Can a file of that name be written? INUSE_E_INPUT, INUSE_E_PERMISSION: not, and the sentence says why. "-" can. */
enum inuse_status iu_html_file_check(const char *path, struct inuse_error *error);
/*
 * Writes it: a new file takes the old one's place once it is complete, or, where path is no ordinary file, its content is
 * written to it. "-" is standard output. INUSE_E_SYSTEM, and nothing has changed.
 */
enum inuse_status iu_html_file_write(const char *path, const struct iu_text *t, struct inuse_error *error);

#endif
