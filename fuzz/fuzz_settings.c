/* SPDX-License-Identifier: MIT */
/* The text of /proc/sys: numbers and lists of ranges; a kernel's release. */
#include "fuzz/input.h"

#include "host/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	char *release = input_string(data, size);
	struct iu_range range;
	int64_t number;

	iu_kernel_from_release(release);
	free(release);
	for (unsigned i = 0; i < 3; i++)
		iu_settings_number((const char *)data, size, i, &number);
	while (iu_settings_next_range(&at, end, &range) == IU_RANGE_ONE)
		MUST(range.first <= range.last && at <= end);
	return 0;
}
