/* SPDX-License-Identifier: MIT */
/* --try where it was not written yet. */
#include "base/error.h"
#include "base/gettext.h"
#include "cure/try.h"

enum inuse_status iu_try(const struct inuse_request *request, enum inuse_result *ret_result, struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("--try works on Linux only"));
}
