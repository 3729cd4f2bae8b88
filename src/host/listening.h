/* SPDX-License-Identifier: MIT */
/* Does anybody listen? Without connecting, and without asking for anything else. */
#ifndef IU_HOST_LISTENING_H
#define IU_HOST_LISTENING_H

#include "host/answer.h"

/*
 * Whether a connection to one of the addresses of r would find a listener on this host; for a bare port any listener on it.
 * *ret_socket, if not NULL, is one that was found. INUSE_E_*: no source answers.
 */
enum inuse_status iu_listening(const struct iu_resolved *r, bool *ret_listening, struct inuse_socket *ret_socket,
			       struct inuse_error *error);
/* Is at least one of the addresses one of this host's? A listener on another one could not be seen here. */
enum inuse_status iu_listening_is_ours(const struct iu_resolved *r, bool *ret_ours, struct inuse_error *error);

#endif
