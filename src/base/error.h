/* SPDX-License-Identifier: MIT */
/* Filling and returning an error in one expression. */
#ifndef IU_BASE_ERROR_H
#define IU_BASE_ERROR_H

#include "inuse.h"

/* Fills *error (NULL is fine) and returns status. os_code: an errno, or 0. step: a constant string, or NULL. */
enum inuse_status iu_fail(struct inuse_error *error, enum inuse_status status, int os_code, const char *step,
			  const char *format, ...) __attribute__((format(printf, 5, 6)));
#ifdef __clang_analyzer__
/* It does not look into other files, and has to know that what was passed comes back. */
#define iu_fail(error, status, ...) ((void)(iu_fail)(error, status, __VA_ARGS__), (status))
#endif

#endif
