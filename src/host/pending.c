/* SPDX-License-Identifier: MIT */
/* Sources that are not written yet: weak, so that the real one takes over; a function goes from here when it is there. */
#include "base/error.h"
#include "host/sources.h"

#if INUSE_HAVE_BPF
#define WEAK __attribute__((weak))
#define MISSING iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, "not in this build")

WEAK enum inuse_status iu_iter_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
				    struct inuse_error *error)
{
	return MISSING;
}

WEAK enum inuse_status iu_files_owners(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
				       struct inuse_error *error)
{
	return MISSING;
}
#else
typedef int iu_nothing_is_pending;
#endif
