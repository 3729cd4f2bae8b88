/* SPDX-License-Identifier: MIT */
/* Unix sockets where their owners cannot be looked up. */
#include "base/gettext.h"
#include "cli/why.h"

int iu_why_unix(const char *path, bool json, bool quiet)
{
	if (!quiet)
		fputs(_("inuse: the paths of unix sockets can be looked at on Linux only\n"), stderr);
	return IU_EXIT_UNKNOWN;
}
