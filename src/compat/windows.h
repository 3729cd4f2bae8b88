/* SPDX-License-Identifier: MIT */
/* What the files for Windows, and only they, share. */
#ifndef IU_COMPAT_WINDOWS_H
#define IU_COMPAT_WINDOWS_H

#include <stdint.h>

#include "compat/socket.h"

union iu_windows_token {
	TOKEN_USER user;
	char bytes[512];
};

/* The user of a process that was opened with PROCESS_QUERY_LIMITED_INFORMATION. False: it may not be looked at. */
bool iu_windows_token(HANDLE process, union iu_windows_token *ret);
/* A number for that user: the same for the same SID, and for no other; 0 if the process may not be looked at. */
uint32_t iu_windows_user(HANDLE process);

/* Signalled once somebody wants the program to end; NULL before iu_system_catch_interrupts(). */
HANDLE iu_windows_interrupt_event(void);

/* UTF-8 and UTF-16. NULL with errno set; free() it. */
wchar_t *iu_windows_widen(const char *text);
char *iu_windows_narrow(const wchar_t *wide);

#endif
