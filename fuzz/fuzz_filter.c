/* SPDX-License-Identifier: MIT */
/* Fuzzing of the filters of `inuse ls`: any words are refused with a sentence, or choose sockets without a crash. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool service(const char *name, uint16_t *ret_port)
{
	*ret_port = (uint16_t)strlen(name);
	return name[0] != 'x';
}

static void use(const struct iu_filter *f)
{
	static const struct inuse_process process = {.pid = 1, .user = "alice"};
	static const struct inuse_holder holder = {0, 3};
	static const struct iu_facts facts = {
		.processes = &process, .n_processes = 1, .holders = &holder, .n_holders = 1};
	static const struct inuse_socket sockets[] = {
		{.state = INUSE_LISTEN, .family = 4, .local = {.family = 4, .port = 80}, .n_holders = 1},
		{.state = INUSE_ESTABLISHED, .family = 6, .local = {.family = 6, .port = 80}, .remote = {.family = 6}},
		{.state = INUSE_BOUND},
	};
	uint16_t ports[16];
	size_t n = iu_filter_ports(f, ports, 16);

	if (n > 16)
		abort();
	for (size_t i = 0; i < 3; i++) {
		bool with = iu_filter_match(f, &sockets[i], &facts), listed = n == 0;

		for (size_t p = 0; p < n; p++)
			listed |= ports[p] == sockets[i].local.port;
		if (with && !listed) /* the list of ports must not hide what matches */
			abort();
		iu_filter_match(f, &sockets[i], NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct iu_filter_names names = {NULL, service};
	char *text = malloc(size + 1);
	const char *const words[] = {text};
	struct inuse_error error = {0};
	struct iu_filter f;

	memcpy(text, data, size);
	text[size] = 0;
	if (iu_filter_parse(words, 1, &names, &f, &error) == INUSE_OK)
		use(&f);
	else if (error.status != INUSE_E_INPUT || error.text[0] == 0 || strpbrk(error.text, "\n\x1b") != NULL)
		abort();
	free(text);
	return 0;
}
