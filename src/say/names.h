/* SPDX-License-Identifier: MIT */
/*
 * Names of states, results, flags and the rest: for people in the spelling of the standards, for JSON and snapshot
 * files in lower case with hyphens. None is ever translated. The JSON names are a contract: doc/json.md,
 * doc/snapshot.md.
 */
#ifndef IU_SAY_NAMES_H
#define IU_SAY_NAMES_H

#include "model/facts.h"

/* A row of a table that ends with a NULL name. A second name for a value is an alias, read but never written. */
struct iu_name {
	uint32_t value;
	const char *name;
};

extern const struct iu_name iu_names_state[];   /* enum inuse_state; with the spellings of RFC 9293, ss and netstat */
extern const struct iu_name iu_names_result[];  /* enum inuse_result */
extern const struct iu_name iu_names_os[];      /* enum iu_system */
extern const struct iu_name iu_names_proto[];   /* enum inuse_proto */
extern const struct iu_name iu_names_call[];    /* enum inuse_call */
extern const struct iu_name iu_names_outcome[]; /* enum inuse_outcome */
extern const struct iu_name iu_names_flag[];    /* bits of enum inuse_flag */
extern const struct iu_name iu_names_known[];   /* bits of enum inuse_known, named as the fields they speak of */
extern const struct iu_name iu_names_missing[]; /* bits of enum inuse_missing */
extern const struct iu_name iu_names_feature[]; /* bits of enum iu_feature */

/* The name of a value, "unknown" for one that has none. A constant string. */
const char *iu_name_of(const struct iu_name *names, uint32_t value);
/* The value of a name of `len` bytes, upper or lower case, "_" read as "-". False: there is no such name. */
bool iu_name_find(const struct iu_name *names, const char *name, size_t len, uint32_t *ret);
/* All bits that have a name. */
uint32_t iu_name_bits(const struct iu_name *names);

/* "TIME-WAIT", "FIN-WAIT-2", ...: RFC 9293, section 3.3.2. "BOUND" is ours: the standard calls it CLOSED. */
const char *iu_say_state(enum inuse_state state);
/* "EADDRINUSE", ...; "OK". */
const char *iu_say_result(enum inuse_result result);
/* "time-wait", "fin-wait-2", "bound", ...: JSON. */
const char *iu_json_state(enum inuse_state state);
const char *iu_json_result(enum inuse_result result);

/* "WSAEADDRINUSE (10048)": what a program on Windows gets, and 10048. "" and 0 where there is no such error. */
const char *iu_say_winsock(enum inuse_result result);
int iu_winsock_number(enum inuse_result result);

#endif
