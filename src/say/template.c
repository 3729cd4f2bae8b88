/* SPDX-License-Identifier: MIT */
/* Templates with {names}, durations, wrapping. */
#include <stdio.h>
#include <string.h>

#include "base/gettext.h"
#include "say/say.h"

static const char *value_of(const struct iu_var *vars, const char *name, size_t len)
{
	for (; vars->name != NULL; vars++)
		if (strlen(vars->name) == len && memcmp(vars->name, name, len) == 0)
			return vars->value;
	return NULL;
}

void iu_say_expand(struct iu_text *t, const char *format, const struct iu_var *vars)
{
	while (*format != 0) {
		size_t plain = strcspn(format, "{"), len;
		const char *value;

		iu_text_add_n(t, format, plain);
		format += plain;
		if (*format == 0)
			return;
		len = strcspn(format, "}");
		value = format[len] == '}' ? value_of(vars, format + 1, len - 1) : NULL;
		if (value == NULL) {
			iu_text_add_n(t, format, 1);
			format++;
		} else {
			iu_text_add(t, value);
			format += len + 1;
		}
	}
}

size_t iu_say_wrapped(struct iu_text *t, const char *text, size_t indent, size_t width)
{
	size_t lines = 1, line_start = t->len, at = 0;

	while (line_start > 0 && t->data[line_start - 1] != '\n')
		line_start--;
	at = t->data ? iu_width_n(t->data + line_start, t->len - line_start) : 0;
	while (*text != 0) {
		size_t word = strcspn(text, " "), columns = iu_width_n(text, word);

		if (at > indent && at + 1 + columns > width) {
			iu_text_add(t, "\n");
			for (size_t i = 0; i < indent; i++)
				iu_text_add(t, " ");
			at = indent;
			lines++;
		} else if (at > 0 && t->data[t->len - 1] != ' ') {
			iu_text_add(t, " ");
			at++;
		}
		iu_text_add_n(t, text, word);
		at += columns;
		text += word;
		text += strspn(text, " ");
	}
	return lines;
}

static long long seconds(int64_t ns)
{
	return ns <= 0 ? 0 : (long long)((ns + 999999999) / 1000000000);
}

char *iu_say_duration(int64_t ns, int64_t slack_ns, char buf[64])
{
	long long least = seconds(ns), most = seconds(ns + slack_ns);

	if (least >= 2 * 86400)
		snprintf(buf, 64, _("%lld days"), least / 86400);
	else if (least >= 2 * 3600)
		snprintf(buf, 64, _("%lld h"), least / 3600);
	else if (least > 120)
		snprintf(buf, 64, _("%lld min"), (least + 30) / 60);
	else if (most > least)
		snprintf(buf, 64, _("%lld to %lld s"), least, most);
	else
		snprintf(buf, 64, _("%lld s"), least);
	return buf;
}
