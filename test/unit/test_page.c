/* SPDX-License-Identifier: MIT */
/* Pages: what is found by which word, how a page is wrapped, and what comes of blocks that nobody would write. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say/page.h"

static const char *const none[] = {NULL};

#define PAGE(name, text, kinds) {.id = name, .title = text, .part = "p", .systems = "Linux", .evidence = "tried", \
	.errors = none, .states = none, .also = none, .see = none, .experiments = none, .blocks = kinds}

static char *told(const struct iu_page_block *blocks, size_t width, bool bold)
{
	struct iu_page page = PAGE("id", "A title", blocks);
	struct iu_text out = {0};

	iu_page_tell(&out, &page, &(struct iu_page_look){width, bold});
	assert_false(out.failed);
	return out.data;
}

static void same_text(char *got, const char *want)
{
	assert_string_equal(got, want);
	free(got);
}

static void test_page_tell__blocks__each_in_its_shape(void **state)
{
	static const struct iu_page_block blocks[] = {
		{IU_PAGE_HEADING, "Why"},
		{IU_PAGE_TEXT, "One two three four five."},
		{IU_PAGE_ITEM, "an item that goes on"},
		{IU_PAGE_ITEM, "b"},
		{IU_PAGE_CODE, "$ a  b\n\n  indented, and it is not wrapped"},
		{IU_PAGE_END, NULL},
	};

	same_text(told(blocks, 20, false),
		  "A title\nid: Linux; tried\n\nWhy\n\n  One two three four\n  five.\n\n  * an item that\n    goes on\n  * b\n\n"
		  "    $ a  b\n\n      indented, and it is not wrapped\n");
}

static void test_page_tell__bold__headings_only(void **state)
{
	static const struct iu_page_block blocks[] = {{IU_PAGE_HEADING, "Why"}, {IU_PAGE_TEXT, "x"}, {IU_PAGE_END, NULL}};

	same_text(told(blocks, 80, true),
		  "\033[1mA title\033[0m\nid: Linux; tried\n\n\033[1mWhy\033[0m\n\n  x\n");
}

static void test_page_tell__see__named_at_the_end(void **state)
{
	static const struct iu_page_block blocks[] = {{IU_PAGE_END, NULL}};
	struct iu_page page = PAGE("id", "A title", blocks);
	struct iu_text out = {0};

	page.see = (const char *const[]){"one", "two", NULL};
	page.errors = (const char *const[]){"EADDRINUSE", NULL};
	iu_page_tell(&out, &page, &(struct iu_page_look){80, false});
	same_text(out.data, "A title\nid: Linux; tried; EADDRINUSE\n\nSee also (inuse explain ...)\n\n  one, two\n");
}

/* Columns, not bytes: wide characters count two. */
static void test_page_tell__utf8__columns_count(void **state)
{
	static const struct iu_page_block blocks[] = {
		{IU_PAGE_TEXT, "\u6f22\u5b57\u6f22\u5b57 \u6f22\u5b57\u6f22\u5b57 \u6f22\u5b57"}, {IU_PAGE_END, NULL}};

	same_text(told(blocks, 20, false),
		  "A title\nid: Linux; tried\n\n  \u6f22\u5b57\u6f22\u5b57 \u6f22\u5b57\u6f22\u5b57\n  \u6f22\u5b57\n");
}

/* At any width no line is longer than that but for a word alone on it, and nothing is lost. */
static void test_page_tell__every_page_at_every_width__fits(void **state)
{
	for (const struct iu_page *page = iu_pages; page->id != NULL; page++)
		for (size_t width = 0; width <= 81; width += 9) {
			size_t limit = width < 20 ? 20 : width;
			struct iu_text out = {0};

			iu_page_tell(&out, page, &(struct iu_page_look){width, false});
			assert_int_equal(out.data[out.len - 1], '\n');
			for (char *line = strtok(out.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
				const char *word = line + strspn(line, " *");
				bool code = strncmp(line, "    ", 4) == 0;

				if (iu_width(line) > limit && !code && strchr(word, ' ') != NULL)
					fail_msg("%s at %zu columns: %s", page->id, width, line);
			}
			iu_text_done(&out);
		}
}

static void test_page_tell__odd_blocks__come_out_whole(void **state)
{
	static const char long_word[] = "12345678901234567890123456789012345678901234567890";
	static const struct iu_page_block blocks[] = {
		{IU_PAGE_TEXT, ""},   {IU_PAGE_ITEM, "   "},  {IU_PAGE_CODE, ""},    {IU_PAGE_CODE, "\n\n"},
		{IU_PAGE_HEADING, ""}, {IU_PAGE_TEXT, long_word}, {IU_PAGE_TEXT, "\xff\xc3 \x01"}, {IU_PAGE_END, NULL},
	};

	for (size_t width = 0; width < 100; width++) {
		char *text = told(blocks, width, false);

		assert_non_null(strstr(text, long_word));
		assert_non_null(strstr(text, "\xff\xc3 \x01"));
		free(text);
	}
}

static void test_page_list__parts__headed_and_aligned(void **state)
{
	static const struct iu_page_part parts[] = {{"q", "Nothing here"}, {"p", "Part"}, {NULL, NULL}};
	static const struct iu_page_block blocks[] = {{IU_PAGE_END, NULL}};
	const struct iu_page a = PAGE("a", "First of a title", blocks), b = PAGE("bcd", "Second", blocks);
	struct iu_text out = {0};

	iu_page_list(&out, (const struct iu_page *const[]){&a, &b, NULL}, parts, &(struct iu_page_look){20, false});
	same_text(out.data, "Part\n  a    First of a\n       title\n  bcd  Second\n");
	out = (struct iu_text){0};
	iu_page_list(&out, (const struct iu_page *const[]){NULL}, parts, &(struct iu_page_look){20, false});
	assert_int_equal(out.len, 0);
	iu_text_done(&out);
}

static void test_page_json__whole_and_short(void **state)
{
	static const struct iu_page_block blocks[] = {{IU_PAGE_HEADING, "Why"}, {IU_PAGE_TEXT, "a"}, {IU_PAGE_ITEM, "b"},
						      {IU_PAGE_HEADING, "Then"}, {IU_PAGE_END, NULL}};
	const struct iu_page page = PAGE("a", "A", blocks);
	json_t *whole = iu_page_json(&page, true), *brief = iu_page_json(&page, false), *list = json_object_get(whole, "sections");

	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "text")), "a\n* b");
	assert_null(json_object_get(brief, "sections"));
	assert_string_equal(json_string_value(json_object_get(brief, "id")), "a");
	json_decref(whole);
	json_decref(brief);
}

/* ------------------------------------------------------------------------------------------ finding */

/* The only page, the first of several, or "". */
static const char *first(const char *word, size_t *ret_n)
{
	const struct iu_page *found[128];

	*ret_n = iu_page_find(iu_pages, word, found, 128);
	return *ret_n > 0 ? found[0]->id : "";
}

static void test_page_find__every_name_of_every_page__leads_there(void **state)
{
	for (const struct iu_page *page = iu_pages; page->id != NULL; page++) {
		const struct iu_page *found[128];
		const char *const *const lists[] = {page->errors, page->states, page->also};
		size_t n;

		assert_string_equal(first(page->id, &n), page->id);
		assert_int_equal(n, 1);
		for (size_t list = 0; list < 3; list++)
			for (const char *const *name = lists[list]; *name != NULL; name++) {
				bool there = false;

				n = iu_page_find(iu_pages, *name, found, 128);
				for (size_t i = 0; i < n; i++)
					there |= found[i] == page || strcmp(found[i]->id, *name) == 0;
				if (!there)
					fail_msg("%s does not lead to %s", *name, page->id);
			}
	}
}

static void test_page_find__other_spellings__one_page(void **state)
{
	static const struct {
		const char *word, *id;
	} rows[] = {
		{"TIME_WAIT", "time-wait"}, {"time wait", "time-wait"},	    {"TimeWait", "time-wait"},
		{"SO_REUSEADDR", "so-reuseaddr"}, {"reuseport", "so-reuseport"}, {"ENODEV", "device-missing"},
		{"19", "device-missing"},   {"no such device", "device-missing"}, {"windows-http", "windows-http-sys"},
		{"nodeport", "kube-proxy-nodeport"}, {"airplay", "macos-airplay"},
	};
	size_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *id = first(rows[i].word, &n);

		if (n == 0 || strcmp(id, rows[i].id) != 0)
			fail_msg("%s leads to \"%s\" and %zu more", rows[i].word, id, n);
	}
}

static void test_page_find__numbers_of_errors__like_their_names(void **state)
{
	static const char *const same[][2] = {{"98", "EADDRINUSE"}, {"48", "EADDRINUSE"}, {"99", "EADDRNOTAVAIL"},
					      {"10048", "WSAEADDRINUSE"}, {"10013", "WSAEACCES"}, {"Permission denied", "EACCES"}};
	size_t n, m;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_string_equal(first(same[i][0], &n), first(same[i][1], &m));
		assert_true(n > 1 && n == m);
	}
}

static void test_page_find__little_room__counts_all(void **state)
{
	const struct iu_page *found[2] = {NULL, NULL};

	assert_true(iu_page_find(iu_pages, "EADDRINUSE", found, 1) > 10);
	assert_non_null(found[0]);
	assert_null(found[1]);
}

static void test_page_find__nonsense__nothing(void **state)
{
	char long_word[4096];
	const char *near[8];
	size_t n;

	memset(long_word, 'a', sizeof(long_word));
	long_word[sizeof(long_word) - 1] = 0;
	first("", &n);
	assert_int_equal(n, 0);
	first("xyzzy", &n);
	assert_int_equal(n, 0);
	first(long_word, &n);
	assert_int_equal(n, 0);
	assert_int_equal(iu_page_near(iu_pages, long_word, near, 8), 0);
	assert_int_equal(iu_page_near(iu_pages, "", near, 8), 0);
	assert_int_equal(iu_page_near(iu_pages, "xyzzyx", near, 8), 0);
}

static void test_page_near__misspelt__nearest_first(void **state)
{
	const char *near[5];
	size_t n = iu_page_near(iu_pages, "tme-wait", near, 5);

	assert_int_equal(n, 5);
	assert_string_equal(near[0], "time-wait");
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(near[i], near[j]);
	assert_true(iu_page_near(iu_pages, "docekr-proxy", near, 1) == 1);
	assert_string_equal(near[0], "docker-proxy");
	assert_true(iu_page_near(iu_pages, "EADRINUSE", near, 5) > 0);
	assert_string_equal(near[0], "EADDRINUSE");
	assert_int_equal(iu_page_near(iu_pages, "tme-wait", near, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_tell__blocks__each_in_its_shape),
		cmocka_unit_test(test_page_tell__bold__headings_only),
		cmocka_unit_test(test_page_tell__see__named_at_the_end),
		cmocka_unit_test(test_page_tell__utf8__columns_count),
		cmocka_unit_test(test_page_tell__every_page_at_every_width__fits),
		cmocka_unit_test(test_page_tell__odd_blocks__come_out_whole),
		cmocka_unit_test(test_page_list__parts__headed_and_aligned),
		cmocka_unit_test(test_page_json__whole_and_short),
		cmocka_unit_test(test_page_find__every_name_of_every_page__leads_there),
		cmocka_unit_test(test_page_find__other_spellings__one_page),
		cmocka_unit_test(test_page_find__numbers_of_errors__like_their_names),
		cmocka_unit_test(test_page_find__little_room__counts_all),
		cmocka_unit_test(test_page_find__nonsense__nothing),
		cmocka_unit_test(test_page_near__misspelt__nearest_first),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
