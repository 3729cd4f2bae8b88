/* SPDX-License-Identifier: MIT */
/* Reading an experiment, the lowest layer: memory, what is wrong, lines and words. */
#include "lab/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/near.h"
#include "base/text.h"

#define BLOCK 16384

struct iu_exp_block {
	struct iu_exp_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

bool iu_parse_wrong(struct iu_parser *p, const char *format, ...)
{
	char text[200], file[80];
	va_list ap;

	if (p->status != INUSE_OK)
		return false;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	p->status = iu_fail(p->error, INUSE_E_INPUT, 0, NULL, "%s:%u: %s", iu_escape(p->name, file, sizeof(file)), p->line, text);
	return false;
}

void *iu_parse_alloc(struct iu_parser *p, size_t size)
{
	struct iu_exp_block *block = p->exp->blocks;

	size = (size + 15) & ~(size_t)15;
	if (block == NULL || block->size - block->used < size) {
		size_t room = size > BLOCK ? size : BLOCK;

		block = calloc(1, sizeof(*block) + room);
		if (block == NULL) {
			if (p->status == INUSE_OK)
				p->status = iu_fail(p->error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
			return NULL;
		}
		block->size = room;
		block->next = p->exp->blocks;
		p->exp->blocks = block;
	}
	block->used += size;
	return block->data + block->used - size;
}

char *iu_parse_string(struct iu_parser *p, const char *text, size_t len)
{
	char *copy = iu_parse_alloc(p, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

void iu_exp_free(struct iu_exp *exp)
{
	struct iu_exp_block *block = exp != NULL ? exp->blocks : NULL;

	while (block != NULL) {
		struct iu_exp_block *next = block->next;

		free(block);
		block = next;
	}
	free(exp);
}

bool iu_parse_wrong_word(struct iu_parser *p, const char *word, const char *is)
{
	char shown[64];

	return iu_parse_wrong(p, "\"%s\" %s", iu_escape(word, shown, sizeof(shown)), is);
}

bool iu_parse_written(struct iu_parser *p, const char *word, const char *only)
{
	char shown[64], shown_only[64];

	return strcmp(word, only) == 0 || iu_parse_wrong(p, _("\"%s\" is written %s"), iu_escape(word, shown, sizeof(shown)),
							 iu_escape(only, shown_only, sizeof(shown_only)));
}

bool iu_parse_unknown(struct iu_parser *p, const char *word, const char *is, const char *(*at)(size_t i))
{
	const char *likely = NULL, *name;
	struct iu_near near;
	char shown[64];

	iu_near_begin(&near, word, &likely, 1);
	for (size_t i = 0; (name = at(i)) != NULL; i++)
		iu_near_consider(&near, name);
	if (near.n == 0)
		return iu_parse_wrong_word(p, word, is);
	return iu_parse_wrong(p, _("\"%s\" %s; \"%s\" is"), iu_escape(word, shown, sizeof(shown)), is, likely);
}

bool iu_parse_is_name(const char *word)
{
	size_t len = strlen(word);

	return len >= 1 && len <= 15 && word[0] >= 'a' && word[0] <= 'z' &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

size_t iu_parse_index(const char *const *names, size_t n, const char *word)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], word) != 0)
		i++;
	return i;
}

bool iu_parse_lines(struct iu_parser *p, struct iu_exp_file *f, const char *text, size_t len)
{
	for (size_t at = 0, number = 1; at < len; number++) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t length = end != NULL ? (size_t)(end - text) - at : len - at, start = 0;
		const char *line = text + at;

		p->line = (unsigned)number;
		at += length + 1;
		if (length > IU_EXP_MAX_LINE)
			return iu_parse_wrong(p, _("the line is longer than %d characters"), IU_EXP_MAX_LINE);
		for (size_t i = 0, step; i < length; i += step) {
			int32_t code;

			step = iu_utf8_next(line + i, length - i, &code);
			if (code < 0 || (code < ' ' && code != '\t') || code == 127)
				return iu_parse_wrong(p, _("column %zu is not text (UTF-8 without control characters)"), i + 1);
		}
		while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
			length--;
		while (start < length && (line[start] == ' ' || line[start] == '\t'))
			start++;
		if (start == length || line[start] == '#')
			continue;
		if (f->n == IU_PARSE_LINES)
			return iu_parse_wrong(p, _("there are more than %d lines"), IU_PARSE_LINES);
		f->lines[f->n] = (struct iu_exp_line){(unsigned)number, start > 0, iu_parse_string(p, line + start, length - start)};
		if (f->lines[f->n++].text == NULL)
			return false;
	}
	return true;
}

size_t iu_parse_continued(const struct iu_exp_file *f, size_t i)
{
	size_t n = 0;

	while (i + 1 + n < f->n && f->lines[i + 1 + n].indented)
		n++;
	return n;
}

bool iu_parse_words(struct iu_parser *p, char *text)
{
	char *save = NULL;

	p->n_words = p->at = 0;
	for (char *word = strtok_r(text, " \t", &save); word != NULL; word = strtok_r(NULL, " \t", &save)) {
		if (p->n_words == IU_PARSE_WORDS)
			return iu_parse_wrong(p, _("there are more than %d words in the line"), IU_PARSE_WORDS);
		p->words[p->n_words++] = word;
	}
	return true;
}
