/* SPDX-License-Identifier: MIT */
/* Names: every value has one, it reads back, and what other tools call a state is understood. */
#include "support/check.h"

#include <string.h>

#include "say/names.h"

static void test_names__every_value__reads_back(void **state)
{
	const struct iu_name *const tables[] = {
		iu_names_state, iu_names_result,  iu_names_proto,   iu_names_call,    iu_names_outcome,
		iu_names_flag,  iu_names_known,   iu_names_missing, iu_names_feature,
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct iu_name *n = tables[i]; n->name != NULL; n++) {
			uint32_t value = ~0u;
			const char *name = iu_name_of(tables[i], n->value);

			assert_true(iu_name_find(tables[i], n->name, strlen(n->name), &value));
			assert_int_equal(value, n->value);
			assert_true(iu_name_find(tables[i], name, strlen(name), &value));
			assert_int_equal(value, n->value);
		}
	}
}

static void test_names__states__all_named_and_distinct(void **state)
{
	for (int i = 0; i < INUSE_N_STATES; i++) {
		if (i != INUSE_STATE_UNKNOWN)
			assert_string_not_equal(iu_json_state(i), "unknown");
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(iu_json_state(i), iu_json_state(j));
			assert_string_not_equal(iu_say_state(i), iu_say_state(j));
		}
	}
	assert_string_equal(iu_say_state(INUSE_TIME_WAIT), "TIME-WAIT");
	assert_string_equal(iu_say_state(INUSE_SYN_RECV), "SYN-RECEIVED");
	assert_string_equal(iu_say_state((enum inuse_state)99), "UNKNOWN");
	assert_string_equal(iu_json_state((enum inuse_state)99), "unknown");
	assert_string_equal(iu_say_result(INUSE_R_ADDRINUSE), "EADDRINUSE");
	for (int i = 0; i < INUSE_N_RESULTS; i++)
		assert_string_not_equal(iu_json_result(i), "unknown");
}

static void test_names_find__other_spellings__understood(void **state)
{
	static const struct {
		const char *name;
		enum inuse_state is;
	} rows[] = {
		{"TIME_WAIT", INUSE_TIME_WAIT},   {"Time-Wait", INUSE_TIME_WAIT},     {"timewait", INUSE_TIME_WAIT},
		{"ESTAB", INUSE_ESTABLISHED},     {"SYN_RECV", INUSE_SYN_RECV},       {"syn-received", INUSE_SYN_RECV},
		{"FIN_WAIT2", INUSE_FIN_WAIT2},   {"fin-wait-2", INUSE_FIN_WAIT2},    {"UNCONN", INUSE_BOUND},
		{"listening", INUSE_LISTEN},      {"CLOSE-WAIT", INUSE_CLOSE_WAIT},   {"closed", INUSE_BOUND},
	};
	uint32_t value;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(iu_name_find(iu_names_state, rows[i].name, strlen(rows[i].name), &value));
		assert_int_equal(value, rows[i].is);
	}
	assert_false(iu_name_find(iu_names_state, "time-waits", 10, &value));
	assert_false(iu_name_find(iu_names_state, "time", 4, &value));
	assert_false(iu_name_find(iu_names_state, "", 0, &value));
	assert_true(iu_name_find(iu_names_state, "listen,x", 6, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names__every_value__reads_back),
		cmocka_unit_test(test_names__states__all_named_and_distinct),
		cmocka_unit_test(test_names_find__other_spellings__understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
