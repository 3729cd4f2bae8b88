/* SPDX-License-Identifier: MIT */
/* The public functions, on the real kernel: sockets done right, the verdict after a refusal, several threads at once. */
#include "support/live.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int listen_on(const char *address, const struct inuse_socket_options *options)
{
	struct inuse_error error = {0};
	int fd = -1;

	if (inuse_listen(address, options, &fd, NULL, &error) < 0)
		fail_msg("%s: %s", address, error.text);
	return fd;
}

static int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void test_listen__bare_port__both_families_and_ready_to_restart(void **state)
{
	int fd, client;

	live_need_ipv6();
	fd = listen_on("5000", NULL);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_REUSEADDR), 1);
	assert_int_equal(option_of(fd, SOL_SOCKET, SO_REUSEPORT), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	client = live_dial("127.0.0.1:5000", NULL, 0);
	assert_true(client >= 0);
	assert_true(live_dial("[::1]:5000", NULL, 0) >= 0);
	close(fd);
}

static void test_listen__taken__refused_with_the_reason(void **state)
{
	struct inuse_answer *answer = NULL;
	struct inuse_error error = {0};
	const struct inuse_verdict *v;
	char *text;
	int fd = -1;

	live_listener("127.0.0.1:5000", LIVE_REUSEADDR);
	assert_int_equal(inuse_listen("127.0.0.1:5000", NULL, &fd, &answer, &error), INUSE_E_REFUSED);
	assert_int_equal(error.os_code, EADDRINUSE);
	assert_string_equal(error.step, "bind");
	assert_int_equal(fd, -1);
	assert_non_null(answer);
	v = inuse_answer_deciding(answer);
	assert_int_equal(v->outcome, INUSE_FAIL);
	assert_int_equal(v->shown[0]->state, INUSE_LISTEN);
	text = inuse_answer_text(answer, 0);
	assert_non_null(strstr(text, "IN USE by"));
	free(text);
	text = inuse_answer_json(answer, 0);
	assert_non_null(strstr(text, "\"outcome\":\"fail\""));
	free(text);
	assert_null(inuse_answer_verdict(answer, 1));
	inuse_answer_free(answer);
}

/* Options that are hidden from an ordinary user are settled by what his call was told. */
static void test_listen__ordinary_user_and_time_wait__told_for_certain(void **state)
{
	live_need_root();
	live_time_wait("127.0.0.1:5000", 0, NULL);
	LIVE_CHILD_AS(LIVE_NOBODY, {
		struct inuse_answer *answer = NULL;
		int fd;

		if (inuse_listen("5000", NULL, &fd, &answer, NULL) != INUSE_E_REFUSED || answer == NULL)
			live_fail("not refused, or no answer");
		if (inuse_answer_deciding(answer)->outcome != INUSE_FAIL)
			live_fail("%s", inuse_answer_text(answer, 0));
		inuse_answer_free(answer);
	});
}

static void test_connect__fixed_port_and_refusal__told(void **state)
{
	struct inuse_socket_options options = INUSE_SOCKET_OPTIONS_INIT;
	struct inuse_answer *answer = NULL;
	struct inuse_error error = {0};
	struct sockaddr_in local;
	socklen_t len = sizeof(local);
	int fd = -1;

	live_listener("127.0.0.1:5000", LIVE_REUSEADDR);
	options.from = ":5001";
	options.timeout_ms = 5000;
	assert_int_equal(inuse_connect("localhost:5000", &options, &fd, NULL, &error), INUSE_OK);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
	assert_int_equal(ntohs(local.sin_port), 5001);
	/* the same four numbers again: the connection exists */
	assert_int_equal(inuse_connect("127.0.0.1:5000", &options, &fd, &answer, &error), INUSE_E_REFUSED);
	assert_int_equal(error.os_code, EADDRNOTAVAIL);
	assert_string_equal(inuse_answer_deciding(answer)->cause, "tuple-in-use");
	inuse_answer_free(answer);
	close(fd);
	options.from = NULL;
	assert_int_equal(inuse_connect("127.0.0.1:5009", &options, &fd, &answer, &error), INUSE_E_REFUSED);
	assert_int_equal(error.os_code, ECONNREFUSED);
	assert_string_equal(inuse_answer_deciding(answer)->cause, "nobody-listens");
	inuse_answer_free(answer);
}

static void test_bad_input__each__one_sentence(void **state)
{
	struct inuse_error error = {0};
	struct inuse_answer *answer;
	struct inuse_question q = INUSE_QUESTION_INIT;
	int fd;

	assert_int_equal(inuse_listen("nonsense", NULL, &fd, NULL, &error), INUSE_E_INPUT);
	assert_int_equal(inuse_connect(NULL, NULL, &fd, NULL, &error), INUSE_E_INPUT);
	assert_int_equal(inuse_ask(&q, &answer, &error), INUSE_E_INPUT);
	q.address = "no.such.host.invalid:80";
	assert_int_equal(inuse_ask(&q, &answer, &error), INUSE_E_NO_HOST);
	q.size = 3;
	assert_int_equal(inuse_ask(&q, &answer, NULL), INUSE_E_INPUT);
	assert_null(strchr(error.text, '\n'));
	inuse_answer_free(NULL);
	inuse_snapshot_free(NULL);
}

static void *ask_often(void *arg)
{
	long wrong = 0;

	for (int i = 0; i < 20; i++) {
		struct inuse_question q = INUSE_QUESTION_INIT;
		struct inuse_answer *answer = NULL;
		const char *port = i % 2 ? "5000" : "5001";

		q.address = port;
		if (inuse_ask(&q, &answer, NULL) < 0) {
			wrong++;
			continue;
		}
		wrong += inuse_answer_deciding(answer)->outcome != (i % 2 ? INUSE_FAIL : INUSE_GO);
		inuse_answer_free(answer);
	}
	*(long *)arg = wrong;
	return NULL;
}

static void test_ask__four_threads__all_right(void **state)
{
	pthread_t threads[4];
	long wrong[4];

	live_listener("127.0.0.1:5000", 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &wrong[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

static void test_example__run__greets_and_explains(void **state)
{
	const char *example = getenv("INUSE_EXAMPLE");
	const struct live_run *run;

	if (example == NULL)
		live_skip("INUSE_EXAMPLE is not set");
	live_listener("127.0.0.1:5000", 0);
	run = live_run(example, "127.0.0.1:5000");
	live_complains(run, 1, "bind on 127.0.0.1:5000: Address already in use", "IN USE by");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_listen__bare_port__both_families_and_ready_to_restart),
		live_test(test_listen__taken__refused_with_the_reason),
		live_test(test_listen__ordinary_user_and_time_wait__told_for_certain),
		live_test(test_connect__fixed_port_and_refusal__told),
		live_test(test_bad_input__each__one_sentence),
		live_test(test_ask__four_threads__all_right),
		live_test(test_example__run__greets_and_explains),
	};

	return LIVE_RUN("library", tests);
}
