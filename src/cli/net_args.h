/* SPDX-License-Identifier: MIT */
/* Arguments that serve and dial have in common. */
#ifndef IU_CLI_NET_ARGS_H
#define IU_CLI_NET_ARGS_H

#include "cli/cli.h"
#include "net/net.h"

/* Each reads args->value and is false after a sentence on stderr. */
bool iu_arg_close(const struct iu_args *args, enum iu_net_close *ret);
/* Seconds with up to three decimals, at most a day. */
bool iu_arg_seconds(const struct iu_args *args, const char *name, uint64_t *ret_ms);
/* SO_LINGER: whole seconds, at most an hour. */
bool iu_arg_linger(const struct iu_args *args, int *ret_s);
/* Every TCP address that the text names, at most max. */
bool iu_arg_addrs(const struct iu_verb *verb, const char *text, struct inuse_target *ret_target, struct inuse_addr *ret,
		  size_t max, size_t *ret_n);

#endif
