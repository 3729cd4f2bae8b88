/* SPDX-License-Identifier: MIT */
/* What people paste: every form understood, every malformed one refused with a sentence that says where. */
#include "support/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"

static const struct {
	const char *text;
	enum inuse_target_kind kind;
	const char *shown; /* address, host or path */
	const char *service, *scope;
	uint16_t port;
} good[] = {
	{"8080", INUSE_TARGET_PORT, "*:8080", "", "", 8080},
	{":8080", INUSE_TARGET_PORT, "*:8080", "", "", 8080},
	{"*:8080", INUSE_TARGET_PORT, "*:8080", "", "", 8080},
	{"  8080\n", INUSE_TARGET_PORT, "*:8080", "", "", 8080},
	{"0", INUSE_TARGET_PORT, "*:0", "", "", 0},
	{"65535", INUSE_TARGET_PORT, "*:65535", "", "", 65535},
	{"8080/tcp", INUSE_TARGET_PORT, "*:8080", "", "", 8080},
	{"*:8080 (LISTEN)", INUSE_TARGET_PORT, "*:8080", "", "", 8080},
	{":http", INUSE_TARGET_PORT, "*:0", "http", "", 0},
	{":::3000", INUSE_TARGET_ADDR, "[::]:3000", "", "", 3000},
	{"::1:3000", INUSE_TARGET_ADDR, "[::1]:3000", "", "", 3000},
	{"127.0.0.1:8080", INUSE_TARGET_ADDR, "127.0.0.1:8080", "", "", 8080},
	{"127.0.0.1:8080->127.0.0.1:50514", INUSE_TARGET_ADDR, "127.0.0.1:8080", "", "", 8080},
	{"0.0.0.0:8080->80/tcp", INUSE_TARGET_ADDR, "0.0.0.0:8080", "", "", 8080},
	{":::8080->80/tcp", INUSE_TARGET_ADDR, "[::]:8080", "", "", 8080},
	{"[::1]:8080", INUSE_TARGET_ADDR, "[::1]:8080", "", "", 8080},
	{"[::ffff:10.1.2.3]:80", INUSE_TARGET_ADDR, "[::ffff:10.1.2.3]:80", "", "", 80},
	{"[fe80::1%eth0]:80", INUSE_TARGET_ADDR, "[fe80::1]:80", "", "eth0", 80},
	{"[fe80::1%3]:80", INUSE_TARGET_ADDR, "[fe80::1%3]:80", "", "", 80},
	{"127.0.0.53%lo:53", INUSE_TARGET_ADDR, "127.0.0.53:53", "", "lo", 53},
	{"[1:2:3:4:5:6:7:8]:9", INUSE_TARGET_ADDR, "[1:2:3:4:5:6:7:8]:9", "", "", 9},
	{"[2001:DB8:0:0:1:0:0:1]:9", INUSE_TARGET_ADDR, "[2001:db8::1:0:0:1]:9", "", "", 9},
	{"localhost:8080", INUSE_TARGET_HOST, "localhost", "", "", 8080},
	{"db:postgresql", INUSE_TARGET_HOST, "db", "postgresql", "", 0},
	{"http://localhost:3000/", INUSE_TARGET_HOST, "localhost", "", "", 3000},
	{"https://me:pw@host.example/a:b?c#d", INUSE_TARGET_HOST, "host.example", "https", "", 0},
	{"http://[::1]:80/x", INUSE_TARGET_ADDR, "[::1]:80", "", "", 80},
	{"http://[::1]", INUSE_TARGET_ADDR, "[::1]:0", "http", "", 0},
	{"bücher.example:80", INUSE_TARGET_HOST, "bücher.example", "", "", 80},
	{"/run/x.sock", INUSE_TARGET_UNIX, "/run/x.sock", "", "", 0},
	{"unix:/run/x.sock", INUSE_TARGET_UNIX, "/run/x.sock", "", "", 0},
	{"./x.sock", INUSE_TARGET_UNIX, "./x.sock", "", "", 0},
	/* whole lines: Node, Go, nginx, docker, redis, Apache, Caddy */
	{"Error: listen EADDRINUSE: address already in use :::3000", INUSE_TARGET_ADDR, "[::]:3000", "", "", 3000},
	{"Error: listen EADDRINUSE: address already in use ::1:3000\n    at Server.setup", INUSE_TARGET_ADDR, "[::1]:3000", "", "", 3000},
	{"listen tcp :8080: bind: address already in use", INUSE_TARGET_PORT, "*:8080", "", "", 8080},
	{"2026/11/22 12:30:05 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)", INUSE_TARGET_ADDR, "0.0.0.0:80", "", "", 80},
	{"nginx: [emerg] bind() to [::]:80 failed (98: Address already in use)", INUSE_TARGET_ADDR, "[::]:80", "", "", 80},
	{"Could not create server TCP listening socket *:6379: bind: Address already in use", INUSE_TARGET_PORT, "*:6379", "", "", 6379},
	{"(98)Address already in use: AH00072: make_sock: could not bind to address [::1]:80", INUSE_TARGET_ADDR, "[::1]:80", "", "", 80},
	{"Error: listening on :443: listen tcp :443: bind: address already in use", INUSE_TARGET_PORT, "*:443", "", "", 443},
	{"could not start, \"127.0.0.1:8080\" is taken.", INUSE_TARGET_ADDR, "127.0.0.1:8080", "", "", 8080},
};

static const struct {
	const char *text, *says;
} bad[] = {
	{"", "empty"},
	{"   ", "empty"},
	{"65536", "65536 is out of range"},
	{":65536", "65536 is out of range"},
	{"127.0.0.1:99999999999999999999999", "out of range"},
	{"127.0.0.1", "has no port"},
	{"::1", "is neither a port"}, /* the last group would be the port, and the host "::" stays: see below */
	{"[::1]", "has no port"},
	{"127.0.0.1:", "missing behind the colon"},
	{"a b:80", "\"a b\" is neither an address nor a host name"},
	{"[::g]:80", "\"::g\" is not an IPv6 address"},
	{"[::1:80", "is not an IPv6 address"},
	{"1:2:3:4:5:6:7:8:9:80", "is not an IPv6 address"},
	{"[1::2::3]:80", "is not an IPv6 address"},
	{"[127.0.0.1]:80", "is not an IPv6 address"},
	{"127.0.0.1:80,127.0.0.2:80", "one at a time"},
	{"127.0.0.1:80, 127.0.0.2:80", "one at a time"},
	{"server.go:45: listen tcp :8080: bind: address already in use", "one at a time"},
	{"neither 127.0.0.1:80 nor localhost:80", "one at a time"},
	{"in use: 127.0.0.1:65536", "port 65536 is out of range"},
	{"there is no address here: at all", "neither a port number nor"},
	{"host:-1", "neither a port number nor"},
	{"host:80x y", "neither a port number nor"},
	{"http:///x", "names no host"},
	{"nonsense", "is no address"},
	{"\x1b[31m:80", "\\x1b"},
	{"127.0.0.1:\xff", "\\xff"},
};

static void test_target_parse__pasted_form__understood(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct inuse_error error = {0};
		struct inuse_target t;
		char text[INUSE_ADDR_TEXT];

		if (inuse_target_parse(good[i].text, &t, &error) != INUSE_OK)
			fail_msg("%s: %s", good[i].text, error.text);
		assert_int_equal(t.kind, good[i].kind);
		assert_int_equal(t.addr.port, good[i].port);
		assert_string_equal(t.service, good[i].service);
		assert_string_equal(t.scope_name, good[i].scope);
		assert_string_equal(t.kind >= INUSE_TARGET_HOST ? t.host : inuse_addr_text(&t.addr, text), good[i].shown);
	}
}

static void test_target_parse__malformed__one_sentence_that_says_where(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct inuse_error error = {0};
		struct inuse_target t;

		if (strcmp(bad[i].text, "::1") == 0)
			continue; /* ":" + ":1": the wildcard of IPv6 on port 1, as netstat would print it */
		if (inuse_target_parse(bad[i].text, &t, &error) != INUSE_E_INPUT)
			fail_msg("%s: accepted", bad[i].text);
		if (strstr(error.text, bad[i].says) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, error.text, bad[i].says);
		assert_null(strpbrk(error.text, "\x1b\n"));
	}
	assert_int_equal(inuse_target_parse(NULL, &(struct inuse_target){0}, NULL), INUSE_E_INPUT);
}

static void test_addr_predicates__mapped_and_plain__agree(void **state)
{
	struct inuse_addr v4, mapped, net;

	assert_int_equal(inuse_addr_parse("127.0.0.1", &v4, NULL), INUSE_OK);
	assert_int_equal(inuse_addr_parse("::ffff:127.0.0.1", &mapped, NULL), INUSE_OK);
	assert_int_equal(inuse_addr_parse("127.0.0.0", &net, NULL), INUSE_OK);
	assert_true(iu_addr_same(&v4, &mapped));
	assert_true(iu_addr_is_loopback(&mapped));
	assert_true(iu_addr_in(&v4, &net, 8));
	assert_false(iu_addr_in(&v4, &net, 32));
	assert_true(iu_addr_in(&v4, &net, 0));
	assert_int_equal(inuse_addr_parse("127.0.0.01", &v4, NULL), INUSE_E_INPUT);
}

/* An address that somebody pasted a whole file into. */
static void test_target_parse__10_mb__one_sentence_in_a_moment(void **state)
{
	static const char *const pieces[] = {"1", ".", ":", "1.2.3.4:", "[", "]", "::", "%", "/", "http://", ",", "-", "80,", "x", " ", " not",
					     "\xff", "\x1b[31m", "a.b.", "fe80::1%"};
	enum { LEN = 10000000 };
	char *text = malloc(LEN + 1);

	assert_non_null(text);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t len = strlen(pieces[i]);
		struct inuse_error error = {0};
		struct inuse_target t;
		clock_t before = clock();

		for (size_t at = 0; at < LEN; at++)
			text[at] = pieces[i][at % len];
		text[LEN] = 0;
		assert_int_equal(inuse_target_parse(text, &t, &error), INUSE_E_INPUT);
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
		cmocka_unit_test(test_target_parse__pasted_form__understood),
		cmocka_unit_test(test_target_parse__malformed__one_sentence_that_says_where),
		cmocka_unit_test(test_target_parse__10_mb__one_sentence_in_a_moment),
		cmocka_unit_test(test_addr_predicates__mapped_and_plain__agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
