/* SPDX-License-Identifier: MIT */
/* States by number, and how late the timer wheel may be. */
#include "support/check.h"

#include "host/linux_tcp.h"

#define MS INT64_C(1000000)

static void test_state_from_linux__every_number__its_state(void **state)
{
	assert_int_equal(iu_state_from_linux(1), INUSE_ESTABLISHED);
	assert_int_equal(iu_state_from_linux(2), INUSE_SYN_SENT);
	assert_int_equal(iu_state_from_linux(3), INUSE_SYN_RECV);
	assert_int_equal(iu_state_from_linux(4), INUSE_FIN_WAIT1);
	assert_int_equal(iu_state_from_linux(5), INUSE_FIN_WAIT2);
	assert_int_equal(iu_state_from_linux(6), INUSE_TIME_WAIT);
	assert_int_equal(iu_state_from_linux(7), INUSE_BOUND);
	assert_int_equal(iu_state_from_linux(8), INUSE_CLOSE_WAIT);
	assert_int_equal(iu_state_from_linux(9), INUSE_LAST_ACK);
	assert_int_equal(iu_state_from_linux(10), INUSE_LISTEN);
	assert_int_equal(iu_state_from_linux(11), INUSE_CLOSING);
	assert_int_equal(iu_state_from_linux(12), INUSE_SYN_RECV);
	assert_int_equal(iu_state_from_linux(0), INUSE_STATE_UNKNOWN);
	assert_int_equal(iu_state_from_linux(13), INUSE_STATE_UNKNOWN);
	assert_int_equal(iu_state_from_linux(~0u), INUSE_STATE_UNKNOWN);
}

static void test_wheel_step__60_s__as_measured_and_documented(void **state)
{
	assert_int_equal(iu_wheel_step_ns(IU_TIME_WAIT_NS, 250), 2048 * MS);
	assert_int_equal(iu_wheel_step_ns(IU_TIME_WAIT_NS, 100), 5120 * MS);
	assert_int_equal(iu_wheel_step_ns(IU_TIME_WAIT_NS, 1000), 4096 * MS);
	assert_int_equal(iu_wheel_step_ns(IU_TIME_WAIT_NS, 300), 512 * INT64_C(1000000000) / 300);
	assert_int_equal(iu_wheel_step_ns(IU_TIME_WAIT_NS, 0), 5120 * MS);
	assert_int_equal(iu_mini_slack_ns(250), 2048 * MS);
}

static void test_wheel_step__borders_of_the_levels__change_there(void **state)
{
	assert_int_equal(iu_wheel_step_ns(62 * MS, 1000), 1 * MS);
	assert_int_equal(iu_wheel_step_ns(63 * MS, 1000), 8 * MS);
	assert_int_equal(iu_wheel_step_ns(503 * MS, 1000), 8 * MS);
	assert_int_equal(iu_wheel_step_ns(504 * MS, 1000), 64 * MS);
	assert_int_equal(iu_wheel_step_ns(32255 * MS, 1000), 512 * MS);
	assert_int_equal(iu_wheel_step_ns(32256 * MS, 1000), 4096 * MS);
	assert_int_equal(iu_wheel_step_ns(0, 250), 4 * MS);
	assert_int_equal(iu_wheel_step_ns(-5, 250), 4 * MS);
	assert_int_equal(iu_wheel_step_ns(INT64_MAX, 1000), (INT64_C(1) << 24) * MS); /* the last level, no overflow */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_from_linux__every_number__its_state),
		cmocka_unit_test(test_wheel_step__60_s__as_measured_and_documented),
		cmocka_unit_test(test_wheel_step__borders_of_the_levels__change_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
