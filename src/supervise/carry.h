/* SPDX-License-Identifier: MIT */
/* From a socket that is thrown away to the one that takes its place: what must be equal, and what is carried over. */
#ifndef IU_SUPERVISE_CARRY_H
#define IU_SUPERVISE_CARRY_H

#include "inuse.h"

/* What no socket can change after bind, and so must be equal. */
struct iu_identity {
	int domain, protocol;
	int device;     /* index; 0 none */
	bool v6only;
	uint64_t netns; /* cookie of the namespace, or its inode where there are no cookies */
};

/* netns: the inode of the caller's namespace, for a kernel (before 5.14) without cookies. False: it is no socket of ours. */
bool iu_identity_read(int fd, uint64_t netns, struct iu_identity *ret);
bool iu_identity_same(const struct iu_identity *a, const struct iu_identity *b);

/*
 * Sets every known option of `to` as it is on `from`. shared: an older generation still accepts on `to`, so what would
 * change a call that it waits in is left. NULL, or the name of the option that could not be set.
 */
const char *iu_carry_options(int from, int to, bool shared);

#endif
