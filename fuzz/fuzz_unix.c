/* SPDX-License-Identifier: MIT */
/* A line of /proc/net/unix: the name in it is any process' own choice. */
#include "fuzz/input.h"

#include "host/unix_socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iu_unix_file file = {.path = "x.sock", .whole = "/run/x.sock"};
	const char *line = (const char *)data;
	struct iu_unix_socket s;

	if (!iu_unix_line(line, size, &s))
		return 0;
	MUST(s.name == NULL || (s.name > line && s.name + s.name_len <= line + size));
	iu_unix_has_file(&s, &file);
	MUST(iu_unix_kind_of(&s) >= IU_UNIX_LISTENS);
	return 0;
}
