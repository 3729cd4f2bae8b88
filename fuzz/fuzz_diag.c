/* SPDX-License-Identifier: MIT */
/* A sock_diag message from a kernel that lies. */
#include "fuzz/input.h"

#include "host/diag_message.h"
#include "host/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iu_diag_context context = {.now_ns = 1, .kernel = IU_KERNEL(6, 18), .hz = 250, .doubtful_uid = 65534,
		.fin_most_ns = INT64_C(120000000000)};
	struct inuse_socket s;
	uint64_t *copy = malloc(size ? size : 1); /* aligned, and its end watched */

	MUST(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	for (int proto = INUSE_PROTO_TCP; proto <= INUSE_PROTO_UDP; proto++) {
		context.proto = (enum inuse_proto)proto;
		if (!iu_diag_read(copy, size, &context, &s))
			continue;
		MUST(s.family == 4 || s.family == 6);
		MUST(s.local.family == s.family && s.remote.family == s.family);
		MUST((unsigned)s.state < INUSE_N_STATES);
		MUST(s.count == 1 && s.free_at_ns >= 0);
		MUST((s.known & (INUSE_REUSEADDR | INUSE_REUSEPORT)) == 0);
	}
	free(copy);
	return 0;
}
