/* SPDX-License-Identifier: MIT */
/* What is told after a call has failed, where the system shows less than would be needed to foresee it: Windows above all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/explain.h"
#include "support/certain.h"
#include "support/check.h"

/* An answer on a Windows host with this listener, or none, to a server on all addresses with these options. */
static struct inuse_answer *ask(const struct inuse_socket *socket, uint32_t flags)
{
	static struct iu_local lo = {.addr = {.family = 4, .ip = {127}}, .prefix_len = 8};
	static struct iu_facts facts;
	static struct inuse_answer answer;
	struct inuse_request request = INUSE_REQUEST_INIT;

	facts = (struct iu_facts){.sockets = socket, .n_sockets = socket != NULL, .locals = &lo, .n_locals = 1, .locals_known = true,
				  .os = IU_SYSTEM_windows, .unseen = INUSE_MISSING_BOUND};
	answer = (struct inuse_answer){.facts = &facts, .asked = "5000/tcp", .again = "5000"};
	request.call = INUSE_CALL_LISTEN;
	request.local = (struct inuse_addr){.family = 4, .port = 5000};
	request.flags = flags;
	certain_assert("Windows", &iu_profile_windows, &facts, &request, &(struct iu_caller){0});
	iu_answer_judge(&answer, &request, 1);
	return &answer;
}

static const struct inuse_socket listener = {.state = INUSE_LISTEN, .family = 4, .count = 1, .local = {.family = 4, .port = 5000}};

static void check_text(const struct inuse_answer *answer, int os_code, const char *shown, const char *not_shown)
{
	struct inuse_error none = {0};
	char *text = iu_explain_text(answer, &none, os_code, 0);

	if (strstr(text, shown) == NULL || (not_shown != NULL && strstr(text, not_shown) != NULL))
		fail_msg("%s", text);
	free(text);
}

static void test_windows__no_socket_and_10013__the_likely_excluded_range_and_the_command(void **state)
{
	struct inuse_answer *answer = ask(NULL, INUSE_EXCLUSIVE);

	assert_int_equal(inuse_answer_deciding(answer)->outcome, INUSE_GO);
	check_text(answer, EACCES, "netsh int ipv4 show excludedportrange protocol=tcp", "By now nothing");
	check_text(answer, EADDRINUSE, "By now nothing", "netsh");
}

static void test_linux__no_socket_and_refused__the_call_itself_is_forbidden(void **state)
{
	struct inuse_answer *answer = ask(NULL, 0);
	static struct iu_facts on_linux;

	on_linux = *answer->facts;
	on_linux.os = IU_SYSTEM_linux;
	answer->facts = &on_linux;
	check_text(answer, EPERM, "the call itself is forbidden here", "By now nothing");
	check_text(answer, EACCES, "the call itself is forbidden here", "By now nothing");
	check_text(answer, EADDRINUSE, "By now nothing", "forbidden");
}

/* Which cell of the table it is was hidden; the call has told. */
static void test_windows__options_hidden_and_10013__shared_with_nobody(void **state)
{
	struct inuse_answer *answer = ask(&listener, INUSE_REUSEADDR);

	assert_int_equal(inuse_answer_deciding(answer)->outcome, INUSE_CANNOT_TELL);
	iu_explain_settle(answer, EACCES);
	assert_int_equal(inuse_answer_deciding(answer)->outcome, INUSE_FAIL);
	assert_int_equal(inuse_answer_deciding(answer)->result, INUSE_R_ACCES);
	assert_string_equal(inuse_answer_deciding(answer)->cause, "windows-exclusive");
	check_text(answer, EACCES, "belongs to another user", "CANNOT TELL");
	check_text(answer, EACCES, "bind() says WSAEACCES (10013).", NULL);
}

static void test_windows__options_hidden_and_10048__in_use(void **state)
{
	struct inuse_answer *answer = ask(&listener, INUSE_REUSEADDR);

	iu_explain_settle(answer, EADDRINUSE);
	assert_int_equal(inuse_answer_deciding(answer)->result, INUSE_R_ADDRINUSE);
	check_text(answer, EADDRINUSE, "WSAEADDRINUSE (10048)", "CANNOT TELL");
}

/* What was certain stays, and so does what no error of bind() is. */
static void test_windows__nothing_to_settle__unchanged(void **state)
{
	struct inuse_answer *answer = ask(&listener, 0);

	assert_int_equal(inuse_answer_deciding(answer)->outcome, INUSE_FAIL);
	iu_explain_settle(answer, EACCES);
	assert_int_equal(inuse_answer_deciding(answer)->result, INUSE_R_ADDRINUSE);
	answer = ask(&listener, INUSE_REUSEADDR);
	iu_explain_settle(answer, ETIMEDOUT);
	assert_int_equal(inuse_answer_deciding(answer)->outcome, INUSE_CANNOT_TELL);
}

static void test_linux__another_error__nothing_is_settled(void **state)
{
	struct inuse_answer *answer = ask(&listener, INUSE_REUSEADDR);
	struct iu_facts facts = *answer->facts;
	struct inuse_verdict before;

	facts.os = IU_SYSTEM_linux;
	answer->facts = &facts;
	before = answer->verdicts[0];
	iu_explain_settle(answer, ETIMEDOUT);
	assert_int_equal(answer->verdicts[0].outcome, before.outcome);
}

/* Colour changes no word, no blank and no line end. */
static void test_colour__without_its_codes__the_same_text(void **state)
{
	struct inuse_answer *answer = ask(&listener, 0);
	char *plain, *coloured, *to;

	snprintf(answer->asked, sizeof(answer->asked), "%s", "a-host-with-a-name-that-makes-the-headline-long.example:5000/tcp");
	plain = inuse_answer_text(answer, 0);
	coloured = to = inuse_answer_text(answer, INUSE_STYLE_COLOUR);
	assert_string_not_equal(plain, coloured);
	for (const char *p = coloured; *p != 0; p++)
		if (*p == '\033')
			p = strchr(p, 'm');
		else
			*to++ = *p;
	*to = 0;
	assert_string_equal(coloured, plain);
	free(plain);
	free(coloured);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows__no_socket_and_10013__the_likely_excluded_range_and_the_command),
		cmocka_unit_test(test_linux__no_socket_and_refused__the_call_itself_is_forbidden),
		cmocka_unit_test(test_windows__options_hidden_and_10013__shared_with_nobody),
		cmocka_unit_test(test_windows__options_hidden_and_10048__in_use),
		cmocka_unit_test(test_windows__nothing_to_settle__unchanged),
		cmocka_unit_test(test_colour__without_its_codes__the_same_text),
		cmocka_unit_test(test_linux__another_error__nothing_is_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
