/* SPDX-License-Identifier: MIT */
/* Fuzzing of /proc/TID/status, of which the first line is a name that the program has given itself. */
#include "input.h"
#include "supervise/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_string(data, size), *hostile = NULL;
	struct iu_status plain, named;

	if (iu_status_parse(text, &plain)) {
		MUST(memchr(plain.name, 0, sizeof(plain.name)) != NULL);
		MUST(iu_rights_same(&plain.rights, &plain.rights));
		/* a name decides nothing, whatever it looks like: the kernel writes its newlines as \n */
		if (strncmp(text, "Name:\t", 6) == 0 && asprintf(&hostile, "Name:\tUid: 0 0 0 0%s", text + strcspn(text, "\n")) > 0) {
			MUST(iu_status_parse(hostile, &named));
			MUST(iu_rights_same(&plain.rights, &named.rights));
			MUST(plain.pid == named.pid && plain.pending == named.pending && plain.blocked == named.blocked);
		}
	}
	free(hostile);
	free(text);
	return 0;
}
