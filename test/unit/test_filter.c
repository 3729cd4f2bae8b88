/* SPDX-License-Identifier: MIT */
/* Filters: which sockets each choice of words finds, and the sentence for each that cannot be understood. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/filter.h"

/* The sockets that the rows below speak of, by letter. */
static const struct inuse_process processes[] = {
	{.pid = 10, .uid = 1000, .user = "alice", .comm = "node"},
	{.pid = 20, .uid = 33, .user = "www-data", .comm = "nginx"},
};
static const struct inuse_holder holders[] = {{0, 3}, {1, 4}};

static const struct {
	char letter;
	enum inuse_state state;
	const char *local;
	uint16_t local_port;
	const char *remote;
	uint16_t remote_port;
	uint32_t uid;
	uint32_t holders, n_holders;
} table[] = {
	{'a', INUSE_LISTEN, "0.0.0.0", 80, "0.0.0.0", 0, 0, 0, 2},
	{'b', INUSE_LISTEN, "::", 8080, "::", 0, 1000, 0, 1},
	{'c', INUSE_ESTABLISHED, "127.0.0.1", 80, "127.0.0.1", 50000, 33, 1, 1},
	{'d', INUSE_ESTABLISHED, "127.0.0.1", 50000, "127.0.0.1", 80, 1000, 0, 1},
	{'e', INUSE_TIME_WAIT, "10.1.2.3", 443, "10.9.9.9", 1234, 0, 0, 0},
	{'f', INUSE_TIME_WAIT, "::ffff:10.1.2.3", 443, "::ffff:192.0.2.1", 1234, 0, 0, 0},
	{'g', INUSE_BOUND, "fe80::1%2", 8081, "::", 0, 33, 1, 1},
	{'h', INUSE_FIN_WAIT2, "2001:db8::5", 8099, "2001:db8:1::7", 65535, 0, 0, 0},
	{'i', INUSE_SYN_SENT, "::1", 1, "::1", 65535, 1000, 0, 1},
};
#define ALL "abcdefghi"

static struct inuse_socket sockets[sizeof(table) / sizeof(table[0])];
static const struct iu_facts facts = {.processes = processes, .n_processes = 2, .holders = holders, .n_holders = 2};

static bool user(const char *name, uint32_t *ret_uid)
{
	*ret_uid = 33;
	return strcmp(name, "www-data") == 0;
}

static bool service(const char *name, uint16_t *ret_port)
{
	*ret_port = 80;
	return strcmp(name, "http") == 0;
}

static const struct iu_filter_names live = {user, service};
static const struct iu_filter_names saved = {NULL, service};

static int make_sockets(void **state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct inuse_socket *s = &sockets[i];

		s->state = table[i].state;
		if (inuse_addr_parse(table[i].local, &s->local, NULL) < 0 ||
		    inuse_addr_parse(table[i].remote, &s->remote, NULL) < 0)
			return -1;
		s->family = s->local.family;
		s->local.port = table[i].local_port;
		s->remote.port = table[i].remote_port;
		s->uid = table[i].uid;
		s->known = s->uid ? INUSE_KNOW_UID : 0;
		s->holders = table[i].holders;
		s->n_holders = table[i].n_holders;
	}
	return 0;
}

static const struct {
	const char *words, *finds;
} good[] = {
	{"", ALL},
	{":80", "ac"},
	{"80", "ac"},
	{"*:80", "ac"},
	{":http", "ac"},
	{":0", ""},
	{":80,443", "acef"},
	{"8080-8099", "bgh"},
	{":8080-8099", "bgh"},
	{":80,8000-8090,443", "abcefg"},
	{"local :80", "ac"},
	{"remote :80", "d"},
	{"remote 80", "d"},
	{"not :80", "bdefghi"},
	{"not not :80", "ac"},
	{"not remote :80", "abcefghi"},
	{"127.0.0.1", "cd"},
	{"127.0.0.1:80", "cd"},
	{"127.0.0.1:50000", "cd"},
	{"local 127.0.0.1:80", "c"},
	{"remote 127.0.0.1:80", "d"},
	{"127.0.0.0/8", "cd"},
	{"127.0.0.0/8:50000", "cd"},
	{"10.1.2.3", "ef"},
	{"::ffff:10.1.2.3", "ef"},
	{"10.0.0.0/8", "ef"},
	{"remote 10.0.0.0/8", "e"},
	{"remote 192.0.2.0/24", "f"},
	{"::ffff:10.0.0.0/104", "ef"},
	{"0.0.0.0", "a"},
	{"0.0.0.0/0", "acdef"},
	{"::", "b"},
	{"::/0", "bfghi"},
	{"::1", "i"},
	{"[::1]", "i"},
	{"[::1]:1", "i"},
	{"[::1]:65535", "i"},
	{"local [::1]:65535", ""},
	{":::8080", "b"}, /* as netstat prints the wildcard: no address as a whole */
	{"fe80::1", "g"},
	{"fe80::1%2", "g"},
	{"fe80::1%3", ""},
	{"fe80::/10", "g"},
	{"[fe80::]/10:8081", "g"},
	{"2001:db8::/32", "h"},
	{"2001:db8::/33", "h"},
	{"local 2001:db8:1::/48", ""},
	{"2001:db8:1::/48", "h"},
	{"state time-wait", "ef"},
	{"state TIME_WAIT", "ef"},
	{"state listen,established", "abcd"},
	{"state estab", "cd"},
	{"state unconn", "g"},
	{"state FIN-WAIT-2", "h"},
	{"not state listen,estab,time-wait", "ghi"},
	{"pid 10", "abdi"},
	{"pid 20", "acg"},
	{"pid 99", ""},
	{"user 1000", "abdi"},
	{"user www-data", "acg"},
	{"user 0", ""}, /* where the uid is not known it is not root's */
	{"state listen :80", "a"},
	{"  state   listen\t:80 ", "a"},
	{":80 :80-90", "ac"},
	{"pid 10 state established remote :80", "d"},
	{"not pid 10 not pid 20", "efh"},
	{":80 not 127.0.0.0/8", "a"},
};

static const struct {
	const char *words, *says;
} bad[] = {
	{"frogs", "\"frogs\" is no filter"},
	{"localhost:80", "\"localhost\" is no filter"},
	{":65536", "\"65536\" is neither a port"},
	{":nosuch", "\"nosuch\" is neither a port"},
	{":", "a port is missing"},
	{":80,", "a port is missing"},
	{":90-80", "\"90-80\" is neither a port"},
	{":-5", "\"-5\" is neither a port"},
	{":5-", "\"5-\" is neither a port"},
	{":1,2,3,4,5,6,7,8,9", "too many ports"},
	{"127.0.0.1/33", "from 0 to 32"},
	{"::1/129", "from 0 to 128"},
	{"::1/", "from 0 to 128"},
	{"127.0.0.256", "is no filter"},
	{"127.0.0.1:x", "\"x\" is neither a port"},
	{"1.2.3.4:5:6", "\"1.2.3.4:5\" is no filter"},
	{"[::1", "is no filter"},
	{"[::1]x", "is no filter"},
	{"/8", "\"/8\" is no filter"},
	{"state", "behind \"state\" stands the name"},
	{"state asleep", "\"asleep\" is no state"},
	{"state listen,", "\"\" is no state"},
	{"pid", "behind \"pid\""},
	{"pid x", "\"x\" is not the number of a process"},
	{"pid 0", "\"0\" is not the number"},
	{"pid 2147483648", "is not the number"},
	{"user", "behind \"user\""},
	{"user nobody-here", "there is no user named \"nobody-here\""},
	{"local", "behind \"local\""},
	{"remote frogs", "\"frogs\" is no filter"},
	{"local state listen", "\"state\" is no filter"},
	{"not", "behind \"not\""},
	{":80 :443", "\":443\": a socket has one local port"},
	{"\x1b[31m", "\\x1b"},
};

static enum inuse_status parse(const char *words, const struct iu_filter_names *names, struct iu_filter *f,
			       struct inuse_error *e)
{
	return iu_filter_parse(&words, 1, names, f, e);
}

static void found(const struct iu_filter *f, char *ret)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (iu_filter_match(f, &sockets[i], &facts))
			*ret++ = table[i].letter;
	*ret = 0;
}

static void test_filter__each_choice_of_words__finds_these(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct inuse_error error = {0};
		struct iu_filter f;
		char letters[32];

		if (parse(good[i].words, &live, &f, &error) != INUSE_OK)
			fail_msg("%s: %s", good[i].words, error.text);
		found(&f, letters);
		if (strcmp(letters, good[i].finds) != 0)
			fail_msg("%s finds %s, not %s", good[i].words, letters, good[i].finds);
	}
}

static void test_filter__malformed__one_sentence_with_the_word(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct inuse_error error = {0};
		struct iu_filter f;

		if (parse(bad[i].words, &live, &f, &error) != INUSE_E_INPUT)
			fail_msg("%s: accepted", bad[i].words);
		if (strstr(error.text, bad[i].says) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].words, error.text, bad[i].says);
		assert_null(strpbrk(error.text, "\x1b\n"));
	}
}

static void test_filter__words_in_one_argument_or_many__the_same(void **state)
{
	static const char *const many[] = {"state", "listen", ":80"}, *const mixed[] = {"state listen", "", ":80"};
	struct iu_filter f;
	char letters[32];

	assert_int_equal(iu_filter_parse(many, 3, &live, &f, NULL), INUSE_OK);
	found(&f, letters);
	assert_string_equal(letters, "a");
	assert_int_equal(iu_filter_parse(mixed, 3, &live, &f, NULL), INUSE_OK);
	found(&f, letters);
	assert_string_equal(letters, "a");
	assert_int_equal(iu_filter_parse(NULL, 0, NULL, &f, NULL), INUSE_OK);
	found(&f, letters);
	assert_string_equal(letters, ALL);
}

static void test_filter_user__saved_snapshot__name_of_its_owners(void **state)
{
	struct iu_filter f;
	char letters[32];

	assert_int_equal(parse("user alice", &saved, &f, NULL), INUSE_OK);
	found(&f, letters);
	assert_string_equal(letters, "abdi");
	assert_true(iu_filter_needs_owners(&f));
	assert_false(iu_filter_match(&f, &sockets[0], NULL));
	assert_true(iu_filter_may_match(&f, &sockets[4]));
	assert_int_equal(parse("state listen not pid 10", &saved, &f, NULL), INUSE_OK);
	assert_true(iu_filter_may_match(&f, &sockets[0]));
	assert_false(iu_filter_may_match(&f, &sockets[2]));
	assert_int_equal(parse("state listen", &saved, &f, NULL), INUSE_OK);
	assert_false(iu_filter_needs_owners(&f));
	assert_false(iu_filter_is_ports(&f));
	assert_int_equal(parse(":80,443", &saved, &f, NULL), INUSE_OK);
	assert_true(iu_filter_is_ports(&f));
	assert_int_equal(parse("local 127.0.0.1:80", &saved, &f, NULL), INUSE_OK);
	assert_false(iu_filter_is_ports(&f));
}

static void test_filter_ports__only_where_nothing_else_can_match(void **state)
{
	static const struct {
		const char *words;
		size_t n;
		uint16_t first, last;
	} rows[] = {
		{":80", 1, 80, 80},
		{":8000-8003", 4, 8000, 8003},
		{":8000-8004", 0, 0, 0}, /* longer than the list */
		{":80-8000 :80,443", 2, 80, 443},
		{"local 127.0.0.1:443", 1, 443, 443},
		{"127.0.0.1:443", 0, 0, 0}, /* may be the remote end */
		{"remote :443", 0, 0, 0},
		{"not :443", 0, 0, 0},
		{"state listen", 0, 0, 0},
		{"", 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t ports[4];
		struct iu_filter f;

		assert_int_equal(parse(rows[i].words, &live, &f, NULL), INUSE_OK);
		assert_int_equal(iu_filter_ports(&f, ports, 4), rows[i].n);
		if (rows[i].n > 0) {
			assert_int_equal(ports[0], rows[i].first);
			assert_int_equal(ports[rows[i].n - 1], rows[i].last);
		}
	}
}

static void test_filter__too_many_and_too_long__refused(void **state)
{
	char text[4096] = "", word[600];
	struct inuse_error error = {0};
	struct iu_filter f;

	for (int i = 0; i < IU_FILTER_TERMS; i++)
		strcat(text, "not :1 ");
	assert_int_equal(parse(text, &live, &f, &error), INUSE_OK);
	strcat(text, "not :1");
	assert_int_equal(parse(text, &live, &f, &error), INUSE_E_INPUT);
	assert_non_null(strstr(error.text, "too many"));
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = 0;
	assert_int_equal(parse(word, &live, &f, &error), INUSE_E_INPUT);
	assert_non_null(strstr(error.text, "too long"));
	snprintf(text, sizeof(text), "user %.100s", word);
	assert_int_equal(parse(text, &saved, &f, &error), INUSE_E_INPUT);
}

/* A filter that somebody pasted a whole file into. */
static void test_filter__10_mb__one_sentence_in_a_moment(void **state)
{
	static const char *const pieces[] = {"1", ".", ":", "1.2.3.4:", "[", "]", "::", "%", "/", "http://", ",", "-", "80,", "x", " ", " not",
					     "\xff", "\x1b[31m", "a.b.", "fe80::1%"};
	enum { LEN = 10000000 };
	char *text = malloc(LEN + 1);

	assert_non_null(text);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = strlen(pieces[i]);
		struct inuse_error error = {0};
		struct iu_filter f;
		clock_t before = clock();

		for (size_t at = 0; at < LEN; at++)
			text[at] = pieces[i][at % len];
		text[LEN] = 0;
		if (strcmp(pieces[i], " ") == 0)
			text[LEN - 1] = '?';
		assert_int_equal(parse(text, &live, &f, &error), INUSE_E_INPUT);
		assert_true(strlen(error.text) > 0 && strlen(error.text) < 400);
		assert_null(strpbrk(error.text, "\x1b\n"));
		/* what takes time that grows with the square would take hours */
		assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 5);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter__each_choice_of_words__finds_these),
		cmocka_unit_test(test_filter__malformed__one_sentence_with_the_word),
		cmocka_unit_test(test_filter__10_mb__one_sentence_in_a_moment),
		cmocka_unit_test(test_filter__words_in_one_argument_or_many__the_same),
		cmocka_unit_test(test_filter_user__saved_snapshot__name_of_its_owners),
		cmocka_unit_test(test_filter_ports__only_where_nothing_else_can_match),
		cmocka_unit_test(test_filter__too_many_and_too_long__refused),
	};

	return cmocka_run_group_tests(tests, make_sockets, NULL);
}
