/* SPDX-License-Identifier: MIT */
/* Addresses: predicates, comparisons, text. */
#include "base/address.h"

#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t zeros[16];

bool iu_addr_is_any(const struct inuse_addr *a)
{
	return a->family == 0 || memcmp(a->ip, zeros, a->family == 4 ? 4 : 16) == 0;
}

bool iu_addr_is_mapped(const struct inuse_addr *a)
{
	return a->family == 6 && memcmp(a->ip, mapped_prefix, 12) == 0;
}

bool iu_addr_is_mapped_any(const struct inuse_addr *a)
{
	return iu_addr_is_mapped(a) && memcmp(a->ip + 12, zeros, 4) == 0;
}

struct inuse_addr iu_addr_unmapped(const struct inuse_addr *a)
{
	struct inuse_addr v4 = {.family = 4, .port = a->port};

	if (!iu_addr_is_mapped(a))
		return *a;
	memcpy(v4.ip, a->ip + 12, 4);
	return v4;
}

struct inuse_addr iu_addr_any(int family, uint16_t port)
{
	return (struct inuse_addr){.family = (uint8_t)family, .port = port};
}

bool iu_addr_is_loopback(const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	if (u.family == 4)
		return u.ip[0] == 127;
	return u.family == 6 && memcmp(u.ip, zeros, 15) == 0 && u.ip[15] == 1;
}

bool iu_addr_is_multicast(const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	return u.family == 4 ? (u.ip[0] & 0xf0) == 0xe0 : u.family == 6 && u.ip[0] == 0xff;
}

bool iu_addr_is_link_local6(const struct inuse_addr *a)
{
	return a->family == 6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

bool iu_addr_same(const struct inuse_addr *a, const struct inuse_addr *b)
{
	struct inuse_addr x = iu_addr_unmapped(a), y = iu_addr_unmapped(b);

	if (x.family != y.family || (x.scope != 0 && y.scope != 0 && x.scope != y.scope))
		return false;
	return memcmp(x.ip, y.ip, x.family == 4 ? 4 : 16) == 0;
}

bool iu_addr_in(const struct inuse_addr *addr, const struct inuse_addr *net, unsigned prefix_len)
{
	unsigned bytes = prefix_len / 8, bits = prefix_len % 8;

	if (addr->family != net->family || prefix_len > (addr->family == 4 ? 32u : 128u))
		return false;
	if (memcmp(addr->ip, net->ip, bytes) != 0)
		return false;
	return bits == 0 || ((addr->ip[bytes] ^ net->ip[bytes]) & (0xff00u >> bits) & 0xff) == 0;
}

/* RFC 5952: lower case, the longest run of zero groups (two or more, the first of equals) as "::". */
static void text6(const uint8_t ip[16], char *buf, size_t size)
{
	int best = -1, best_len = 1, at = 0;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && ip[2 * (i + n)] == 0 && ip[2 * (i + n) + 1] == 0)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			at += snprintf(buf + at, size - (size_t)at, "::");
			i += best_len - 1;
			continue;
		}
		at += snprintf(buf + at, size - (size_t)at, "%s%x", i > 0 && i != best + best_len ? ":" : "",
			       ip[2 * i] << 8 | ip[2 * i + 1]);
	}
}

char *iu_addr_host_text(const struct inuse_addr *a, char buf[INUSE_ADDR_TEXT])
{
	if (a->family == 0) {
		strcpy(buf, "*");
	} else if (a->family == 4) {
		snprintf(buf, INUSE_ADDR_TEXT, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
	} else if (iu_addr_is_mapped(a)) {
		snprintf(buf, INUSE_ADDR_TEXT, "::ffff:%u.%u.%u.%u", a->ip[12], a->ip[13], a->ip[14], a->ip[15]);
	} else {
		text6(a->ip, buf, INUSE_ADDR_TEXT);
		if (a->scope != 0)
			snprintf(buf + strlen(buf), INUSE_ADDR_TEXT - strlen(buf), "%%%u", a->scope);
	}
	return buf;
}

char *inuse_addr_text(const struct inuse_addr *a, char buf[INUSE_ADDR_TEXT])
{
	char host[INUSE_ADDR_TEXT];

	iu_addr_host_text(a, host);
	snprintf(buf, INUSE_ADDR_TEXT, a->family == 6 ? "[%.80s]:%u" : "%.80s:%u", host, a->port);
	return buf;
}
