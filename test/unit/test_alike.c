/* SPDX-License-Identifier: MIT */
/* One socket of each kind that a rule can tell apart. */
#include "host/alike.h"

#include <string.h>

#include "support/check.h"

static struct inuse_socket connection(uint16_t remote_port)
{
	return (struct inuse_socket){.state = INUSE_TIME_WAIT, .family = 4, .mini = true, .count = 1,
				     .local = {.family = 4, .port = 8080, .ip = {127, 0, 0, 1}},
				     .remote = {.family = 4, .port = remote_port, .ip = {127, 0, 0, 1}},
				     .flags = INUSE_REUSEADDR, .known = INUSE_KNOW_REUSEADDR, .cookie = remote_port};
}

static void test_alike__only_the_peer_differs__one(void **state)
{
	struct iu_alike a = {0};
	size_t n = 0;

	for (int i = 1; i < 60000; i++) {
		struct inuse_socket s = connection((uint16_t)i);

		s.free_at_ns = i;
		s.uid = (uint32_t)i; /* of what is left in TIME-WAIT nobody reads it */
		n += iu_alike_is_new(&a, &s);
	}
	assert_int_equal(n, 1);
	iu_alike_done(&a);
}

static void test_alike__what_a_rule_reads_differs__kept(void **state)
{
	struct inuse_socket rows[11];
	struct iu_alike a = {0};

	for (size_t i = 0; i < 11; i++)
		rows[i] = connection(1);
	rows[1].local.port = 8081;
	rows[2].local.ip[3] = 2;
	rows[3].flags = 0;
	rows[4].known = 0;
	rows[5].state = INUSE_FIN_WAIT2;
	rows[6].mini = false;
	rows[7].device = 2;
	rows[8].family = 6;
	rows[9].netns = 7;
	rows[10].local.scope = 3;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 11; i++)
			assert_int_equal(iu_alike_is_new(&a, &rows[i]), round == 0);
	rows[6].uid = 1000;
	assert_true(iu_alike_is_new(&a, &rows[6]));
	iu_alike_done(&a);
}

static void test_alike__many_kinds__each_once(void **state)
{
	struct iu_alike a = {0};
	size_t n = 0;

	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 5000; i++) {
			struct inuse_socket s = connection(1);

			s.local.port = (uint16_t)i;
			n += iu_alike_is_new(&a, &s);
		}
	assert_int_equal(n, 5000);
	iu_alike_done(&a);
	iu_alike_done(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike__only_the_peer_differs__one),
		cmocka_unit_test(test_alike__what_a_rule_reads_differs__kept),
		cmocka_unit_test(test_alike__many_kinds__each_once),
	};

	return cmocka_run_group_tests_name("alike", tests, NULL, NULL);
}
