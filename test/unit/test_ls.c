/* SPDX-License-Identifier: MIT */
/* What ls prints: the order of rows, where that order ends, rows in a thread of their own, and sums of many peers. */
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ls_count.h"
#include "cli/ls_stream.h"
#include "cli/ls_table.h"

static struct inuse_socket socket_of(enum inuse_state state, const char *local, uint16_t port, const char *remote)
{
	struct inuse_socket s = {.state = state, .known = ~0u, .count = 1};

	assert_int_equal(inuse_addr_parse(local, &s.local, NULL), INUSE_OK);
	s.local.port = port;
	s.family = s.local.family;
	if (remote != NULL)
		assert_int_equal(inuse_addr_parse(remote, &s.remote, NULL), INUSE_OK);
	return s;
}

static char *print(const struct iu_facts *facts, size_t sorted_max, bool json, struct iu_ls_hidden *hidden)
{
	char *text = NULL;
	size_t len;
	struct iu_ls_style style = {
		.f = open_memstream(&text, &len), .sorted_max = sorted_max, .json = json, .owners = true};
	struct iu_ls_rows rows = {facts, NULL};

	assert_int_equal(iu_ls_print(&style, &rows, hidden, NULL), INUSE_OK);
	fclose(style.f);
	return text;
}

/* The first words of each line, and the last character before its end: enough to tell the rows apart. */
static void same_order(const char *text, const char *const *starts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp(text, starts[i], strlen(starts[i])) != 0)
			fail_msg("line %zu is not \"%s\": %s", i, starts[i], text);
		text += strcspn(text, "\n") + 1;
	}
	assert_string_equal(text, "");
}

static void test_ls_print__mixed__by_port_state_address(void **state)
{
	const struct inuse_socket sockets[] = {
		socket_of(INUSE_TIME_WAIT, "10.0.0.1", 80, "10.0.0.9"), socket_of(INUSE_LISTEN, "::", 80, NULL),
		socket_of(INUSE_ESTABLISHED, "10.0.0.1", 80, "10.0.0.8"), socket_of(INUSE_LISTEN, "0.0.0.0", 80, NULL),
		socket_of(INUSE_LISTEN, "0.0.0.0", 443, NULL), socket_of(INUSE_LISTEN, "0.0.0.0", 9, NULL),
		socket_of(INUSE_BOUND, "10.0.0.1", 80, NULL), socket_of(INUSE_TIME_WAIT, "10.0.0.1", 80, "10.0.0.10"),
	};
	static const char *const order[] = {
		"STATE        LOCAL        REMOTE       LEFT  FLAGS",
		"LISTEN       0.0.0.0:9    *",
		"LISTEN       0.0.0.0:80   *",
		"LISTEN       [::]:80      *",
		"BOUND        10.0.0.1:80  *",
		"ESTABLISHED  10.0.0.1:80  10.0.0.8:0",
		"TIME-WAIT    10.0.0.1:80  10.0.0.9:0",
		"TIME-WAIT    10.0.0.1:80  10.0.0.10:0",
		"LISTEN       0.0.0.0:443  *",
	};
	struct iu_facts facts = {.sockets = sockets, .n_sockets = 8};
	struct iu_ls_hidden hidden = {0};
	char *text = print(&facts, 8, false, &hidden);

	same_order(text, order, 9);
	assert_int_equal(hidden.owners + hidden.flags, 0);
	free(text);
}

static void test_ls_print__more_than_are_sorted__as_they_come(void **state)
{
	const struct inuse_socket sockets[] = {
		socket_of(INUSE_LISTEN, "0.0.0.0", 443, NULL),
		socket_of(INUSE_LISTEN, "0.0.0.0", 9, NULL),
		socket_of(INUSE_LISTEN, "0.0.0.0", 80, NULL),
	};
	static const char *const order[] = {"STATE", "LISTEN        0.0.0.0:443 ", "LISTEN        0.0.0.0:9 ",
					    "LISTEN        0.0.0.0:80 "};
	struct iu_facts facts = {.sockets = sockets, .n_sockets = 3};
	struct iu_ls_hidden hidden = {0};
	char *text, said[256] = "";
	int out[2], saved = dup(2);

	assert_int_equal(pipe(out), 0);
	dup2(out[1], 2);
	text = print(&facts, 2, false, &hidden);
	dup2(saved, 2);
	assert_true(read(out[0], said, sizeof(said) - 1) > 0);
	close(saved);
	close(out[0]);
	close(out[1]);
	same_order(text, order, 4);
	assert_non_null(strstr(said, "more than 2 sockets: they are listed as they come"));
	free(text);
}

static void test_ls_print__nothing_known__counted_as_hidden(void **state)
{
	struct inuse_socket sockets[] = {
		socket_of(INUSE_LISTEN, "0.0.0.0", 80, NULL),
		socket_of(INUSE_TIME_WAIT, "10.0.0.1", 80, "10.0.0.9"),
	};
	struct iu_facts facts = {.sockets = sockets, .n_sockets = 2};
	struct iu_ls_hidden hidden = {0};

	sockets[0].known = sockets[1].known = 0;
	sockets[1].mini = true; /* has no owner, so none is hidden */
	free(print(&facts, 0, true, &hidden));
	assert_int_equal(hidden.owners, 1);
	assert_int_equal(hidden.flags, 2);
}

enum { MANY = 20000, AT_FIRST = 3000 }; /* more than reading and printing hand over to each other at once */

static struct inuse_socket nth_socket(uint32_t n)
{
	struct inuse_socket s = socket_of(n % 7 ? INUSE_TIME_WAIT : INUSE_FIN_WAIT2, "10.0.0.1", (uint16_t)(80 + n / 9 % 2), "::1");

	s.mini = true;
	s.free_at_ns = 1 + (int64_t)n * 10000000;
	memcpy(s.remote.ip + 2, &n, sizeof(n));
	s.flags = n % 5 ? INUSE_REUSEADDR : 0;
	return s;
}

/* A stream of them all, of which the first were there before. */
static struct iu_ls_stream *start(const struct iu_ls_style *style, const struct iu_facts *facts,
				  struct iu_ls_hidden *hidden)
{
	struct inuse_socket *first = calloc(AT_FIRST, sizeof(*first));
	struct iu_ls_stream_job job = {style, facts, NULL, hidden, first, AT_FIRST};
	struct iu_ls_stream *stream;

	assert_non_null(first);
	for (uint32_t i = 0; i < AT_FIRST; i++)
		first[i] = nth_socket(i);
	stream = iu_ls_stream_new(&job);
	assert_non_null(stream);
	return stream;
}

/* The rows as one after the other would be printed. */
static char *rows_in_turn(const struct iu_facts *facts)
{
	struct iu_ls_hidden hidden = {0};
	char *text = NULL;
	size_t len;
	struct iu_ls_style style = {.f = open_memstream(&text, &len), .owners = true};
	struct iu_ls_pen pen = {.style = &style, .facts = facts, .hidden = &hidden};

	for (uint32_t i = 0; i < MANY; i++) {
		struct inuse_socket s = nth_socket(i);

		assert_true(iu_ls_print_row(&pen, &s));
	}
	assert_true(iu_ls_pen_done(&pen));
	fclose(style.f);
	return text;
}

static void test_ls_stream__many__every_row_in_its_order(void **state)
{
	struct iu_facts facts = {.now_ns = 1};
	struct iu_ls_hidden hidden = {0};
	char *text = NULL, *expected = rows_in_turn(&facts);
	size_t len;
	struct iu_ls_style style = {.f = open_memstream(&text, &len), .owners = true};
	struct iu_ls_stream *stream = start(&style, &facts, &hidden);
	int write_errno = 0;

	for (uint32_t i = AT_FIRST; i < MANY; i++) {
		struct inuse_socket s = nth_socket(i);

		assert_true(iu_ls_stream_add(stream, &s));
	}
	assert_true(iu_ls_stream_end(stream, &write_errno));
	fclose(style.f);
	assert_int_equal(write_errno, 0);
	if (strcmp(text, expected) != 0)
		fail_msg("%zu bytes of rows, not these %zu", strlen(text), strlen(expected));
	free(text);
	free(expected);
}

/* Whoever reads on learns of it some time, and of the reason in the end, though it was another thread that wrote. */
static void test_ls_stream__full_disk__stops_and_says_why(void **state)
{
	struct iu_facts facts = {0};
	struct iu_ls_hidden hidden = {0};
	struct iu_ls_style style = {.f = fopen("/dev/full", "w")};
	struct iu_ls_stream *stream;
	int write_errno = 0;
	bool go_on = true;

	if (style.f == NULL)
		skip();
	stream = start(&style, &facts, &hidden);
	for (uint32_t i = 0; go_on && i < 100 * MANY; i++) {
		struct inuse_socket s = nth_socket(i % 1000);

		go_on = iu_ls_stream_add(stream, &s);
	}
	assert_false(go_on);
	assert_true(iu_ls_stream_end(stream, &write_errno));
	assert_int_equal(write_errno, ENOSPC);
	fclose(style.f);
}

static void test_ls_count__many_peers__each_counted_once(void **state)
{
	struct iu_ls_count *count = iu_ls_count_new();
	struct inuse_socket s = socket_of(INUSE_ESTABLISHED, "10.0.0.1", 80, "192.0.2.1");
	char *text = NULL, *at;
	size_t len, lines = 0;
	FILE *f = open_memstream(&text, &len);

	for (uint32_t i = 0; i < 30000; i++) { /* 10,000 peers, three connections each; the table grows several times */
		s.remote.ip[2] = (uint8_t)(i % 10000 >> 8);
		s.remote.ip[3] = (uint8_t)(i % 10000);
		assert_true(iu_ls_count_add(count, &s));
	}
	s = socket_of(INUSE_ESTABLISHED, "::ffff:10.0.0.1", 80, "::ffff:192.0.0.1"); /* one of them, by another name */
	s.count = 7;
	assert_true(iu_ls_count_add(count, &s));
	s = socket_of(INUSE_LISTEN, "::", 80, NULL);
	assert_true(iu_ls_count_add(count, &s));
	assert_int_equal(iu_ls_count_total(count), 30008);
	assert_int_equal(iu_ls_count_print(count, f, true, false, NULL), INUSE_OK);
	fclose(f);
	assert_non_null(
		strstr(text, "{\"schema\":\"inuse-count\",\"version\":1,\"remote\":\"192.0.0.1\",\"count\":10}\n"));
	assert_non_null(strstr(text, "\"port\":80,\"count\":30008}"));
	for (at = text; (at = strstr(at, "\"remote\"")) != NULL; at++)
		lines++;
	assert_int_equal(lines, 10000);
	free(text);
	iu_ls_count_free(count);
	iu_ls_count_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ls_print__mixed__by_port_state_address),
		cmocka_unit_test(test_ls_print__more_than_are_sorted__as_they_come),
		cmocka_unit_test(test_ls_print__nothing_known__counted_as_hidden),
		cmocka_unit_test(test_ls_stream__many__every_row_in_its_order),
		cmocka_unit_test(test_ls_stream__full_disk__stops_and_says_why),
		cmocka_unit_test(test_ls_count__many_peers__each_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
