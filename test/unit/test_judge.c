/* SPDX-License-Identifier: MIT */
/*
 * The rules of Linux as truth tables, in the words of support/scene.h. Each row: the name of the measured case, the sockets that
 * are there, the call, the expected answer and cause.
 */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/judge.h"
#include "say/names.h"
#include "say/say.h"
#include "support/certain.h"
#include "support/scene.h"

#define OK INUSE_R_OK
#define INUSE INUSE_R_ADDRINUSE
#define NOTAVAIL INUSE_R_ADDRNOTAVAIL
#define UNKNOWN INUSE_N_RESULTS

static const struct {
	const char *name, *sockets, *call;
	int result;
	const char *cause;
} rows[] = {
	{"B01", "", "bind 127.0.0.1:5000", OK, "free"},
	{"B02", "BOUND 127.0.0.1:5000", "bind 127.0.0.1:5000", INUSE, "bound-not-listening"},
	{"B02 from all addresses", "BOUND 127.0.0.1:5000", "bind 0.0.0.0:5000", INUSE, "bound-not-listening"},
	{"B02 of all addresses", "BOUND 0.0.0.0:5000", "bind 127.0.0.1:5000", INUSE, "bound-not-listening"},
	{"B02 from all of both families", "BOUND 127.0.0.1:5000", "bind [::]:5000", INUSE, "bound-not-listening"},
	{"B02 of all of both families", "BOUND [::]:5000", "bind 127.0.0.1:5000", INUSE, "bound-not-listening"},
	{"B03", "BOUND 127.0.0.1:5000", "bind 127.0.0.1:5000 ra", INUSE, "bound-not-listening"},
	{"B04", "BOUND 127.0.0.1:5000 ra", "bind 127.0.0.1:5000", INUSE, "bound-not-listening"},
	{"B05", "BOUND 127.0.0.1:5000 ra", "bind 127.0.0.1:5000 ra", OK, "free"},
	{"B06", "LISTEN 127.0.0.1:5000 ra", "bind 127.0.0.1:5000 ra", INUSE, "listener"},
	{"B07", "LISTEN 127.0.0.1:5000 ra", "bind 0.0.0.0:5000 ra", INUSE, "wildcard-and-specific"},
	{"B08", "LISTEN 0.0.0.0:5000 ra", "bind 127.0.0.1:5000 ra", INUSE, "wildcard-and-specific"},
	{"B09", "LISTEN 127.0.0.1:5000", "listen 127.0.0.2:5000", OK, "free"},
	{"B10", "LISTEN 127.0.0.1:5000 rp", "listen 127.0.0.1:5000 rp", OK, "free"},
	{"B11", "LISTEN 127.0.0.1:5000 rp", "bind 127.0.0.1:5000 rp uid=1000", INUSE, "reuseport-other-user"},
	{"B12", "LISTEN 127.0.0.1:5000 rp", "bind 127.0.0.1:5000 ra", INUSE, "reuseport-one-side"},
	{"B13", "LISTEN 127.0.0.1:5000 ra rp", "listen 127.0.0.1:5000 rp", OK, "free"},
	{"B14", "LISTEN 0.0.0.0:5000 rp", "listen 127.0.0.1:5000 rp", OK, "free"},
	{"B22", "LISTEN 127.0.0.1:5000 rp", "bind 127.0.0.1:5000 rp grp", INUSE, "listener"},
	{"B23", "LISTEN 127.0.0.1:5000 dev=2", "listen 127.0.0.1:5000 dev=3", OK, "free"},
	{"B24", "LISTEN 0.0.0.0:5000 dev=2", "bind 0.0.0.0:5000", INUSE, "listener"},
	{"B34", "LISTEN 127.0.0.1:5000", "bind 127.0.0.1:5000 repair", OK, "free"},
	{"B37", "ESTAB 127.0.0.1:5001>127.0.0.1:5000 ra lock", "listen 127.0.0.1:5001 ra", OK, "free"},
	{"B43", "ESTAB 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000 ra", INUSE, "living-connection"},
	{"B44", "ESTAB 127.0.0.1:5000>127.0.0.1:4000 ra lock", "listen 127.0.0.1:5000 ra", OK, "free"},
	{"B45", "ESTAB 127.0.0.1:5000>127.0.0.1:4000 ra lock", "bind 127.0.0.1:5000 rp", INUSE, "living-connection"},
	{"B46", "LISTEN 127.0.0.1:5000 rp;LISTEN 127.0.0.1:5000 rp", "bind 127.0.0.1:5000 ra", INUSE, "reuseport-one-side"},
	{"D01", "LISTEN [::]:5000", "bind 0.0.0.0:5000", INUSE, "ipv6-listener-covers-ipv4"},
	{"D02", "LISTEN [::]:5000 v6", "listen 0.0.0.0:5000", OK, "free"},
	{"D03", "LISTEN 0.0.0.0:5000", "bind [::]:5000", INUSE, "ipv4-listener-in-dual-stack"},
	{"D04", "LISTEN 127.0.0.1:5000", "bind [::]:5000", INUSE, "ipv4-listener-in-dual-stack"},
	{"D05", "LISTEN [::1]:5000 v6", "listen 0.0.0.0:5000", OK, "free"},
	{"D06", "LISTEN [::1]:5000 v6", "bind [::]:5000 v6", INUSE, "wildcard-and-specific"},
	{"D07", "LISTEN [::ffff:127.0.0.1]:5000", "bind 127.0.0.1:5000", INUSE, "listener"},
	{"D08", "LISTEN [::ffff:127.0.0.1]:5000", "listen [::1]:5000", OK, "free"},
	{"D09", "", "bind [::ffff:127.0.0.1]:5000 v6", INUSE_R_INVAL, "mapped-on-v6only"},
	{"D10", "ESTAB [::1]:5001>[::1]:5000", "bind 0.0.0.0:5001", INUSE, "client-on-port"},
	{"D11", "ESTAB [::1]:5001>[::1]:5000", "bind 127.0.0.1:5001", OK, "free"},
	{"D12", "TW [::1]:5000>[::1]:4000 lock", "bind 0.0.0.0:5000 ra", INUSE, "time-wait-old-lacked-reuseaddr"},
	{"D13", "TW [::1]:5000>[::1]:4000 v6 lock", "bind 0.0.0.0:5000", OK, "free"},
	{"D15", "TW [::ffff:127.0.0.1]:5000>[::ffff:127.0.0.1]:4000 lock", "bind [::]:5000 v6", OK, "free"},
	{"T01", "TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000", INUSE, "time-wait-neither-reuseaddr"},
	{"T02", "TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000 ra", INUSE, "time-wait-old-lacked-reuseaddr"},
	{"T03", "TW 127.0.0.1:5000>127.0.0.1:4000 ra lock", "listen 127.0.0.1:5000 ra", OK, "free"},
	{"T04", "TW 127.0.0.1:5000>127.0.0.1:4000 ra lock", "bind 127.0.0.1:5000", INUSE, "time-wait-new-lacks-reuseaddr"},
	{"T06", "TW 127.0.0.1:5001>127.0.0.1:5000", "bind 0.0.0.0:5001 ra", INUSE, "time-wait-of-client"},
	{"T07", "TW 127.0.0.1:5001>127.0.0.1:5000", "bind 127.0.0.2:5001", OK, "free"},
	{"T09", "TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 0.0.0.0:5000", INUSE, "time-wait-neither-reuseaddr"},
	{"T13", "TW 127.0.0.1:5000>127.0.0.1:4000 rp lock", "bind 127.0.0.1:5000 ra", INUSE, "time-wait-old-lacked-reuseaddr"},
	{"T14", "TW 127.0.0.1:5000>127.0.0.1:4000 rp lock", "bind 127.0.0.1:5000 rp uid=1000", OK, "free"},
	{"T15", "TW 127.0.0.1:5000>127.0.0.1:4000 ra lock", "bind 127.0.0.1:5000 rp", INUSE, "time-wait-new-lacks-reuseaddr"},
	{"T19", "FW2 127.0.0.1:5000>127.0.0.1:4000 rem lock", "bind 127.0.0.1:5000 ra", INUSE, "fin-wait2-remains"},
	{"T30", "FW2 127.0.0.1:5000>127.0.0.1:4000 orphan lock left=120", "bind 127.0.0.1:5000 ra", INUSE, "fin-wait2-remains"},
	{"T30, end not known", "FW2 127.0.0.1:5000>127.0.0.1:4000 orphan lock", "bind 127.0.0.1:5000 ra", INUSE, "orphan"},
	{"T20", "FW2 127.0.0.1:5000>127.0.0.1:4000 rem ra lock", "listen 127.0.0.1:5000 ra", OK, "free"},
	{"T23", "CW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000 ra", INUSE, "close-wait-leak"},
	{"L01", "LISTEN 127.0.0.1:5000 ra;BOUND 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", INUSE, "second-listen"},
	{"L03", "BOUND 0.0.0.0:5000 ra", "listen 127.0.0.1:5000 ra", OK, "free"},
	{"M01", "", "bind 192.0.2.1:5000", NOTAVAIL, "address-not-local"},
	{"M02", "", "bind 192.0.2.1:5000 freebind", OK, "free"},
	{"M04", "", "bind 127.0.0.1:80 user", INUSE_R_ACCES, "privileged-port"},
	{"M06", "LISTEN 127.0.0.1:80", "bind 127.0.0.1:80 user", INUSE_R_ACCES, "privileged-port"},
	{"M07", "", "bind 192.0.2.1:80 user", NOTAVAIL, "address-not-local"},
	{"M08", "", "bind [2001:db8::1]:80 user", INUSE_R_ACCES, "privileged-port"},
	{"M11", "", "bind 224.0.0.1:5000", OK, "free"},
	{"M13", "", "bind [ff02::1]:5000", INUSE_R_INVAL, "multicast"},
	{"M14", "", "bind [fe80::1]:5000", INUSE_R_INVAL, "link-local-without-scope"},
	{"M23", "", "bind 0.1.2.3:5000", NOTAVAIL, "address-not-local"},
	{"tentative", "", "bind [2001:db8::9]:5000", NOTAVAIL, "address-tentative"},
	{"tentative, another device", "", "bind [2001:db8::9]:5000 dev=1", NOTAVAIL, "address-tentative"},
	{"C01", "TW 127.0.0.1:5001>127.0.0.1:5000 ra ts lock;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 ra", OK, "free"},
	{"C02", "TW 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 ra", NOTAVAIL,
	 "tuple-time-wait"},
	{"C03", "ESTAB 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 ra", NOTAVAIL,
	 "tuple-in-use"},
	{"C04", "ESTAB 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5002", "connect 127.0.0.1:5001>127.0.0.1:5002 ra", OK, "free"},
	{"C17", "FW2 127.0.0.1:5001>127.0.0.1:5000 rem ra ts lock;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 ra", OK, "free"},
	{"C22", "", "connect 127.0.0.1:5001>127.0.0.1:5000", INUSE_R_CONNREFUSED, "nobody-listens"},
	{"C29", "LISTEN 127.0.0.1:5000", "connect [::]:5001>[::ffff:127.0.0.1]:5000 v6", INUSE_R_NETUNREACH, "no-route"},
	{"C23", "", "connect 127.0.0.1:5001>255.255.255.255:80", INUSE_R_NETUNREACH, "no-route"},
	{"link-local, no link", "", "connect [::]:0>[fe80::1]:5000", INUSE_R_INVAL, "link-local-without-scope"},
	{"link-local, another link", "", "connect [::]:0>[fe80::1%2]:5000 dev=1", INUSE_R_INVAL, "device-differs"},
	{"link-local, from another link", "", "connect [fe80::2%1]:5001>[fe80::1%2]:5000 freebind", INUSE_R_INVAL, "device-differs"},
	/* dialling binds the socket to the device, before the 4-tuple is looked for */
	{"link-local, the same again", "ESTAB [fe80::2%2]:5001>[fe80::1%2]:5000 ra lock dev=2", "connect [fe80::2%2]:5001>[fe80::1%2]:5000 ra freebind",
	 NOTAVAIL, "tuple-in-use"},
	{"link-local, the same again, not bound to it", "ESTAB [::1]:5001>[fe80::1%2]:5000 ra lock dev=2", "connect [::1]:5001>[fe80::1%2]:5000 ra",
	 NOTAVAIL, "tuple-in-use"},
	{"C30", "TW 127.0.0.1:5001>127.0.0.1:5000 ra ts lock;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000", INUSE,
	 "time-wait-new-lacks-reuseaddr"},
	{"C33", "ESTAB 127.0.0.1:5001>127.0.0.1:5000 ra lock dev=1;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 ra", OK,
	 "free"},
	{"C35", "ESTAB [::ffff:127.0.0.1]:5001>[::ffff:127.0.0.1]:5000 ra lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", NOTAVAIL, "tuple-in-use"},
	{"self", "ESTAB 127.0.0.1:5000>127.0.0.1:5000", "bind 127.0.0.1:5000 ra", INUSE, "self-connect"},
	{"P02", "TW 127.0.0.1:5000>127.0.0.1:4000 ts lock;LISTEN 127.0.0.1:5000", "accept 127.0.0.1:5000>127.0.0.1:4000", OK, "free"},
	{"P07", "TW 127.0.0.1:5000>127.0.0.1:4000 ts lock", "accept 127.0.0.1:5000>127.0.0.1:4000", INUSE_R_CONNREFUSED,
	 "time-wait-without-listener"},
	{"P10", "FW2 127.0.0.1:5000>127.0.0.1:4000 rem ts lock;LISTEN 127.0.0.1:5000", "accept 127.0.0.1:5000>127.0.0.1:4000", UNKNOWN,
	 "syn-fin-wait2"},
	{"P13", "ESTAB 127.0.0.1:5000>127.0.0.1:4000 lock;LISTEN 127.0.0.1:5000", "accept 127.0.0.1:5000>127.0.0.1:4000", OK, "free"},
	{"O24", "SYNRECV 127.0.0.1:5000>127.0.0.1:4000", "bind 127.0.0.1:5000", OK, "free"},
	{"orphan", "LA 127.0.0.1:5000>127.0.0.1:4000 lock;LISTEN 127.0.0.1:5009", "bind 127.0.0.1:5000 ra", INUSE, "living-connection"},
	/* what is not known matters only where it would change the answer */
	{"tw, flag hidden", "TW 127.0.0.1:5000>127.0.0.1:4000 lock ?ra ?rp", "bind 127.0.0.1:5000 ra", UNKNOWN, "time-wait-unknown"},
	{"tw, flag hidden, none asked", "TW 127.0.0.1:5000>127.0.0.1:4000 lock ?ra ?rp", "bind 127.0.0.1:5000", INUSE, "time-wait-unknown"},
	{"listener, flags hidden", "LISTEN 127.0.0.1:5000 ?ra ?rp", "bind 127.0.0.1:5000 ra", INUSE, "listener"},
	{"listener, flags hidden, rp asked", "LISTEN 127.0.0.1:5000 ?ra ?rp", "bind 127.0.0.1:5000 rp", UNKNOWN, "listener"},
	{"v6only hidden", "ESTAB [::1]:5001>[::1]:5000 ?v6", "bind 0.0.0.0:5001", UNKNOWN, "client-on-port"},
	{"v6only hidden but settled by another", "ESTAB [::1]:5001>[::1]:5000 ?v6;LISTEN 0.0.0.0:5001", "bind 0.0.0.0:5001", INUSE, "listener"},
	{"timestamps hidden", "TW 127.0.0.1:5001>127.0.0.1:5000 ra ?ts lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", UNKNOWN, "tuple-time-wait"},
};

static void judge_row(struct scene *w, const char *sockets, const char *call, struct inuse_verdict *v)
{

	scene_make(w, sockets, call, NULL);
	iu_judge(&iu_profile_linux, &w->f, &w->r, v);
}

static void test_judge__measured_case__same_answer(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene w;
		struct inuse_verdict v;
		int got;

		judge_row(&w, rows[i].sockets, rows[i].call, &v);
		got = v.outcome == INUSE_CANNOT_TELL ? UNKNOWN : v.outcome == INUSE_GO ? OK : (int)v.result;
		if (got != rows[i].result || v.cause == NULL || strcmp(v.cause, rows[i].cause) != 0) {
			wrong++;
			print_error("%s: result %d, cause %s; expected %d, %s (rule %s)\n", rows[i].name, got, v.cause,
				    rows[i].result, rows[i].cause, v.rule);
		}
		if (v.outcome == INUSE_CANNOT_TELL && v.missing == 0)
			fail_msg("%s: cannot tell, but does not say what is missing", rows[i].name);
	}
	assert_int_equal(wrong, 0);
}

/* Without /proc/sys a low port may be any: what refuses for certain is told, not what only might. */
static void test_judge__limit_not_known_and_a_listener__the_listener_is_told(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "LISTEN 127.0.0.1:5000", "bind 127.0.0.1:5000 user", "?unprivileged_port_start");
	iu_judge(&iu_profile_linux, &w.f, &w.r, &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	assert_int_equal(v.result, INUSE_R_ADDRINUSE);
	assert_string_equal(v.cause, "listener");
	scene_make(&w, "", "bind 127.0.0.1:5000 user", "?unprivileged_port_start");
	iu_judge(&iu_profile_linux, &w.f, &w.r, &v);
	assert_int_equal(v.outcome, INUSE_CANNOT_TELL);
}

/* Every "cannot tell" is honest, and so is every other answer: it is held against all values of what is not known. */
static void test_judge__measured_case__as_certain_as_can_be(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene w;

		scene_make(&w, rows[i].sockets, rows[i].call, NULL);
		certain_assert(rows[i].name, &iu_profile_linux, &w.f, &w.r, &w.caller);
	}
}

/* bind() may meet it, connect() may meet it: it is one socket, and shown once. */
static void test_judge__cannot_tell_at_bind_nor_connect__one_blocker(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "LISTEN 127.0.0.1:5000;TW 127.0.0.1:4000>127.0.0.1:5000 ?ra ?ts lock", "connect 127.0.0.1:4000>127.0.0.1:5000 ra", NULL);
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_CANNOT_TELL);
	assert_int_equal(v.n_blockers, 1);
	assert_int_equal(v.n_by_state[INUSE_TIME_WAIT], 1);
	assert_int_equal(v.n_shown, 1);
}

static const struct inuse_cure *offered(const struct inuse_verdict *v, const char *cure)
{
	for (uint32_t i = 0; i < v->n_cures; i++)
		if (strcmp(v->cures[i].id, cure) == 0)
			return &v->cures[i];
	return NULL;
}

static bool offers(const struct inuse_verdict *v, const char *cure)
{
	return offered(v, cure) != NULL;
}

static void test_cures__old_lacked_reuseaddr__wait_evict_and_later(void **state)
{
	struct scene w;
	struct inuse_verdict v;

	judge_row(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 lock", "listen 127.0.0.1:5000 ra", &v);
	assert_true(offers(&v, "wait"));
	assert_true(offers(&v, "evict"));
	assert_true(offers(&v, "reuseaddr-old"));
	assert_false(offers(&v, "reuseaddr-new"));
	assert_int_equal(v.free_at_ns, SCENE_NOW + 43 * INT64_C(1000000000));
	assert_int_equal(offered(&v, "wait")->wait_ns, 43 * INT64_C(1000000000));
	assert_false(offered(&v, "wait")->later);
	assert_true(offered(&v, "reuseaddr-old")->later);
}

/* Somebody was kept from running since the sockets were looked at. */
static void test_cures__end_is_past__no_more_waiting(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	judge_row(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 lock left=-3", "listen 127.0.0.1:5000 ra", &v);
	assert_int_equal(offered(&v, "wait")->wait_ns, 0);
}

/* Before 6.0 nothing takes a TIME-WAIT away. */
static void test_cures__kernel_without_destroy__no_evict(void **state)
{
	struct scene w;
	struct inuse_verdict v;

	scene_make(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 lock", "listen 127.0.0.1:5000 ra", "kernel=5.19");
	iu_judge(&iu_profile_linux, &w.f, &w.r, &v);
	assert_true(offers(&v, "wait"));
	assert_false(offers(&v, "evict"));
}

/* Whoever waits waits for the last one, in whatever order they were seen. */
static void test_free_at__several_remains__the_last(void **state)
{
	static const char *const orders[] = {"TW 127.0.0.1:5000>127.0.0.1:4000 left=9;TW 127.0.0.1:5000>127.0.0.1:4001 left=40",
					     "TW 127.0.0.1:5000>127.0.0.1:4001 left=40;TW 127.0.0.1:5000>127.0.0.1:4000 left=9"};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct scene w;
		struct inuse_verdict v;

		judge_row(&w, orders[i], "bind 127.0.0.1:5000", &v);
		assert_int_equal(v.free_at_ns, SCENE_NOW + 40 * INT64_C(1000000000));
		assert_int_equal(v.shown[0]->remote.port, 4001);
	}
}

/* More than can be shown, the most telling ones last: those are shown, and all are counted. */
static void test_blockers__more_than_fit__most_telling_first(void **state)
{
	static const enum inuse_state order[] = {INUSE_LISTEN, INUSE_BOUND, INUSE_ESTABLISHED, INUSE_TIME_WAIT};
	struct inuse_verdict v;
	char text[1024] = "";
	struct scene w;
	size_t len = 0;

	for (unsigned i = 0; i < 2 * INUSE_MAX_SHOWN; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "TW 127.0.0.1:5000>127.0.0.1:%u lock;", 4000 + i);
	snprintf(text + len, sizeof(text) - len, "ESTAB 127.0.0.1:5000>127.0.0.1:80 lock;BOUND 127.0.0.1:5000;LISTEN 127.0.0.1:5000");
	judge_row(&w, text, "bind 127.0.0.1:5000", &v);
	assert_int_equal(v.n_blockers, 2 * INUSE_MAX_SHOWN + 3);
	assert_int_equal(v.n_shown, INUSE_MAX_SHOWN);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_int_equal(v.shown[i]->state, order[i]);
	assert_string_equal(v.rule, "listener");
}

/* What decides for certain comes before what only may, even where that would explain more. */
static void test_blockers__one_certain__first(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	judge_row(&w, "LISTEN [::]:5000 ?v6;BOUND 127.0.0.1:5000", "bind 127.0.0.1:5000", &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	assert_int_equal(v.shown[0]->state, INUSE_BOUND);
	assert_string_equal(v.cause, "bound-not-listening");
}

/* What answers a SYN is named, whether it is accepted in the end or not. */
static void test_accept__old_connection__shown(void **state)
{
	static const char *const scenes[] = {"ESTAB 127.0.0.1:5000>127.0.0.1:9;LISTEN 127.0.0.1:5000", "TW 127.0.0.1:5000>127.0.0.1:9;LISTEN 127.0.0.1:5000",
					     "TW 127.0.0.1:5000>127.0.0.1:9", "FW2 127.0.0.1:5000>127.0.0.1:9 rem;LISTEN 127.0.0.1:5000"};

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct inuse_verdict v;
		struct scene w;

		judge_row(&w, scenes[i], "accept 127.0.0.1:5000>127.0.0.1:9", &v);
		assert_int_equal(v.n_shown, 1);
		assert_ptr_equal(v.shown[0], &w.f.sockets[0]);
	}
}

/* A call that has been made has told what was hidden before; what it cannot have told stays as it was. */
static void test_settle__options_hidden__the_call_has_told(void **state)
{
	struct inuse_verdict asked, v;
	struct scene w;

	scene_make(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 ?ra lock", "listen 127.0.0.1:5000 ra", NULL);
	certain_judge(&w, &asked);
	assert_int_equal(asked.outcome, INUSE_CANNOT_TELL);
	v = asked;
	iu_judge_settle(&w.f, INUSE_R_ADDRINUSE, &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	assert_int_equal(v.missing, 0);
	assert_string_equal(v.cause, "time-wait-old-lacked-reuseaddr");
	assert_true(offers(&v, "wait") && offers(&v, "reuseaddr-old"));
	v = asked;
	iu_judge_settle(&w.f, INUSE_R_OK, &v);
	assert_int_equal(v.outcome, INUSE_GO);
	assert_string_equal(v.cause, "free");
	assert_int_equal(v.n_blockers, 0);
	v = asked;
	iu_judge_settle(&w.f, INUSE_R_ACCES, &v);
	assert_int_equal(v.outcome, INUSE_CANNOT_TELL);
}

/* One of two has lacked it, and nobody can say which. */
static void test_settle__remains_of_two_kinds__cause_stays_unknown(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 ?ra lock;FW2 127.0.0.1:5000>127.0.0.1:4001 rem ?ra lock", "listen 127.0.0.1:5000 ra", NULL);
	certain_judge(&w, &v);
	iu_judge_settle(&w.f, INUSE_R_ADDRINUSE, &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	assert_string_equal(v.cause, "time-wait-unknown");
}

/* Two old sockets, one of them certain: nothing was open, and nothing is settled. */
static void test_settle__certain__stays(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 ?ra lock;LISTEN 127.0.0.1:5000", "listen 127.0.0.1:5000 ra", NULL);
	certain_judge(&w, &v);
	iu_judge_settle(&w.f, INUSE_R_OK, &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	assert_string_equal(v.cause, "listener");
}

static void test_settle__connect_refused__bind_has_passed(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "LISTEN 127.0.0.1:5000;TW 127.0.0.1:4000>127.0.0.1:5000 ?ra ?ts lock", "connect 127.0.0.1:4000>127.0.0.1:5000 ra", NULL);
	certain_judge(&w, &v);
	assert_int_equal(v.step, INUSE_CALL_BIND);
	iu_judge_settle(&w.f, INUSE_R_ADDRNOTAVAIL, &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	assert_int_equal(v.step, INUSE_CALL_CONNECT);
	assert_string_equal(v.cause, "tuple-time-wait");
}

static void test_cures__new_lacks_reuseaddr__set_it(void **state)
{
	struct scene w;
	struct inuse_verdict v;

	judge_row(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 ra lock", "listen 127.0.0.1:5000", &v);
	assert_true(offers(&v, "reuseaddr-new"));
}

/* The kernel keeps it whole at first; it goes by itself all the same. Removing it must not hit a client. */
static void test_cures__orphan_with_a_known_end__wait_and_evict(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	judge_row(&w, "FW2 127.0.0.1:5000>127.0.0.1:4000 orphan lock left=120;TW 127.0.0.1:5000>127.0.0.1:4001 lock",
		  "listen 127.0.0.1:5000 ra", &v);
	assert_true(offers(&v, "wait") && offers(&v, "evict"));
	assert_int_equal(v.free_at_ns, SCENE_NOW + 120 * INT64_C(1000000000));
	judge_row(&w, "FW2 127.0.0.1:5000>127.0.0.1:4000 orphan ?lock left=120", "listen 127.0.0.1:5000 ra", &v);
	assert_true(offers(&v, "wait"));
	assert_false(offers(&v, "evict"));
	judge_row(&w, "FW2 127.0.0.1:5000>127.0.0.1:4000 orphan lock", "listen 127.0.0.1:5000 ra", &v);
	assert_false(offers(&v, "wait") || offers(&v, "evict"));
}

/* A listener beside the remains: waiting for the remains would help nobody. */
static void test_cures__listener_and_time_wait__no_waiting(void **state)
{
	struct scene w;
	struct inuse_verdict v;

	judge_row(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 lock;LISTEN 127.0.0.1:5000", "listen 127.0.0.1:5000 ra", &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	assert_int_equal(v.free_at_ns, 0);
	assert_false(offers(&v, "wait"));
	assert_false(offers(&v, "evict"));
	assert_int_equal(v.shown[0]->state, INUSE_LISTEN);
	assert_int_equal(v.n_blockers, 2);
}

static void test_cures__ipv4_listener_in_dual_stack__v6only(void **state)
{
	struct scene w;
	struct inuse_verdict v;

	judge_row(&w, "LISTEN 127.0.0.1:5000", "listen [::]:5000 ra", &v);
	assert_true(offers(&v, "v6only"));
}

static void test_reuseport_memory__remembered__succeeds_unchecked(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "LISTEN 127.0.0.1:5000", "bind 127.0.0.1:5000 rp", NULL);
	w.buckets[0] = (struct iu_bucket){.port = 5000, .fastreuseport = 2, .family = 4, .addr4 = scene_addr("127.0.0.1:5000")};
	w.f.n_buckets = 1;
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_GO);
	assert_string_equal(v.note, "reuseport-memory");
	w.r.local = scene_addr("[::1]:5000"); /* the memory of an IPv4 socket does not cover it, although its shadow would */
	w.buckets[0].addr4 = scene_addr("0.0.0.0:5000");
	scene_add_socket(&w, "LISTEN [::]:5000");
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	w.f.n_sockets--;
	w.buckets[0].addr4 = scene_addr("127.0.0.1:5000");
	scene_call(&w, "bind 127.0.0.1:5000 rp");
	w.r.flags |= INUSE_V6ONLY; /* means nothing on an IPv4 socket */
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_GO);
	w.r.uid = 1000; /* B18: another user */
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_FAIL);
	w.r.uid = 0;
	w.f.buckets_known = false;
	w.f.n_buckets = 0;
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_CANNOT_TELL);
	assert_int_equal(v.missing, INUSE_MISSING_MEMORY);
}

/* What older kernels do otherwise, with the bucket of port 5000 in their memory; the same on the newest. */
static void test_old_kernels__same_call__another_outcome(void **state)
{
	static const struct {
		uint32_t kernel;
		const char *sockets, *call;
		int8_t fastreuseport;
		enum inuse_result then, now;
	} calls[] = {
		{IU_KERNEL(6, 7), "LISTEN [::ffff:0.0.0.0]:5000 ra", "bind [::ffff:127.0.0.1]:5000 ra", 0, OK, INUSE},
		{IU_KERNEL(6, 7), "LISTEN [::ffff:127.0.0.1]:5000 ra", "bind [::ffff:0.0.0.0]:5000 ra", 0, INUSE, INUSE},
		{IU_KERNEL(6, 7), "LISTEN [::ffff:0.0.0.0]:5000 ra", "bind 127.0.0.1:5000 ra", 0, INUSE, INUSE},
		{IU_KERNEL(6, 7), "LISTEN 0.0.0.0:5000 ra", "bind [::ffff:127.0.0.1]:5000 ra", 0, INUSE, INUSE},
		{IU_KERNEL(6, 0), "LISTEN [::ffff:0.0.0.0]:5000 ra", "bind [::ffff:127.0.0.1]:5000 ra", 0, INUSE, INUSE},
		{IU_KERNEL(6, 16), "FW1 127.0.0.1:5000>127.0.0.1:1 rp uid=7", "bind 127.0.0.1:5000 rp uid=7", 0, INUSE, OK},
		{IU_KERNEL(6, 16), "FW1 127.0.0.1:5000>127.0.0.1:1 rp uid=7", "bind 127.0.0.1:5000 rp", 0, OK, INUSE},
		{IU_KERNEL(6, 16), "ESTAB 127.0.0.1:5000>127.0.0.1:1 rp file uid=7", "bind 127.0.0.1:5000 rp uid=7", 0, OK, OK},
		{IU_KERNEL(6, 17), "ESTAB 127.0.0.1:5000>127.0.0.1:1;LISTEN 127.0.0.1:2", "connect 127.0.0.1:0>127.0.0.1:2", 0, NOTAVAIL, OK},
		{IU_KERNEL(6, 17), "ESTAB 127.0.0.1:5000>127.0.0.1:1;LISTEN 127.0.0.1:2", "connect 127.0.0.1:0>127.0.0.1:2", -1, OK, OK},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct inuse_verdict v;
		struct scene w;

		scene_make(&w, calls[i].sockets, calls[i].call, NULL);
		w.buckets[0] = (struct iu_bucket){.port = 5000, .fastreuse = -1, .fastreuseport = calls[i].fastreuseport};
		w.f.n_buckets = 1;
		w.f.settings[IU_SET_RANGE_FIRST] = w.f.settings[IU_SET_RANGE_LAST] = 5000;
		certain_judge(&w, &v);
		if (v.result != calls[i].now)
			fail_msg("%s beside %s: %d now", calls[i].call, calls[i].sockets, v.result);
		w.f.features = iu_features_from_version(calls[i].kernel);
		certain_judge(&w, &v);
		if (v.result != calls[i].then)
			fail_msg("%s beside %s: %d then", calls[i].call, calls[i].sockets, v.result);
	}
}

static void test_unseen_kinds__free_port__as_far_as_seen(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "", "bind 127.0.0.1:5000", NULL);
	w.f.unseen = INUSE_MISSING_BOUND;
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_GO);
	assert_true(v.as_far_as_seen);
	w.f.covered = &(struct iu_range){80, 80};
	w.f.n_covered = 1;
	certain_judge(&w, &v);
	assert_int_equal(v.outcome, INUSE_CANNOT_TELL);
	assert_int_equal(v.missing, INUSE_MISSING_COVERAGE);
}

static void test_million_alike__one_record__counted(void **state)
{
	struct inuse_verdict v;
	struct scene w;

	scene_make(&w, "TW 127.0.0.1:5000>127.0.0.1:4000 lock left=12;TW 127.0.0.2:5000>127.0.0.1:4000 lock left=50", "bind 0.0.0.0:5000 ra", NULL);
	w.sockets[0].count = 1000000;
	certain_judge(&w, &v);
	assert_int_equal(v.n_blockers, 1000001);
	assert_int_equal(v.n_by_state[INUSE_TIME_WAIT], 1000001);
	assert_int_equal(v.free_at_ns, SCENE_NOW + 50 * INT64_C(1000000000));
	assert_ptr_equal(v.shown[0], &w.sockets[1]);
}

/* One call of a socket that exists already: its state (NULL: it has no port), the call, the address, the answer and the rule. */
static void test_judge_call__socket_that_exists__its_state_counts(void **state)
{
	static const struct {
		const char *self, *other, *call;
		struct iu_caller caller;
		enum inuse_result result;
		const char *rule;
	} calls[] = {
		{"BOUND 127.0.0.1:5000", NULL, "bind 127.0.0.1:5001", {.family = 4}, INUSE_R_INVAL, "bound-already4"},
		{"BOUND 127.0.0.1:5000", NULL, "bind 192.0.2.99:5001", {.family = 4}, INUSE_R_ADDRNOTAVAIL, "not-local"},
		{"BOUND [::1]:5000", NULL, "bind [2001:db8::99]:5001", {.family = 6}, INUSE_R_INVAL, "bound-already"},
		{NULL, NULL, "bind 127.0.0.1:5000", {.family = 6, .claims = 4}, INUSE_R_INVAL, "sockaddr-short"},
		{NULL, NULL, "bind 0.0.0.0:5000", {.family = 4, .claims = IU_UNSPEC}, INUSE_R_OK, "nobody"},
		{NULL, NULL, "bind 127.0.0.1:5000", {.family = 4, .claims = IU_UNSPEC}, INUSE_R_AFNOSUPPORT, "sockaddr-family"},
		{"BOUND 127.0.0.1:5000 ra", "LISTEN 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", {.family = 4},
		 INUSE_R_ADDRINUSE, "listener"},
		{"BOUND 127.0.0.1:5000", NULL, "listen 127.0.0.1:5000", {.family = 4}, INUSE_R_OK, "nobody"},
		{"LISTEN 127.0.0.1:5000", NULL, "listen 127.0.0.1:5000", {.family = 4}, INUSE_R_OK, "listen-again"},
		{"ESTAB 127.0.0.1:5000>127.0.0.1:9", NULL, "listen 127.0.0.1:5000", {.family = 4}, INUSE_R_INVAL, "listen-connected"},
		{NULL, NULL, "listen 127.0.0.1:5000", {.family = 4, .datagram = true}, INUSE_R_OPNOTSUPP, "listen-datagram"},
		{"LISTEN 127.0.0.1:5000", NULL, "connect 127.0.0.1:5000>127.0.0.1:9", {.family = 4}, INUSE_R_ISCONN,
		 "connect-listening"},
		{"SYNSENT 127.0.0.1:5000>127.0.0.1:9", NULL, "connect 127.0.0.1:5000>127.0.0.1:9", {.family = 4}, INUSE_R_ALREADY,
		 "connect-again"},
		{"ESTAB 127.0.0.1:5000>127.0.0.1:9", NULL, "connect 127.0.0.1:5000>127.0.0.1:9", {.family = 4}, INUSE_R_ISCONN,
		 "connect-connected"},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct scene w;
		struct inuse_verdict v;
		struct iu_caller caller = calls[i].caller;
		const char *self = calls[i].self ? calls[i].self : "", *other = calls[i].other ? calls[i].other : "";
		char sockets[200];

		snprintf(sockets, sizeof(sockets), "%s%s%s", self, self[0] && other[0] ? ";" : "", other);
		scene_make(&w, sockets, calls[i].call, NULL);
		caller.self = self[0] ? &w.sockets[0] : NULL;
		iu_judge_call(&iu_profile_linux, &w.f, &w.r, &caller, &v);
		if (v.result != calls[i].result || strcmp(v.rule, calls[i].rule) != 0)
			fail_msg("%s, %s: %s by %s", self, calls[i].call, iu_say_result(v.result), v.rule);
	}
}

static void test_tables__ids__unique_and_worded(void **state)
{
	const struct iu_profile *p = &iu_profile_linux;

	for (size_t i = 0; i < p->n_calls; i++) {
		assert_non_null(p->calls[i].ref);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(p->calls[i].id, p->calls[j].id);
		assert_non_null(iu_words_of_rule(p, p->calls[i].id));
		if (i + 1 == p->n_calls || p->calls[i + 1].call != p->calls[i].call)
			/* the last row of a step is the default; listen() goes on with rows of bind() */
			assert_true(p->calls[i].when == NULL || p->calls[i].call == INUSE_CALL_LISTEN);
	}
	assert_null(p->owners[p->n_owners - 1].when);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge__measured_case__same_answer),
		cmocka_unit_test(test_judge__measured_case__as_certain_as_can_be),
		cmocka_unit_test(test_judge__limit_not_known_and_a_listener__the_listener_is_told),
		cmocka_unit_test(test_judge__cannot_tell_at_bind_nor_connect__one_blocker),
		cmocka_unit_test(test_cures__old_lacked_reuseaddr__wait_evict_and_later),
		cmocka_unit_test(test_cures__end_is_past__no_more_waiting),
		cmocka_unit_test(test_cures__kernel_without_destroy__no_evict),
		cmocka_unit_test(test_free_at__several_remains__the_last),
		cmocka_unit_test(test_blockers__more_than_fit__most_telling_first),
		cmocka_unit_test(test_blockers__one_certain__first),
		cmocka_unit_test(test_accept__old_connection__shown),
		cmocka_unit_test(test_settle__options_hidden__the_call_has_told),
		cmocka_unit_test(test_settle__remains_of_two_kinds__cause_stays_unknown),
		cmocka_unit_test(test_settle__certain__stays),
		cmocka_unit_test(test_settle__connect_refused__bind_has_passed),
		cmocka_unit_test(test_cures__new_lacks_reuseaddr__set_it),
		cmocka_unit_test(test_cures__orphan_with_a_known_end__wait_and_evict),
		cmocka_unit_test(test_cures__listener_and_time_wait__no_waiting),
		cmocka_unit_test(test_cures__ipv4_listener_in_dual_stack__v6only),
		cmocka_unit_test(test_reuseport_memory__remembered__succeeds_unchecked),
		cmocka_unit_test(test_old_kernels__same_call__another_outcome),
		cmocka_unit_test(test_unseen_kinds__free_port__as_far_as_seen),
		cmocka_unit_test(test_million_alike__one_record__counted),
		cmocka_unit_test(test_judge_call__socket_that_exists__its_state_counts),
		cmocka_unit_test(test_tables__ids__unique_and_worded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
