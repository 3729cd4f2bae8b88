/* SPDX-License-Identifier: MIT */
/* Names to addresses: hosts, services, scopes. */
#ifndef IU_HOST_RESOLVE_H
#define IU_HOST_RESOLVE_H

#include "inuse.h"

/*
 * Every address that the target names, at most max, into ret; PORT gives the wildcards of both families.
 * INUSE_E_NO_HOST: no such host, service or interface. A unix path is INUSE_E_INPUT.
 */
enum inuse_status iu_resolve(const struct inuse_target *target, struct inuse_addr *ret, size_t max, size_t *ret_n,
			     struct inuse_error *error);

#endif
