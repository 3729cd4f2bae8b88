/* SPDX-License-Identifier: MIT */
/* inuse ls on the running machine: each kind of socket made for real, and the row that it gets. */
#include "support/live.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "cli/ls.h"

/* The line of the output that begins with `start` and has `part` in it; the test fails when there is none. */
static const char *row(const struct live_run *run, const char *start, const char *part)
{
	for (const char *at = run->out; *at != 0; at += strcspn(at, "\n"), at += *at == '\n') {
		const char *line = live_text("%.*s", (int)strcspn(at, "\n"), at);

		if (strncmp(line, start, strlen(start)) == 0 && strstr(line, part) != NULL)
			return line;
	}
	live_fail("no row \"%s ... %s\" from %s:\n%s%s", start, part, run->line, run->out, run->err);
}

static void has(const char *line, const char *text)
{
	if (strstr(line, text) == NULL)
		live_fail("\"%s\" is not in: %s", text, line);
}

/* The seconds that a row says are left. */
static long seconds(const char *line)
{
	const char *at = strstr(line, " s  ");

	if (at == NULL)
		live_fail("no seconds in: %s", line);
	while (at > line && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return strtol(at, NULL, 10);
}

static void listener_with_owner(const char *addr, const char *shown)
{
	pid_t owner = LIVE_CHILD(live_listener(addr, LIVE_REUSEADDR));
	const char *line = row(live_inuse("ls", ":8080"), "LISTEN", shown);

	has(line, live_text("[%d] ", owner));
	if (geteuid() == 0)
		has(line, "  reuseaddr");
	live_kill(owner, SIGTERM);
}

static void test_ls__listener__row_with_flags_and_owner(void **state)
{
	listener_with_owner("127.0.0.1:8080", "  127.0.0.1:8080  *  ");
}

static void test_ls__listener6__row_with_flags_and_owner(void **state)
{
	live_need_ipv6();
	listener_with_owner("[::1]:8080", "  [::1]:8080  *  ");
}

static void time_wait(const char *addr)
{
	uint16_t client = live_time_wait(addr, LIVE_REUSEADDR, NULL);
	const char *line = row(live_inuse("ls", "state", "time-wait"), "TIME-WAIT", live_text("%s  ", addr));

	has(line, live_text(":%u  ", client));
	/* 60 s, and up to 4.1 s for the wheel of the kernel's timers */
	if (seconds(line) < 55 || seconds(line) > 66)
		live_fail("not the end of a TIME-WAIT: %s", line);
}

static void test_ls__time_wait__seconds_left(void **state)
{
	time_wait("127.0.0.1:12345");
}

static void test_ls__time_wait6__seconds_left(void **state)
{
	live_need_ipv6();
	time_wait("[::1]:12345");
}

static void test_ls__fin_wait2_and_close_wait__both_shown(void **state)
{
	const struct live_run *run;
	int client = live_fin_wait2("127.0.0.1:1001", 0);

	live_wait(live_port(client), 1001, INUSE_CLOSE_WAIT);
	run = live_inuse("ls");
	row(run, "FIN-WAIT-2", "127.0.0.1:1001");
	has(row(run, "CLOSE-WAIT", live_text("127.0.0.1:%u", live_port(client))), live_text("[%d]", getpid()));
}

static void test_ls__bound_only__shown_with_owner(void **state)
{
	pid_t owner = LIVE_CHILD(live_bound("127.0.0.1:8080", LIVE_REUSEPORT));

	live_need_root();
	has(row(live_inuse("ls", "127.0.0.1"), "BOUND", "  127.0.0.1:8080  *  "), live_text("[%d] root", owner));
	has(row(live_inuse("ls", ":8080"), "BOUND", "  127.0.0.1:8080  *  "), "  reuseport  ");
}

static void test_ls__inherited__every_owner(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);
	pid_t heir = LIVE_CHILD_INHERITS((void)fd);
	const char *line = row(live_inuse("ls", ":8080"), "LISTEN", "127.0.0.1:8080");

	has(line, live_text("[%d] ", heir));
	has(line, live_text("[%d] ", getpid()));
}

/* Where a process exists that even root may not look into, it cannot be known that nobody has it. */
/* A process whose name would clear the screen, and one that would write into the next line. */
static void test_ls__name_of_escape_codes__shown_as_text(void **state)
{
	LIVE_CHILD(prctl(PR_SET_NAME, "\033[2J\033]0;x\007\n"), live_listener("127.0.0.1:8080", 0));
	for (size_t i = 0; i < 3; i++) {
		const struct live_run *run = i == 0 ? live_inuse("ls") : i == 1 ? live_inuse("8080") : live_inuse("kill", "--dry-run", "8080");

		assert_non_null(strstr(run->out, "\\x1b[2J"));
		assert_null(strpbrk(run->out, "\033\007"));
	}
}

static void test_ls__in_flight__nobody_is_named(void **state)
{
	const char *line;

	live_need_root();
	live_in_flight(live_listener("127.0.0.1:8080", 0));
	line = row(live_inuse("ls", ":8080"), "LISTEN", "127.0.0.1:8080");
	if (strstr(line, "(in flight)") == NULL)
		has(line, "(hidden, uid 0)");
}

static void test_ls_json__every_line__parses(void **state)
{
	const struct live_run *run;
	size_t lines = 0;

	live_time_wait("127.0.0.1:12345", LIVE_REUSEADDR, NULL);
	live_listener("127.0.0.1:12345", LIVE_REUSEADDR);
	run = live_inuse("ls", "--json");
	for (const char *at = run->out; *at != 0; at += strcspn(at, "\n") + 1, lines++) {
		json_t *line = json_loadb(at, strcspn(at, "\n"), 0, NULL);

		if (line == NULL || strcmp(json_string_value(json_object_get(line, "schema")), "inuse-socket") != 0)
			live_fail("not a line of JSON: %s", at);
		assert_int_equal(json_integer_value(json_object_get(json_object_get(line, "local"), "port")), 12345);
		assert_true(json_is_integer(json_object_get(line, "netns")));
		if (strcmp(json_string_value(json_object_get(line, "state")), "time-wait") == 0)
			assert_in_range(json_integer_value(json_object_get(line, "left_ms")), 55000, 66000);
		json_decref(line);
	}
	assert_int_equal(lines, 2);
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

static char *list_here(size_t sorted_max, uint64_t *ret_shown)
{
	char *text = NULL;
	size_t len;
	struct iu_ls ls = {
		.style = {.f = open_memstream(&text, &len), .sorted_max = sorted_max, .json = true, .owners = true}};
	struct inuse_error error = {0};

	if (iu_ls_live(&ls, &error) < 0)
		live_fail("%s", error.text);
	fclose(ls.style.f);
	*ret_shown = ls.shown;
	return text;
}

/* The limit above which rows are streamed, made small: the same code as for a million. */
static void test_ls__more_than_are_sorted__streamed(void **state)
{
	uint64_t shown;
	char *text;

	live_listener("127.0.0.1:1001", 0);
	live_listener("127.0.0.1:1002", 0);
	live_listener("127.0.0.1:1003", 0);
	text = list_here(3, &shown);
	assert_int_equal(shown, 3);
	assert_non_null(strstr(text, live_text("\"pid\":%d,", getpid()))); /* few: with owners */
	free(text);
	text = list_here(2, &shown);
	assert_int_equal(shown, 3);
	assert_int_equal(count_of(text, live_text("\"pid\":%d,", getpid())), 3);
	assert_non_null(strstr(text, "\"port\":1001}"));
	assert_non_null(strstr(text, "\"port\":1003}"));
	assert_non_null(strstr(text, "\"netns\":"));
	free(text);
}

/* More than reading hands over to printing at once. */
static void test_ls__thousands__every_one_streamed_once(void **state)
{
	uint64_t shown;
	char *text;

	for (int i = 0; i < 3000; i++)
		live_bound(live_text("127.0.%d.%d:1001", i / 200, i % 200 + 1), 0);
	text = list_here(10, &shown);
	assert_int_equal(shown, 3000);
	assert_int_equal(count_of(text, "\n"), 3000);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(count_of(text, live_text("\"%d.0.%d.%d\"", 127, i / 200, i % 200 + 1)), 1);
	free(text);
}

static void test_ls_stream__held_twice_by_one_and_by_another__each_process_once(void **state)
{
	int held = live_listener("127.0.0.1:1001", 0);
	pid_t child = LIVE_CHILD_INHERITS(dup(held));
	uint64_t shown;
	char *text;

	dup(held);
	live_listener("127.0.0.1:1002", 0);
	text = list_here(1, &shown);
	assert_int_equal(shown, 2);
	assert_int_equal(count_of(text, live_text("\"pid\":%d,", getpid())), 2);
	assert_int_equal(count_of(text, live_text("\"pid\":%d,", child)), 1);
	free(text);
}

static void test_ls_filter__only_what_matches(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:1001", 0); live_bound("127.0.0.1:1002", 0));
	int own = live_listener("127.0.0.1:1003", 0);

	live_says_not(live_inuse("ls", live_text("pid %d", owner)), ":1003");
	row(live_inuse("ls", live_text("pid %d", owner)), "LISTEN", ":1001");
	row(live_inuse("ls", "user", live_text("%d", geteuid())), "LISTEN", ":1003");
	row(live_inuse("ls", "state listen :1001-1003 not :1001"), "LISTEN", ":1003");
	live_complains(live_inuse("ls", ":9"), 0, "no socket matches");
	live_close(own);
	live_says(live_inuse("ls", "--count", "state", "listen"), 0, "1 socket\n", "LISTEN", ":1001");
}

static void test_ls_as_nobody__what_is_hidden__said(void **state)
{
	const struct live_run *run;
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR));
	pid_t own = LIVE_CHILD_AS(LIVE_NOBODY, live_listener("127.0.0.1:8081", LIVE_REUSEADDR));

	run = live_inuse_as(LIVE_NOBODY, "ls");
	live_complains(run, 0, "hidden: the owners of some sockets (1)");
	has(row(run, "LISTEN", ":8080"), "(hidden, uid 0)");
	has(row(run, "LISTEN", ":8080"), "?");
	has(row(run, "LISTEN", ":8081"), live_text("[%d] ", own));
	(void)owner;
}

static void test_ls_netns__named_and_all__each_its_own(void **state)
{
	const struct live_run *run;
	int fd = live_listener("127.0.0.1:1001", 0);

	live_need_root();
	live_netns_add("blue");
	row(live_inuse("ls"), "LISTEN", ":1001");
	live_complains(live_inuse("ls", "--netns", "blue"), 0, "no socket matches");
	run = live_inuse("ls", "--netns", "all", ":1001");
	live_says(run, 0, "this network namespace\n", "127.0.0.1:1001");
	live_says_not(run, "network namespace blue");
	row(live_inuse("ls", "--netns", live_text("%d", getpid())), "LISTEN", ":1001");
	live_complains(live_inuse("ls", "--netns", "none-of-that-name"), 2, "none-of-that-name");
	live_close(fd);
}

static void test_ls_save__then_snapshot__the_same_rows(void **state)
{
	const char *file = live_text("/tmp/inuse-test-%d.snap", getpid());
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR); live_bound("127.0.0.1:8081", 0));
	const struct live_run *run;

	live_time_wait("127.0.0.1:12345", 0, NULL);
	live_says(live_inuse("ls", "--save", file), 0, "");
	run = live_inuse("ls", "--snapshot", file);
	unlink(file);
	has(row(run, "LISTEN", "127.0.0.1:8080"), live_text("[%d] ", owner));
	row(run, "TIME-WAIT", "127.0.0.1:12345");
	if (geteuid() == 0)
		row(run, "BOUND", "127.0.0.1:8081");
}

static void test_ls_save__port__covers_it_alone(void **state)
{
	const struct live_run *run;

	live_listener("127.0.0.1:8080", 0);
	live_listener("127.0.0.1:8081", 0);
	run = live_inuse("ls", "--save", "-", ":8080");
	live_says(run, 0, "\"covered\":[[8080,8080]]", "\"local_port\":8080");
	live_says_not(run, "\"local_port\":8081", "\"args\"");
	live_says(live_inuse("ls", "--save", "-", "--full", ":8080"), 0, "\"args\"");
	live_complains(live_inuse("ls", "--save", "/no/such/folder/x"), 2, "cannot be written");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_ls__listener__row_with_flags_and_owner),
		live_test(test_ls__listener6__row_with_flags_and_owner),
		live_test(test_ls__time_wait__seconds_left),
		live_test(test_ls__time_wait6__seconds_left),
		live_test(test_ls__fin_wait2_and_close_wait__both_shown),
		live_test(test_ls__bound_only__shown_with_owner),
		live_test(test_ls__inherited__every_owner),
		live_test(test_ls__name_of_escape_codes__shown_as_text),
		live_test(test_ls__in_flight__nobody_is_named),
		live_test(test_ls_json__every_line__parses),
		live_test(test_ls__more_than_are_sorted__streamed),
		live_test(test_ls__thousands__every_one_streamed_once),
		live_test(test_ls_stream__held_twice_by_one_and_by_another__each_process_once),
		live_test(test_ls_filter__only_what_matches),
		live_test(test_ls_as_nobody__what_is_hidden__said),
		live_test(test_ls_netns__named_and_all__each_its_own),
		live_test(test_ls_save__then_snapshot__the_same_rows),
		live_test(test_ls_save__port__covers_it_alone),
	};

	return LIVE_RUN("ls", tests);
}
