/* SPDX-License-Identifier: MIT */
/* What ending a process takes on each system; cure/stop.c makes the plan. */
#ifndef IU_CURE_STOP_OWN_H
#define IU_CURE_STOP_OWN_H

#include "cure/stop.h"

/* May it be ended, as far as can be told without opening it? insist: units and containers, too. */
enum iu_stop_why_not iu_stop_judge(const struct inuse_process *process, bool insist);
/* Opens the process if it is still the one that was seen; *ret_pidfd only with IU_STOP_MAY. */
enum iu_stop_why_not iu_stop_open(const struct inuse_process *process, int *ret_pidfd);
void iu_stop_close(struct iu_stop_target *target);
/* It may be ended, has not ended, and nothing was said against it. */
bool iu_stop_is_left(const struct iu_stop_target *target);

#endif
