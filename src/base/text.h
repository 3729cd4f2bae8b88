/* SPDX-License-Identifier: MIT */
/* Text: growing buffers, escaping of what is not ours, widths in characters. */
#ifndef IU_BASE_TEXT_H
#define IU_BASE_TEXT_H

#include "inuse.h"

/* A growing string, always NUL-terminated once written to. {0} is empty. failed: memory ran out, text is cut. */
struct iu_text {
	char *data;
	size_t len, cap;
	bool failed;
};

void iu_text_done(struct iu_text *t);
void iu_text_add(struct iu_text *t, const char *s);
void iu_text_add_n(struct iu_text *t, const char *s, size_t len);
/* Adds n spaces. */
void iu_text_add_blanks(struct iu_text *t, size_t n);
void iu_text_addf(struct iu_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds s with control characters, and bytes that are not UTF-8, as \x1b and the like. */
void iu_text_add_escaped(struct iu_text *t, const char *s);
/* Adds spaces until the line that began at byte `start` is `columns` wide; at least `least` spaces. */
void iu_text_pad(struct iu_text *t, size_t start, size_t columns, size_t least);

/* Escapes s into buf (cut at size, never inside a character). NULL s is "". Returns buf. */
char *iu_escape(const char *s, char *buf, size_t size);
/* The decimal digits of n, without a NUL, to the place they end before: the place they begin at. 20 at most. */
char *iu_digits(uint64_t n, char *end);
/* Columns that s takes on a terminal: wide characters count 2, combining ones 0. ASCII and UTF-8. */
size_t iu_width(const char *s);
size_t iu_width_n(const char *s, size_t len);
/* Length of the next character at s (at most len bytes); *ret_code its code point, or -1 for a byte that is not UTF-8. */
size_t iu_utf8_next(const char *s, size_t len, int32_t *ret_code);

#endif
