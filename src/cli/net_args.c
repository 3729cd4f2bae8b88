/* SPDX-License-Identifier: MIT */
/* Arguments that serve and dial have in common. */
#include "cli/net_args.h"

#include <string.h>

#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "host/resolve.h"

static const char *const close_names[] = {
	[IU_CLOSE_FIRST] = "first",
	[IU_CLOSE_HALF] = "half",
	[IU_CLOSE_AFTER_PEER] = "after-peer",
	[IU_CLOSE_RESET] = "reset",
};

bool iu_arg_close(const struct iu_args *args, enum iu_net_close *ret)
{
	char shown[64];

	for (size_t i = 0; i < sizeof(close_names) / sizeof(close_names[0]); i++) {
		if (strcmp(args->value, close_names[i]) == 0) {
			*ret = (enum iu_net_close)i;
			return true;
		}
	}
	iu_usage(args->verb, _("--close takes first, half, after-peer or reset, not \"%s\""),
		 iu_escape(args->value, shown, sizeof(shown)));
	return false;
}

bool iu_arg_seconds(const struct iu_args *args, const char *name, uint64_t *ret_ms)
{
	const char *point = strchr(args->value, '.');
	size_t whole = point ? (size_t)(point - args->value) : strlen(args->value);
	uint64_t seconds, ms = 0;
	char shown[64];

	if (iu_parse_u64_n(args->value, whole, 0, 86400, &seconds)) {
		size_t decimals = point ? strlen(point + 1) : 0;

		if (point == NULL || (decimals <= 3 && iu_parse_u64(point + 1, 0, 999, &ms))) {
			for (; decimals < 3 && ms > 0; decimals++)
				ms *= 10;
			*ret_ms = seconds * 1000 + ms;
			return true;
		}
	}
	iu_usage(args->verb, _("--%s takes seconds from 0 to 86400, such as 5 or 0.25, not \"%s\""), name,
		 iu_escape(args->value, shown, sizeof(shown)));
	return false;
}

bool iu_arg_linger(const struct iu_args *args, int *ret_s)
{
	uint64_t seconds;

	if (!iu_arg_number(args, "linger", 0, 3600, &seconds))
		return false;
	*ret_s = (int)seconds;
	return true;
}

bool iu_arg_addrs(const struct iu_verb *verb, const char *text, struct inuse_target *ret_target, struct inuse_addr *ret,
		  size_t max, size_t *ret_n)
{
	struct inuse_error error = {0};

	if (inuse_target_parse(text, ret_target, &error) < 0 || iu_resolve(ret_target, ret, max, ret_n, &error) < 0) {
		iu_usage(verb, "%s", error.text);
		return false;
	}
	if (ret_target->udp) {
		iu_usage(verb, _("only TCP is spoken here, not UDP"));
		return false;
	}
	return true;
}
