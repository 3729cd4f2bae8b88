/* SPDX-License-Identifier: MIT */
/* Who closed first and where the TIME-WAIT is, from what was seen before and after; and the lines that tell it. */
#include "support/check.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "net/ending.h"

#define NONE INUSE_STATE_UNKNOWN

static const struct {
	const char *name;
	enum iu_net_how how;
	enum inuse_state before;
	bool peer_ended, looked;
	enum inuse_state here, there;
	enum iu_net_first first;
	enum iu_net_where where;
	bool settled;
	const char *says;
} rows[] = {
	/* looked up: the kernel has the last word */
	{"we first, done", IU_HOW_ORDERLY, INUSE_ESTABLISHED, true, true, INUSE_TIME_WAIT, NONE, IU_FIRST_US, IU_TW_HERE, true,
	 "this side closed first; TIME-WAIT is here"},
	{"we first, listener found at the peer", IU_HOW_ORDERLY, INUSE_ESTABLISHED, true, true, INUSE_TIME_WAIT, INUSE_LISTEN,
	 IU_FIRST_US, IU_TW_HERE, true, "TIME-WAIT is here"},
	{"we first, peer still open", IU_HOW_ORDERLY, INUSE_ESTABLISHED, false, true, INUSE_FIN_WAIT2, INUSE_CLOSE_WAIT,
	 IU_FIRST_US, IU_TW_LATER, false, "will be here when the peer has closed"},
	{"we first, late data reset it", IU_HOW_ORDERLY, INUSE_ESTABLISHED, false, true, INUSE_LISTEN, NONE, IU_FIRST_US,
	 IU_TW_NOWHERE, true, "TIME-WAIT is nowhere"},
	{"we first, connected again", IU_HOW_ORDERLY, INUSE_ESTABLISHED, true, true, INUSE_ESTABLISHED, INUSE_ESTABLISHED,
	 IU_FIRST_US, IU_TW_WAS_HERE, true, "connected again"},
	{"FINs crossed", IU_HOW_ORDERLY, INUSE_ESTABLISHED, true, true, NONE, INUSE_TIME_WAIT, IU_FIRST_PEER, IU_TW_PEER, true,
	 "the peer closed first; TIME-WAIT is at the peer"},
	{"peer first", IU_HOW_ORDERLY, INUSE_CLOSE_WAIT, true, true, NONE, INUSE_TIME_WAIT, IU_FIRST_PEER, IU_TW_PEER, true,
	 "the peer closed first; TIME-WAIT is at the peer"},
	{"peer first, our FIN under way", IU_HOW_ORDERLY, INUSE_CLOSE_WAIT, true, true, INUSE_LAST_ACK, NONE, IU_FIRST_PEER,
	 IU_TW_PEER, false, "the peer closed first"},
	{"peer first, peer keeps none", IU_HOW_ORDERLY, INUSE_CLOSE_WAIT, true, true, NONE, NONE, IU_FIRST_PEER, IU_TW_NOWHERE,
	 true, "the peer closed first; TIME-WAIT is nowhere"},
	/* not looked up: what the rules say */
	{"we first, believed", IU_HOW_ORDERLY, INUSE_ESTABLISHED, true, false, NONE, NONE, IU_FIRST_US, IU_TW_HERE, true,
	 "TIME-WAIT is here"},
	{"we first, peer unknown", IU_HOW_ORDERLY, INUSE_ESTABLISHED, false, false, NONE, NONE, IU_FIRST_US, IU_TW_LATER, true,
	 "will be here"},
	{"peer first, believed", IU_HOW_ORDERLY, INUSE_CLOSE_WAIT, true, false, NONE, NONE, IU_FIRST_PEER, IU_TW_PEER, true,
	 "at the peer"},
	{"not observed", IU_HOW_ORDERLY, NONE, true, false, NONE, NONE, IU_FIRST_NOBODY, IU_TW_UNKNOWN, true, "closed"},
	/* resets leave nothing, whatever is found (it is somebody else's) */
	{"we reset", IU_HOW_RESET_BY_US, INUSE_ESTABLISHED, false, true, INUSE_TIME_WAIT, NONE, IU_FIRST_US, IU_TW_NOWHERE, true,
	 "this side reset it; TIME-WAIT is nowhere (reset)"},
	{"peer closed, we reset", IU_HOW_RESET_BY_US, INUSE_CLOSE_WAIT, true, true, NONE, NONE, IU_FIRST_PEER, IU_TW_NOWHERE, true,
	 "the peer closed first and this side reset it"},
	{"peer reset", IU_HOW_RESET_BY_PEER, INUSE_BOUND, false, true, NONE, NONE, IU_FIRST_PEER, IU_TW_NOWHERE, true,
	 "the peer reset it; TIME-WAIT is nowhere (reset)"},
	{"we closed, peer reset", IU_HOW_RESET_BY_PEER, INUSE_ESTABLISHED, false, true, NONE, NONE, IU_FIRST_US, IU_TW_NOWHERE,
	 true, "this side closed first and the peer reset it"},
	{"broke", IU_HOW_FAILED, INUSE_BOUND, false, true, NONE, NONE, IU_FIRST_PEER, IU_TW_NOWHERE, true,
	 "the connection broke"},
};

static struct iu_net_ending an_ending(void)
{
	struct iu_net_ending e = {.bytes_in = 3, .bytes_out = 5, .took_ns = 1250000};

	assert_int_equal(inuse_addr_parse("127.0.0.1", &e.local, NULL), INUSE_OK);
	assert_int_equal(inuse_addr_parse("127.0.0.1", &e.remote, NULL), INUSE_OK);
	e.local.port = 12345;
	e.remote.port = 50514;
	return e;
}

static void test_ending_settle__each_case__who_and_where(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct iu_net_ending e = an_ending();
		bool settled;

		e.how = rows[i].how;
		e.before = rows[i].before;
		e.peer_ended = rows[i].peer_ended;
		settled = iu_ending_settle(&e, rows[i].looked, rows[i].here, rows[i].there);
		if (settled != rows[i].settled || e.first != rows[i].first || e.time_wait != rows[i].where ||
		    strstr(iu_ending_sentence(&e), rows[i].says) == NULL)
			fail_msg("%s: settled %d, first %d, where %d: %s", rows[i].name, settled, e.first, e.time_wait,
				 iu_ending_sentence(&e));
	}
}

static void test_ending_settle__peer_on_another_host__believed_to_follow_the_rule(void **state)
{
	struct iu_net_ending e = an_ending();

	assert_int_equal(inuse_addr_parse("192.0.2.1", &e.remote, NULL), INUSE_OK);
	e.before = INUSE_CLOSE_WAIT;
	e.peer_ended = true;
	assert_true(iu_ending_settle(&e, true, NONE, NONE));
	assert_int_equal(e.time_wait, IU_TW_PEER);
}

static void test_ending_line__round_or_server__one_line(void **state)
{
	struct iu_net_ending e = an_ending();
	struct iu_text t = {0};

	e.before = INUSE_ESTABLISHED;
	e.peer_ended = true;
	iu_ending_settle(&e, false, NONE, NONE);
	iu_ending_line(&t, &e, 2);
	assert_string_equal(t.data, "2: 127.0.0.1:12345 > 127.0.0.1:50514  1.25 ms  3 bytes in, 5 out  "
				    "this side closed first; TIME-WAIT is here\n");
	iu_text_done(&t);
	e.gave_up = true;
	iu_ending_line(&t, &e, 0);
	assert_string_equal(t.data, "127.0.0.1:50514  3 bytes in, 5 out  this side closed first; TIME-WAIT is here "
				    "(given up: the peer kept silent)\n");
	iu_text_done(&t);
	e.how = IU_HOW_FAILED;
	e.os_code = EHOSTUNREACH;
	e.gave_up = false;
	iu_ending_line(&t, &e, 0);
	assert_non_null(strstr(t.data, strerror(EHOSTUNREACH)));
	iu_text_done(&t);
}

static void test_ending_json__what_was_received__kept_and_marked(void **state)
{
	struct iu_net_ending e = an_ending();
	struct iu_text t = {0};
	json_t *line;

	e.before = INUSE_ESTABLISHED;
	e.how = IU_HOW_RESET_BY_US;
	iu_ending_settle(&e, false, NONE, NONE);
	iu_ending_json(&t, &e, 7, "a\"b", true);
	assert_false(t.failed);
	assert_ptr_equal(strchr(t.data, '\n'), t.data + t.len - 1);
	line = json_loads(t.data, 0, NULL);
	assert_non_null(line);
	assert_int_equal(json_integer_value(json_object_get(line, "schema")), 1);
	assert_int_equal(json_integer_value(json_object_get(line, "round")), 7);
	assert_string_equal(json_string_value(json_object_get(line, "received")), "a\"b");
	assert_true(json_is_true(json_object_get(line, "received_cut")));
	assert_string_equal(json_string_value(json_object_get(line, "closed_first")), "here");
	assert_string_equal(json_string_value(json_object_get(line, "reset_by")), "here");
	assert_string_equal(json_string_value(json_object_get(line, "time_wait")), "nowhere");
	assert_true(json_is_null(json_object_get(line, "os_code")));
	json_decref(line);
	iu_text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ending_settle__each_case__who_and_where),
		cmocka_unit_test(test_ending_settle__peer_on_another_host__believed_to_follow_the_rule),
		cmocka_unit_test(test_ending_line__round_or_server__one_line),
		cmocka_unit_test(test_ending_json__what_was_received__kept_and_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
