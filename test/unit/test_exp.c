/* SPDX-License-Identifier: MIT */
/* Reading experiments: what is accepted, and for everything else the line and what would be right. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/exp.h"
#include "model/rule.h"

static struct iu_exp *read_good(const char *text)
{
	struct inuse_error error = {0};
	struct iu_exp *exp = NULL;

	if (iu_exp_parse("a/b", text, strlen(text), &exp, &error) != INUSE_OK)
		fail_msg("%s", error.text);
	return exp;
}

static void test_parse__whole_experiment__as_written(void **state)
{
	struct iu_exp *exp = read_good("# c\nshows It is\n  so.\nbecause Of that.\ncovers B02 B03\nneeds second-user linux-6.8\nruns ipv4 mapped\n"
				       "cases covers | $old | $r\n  B02 | - | EADDRINUSE\n  B03 | reuseaddr | OK\n\n"
				       "user alice\nsocket one\nset one $old\nbind one here:5000\n"
				       "  linux $r live\n  linux without owners-by-addr OK reasoned: a b\n  windows EACCES documented: page 4\n");
	const struct iu_exp_case *c = exp->cases;
	const struct iu_expect *e;

	assert_string_equal(exp->shows, "It is so.");
	assert_string_equal(exp->because, "Of that.");
	assert_int_equal(exp->needs, IU_NEED_SECOND_USER);
	assert_int_equal(exp->kernel, 6 << 16 | 8);
	assert_int_equal(exp->runs, 1 << IU_RUN_IPV4 | 1 << IU_RUN_MAPPED);
	assert_int_equal(exp->speaks_of, 1 << IU_OS_LINUX | 1 << IU_OS_WINDOWS);
	assert_int_equal(exp->n_cases, 2);
	assert_int_equal(c[0].n_steps, 3); /* "-" leaves the line out */
	assert_int_equal(c[1].n_steps, 4);
	assert_string_equal(c[1].covers, "B03");
	assert_string_equal(c[1].label, "old: reuseaddr; r: OK");
	assert_string_equal(c[1].steps[2].text, "set one reuseaddr");
	assert_int_equal(c[1].steps[2].option, IU_OPT_REUSEADDR);
	e = iu_step_expects(&c[0].steps[2], IU_OS_LINUX, 0);
	assert_string_equal(e->outcome, "EADDRINUSE");
	e = iu_step_expects(&c[0].steps[2], IU_OS_LINUX, IU_FEATURE_OWNERS_BY_ADDR | IU_FEATURE_TW_DELAY);
	assert_string_equal(e->outcome, "OK");
	assert_string_equal(e->source, "a b");
	e = iu_step_expects(&c[0].steps[2], IU_OS_LINUX, IU_FEATURE_TW_DELAY);
	assert_string_equal(e->outcome, "EADDRINUSE");
	e = iu_step_expects(&c[0].steps[2], IU_OS_WINDOWS, 0);
	assert_string_equal(e->source, "page 4");
	assert_null(iu_step_expects(&c[0].steps[2], IU_OS_FREEBSD, 0));
	iu_exp_free(exp);
}

static void test_parse__each_step__understood(void **state)
{
	struct iu_exp *exp = read_good(
		"shows A.\nneeds second-user device mptcp repair ipv6 evict patience\nsocket a ipv4\nsocket b ipv6 mptcp\nsocket c ipv4 udp\n"
		"set a repair\nclear a repair\nset a linger 0\nset a linger2 -1\nset b local-port-range 20000-20009\n"
		"device v0 192.0.2.1/24\nset a device v0\naddress lo 2001:db8::1/64\ndown v0\nroute prohibit 198.51.100.0/24\n"
		"bind a 0.0.0.0:0 as unspec\nbind b [fe80::1%v0]:80\nlisten a 0\naccept a as d\nconnect c @a\nwrite d 5\nread d 5\nfill d\n"
		"shutdown d both\nchown d bob\nfork p with a b\nkill p\nflight a\nwait 1.25s\nwait 60s\n"
		"setting net.ipv4.ip_local_reserved_ports 5,7-9\nevict 5000\nevict 5000 to [fe80::1%v0]:81\nport b\n  linux 80 live\nlook 5000\n  linux nothing live\n"
		"left 5000\n  linux 60 s live\nclose d\n");
	const struct iu_step *s = exp->cases[0].steps;

	assert_int_equal(s[1].kinds, IU_KIND_V6 | IU_KIND_MPTCP);
	assert_int_equal(s[6].number, -1);
	assert_int_equal(s[7].number2, 20009);
	assert_int_equal(s[13].at.claims, IU_UNSPEC);
	assert_string_equal(s[14].at.scope, "v0");
	assert_int_equal(s[23].sockets, 3);
	assert_int_equal(s[26].number, INT64_C(1250000000));
	assert_int_equal(s[29].at.addr.family, 0);
	assert_int_equal(s[30].number, 5000);
	assert_int_equal(s[30].at.addr.port, 81);
	iu_exp_free(exp);
}

static void test_parse__packets_and_surroundings__understood(void **state)
{
	struct iu_exp *exp = read_good("shows A.\nneeds wire landlock\nruns ipv6\nnamespace without addresses\nforbid bind connect\n"
				       "peer client far:5001 to wire:5000\npeer other far:5002 to wire:5000 without-timestamps\n"
				       "send client SYN seq+1000 time-1\n  linux SYN,ACK live\nsend other FIN,ACK ack-1\n"
				       "  linux nothing live\nsocket a\nbind a wire:5000\nconnect a far:80\n");
	const struct iu_step *s = exp->cases[0].steps;

	assert_int_equal(exp->needs, IU_NEED_WIRE | IU_NEED_LANDLOCK);
	assert_int_equal(s[1].number, 3);
	assert_int_equal(s[2].at.addr.port, 5001);
	assert_int_equal(s[2].number, 5000);
	assert_false(s[2].without_timestamps);
	assert_true(s[3].without_timestamps);
	assert_int_equal(s[4].peer, 0);
	assert_int_equal(s[4].tcp_flags, 2);
	assert_int_equal(s[4].seq, 1000);
	assert_int_equal(s[4].ack, 0);
	assert_int_equal(s[4].time, -1);
	assert_int_equal(s[5].tcp_flags, 17);
	assert_int_equal(s[5].ack, -1);
	assert_int_equal(s[7].at.kind, IU_AT_WIRE);
	assert_int_equal(s[8].at.kind, IU_AT_FAR);
	iu_exp_free(exp);
}

static void test_parse__peer_with_an_address__speaks_to_the_host_in_its_family(void **state)
{
	struct iu_exp *exp = read_good("shows A.\nneeds ipv6 wire\npeer four 198.51.100.2:5001 to 198.51.100.1:80\n"
				       "peer six [2001:db8:5::2]:5001 to [2001:db8:5::1]:80\nsend six SYN\n  linux nothing live\n"
				       "socket a ipv4\nset a device wire\nbind a [fe80::1%wire]:80\ndown wire\n");
	struct inuse_addr four = iu_peer_to(&exp->cases[0].steps[0], IU_RUN_AS_WRITTEN);
	struct inuse_addr six = iu_peer_to(&exp->cases[0].steps[1], IU_RUN_AS_WRITTEN);
	char text[INUSE_ADDR_TEXT];

	assert_string_equal(inuse_addr_text(&four, text), "198.51.100.1:80");
	assert_string_equal(inuse_addr_text(&six, text), "[2001:db8:5::1]:80");
	/* and the device to them is there without a step */
	assert_string_equal(exp->cases[0].steps[4].word, "wire");
	iu_exp_free(exp);
}

/* What is wrong, and what is said of it. */
#define HEAD "shows A.\n"
#define ONE HEAD "socket a ipv4\n"
#define RUNS HEAD "runs ipv4\n"
#define PEER "peer p far:1 to wire:2\n"
static const struct {
	const char *text, *error;
} wrong[] = {
	{"", "x.exp:1: an experiment begins with: shows SENTENCE."},
	{"socket a ipv4\n", "x.exp:1: an experiment begins with: shows SENTENCE."},
	{"shows\n", "x.exp:1: the text is missing"},
	{"shows A\n", "x.exp:1: shows takes a sentence; it ends with a full stop"},
	{HEAD, "x.exp:1: there are no steps"},
	{HEAD "covers B01\nbecause C.\n", "x.exp:3: because stands twice or too late"},
	{HEAD "needs gold\n", "x.exp:2: needs \"gold\" is not known"},
	{HEAD "needs device device\n", "x.exp:2: device is said twice"},
	{HEAD "runs ipv5\n", "x.exp:2: runs \"ipv5\" is not known"},
	{HEAD "cases $a | covers\n", "x.exp:2: write: cases covers | $NAME"},
	{HEAD "cases covers | a\n  B | c\n", "x.exp:2: \"a\" is not the name of a column"},
	{HEAD "cases covers | $a\nsocket a ipv4\n", "x.exp:2: a table has 1 to 200 rows"},
	{HEAD "cases covers | $a\n  B | c | d\nsocket a ipv4\n", "x.exp:3: the row has 3 cells, the table 2 columns"},
	{HEAD "cases covers | $a\n  B | \nsocket a ipv4\n", "x.exp:3: cell 2 is empty"},
	{HEAD "cases covers | $a\n  B | c\nsocket a ipv4\nport a\n  linux 5 live\n", "x.exp:2: no step uses $a"},
	{ONE "set a $b\n", "x.exp:3: there is no table for $b; cases covers | $NAME begins one"},
	{HEAD "case covers | $a\n  B | c\nsocket a ipv4\n", "x.exp:2: there is no table for $a; cases covers | $NAME begins one"},
	{HEAD "cases covers | $a\n  B | c\nsocket a ipv4\nset a $b\n", "x.exp:5: no column of the table of cases is called $b"},
	{ONE "shows B.\n", "x.exp:3: shows belongs above the steps"},
	{ONE "bnid a 127.0.0.1:5\n", "x.exp:3: \"bnid\" is no step (see inuse-lab(5)); \"bind\" is"},
	{ONE "bind a\n", "x.exp:3: write: bind SOCKET ADDRESS [as FAMILY]"},
	{ONE "bind a 127.0.0.1:5 as\n", "x.exp:3: write: bind SOCKET ADDRESS [as FAMILY]"},
	{ONE "bind a 127.0.0.1:5 at once\n", "x.exp:3: write: bind"},
	{ONE "bind b 127.0.0.1:5\n", "x.exp:3: \"b\" is no socket yet"},
	{ONE "close a\nclose a\n", "x.exp:4: \"a\" is closed already"},
	{ONE "socket a ipv4\n", "x.exp:3: \"a\" is the name of a socket already"},
	{HEAD "socket A ipv4\n", "x.exp:2: \"A\" is no name"},
	{HEAD "socket a\n", "x.exp:2: say which it is"},
	{HEAD "runs ipv4\nsocket a ipv4\n", "x.exp:3: a file that says runs leaves the family to the run"},
	{HEAD "runs ipv4\nsocket a\nbind a 127.0.0.1:5\n", "x.exp:4: \"127.0.0.1:5\" is no address; a file that says runs"},
	{ONE "bind a here:5\n", "x.exp:3: \"here:5\" is for files that say runs"},
	{ONE "bind a 127.0.0.1\n", "x.exp:3: \"127.0.0.1\" is no address with a port"},
	{ONE "bind a 127.0.0.1:65536\n", "x.exp:3: \"127.0.0.1:65536\" is no address with a port"},
	{ONE "set a gold\n", "x.exp:3: \"gold\" is no option of a socket"},
	{ONE "set a linger\n", "x.exp:3: the value of linger is missing"},
	{ONE "set a reuseaddr 1\n", "x.exp:3: \"1\" is too much"},
	{ONE "clear a local-port-range\n", "x.exp:3: \"local-port-range\" cannot be cleared"},
	{ONE "setting kernel.hostname x\n", "x.exp:3: \"kernel.hostname\" is no setting that an experiment may pin"},
	{ONE "setting net.ipv4.tcp_timestamps yes\n", "x.exp:3: \"yes\" is no number"},
	{ONE "wait 5\n", "x.exp:3: \"5\" is no time"},
	{ONE "wait 2s\nwait 1.001s\nport a\n  linux 5 live\n", "x.exp:4: this works only with \"needs patience\""},
	{ONE "kill p\n", "x.exp:3: \"p\" is no running process"},
	{ONE "user alice\nport a\n  linux 5 live\n", "x.exp:3: this works only with \"needs second-user\""},
	{HEAD "needs device\nsocket a ipv4\nport a\n  linux 5 live\n", "x.exp:2: no step needs device"},
	{ONE "port a\n", "x.exp:3: no step says what is expected"},
	{ONE "port a\n  solaris 5 live\n", "x.exp:4: \"solaris\" is no system"},
	{ONE "port a\n  linux 5\n", "x.exp:4: write: SYSTEM OUTCOME live"},
	{ONE "port a\n  linux five live\n", "x.exp:4: \"five\" is no port"},
	{ONE "look 5\n  linux UP live\n", "x.exp:4: \"UP\" is no list of states"},
	{ONE "left 5\n  linux 60 live\n", "x.exp:4: \"60\" is no time"},
	{ONE "listen a\n  linux eaddrinuse live\n", "x.exp:4: \"eaddrinuse\" is no outcome of a call"},
	{ONE "listen a\n  windows OK live\n", "x.exp:4: live is for linux as it runs here"},
	{ONE "listen a\n  linux OK reasoned\n", "x.exp:4: live takes nothing behind it"},
	{ONE "listen a\n  linux OK live: here\n", "x.exp:4: live takes nothing behind it"},
	{ONE "listen a\n  freebsd without tw-delay OK reasoned: x\n", "x.exp:4: without is for linux alone"},
	{ONE "listen a\n  linux without tw-dela OK reasoned: x\n", "x.exp:4: without takes what kernels differ in"},
	{ONE "listen a\n  linux without\n", "x.exp:4: without takes what kernels differ in"},
	{ONE "listen a\n  linux without tw-delay OK live\n", "x.exp:4: live is for linux as it runs here"},
	{ONE "listen a\n  linux without tw-delay OK reasoned: x\n  linux without tw-delay EINVAL reasoned: x\n",
	 "x.exp:5: linux is spoken of twice"},
	{ONE "listen a\n  linux OK live\n  linux EINVAL live\n", "x.exp:5: linux is spoken of twice"},
	{ONE "namespace without addresses\n", "x.exp:3: the namespace comes first"},
	{HEAD "namespace\n", "x.exp:2: write: namespace without addresses"},
	{ONE "address lo 192.0.2.1/24 tentative\n", "x.exp:3: only an IPv6 address can be tentative"},
	{ONE "address lo 2001:db8::1/64 at once\n", "x.exp:3: write: address INTERFACE NET [tentative]"},
	{ONE "remove lo\n", "x.exp:3: lo cannot be removed"},
	{ONE "device v0\nremove v0\ndown v0\n", "x.exp:5: \"v0\" is no device yet"},
	{ONE "set a device wire\n", "x.exp:3: \"wire\" is no device yet"},
	{HEAD "needs wire\nsocket a ipv4\nremove wire\n", "x.exp:4: wire cannot be removed"},
	{HEAD "needs device wire\nsocket a ipv4\ndevice wire\n", "x.exp:4: \"wire\" is no new name for a device"},
	{ONE "forbid listen\n", "x.exp:3: \"listen\" is no call that can be forbidden"},
	{ONE "forbid bind bind\n", "x.exp:3: \"bind\" is no call that can be forbidden"},
	/* there is one way to write each thing */
	{ONE "forbid connect bind\n", "x.exp:3: \"bind\" is no call that can be forbidden: bind, connect is the order"},
	{HEAD "needs ipv6 device\n", "x.exp:2: device stands too late: second-user, device"},
	{HEAD "needs linux-6.8 device\n", "x.exp:2: device stands too late"},
	{HEAD "needs linux-6.08\n", "x.exp:2: needs \"linux-6.08\" is not known"},
	{HEAD "runs ipv6 ipv4\n", "x.exp:2: ipv4 stands too late: ipv4, ipv6, mapped is the order"},
	{ONE "bind a 127.0.0.1:05000\n", "x.exp:3: \"127.0.0.1:05000\" is written 127.0.0.1:5000"},
	{ONE "bind a [0:0::1]:5\n", "x.exp:3: \"[0:0::1]:5\" is written [::1]:5"},
	{ONE "bind a [::FFFF:7f00:1]:5\n", "x.exp:3: \"[::FFFF:7f00:1]:5\" is written [::ffff:127.0.0.1]:5"},
	{ONE "device v0\nbind a [FE80::1%v0]:5\n", "x.exp:4: \"[FE80::1%v0]:5\" is written [fe80::1%v0]:5"},
	{RUNS "socket a\nbind a here:05\n", "x.exp:4: \"here:05\" is written here:5"},
	{ONE "address lo 2001:DB8::1/64\n", "x.exp:3: \"2001:DB8::1/64\" is written 2001:db8::1/64"},
	{ONE "listen a 05\n", "x.exp:3: \"05\" is written 5"},
	{ONE "wait 1000ms\n", "x.exp:3: \"1000ms\" is written 1s"},
	{ONE "wait 0.02s\n", "x.exp:3: \"0.02s\" is written 20ms"},
	{ONE "wait 1.50s\n", "x.exp:3: \"1.50s\" is written 1.5s"},
	{ONE "setting net.ipv4.tcp_timestamps 00\n", "x.exp:3: \"00\" is written 0"},
	{ONE "setting net.ipv4.ip_local_port_range 5000\n", "x.exp:3: \"5000\" is written 5000-5000"},
	{ONE "setting net.ipv4.ip_local_reserved_ports 5-5,07\n", "x.exp:3: \"5-5\" is written 5"},
	{ONE "setting net.ipv4.ip_local_reserved_ports 7,5\n", "x.exp:3: \"7,5\" is no list of ports that goes up"},
	{ONE "set a local-port-range 5-6,7\n", "x.exp:3: \"5-6,7\" is no range of ports"},
	{ONE "port a\n  linux 5-5 live\n", "x.exp:4: \"5-5\" is no port"},
	{ONE "port a\n  linux without BHASH2 5 reasoned: x\n", "x.exp:4: \"BHASH2\" is written bhash2"},
	{ONE "left 5\n  linux 060 s live\n", "x.exp:4: \"060 s\" is no time"},
	{ONE "look 5\n  linux TIME-WAIT, 1 LISTEN live\n", "x.exp:4: \"TIME-WAIT, 1 LISTEN\" is written LISTEN, TIME-WAIT"},
	{ONE "look 5\n  linux LISTEN, LISTEN live\n", "x.exp:4: \"LISTEN, LISTEN\" is written 2 LISTEN"},
	{ONE "peer p far:1 to wire:2\n", "x.exp:3: \"far:1\" is for files that say runs; write the address itself"},
	{ONE "peer p 198.51.100.1:1 to 198.51.100.1:2\n", "x.exp:3: \"198.51.100.1:1\" is not where a peer can be"},
	{ONE "peer p 198.51.101.2:1 to 198.51.100.1:2\n", "x.exp:3: \"198.51.101.2:1\" is not where a peer can be"},
	{ONE "peer p 198.51.100.2:1 to [2001:db8:5::1]:2\n", "x.exp:3: \"[2001:db8:5::1]:2\" is not what that peer can speak to"},
	{RUNS "peer p here:1 to wire:2\n", "x.exp:3: \"here:1\" is not where a peer can be"},
	{RUNS "peer p far:1 to far:2\n", "x.exp:3: \"far:2\" is not what a peer can speak to"},
	{RUNS "peer p far:0 to wire:2\n", "x.exp:3: \"far:0\" is not where a peer can be"},
	{RUNS "peer p far:1 to wire:2 with timestamps\n", "x.exp:3: write: peer NAME FROM to TO [without-timestamps]"},
	{RUNS PEER "peer p far:3 to wire:2\n", "x.exp:4: \"p\" is the name of a peer already"},
	{RUNS PEER "send q SYN\n", "x.exp:4: \"q\" is no peer yet"},
	{RUNS PEER "send p SYN,ACK\n", "x.exp:4: \"SYN,ACK\" is no packet that a peer can send"},
	{RUNS PEER "send p SYN seq\n", "x.exp:4: \"seq\" does not tell how far a number is off"},
	{RUNS PEER "send p SYN seq+0\n", "x.exp:4: \"seq+0\" does not tell"},
	{RUNS PEER "send p SYN seq+4294967296\n", "x.exp:4: \"seq+4294967296\" does not tell"},
	{RUNS PEER "send p SYN time+1 seq+1\n", "x.exp:4: seq, ack, time is the order, each once"},
	{RUNS PEER "send p SYN seq+1 seq+1\n", "x.exp:4: seq, ack, time is the order, each once"},
	{RUNS PEER "send p SYN\n  linux OK live\n", "x.exp:5: \"OK\" is no answer to a packet"},
	{RUNS PEER "send p SYN\n  linux ACK live\n", "x.exp:3: this works only with \"needs wire\""},
	{HEAD "so\tcket\001\n", "x.exp:2: column 8 is not text"},
	{"shows A.\xff\n", "x.exp:1: column 9 is not text"},
};

static void test_parse__wrong__line_and_what_is_right(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct inuse_error error = {0};
		struct iu_exp *exp = NULL;

		assert_int_equal(iu_exp_parse("x.exp", wrong[i].text, strlen(wrong[i].text), &exp, &error), INUSE_E_INPUT);
		if (strncmp(error.text, wrong[i].error, strlen(wrong[i].error)) != 0)
			fail_msg("%s\nsays: %s\ninstead of: %s", wrong[i].text, error.text, wrong[i].error);
	}
}

static void test_parse__too_much__refused_in_bounds(void **state)
{
	struct inuse_error error = {0};
	struct iu_exp *exp = NULL;
	size_t size = 10u << 20;
	char *text = malloc(size);

	memset(text, 'x', size);
	assert_int_equal(iu_exp_parse("x", text, size, &exp, &error), INUSE_E_INPUT);
	assert_non_null(strstr(error.text, "at most 262144 bytes"));
	assert_int_equal(iu_exp_parse("x", text, 5000, &exp, &error), INUSE_E_INPUT);
	assert_non_null(strstr(error.text, "longer than 1000"));
	size = (size_t)snprintf(text, size, "shows A.\n");
	for (int i = 0; i < 200; i++)
		size += (size_t)sprintf(text + size, "socket s%d ipv4\n", i);
	assert_int_equal(iu_exp_parse("x", text, size, &exp, &error), INUSE_E_INPUT);
	assert_non_null(strstr(error.text, "x:66: there are more than 64 names of sockets"));
	free(text);
}

static void test_agrees__ports_and_times__within_bounds(void **state)
{
	static const struct {
		enum iu_action action;
		const char *expected, *happened;
		bool agrees;
	} rows[] = {
		{IU_DO_BIND, "OK", "OK", true},           {IU_DO_BIND, "OK", "EINVAL", false},
		{IU_DO_PORT, "odd", "5001", true},        {IU_DO_PORT, "odd", "5000", false},
		{IU_DO_PORT, "even", "0", false},         {IU_DO_PORT, "5000-5002", "5002", true},
		{IU_DO_PORT, "5000-5002", "5003", false}, {IU_DO_LEFT, "60 s", "60 s", true},
		{IU_DO_LEFT, "60 s", "58 s", true},       {IU_DO_LEFT, "60 s", "57 s", false},
		{IU_DO_LEFT, "60 s", "61 s", false},      {IU_DO_LEFT, "60 s", "nothing", false},
		{IU_DO_LEFT, "nothing", "nothing", true}, {IU_DO_LOOK, "LISTEN", "LISTEN", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct iu_step step = {.action = rows[i].action};

		if (iu_outcome_agrees(&step, rows[i].expected, rows[i].happened) != rows[i].agrees)
			fail_msg("%s, %s", rows[i].expected, rows[i].happened);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse__whole_experiment__as_written),
		cmocka_unit_test(test_parse__each_step__understood),
		cmocka_unit_test(test_parse__packets_and_surroundings__understood),
		cmocka_unit_test(test_parse__peer_with_an_address__speaks_to_the_host_in_its_family),
		cmocka_unit_test(test_parse__wrong__line_and_what_is_right),
		cmocka_unit_test(test_parse__too_much__refused_in_bounds),
		cmocka_unit_test(test_agrees__ports_and_times__within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
