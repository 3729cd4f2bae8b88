/* SPDX-License-Identifier: MIT */
/* cmocka with the headers that it wants before it. */
#ifndef TEST_SUPPORT_CHECK_H
#define TEST_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inuse.h"

#endif
