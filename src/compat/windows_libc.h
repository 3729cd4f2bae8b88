/* SPDX-License-Identifier: MIT */
/* Included before every file on Windows: functions that its C library lacks, with the meaning that glibc gives them. */
#ifndef IU_COMPAT_WINDOWS_LIBC_H
#define IU_COMPAT_WINDOWS_LIBC_H

#define _CRT_RAND_S
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void *reallocarray(void *old, size_t n, size_t size)
{
	if (size != 0 && n > (size_t)-1 / size) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, n * size);
}

#define strndup(text, len) iu_libc_strndup(text, len)
static inline char *iu_libc_strndup(const char *text, size_t len)
{
	size_t have = strnlen(text, len);
	char *copy = malloc(have + 1);

	if (copy != NULL) {
		memcpy(copy, text, have);
		copy[have] = 0;
	}
	return copy;
}

static inline struct tm *gmtime_r(const time_t *when, struct tm *ret)
{
	return gmtime_s(ret, when) == 0 ? ret : NULL;
}

#endif
