/* SPDX-License-Identifier: MIT */
/* sock_diag messages: one socket out of its bytes, and the filter for ports. Pure. */
#ifndef IU_HOST_DIAG_MESSAGE_H
#define IU_HOST_DIAG_MESSAGE_H

#include <linux/inet_diag.h>

#include "inuse.h"

/* What the bytes alone do not tell. */
struct iu_diag_context {
	enum inuse_proto proto;
	int64_t now_ns;        /* when the message was written, on the snapshot's clock, */
	int64_t late_ns;       /* ... or later by so much at most */
	uint32_t kernel;       /* IU_KERNEL(), 0 unknown */
	uint32_t hz;           /* 0 unknown */
	int64_t doubtful_uid;  /* the uid that also stands for users without a number here; -1 none */
	int64_t fin_most_ns;   /* as iu_host_fin_most_ns() */
};

/*
 * Reads the payload of a SOCK_DIAG_BY_FAMILY message of the inet families, 4-aligned. A half-open request has the state
 * SYN_RECV and `mini`. False, with *ret undefined, if the bytes are cut or damaged.
 */
bool iu_diag_read(const void *bytes, size_t len, const struct iu_diag_context *context, struct inuse_socket *ret);

/* As many ports fit into a filter that the kernel runs; more are filtered here. */
#define IU_DIAG_FILTER_PORTS 64
/* Three operations a port, the last one but two. */
#define IU_DIAG_FILTER_OPS (3 * IU_DIAG_FILTER_PORTS)

/* Writes the operations that let the n (1 to IU_DIAG_FILTER_PORTS) local ports pass; returns how many. */
size_t iu_diag_filter(const uint16_t *ports, size_t n, struct inet_diag_bc_op ret[IU_DIAG_FILTER_OPS]);

#endif
