/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/tcp and tcp6: one socket out of a line.
 *
 * Fields, between blanks: number with a colon, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
 * An address is one or four words of 32 bits, each printed as the machine's own number although it holds network order;
 * a port is a plain number. Source: linux v6.18 net/ipv4/tcp_ipv4.c get_tcp4_sock(), get_timewait4_sock(),
 * get_openreq4(), and the same of net/ipv6/tcp_ipv6.c.
 */
#include "host/procnet.h"

#include <string.h>

#include "base/address.h"
#include "base/parse.h"
#include "host/linux_tcp.h"

enum field { NUMBER, LOCAL, REMOTE, STATE, QUEUES, TIMER, RETRANSMITS, UID, TIMEOUT, INODE, N_FIELDS };

#define TIMER_KEEPALIVE 2
#define TIMER_TIME_WAIT 3

struct piece {
	const char *text;
	size_t len;
};

static bool split(const char *line, size_t len, struct piece ret[N_FIELDS])
{
	size_t at = 0;

	for (int i = 0; i < N_FIELDS; i++) {
		while (at < len && line[at] == ' ')
			at++;
		ret[i].text = line + at;
		while (at < len && line[at] != ' ' && line[at] != '\n')
			at++;
		ret[i].len = (size_t)(line + at - ret[i].text);
		if (ret[i].len == 0)
			return false;
	}
	/* A number that the end of the text cuts short would still be a number. */
	return at < len;
}

/* 1 to 16 hexadecimal digits and nothing else. */
static bool read_hex(const char *text, size_t len, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0 || len > 16)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint64_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = value;
	return true;
}

static bool read_addr(const struct piece *p, uint8_t family, struct inuse_addr *ret)
{
	size_t words = family == 4 ? 1 : 4;
	uint64_t value;

	if (p->len != words * 8 + 5 || p->text[words * 8] != ':')
		return false;
	*ret = (struct inuse_addr){.family = family};
	for (size_t i = 0; i < words; i++) {
		uint32_t word;

		if (!read_hex(p->text + 8 * i, 8, &value))
			return false;
		word = (uint32_t)value;
		memcpy(ret->ip + 4 * i, &word, sizeof(word));
	}
	if (!read_hex(p->text + words * 8 + 1, 4, &value))
		return false;
	ret->port = (uint16_t)value;
	return true;
}

/* "03:00001766": which timer, and in how many ticks. */
static bool read_timer(const struct piece *p, uint64_t *ret_timer, uint64_t *ret_ticks)
{
	return p->len > 3 && p->text[2] == ':' && read_hex(p->text, 2, ret_timer) &&
	       read_hex(p->text + 3, p->len - 3, ret_ticks);
}

bool iu_procnet_line(const char *line, size_t len, const struct iu_procnet_context *context, struct inuse_socket *ret)
{
	struct piece pieces[N_FIELDS];
	uint64_t state, timer, ticks, uid, inode;

	if (!split(line, len, pieces))
		return false;
	*ret = (struct inuse_socket){.family = context->family, .count = 1, .known = INUSE_KNOW_INODE};
	if (pieces[NUMBER].text[pieces[NUMBER].len - 1] != ':' ||
	    !read_addr(&pieces[LOCAL], context->family, &ret->local) ||
	    !read_addr(&pieces[REMOTE], context->family, &ret->remote) || pieces[STATE].len != 2 ||
	    !read_hex(pieces[STATE].text, 2, &state) || !read_timer(&pieces[TIMER], &timer, &ticks) ||
	    !iu_parse_u64_n(pieces[UID].text, pieces[UID].len, 0, UINT32_MAX, &uid) ||
	    !iu_parse_u64_n(pieces[INODE].text, pieces[INODE].len, 0, UINT64_MAX, &inode))
		return false;
	ret->state = iu_state_from_linux((unsigned)state);
	ret->uid = (uint32_t)uid;
	ret->inode = inode;
	/* A half-open request has no inode, and a full socket in that state was not accepted yet: they look alike. */
	ret->mini = timer == TIMER_TIME_WAIT || (ret->state == INUSE_SYN_RECV && inode == 0);
	if (!ret->mini && (int64_t)uid != context->doubtful_uid)
		ret->known |= INUSE_KNOW_UID;
	if (inode == 0)
		ret->known |= INUSE_KNOW_HAS_FILE;
	if (context->family == 4 || iu_addr_is_mapped(&ret->local))
		ret->known |= INUSE_KNOW_V6ONLY;
	if (timer == TIMER_TIME_WAIT) {
		/* More than a day is no TIME-WAIT, but must not overflow either. */
		if (ticks > 100000000)
			return false;
		ret->free_at_ns = context->now_ns + (int64_t)ticks * context->tick_ns;
		ret->free_slack_ns = iu_mini_slack_ns(context->hz);
		if (ret->state == INUSE_TIME_WAIT)
			ret->since_ns = ret->free_at_ns - IU_TIME_WAIT_NS;
	} else if (timer == TIMER_KEEPALIVE && ticks <= UINT32_MAX) {
		iu_orphan_end(ret, context->now_ns, (int64_t)ticks * context->tick_ns, context->fin_most_ns, context->hz);
	}
	if (ret->free_at_ns != 0)
		ret->free_slack_ns += context->late_ns;
	return true;
}
