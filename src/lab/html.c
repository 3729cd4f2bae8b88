/* SPDX-License-Identifier: MIT */
/* Writing HTML that cannot be broken out of. See html.h. */
#include "lab/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void add_entities(struct iu_text *t, const char *s, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		const char *entity = entity_of(s[i]);

		if (entity == NULL)
			continue;
		iu_text_add_n(t, s + start, i - start);
		iu_text_add(t, entity);
		start = i + 1;
	}
	iu_text_add_n(t, s + start, len - start);
}

static bool is_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] >= 0x7f)
			return false;
	return true;
}

void iu_html_text_n(struct iu_text *t, const char *s, size_t len)
{
	struct iu_text cut = {0}, shown = {0};

	if (is_plain(s, len)) {
		add_entities(t, s, len);
		return;
	}
	iu_text_add_n(&cut, s, len);
	iu_text_add_escaped(&shown, cut.data != NULL ? cut.data : "");
	add_entities(t, shown.data != NULL ? shown.data : "", shown.len);
	t->failed |= cut.failed || shown.failed;
	iu_text_done(&cut);
	iu_text_done(&shown);
}

void iu_html_text(struct iu_text *t, const char *s)
{
	iu_html_text_n(t, s, strlen(s));
}

/* One hole, whose conversion stands at p; returns what follows it. */
static const char *fill(struct iu_text *t, const char *p, va_list *ap)
{
	if (*p == 's') {
		iu_html_text(t, va_arg(*ap, const char *));
	} else if (*p == 'd') {
		iu_text_addf(t, "%d", va_arg(*ap, int));
	} else if (strncmp(p, "zu", 2) == 0) {
		iu_text_addf(t, "%zu", va_arg(*ap, size_t));
		p++;
	} else if (strncmp(p, "lld", 3) == 0) {
		iu_text_addf(t, "%lld", va_arg(*ap, long long));
		p += 2;
	} else {
		iu_text_add_n(t, p, 1); /* "%%" */
	}
	return p + 1;
}

void iu_html_addf(struct iu_text *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	while (*format != 0) {
		size_t len = strcspn(format, "%");

		iu_text_add_n(t, format, len);
		format += len;
		if (*format == '%' && format[1] != 0)
			format = fill(t, format + 1, &ap);
	}
	va_end(ap);
}

void iu_html_sayf(struct iu_text *t, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		t->failed = true;
	else
		iu_html_text(t, text);
	va_end(ap);
	free(text);
}

void iu_html_id(struct iu_text *t, const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p != 0; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');

		if (letter || strchr("/_-.", *p) != NULL)
			iu_text_add_n(t, (const char *)p, 1);
		else
			iu_text_addf(t, "~%02x", *p);
	}
}
