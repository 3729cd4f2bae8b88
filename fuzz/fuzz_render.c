/* SPDX-License-Identifier: MIT */
/*
 * Sentences as translators might write them: a template with {names}, filled in, wrapped to a width and put into a table.
 * The input: a byte for the width, one for the indent, then the value of {name}, a line feed, and the template.
 */
#include "fuzz/input.h"

#include "base/text.h"
#include "say/say.h"

enum { MAX_INDENT = 16 };

/* The words of a, and of b, are the same ones, whatever stands between them. */
static void check_words(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, " \n");
		b += strspn(b, " \n");
		if (*a == 0 || *b == 0)
			break;
		MUST(*a == *b);
		a++;
		b++;
	}
	MUST(*a == 0 && *b == 0);
}

/* No line is wider than asked, unless a single word is. */
static void check_lines(const char *text, size_t indent, size_t width)
{
	while (*text != 0) {
		size_t len = strcspn(text, "\n"), start = strspn(text, " ");

		if (iu_width_n(text, len) > width && iu_width_n(text, len) > indent)
			MUST(memchr(text + start, ' ', len > start ? len - start : 0) == NULL);
		text += len + (text[len] == '\n');
	}
}

static void check_wrapped(const char *sentence, size_t indent, size_t width)
{
	struct iu_text t = {0};
	size_t lines, counted = 1;

	iu_text_add(&t, "");
	lines = iu_say_wrapped(&t, sentence, indent, width);
	for (size_t i = 0; i < t.len; i++)
		counted += t.data[i] == '\n';
	MUST(lines == counted);
	check_words(sentence, t.data);
	check_lines(t.data, indent, width);
	iu_text_done(&t);
}

/* Blanks up to a width, whatever the script. */
static void check_cell(const char *sentence, size_t columns)
{
	size_t width = iu_width(sentence);
	struct iu_text t = {0};

	iu_text_add(&t, sentence);
	iu_text_pad(&t, 0, columns, 2);
	MUST(iu_width(t.data) == (width + 2 > columns ? width + 2 : columns));
	iu_text_done(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iu_text sentence = {0};
	struct iu_var vars[2] = {{0}};
	char *value, *template;

	if (size < 2)
		return 0;
	value = input_string(data + 2, size - 2);
	template = strchr(value, '\n');
	if (template != NULL) {
		*template++ = 0;
		vars[0] = (struct iu_var){"name", value};
		iu_text_add(&sentence, "");
		iu_say_expand(&sentence, template, vars);
		/* a sentence is one line: the only line feeds are those of wrapping */
		for (size_t i = 0; i < sentence.len; i++)
			if (sentence.data[i] == '\n')
				sentence.data[i] = ' ';
		check_wrapped(sentence.data, data[1] % MAX_INDENT, data[0]);
		check_cell(sentence.data, data[0]);
	}
	iu_text_done(&sentence);
	free(value);
	return 0;
}
