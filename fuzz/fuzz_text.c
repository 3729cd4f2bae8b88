/* SPDX-License-Identifier: MIT */
/* Names that are not ours: escaped they hold no control character, whole characters only, and columns add up. */
#include "base/text.h"
#include "fuzz/input.h"

static void check_clean(const char *s)
{
	size_t len = strlen(s);
	int32_t code;

	while (len > 0) {
		size_t n = iu_utf8_next(s, len, &code);

		MUST(n >= 1 && n <= 4 && n <= len && code >= 0x20 && (code < 0x7f || code >= 0xa0));
		s += n;
		len -= n;
	}
}

/* Escaped into a buffer of any size: terminated, clean, and a beginning of the whole. */
static void check_cut(const char *s, const char *whole, size_t size)
{
	char *buf = malloc(size);

	MUST(buf != NULL);
	MUST(iu_escape(s, buf, size) == buf);
	MUST(strlen(buf) < size && strncmp(buf, whole, strlen(buf)) == 0);
	check_clean(buf);
	free(buf);
}

static void check_pad(const char *s, size_t columns)
{
	struct iu_text t = {0};
	size_t width;

	iu_text_add(&t, "# ");
	iu_text_add_escaped(&t, s);
	width = iu_width(t.data + 2);
	iu_text_pad(&t, 2, columns, 1);
	MUST(iu_width(t.data + 2) == (width + 1 > columns ? width + 1 : columns));
	iu_text_done(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = input_string(data, size);
	struct iu_text whole = {0};

	iu_text_add(&whole, "");
	iu_text_add_escaped(&whole, s);
	check_clean(whole.data);
	MUST(iu_width(s) <= 2 * strlen(s));
	check_cut(s, whole.data, whole.len + 1);
	check_cut(s, whole.data, size > 0 ? data[0] + 1u : 1);
	check_pad(s, size > 0 ? data[size - 1] : 0);
	iu_text_done(&whole);
	free(s);
	return 0;
}
