/* SPDX-License-Identifier: MIT */
/* Numbers and ranges in text, without locale and without surprises. */
#ifndef IU_BASE_PARSE_H
#define IU_BASE_PARSE_H

#include "inuse.h"

/* True if the whole of s is a decimal number in [min, max]; *ret only then. No sign, no blanks. */
bool iu_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
bool iu_parse_u64_n(const char *s, size_t len, uint64_t min, uint64_t max, uint64_t *ret);

#endif
