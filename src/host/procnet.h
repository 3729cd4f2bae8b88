/* SPDX-License-Identifier: MIT */
/* /proc/net/tcp and tcp6: one socket out of a line. Pure. */
#ifndef IU_HOST_PROCNET_H
#define IU_HOST_PROCNET_H

#include "inuse.h"

/* What the line alone does not tell. */
struct iu_procnet_context {
	uint8_t family;       /* 4: tcp, 6: tcp6 */
	int64_t now_ns;       /* when the line was written, on the snapshot's clock, */
	int64_t late_ns;      /* ... or later by so much at most */
	int64_t tick_ns;      /* of _SC_CLK_TCK, in which timers are shown */
	uint32_t hz;          /* the kernel's own, 0 unknown */
	int64_t doubtful_uid; /* as iu_host_doubtful_uid() */
	int64_t fin_most_ns;  /* as iu_host_fin_most_ns() */
};

/* Reads a line of len bytes, the head line excepted. False, with *ret undefined, if it is cut or damaged. */
bool iu_procnet_line(const char *line, size_t len, const struct iu_procnet_context *context, struct inuse_socket *ret);

#endif
