/* SPDX-License-Identifier: MIT */
/* Numbers in text, without locale and without surprises. */
#include "base/parse.h"

#include <string.h>

bool iu_parse_u64_n(const char *s, size_t len, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(s[i] - '0');

		if (s[i] < '0' || s[i] > '9' || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool iu_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	return s != NULL && iu_parse_u64_n(s, strlen(s), min, max, ret);
}
