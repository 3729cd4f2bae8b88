/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over a corpus without a fuzzer: every input, every cut of it, and every input with one byte changed,
 * so that the ordinary tests notice when a target breaks. Buffers have exactly the input's size: a sanitizer sees one byte too far.
 * usage: replay FOLDER
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_CUTS 256

static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_variants(uint8_t *data, size_t size)
{
	size_t step = size / MAX_CUTS + 1;

	run(data, size);
	for (size_t at = 0; at < size; at += step) {
		uint8_t was = data[at];

		run(data, at);
		data[at] ^= (uint8_t)(1u << (at % 8));
		run(data, size);
		data[at] = was;
	}
}

static bool read_and_run(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data = NULL;
	long size;
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	ok = f != NULL && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0 &&
	     (data = malloc((size_t)size + 1)) != NULL && fread(data, 1, (size_t)size, f) == (size_t)size;
	if (ok)
		run_variants(data, (size_t)size);
	else
		perror(path);
	free(data);
	if (f != NULL)
		fclose(f);
	return ok;
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	unsigned n = 0;
	bool ok = true;

	if (dir == NULL) {
		fprintf(stderr, "usage: replay FOLDER (%s cannot be read)\n", argc == 2 ? argv[1] : "none given");
		return 2;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			ok = read_and_run(argv[1], entry->d_name) && ok;
			n++;
		}
	closedir(dir);
	printf("%u inputs\n", n);
	return ok && n > 0 ? 0 : 1;
}
