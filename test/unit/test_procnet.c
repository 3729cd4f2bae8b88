/* SPDX-License-Identifier: MIT */
/* Lines of /proc/net/tcp and tcp6. */
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "host/procnet.h"

#define S INT64_C(1000000000)

static const struct iu_procnet_context v4 = {4, 100 * S, 0, S / 100, 250, -1, 120 * S}, v6 = {6, 100 * S, 0, S / 100, 250, -1, 120 * S};

static bool little_endian(void)
{
	return *(const uint8_t *)&(const uint16_t){1} == 1;
}

/*
 * The kernel prints the words of an address as numbers of its own; the lines below are from a little-endian machine.
 * Elsewhere the bytes of each word, the eight digits before a colon or before another word, are turned round.
 */
static void print_as_here(const char *line, char *ret)
{
	size_t len = strlen(line);

	memcpy(ret, line, len + 1);
	for (size_t i = 0; i < len && !little_endian();) {
		size_t digits = strspn(line + i, "0123456789ABCDEF");

		if (digits % 8 == 0 && line[i + digits] == ':')
			for (size_t at = i; at < i + digits; at += 2)
				memcpy(ret + i + (at - i) / 8 * 8 + 6 - (at - i) % 8, line + at, 2);
		i += digits + 1;
	}
}

static struct inuse_socket read_line(const struct iu_procnet_context *context, const char *line)
{
	struct inuse_socket s;
	char here[256];

	assert_true(strlen(line) < sizeof(here));
	print_as_here(line, here);
	if (!iu_procnet_line(here, strlen(here), context, &s))
		fail_msg("refused: %s", here);
	return s;
}

static void check_addr(const struct inuse_addr *a, const char *text)
{
	char buf[INUSE_ADDR_TEXT];

	assert_string_equal(inuse_addr_text(a, buf), text);
}

#define LISTENER "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n"

static void test_procnet_line__listener__understood(void **state)
{
	struct inuse_socket s = read_line(&v4, LISTENER);

	check_addr(&s.local, "127.0.0.1:8080");
	check_addr(&s.remote, "0.0.0.0:0");
	assert_int_equal(s.state, INUSE_LISTEN);
	assert_int_equal(s.uid, 1000);
	assert_int_equal(s.inode, 4711);
	assert_int_equal(s.family, 4);
	assert_int_equal(s.known, INUSE_KNOW_UID | INUSE_KNOW_INODE | INUSE_KNOW_V6ONLY);
	assert_int_equal(s.flags, 0);
	assert_false(s.mini);
}

static void test_procnet_line__time_wait__its_end(void **state)
{
	struct inuse_socket s = read_line(&v4, "   1: 0100007F:1F90 0100007F:C552 06 00000000:00000000 03:000010CC 00000000"
					       "     0        0 0 3 0000000000000000\n");

	assert_int_equal(s.state, INUSE_TIME_WAIT);
	assert_true(s.mini);
	assert_int_equal(s.free_at_ns, 143 * S);
	assert_int_equal(s.free_slack_ns, 2048000000);
	assert_int_equal(s.since_ns, 83 * S);
	assert_int_equal(s.known, INUSE_KNOW_INODE | INUSE_KNOW_HAS_FILE | INUSE_KNOW_V6ONLY);
	check_addr(&s.remote, "127.0.0.1:50514");
}

static void test_procnet_line__written_some_time_before__end_is_as_much_less_exact(void **state)
{
	struct iu_procnet_context late = v4;
	struct inuse_socket s;

	late.late_ns = S / 4;
	s = read_line(&late, "  1: 0100007F:1F90 0100007F:C552 06 0:0 03:000010CC 0 0 0 0 3 0\n");
	assert_int_equal(s.free_at_ns, 143 * S);
	assert_int_equal(s.free_slack_ns, 2298000000);
	assert_int_equal(read_line(&late, LISTENER).free_slack_ns, 0);
}

static void test_procnet_line__fin_wait_2__remains_and_living_told_apart(void **state)
{
	struct inuse_socket remains = read_line(&v4, "  1: 0100007F:1F90 0100007F:C552 05 0:0 03:00000010 0 0 0 0 3 0\n");

	assert_true(remains.mini);
	assert_int_equal(remains.since_ns, 0); /* since when is told of TIME-WAIT alone */
	assert_false(read_line(&v4, "  1: 0100007F:1F90 0100007F:C552 05 0:0 02:00000010 0 0 0 77 3 0\n").mini);
}

static void test_procnet_line__orphan_in_fin_wait_2__from_its_timer_on(void **state)
{
	struct inuse_socket s = read_line(&v4, "  1: 0100007F:1F90 0100007F:C552 05 0:0 02:000001F4 0 0 0 0 3 0\n");

	assert_false(s.mini);
	assert_int_equal(s.free_at_ns, 105 * S);
	assert_int_equal(s.free_slack_ns, 60 * S + 2 * INT64_C(2048000000));
	s = read_line(&v4, "  1: 0100007F:1F90 0100007F:C552 05 0:0 02:000001F4 0 0 0 77 3 0\n");
	assert_int_equal(s.free_at_ns, 0);
	s = read_line(&v4, "  1: 0100007F:1F90 0100007F:C552 05 0:0 01:000001F4 0 0 0 0 3 0\n"); /* a retransmission's */
	assert_int_equal(s.free_at_ns, 0);
	s = read_line(&v4, "  1: 0100007F:1F90 0100007F:C552 05 0:0 02:FFFFFFFFFFFF 0 0 0 0 3 0\n");
	assert_int_equal(s.free_at_ns, 0);
}

static void test_procnet_line__half_open__a_request(void **state)
{
	struct inuse_socket s = read_line(&v4, "  1: 0100007F:1F90 0100007F:C552 03 0:0 01:00000064 0 0 0 0 1 0\n");

	assert_int_equal(s.state, INUSE_SYN_RECV);
	assert_true(s.mini);
	assert_int_equal(s.free_at_ns, 0);
}

static void test_procnet_line__ipv6__words_and_v6only(void **state)
{
	struct inuse_socket s = read_line(&v6, "   0: B80D0120000000000000000001000000:1F90 00000000000000000000000000000000:0000"
					       " 0A 00000000:00000000 00:00000000 00000000     0        0 12 1 0\n");

	check_addr(&s.local, "[2001:db8::1]:8080");
	check_addr(&s.remote, "[::]:0");
	assert_int_equal(s.family, 6);
	assert_false(s.known & INUSE_KNOW_V6ONLY);
	assert_false(s.known & INUSE_KNOW_DEVICE);
	s = read_line(&v6, "   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:0001"
			   " 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0\n");
	assert_true(s.known & INUSE_KNOW_V6ONLY);
}

static void test_procnet_line__uid_of_nobody_in_a_user_namespace__not_known(void **state)
{
	struct iu_procnet_context c = v4;

	c.doubtful_uid = 1000;
	assert_false(read_line(&c, LISTENER).known & INUSE_KNOW_UID);
}

static void test_procnet_line__cut_or_damaged__refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
		"   0: 0100007F:1F90 00000000:0000 0A 0:0 00:00000000 0  1000        0 4711", /* cut within the inode */
		"   0: 0100007F1F90 00000000:0000 0A 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0: 0100007F:1F9 00000000:0000 0A 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0: 0100007G:1F90 00000000:0000 0A 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0: 0100007/:1F90 00000000:0000 0A 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0: 0100007@:1F90 00000000:0000 0A 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0: 0100007F;1F90 00000000:0000 0A 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0 0100007F:1F90 00000000:0000 0A 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0: 0100007F:1F90 00000000:0000 0A0 0:0 00:00000000 0 1000 0 4711 1\n",
		"   0: 0100007F:1F90 00000000:0000 0A 0:0 00-00000000 0 1000 0 4711 1\n",
		"   0: 0100007F:1F90 00000000:0000 0A 0:0 03: 0 1000 0 4711 1\n",
		"   0: 0100007F:1F90 00000000:0000 06 0:0 03:FFFFFFFFFFFFFFFF 0 0 0 0 1\n",
		"   0: 0100007F:1F90 00000000:0000 0A 0:0 00:00000000 0 -1 0 4711 1\n",
		"   0: 0100007F:1F90 00000000:0000 0A 0:0 00:00000000 0 4294967296 0 4711 1\n",
		"   0: 0100007F:1F90 00000000:0000 0A 0:0 00:00000000 0 1000 0 47x1 1\n",
	};
	struct inuse_socket s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (iu_procnet_line(bad[i], strlen(bad[i]), &v4, &s))
			fail_msg("accepted: %s", bad[i]);
	assert_false(iu_procnet_line(LISTENER, strlen(LISTENER), &v6, &s));
	/* in memory of its own, so that a tool sees an overread */
	for (size_t len = 0; len < strlen(LISTENER); len++) {
		char *copy = malloc(len ? len : 1);

		memcpy(copy, LISTENER, len);
		assert_int_equal(iu_procnet_line(copy, len, &v4, &s), len > (size_t)(strstr(LISTENER, "4711") + 4 - LISTENER));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_procnet_line__listener__understood),
		cmocka_unit_test(test_procnet_line__time_wait__its_end),
		cmocka_unit_test(test_procnet_line__written_some_time_before__end_is_as_much_less_exact),
		cmocka_unit_test(test_procnet_line__fin_wait_2__remains_and_living_told_apart),
		cmocka_unit_test(test_procnet_line__orphan_in_fin_wait_2__from_its_timer_on),
		cmocka_unit_test(test_procnet_line__half_open__a_request),
		cmocka_unit_test(test_procnet_line__ipv6__words_and_v6only),
		cmocka_unit_test(test_procnet_line__uid_of_nobody_in_a_user_namespace__not_known),
		cmocka_unit_test(test_procnet_line__cut_or_damaged__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
