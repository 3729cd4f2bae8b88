/* SPDX-License-Identifier: MIT */
/* Network namespaces where there are none. */
#include "base/error.h"
#include "base/gettext.h"
#include "host/netns.h"

static enum inuse_status lacking(struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("only Linux has network namespaces"));
}

enum inuse_status iu_netns_enter(const char *name_or_pid, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_netns_enter_fd(int fd, const char *name, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_netns_each(iu_netns_fn *fn, void *arg, bool *ret_complete, struct inuse_error *error)
{
	return lacking(error);
}
