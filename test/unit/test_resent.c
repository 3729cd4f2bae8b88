/* SPDX-License-Identifier: MIT */
/* Packets that crossed again: those of a busy host, and those that belong to the experiment. */
#include "lab/resent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

/* "c SYN 0", "s SYN,ACK 0 1", "c ACK 1 1 100": who (client, server), flags, sequence number, acknowledgement, length. */
static struct iu_packet packet_of(const char *text)
{
	static const struct {
		const char *name;
		uint8_t flag;
	} flags[] = {{"SYN", IU_SYN}, {"FIN", IU_FIN}, {"RST", IU_RST}, {"ACK", IU_ACK}};
	struct iu_packet p = {0};
	char who, names[24];
	unsigned seq, ack = 0, len = 0;

	assert_true(sscanf(text, "%c %23s %u %u %u", &who, names, &seq, &ack, &len) >= 3);
	for (size_t i = 0; i < 4; i++)
		if (strstr(names, flags[i].name) != NULL)
			p.s.flags |= flags[i].flag;
	p.s.seq = 0xfffffff0u + seq; /* numbers wrap around */
	p.s.ack = 0xfffffff0u + ack;
	p.s.len = len;
	assert_int_equal(inuse_addr_parse("127.0.0.1", &p.from, NULL), INUSE_OK);
	p.to = p.from;
	p.from.port = who == 'c' ? 5001 : 5000;
	p.to.port = who == 'c' ? 5000 : 5001;
	return p;
}

#define COUNT(...) count((const char *const[]){__VA_ARGS__, NULL})
static unsigned count(const char *const *texts)
{
	static struct iu_resent r;

	memset(&r, 0, sizeof(r));
	for (; *texts != NULL; texts++) {
		struct iu_packet p = packet_of(*texts);

		iu_resent_note(&r, &p);
	}
	return iu_resent_count(&r);
}

static void test_resent__whole_connection__nothing_came_again(void **state)
{
	assert_int_equal(COUNT("c SYN 0", "s SYN,ACK 0 1", "c ACK 1 1", "c ACK 1 1 100", "s ACK 1 101", "c FIN,ACK 101 1", "s ACK 1 102",
			       "s FIN,ACK 1 102", "c ACK 102 2"), 0);
}

static void test_resent__late_answers__each_packet_counts_once(void **state)
{
	assert_int_equal(COUNT("c SYN 0", "c SYN 0", "s SYN,ACK 0 1", "c ACK 1 1"), 1);
	assert_int_equal(COUNT("c SYN 0", "s SYN,ACK 0 1", "c SYN 0", "s SYN,ACK 0 1", "c ACK 1 1"), 2);
	assert_int_equal(COUNT("c FIN,ACK 1 1", "c FIN,ACK 1 1", "c FIN,ACK 1 1", "s ACK 1 2"), 1);
	assert_int_equal(COUNT("c FIN,ACK 1 1", "s ACK 1 2", "s FIN,ACK 1 2", "c ACK 2 2", "s FIN,ACK 1 2", "c ACK 2 2"), 1);
	assert_int_equal(COUNT("c ACK 1 1 100", "c ACK 1 1 100", "s ACK 1 101"), 1);
}

static void test_resent__nobody_answers__part_of_the_experiment(void **state)
{
	assert_int_equal(COUNT("c SYN 0", "c SYN 0", "c SYN 0"), 0);
	assert_int_equal(COUNT("s FIN,ACK 1 1", "s FIN,ACK 1 1", "c ACK 1 1"), 0);
}

static void test_resent__repeated_acknowledgement_or_reset__said_anew(void **state)
{
	assert_int_equal(COUNT("c SYN 0", "s SYN,ACK 0 1", "c ACK 1 1", "c ACK 1 1", "c ACK 1 1", "s RST 1", "s RST 1"), 0);
}

/* linux v6.18 net/ipv4/tcp_input.c tcp_send_challenge_ack(): fixed-port/fin-wait-2 */
static void test_resent__dialled_again_after_a_reset_of_the_old_connection__part_of_the_experiment(void **state)
{
	assert_int_equal(COUNT("c SYN 65539", "s ACK 1 2", "c RST 2", "c SYN 65539", "s SYN,ACK 0 65540", "c ACK 65540 1"), 0);
	/* and once more, which is not */
	assert_int_equal(COUNT("c SYN 65539", "s ACK 1 2", "c RST 2", "c SYN 65539", "c SYN 65539", "s SYN,ACK 0 65540"), 1);
}

static void test_resent__other_length_number_or_port__another_packet(void **state)
{
	struct iu_resent *r = calloc(1, sizeof(*r));
	struct iu_packet p = packet_of("c SYN 0"), answer = packet_of("s SYN,ACK 0 1");

	assert_int_equal(COUNT("c ACK 1 1 100", "c ACK 1 1 50", "c ACK 101 1 100", "s ACK 1 201"), 0);
	iu_resent_note(r, &p);
	p.from.port = 5002;
	iu_resent_note(r, &p);
	iu_resent_note(r, &answer);
	assert_int_equal(iu_resent_count(r), 0);
	free(r);
}

static void test_resent__more_packets_than_there_is_room_for__the_first_ones_count(void **state)
{
	struct iu_resent *r = calloc(1, sizeof(*r));
	struct iu_packet p = packet_of("c ACK 0 1 1"), answer = packet_of("s ACK 1 100000");

	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 2 * IU_RESENT_MAX; i++) {
			p.s.seq = i;
			iu_resent_note(r, &p);
		}
	answer.s.ack = 4 * IU_RESENT_MAX;
	iu_resent_note(r, &answer);
	assert_int_equal(iu_resent_count(r), IU_RESENT_MAX);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resent__whole_connection__nothing_came_again),
		cmocka_unit_test(test_resent__late_answers__each_packet_counts_once),
		cmocka_unit_test(test_resent__nobody_answers__part_of_the_experiment),
		cmocka_unit_test(test_resent__repeated_acknowledgement_or_reset__said_anew),
		cmocka_unit_test(test_resent__dialled_again_after_a_reset_of_the_old_connection__part_of_the_experiment),
		cmocka_unit_test(test_resent__other_length_number_or_port__another_packet),
		cmocka_unit_test(test_resent__more_packets_than_there_is_room_for__the_first_ones_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
