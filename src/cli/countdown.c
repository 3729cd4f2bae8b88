/* SPDX-License-Identifier: MIT */
/* One line on the terminal that is written over again and again. */
#include "cli/countdown.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "compat/system.h"

void iu_countdown_init(struct iu_countdown *c, int64_t first_ns, int64_t step_ns, bool off)
{
	*c = (struct iu_countdown){.on = !off && iu_system_is_terminal(stderr), .next_ns = first_ns, .step_ns = step_ns};
}

int64_t iu_countdown_due(const struct iu_countdown *c)
{
	return c->on ? c->next_ns : INT64_MAX;
}

static size_t terminal_columns(void)
{
	size_t columns = iu_system_columns(stderr);

	return columns > 1 ? columns - 1 : 79;
}

/* Bytes of text that fit into that many columns. */
static size_t fitting(const char *text, size_t columns)
{
	size_t len = strlen(text), at = 0;
	int32_t code;

	while (at < len) {
		size_t next = at + iu_utf8_next(text + at, len - at, &code);

		if (iu_width_n(text, next) > columns)
			break;
		at = next;
	}
	return at;
}

void iu_countdown_show(struct iu_countdown *c, int64_t now_ns, const char *text)
{
	size_t columns, len;

	if (!c->on || now_ns < c->next_ns)
		return;
	c->next_ns = now_ns + c->step_ns;
	len = fitting(text, terminal_columns());
	columns = iu_width_n(text, len);
	fprintf(stderr, "\r%.*s%*s", (int)len, text, c->columns > columns ? (int)(c->columns - columns) : 0, "");
	fflush(stderr);
	c->columns = columns > c->columns ? columns : c->columns;
}

char *iu_countdown_bar(uint64_t done, uint64_t total, char buf[IU_BAR_TEXT])
{
	enum { WIDTH = 20 };
	unsigned filled = (unsigned)((double)done / (double)total * WIDTH), percent = (unsigned)((double)done / (double)total * 100);

	for (unsigned i = 0; i < WIDTH; i++)
		buf[i] = i < filled ? '#' : '-';
	snprintf(buf + WIDTH, IU_BAR_TEXT - WIDTH, " %3u %%", percent);
	return buf;
}

void iu_countdown_clear(struct iu_countdown *c)
{
	if (c->columns > 0)
		fprintf(stderr, "\r%*s\r", (int)c->columns, "");
	fflush(stderr);
	c->columns = 0;
}
