/* SPDX-License-Identifier: MIT */
/* Ports that the kernel chooses: bind() to port 0, connect() without a port. The rules of Linux, in the words of support/scene.h. */
#include "support/check.h"

#include <stdlib.h>

#include "model/judge.h"
#include "support/certain.h"
#include "support/scene.h"

static void test_port_zero__range_taken__exhausted(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "BOUND 127.0.0.1:5000 ra;TW 127.0.0.1:5001>127.0.0.1:1 ra", "bind 127.0.0.1:0 ra", NULL);
	w.f.settings[IU_SET_RANGE_FIRST] = 5000;
	w.f.settings[IU_SET_RANGE_LAST] = 5001;
	certain_judge(&w, &v);
	assert_int_equal(v.result, INUSE_R_ADDRINUSE);
	assert_string_equal(v.cause, "bind-ports-exhausted");
	assert_int_equal(v.ports_total, 2);
	w.r.local = scene_addr("127.0.0.2:0"); /* Z04: another address has all of them */
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_GO);
	assert_int_equal(v.ports_left, 2);
}

static void test_connect_automatic__destination_exhausted__not_available(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "ESTAB 10.9.0.1:5001>10.9.0.1:5000;LISTEN 10.9.0.1:5000", "connect 0>10.9.0.1:5000", "range=5001");
	certain_judge(&w, &v);
	assert_int_equal(v.result, INUSE_R_ADDRNOTAVAIL);
	assert_string_equal(v.cause, "connect-ports-exhausted");
	assert_int_equal(v.n_shown, 1);
	w.r.remote.port = 5010; /* C13: another destination shares the port */
	scene_add_socket(&w, "LISTEN 10.9.0.1:5010");
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_GO);
}

/* A file of snapshots may name as many as it likes. Asked for each port and each socket anew, these lists would take minutes. */
static void test_connect_automatic__long_lists__gone_through_once(void **state)
{
	const size_t n = 2000000, n_sockets = 60000;
	struct inuse_socket *sockets = calloc(n_sockets, sizeof(*sockets));
	struct iu_bucket *buckets = calloc(n, sizeof(*buckets));
	struct iu_range *reserved = calloc(n, sizeof(*reserved));
	struct inuse_verdict v;
	struct scene w;

	assert_true(sockets != NULL && buckets != NULL && reserved != NULL);
	scene_make(&w, "ESTAB 10.9.0.1:5001>10.9.0.2:5000", "connect 0>10.9.0.1:80", NULL);
	for (size_t i = 0; i < n_sockets; i++) {
		sockets[i] = w.f.sockets[0];
		sockets[i].local.port = (uint16_t)(1 + i);
	}
	for (size_t i = 0; i < n; i++) {
		buckets[i] = (struct iu_bucket){.port = (uint16_t)(1 + i % 65535), .fastreuse = -1, .fastreuseport = -1};
		reserved[i] = (struct iu_range){40000, 40000};
	}
	reserved[n - 1] = (struct iu_range){30000, 50000};
	w.f.settings[IU_SET_RANGE_FIRST] = 1;
	w.f.settings[IU_SET_RANGE_LAST] = 65534;
	w.f.sockets = sockets;
	w.f.n_sockets = n_sockets;
	w.f.buckets = buckets;
	w.f.n_buckets = n;
	w.f.buckets_known = true;
	w.f.reserved = reserved;
	w.f.n_reserved = n;
	iu_judge(&iu_profile_linux, &w.f, &w.r, &v);
	assert_int_equal(v.ports_left, 65534 - 20001);
	assert_int_equal(v.ports_total, 65534 - 20001);
	free(sockets);
	free(buckets);
	free(reserved);
}

/* What its bucket remembers tells whether somebody who is bound came there by connecting; who cannot see that cannot tell. */
static void test_connect_automatic__bound_socket_on_the_only_port__as_its_bucket_remembers(void **state)
{
	static const struct {
		const char *socket;
		int fastreuse; /* -2: no bucket can be seen */
		enum inuse_outcome outcome;
	} cases[] = {{"BOUND 127.0.0.1:5001 lock", -1, INUSE_GO}, {"BOUND 127.0.0.1:5001 lock", 0, INUSE_FAIL}, {"LISTEN 127.0.0.1:5001", -2, INUSE_FAIL},
		    {"BOUND 127.0.0.1:5001 lock", -2, INUSE_CANNOT_TELL}, {"BOUND 0.0.0.0:5001 lock", -2, INUSE_CANNOT_TELL},
		    {"BOUND 0.0.0.0:5001 lock", -1, INUSE_GO}, {"BOUND 0.0.0.0:5001 lock", 0, INUSE_FAIL}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inuse_verdict v;
		struct scene w;

		scene_make(&w, cases[i].socket, "connect 127.0.0.1:0>127.0.0.1:5000", "range=5001");
		scene_add_socket(&w, "LISTEN 127.0.0.1:5000");
		w.buckets[0] = (struct iu_bucket){.port = 5001, .fastreuse = cases[i].fastreuse, .fastreuseport = cases[i].fastreuse};
		w.f.n_buckets = cases[i].fastreuse != -2;
		w.f.buckets_known = w.f.n_buckets > 0;
		certain_judge(&w, &v);
		assert_int_equal(v.outcome, cases[i].outcome);
		assert_int_equal(v.missing, v.outcome == INUSE_CANNOT_TELL ? INUSE_MISSING_MEMORY : 0);
	}
}

/* C16: the one automatic port is the port that is dialled. */
static void test_connect_automatic__own_port__meets_itself(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "", "connect 127.0.0.1:0>127.0.0.1:5000", NULL);
	w.f.settings[IU_SET_RANGE_FIRST] = w.f.settings[IU_SET_RANGE_LAST] = 5000;
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_GO);
	assert_string_equal(v.rule, "self-connect");
	w.f.settings[IU_SET_RANGE_LAST] = 5001;
	certain_judge(&w, &v);
	assert_int_equal(v.result, INUSE_R_CONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_zero__range_taken__exhausted),
		cmocka_unit_test(test_connect_automatic__destination_exhausted__not_available),
		cmocka_unit_test(test_connect_automatic__long_lists__gone_through_once),
		cmocka_unit_test(test_connect_automatic__bound_socket_on_the_only_port__as_its_bucket_remembers),
		cmocka_unit_test(test_connect_automatic__own_port__meets_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
