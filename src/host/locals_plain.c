/* SPDX-License-Identifier: MIT */
/*
 * Addresses and devices without libmnl, from the C library.
 *
 * It tells neither the routing table "local" (broadcasts, `ip route add local`) nor tentative addresses, so an address
 * that is missing here may still be bindable and one that is here may not: locals_known stays false.
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "host/sources.h"

static void add_addr(struct inuse_snapshot *s, const struct ifaddrs *i)
{
	struct iu_local local = {.device = if_nametoindex(i->ifa_name)};

	if (i->ifa_addr->sa_family == AF_INET) {
		local.addr.family = 4;
		memcpy(local.addr.ip, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr, 4);
		local.prefix_len = iu_addr_is_loopback(&local.addr) ? 8 : 32;
	} else {
		local.addr.family = 6;
		memcpy(local.addr.ip, &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, 16);
		local.addr.scope = ((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_scope_id;
		local.prefix_len = 128;
	}
	iu_snapshot_add_local(s, &local);
}

static void add_devices(struct inuse_snapshot *s, const struct ifaddrs *addrs)
{
	struct if_nameindex *names = if_nameindex();

	for (struct if_nameindex *i = names; i != NULL && i->if_index != 0; i++) {
		struct iu_device device = {.index = i->if_index, .name = iu_snapshot_string(s, i->if_name)};

		for (const struct ifaddrs *a = addrs; a != NULL; a = a->ifa_next)
			if (strcmp(a->ifa_name, i->if_name) == 0) {
				device.up = (a->ifa_flags & IFF_UP) != 0;
				device.loopback = (a->ifa_flags & IFF_LOOPBACK) != 0;
			}
		iu_snapshot_add_device(s, &device);
	}
	if_freenameindex(names);
}

enum inuse_status iu_locals_read(struct inuse_snapshot *s, struct inuse_error *error)
{
	struct ifaddrs *addrs;

	iu_snapshot_scalars(s)->locals_known = false;
	if (getifaddrs(&addrs) != 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, 0, "getifaddrs",
			       _("the addresses of this machine cannot be read"));
	for (const struct ifaddrs *i = addrs; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6))
			add_addr(s, i);
	add_devices(s, addrs);
	freeifaddrs(addrs);
	return INUSE_OK;
}
