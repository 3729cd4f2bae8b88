/* SPDX-License-Identifier: MIT */
/* What a service manager is told (sd_notify(3)), and the sockets that it hands over (sd_listen_fds(3)). */
#ifndef IU_SUPERVISE_NOTIFY_H
#define IU_SUPERVISE_NOTIFY_H

#include "supervise/supervisor.h"

/* Takes over NOTIFY_SOCKET, if there is one and there may be another start of the program. */
void iu_notify_begin(struct iu_supervisor *s);
/* In the child: what the program writes goes to inuse. */
void iu_notify_in_child(const struct iu_supervisor *s);
/* The service is up; the next start of it is being made; it is being stopped. Nothing is said twice. */
void iu_notify_ready(struct iu_supervisor *s);
void iu_notify_reloading(struct iu_supervisor *s);
void iu_notify_stopping(struct iu_supervisor *s);

/* Holds what LISTEN_FDS has, with --hold. */
void iu_notify_take_sockets(struct iu_supervisor *s);

#endif
