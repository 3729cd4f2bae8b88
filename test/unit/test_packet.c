/* SPDX-License-Identifier: MIT */
/* Packets as bytes: what is written is read again, with sums that a kernel accepts; and a peer that keeps its numbers. */
#include "support/check.h"

#include <string.h>

#include "base/address.h"
#include "lab/live.h"

static struct iu_packet packet_of(const char *from, const char *to)
{
	struct iu_packet p = {.s = {.flags = IU_SYN, .has_ts = true, .seq = 0xfffffff0u, .ack = 7, .tsval = 1000001, .tsecr = 3}};

	assert_int_equal(inuse_addr_parse(from, &p.from, NULL), INUSE_OK);
	assert_int_equal(inuse_addr_parse(to, &p.to, NULL), INUSE_OK);
	p.from.port = 5001;
	p.to.port = 5000;
	return p;
}

/* RFC 1071: with its own sum among them the words add up to all ones. */
static uint32_t sum_of(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void test_packet__written__reads_the_same(void **state)
{
	static const char *const pairs[][3] = {
		{"198.51.100.2", "198.51.100.1", "198.51.100.2:5001"},
		{"2001:db8:5::2", "2001:db8:5::1", "[2001:db8:5::2]:5001"},
		{"::ffff:198.51.100.2", "::ffff:198.51.100.1", "198.51.100.2:5001"},
	};

	for (size_t i = 0; i < 3; i++)
		for (int ts = 0; ts < 2; ts++) {
			struct iu_packet p = packet_of(pairs[i][0], pairs[i][1]), back;
			uint8_t bytes[IU_PACKET_MAX];
			char text[INUSE_ADDR_TEXT];
			size_t len;

			p.s.has_ts = ts == 1;
			len = iu_packet_write(&p, bytes);
			assert_true(iu_packet_read(bytes, len, &back));
			assert_string_equal(inuse_addr_text(&back.from, text), pairs[i][2]);
			assert_int_equal(back.to.port, 5000);
			assert_int_equal(back.s.flags, IU_SYN);
			assert_int_equal(back.s.seq, p.s.seq);
			assert_int_equal(back.s.ack, 7);
			assert_int_equal(back.s.len, 0);
			assert_int_equal(back.s.has_ts, p.s.has_ts);
			assert_int_equal(back.s.tsval, ts ? 1000001 : 0);
			assert_int_equal(back.s.tsecr, ts ? 3 : 0);
			for (size_t cut = 0; cut < len; cut++)
				assert_false(iu_packet_read(bytes, cut, &back) && back.s.has_ts);
		}
}

static void test_packet__written__sums_are_right(void **state)
{
	struct iu_packet v4 = packet_of("198.51.100.2", "198.51.100.1"), v6 = packet_of("2001:db8:5::2", "2001:db8:5::1");
	uint8_t bytes[IU_PACKET_MAX];
	size_t len = iu_packet_write(&v4, bytes);

	assert_int_equal(len, 52);
	assert_int_equal(sum_of(0, bytes, 20), 0xffff);
	/* the addresses, the protocol and the length stand in front of the header in the sum */
	assert_int_equal(sum_of(sum_of(6 + 32, bytes + 12, 8), bytes + 20, 32), 0xffff);
	len = iu_packet_write(&v6, bytes);
	assert_int_equal(len, 72);
	assert_int_equal(sum_of(sum_of(6 + 32, bytes + 8, 32), bytes + 40, 32), 0xffff);
}

static void test_peer__conversation__numbers_fit(void **state)
{
	struct iu_peer peer;
	struct iu_segment s, syn_ack, fin;

	iu_peer_init(&peer, true);
	s = iu_peer_say(&peer, IU_SYN, 0, 0, 0);
	syn_ack = (struct iu_segment){.flags = IU_SYN | IU_ACK, .seq = 0xffffffffu, .ack = s.seq + 1, .has_ts = true, .tsval = 44};
	assert_true(iu_peer_hear(&peer, &syn_ack));
	assert_false(iu_peer_hear(&peer, &syn_ack)); /* sent again */
	s = iu_peer_say(&peer, IU_ACK, 0, 0, 0);
	assert_int_equal(s.seq, syn_ack.ack);
	assert_int_equal(s.ack, 0); /* numbers wrap around */
	assert_int_equal(s.tsecr, 44);
	fin = (struct iu_segment){.flags = IU_FIN | IU_ACK, .seq = 0, .ack = s.seq};
	assert_true(iu_peer_hear(&peer, &fin));
	assert_false(iu_peer_hear(&peer, &fin));
	assert_int_equal(iu_peer_say(&peer, IU_FIN | IU_ACK, 0, -1, 0).ack, 0); /* as if the FIN had not come */
	assert_int_equal(iu_peer_say(&peer, IU_ACK, 0, 0, 0).seq, s.seq + 1);
	/* what is out of turn leaves its own numbers alone */
	assert_int_equal(iu_peer_say(&peer, IU_SYN, 1000, 0, -1).seq, s.seq + 1001);
	assert_int_equal(iu_peer_say(&peer, IU_RST, 0, 0, 0).seq, s.seq + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet__written__reads_the_same),
		cmocka_unit_test(test_packet__written__sums_are_right),
		cmocka_unit_test(test_peer__conversation__numbers_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
