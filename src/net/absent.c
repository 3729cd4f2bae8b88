/* SPDX-License-Identifier: MIT */
/* serve and dial in a build without libuv: one sentence each. */
#include <stdio.h>

#include "base/gettext.h"
#include "net/net.h"

enum { CANNOT = 3 };

int iu_serve_run(const struct iu_serve_options *options)
{
	fputs(_("inuse serve: this build cannot serve, because it was made without libuv\n"), stderr);
	return CANNOT;
}

int iu_dial_run(const struct iu_dial_options *options)
{
	fputs(_("inuse dial: this build cannot dial, because it was made without libuv\n"), stderr);
	return CANNOT;
}
