/* SPDX-License-Identifier: MIT */
/* Ports on which a call would succeed, from a snapshot made by hand. */
#include "host/pick.h"

#include <string.h>

#include "host/snapshot.h"
#include "support/check.h"

static struct inuse_snapshot *machine(void)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct iu_facts *f = iu_snapshot_scalars(s);

	f->settings[IU_SET_RANGE_FIRST] = 40000;
	f->settings[IU_SET_RANGE_LAST] = 40009;
	f->settings[IU_SET_UNPRIVILEGED_PORT_START] = 1024;
	f->settings_known = 1u << IU_SET_RANGE_FIRST | 1u << IU_SET_RANGE_LAST | 1u << IU_SET_UNPRIVILEGED_PORT_START;
	f->features = IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR;
	f->locals_known = true;
	f->no_v4_table = true;
	f->now_ns = 1000;
	return s;
}

static void add(struct inuse_snapshot *s, uint16_t port, enum inuse_state state, uint32_t flags, uint32_t known)
{
	struct inuse_socket o = {.state = state, .family = 4, .mini = state == INUSE_TIME_WAIT, .count = 1, .flags = flags,
				 .known = known, .local = {.family = 4, .port = port, .ip = {127, 0, 0, 1}}};

	iu_snapshot_add_socket(s, &o);
}

static size_t pick(struct inuse_snapshot *s, const char *address, uint16_t first, uint16_t last, size_t want,
		   uint16_t *ret, struct iu_pick *ret_pick)
{
	struct inuse_question q = INUSE_QUESTION_INIT;
	struct iu_resolved r;
	struct iu_pick p = {.r = &r, .want = want};
	uint16_t candidates[1000];
	size_t n = 0;

	iu_snapshot_seal(s, NULL);
	q.address = address;
	q.snapshot = s;
	q.uid = 1000;
	assert_int_equal(iu_resolve_question(&q, &r, NULL), INUSE_OK);
	for (uint16_t port = first; port <= last; port++)
		candidates[n++] = port;
	assert_int_equal(iu_pick(&p, candidates, n, ret, NULL), INUSE_OK);
	if (ret_pick != NULL)
		*ret_pick = p;
	return p.n;
}

static void test_pick__taken_ports__passed_over(void **state)
{
	struct inuse_snapshot *s = machine();
	const uint32_t all = INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT | INUSE_KNOW_V6ONLY;
	uint16_t found[10];

	add(s, 8003, INUSE_BOUND, 0, all);
	add(s, 8000, INUSE_LISTEN, INUSE_REUSEADDR, all);
	add(s, 8002, INUSE_TIME_WAIT, 0, all);
	add(s, 8001, INUSE_TIME_WAIT, INUSE_REUSEADDR, all); /* tolerated */
	assert_int_equal(pick(s, "8000", 8000, 8010, 3, found, NULL), 3);
	assert_int_equal(found[0], 8001);
	assert_int_equal(found[1], 8004);
	assert_int_equal(found[2], 8005);
	/* another address is not concerned */
	assert_int_equal(pick(s, "127.0.0.2:8000", 8000, 8010, 2, found, NULL), 2);
	assert_int_equal(found[0], 8000);
	assert_int_equal(found[1], 8001);
	iu_snapshot_free(s);
}

static void test_pick__unknown_options__counted_not_offered(void **state)
{
	struct inuse_snapshot *s = machine();
	uint16_t found[10];
	struct iu_pick p;

	add(s, 8000, INUSE_TIME_WAIT, 0, INUSE_KNOW_V6ONLY);
	assert_int_equal(pick(s, "8000", 8000, 8001, 2, found, &p), 1);
	assert_int_equal(found[0], 8001);
	assert_int_equal(p.n_unknown, 1);
	iu_snapshot_free(s);
}

static void test_pick__port_not_covered__unknown(void **state)
{
	struct inuse_snapshot *s = machine();
	uint16_t found[10];
	struct iu_pick p;

	iu_snapshot_add_covered(s, &(struct iu_range){8000, 8000});
	assert_int_equal(pick(s, "8000", 8000, 8001, 2, found, &p), 1);
	assert_int_equal(p.n_unknown, 1);
	iu_snapshot_free(s);
}

static void test_pick__low_port_of_an_ordinary_user__passed_over(void **state)
{
	struct inuse_snapshot *s = machine();
	uint16_t found[10];

	assert_int_equal(pick(s, "1022", 1022, 1030, 1, found, NULL), 1);
	assert_int_equal(found[0], 1024);
	iu_snapshot_free(s);
}

static void test_pick_automatic__reserved_ports__left_out_and_round(void **state)
{
	static const uint16_t expected[] = {40006, 40007, 40008, 40009, 40000, 40001, 40005};
	struct inuse_snapshot *s = machine();
	static uint16_t ports[65536];

	iu_snapshot_add_reserved(s, &(struct iu_range){40002, 40004});
	iu_snapshot_seal(s, NULL);
	assert_int_equal(iu_pick_automatic(iu_snapshot_facts(s), 3 + 7 * 5, ports), 7);
	assert_memory_equal(ports, expected, sizeof(expected));
	iu_snapshot_add_reserved(s, &(struct iu_range){1, 65535});
	iu_snapshot_seal(s, NULL);
	assert_int_equal(iu_pick_automatic(iu_snapshot_facts(s), 3, ports), 0);
	iu_snapshot_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pick__taken_ports__passed_over),
		cmocka_unit_test(test_pick__unknown_options__counted_not_offered),
		cmocka_unit_test(test_pick__port_not_covered__unknown),
		cmocka_unit_test(test_pick__low_port_of_an_ordinary_user__passed_over),
		cmocka_unit_test(test_pick_automatic__reserved_ports__left_out_and_round),
	};

	return cmocka_run_group_tests_name("pick", tests, NULL, NULL);
}
