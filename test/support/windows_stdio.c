/* SPDX-License-Identifier: MIT */
/* Streams in memory, through temporary files. */
#include "support/windows_stdio.h"

#include <stdlib.h>
#include <windows.h>

#undef fclose

static struct {
	FILE *f;
	char **data;
	size_t *len;
} stream;

static FILE *temporary(void)
{
	wchar_t folder[MAX_PATH], path[MAX_PATH];

	if (GetTempPathW(MAX_PATH, folder) == 0 || GetTempFileNameW(folder, L"inu", 0, path) == 0)
		return NULL;
	return _wfopen(path, L"w+bTD"); /* kept in memory, gone when closed */
}

FILE *fmemopen(void *data, size_t len, const char *mode)
{
	FILE *f = temporary();

	if (f == NULL)
		return NULL;
	fwrite(data, 1, len, f);
	rewind(f);
	return f;
}

FILE *open_memstream(char **ret_data, size_t *ret_len)
{
	stream.f = temporary();
	stream.data = ret_data;
	stream.len = ret_len;
	return stream.f;
}

int test_fclose(FILE *f)
{
	if (f == stream.f) {
		long len = ftell(f);
		char *data = calloc(1, (size_t)len + 1);

		rewind(f);
		*stream.len = data ? fread(data, 1, (size_t)len, f) : 0;
		*stream.data = data;
		stream.f = NULL;
	}
	return fclose(f);
}
