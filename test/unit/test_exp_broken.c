/* SPDX-License-Identifier: MIT */
/*
 * Every experiment of the folder, broken in every way that a slip of the hand can: cut off anywhere, a line lost, doubled or
 * moved, a word misspelt or gone. It is read as something else that makes sense, or refused with file and line, and soon.
 */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lab/exp.h"
#include "lab/play.h"

/* With the sanitizers each reading costs twenty times as much, so every fourth place is tried. */
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 4
#else
#define STRIDE 1
#endif

static char text[IU_EXP_MAX_BYTES], broken[IU_EXP_MAX_BYTES + 64];
static size_t text_len;
static unsigned long n_read, n_refused;

static unsigned count_lines(const char *s, size_t len)
{
	unsigned n = 1;

	for (size_t i = 0; i < len; i++)
		n += s[i] == '\n';
	return n;
}

/* A refusal names the file and a line of it, in one line. */
static void check(const char *s, size_t len)
{
	struct inuse_error error = {0};
	struct iu_exp *exp = NULL;
	enum inuse_status status = iu_exp_parse("f.exp", s, len, &exp, &error);
	unsigned long line;
	char *end;

	n_read++;
	if (status == INUSE_OK) {
		iu_exp_free(exp);
		return;
	}
	n_refused++;
	line = strncmp(error.text, "f.exp:", 6) == 0 ? strtoul(error.text + 6, &end, 10) : 0;
	if (status != INUSE_E_INPUT || line < 1 || line > count_lines(s, len) || strncmp(end, ": ", 2) != 0 || strlen(end) < 10 ||
	    strpbrk(error.text, "\n\033") != NULL)
		fail_msg("%.*s\nsays: %s", (int)len, s, error.text);
}

static void each_file(void (*fn)(void))
{
	char folder[512], **names;
	struct inuse_error error = {0};
	size_t n = 0;

	if (iu_lab_folder(folder, sizeof(folder), &error) != INUSE_OK || iu_lab_list(folder, &names, &n, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	assert_true(n > 100);
	n_read = n_refused = 0;
	for (size_t i = 0; i < n; i++) {
		char path[1024];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s.exp", folder, names[i]);
		f = fopen(path, "re");
		assert_non_null(f);
		text_len = fread(text, 1, sizeof(text), f);
		fclose(f);
		fn();
	}
	iu_lab_names_free(names, n);
	print_message("%lu texts, %lu refused\n", n_read, n_refused);
	assert_true(n_refused > n_read / 4);
}

static void cut(void)
{
	for (size_t i = 0; i < text_len; i += STRIDE)
		check(text, i);
}

/* Where the line that begins at `at` ends, its newline included. */
static size_t line_end(size_t at)
{
	const char *end = memchr(text + at, '\n', text_len - at);

	return end != NULL ? (size_t)(end - text) + 1 : text_len;
}

static void check_with(size_t from, size_t to, const char *instead, size_t len)
{
	memcpy(broken, text, from);
	memcpy(broken + from, instead, len);
	memcpy(broken + from + len, text + to, text_len - to);
	check(broken, from + len + text_len - to);
}

static void lines(void)
{
	for (size_t at = 0, end; at < text_len; at = end) {
		size_t next;

		end = line_end(at);
		check_with(at, end, "", 0);            /* lost */
		check_with(at, at, text + at, end - at); /* doubled */
		check_with(at, at, " ", 1);            /* indented */
		if (end == text_len)
			break;
		next = line_end(end); /* two changed places */
		memcpy(broken, text, at);
		memcpy(broken + at, text + end, next - end);
		memcpy(broken + at + next - end, text + at, end - at);
		memcpy(broken + next, text + next, text_len - next);
		check(broken, text_len);
	}
}

static void words(void)
{
	static const char *const instead[] = {"", "x", "-", "$x", "65536", "\033[31m", "OK", "here:5000"};

	for (size_t at = 0; at < text_len;) {
		size_t len = 0;

		while (at + len < text_len && strchr(" \n\t", text[at + len]) == NULL)
			len++;
		for (size_t i = at % STRIDE; len > 0 && i < sizeof(instead) / sizeof(instead[0]); i += STRIDE)
			check_with(at, at + len, instead[i], strlen(instead[i]));
		at += len > 0 ? len : 1;
	}
}

static void test_each_file__cut_anywhere__refused_with_its_line(void **state)
{
	each_file(cut);
}

static void test_each_file__lines_lost_or_moved__refused_with_their_line(void **state)
{
	each_file(lines);
}

static void test_each_file__words_misspelt__refused_with_their_line(void **state)
{
	each_file(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_file__cut_anywhere__refused_with_its_line),
		cmocka_unit_test(test_each_file__lines_lost_or_moved__refused_with_their_line),
		cmocka_unit_test(test_each_file__words_misspelt__refused_with_their_line),
	};
	const struct rlimit bound = {100, 100}; /* of processor time, with sanitizers; a second or two else */

	setrlimit(RLIMIT_CPU, &bound);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
