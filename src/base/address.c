/* SPDX-License-Identifier: MIT */
/* Addresses: predicates, comparisons, text. */
#include "base/address.h"

#include <string.h>

#include "base/text.h"

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

struct inuse_addr iu_addr_as_family(const struct inuse_addr *a, uint8_t family)
{
	struct inuse_addr r = iu_addr_unmapped(a), mapped = {.family = 6, .port = r.port};

	if (family != 6 || r.family != 4)
		return r;
	memcpy(mapped.ip, mapped_prefix, sizeof(mapped_prefix));
	memcpy(mapped.ip + sizeof(mapped_prefix), r.ip, 4);
	return mapped;
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

bool iu_addr_is_limited_broadcast(const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	return u.family == 4 && u.ip[0] == 255 && u.ip[1] == 255 && u.ip[2] == 255 && u.ip[3] == 255;
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

/*
 * Text is made by hand here, not by printf: a table of a million sockets has two million addresses, and nothing else in
 * it takes as long. Each of these writes at `to` and returns the end of what it wrote, which has no NUL.
 */
static char *put_number(char *to, unsigned n)
{
	char digits[20], *end = digits + sizeof(digits), *start = iu_digits(n, end);

	memcpy(to, start, (size_t)(end - start));
	return to + (end - start);
}

static char *put4(char *to, const uint8_t ip[4])
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*to++ = '.';
		if (ip[i] >= 100)
			*to++ = (char)('0' + ip[i] / 100);
		if (ip[i] >= 10)
			*to++ = (char)('0' + ip[i] / 10 % 10);
		*to++ = (char)('0' + ip[i] % 10);
	}
	return to;
}

static char *put_group(char *to, unsigned group)
{
	int shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0;

	for (; shift >= 0; shift -= 4)
		*to++ = "0123456789abcdef"[group >> shift & 0xf];
	return to;
}

/* RFC 5952: lower case, the longest run of zero groups (two or more, the first of equals) as "::". */
static char *put6(char *to, const uint8_t ip[16])
{
	int best = -1, best_len = 1;

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
			*to++ = ':';
			*to++ = ':';
			i += best_len - 1;
			continue;
		}
		if (i > 0 && i != best + best_len)
			*to++ = ':';
		to = put_group(to, (unsigned)ip[2 * i] << 8 | ip[2 * i + 1]);
	}
	return to;
}

static char *put_host(char *to, const struct inuse_addr *a)
{
	if (a->family == 4)
		return put4(to, a->ip);
	if (a->family == 0) {
		*to = '*';
		return to + 1;
	}
	if (iu_addr_is_mapped(a)) {
		memcpy(to, "::ffff:", 7);
		return put4(to + 7, a->ip + 12);
	}
	to = put6(to, a->ip);
	if (a->scope != 0) {
		*to = '%';
		to = put_number(to + 1, a->scope);
	}
	return to;
}

char *iu_addr_host_text(const struct inuse_addr *a, char buf[INUSE_ADDR_TEXT])
{
	*put_host(buf, a) = 0;
	return buf;
}

char *iu_addr_put(const struct inuse_addr *a, char buf[INUSE_ADDR_TEXT])
{
	char *to = buf;

	if (a->family == 6)
		*to++ = '[';
	to = put_host(to, a);
	if (a->family == 6)
		*to++ = ']';
	*to = ':';
	return put_number(to + 1, a->port);
}

char *inuse_addr_text(const struct inuse_addr *a, char buf[INUSE_ADDR_TEXT])
{
	*iu_addr_put(a, buf) = 0;
	return buf;
}
