/* SPDX-License-Identifier: MIT */
/* The pure parts of asking for routes. */
#ifndef IU_HOST_ROUTES_H
#define IU_HOST_ROUTES_H

#include "inuse.h"

/* An errno of a route lookup as connect() would return it; an unknown one is "no route". */
enum inuse_result iu_route_result_from_errno(int os_code);
/* The type of the route that was found (RTN_*): what connect() makes of it. */
enum inuse_result iu_route_result_from_type(unsigned rtm_type);
/* Where a connect() to `remote` really goes: unmapped, and the wildcard is loopback, or the source. from: NULL is fine. */
struct inuse_addr iu_route_destination(const struct inuse_addr *remote, const struct inuse_addr *from);

#endif
