/* SPDX-License-Identifier: MIT */
/* The bar of something that takes long. */
#include <string.h>

#include "cli/countdown.h"
#include "support/check.h"

static void test_bar__begin_middle_end(void **state)
{
	char bar[IU_BAR_TEXT];

	assert_string_equal(iu_countdown_bar(0, 1000000, bar), "--------------------   0 %");
	assert_string_equal(iu_countdown_bar(450000, 1000000, bar), "#########-----------  45 %");
	assert_string_equal(iu_countdown_bar(1, 1, bar), "#################### 100 %");
	/* more than fits into 32 bits */
	assert_string_equal(iu_countdown_bar(UINT64_MAX / 2, UINT64_MAX, bar), "##########----------  50 %");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bar__begin_middle_end),
	};

	return cmocka_run_group_tests_name("countdown", tests, NULL, NULL);
}
