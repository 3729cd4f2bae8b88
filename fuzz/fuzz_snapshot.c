/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of snapshot files: any bytes are refused with a sentence, or are a snapshot that saves and loads to the
 * same text.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/snapshot_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct inuse_snapshot *load(const void *data, size_t size, struct inuse_error *error)
{
	FILE *f = fmemopen((void *)(uintptr_t)data, size, "r");
	struct inuse_snapshot *s = NULL;

	if (f == NULL)
		abort();
	if (iu_snapshot_load(f, "fuzz", &s, error) == INUSE_OK && s == NULL)
		abort();
	fclose(f);
	return s;
}

static char *save(const struct inuse_snapshot *s, size_t *ret_len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_len);

	if (f == NULL || iu_snapshot_save(s, f, true, NULL) != INUSE_OK)
		abort();
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inuse_error error = {0};
	struct inuse_snapshot *first, *second;
	char *text, *again;
	size_t len, len_again;

	if (size == 0)
		return 0;
	first = load(data, size, &error);
	if (first == NULL) {
		if (error.status != INUSE_E_SNAPSHOT || error.text[0] == 0 || strpbrk(error.text, "\n\x1b") != NULL)
			abort();
		return 0;
	}
	text = save(first, &len);
	second = load(text, len, &error);
	if (second == NULL)
		abort();
	again = save(second, &len_again);
	if (len != len_again || memcmp(text, again, len) != 0)
		abort();
	free(text);
	free(again);
	iu_snapshot_free(first);
	iu_snapshot_free(second);
	return 0;
}
