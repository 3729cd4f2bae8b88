/* SPDX-License-Identifier: MIT */
/* A page of doc/causes for a terminal, as a row of a list, and as JSON. */
#include "say/page.h"

#include <string.h>

#include "base/gettext.h"
#include "say/say.h"

#define LEAST_WIDTH 20

static size_t width_of(const struct iu_page_look *look)
{
	return look->width < LEAST_WIDTH ? LEAST_WIDTH : look->width;
}

static const char *text_of(const struct iu_text *t)
{
	return t->data ? t->data : "";
}

static void blanks(struct iu_text *out, size_t n)
{
	while (n-- > 0)
		iu_text_add(out, " ");
}

static void heading(struct iu_text *out, const char *text, const struct iu_page_look *look)
{
	struct iu_text wrapped = {0};

	/* apart: the code before the first word is no word */
	iu_say_wrapped(&wrapped, text, 0, width_of(look));
	iu_text_addf(out, look->bold ? "\033[1m%s\033[0m\n" : "%s\n", text_of(&wrapped));
	iu_text_done(&wrapped);
}

/* Text behind `mark`, all of it indented. */
static void indented(struct iu_text *out, const char *mark, const char *text, const struct iu_page_look *look)
{
	size_t indent = iu_width(mark);

	iu_text_add(out, mark);
	iu_say_wrapped(out, text, indent, width_of(look));
	iu_text_add(out, "\n");
}

static void code(struct iu_text *out, const char *lines)
{
	while (*lines != 0) {
		size_t len = strcspn(lines, "\n");

		if (len > 0)
			blanks(out, 4);
		iu_text_add_n(out, lines, len);
		iu_text_add(out, "\n");
		lines += len + (lines[len] == '\n');
	}
}

/* "a, b, c" behind what is there; nothing for an empty list. */
static void joined(struct iu_text *out, const char *lead, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		iu_text_add(out, i ? ", " : lead);
		iu_text_add(out, words[i]);
	}
}

/* What the page is about, in one line: id, systems, evidence, errors. */
static void about(struct iu_text *out, const struct iu_page *page, const struct iu_page_look *look)
{
	struct iu_text line = {0};

	iu_text_addf(&line, "%s: %s; %s", page->id, page->systems, page->evidence);
	joined(&line, "; ", page->errors);
	iu_say_wrapped(out, text_of(&line), 0, width_of(look));
	iu_text_add(out, "\n");
	iu_text_done(&line);
}

void iu_page_tell(struct iu_text *out, const struct iu_page *page, const struct iu_page_look *look)
{
	enum iu_page_kind before = IU_PAGE_END;
	struct iu_text see = {0};

	heading(out, page->title, look);
	about(out, page, look);
	for (const struct iu_page_block *b = page->blocks; b->kind != IU_PAGE_END; b++) {
		if (b->kind != IU_PAGE_ITEM || before != IU_PAGE_ITEM)
			iu_text_add(out, "\n");
		switch (b->kind) {
		case IU_PAGE_HEADING: heading(out, b->text, look); break;
		case IU_PAGE_TEXT: indented(out, "  ", b->text, look); break;
		case IU_PAGE_ITEM: indented(out, "  * ", b->text, look); break;
		case IU_PAGE_CODE: code(out, b->text); break;
		case IU_PAGE_END: break;
		}
		before = b->kind;
	}
	joined(&see, "", page->see);
	if (see.len > 0) {
		iu_text_add(out, "\n");
		heading(out, _("See also (inuse explain ...)"), look);
		iu_text_add(out, "\n");
		indented(out, "  ", see.data, look);
	}
	iu_text_done(&see);
}

static void list_row(struct iu_text *out, const struct iu_page *page, size_t column, const struct iu_page_look *look)
{
	size_t start;

	blanks(out, 2);
	start = out->len;
	iu_text_add(out, page->id);
	iu_text_pad(out, start, column, 2);
	iu_say_wrapped(out, page->title, column + 2 < width_of(look) / 2 ? column + 2 : 4, width_of(look));
	iu_text_add(out, "\n");
}

void iu_page_list(struct iu_text *out, const struct iu_page *const *pages, const struct iu_page_part *parts,
		  const struct iu_page_look *look)
{
	size_t column = 0;

	for (size_t i = 0; pages[i] != NULL; i++)
		if (iu_width(pages[i]->id) + 2 > column)
			column = iu_width(pages[i]->id) + 2;
	for (bool first = true; parts->id != NULL; parts++) {
		bool any = false;

		for (size_t i = 0; pages[i] != NULL; i++) {
			if (strcmp(pages[i]->part, parts->id) != 0)
				continue;
			if (!any) {
				iu_text_add(out, first ? "" : "\n");
				heading(out, parts->title, look);
			}
			any = true;
			first = false;
			list_row(out, pages[i], column, look);
		}
	}
}

/* ------------------------------------------------------------------------------------------ JSON */

static void add_list(json_t *object, const char *name, const char *const *words)
{
	json_t *list = json_array();

	for (; *words != NULL; words++)
		json_array_append_new(list, json_string(*words));
	if (json_array_size(list) > 0)
		json_object_set(object, name, list);
	json_decref(list);
}

/* A section is its heading and its text: paragraphs and lines of code, an item with "* ", separated by newlines. */
static json_t *sections(const struct iu_page_block *b)
{
	json_t *list = json_array();

	while (b->kind == IU_PAGE_HEADING) {
		const char *name = b->text;
		struct iu_text text = {0};

		for (b++; b->kind != IU_PAGE_END && b->kind != IU_PAGE_HEADING; b++)
			iu_text_addf(&text, "%s%s%s", text.len ? "\n" : "", b->kind == IU_PAGE_ITEM ? "* " : "", b->text);
		json_array_append_new(list, json_pack("{s:s, s:s}", "heading", name, "text", text_of(&text)));
		iu_text_done(&text);
	}
	return list;
}

json_t *iu_page_json(const struct iu_page *page, bool whole)
{
	json_t *object = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s}", "schema", "inuse-topic", "version", 1, "id", page->id,
				   "title", page->title, "part", page->part, "systems", page->systems, "evidence", page->evidence);

	add_list(object, "errors", page->errors);
	add_list(object, "states", page->states);
	add_list(object, "also", page->also);
	add_list(object, "see", page->see);
	add_list(object, "experiments", page->experiments);
	if (whole)
		json_object_set_new(object, "sections", sections(page->blocks));
	return object;
}
