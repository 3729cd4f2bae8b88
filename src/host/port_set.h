/* SPDX-License-Identifier: MIT */
/* A set of ports, for asking "is this one wanted" a million times. */
#ifndef IU_HOST_PORT_SET_H
#define IU_HOST_PORT_SET_H

#include <string.h>

#include "inuse.h"

struct iu_port_set {
	bool all;
	uint8_t bits[65536 / 8];
};

static inline void iu_port_set_add(struct iu_port_set *set, uint16_t port)
{
	set->bits[port / 8] |= (uint8_t)(1u << port % 8);
}

/* ports NULL: every port. */
static inline void iu_port_set_init(struct iu_port_set *set, const uint16_t *ports, size_t n)
{
	memset(set, 0, sizeof(*set));
	set->all = ports == NULL;
	for (size_t i = 0; i < n && ports != NULL; i++)
		iu_port_set_add(set, ports[i]);
}

static inline bool iu_port_set_has(const struct iu_port_set *set, uint16_t port)
{
	return set->all || (set->bits[port / 8] >> port % 8 & 1) != 0;
}

#endif
