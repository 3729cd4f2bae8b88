/* SPDX-License-Identifier: MIT */
/* The verdict after a failing call, as long as nothing better is linked in. */
#include "net/explain.h"

#include <stdio.h>
#include <string.h>

#include "base/gettext.h"

__attribute__((weak)) void iu_net_explain(const struct inuse_request *request, int os_code)
{
	fprintf(stderr, _("  The system said: %s.\n"), strerror(os_code));
}
