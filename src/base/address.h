/* SPDX-License-Identifier: MIT */
/* Addresses: predicates and comparisons. Parsing and printing are in inuse.h. */
#ifndef IU_BASE_ADDRESS_H
#define IU_BASE_ADDRESS_H

#include "inuse.h"

/* 0.0.0.0 or ::, not ::ffff:0.0.0.0; family 0 is the wildcard, too. Ports are ignored by all of these. */
bool iu_addr_is_any(const struct inuse_addr *a);
/* ::ffff:0:0/96 */
bool iu_addr_is_mapped(const struct inuse_addr *a);
/* ::ffff:0.0.0.0 */
bool iu_addr_is_mapped_any(const struct inuse_addr *a);
bool iu_addr_is_loopback(const struct inuse_addr *a);
bool iu_addr_is_multicast(const struct inuse_addr *a);
/* 255.255.255.255, v4-mapped or not */
bool iu_addr_is_limited_broadcast(const struct inuse_addr *a);
bool iu_addr_is_link_local6(const struct inuse_addr *a);
/* The same address, a v4-mapped one being equal to its IPv4 form; scopes differ only if both are set. */
bool iu_addr_same(const struct inuse_addr *a, const struct inuse_addr *b);
/* addr within net/prefix_len, same family. */
bool iu_addr_in(const struct inuse_addr *addr, const struct inuse_addr *net, unsigned prefix_len);
/* The IPv4 form of a v4-mapped address; anything else unchanged. Keeps the port. */
struct inuse_addr iu_addr_unmapped(const struct inuse_addr *a);
/* The address as a socket of that family has it: IPv4 stands as v4-mapped on an IPv6 one. Keeps the port. */
struct inuse_addr iu_addr_as_family(const struct inuse_addr *a, uint8_t family);
struct inuse_addr iu_addr_any(int family, uint16_t port);
/* Writes what inuse_addr_text() writes, without the NUL, and returns the end of it. */
char *iu_addr_put(const struct inuse_addr *a, char buf[INUSE_ADDR_TEXT]);
/* As inuse_addr_text without the port: "127.0.0.1", "::1", "*". */
char *iu_addr_host_text(const struct inuse_addr *a, char buf[INUSE_ADDR_TEXT]);

#endif
