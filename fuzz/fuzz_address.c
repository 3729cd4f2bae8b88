/* SPDX-License-Identifier: MIT */
/* What people paste: any text is understood or refused with a clean sentence, and what is printed reads back. */
#include "base/address.h"
#include "fuzz/input.h"

static void check_sentence(const struct inuse_error *error)
{
	MUST(error->status == INUSE_E_INPUT);
	MUST(error->text[0] != 0 && memchr(error->text, 0, sizeof(error->text)) != NULL);
	for (const char *s = error->text; *s != 0; s++)
		MUST((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void check_target(const struct inuse_target *t)
{
	struct inuse_target again;
	char text[INUSE_ADDR_TEXT], text2[INUSE_ADDR_TEXT];

	MUST(memchr(t->host, 0, sizeof(t->host)) != NULL);
	MUST(memchr(t->service, 0, sizeof(t->service)) != NULL);
	MUST(memchr(t->scope_name, 0, sizeof(t->scope_name)) != NULL);
	MUST((t->kind >= INUSE_TARGET_HOST) == (t->host[0] != 0));
	if (t->kind >= INUSE_TARGET_HOST)
		return;
	MUST((t->kind == INUSE_TARGET_ADDR) == (t->addr.family != 0));
	inuse_addr_text(&t->addr, text);
	MUST(inuse_target_parse(text, &again, NULL) == INUSE_OK);
	MUST(again.kind == t->kind && again.addr.port == t->addr.port && iu_addr_same(&again.addr, &t->addr));
	MUST(strcmp(inuse_addr_text(&again.addr, text2), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_string(data, size);
	struct inuse_error error = {0};
	struct inuse_target target;
	struct inuse_addr addr;

	if (inuse_target_parse(text, &target, &error) == INUSE_OK)
		check_target(&target);
	else
		check_sentence(&error);
	if (inuse_addr_parse(text, &addr, &error) == INUSE_OK)
		MUST(addr.port == 0 && (addr.family == 4 || addr.family == 6));
	else
		check_sentence(&error);
	free(text);
	return 0;
}
