/* SPDX-License-Identifier: MIT */
/* Threads that call: handles that are kept from one call to the next, and what they may, read as cheaply as it can be. */
#ifndef IU_SUPERVISE_THREAD_H
#define IU_SUPERVISE_THREAD_H

#include "supervise/status.h"

/*
 * What the thread may at this moment: *ret, comparable with iu_rights_same(); and the pid of its process. own: those of
 * the supervisor, which tell whether there are labels to be read; NULL reads them in any case. False: it is gone, hidden, or
 * this kernel cannot tell; errno says which.
 */
bool iu_thread_rights(int32_t tid, const struct iu_rights *own, int32_t *ret_pid, struct iu_rights *ret);
/*
 * A pidfd of the thread itself, borrowed until the next call of a function of this file. -1 with errno: EINVAL before 6.9.
 * What is done with it fails with ESRCH if it was kept of an earlier thread of that number: iu_thread_forget(), and ask again.
 */
int iu_thread_pidfd(int32_t tid);
void iu_thread_forget(int32_t tid);
/* There are no descriptors left: gives up all that are kept here. */
void iu_thread_forget_all(void);

#endif
