/* SPDX-License-Identifier: MIT */
/*
 * What is not known matters only where it would change the answer: small scenes of every kind, with one and with two things
 * forgotten, are judged beside all hosts that they could be of.
 *
 * Theory of operation
 *
 * The verdict on what is seen has to be the common one of all completions (model/unknowns.h), and "cannot tell" if they have
 * none; then exactly those unknowns are named that make a difference. Nothing here says what the right verdict is: that the
 * completions are judged rightly is shown elsewhere, on the kernel.
 */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "support/certain.h"
#include "support/scene.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define FAULTS_SHOWN 12

struct tally {
	unsigned scenes, open, loose, wrong;
};

static void check(struct tally *t, const char *sockets, const char *call, const char *facts)
{
	enum certain_fault fault;
	struct scene s;
	char why[500];
	bool open;

	scene_make(&s, sockets, call, facts);
	fault = certain_check(&iu_profile_linux, &s.f, &s.r, &s.caller, why, sizeof(why), &open);
	t->scenes++;
	t->open += open;
	t->loose += fault == CERTAIN_LOOSE;
	if (fault != CERTAIN_FINE && fault != CERTAIN_LOOSE && ++t->wrong <= FAULTS_SHOWN)
		print_error("[%s] %s [%s]: %s\n", sockets, call, facts, why);
}

/*
 * loose: connect() asks twice, first for bind() and then for itself, and what the one leaves open the other may settle, or the address
 * that it comes from; there more may be named than matters, if only in so many of a hundred scenes.
 */
static void sum_up(const struct tally *t, unsigned loose)
{
	print_message("%u scenes, in %u of them it cannot be told, %u wrong, %u name more than matters\n", t->scenes, t->open, t->wrong,
		      t->loose);
	assert_int_equal(t->wrong, 0);
	assert_true(t->loose * 100 <= t->scenes * loose);
	assert_true(t->open > t->scenes / 100);
}

/* Old sockets on the port, with everything and with some of it hidden. */
static const char *const states[] = {"BOUND", "LISTEN", "ESTAB", "TW", "FW2 rem"};
static const char *const locals[] = {"127.0.0.1:5000", "0.0.0.0:5000", "[::1]:5000", "[::]:5000", "[::ffff:127.0.0.1]:5000",
				     "[::ffff:0.0.0.0]:5000"};
static const char *const options[] = {"", " ra", " rp", " ra rp", " ?ra", " ?rp", " ?ra ?rp", " rp ?uid", " ?rp ?uid", " ra ?v6", " ?v6",
				      " ?ra ?v6", " ?dev", " ?dev ?ra"};

static bool is_wildcard(const char *local)
{
	return strncmp(local, "0.0.0.0", 7) == 0 || strncmp(local, "[::]", 4) == 0 || strncmp(local, "[::ffff:0.0.0.0]", 16) == 0;
}

/* The words of an old socket; false: no socket is like that. remote: of a connection. */
static bool old_socket(char *buf, size_t size, const char *state, const char *local, const char *remote_port, const char *more)
{
	const char *rest = strchr(state, ' ');
	bool connection = strcmp(state, "BOUND") != 0 && strcmp(state, "LISTEN") != 0;
	char remote[64] = "";

	if (connection && is_wildcard(local))
		return false;
	if (connection)
		snprintf(remote, sizeof(remote), ">%.*s%s", (int)(strrchr(local, ':') - local), local, remote_port);
	snprintf(buf, size, "%.*s %s%s%s%s", rest ? (int)(rest - state) : (int)strlen(state), state, local, remote, rest ? rest : "", more);
	return true;
}

static void test_bind__one_old_socket__as_certain_as_can_be(void **state)
{
	static const char *const asked[] = {"", " ra", " rp", " ra rp", " dev=3", " ra dev=3", " rp uid=9", " ra v6"};
	static const char *const facts[] = {"", "?memory", "kernel=6.7 ?memory", "kernel=6.16"};
	char old[128], call[128];
	struct tally t = {0};

	for (size_t s = 0; s < ROWS(states); s++)
		for (size_t l = 0; l < ROWS(locals); l++)
			for (size_t o = 0; o < ROWS(options); o++)
				for (size_t r = 0; r < ROWS(locals) && old_socket(old, sizeof(old), states[s], locals[l], ":9", options[o]); r++)
					for (size_t a = 0; a < ROWS(asked); a++)
						for (size_t f = 0; f < ROWS(facts); f++) {
							snprintf(call, sizeof(call), "bind %s%s", locals[r], asked[a]);
							check(&t, old, call, facts[f]);
						}
	sum_up(&t, 0);
}

/* Two old sockets: what is open of the one may be settled by the other. */
static void test_bind__two_old_sockets__as_certain_as_can_be(void **state)
{
	static const char *const few[] = {"LISTEN [::]:5000 ?v6", "LISTEN 127.0.0.1:5000 ?rp", "TW 127.0.0.1:5000>127.0.0.1:9 ?ra",
					  "TW [::1]:5000>[::1]:9 ?ra ?v6", "BOUND 0.0.0.0:5000 ra ?dev", "BOUND 127.0.0.1:5000 rp ?uid",
					  "ESTAB 127.0.0.2:5000>127.0.0.1:9 ?ra ?rp", "LISTEN [::1]:5000 ?rp ?uid", "BOUND [::]:5000 ?ra v6"};
	static const char *const asked[] = {"", " ra", " rp", " ra rp", " ra dev=3"};
	static const char *const facts[] = {"", "?memory", "kernel=6.7 ?memory"};
	char old[256], call[128];
	struct tally t = {0};

	for (size_t i = 0; i < ROWS(few); i++)
		for (size_t k = 0; k < i; k++)
			for (size_t r = 0; r < ROWS(locals); r++)
				for (size_t a = 0; a < ROWS(asked); a++)
					for (size_t f = 0; f < ROWS(facts); f++) {
						snprintf(old, sizeof(old), "%s;%s", few[i], few[k]);
						snprintf(call, sizeof(call), "listen %s%s", locals[r], asked[a]);
						check(&t, old, call, facts[f]);
					}
	sum_up(&t, 0);
}

static void test_address_and_port__host_half_known__as_certain_as_can_be(void **state)
{
	static const char *const calls[] = {"bind 127.0.0.1:80 user", "bind 127.0.0.1:80 ?low", "bind 192.0.2.1:80 ?low", "bind [2001:db8::9]:80 user",
					    "bind [2001:db8::7]:5000 ?low", "bind 0.0.0.0:5000 user", "bind 224.0.0.1:5000", "bind 192.0.2.1:5000 freebind",
					    "bind [::1]:80 user", "bind [::ffff:192.0.2.1]:5000", "listen 127.0.0.1:0 user", "bind 192.0.2.1:5000 repair ?low",
					    "bind [fe80::1]:80 ?low", "connect 192.0.2.1:80>127.0.0.1:9 ?low"};
	static const char *const facts[] = {"", "?addresses", "?nonlocal_bind", "?nonlocal_bind6", "?unprivileged_port_start", "covers=443-443",
					    "no-v4", "kernel=6.7", "nonlocal_bind=1"};
	static const char *const old[] = {"", "LISTEN 0.0.0.0:80", "LISTEN 0.0.0.0:5000 ?rp", "LISTEN [::]:80 ?v6"};
	struct tally t = {0};
	char both[128];

	for (size_t c = 0; c < ROWS(calls); c++)
		for (size_t o = 0; o < ROWS(old); o++)
			for (size_t f = 0; f < ROWS(facts); f++)
				for (size_t g = 0; g <= f; g++) {
					snprintf(both, sizeof(both), "%s %s", facts[f], f == g ? "" : facts[g]);
					check(&t, old[o], calls[c], both);
				}
	sum_up(&t, 0);
}

static void test_automatic_port__range_all_but_taken__as_certain_as_can_be(void **state)
{
	static const char *const calls[] = {"bind 127.0.0.1:0", "bind 0.0.0.0:0 ra", "bind [::]:0 ra rp", "bind 127.0.0.1:0 ra dev=3",
					    "connect 127.0.0.1:0>127.0.0.1:9", "connect 0.0.0.0:0>127.0.0.1:9", "connect [::1]:0>[::1]:9",
					    "connect 127.0.0.1:0>127.0.0.1:5000", "connect 127.0.0.1:0>127.0.0.1:9 dev=1"};
	static const char *const old[] = {"", "BOUND [::]:5000 ?v6", "BOUND 127.0.0.1:5000 ?ra", "BOUND 127.0.0.1:5000 ?ra ?rp",
					  "ESTAB 127.0.0.1:5000>127.0.0.1:9 ?lock", "ESTAB 127.0.0.1:5000>127.0.0.1:8 ?lock",
					  "ESTAB 127.0.0.1:5000>127.0.0.1:9 ?dev", "ESTAB 127.0.0.2:5000>127.0.0.1:9 ?lock",
					  "TW 127.0.0.1:5000>127.0.0.1:9 ?ts old=2", "TW 127.0.0.1:5000>127.0.0.1:9 ts ?left",
					  "TW 127.0.0.1:5000>127.0.0.1:9 ?ts ?left", "TW [::1]:5000>[::1]:9 ?ts ?lock old=2",
					  "TW 127.0.0.1:5000>127.0.0.1:9 ts old=2", "TW 127.0.0.1:5000>127.0.0.1:9 ts ms=400",
					  "TW 127.0.0.1:5000>127.0.0.1:9 ?lock ?dev ts old=2",
					  "ESTAB 127.0.0.1:5000>127.0.0.1:8 ?lock;BOUND [::]:5000 udp",
					  "ESTAB 127.0.0.1:5000>127.0.0.1:8 ?lock;SYNRECV 127.0.0.1:5000>127.0.0.1:7"};
	static const char *const facts[] = {"tw_reuse=1", "tw_reuse=2 ?memory", "kernel=6.17 ?memory tw_reuse=2", "?tw_reuse", "tw_reuse=1 ?tw_reuse_delay",
					    "?autobind_reuse", "autobind_reuse=1", "?tw_reuse ?memory", "?range_first ?range_last"};
	static const char *const listening = ";LISTEN 127.0.0.1:9;LISTEN [::1]:9";
	struct tally t = {0};
	char all[128], more[128];

	for (size_t c = 0; c < ROWS(calls); c++)
		for (size_t o = 0; o < ROWS(old); o++)
			for (size_t f = 0; f < ROWS(facts); f++)
				for (int listens = 0; listens < 2; listens++) {
					snprintf(all, sizeof(all), "%s%s", old[o], listens ? listening : "");
					snprintf(more, sizeof(more), "range=5000-5000 %s", facts[f]);
					check(&t, all, calls[c], more);
				}
	sum_up(&t, 2);
}

static void test_connect__fixed_port__as_certain_as_can_be(void **state)
{
	static const char *const calls[] = {"connect 127.0.0.1:5000>127.0.0.1:9 ra", "connect 0.0.0.0:5000>127.0.0.1:9 ra",
					    "connect [::]:5000>[::1]:9 ra", "connect 127.0.0.1:5000>127.0.0.1:9",
					    "connect 127.0.0.1:5000>127.0.0.1:9 ra dev=1", "connect 0.0.0.0:5000>10.9.0.1:9 ra",
					    "connect 0.0.0.0:5000>127.0.0.1:5000 ra", "connect 10.9.0.1:5000>192.0.2.1:9 ra"};
	static const char *const old[] = {"", "TW 127.0.0.1:5000>127.0.0.1:9 ra ?ts", "TW 127.0.0.1:5000>127.0.0.1:9 ?ra ?ts",
					  "ESTAB 127.0.0.1:5000>127.0.0.1:9 ra ?dev", "TW 127.0.0.2:5000>127.0.0.1:9 ra ?ts",
					  "ESTAB [::1]:5000>[::1]:9 ?ra", "FW2 [::1]:5000>[::1]:9 rem ra ?ts ?dev", "TW 127.0.0.1:9>127.0.0.1:5000",
					  "LISTEN [::]:9 ?v6", "LISTEN 127.0.0.1:9 ?dev;TW 127.0.0.1:5000>127.0.0.1:9 ra ?ts", "LISTEN 0.0.0.0:9",
					  "TW 127.0.0.1:9>127.0.0.1:5000;LISTEN [::]:9 ?v6"};
	static const char *const facts[] = {"", "rfc1337=1", "?rfc1337", "?addresses", "covers=5000-5000", "covers=9-9", "covers=80-80",
					    "?addresses ?rfc1337", "route=127.0.0.1,127.0.0.1", "device=1 device=2"};
	struct tally t = {0};

	for (size_t c = 0; c < ROWS(calls); c++)
		for (size_t o = 0; o < ROWS(old); o++)
			for (size_t f = 0; f < ROWS(facts); f++)
				/* an address to come from that may be the one dialled, which may be the host's: two unknowns that are one */
				if (strstr(facts[f], "?addresses") == NULL || strstr(calls[c], " 0.0.0.0:") == NULL)
					check(&t, old[o], calls[c], facts[f]);
	sum_up(&t, 2);
}

static void test_accept__remains_and_listeners__as_certain_as_can_be(void **state)
{
	static const char *const calls[] = {"accept 127.0.0.1:5000>127.0.0.1:9", "accept 127.0.0.1:5000>127.0.0.1:9 syn=new",
					    "accept 127.0.0.1:5000>127.0.0.1:9 syn=old", "accept 0.0.0.0:5000>127.0.0.1:9", "accept [::1]:5000>[::1]:9"};
	static const char *const old[] = {"", "TW 127.0.0.1:5000>127.0.0.1:9", "FW2 127.0.0.1:5000>127.0.0.1:9 rem",
					  "ESTAB 127.0.0.1:5000>127.0.0.1:9", "TW [::1]:5000>[::1]:9"};
	static const char *const listening[] = {"", ";LISTEN 127.0.0.1:5000", ";LISTEN [::]:5000 ?v6", ";LISTEN [::]:5000 ?dev",
						";LISTEN 127.0.0.1:5000 ?dev", ";LISTEN 127.0.0.1:5000 ?dev;LISTEN [::]:5000 ?v6"};
	static const char *const facts[] = {"", "rfc1337=1", "?rfc1337", "covers=80-80", "covers=80-80 ?rfc1337"};
	struct tally t = {0};
	char all[200];

	for (size_t c = 0; c < ROWS(calls); c++)
		for (size_t o = 0; o < ROWS(old); o++)
			for (size_t l = 0; l < ROWS(listening); l++)
				for (size_t f = 0; f < ROWS(facts); f++) {
					snprintf(all, sizeof(all), "%s%s", old[o], listening[l]);
					check(&t, all, calls[c], facts[f]);
				}
	sum_up(&t, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind__one_old_socket__as_certain_as_can_be),
		cmocka_unit_test(test_bind__two_old_sockets__as_certain_as_can_be),
		cmocka_unit_test(test_address_and_port__host_half_known__as_certain_as_can_be),
		cmocka_unit_test(test_automatic_port__range_all_but_taken__as_certain_as_can_be),
		cmocka_unit_test(test_connect__fixed_port__as_certain_as_can_be),
		cmocka_unit_test(test_accept__remains_and_listeners__as_certain_as_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
