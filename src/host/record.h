/* SPDX-License-Identifier: MIT */
/* What the BPF programs hand out, in the words of the library. Pure. */
#ifndef IU_HOST_RECORD_H
#define IU_HOST_RECORD_H

#include "bpf/record.h"
#include "host/sources.h"

/*
 * The socket of a record; tick_ns: nanoseconds of a tick of the kernel's timers. Fields nobody could see are not
 * marked known.
 */
struct inuse_socket iu_record_socket(const struct iu_rec *rec, int64_t tick_ns);
/*
 * When the kernel removes a mini socket, or a whole one whose timer ends it (CLOCK_BOOTTIME, 0 for other sockets), and in
 * ret_slack_ns by how much later it may be. A timer that does not run, or should have fired already, is about to do its work:
 * now.
 */
int64_t iu_record_end(const struct iu_rec *rec, int64_t tick_ns, int64_t *ret_slack_ns);
/*
 * What a bucket remembers. Without SO_REUSEPORT memory the kernel leaves the remembered address undefined: family 0
 * then.
 */
struct iu_bucket iu_record_bucket(const struct iu_rec_bucket *rec);

#endif
