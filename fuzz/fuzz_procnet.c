/* SPDX-License-Identifier: MIT */
/* A line of /proc/net/tcp or tcp6; the first byte chooses which. */
#include "fuzz/input.h"

#include "host/procnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iu_procnet_context context = {.now_ns = 1, .tick_ns = 10000000, .doubtful_uid = -1,
		.fin_most_ns = INT64_C(120000000000)};
	struct inuse_socket s;

	if (size == 0)
		return 0;
	context.family = data[0] % 2 ? 6 : 4;
	if (!iu_procnet_line((const char *)data + 1, size - 1, &context, &s))
		return 0;
	MUST(s.family == context.family && s.local.family == s.family && s.remote.family == s.family);
	MUST((unsigned)s.state < INUSE_N_STATES);
	MUST(s.count == 1 && s.free_at_ns >= 0 && s.free_slack_ns >= 0);
	MUST(s.flags == 0);
	return 0;
}
