/* SPDX-License-Identifier: MIT */
/* The profiles that come from documents: every cell of Microsoft's tables, and what FreeBSD and macOS do otherwise. */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "model/judge.h"
#include "say/say.h"
#include "support/certain.h"

/* As on the page: rows the first bind, columns the second; W wildcard, S the same specific address. */
static const char *const options[] = {"def W", "def S", "reuse W", "reuse S", "excl W", "excl S"};
static const char *const same_user[] = {"IN OK AC OK IN OK", "OK IN OK AC IN IN", "IN OK OK OK IN OK",
					"OK IN OK OK IN IN", "IN AC AC AC IN AC", "OK IN OK AC IN IN"};
static const char *const other_user[] = {"IN AC AC AC IN AC", "OK IN OK AC IN IN", "IN AC OK OK IN AC",
					 "OK IN OK OK IN IN", "IN AC AC AC IN AC", "OK IN OK AC IN IN"};

static uint32_t flags_of(int option)
{
	return option / 2 == 1 ? INUSE_REUSEADDR : option / 2 == 2 ? INUSE_EXCLUSIVE : 0;
}

static struct inuse_addr addr_of(int option)
{
	struct inuse_addr a = {.family = 4, .port = 5000};

	if (option % 2 == 1) {
		a.ip[0] = 127;
		a.ip[3] = 1;
	}
	return a;
}

static struct inuse_verdict judge(const char *os, const struct inuse_socket *o, const struct inuse_request *r)
{
	struct iu_local lo = {.addr = {.family = 4, .ip = {127}}, .prefix_len = 8, .device = 1};
	struct iu_facts f = {.sockets = o, .n_sockets = o ? 1 : 0, .locals = &lo, .n_locals = 1, .locals_known = true,
			     .settings_known = UINT32_MAX, .buckets_known = true};
	struct inuse_verdict v;

	f.settings[IU_SET_UNPRIVILEGED_PORT_START] = 1024;
	f.os = strcmp(os, "windows") == 0 ? IU_SYSTEM_windows : IU_SYSTEM_linux;
	certain_assert(os, iu_profile_find(os), &f, r, &(struct iu_caller){0});
	iu_judge(iu_profile_find(os), &f, r, &v);
	return v;
}

static const char *short_name(const struct inuse_verdict *v)
{
	if (v->outcome == INUSE_CANNOT_TELL)
		return "??";
	return v->outcome == INUSE_GO ? "OK" : v->result == INUSE_R_ACCES ? "AC" : v->result == INUSE_R_ADDRINUSE ? "IN" : "!!";
}

static void check_table(const char *const *table, uint32_t second_uid)
{
	for (int first = 0; first < 6; first++)
		for (int second = 0; second < 6; second++) {
			struct inuse_socket o = {.state = INUSE_LISTEN, .family = 4, .known = UINT32_MAX & ~(uint32_t)INUSE_KNOW_OWNER,
						 .uid = 1, .count = 1, .local = addr_of(first), .flags = flags_of(first)};
			struct inuse_request r = INUSE_REQUEST_INIT;
			struct inuse_verdict v;

			r.local = addr_of(second);
			r.flags = flags_of(second);
			r.uid = second_uid;
			v = judge("windows", &o, &r);
			if (memcmp(short_name(&v), table[first] + 3 * second, 2) != 0)
				fail_msg("%s, then %s: %s instead of %.2s", options[first], options[second], short_name(&v),
					 table[first] + 3 * second);
		}
}

static void test_windows__every_cell_same_user__as_documented(void **state)
{
	check_table(same_user, 1);
}

static void test_windows__every_cell_other_user__as_documented(void **state)
{
	check_table(other_user, 2);
}

/* Windows shows nobody the options of another socket: certain only where all cells agree. */
static void test_windows__options_hidden__certain_where_the_table_leaves_one_answer(void **state)
{
	struct inuse_socket o = {.state = INUSE_LISTEN, .family = 4, .known = INUSE_KNOW_DEVICE, .count = 1, .local = addr_of(0)};
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct inuse_verdict v;

	r.local = addr_of(0); /* wildcard on wildcard, no option: 10048 in all of them */
	v = judge("windows", &o, &r);
	assert_string_equal(short_name(&v), "IN");
	r.flags = INUSE_REUSEADDR;
	v = judge("windows", &o, &r);
	assert_string_equal(short_name(&v), "??");
	assert_true((v.missing & INUSE_MISSING_REUSEADDR) != 0);
}

static void test_windows__fixed_port_in_time_wait__in_use_at_connect(void **state)
{
	struct inuse_socket o = {.state = INUSE_TIME_WAIT, .mini = true, .family = 4, .known = UINT32_MAX, .count = 1,
				 .flags = INUSE_REUSEADDR | INUSE_TIMESTAMPS, .local = addr_of(1), .remote = addr_of(1)};
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct inuse_verdict v;

	o.remote.port = 6000;
	r.call = INUSE_CALL_CONNECT;
	r.local = addr_of(1);
	r.remote = o.remote;
	r.flags = INUSE_REUSEADDR;
	v = judge("windows", &o, &r);
	/* bind() at a TIME-WAIT is in no document; connect() is: whatever bind() says, it does not succeed */
	assert_int_not_equal(v.outcome, INUSE_GO);
	o.local.port = 5001; /* another 4-tuple */
	v = judge("linux", &o, &r);
	assert_string_equal(v.rule, "nobody-listens");
}

/* There SO_REUSEADDR takes a port from whoever has it, and SO_REUSEPORT does not exist: neither is ever advised. */
static void test_windows__port_taken__no_option_advised(void **state)
{
	static const enum inuse_state states[] = {INUSE_LISTEN, INUSE_BOUND};
	static const struct iu_local lo = {.addr = {.family = 4, .ip = {127}}, .prefix_len = 8, .device = 1};
	struct inuse_request r = INUSE_REQUEST_INIT;

	r.local = addr_of(1);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct inuse_socket o = {.state = states[i], .family = 4, .known = UINT32_MAX, .count = 1,
					 .flags = INUSE_REUSEADDR, .local = addr_of(1)};
		struct iu_facts f = {.sockets = &o, .n_sockets = 1, .os = IU_SYSTEM_windows, .settings_known = UINT32_MAX,
				     .buckets_known = true, .locals = &lo, .n_locals = 1, .locals_known = true};
		struct inuse_verdict v;

		iu_judge(iu_profile_find("windows"), &f, &r, &v);
		assert_int_equal(v.outcome, INUSE_FAIL);
		for (uint32_t k = 0; k < v.n_cures; k++)
			assert_null(strstr(v.cures[k].id, "reuse"));
		r.flags = INUSE_REUSEADDR;
		iu_judge_bare(iu_profile_find("windows"), &f, &r, NULL, &v);
		assert_int_equal(v.outcome, INUSE_GO); /* it would "help" */
		r.flags = 0;
	}
}

static void test_freebsd__reuseaddr_on_the_new_one__enough(void **state)
{
	struct inuse_socket o = {.state = INUSE_TIME_WAIT, .mini = true, .family = 4, .known = UINT32_MAX, .count = 1,
				 .local = addr_of(1), .remote = addr_of(1)};
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct inuse_verdict v;

	r.local = addr_of(0);
	v = judge("freebsd", &o, &r);
	assert_string_equal(short_name(&v), "IN");
	r.flags = INUSE_REUSEADDR;
	v = judge("freebsd", &o, &r);
	assert_string_equal(short_name(&v), "OK");
	o.mini = false; /* a listener on 127.0.0.1, the new one on the wildcard: side by side */
	o.state = INUSE_LISTEN;
	v = judge("freebsd", &o, &r);
	assert_string_equal(short_name(&v), "OK");
	r.local = addr_of(1);
	v = judge("freebsd", &o, &r);
	assert_string_equal(short_name(&v), "IN");
}

static void test_macos__low_port_and_other_user__its_own_rules(void **state)
{
	struct inuse_socket o = {.state = INUSE_ESTABLISHED, .family = 4, .known = UINT32_MAX, .count = 1, .uid = 1,
				 .local = addr_of(1), .remote = addr_of(1)};
	struct inuse_request r = INUSE_REQUEST_INIT;
	struct inuse_verdict v;

	r.uid = 2;
	r.may_bind_low = INUSE_NO;
	r.local = addr_of(1);
	r.local.port = 80;
	v = judge("macos", NULL, &r);
	assert_string_equal(short_name(&v), "AC");
	r.local = addr_of(0);
	r.local.port = 80;
	v = judge("macos", NULL, &r);
	assert_string_equal(short_name(&v), "OK");
	/* even a connection of another user is in the way, unless the caller is root */
	r.flags = INUSE_REUSEADDR;
	r.local.port = 5000;
	v = judge("macos", &o, &r);
	assert_string_equal(short_name(&v), "IN");
	v = judge("freebsd", &o, &r);
	assert_string_equal(short_name(&v), "OK");
	r.uid = 0;
	v = judge("macos", &o, &r);
	assert_string_equal(short_name(&v), "OK");
	/* whose TIME-WAIT was is not seen */
	r.uid = 2;
	o.state = INUSE_TIME_WAIT;
	o.mini = true;
	v = judge("macos", &o, &r);
	assert_string_equal(short_name(&v), "??");
	assert_int_equal(v.missing, INUSE_MISSING_UID);
	/* both on all addresses: the options alone count */
	o = (struct inuse_socket){.state = INUSE_BOUND, .family = 4, .known = UINT32_MAX, .count = 1, .uid = 1, .local = addr_of(0)};
	r.flags = INUSE_REUSEPORT;
	o.flags = INUSE_REUSEPORT;
	v = judge("macos", &o, &r);
	assert_string_equal(short_name(&v), "OK");
	v = judge("freebsd", &o, &r);
	assert_string_equal(short_name(&v), "IN");
}

/* Every cause, cure and rule of every system has its words. */
static void test_tables__every_id__worded(void **state)
{
	const struct iu_profile *p;
	const struct iu_cause *causes;
	const struct iu_cure *cures;
	size_t n;

	causes = iu_causes(&n);
	for (size_t i = 0; i < n; i++)
		if (iu_words_of_cause(causes[i].id) == NULL || iu_words_of_cause(causes[i].id)->headline == NULL)
			fail_msg("cause %s has no words", causes[i].id);
	cures = iu_cures(&n);
	for (size_t i = 0; i < n; i++)
		if (iu_words_of_cure(cures[i].id) == NULL)
			fail_msg("cure %s has no words", cures[i].id);
	for (size_t os = 0; (p = iu_profile_at(os)) != NULL; os++) {
		for (size_t i = 0; i < p->n_calls; i++)
			if (iu_words_of_rule(p, p->calls[i].id) == NULL)
				fail_msg("%s: rule %s has no words", p->name, p->calls[i].id);
		for (size_t i = 0; i < p->n_owners; i++)
			if (iu_words_of_rule(p, p->owners[i].id) == NULL || p->owners[i].ref == NULL)
				fail_msg("%s: rule %s has no words or no source", p->name, p->owners[i].id);
	}
	assert_null(iu_profile_find("nosuch"));
}

/* A rule that another system shares with Linux by name is not told in words of Linux. */
static void test_rules_elsewhere__told__nothing_of_linux(void **state)
{
	static const char *const of_linux[] = {"net.ipv4.", "CAP_", "ip_nonlocal_bind", "IP_FREEBIND", "TCP_REPAIR", "received timestamps", "on both, and the user"};
	const struct iu_profile *p;

	for (size_t os = 0; (p = iu_profile_at(os)) != NULL; os++)
		for (size_t i = 0; p->documented && i < p->n_calls + p->n_owners; i++) {
			const char *id = i < p->n_calls ? p->calls[i].id : p->owners[i - p->n_calls].id;
			const char *said = iu_words_of_rule(p, id)->headline;

			for (size_t k = 0; k < sizeof(of_linux) / sizeof(of_linux[0]); k++)
				if (strstr(said, of_linux[k]) != NULL)
					fail_msg("%s: rule %s says \"%s\"", p->name, id, said);
		}
	assert_string_not_equal(iu_words_of_rule(iu_profile_find("freebsd"), "tuple-time-wait")->headline,
				iu_words_of_rule(iu_profile_find("linux"), "tuple-time-wait")->headline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows__every_cell_same_user__as_documented),
		cmocka_unit_test(test_windows__every_cell_other_user__as_documented),
		cmocka_unit_test(test_windows__options_hidden__certain_where_the_table_leaves_one_answer),
		cmocka_unit_test(test_windows__fixed_port_in_time_wait__in_use_at_connect),
		cmocka_unit_test(test_windows__port_taken__no_option_advised),
		cmocka_unit_test(test_freebsd__reuseaddr_on_the_new_one__enough),
		cmocka_unit_test(test_macos__low_port_and_other_user__its_own_rules),
		cmocka_unit_test(test_tables__every_id__worded),
		cmocka_unit_test(test_rules_elsewhere__told__nothing_of_linux),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
