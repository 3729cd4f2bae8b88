/* SPDX-License-Identifier: MIT */
/* The page of `inuse lab --html`: what it says is data, what came to the same is told once, and a file is whole or untouched. */
#include "support/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/html.h"
#include "lab/html_page.h"
#include "lab/play.h"

#define ALL_BAD "\"><script>alert('x')</script>&amp;\x1b[31m\xe2\x80\xae"

static const struct iu_html_facts facts = {.when_s = 1763779493, .took_ms = 5549, .kernel = "Linux 6.18 " ALL_BAD, .system = "linux"};

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = strstr(text, what); p != NULL; p = strstr(p + strlen(what), what))
		n++;
	return n;
}

static void test_text__markup_and_controls__escaped(void **state)
{
	struct iu_text t = {0};

	iu_html_addf(&t, "<a title=\"%s\">%d %zu %lld 100%%</a>", "<\"'&>\x07" "\xff\xc3\xa9", -3, (size_t)4, 5LL);
	assert_string_equal(t.data, "<a title=\"&lt;&quot;&#39;&amp;&gt;\\x07\\xff\xc3\xa9\">-3 4 5 100%</a>");
	iu_text_done(&t);
	iu_html_sayf(&t, "<%s>", "&");
	assert_string_equal(t.data, "&lt;&amp;&gt;");
	iu_text_done(&t);
}

static void test_id__any_name__one_word_and_no_other_names(void **state)
{
	static const struct {
		const char *name, *id;
	} rows[] = {{"time-wait/fin-wait-2", "time-wait/fin-wait-2"}, {"./My file.exp", "./My~20file.exp"}, {"a~20b", "a~7e20b"},
		    {"a b", "a~20b"}, {"\"<\xc3\xa9", "~22~3c~c3~a9"}, {"x:3", "x~3a3"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct iu_text t = {0};

		iu_html_id(&t, rows[i].name);
		assert_string_equal(t.data, rows[i].id);
		iu_text_done(&t);
	}
}

/* ---------------------------------------------------------------------------------------------------- page */

static json_t *packet(const char *from, const char *to, const char *flag, int len)
{
	return json_pack("{s:s, s:s, s:[s, s], s:i, s:i, s:i, s:b}", "from", from, "to", to, "flags", flag, "ACK", "seq", 1, "ack", 2, "len", len,
			 "timestamps", 1);
}

/* A run of two steps, with a packet; every text of it ends with tail. */
static json_t *run_of(const char *experiment, const char *family, const char *outcome, bool agrees, const char *tail)
{
	char name[160], text[200];
	json_t *run, *step, *steps = json_array();

	snprintf(name, sizeof(name), "%s%s", experiment, tail);
	snprintf(text, sizeof(text), "bind new here:5000%s", tail);
	step = json_pack("{s:i, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:s, s:b, s:[{s:s, s:s, s:s, s:i}], s:[o]}", "line", 3, "step", text,
			 "kernel", outcome, "model", "OK", "expected", "outcome", "OK", "rank", "documented", "source", tail, "rule", name,
			 "rule_text", text, "rule_source", tail, "agrees", agrees, "sockets", "state", "time-wait", "local", "127.0.0.1:5000", "remote",
			 "127.0.0.1:5001", "left_ms", 59400, "packets", packet("127.0.0.1:5000", "127.0.0.1:5001", "FIN", 3));
	json_array_append_new(steps, step);
	snprintf(text, sizeof(text), "old: reuseaddr%s; new: none", tail);
	run = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o}", "experiment", name, "shows", name, "because", tail, "case", text, "family",
			family, "system", "linux", "kernel_played", 1, "agrees", agrees, "steps", steps);
	assert_non_null(run);
	return run;
}

static char *page_of(json_t **runs, size_t n)
{
	struct iu_html_page *page = iu_html_page_new();
	struct iu_text t = {0};

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(iu_html_page_add(page, runs[i]), INUSE_OK);
		json_decref(runs[i]);
	}
	assert_int_equal(iu_html_page_write(page, &facts, &t, NULL), INUSE_OK);
	iu_html_page_free(page);
	return t.data;
}

static void test_page__hostile_texts_everywhere__none_gets_out(void **state)
{
	json_t *runs[] = {run_of("a/b", "ipv4" ALL_BAD, "OK", true, ALL_BAD), run_of("a/b", "ipv6", "E" ALL_BAD, false, ALL_BAD),
			  run_of("c/d", "", "OK", true, ALL_BAD), run_of("matrix/x", "", "OK", true, ALL_BAD)};
	char *page = page_of(runs, 4);

	assert_int_equal(count(page, "<script"), 0);
	assert_int_equal(count(page, "alert('"), 0);
	assert_true(count(page, "alert(&#39;x&#39;)") > 20);
	assert_int_equal(count(page, "\x1b"), 0);
	assert_int_equal(count(page, "\xe2\x80\xae"), 0);
	assert_true(count(page, "\\x1b[31m") > 20);
	free(page);
}

static void test_page__families_that_came_to_the_same__one_diagram(void **state)
{
	json_t *alike[] = {run_of("a/b", "ipv4", "OK", true, ""), run_of("a/b", "ipv6", "OK", true, ""), run_of("a/b", "mapped", "OK", true, "")};
	char *page = page_of(alike, 3);

	assert_int_equal(count(page, "<svg"), 1);
	assert_non_null(strstr(page, "Shown is IPv4. The results were the same with IPv6 and IPv4-mapped IPv6."));
	free(page);
}

static void test_page__one_that_differs__told_first_and_shown_apart(void **state)
{
	json_t *runs[] = {run_of("a/b", "ipv4", "OK", true, ""), run_of("a/b", "ipv6", "EADDRINUSE", false, "")};
	char *page = page_of(runs, 2);
	const char *first = strstr(page, "<li><a href=\"#a/b\">a/b</a> (old: reuseaddr), IPv6");

	assert_non_null(first);
	assert_true(first < strstr(page, "id=contents"));
	assert_non_null(strstr(page, "expected OK, the kernel EADDRINUSE, the model OK"));
	assert_int_equal(count(page, "<svg"), 2);
	assert_int_equal(count(page, "<details class=case open>"), 1); /* the first case has the anchor, this one is another family of it */
	free(page);
}

static void test_page__packet__in_the_picture_and_in_words(void **state)
{
	json_t *runs[] = {run_of("a/b", "ipv4", "OK", true, "")};
	char *page = page_of(runs, 1);

	assert_non_null(strstr(page, ">FIN+ACK seq 1 ack 2, 3 bytes</text>"));
	assert_non_null(strstr(page, "<li>127.0.0.1:5000 to 127.0.0.1:5001: FIN+ACK, seq 1, ack 2, 3 bytes, timestamps\n"));
	assert_non_null(strstr(page, "Then: TIME-WAIT 127.0.0.1:5000 &gt; 127.0.0.1:5001, 60 s left."));
	assert_non_null(strstr(page, "2025-11-22 02:44 UTC"));
	free(page);
}

static void test_page__no_runs__a_page_all_the_same(void **state)
{
	char *page = page_of(NULL, 0);

	assert_non_null(strstr(page, "</html>"));
	free(page);
}

/* -------------------------------------------------------------------------------------------------- matrix */

/* The page of an experiment that the model plays. */
static char *page_of_experiment(const char *name, const char *text)
{
	struct inuse_error error = {0};
	struct iu_exp *exp = NULL;
	json_t *runs[16];
	char *page;

	if (iu_exp_parse(name, text, strlen(text), &exp, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < exp->n_cases; i++) {
		struct iu_play play = {.exp = exp, .which = i, .run = IU_RUN_IPV4};

		runs[i] = iu_play(&play);
		assert_non_null(runs[i]);
	}
	page = page_of(runs, exp->n_cases);
	iu_exp_free(exp);
	return page;
}

#define HEAD "shows A.\nruns ipv4\ncases covers | $a | $b | $r\n"
#define STEPS \
	"socket one\nset one $a\nbind one here:5000\nsocket two\nset two $b\nbind two here:5000\n  linux $r live\n"
#define ROWS \
	" - | - | - | EADDRINUSE\n - | - | reuseaddr | EADDRINUSE\n - | - | reuseport | EADDRINUSE\n - | reuseaddr | - | EADDRINUSE\n" \
	" - | reuseaddr | reuseaddr | OK\n - | reuseaddr | reuseport | EADDRINUSE\n - | reuseport | - | EADDRINUSE\n" \
	" - | reuseport | reuseaddr | EADDRINUSE\n"

static void test_matrix__whole_table_of_cases__cells_with_words_and_links(void **state)
{
	char *page = page_of_experiment("topic/table", HEAD ROWS " - | reuseport | reuseport | OK\n" STEPS);

	assert_int_equal(count(page, "<table class=\"matrix\">"), 1);
	assert_int_equal(count(page, "<td class=yes><a href=\"#topic/table:"), 2);
	assert_int_equal(count(page, "<td class=no><a href=\"#topic/table:"), 7);
	assert_non_null(strstr(page, "<td class=yes><a href=\"#topic/table:5\"><b>works</b></a>"));
	assert_non_null(strstr(page, "<th scope=row>reuse<wbr>addr<td class=no><a href=\"#topic/table:4\"><b>refused</b> <small>EADDR<wbr>INUSE"));
	assert_non_null(strstr(page, "no kernel played it here"));
	assert_int_equal(count(page, "In words: the model knows no packets"), 9);
	for (int i = 1; i <= 9; i++) {
		char id[40];

		snprintf(id, sizeof(id), "id=\"topic/table:%d\"", i);
		assert_int_equal(count(page, id), 1);
	}
	free(page);
}

static void test_matrix__a_cell_without_a_case__no_matrix(void **state)
{
	char *page = page_of_experiment("topic/table", HEAD ROWS " - | reuseport | exclusiveaddruse | OK\n" STEPS);

	assert_int_equal(count(page, "<table class=\"matrix"), 0);
	assert_int_equal(count(page, "#matrix"), 0);
	free(page);
}

/* ---------------------------------------------------------------------------------------------------- file */

static char folder[] = "/tmp/test-html-XXXXXX";

static char *at(const char *name, char buf[200])
{
	snprintf(buf, 200, "%s/%s", folder, name);
	return buf;
}

static void write_page(const char *path, const char *text)
{
	struct iu_text t = {0};
	struct inuse_error error = {0};

	iu_text_add(&t, text);
	assert_int_equal(iu_html_file_check(path, &error), INUSE_OK);
	if (iu_html_file_write(path, &t, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	iu_text_done(&t);
}

static void assert_holds(const char *path, const char *want)
{
	char text[100] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_string_equal(text, want);
}

static void test_file__new_and_old__whole_with_the_right_mode(void **state)
{
	char path[200], link[200];
	struct stat st;
	mode_t mask = umask(027);

	write_page(at("p.html", path), "one");
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(symlink("p.html", at("l.html", link)), 0);
	write_page(link, "two");
	assert_holds(path, "two");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0604);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(link);
	unlink(path);
}

static void test_file__no_ordinary_file__written_to_and_not_replaced(void **state)
{
	struct stat st;

	write_page("/dev/null", "x");
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void test_file__not_writable__said_before_and_nothing_left(void **state)
{
	struct inuse_error error = {0};
	char path[200];
	struct iu_text t = {0};

	assert_int_equal(iu_html_file_check(at("no/p.html", path), &error), INUSE_E_INPUT);
	assert_non_null(strstr(error.text, strerror(ENOENT)));
	assert_int_equal(iu_html_file_check(folder, &error), INUSE_E_INPUT);
	assert_non_null(strstr(error.text, strerror(EISDIR)));
	assert_int_equal(iu_html_file_check("", &error), INUSE_E_INPUT);
	iu_text_add(&t, "x");
	if (access("/dev/full", W_OK) == 0) {
		assert_int_equal(iu_html_file_write("/dev/full", &t, &error), INUSE_E_SYSTEM);
		assert_non_null(strstr(error.text, strerror(ENOSPC)));
	}
	assert_int_equal(iu_html_file_write(at("no/p.html", path), &t, &error), INUSE_E_SYSTEM);
	iu_text_done(&t);
	assert_int_equal(rmdir(folder), 0); /* nothing was left in it */
	assert_int_equal(mkdir(folder, 0700), 0);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text__markup_and_controls__escaped),
		cmocka_unit_test(test_id__any_name__one_word_and_no_other_names),
		cmocka_unit_test(test_page__hostile_texts_everywhere__none_gets_out),
		cmocka_unit_test(test_page__families_that_came_to_the_same__one_diagram),
		cmocka_unit_test(test_page__one_that_differs__told_first_and_shown_apart),
		cmocka_unit_test(test_page__packet__in_the_picture_and_in_words),
		cmocka_unit_test(test_page__no_runs__a_page_all_the_same),
		cmocka_unit_test(test_matrix__whole_table_of_cases__cells_with_words_and_links),
		cmocka_unit_test(test_matrix__a_cell_without_a_case__no_matrix),
		cmocka_unit_test(test_file__new_and_old__whole_with_the_right_mode),
		cmocka_unit_test(test_file__no_ordinary_file__written_to_and_not_replaced),
		cmocka_unit_test(test_file__not_writable__said_before_and_nothing_left),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
