/* SPDX-License-Identifier: MIT */
/* The text of /proc/sys: numbers and lists of ranges. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "host/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	char *release = malloc(size + 1);
	struct iu_range range;
	int64_t number;

	if (release == NULL)
		return 0;
	memcpy(release, data, size);
	release[size] = 0;
	iu_kernel_from_release(release);
	free(release);
	for (unsigned i = 0; i < 3; i++)
		iu_settings_number((const char *)data, size, i, &number);
	while (iu_settings_next_range(&at, end, &range) == IU_RANGE_ONE)
		assert(range.first <= range.last && at <= end);
	return 0;
}
