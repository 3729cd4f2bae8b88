/* SPDX-License-Identifier: MIT */
/* Records of the BPF programs: the timer wheel, states, flags, what is known of each kind. */
#include "support/check.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "host/record.h"

#define TICK INT64_C(4000000)
#define NOW UINT64_C(5000000000000)

/* The rule itself, for every level: linux v6.18 kernel/time/timer.c, "Level Offset Granularity Range". */
static void test_wheel_end__every_level__rounded_up_to_its_step(void **state)
{
	static const struct {
		uint64_t expires;
		unsigned index;
		uint64_t end;
	} table[] = {
		{1000, 0, 1001},              /* level 0: the next tick */
		{1000, 63, 1001},
		{1000, 64, 1008},             /* level 1: steps of 8 */
		{1007, 64, 1008},
		{1008, 64, 1016},             /* even what is on a step waits for the next one */
		{1000, 127, 1008},
		{1000, 128, 1024},            /* level 2: 64 */
		{1000, 192, 1024},            /* level 3: 512; a TIME-WAIT at HZ 100, 250, 300 */
		{1024, 192, 1536},
		{1535, 255, 1536},
		{1000, 256, 4096},            /* level 4: 4096; a TIME-WAIT at HZ 1000 */
		{1000, 575, 1 << 24},         /* level 8, the last */
		{UINT64_C(0x100000000), 192, UINT64_C(0x100000200)},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(iu_wheel_end(table[i].expires, table[i].index << 22), table[i].end);
		/* The low bits hold the CPU and properties of the timer. */
		assert_int_equal(iu_wheel_end(table[i].expires, table[i].index << 22 | 0x3fffff), table[i].end);
	}
}

static struct iu_rec time_wait(uint64_t expires)
{
	struct iu_rec rec = {
		.expires = expires,
		.jiffies = 10000,
		.now_ns = NOW,
		.timer_flags = 192u << 22,
		.flags = IU_REC_MINI | IU_REC_TIMER | IU_REC_REUSE,
		.family = AF_INET,
		.sport = 8080,
		.dport = htons(50000),
		.state = 6,
		.saddr = {127, 0, 0, 1},
		.daddr = {127, 0, 0, 2},
	};

	return rec;
}

static void test_end__running_timer__exact(void **state)
{
	struct iu_rec rec = time_wait(24000);
	int64_t slack = -1;

	/* 24000 is below the step at 24064 */
	assert_int_equal(iu_record_end(&rec, TICK, &slack), NOW + 14064 * TICK);
	assert_int_equal(slack, 0);
	assert_int_equal(iu_record_end(&rec, 10 * TICK, &slack), NOW + 140640 * TICK);
}

static void test_end__overdue_or_without_timer__now_and_a_tick(void **state)
{
	struct iu_rec rec = time_wait(9000);
	int64_t slack = 0;

	assert_int_equal(iu_record_end(&rec, TICK, &slack), NOW);
	assert_int_equal(slack, TICK);
	rec = time_wait(24000);
	rec.flags &= ~IU_REC_TIMER;
	assert_int_equal(iu_record_end(&rec, TICK, &slack), NOW);
	assert_int_equal(slack, TICK);
}

static void test_end__a_whole_socket_without_a_timer__none(void **state)
{
	struct iu_rec rec = time_wait(24000);
	int64_t slack = 7;

	rec.flags &= ~(IU_REC_MINI | IU_REC_TIMER);
	assert_int_equal(iu_record_end(&rec, TICK, &slack), 0);
	assert_int_equal(slack, 0);
}

/* linux v6.18 kernel/time/timer.c: level n takes what is due in less than 63 * 8^n ticks. */
static void test_wheel_flags__every_level__its_steps(void **state)
{
	static const struct {
		uint64_t ticks, step;
	} table[] = {{1, 1}, {62, 1}, {63, 8}, {503, 8}, {504, 64}, {4031, 64}, {4032, 512}, {15000, 512}, {60000, 4096}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(iu_wheel_end(0, iu_wheel_flags(table[i].ticks)), table[i].step);
}

static void test_end__an_orphan_that_waits_again__one_step_of_slack(void **state)
{
	struct iu_rec rec = time_wait(24000);
	int64_t slack = -1;

	rec.flags = IU_REC_TIMER | IU_REC_AGAIN;
	rec.state = 5;
	rec.timer_flags = iu_wheel_flags(15000);
	assert_int_equal(iu_record_end(&rec, TICK, &slack), NOW + 14064 * TICK);
	assert_int_equal(slack, 512 * TICK);
	rec.flags = IU_REC_TIMER; /* it is reset when the timer fires */
	assert_int_equal(iu_record_end(&rec, TICK, &slack), NOW + 14064 * TICK);
	assert_int_equal(slack, 0);
	assert_false(iu_record_socket(&rec, TICK).mini);
	assert_int_equal(iu_record_socket(&rec, TICK).free_at_ns, NOW + 14064 * TICK);
	assert_int_equal(iu_record_socket(&rec, TICK).since_ns, 0);
}

static void test_socket__time_wait__all_but_uid_and_lock_known(void **state)
{
	struct iu_rec rec = time_wait(24000);
	struct inuse_socket s = iu_record_socket(&rec, TICK);
	const uint32_t all = INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT | INUSE_KNOW_V6ONLY | INUSE_KNOW_TIMESTAMPS |
			     INUSE_KNOW_DEVICE | INUSE_KNOW_INODE | INUSE_KNOW_OWNER;
	char text[INUSE_ADDR_TEXT];

	assert_int_equal(s.state, INUSE_TIME_WAIT);
	assert_true(s.mini);
	assert_int_equal(s.family, 4);
	assert_string_equal(inuse_addr_text(&s.local, text), "127.0.0.1:8080");
	assert_string_equal(inuse_addr_text(&s.remote, text), "127.0.0.2:50000");
	assert_int_equal(s.flags, INUSE_REUSEADDR);
	assert_int_equal(s.known & INUSE_KNOW_UID, 0);
	assert_int_equal(s.known & INUSE_KNOW_PORT_LOCKED, 0);
	assert_int_equal(s.known & all, all);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.free_at_ns, NOW + 14064 * TICK);
	assert_int_equal(s.netns, 0);
	rec.state = 5;
	assert_int_equal(iu_record_socket(&rec, TICK).state, INUSE_FIN_WAIT2);
}

static struct iu_rec full(uint32_t flags, uint64_t inode)
{
	return (struct iu_rec){
		.flags = flags, .inode = inode, .uid = 1000, .device = 3, .family = AF_INET6, .sport = 80, .state = 10};
}

static void test_socket__every_flag__is_ours(void **state)
{
	static const struct {
		uint32_t rec, flag;
	} table[] = {
		{IU_REC_REUSE, INUSE_REUSEADDR},
		{IU_REC_REUSEPORT, INUSE_REUSEPORT},
		{IU_REC_V6ONLY, INUSE_V6ONLY},
		{IU_REC_TIMESTAMPS, INUSE_TIMESTAMPS},
		{IU_REC_PORT_LOCKED, INUSE_PORT_LOCKED},
		{IU_REC_MPTCP, INUSE_MPTCP},
		{IU_REC_REPAIR, INUSE_REPAIR},
		{IU_REC_HAS_FILE, INUSE_HAS_FILE},
		{IU_REC_KERNEL, INUSE_KERNEL},
	};
	struct inuse_socket s;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct iu_rec rec = full(table[i].rec, 7);

		s = iu_record_socket(&rec, TICK);
		assert_int_equal(s.flags, table[i].flag);
		assert_int_equal(s.known & INUSE_KNOW_UID, INUSE_KNOW_UID);
		assert_int_equal(s.uid, 1000);
		assert_int_equal(s.device, 3);
		assert_int_equal(s.inode, 7);
	}
}

static void test_socket__who_can_have_it_open__known_only_when_nobody(void **state)
{
	struct iu_rec rec = full(IU_REC_HAS_FILE, 7);

	assert_int_equal(iu_record_socket(&rec, TICK).known & INUSE_KNOW_OWNER, 0);
	rec = full(0, 0);
	assert_int_not_equal(iu_record_socket(&rec, TICK).known & INUSE_KNOW_OWNER, 0);
	rec = full(IU_REC_KERNEL, 7);
	assert_int_not_equal(iu_record_socket(&rec, TICK).known & INUSE_KNOW_OWNER, 0);
	/* the file of an MPTCP subflow is that of the socket above */
	rec = full(IU_REC_MPTCP, 0);
	assert_int_equal(iu_record_socket(&rec, TICK).known & (INUSE_KNOW_OWNER | INUSE_KNOW_HAS_FILE), 0);
}

static void test_socket__half_open__nearly_nothing_known(void **state)
{
	struct iu_rec rec = full(IU_REC_REQUEST, 0);
	struct inuse_socket s;

	rec.state = 12;
	s = iu_record_socket(&rec, TICK);
	assert_int_equal(s.state, INUSE_SYN_RECV);
	assert_int_equal(s.known & (INUSE_KNOW_REUSEADDR | INUSE_KNOW_UID | INUSE_KNOW_TIMESTAMPS), 0);
}

static void test_socket__closed_with_a_port__bound(void **state)
{
	struct iu_rec rec = full(IU_REC_PORT_LOCKED, 7);

	rec.state = 7;
	assert_int_equal(iu_record_socket(&rec, TICK).state, INUSE_BOUND);
	rec.state = 200;
	assert_int_equal(iu_record_socket(&rec, TICK).state, INUSE_STATE_UNKNOWN);
}

static void test_socket__ipv6__scope_only_where_link_local(void **state)
{
	struct iu_rec rec = full(0, 7);
	char text[INUSE_ADDR_TEXT];
	struct inuse_socket s;

	rec.saddr[0] = 0xfe;
	rec.saddr[1] = 0x80;
	rec.saddr[15] = 1;
	rec.daddr[15] = 1;
	s = iu_record_socket(&rec, TICK);
	assert_int_equal(s.local.scope, 3);
	assert_int_equal(s.remote.scope, 0);
	assert_string_equal(inuse_addr_text(&s.remote, text), "[::1]:0");
	memset(rec.saddr, 0, 16);
	rec.saddr[10] = rec.saddr[11] = 0xff;
	rec.saddr[12] = 127;
	rec.saddr[15] = 1;
	s = iu_record_socket(&rec, TICK);
	assert_int_equal(s.family, 6);
	assert_int_equal(s.local.family, 6);
}

static void test_bucket__memory_of_reuseport__both_forms_of_the_address(void **state)
{
	struct iu_rec_bucket rec = {
		.uid = 33, .addr4 = {127, 0, 0, 1}, .addr6 = {[15] = 9}, .port = 80, .family = AF_INET6,
		.fastreuseport = 2, .v6only = 1};
	struct iu_bucket b = iu_record_bucket(&rec);

	assert_int_equal(b.port, 80);
	assert_int_equal(b.fastreuseport, 2);
	assert_int_equal(b.family, 6);
	assert_int_equal(b.uid, 33);
	assert_true(b.v6only);
	assert_int_equal(b.addr4.ip[0], 127);
	assert_int_equal(b.addr4.port, 80);
	assert_int_equal(b.addr6.ip[15], 9);
	assert_int_equal(b.addr6.family, 6);
}

static void test_bucket__no_memory__garbage_is_not_passed_on(void **state)
{
	struct iu_rec_bucket rec = {
		.uid = 33, .port = 80, .family = 10, .fastreuse = -1, .fastreuseport = -1, .v6only = 1};
	struct iu_bucket b = iu_record_bucket(&rec);

	assert_int_equal(b.fastreuse, -1);
	assert_int_equal(b.fastreuseport, -1);
	assert_int_equal(b.family, 0);
	assert_int_equal(b.uid, 0);
	assert_false(b.v6only);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel_end__every_level__rounded_up_to_its_step),
		cmocka_unit_test(test_end__running_timer__exact),
		cmocka_unit_test(test_end__overdue_or_without_timer__now_and_a_tick),
		cmocka_unit_test(test_end__a_whole_socket_without_a_timer__none),
		cmocka_unit_test(test_wheel_flags__every_level__its_steps),
		cmocka_unit_test(test_end__an_orphan_that_waits_again__one_step_of_slack),
		cmocka_unit_test(test_socket__time_wait__all_but_uid_and_lock_known),
		cmocka_unit_test(test_socket__every_flag__is_ours),
		cmocka_unit_test(test_socket__who_can_have_it_open__known_only_when_nobody),
		cmocka_unit_test(test_socket__half_open__nearly_nothing_known),
		cmocka_unit_test(test_socket__closed_with_a_port__bound),
		cmocka_unit_test(test_socket__ipv6__scope_only_where_link_local),
		cmocka_unit_test(test_bucket__memory_of_reuseport__both_forms_of_the_address),
		cmocka_unit_test(test_bucket__no_memory__garbage_is_not_passed_on),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
