/* SPDX-License-Identifier: MIT */
/* What --try does in its own way on each system; cure/try.c has the rest. */
#ifndef IU_CURE_TRY_OWN_H
#define IU_CURE_TRY_OWN_H

#include "compat/socket.h"
#include "inuse.h"

#define IU_TRY_MPTCP 262 /* IPPROTO_MPTCP, younger than some headers */

bool iu_try_set(int fd, int level, int name, int value);
/* From errno; step: what was being set. */
enum inuse_status iu_try_set_failed(struct inuse_error *error, const char *step);

/* Sets the options of the request. INUSE_E_PERMISSION, INUSE_E_SYSTEM; os_code ENODEV: there is no such interface. */
enum inuse_status iu_try_prepare(int fd, const struct inuse_request *r, struct inuse_error *error);
/* Before listen(): nobody is to come in, as far as that can be had. */
void iu_try_hush(int fd);
/* connect() on a non-blocking socket; the errno, or 0. */
int iu_try_connect(int fd, const struct sockaddr *remote, socklen_t len);

#endif
