/* SPDX-License-Identifier: MIT */
/*
 * The pages of doc/causes, as `inuse explain` shows and finds them.
 *
 * Theory of operation
 *
 * tools/pages.py reads the Markdown when the program is built, refuses what it does not know, and makes the tables declared
 * here. What is left at run time is text in blocks: no parser, no files, nothing that can be missing. The tables are
 * in the parts' order; ids, error names and section headings are never translated, and neither are the pages.
 */
#ifndef IU_SAY_PAGE_H
#define IU_SAY_PAGE_H

#include <jansson.h>

#include "base/text.h"

enum iu_page_kind {
	IU_PAGE_END,
	IU_PAGE_HEADING,
	IU_PAGE_TEXT, /* a paragraph on one line */
	IU_PAGE_ITEM, /* of a list, on one line */
	IU_PAGE_CODE, /* lines as they are, separated by '\n' */
};

struct iu_page_block {
	enum iu_page_kind kind;
	const char *text;
};

struct iu_page {
	const char *id;    /* "time-wait"; a row of causes.def or a topic of its own */
	const char *title; /* one line, no full stop */
	const char *part, *systems, *evidence;
	/* lists that end with NULL: error names, states as in names.h, other names, ids of other pages, topic/name */
	const char *const *errors, *const *states, *const *also, *const *see, *const *experiments;
	const struct iu_page_block *blocks; /* ends with IU_PAGE_END */
};

struct iu_page_part {
	const char *id, *title;
};

/* Made when the program is built; both end with a NULL id. */
extern const struct iu_page iu_pages[];
extern const struct iu_page_part iu_page_parts[];

/* How a page is to look. */
struct iu_page_look {
	size_t width; /* columns, at least 20 are taken */
	bool bold;    /* headings in bold, by escape codes */
};

/* One page, lines ending in '\n'. Words longer than a line stand alone on it; lines of code are not wrapped. */
void iu_page_tell(struct iu_text *out, const struct iu_page *page, const struct iu_page_look *look);
/* "id  title", a line each, under the headings of the parts. Ends with the first NULL of `pages`. */
void iu_page_list(struct iu_text *out, const struct iu_page *const *pages, const struct iu_page_part *parts,
		  const struct iu_page_look *look);
/* The whole page as an object, or only its id, title and the like. doc/json.md. NULL: no memory; else json_decref(). */
json_t *iu_page_json(const struct iu_page *page, bool whole);

/*
 * The pages that somebody means by `word`, best first, into found[0..max), the rest NULL. Returns how many there are.
 *
 * In this order, and the first that finds anything is all: the id of a page; an error by name, number or text; a state by any
 * of its names; another name of a page; the beginning of an id or of a word in one. Case does not count, and '_' and ' ' are '-'.
 */
size_t iu_page_find(const struct iu_page *pages, const char *word, const struct iu_page **found, size_t max);
/* Ids and names that look like `word`, nearest first: how many of max. For a word that finds nothing. */
size_t iu_page_near(const struct iu_page *pages, const char *word, const char **near, size_t max);

#endif
