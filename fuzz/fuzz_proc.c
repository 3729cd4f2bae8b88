/* SPDX-License-Identifier: MIT */
/* Fuzzing of what is read below /proc/PID and of unit files. The first byte chooses the parser. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/proc_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What ends up in a command to paste holds nothing that a shell would act on. */
static void check_name(const char *name)
{
	if (name[strcspn(name, " \t\n'\"`$;&|<>(){}*?!#~\x1b")] != 0 || name[0] == '-')
		abort();
}

static void fuzz_group(const char *text, size_t len)
{
	struct iu_proc_cgroup group;

	iu_proc_parse_cgroup(text, len, &group);
	check_name(group.container);
	check_name(group.unit);
}

static void fuzz_unit(const char *text, size_t len)
{
	static const struct inuse_addr local = {.family = 6, .port = 8080};
	int match = 0;

	iu_unit_parse_listen(text, len, "8080", &local, &match);
	if (match < 0 || match > 2)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iu_proc_stat stat;
	uint64_t inode;
	uint32_t uid;
	char *text, tty[64];

	if (size < 1)
		return 0;
	/* a block of its own, without a NUL behind it, so that reading past the end is seen */
	text = malloc(size - 1 ? size - 1 : 1);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, --size);
	switch (data[0] % 6) {
	case 0:
		if (iu_proc_parse_stat(text, size, &stat))
			iu_proc_tty_name(stat.tty, tty, sizeof(tty));
		break;
	case 1:
		iu_proc_parse_uid(text, size, &uid);
		break;
	case 2:
		fuzz_group(text, size);
		break;
	case 3:
		iu_proc_parse_socket_link(text, size, &inode);
		break;
	case 4:
		if (iu_proc_join_args(text, size) > size)
			abort();
		break;
	default:
		fuzz_unit(text, size);
	}
	free(text);
	return 0;
}
