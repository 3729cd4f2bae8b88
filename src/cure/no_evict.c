/* SPDX-License-Identifier: MIT */
/* What a build without libmnl says instead. */
#include "base/error.h"
#include "base/gettext.h"
#include "cure/evict.h"

enum inuse_status iu_evict_permitted(struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("this inuse was built without netlink (libmnl)"));
}

enum inuse_status iu_evict_apply(const struct iu_evict_plan *plan, iu_evict_progress_fn *progress, void *arg,
				 struct iu_evict_done *ret_done, struct inuse_error *error)
{
	*ret_done = (struct iu_evict_done){0};
	return plan->n == 0 ? INUSE_OK : iu_evict_permitted(error);
}
