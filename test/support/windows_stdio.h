/* SPDX-License-Identifier: MIT */
/* Included before every unit test on Windows: the functions of POSIX that tests use and its C library lacks. */
#ifndef IU_TEST_WINDOWS_STDIO_H
#define IU_TEST_WINDOWS_STDIO_H

#include <fcntl.h>
#include <io.h>
#include <stdio.h>

FILE *fmemopen(void *data, size_t len, const char *mode); /* reading only */
FILE *open_memstream(char **ret_data, size_t *ret_len);   /* one at a time; the data is there after fclose() */
int test_fclose(FILE *f);

#define fclose(f) test_fclose(f)
#define pipe(fds) _pipe(fds, 4096, _O_BINARY)

#endif
