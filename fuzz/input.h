/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stands in every build, NDEBUG or not. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* The input as a string of its own, up to its first NUL. The caller frees it. */
static inline char *input_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	MUST(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = 0;
	return s;
}

#endif
