/* SPDX-License-Identifier: MIT */
/* What bind() checks before it looks at the port: address, device, privilege. linux-rules 1.1. */
#include "base/address.h"
#include "model/rule.h"

enum inuse_tri iu_pred_multicast6(struct iu_world *w, uint32_t *missing)
{
	return iu_is(!iu_addr_is_mapped(&w->req.local) && iu_addr_is_multicast(&w->req.local));
}

enum inuse_tri iu_pred_privileged(struct iu_world *w, uint32_t *missing)
{
	enum inuse_tri low;
	int64_t first;

	if (w->req.local.port == 0)
		return INUSE_NO;
	low = iu_setting(w->facts, IU_SET_UNPRIVILEGED_PORT_START, &first) ? iu_is(w->req.local.port < first) : INUSE_MAYBE;
	return iu_both(low, INUSE_MISSING_SETTING, iu_not(w->req.may_bind_low), INUSE_MISSING_PRIVILEGE, missing);
}

enum inuse_tri iu_pred_mapped_on_v6only(struct iu_world *w, uint32_t *missing)
{
	return iu_is(iu_addr_is_mapped(&w->req.local) && (w->req.flags & INUSE_V6ONLY) != 0);
}

enum inuse_tri iu_pred_link_local_without_scope(struct iu_world *w, uint32_t *missing)
{
	return iu_is(iu_addr_is_link_local6(&w->req.local) && w->req.device == 0);
}

enum inuse_tri iu_pred_device_missing(struct iu_world *w, uint32_t *missing)
{
	/* for :: nobody looks at the device */
	if (w->req.device == 0 || w->facts->n_devices == 0 || (w->req.local.family == 6 && iu_addr_is_any(&w->req.local)))
		return INUSE_NO;
	for (size_t i = 0; i < w->facts->n_devices; i++)
		if (w->facts->devices[i].index == w->req.device)
			return INUSE_NO;
	return INUSE_YES;
}

static enum inuse_tri any_address_goes(const struct iu_world *w, uint32_t *missing)
{
	const struct inuse_addr u = iu_addr_unmapped(&w->req.local);

	if (iu_addr_is_any(&u) || (w->req.flags & (INUSE_FREEBIND | INUSE_TRANSPARENT)) != 0)
		return INUSE_YES;
	/* multicast and the broadcast address are bindable for TCP over IPv4 [M11 M23] */
	if (u.family == 4 && (iu_addr_is_multicast(&u) || iu_addr_is_limited_broadcast(&u)))
		return INUSE_YES;
	return iu_setting_on(w->facts, u.family == 4 ? IU_SET_NONLOCAL_BIND : IU_SET_NONLOCAL_BIND6, missing);
}

/*
 * An address that is not of one link alone counts on whichever device it is: linux v6.18 net/ipv6/addrconf.c
 * __ipv6_chk_addr_and_flags() [errors/tentative-on-another-device].
 */
static bool has_address(const struct iu_world *w, const struct iu_local *l)
{
	return iu_addr_same(&l->addr, &w->req.local) &&
	       (!iu_addr_is_link_local6(&l->addr) || w->req.device == 0 || l->device == 0 || w->req.device == l->device);
}

enum inuse_tri iu_pred_tentative(struct iu_world *w, uint32_t *missing)
{
	bool waits = false;

	for (size_t i = 0; i < w->facts->n_locals; i++) {
		const struct iu_local *l = &w->facts->locals[i];

		if (!has_address(w, l))
			continue;
		if (!l->tentative)
			return INUSE_NO;
		waits = true;
	}
	return waits ? iu_not(any_address_goes(w, missing)) : INUSE_NO;
}

/* IPv6 looks for the host's own addresses (::1) on the bound device [M19], IPv4 does not [M20]. */
static bool loopback_on_other_device(const struct iu_world *w)
{
	if (w->req.device == 0 || iu_addr_is_mapped(&w->req.local) || w->req.local.family != 6 ||
	    !iu_addr_is_loopback(&w->req.local))
		return false;
	for (size_t i = 0; i < w->facts->n_devices; i++)
		if (w->facts->devices[i].index == w->req.device)
			return !w->facts->devices[i].loopback;
	return false;
}

enum inuse_tri iu_pred_not_local(struct iu_world *w, uint32_t *missing)
{
	struct inuse_addr a = w->req.local;
	uint32_t lacking = 0;
	enum inuse_tri local, goes = any_address_goes(w, &lacking);

	if (iu_addr_is_link_local6(&a))
		a.scope = w->req.device;
	local = loopback_on_other_device(w) ? INUSE_NO : iu_addr_is_local(w->facts, &a);
	return iu_both(iu_not(goes), lacking, iu_not(local), INUSE_MISSING_ADDRESSES, missing);
}
