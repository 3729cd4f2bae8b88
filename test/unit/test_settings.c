/* SPDX-License-Identifier: MIT */
/* The text of /proc/sys, kernel releases and what follows from them. */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "host/settings.h"

static void test_settings_number__text_of_proc_sys__read_or_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned index;
		bool good;
		int64_t value;
	} rows[] = {
		{"1\n", 0, true, 1},
		{"32768\t60999\n", 0, true, 32768},
		{"32768\t60999\n", 1, true, 60999},
		{"  7", 0, true, 7},
		{"-1\n", 0, true, -1},
		{"9223372036854775807", 0, true, INT64_MAX},
		{"1\n", 1, false, 0},
		{"", 0, false, 0},
		{"\n", 0, false, 0},
		{"-\n", 0, false, 0},
		{"1 x\n", 0, false, 0},
		{"1x\n", 0, false, 0},
		{"9223372036854775808", 0, false, 0},
		{"0x10", 0, false, 0},
		{"+1", 0, false, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t value = 42;
		bool good = iu_settings_number(rows[i].text, strlen(rows[i].text), rows[i].index, &value);

		if (good != rows[i].good || value != (good ? rows[i].value : 42))
			fail_msg("\"%s\": %d, %lld", rows[i].text, good, (long long)value);
	}
}

/* All ranges as "first-last " and END or BAD. */
static const char *ranges_of(const char *text, char *buf, size_t size)
{
	const char *at = text, *end = text + strlen(text);
	enum iu_range_step step;
	struct iu_range r;
	size_t len = 0;

	while ((step = iu_settings_next_range(&at, end, &r)) == IU_RANGE_ONE)
		len += (size_t)snprintf(buf + len, size - len, "%u-%u ", r.first, r.last);
	snprintf(buf + len, size - len, step == IU_RANGE_END ? "END" : "BAD");
	return buf;
}

static void test_settings_ranges__reserved_ports__read_or_refused(void **state)
{
	char buf[256];

	assert_string_equal(ranges_of("1-5,8\n", buf, sizeof(buf)), "1-5 8-8 END");
	assert_string_equal(ranges_of("\n", buf, sizeof(buf)), "END");
	assert_string_equal(ranges_of("", buf, sizeof(buf)), "END");
	assert_string_equal(ranges_of("65535", buf, sizeof(buf)), "65535-65535 END");
	assert_string_equal(ranges_of("8080,9148", buf, sizeof(buf)), "8080-8080 9148-9148 END");
	assert_string_equal(ranges_of("1,65536\n", buf, sizeof(buf)), "1-1 BAD");
	assert_string_equal(ranges_of("5-1\n", buf, sizeof(buf)), "BAD");
	assert_string_equal(ranges_of("1-\n", buf, sizeof(buf)), "BAD");
	assert_string_equal(ranges_of("-1\n", buf, sizeof(buf)), "BAD");
	assert_string_equal(ranges_of(",1\n", buf, sizeof(buf)), "BAD");
	assert_string_equal(ranges_of("1-2-3\n", buf, sizeof(buf)), "BAD");
}

static void test_kernel_from_release__as_distributions_write_it__major_and_minor(void **state)
{
	assert_int_equal(iu_kernel_from_release("6.18.44-fc-v657"), IU_KERNEL(6, 18));
	assert_int_equal(iu_kernel_from_release("6.1.0-13-amd64"), IU_KERNEL(6, 1));
	assert_int_equal(iu_kernel_from_release("6.14-rc2"), IU_KERNEL(6, 14));
	assert_int_equal(iu_kernel_from_release("5.15"), IU_KERNEL(5, 15));
	assert_int_equal(iu_kernel_from_release(""), 0);
	assert_int_equal(iu_kernel_from_release("6"), 0);
	assert_int_equal(iu_kernel_from_release("6."), 0);
	assert_int_equal(iu_kernel_from_release("x.y"), 0);
}

static void test_features_from_version__each_border__appears_there(void **state)
{
	assert_int_equal(iu_features_from_version(0), 0);
	assert_int_equal(iu_features_from_version(IU_KERNEL(5, 19)), 0);
	assert_int_equal(iu_features_from_version(IU_KERNEL(6, 0)), IU_FEATURE_TW_DESTROY);
	assert_int_equal(iu_features_from_version(IU_KERNEL(6, 7)), IU_FEATURE_TW_DESTROY | IU_FEATURE_BHASH2);
	assert_true(iu_features_from_version(IU_KERNEL(6, 8)) & IU_FEATURE_OWNERS_BY_ADDR);
	assert_false(iu_features_from_version(IU_KERNEL(6, 13)) & IU_FEATURE_TW_DELAY);
	assert_true(iu_features_from_version(IU_KERNEL(6, 14)) & IU_FEATURE_TW_DELAY);
	assert_false(iu_features_from_version(IU_KERNEL(6, 17)) & IU_FEATURE_CONNECT_BIND);
	assert_true(iu_features_from_version(IU_KERNEL(7, 0)) & IU_FEATURE_CONNECT_BIND);
}

static void test_settings_fallback__file_missing__certain_only_on_older_kernels(void **state)
{
	assert_true(iu_settings_fallback_holds(IU_SET_TW_REUSE_DELAY, IU_KERNEL(6, 13), true));
	assert_false(iu_settings_fallback_holds(IU_SET_TW_REUSE_DELAY, IU_KERNEL(6, 14), true));
	assert_false(iu_settings_fallback_holds(IU_SET_TW_REUSE_DELAY, 0, true));
	assert_false(iu_settings_fallback_holds(IU_SET_TW_REUSE, IU_KERNEL(3, 2), true));
	assert_true(iu_settings_fallback_holds(IU_SET_IPV6, IU_KERNEL(6, 18), false));
	assert_false(iu_settings_fallback_holds(IU_SET_IPV6, IU_KERNEL(6, 18), true));
	assert_true(iu_settings_fallback_holds(IU_SET_BINDV6ONLY, IU_KERNEL(6, 18), false));
	assert_false(iu_settings_fallback_holds(IU_SET_TIMESTAMPS, IU_KERNEL(6, 18), false));
}

static void test_hz_from_resolution__of_the_coarse_clock__ticks(void **state)
{
	assert_int_equal(iu_hz_from_resolution(4000000), 250);
	assert_int_equal(iu_hz_from_resolution(1000000), 1000);
	assert_int_equal(iu_hz_from_resolution(999848), 1000);
	assert_int_equal(iu_hz_from_resolution(3333333), 300);
	assert_int_equal(iu_hz_from_resolution(10000000), 100);
	assert_int_equal(iu_hz_from_resolution(0), 0);
	assert_int_equal(iu_hz_from_resolution(-1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings_number__text_of_proc_sys__read_or_refused),
		cmocka_unit_test(test_settings_ranges__reserved_ports__read_or_refused),
		cmocka_unit_test(test_kernel_from_release__as_distributions_write_it__major_and_minor),
		cmocka_unit_test(test_features_from_version__each_border__appears_there),
		cmocka_unit_test(test_settings_fallback__file_missing__certain_only_on_older_kernels),
		cmocka_unit_test(test_hz_from_resolution__of_the_coarse_clock__ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
