/* SPDX-License-Identifier: MIT */
/* Text that goes out without ever making its writer wait. */
#ifndef IU_SUPERVISE_OUTLET_H
#define IU_SUPERVISE_OUTLET_H

#include "base/text.h"

/* A descriptor that others may share, so that O_NONBLOCK is not to be set on it. */
struct iu_outlet {
	int fd; /* -1: nowhere */
	struct iu_text waiting;
	uint64_t lost; /* texts that found no room */
};

/* Writes the text, or keeps it (64 KiB at most) until iu_outlet_flush(). */
void iu_outlet_write(struct iu_outlet *outlet, const char *text, size_t len);
/* Writes what waits, as far as it can be written at once. True if nothing waits any more. */
bool iu_outlet_flush(struct iu_outlet *outlet);
/* Flushes, and waits up to a second for it: the last words. */
void iu_outlet_done(struct iu_outlet *outlet);

#endif
