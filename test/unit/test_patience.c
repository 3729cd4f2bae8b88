/* SPDX-License-Identifier: MIT */
/* When to look again: the known moment, the event, and the looks that grow rare. */
#include "cli/patience.h"

#include "support/check.h"

#define S (1000 * IU_PATIENCE_MS)

static struct inuse_verdict in_use(int64_t free_at_ns, int64_t slack_ns)
{
	return (struct inuse_verdict){.size = sizeof(struct inuse_verdict),
				      .outcome = INUSE_FAIL,
				      .step = INUSE_CALL_BIND,
				      .result = INUSE_R_ADDRINUSE,
				      .n_blockers = 1,
				      .free_at_ns = free_at_ns,
				      .free_slack_ns = slack_ns};
}

static void test_patience__known_moment__slept_until(void **state)
{
	struct iu_patience p = {100 * S, 100 * S, 0};
	struct inuse_verdict v = in_use(120 * S, 0);

	assert_in_range(iu_patience_next(&p, &v, true), 120 * S + 1, 120 * S + 20 * IU_PATIENCE_MS);
	assert_in_range(iu_patience_next(&p, &v, false), 120 * S + 1, 120 * S + 20 * IU_PATIENCE_MS);
}

static void test_patience__far_moment__one_look_on_the_way(void **state)
{
	struct iu_patience p = {100 * S, 100 * S, 0};
	struct inuse_verdict v = in_use(160 * S, 0);

	assert_int_equal(iu_patience_next(&p, &v, true), 130 * S);
}

/* Looks from began_ns on until end_ns, each when it is due. */
static unsigned count_looks(const struct inuse_verdict *v, bool told, int64_t began_ns, int64_t end_ns)
{
	struct iu_patience p = {began_ns, began_ns, 0};
	unsigned n = 0;

	while (p.looked_ns < end_ns && n < 100000) {
		int64_t next = iu_patience_next(&p, v, told);

		assert_true(next > p.looked_ns);
		iu_patience_looked(&p, next, false);
		n++;
	}
	return n;
}

static void test_patience__timer_within_its_slack__a_few_looks(void **state)
{
	struct inuse_verdict v = in_use(20 * S, 2 * S);

	assert_in_range(count_looks(&v, true, 10 * S, 22 * S), 4, 14);
}

/* A TIME-WAIT on Windows: it may go now, or any time within minutes. */
static void test_patience__it_may_begin_to_go_now__looks_twice_a_second(void **state)
{
	struct iu_patience p = {100 * S, 100 * S, 0};
	struct inuse_verdict v = in_use(100 * S, 240 * S);

	v.now_ns = 100 * S;
	assert_int_equal(iu_patience_next(&p, &v, false), 100 * S + 500 * IU_PATIENCE_MS);
}

static void test_patience__nothing_tells__looks_grow_rare(void **state)
{
	struct inuse_verdict v = in_use(0, 0);

	assert_in_range(count_looks(&v, false, 5 * S, 6 * S), 5, 30);
	/* an hour: one every 2 s, and the first ones */
	assert_in_range(count_looks(&v, false, 5 * S, 3605 * S), 1800, 1900);
}

static void test_patience__something_tells__looks_are_two_a_minute(void **state)
{
	struct inuse_verdict v = in_use(0, 0);

	assert_int_equal(count_looks(&v, true, 5 * S, 3605 * S), 120);
}

static void test_patience__event__looked_at_once(void **state)
{
	struct iu_patience p = {100 * S, 100 * S, 0};

	assert_true(iu_patience_after_event(&p) <= 100 * S);
}

static void test_patience__storm_of_events__looks_stay_few(void **state)
{
	struct iu_patience p = {100 * S, 100 * S, 0};
	unsigned n = 0;

	for (int64_t now = 100 * S; now < 160 * S; now += IU_PATIENCE_MS)
		if (now >= iu_patience_after_event(&p)) {
			iu_patience_looked(&p, now, true);
			n++;
		}
	assert_in_range(n, 20, 45);
	/* an event after a quiet time is worth a look at once */
	iu_patience_looked(&p, 200 * S, true);
	assert_true(iu_patience_after_event(&p) <= 200 * S);
}

static void test_patience__hopeless__what_waiting_does_not_change(void **state)
{
	struct inuse_verdict low = in_use(0, 0), seen = in_use(0, 0), unknown = in_use(0, 0), route = in_use(0, 0);

	assert_false(iu_patience_is_hopeless(&low, false));
	low.result = INUSE_R_ACCES;
	assert_true(iu_patience_is_hopeless(&low, false));
	route.result = INUSE_R_ACCES;
	route.step = INUSE_CALL_CONNECT;
	assert_false(iu_patience_is_hopeless(&route, false));
	seen.outcome = INUSE_GO;
	seen.as_far_as_seen = true;
	assert_false(iu_patience_is_hopeless(&seen, false));
	assert_true(iu_patience_is_hopeless(&seen, true));
	unknown.outcome = INUSE_CANNOT_TELL;
	assert_false(iu_patience_is_hopeless(&unknown, false));
	unknown.n_blockers = 0;
	assert_true(iu_patience_is_hopeless(&unknown, false));
	unknown.missing = INUSE_MISSING_PARTIAL;
	assert_false(iu_patience_is_hopeless(&unknown, false));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patience__known_moment__slept_until),
		cmocka_unit_test(test_patience__far_moment__one_look_on_the_way),
		cmocka_unit_test(test_patience__timer_within_its_slack__a_few_looks),
		cmocka_unit_test(test_patience__it_may_begin_to_go_now__looks_twice_a_second),
		cmocka_unit_test(test_patience__nothing_tells__looks_grow_rare),
		cmocka_unit_test(test_patience__something_tells__looks_are_two_a_minute),
		cmocka_unit_test(test_patience__event__looked_at_once),
		cmocka_unit_test(test_patience__storm_of_events__looks_stay_few),
		cmocka_unit_test(test_patience__hopeless__what_waiting_does_not_change),
	};

	return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
