/* SPDX-License-Identifier: MIT */
/* Errors: filled and returned in one expression. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#undef iu_fail /* what the analyzer sees in its place */
enum inuse_status iu_fail(struct inuse_error *error, enum inuse_status status, int os_code, const char *step,
			  const char *format, ...)
{
	va_list ap;

	if (error == NULL)
		return status;
	error->status = status;
	error->os_code = os_code;
	error->step = step;
	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	return status;
}
