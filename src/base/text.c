/* SPDX-License-Identifier: MIT */
/* Text: growing buffers, escaping of what is not ours, widths in characters. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static bool grow(struct iu_text *t, size_t more)
{
	size_t want = t->len + more + 1, cap = t->cap ? t->cap : 128;
	char *data;

	if (t->failed)
		return false;
	while (cap < want)
		cap *= 2;
	data = realloc(t->data, cap);
	if (data == NULL) {
		t->failed = true;
		return false;
	}
	t->data = data;
	t->cap = cap;
	return true;
}

/* Nearly always there is room already: rows of tables are made of such small pieces that a call counts. */
static inline bool reserve(struct iu_text *t, size_t more)
{
	return (t->data != NULL && more < t->cap - t->len && !t->failed) || grow(t, more);
}

void iu_text_done(struct iu_text *t)
{
	free(t->data);
	*t = (struct iu_text){0};
}

void iu_text_add_n(struct iu_text *t, const char *s, size_t len)
{
	if (!reserve(t, len))
		return;
	if (len > 0)
		memcpy(t->data + t->len, s, len);
	t->len += len;
	t->data[t->len] = 0;
}

void iu_text_add(struct iu_text *t, const char *s)
{
	iu_text_add_n(t, s, strlen(s));
}

void iu_text_add_blanks(struct iu_text *t, size_t n)
{
	if (!reserve(t, n))
		return;
	memset(t->data + t->len, ' ', n);
	t->len += n;
	t->data[t->len] = 0;
}

char *iu_digits(uint64_t n, char *end)
{
	do {
		*--end = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	return end;
}

void iu_text_addf(struct iu_text *t, const char *format, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, ap);
	if (len >= 0 && reserve(t, (size_t)len)) {
		vsnprintf(t->data + t->len, (size_t)len + 1, format, again);
		t->len += (size_t)len;
	}
	va_end(again);
	va_end(ap);
}

/* A decoder of our own: mbrtowc() depends on the locale, and a library must not. RFC 3629, section 4. */
size_t iu_utf8_next(const char *s, size_t len, int32_t *ret_code)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	int32_t code = n == 1 ? c : n > 1 ? c & (0x7f >> n) : -1;

	*ret_code = -1;
	if (n == 0 || n > len)
		return 1;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (n > 1 && (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)))
		return 1;
	*ret_code = code;
	return n;
}

/* Control characters, and the marks that turn the direction of text: a name must not rewrite the line around it. */
static bool must_escape(int32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || (code >= 0x200e && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

/* The next piece of s as it may be shown, into piece (at most 16 bytes with NUL); returns the bytes taken. */
static size_t escape_one(const char *s, size_t len, char piece[17])
{
	int32_t code;
	size_t n = iu_utf8_next(s, len, &code), at = 0;

	if (code >= 0 && !must_escape(code)) {
		memcpy(piece, s, n);
		piece[n] = 0;
		return n;
	}
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(piece + at, 17 - at, "\\x%02x", (unsigned char)s[i]);
	return n;
}

void iu_text_add_escaped(struct iu_text *t, const char *s)
{
	size_t len = strlen(s);
	char piece[17];

	while (len > 0) {
		size_t n = escape_one(s, len, piece);

		iu_text_add(t, piece);
		s += n;
		len -= n;
	}
}

char *iu_escape(const char *s, char *buf, size_t size)
{
	size_t len = s ? strlen(s) : 0, at = 0;
	char piece[17];

	while (len > 0) {
		size_t n = escape_one(s, len, piece), add = strlen(piece);

		if (at + add >= size)
			break;
		memcpy(buf + at, piece, add);
		at += add;
		s += n;
		len -= n;
	}
	buf[at] = 0;
	return buf;
}

/* Ranges of double width and of none, from Unicode's EastAsianWidth (W, F) and general categories Mn, Me, Cf. */
static int width_of(int32_t code)
{
	static const struct {
		int32_t first, last;
		int width;
	} rows[] = {
		{0x300, 0x36f, 0},     {0x483, 0x489, 0},     {0x591, 0x5bd, 0},     {0x610, 0x61a, 0},
		{0x64b, 0x65f, 0},     {0x6d6, 0x6dc, 0},     {0x900, 0x902, 0},     {0xe31, 0xe31, 0},
		{0xe34, 0xe3a, 0},     {0xe47, 0xe4e, 0},     {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},
		{0x1dc0, 0x1dff, 0},   {0x200b, 0x200f, 0},   {0x20d0, 0x20f0, 0},   {0x231a, 0x231b, 2},
		{0x2e80, 0x303e, 2},   {0x3041, 0x33ff, 2},   {0x3400, 0x4dbf, 2},   {0x4e00, 0x9fff, 2},
		{0xa000, 0xa4cf, 2},   {0xa960, 0xa97c, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
		{0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2},
		{0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && code >= rows[i].first; i++)
		if (code <= rows[i].last)
			return rows[i].width;
	return 1;
}

/* How many of the first bytes are printable ASCII, each a column wide. */
static size_t plain_start(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7f)
		n++;
	return n;
}

size_t iu_width_n(const char *s, size_t len)
{
	size_t width = plain_start(s, len);
	int32_t code;

	s += width;
	len -= width;
	while (len > 0) {
		size_t n = iu_utf8_next(s, len, &code);

		width += code < 0 ? 1 : (size_t)width_of(code);
		s += n;
		len -= n;
	}
	return width;
}

size_t iu_width(const char *s)
{
	return iu_width_n(s, strlen(s));
}

void iu_text_pad(struct iu_text *t, size_t start, size_t columns, size_t least)
{
	size_t width = t->data ? iu_width_n(t->data + start, t->len - start) : 0;
	size_t n = width + least > columns ? least : columns - width;

	iu_text_add_blanks(t, n);
}
