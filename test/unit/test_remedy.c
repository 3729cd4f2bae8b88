/* SPDX-License-Identifier: MIT */
/* What is done next about a failing call; and how advice is understood. */
#include <stdlib.h>
#include <string.h>

#include "supervise/remedy.h"
#include "supervise/run.h"
#include "support/check.h"

#define S INT64_C(1000000000)

static void test_remedy__table(void **state)
{
	static const struct {
		const char *what;
		struct iu_remedy remedy;
		struct iu_advice advice;
		enum iu_remedy_step step;
		int64_t ns;
	} rows[] = {
		{"nothing allowed", {0, 65, false, false}, {.judged = true, .reuseaddr_helps = true, .wait_ns = S, .cleared = true}, IU_REMEDY_GIVE_UP, 0},
		{"not judged", {7, 65, false, false}, {.wait_ns = S, .reuseaddr_helps = true}, IU_REMEDY_GIVE_UP, 0},
		{"reuseaddr first", {7, 65, false, false}, {.judged = true, .reuseaddr_helps = true, .wait_ns = S, .cleared = true}, IU_REMEDY_REUSEADDR, 0},
		{"it was tried", {7, 65, true, false}, {.judged = true, .reuseaddr_helps = true, .wait_ns = S, .cleared = true}, IU_REMEDY_AGAIN, 0},
		{"that, too", {7, 65, true, true}, {.judged = true, .reuseaddr_helps = true, .wait_ns = S, .cleared = true}, IU_REMEDY_WAIT, 3 * S},
		{"nothing evicted", {7, 65, false, false}, {.judged = true, .wait_ns = 60 * S, .slack_ns = 2 * S}, IU_REMEDY_WAIT, 64 * S},
		{"not beyond the limit", {IU_FIX_WAIT, 61, false, false}, {.judged = true, .wait_ns = 60 * S, .slack_ns = 2 * S}, IU_REMEDY_WAIT, 61 * S},
		{"too long", {IU_FIX_WAIT, 5, false, false}, {.judged = true, .wait_ns = 6 * S}, IU_REMEDY_GIVE_UP, 0},
		{"not by itself", {7, 65, false, false}, {.judged = true, .wait_ns = -1}, IU_REMEDY_GIVE_UP, 0},
		{"waiting not allowed", {IU_FIX_REUSEADDR | IU_FIX_EVICT, 65, false, false}, {.judged = true, .wait_ns = S}, IU_REMEDY_GIVE_UP, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ns = -1;
		enum iu_remedy_step step = iu_remedy_next(&rows[i].remedy, &rows[i].advice, &ns);

		if (step != rows[i].step || ns != rows[i].ns)
			fail_msg("%s: step %d, %lld ns", rows[i].what, (int)step, (long long)ns);
	}
}

static void test_advice__cut_or_lying__refused(void **state)
{
	struct iu_advice advice = {.judged = true, .text_len = 5, .json_len = 2}, got;
	char bytes[sizeof(advice) + 7], *text, *json;

	memset(advice.cause, 'x', sizeof(advice.cause)); /* no NUL */
	memcpy(bytes, &advice, sizeof(advice));
	memcpy(bytes + sizeof(advice), "hello{}", 7);
	for (size_t len = 0; len < sizeof(bytes); len++) {
		assert_false(iu_advice_read(bytes, len, &got, &text, &json));
		assert_null(text);
		assert_null(json);
	}
	assert_true(iu_advice_read(bytes, sizeof(bytes), &got, &text, &json));
	assert_string_equal(text, "hello");
	assert_string_equal(json, "{}");
	assert_int_equal(strlen(got.cause), sizeof(got.cause) - 1);
	free(text);
	free(json);
	advice.text_len = UINT32_MAX;
	advice.json_len = 8;
	memcpy(bytes, &advice, sizeof(advice));
	assert_false(iu_advice_read(bytes, sizeof(bytes), &got, &text, &json));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remedy__table),
		cmocka_unit_test(test_advice__cut_or_lying__refused),
	};

	return cmocka_run_group_tests_name("remedy", tests, NULL, NULL);
}
