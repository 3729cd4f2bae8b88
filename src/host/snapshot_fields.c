/* SPDX-License-Identifier: MIT */
/*
 * The records of a snapshot file, field by field.
 *
 * Theory of operation
 *
 * A record is a C struct; a field names one member, its kind and its limits. Writing walks the table and leaves out
 * what is zero or empty; reading starts from a zeroed struct and walks the same table, so that what is written reads
 * back. A number outside its limits is brought within them when it is written (a source gave nonsense, and a file that
 * cannot be read again helps nobody), and refused when it is read. The limits are what the rules can compute
 * with: times of +-73 years in nanoseconds can be added and subtracted without overflow.
 */
#include "host/snapshot_fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/parse.h"
#include "base/text.h"

#define TIME_MAX (INT64_C(1) << 61)
#define COUNT_MAX (INT64_C(1) << 40)

#define FIELD(type, member, ...) \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member), __VA_ARGS__
#define INT(type, name, member, low, high, ...) \
	{name, IU_FIELD_INT, FIELD(type, member, .min = low, .max = high, __VA_ARGS__)}
#define U32(type, name, member) INT(type, name, member, 0, UINT32_MAX, )
#define U64(type, name, member) INT(type, name, member, 0, INT64_MAX, )
#define TIME(type, name, member) INT(type, name, member, -TIME_MAX, TIME_MAX, )
#define BOOL(type, name, member) {name, IU_FIELD_BOOL, FIELD(type, member, )}
#define TEXT(type, name, member, ...) {name, IU_FIELD_TEXT, FIELD(type, member, .how = __VA_ARGS__)}
#define NAME(type, name, member, table, ...) \
	{ \
		name, IU_FIELD_NAME, FIELD(type, member, .names = table, .how = __VA_ARGS__) \
	}
#define BITS(type, name, member, table) {name, IU_FIELD_BITS, FIELD(type, member, .names = table)}
#define HOST(type, name, member, ...) {name, IU_FIELD_HOST, FIELD(type, member, .how = __VA_ARGS__)}
/* An address and its port: two fields. */
#define ADDR(type, name, member, ...) \
	HOST(type, name, member, __VA_ARGS__), INT(type, name "_port", member.port, 0, UINT16_MAX, .how = __VA_ARGS__)

const struct iu_field iu_header_fields[] = {
	NAME(iu_facts, "os", os, iu_names_os, 0),
	{"kernel", IU_FIELD_VERSION, FIELD(iu_facts, kernel, )},
	INT(iu_facts, "hz", hz, 0, 100000, ),
	TIME(iu_facts, "now_ns", now_ns),
	U64(iu_facts, "netns", netns),
	BITS(iu_facts, "features", features, iu_names_feature),
	BITS(iu_facts, "features_probed", features_probed, iu_names_feature),
	BITS(iu_facts, "unseen", unseen, iu_names_missing),
	INT(iu_facts, "asker", asker, 0, INT32_MAX, ),
	BOOL(iu_facts, "no_v4_table", no_v4_table),
	BOOL(iu_facts, "locals_known", locals_known),
	BOOL(iu_facts, "buckets_known", buckets_known),
	{NULL},
};

static const struct iu_field device_fields[] = {
	INT(iu_device, "index", index, 1, INT32_MAX, .how = IU_FIELD_ALWAYS),
	TEXT(iu_device, "name", name, IU_FIELD_ALWAYS),
	BOOL(iu_device, "up", up),
	BOOL(iu_device, "loopback", loopback),
	{NULL},
};

static const struct iu_field local_fields[] = {
	HOST(iu_local, "addr", addr, IU_FIELD_ALWAYS),
	INT(iu_local, "prefix_len", prefix_len, 0, 128, .how = IU_FIELD_ALWAYS),
	BOOL(iu_local, "broadcast", broadcast),
	BOOL(iu_local, "tentative", tentative),
	U32(iu_local, "device", device),
	{NULL},
};

static const struct iu_field route_fields[] = {
	ADDR(iu_route, "remote", remote, 0),
	ADDR(iu_route, "source", source, 0),
	U32(iu_route, "device", device),
	NAME(iu_route, "result", result, iu_names_result, IU_FIELD_ALWAYS),
	{NULL},
};

static const struct iu_field bucket_fields[] = {
	INT(iu_bucket, "port", port, 0, UINT16_MAX, .how = IU_FIELD_ALWAYS),
	INT(iu_bucket, "fastreuse", fastreuse, -1, 1, ),
	INT(iu_bucket, "fastreuseport", fastreuseport, -1, 2, ),
	U32(iu_bucket, "uid", uid),
	INT(iu_bucket, "family", family, 0, 6, ),
	BOOL(iu_bucket, "v6only", v6only),
	ADDR(iu_bucket, "addr4", addr4, 0),
	ADDR(iu_bucket, "addr6", addr6, 0),
	INT(iu_bucket, "any4", any4, 0, 6, ),
	{NULL},
};

static const struct iu_field elsewhere_fields[] = {
	U64(iu_elsewhere, "netns", netns),
	INT(iu_elsewhere, "port", port, 0, UINT16_MAX, .how = IU_FIELD_ALWAYS),
	NAME(iu_elsewhere, "proto", proto, iu_names_proto, 0),
	INT(iu_elsewhere, "count", count, 0, COUNT_MAX, ),
	BOOL(iu_elsewhere, "listening", listening),
	{NULL},
};

static const struct iu_field process_fields[] = {
	INT(inuse_process, "pid", pid, 0, INT32_MAX, .how = IU_FIELD_ALWAYS),
	INT(inuse_process, "ppid", ppid, 0, INT32_MAX, ),
	INT(inuse_process, "uid", uid, 0, UINT32_MAX, .how = IU_FIELD_ALWAYS),
	TEXT(inuse_process, "comm", comm, 0),
	TEXT(inuse_process, "user", user, 0),
	{"status", IU_FIELD_LETTER, FIELD(inuse_process, status, )},
	BOOL(inuse_process, "same_dir", same_dir),
	BOOL(inuse_process, "dies_of_term", dies_of_term),
	TIME(inuse_process, "started_ns", started_ns),
	TEXT(inuse_process, "exe", exe, IU_FIELD_BASENAME),
	TEXT(inuse_process, "args", args, IU_FIELD_SECRET),
	TEXT(inuse_process, "cwd", cwd, IU_FIELD_SECRET),
	TEXT(inuse_process, "tty", tty, 0),
	TEXT(inuse_process, "unit", unit, 0),
	BOOL(inuse_process, "user_unit", user_unit),
	TEXT(inuse_process, "socket_unit", socket_unit, 0),
	TEXT(inuse_process, "container", container, 0),
	TEXT(inuse_process, "container_kind", container_kind, 0),
	{NULL},
};

static const struct iu_field holder_fields[] = {
	INT(inuse_holder, "process", process, 0, UINT32_MAX, .how = IU_FIELD_ALWAYS),
	INT(inuse_holder, "fd", fd, -1, INT32_MAX, .how = IU_FIELD_ALWAYS),
	{NULL},
};

static const struct iu_field socket_fields[] = {
	NAME(inuse_socket, "state", state, iu_names_state, IU_FIELD_ALWAYS),
	INT(inuse_socket, "family", family, 4, 6, .how = IU_FIELD_ALWAYS),
	NAME(inuse_socket, "proto", proto, iu_names_proto, IU_FIELD_ALWAYS),
	ADDR(inuse_socket, "local", local, IU_FIELD_ALWAYS),
	ADDR(inuse_socket, "remote", remote, 0),
	BOOL(inuse_socket, "mini", mini),
	BITS(inuse_socket, "flags", flags, iu_names_flag),
	{"unknown", IU_FIELD_UNSET, FIELD(inuse_socket, known, .names = iu_names_known)},
	U32(inuse_socket, "device", device),
	U32(inuse_socket, "uid", uid),
	U64(inuse_socket, "inode", inode),
	U64(inuse_socket, "netns", netns),
	U64(inuse_socket, "cookie", cookie),
	INT(inuse_socket, "count", count, 1, COUNT_MAX, ),
	TIME(inuse_socket, "free_at_ns", free_at_ns),
	TIME(inuse_socket, "free_slack_ns", free_slack_ns),
	TIME(inuse_socket, "since_ns", since_ns),
	U32(inuse_socket, "holders", holders),
	U32(inuse_socket, "n_holders", n_holders),
	{NULL},
};

static const char *check_nothing(const void *record, const size_t n[IU_N_RECORDS])
{
	return NULL;
}

static const char *check_local(const void *record, const size_t n[IU_N_RECORDS])
{
	const struct iu_local *l = record;

	return l->prefix_len > (l->addr.family == 4 ? 32 : 128) ? "prefix_len" : NULL;
}

static const char *check_bucket(const void *record, const size_t n[IU_N_RECORDS])
{
	const struct iu_bucket *b = record;

	if (b->any4 != 0 && b->any4 != 4 && b->any4 != 6)
		return "any4";
	return b->family != 0 && b->family != 4 && b->family != 6 ? "family" : NULL;
}

static const char *check_holder(const void *record, const size_t n[IU_N_RECORDS])
{
	return ((const struct inuse_holder *)record)->process >= n[IU_RECORD_PROCESS] ? "process" : NULL;
}

static const char *check_socket(const void *record, const size_t n[IU_N_RECORDS])
{
	const struct inuse_socket *s = record;

	if (s->family == 5)
		return "family";
	if (s->local.family != s->family && s->local.family != 0)
		return "local";
	if (s->remote.family != s->family && s->remote.family != 0)
		return "remote";
	if (s->holders > n[IU_RECORD_HOLDER])
		return "holders";
	return s->n_holders > n[IU_RECORD_HOLDER] - s->holders ? "n_holders" : NULL;
}

/* The accessors of one kind of record: name in the snapshot, in the facts, and its type. */
#define ACCESS(one, many, type) \
	static size_t list_##one(const struct iu_facts *facts, const void **ret_first) \
	{ \
		*ret_first = facts->many; \
		return facts->n_##many; \
	} \
	static bool add_##one(struct inuse_snapshot *s, const void *record) \
	{ \
		return iu_snapshot_add_##one(s, record) != NULL; \
	} \
	static_assert(sizeof(type) <= sizeof(union iu_any_record), "union iu_any_record has room for it");
ACCESS(device, devices, struct iu_device)
ACCESS(local, locals, struct iu_local)
ACCESS(route, routes, struct iu_route)
ACCESS(bucket, buckets, struct iu_bucket)
ACCESS(elsewhere, elsewhere, struct iu_elsewhere)
ACCESS(process, processes, struct inuse_process)
ACCESS(holder, holders, struct inuse_holder)
ACCESS(socket, sockets, struct inuse_socket)

#define RECORD(one, type, check) {#one, one##_fields, sizeof(type), list_##one, add_##one, check}
const struct iu_record iu_records[IU_N_RECORDS] = {
	[IU_RECORD_DEVICE] = RECORD(device, struct iu_device, check_nothing),
	[IU_RECORD_LOCAL] = RECORD(local, struct iu_local, check_local),
	[IU_RECORD_ROUTE] = RECORD(route, struct iu_route, check_nothing),
	[IU_RECORD_BUCKET] = RECORD(bucket, struct iu_bucket, check_bucket),
	[IU_RECORD_ELSEWHERE] = RECORD(elsewhere, struct iu_elsewhere, check_nothing),
	[IU_RECORD_PROCESS] = RECORD(process, struct inuse_process, check_nothing),
	[IU_RECORD_HOLDER] = RECORD(holder, struct inuse_holder, check_holder),
	[IU_RECORD_SOCKET] = RECORD(socket, struct inuse_socket, check_socket),
};

/* ------------------------------------------------------------------------------------------ numbers */

static int64_t clamped(int64_t value, const struct iu_field *f)
{
	return value < f->min ? f->min : value > f->max ? f->max : value;
}

/* One integer type at `at`: read into *value, or written from it. */
#define MOVE(type) \
	do { \
		type v = (type)*value; \
		if (store) \
			memcpy(at, &v, sizeof(v)); \
		else \
			memcpy(&v, at, sizeof(v)); \
		*value = (int64_t)v; \
	} while (0)

static void move_int(const struct iu_field *f, void *at, int64_t *value, bool store)
{
	bool negative = f->min < 0;

	switch (f->size) {
	case 1:
		if (negative)
			MOVE(int8_t);
		else
			MOVE(uint8_t);
		break;
	case 2:
		MOVE(uint16_t);
		break;
	case 4:
		if (negative)
			MOVE(int32_t);
		else
			MOVE(uint32_t);
		break;
	default:
		if (!negative && !store && *(const uint64_t *)at > INT64_MAX)
			*value = INT64_MAX;
		else
			MOVE(int64_t);
		break;
	}
}

static int64_t load_int(const struct iu_field *f, const void *at)
{
	int64_t value = 0;

	move_int(f, (void *)(uintptr_t)at, &value, false);
	return clamped(value, f);
}

static uint32_t load_u32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void store_u32(void *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* ------------------------------------------------------------------------------------------ writing */

json_t *iu_fields_text(const char *text)
{
	size_t len = text ? strlen(text) : 0;
	struct iu_text valid = {0};
	json_t *json = NULL;
	int32_t code;

	iu_text_add(&valid, "");
	while (len > 0) {
		size_t n = iu_utf8_next(text, len, &code);

		if (valid.len + (code >= 0 ? n : 4) > IU_SNAPSHOT_TEXT_MAX)
			break;
		if (code >= 0)
			iu_text_add_n(&valid, text, n);
		else
			iu_text_addf(&valid, "\\x%02x", (unsigned char)*text);
		text += n;
		len -= n;
	}
	if (!valid.failed)
		json = json_stringn_nocheck(valid.data, valid.len);
	iu_text_done(&valid);
	return json;
}

json_t *iu_fields_append(json_t *list, json_t *item)
{
	if (json_array_append_new(list, item) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *encode_text(const struct iu_field *f, const void *at, bool full)
{
	const char *text, *slash;

	memcpy(&text, at, sizeof(text));
	if (text == NULL || text[0] == 0)
		return iu_fields_text("");
	slash = f->how & IU_FIELD_BASENAME && !full ? strrchr(text, '/') : NULL;
	return iu_fields_text(slash ? slash + 1 : text);
}

static json_t *encode_bits(const struct iu_field *f, uint32_t bits)
{
	json_t *list = json_array();

	for (const struct iu_name *n = f->names; n->name != NULL; n++)
		if (bits & n->value)
			list = iu_fields_append(list, json_string_nocheck(n->name));
	return list;
}

static json_t *encode_host(const struct inuse_addr *addr)
{
	char host[INUSE_ADDR_TEXT];

	return json_string_nocheck(iu_addr_host_text(addr, host));
}

static json_t *encode(const struct iu_field *f, const void *at, bool full)
{
	char text[32];

	switch (f->kind) {
	case IU_FIELD_INT:
		return json_integer(load_int(f, at));
	case IU_FIELD_BOOL:
		return json_boolean(*(const bool *)at);
	case IU_FIELD_TEXT:
		return encode_text(f, at, full);
	case IU_FIELD_LETTER:
		return json_stringn_nocheck(at, 1);
	case IU_FIELD_HOST:
		return encode_host(at);
	case IU_FIELD_NAME:
		return json_string_nocheck(iu_name_of(f->names, load_u32(at)));
	case IU_FIELD_BITS:
		return encode_bits(f, load_u32(at));
	case IU_FIELD_UNSET:
		return encode_bits(f, ~load_u32(at));
	default:
		snprintf(text, sizeof(text), "%u.%u", load_u32(at) >> 16, load_u32(at) & 0xffff);
		return json_string_nocheck(text);
	}
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* What a number has when the file does not say. */
static int64_t usual(const struct iu_field *f)
{
	return f->min > 0 ? f->min : 0;
}

static bool is_empty(const struct iu_field *f, const void *at)
{
	static const char zeros[16];
	const char *text;

	switch (f->kind) {
	case IU_FIELD_INT:
		return load_int(f, at) == usual(f);
	case IU_FIELD_TEXT:
		memcpy(&text, at, sizeof(text));
		return text == NULL || text[0] == 0;
	case IU_FIELD_LETTER:
		return !is_letter(*(const char *)at);
	case IU_FIELD_HOST:
		return ((const struct inuse_addr *)at)->family == 0;
	case IU_FIELD_UNSET:
		return (~load_u32(at) & iu_name_bits(f->names)) == 0;
	default:
		return memcmp(at, zeros, f->size) == 0;
	}
}

bool iu_fields_encode(const struct iu_field *fields, const void *record, bool full, json_t *object)
{
	for (const struct iu_field *f = fields; f->name != NULL; f++) {
		const void *at = (const char *)record + f->offset;

		if ((f->how & IU_FIELD_SECRET && !full) || (is_empty(f, at) && !(f->how & IU_FIELD_ALWAYS)))
			continue;
		if (json_object_set_new_nocheck(object, f->name, encode(f, at, full)) < 0)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------ reading */

static bool decode_text(const json_t *value, struct inuse_snapshot *s, void *at, size_t *text_left)
{
	size_t len = json_string_length(value);
	const char *text;

	if (len > IU_SNAPSHOT_TEXT_MAX || len >= *text_left)
		return false;
	*text_left -= len + 1;
	text = iu_snapshot_string_n(s, json_string_value(value), len);
	memcpy(at, &text, sizeof(text));
	return true;
}

static bool decode_host(const json_t *value, struct inuse_addr *at)
{
	struct inuse_addr addr = {0};

	if (strcmp(json_string_value(value), "*") != 0 && inuse_addr_parse(json_string_value(value), &addr, NULL) < 0)
		return false;
	addr.port = at->port;
	*at = addr;
	return true;
}

static bool decode_letter(const json_t *value, char *at)
{
	*at = json_string_value(value)[0];
	return json_string_length(value) == 1 && is_letter(*at);
}

static bool decode_version(const json_t *value, void *at)
{
	const char *text = json_string_value(value), *dot = strchr(text, '.');
	uint64_t major, minor;

	if (dot == NULL || !iu_parse_u64_n(text, (size_t)(dot - text), 0, UINT16_MAX, &major) ||
	    !iu_parse_u64(dot + 1, 0, UINT16_MAX, &minor))
		return false;
	store_u32(at, (uint32_t)(major << 16 | minor));
	return true;
}

/* The bits that the list names into *ret; false for a name that is none. */
static bool decode_bits(const json_t *list, const struct iu_name *names, uint32_t *ret)
{
	size_t i;
	json_t *item;

	*ret = 0;
	json_array_foreach(list, i, item) {
		uint32_t bit;

		if (!json_is_string(item) ||
		    !iu_name_find(names, json_string_value(item), json_string_length(item), &bit))
			return false;
		*ret |= bit;
	}
	return true;
}

static bool has_type(const struct iu_field *f, const json_t *value)
{
	switch (f->kind) {
	case IU_FIELD_INT:
		return json_is_integer(value);
	case IU_FIELD_BOOL:
		return json_is_boolean(value);
	case IU_FIELD_BITS:
	case IU_FIELD_UNSET:
		return json_is_array(value);
	default:
		return json_is_string(value);
	}
}

/* False: out of range. */
static bool decode(const struct iu_field *f, const json_t *value, struct inuse_snapshot *s, void *at, size_t *text_left)
{
	int64_t number;
	uint32_t bits;

	switch (f->kind) {
	case IU_FIELD_INT:
		number = json_integer_value(value);
		if (number < f->min || number > f->max)
			return false;
		move_int(f, at, &number, true);
		return true;
	case IU_FIELD_BOOL:
		*(bool *)at = json_is_true(value);
		return true;
	case IU_FIELD_TEXT:
		return decode_text(value, s, at, text_left);
	case IU_FIELD_LETTER:
		return decode_letter(value, at);
	case IU_FIELD_HOST:
		return decode_host(value, at);
	case IU_FIELD_VERSION:
		return decode_version(value, at);
	case IU_FIELD_NAME:
		if (!iu_name_find(f->names, json_string_value(value), json_string_length(value), &bits))
			return false;
		store_u32(at, bits);
		return true;
	default:
		if (!decode_bits(value, f->names, &bits))
			return false;
		store_u32(at, f->kind == IU_FIELD_UNSET ? iu_name_bits(f->names) & ~bits : bits);
		return true;
	}
}

/* What a field has when the file does not say: nothing, and of what is unknown nothing. */
static void set_default(const struct iu_field *f, void *at)
{
	const char *empty = "";
	int64_t number = usual(f);

	if (f->kind == IU_FIELD_INT)
		move_int(f, at, &number, true);
	else if (f->kind == IU_FIELD_TEXT)
		memcpy(at, &empty, sizeof(empty));
	else if (f->kind == IU_FIELD_UNSET)
		store_u32(at, iu_name_bits(f->names));
}

static bool refuse(struct iu_refusal *ret, int why, const char *field)
{
	ret->why = why;
	ret->field = field;
	return false;
}

bool iu_fields_decode(const struct iu_field *fields, const json_t *object, struct inuse_snapshot *s, void *record,
		      size_t *ret_n, size_t *text_left, struct iu_refusal *ret_why)
{
	*ret_n = 0;
	for (const struct iu_field *f = fields; f->name != NULL; f++) {
		const json_t *value = json_object_get(object, f->name);
		void *at = (char *)record + f->offset;

		set_default(f, at);
		if (value == NULL && f->how & IU_FIELD_ALWAYS)
			return refuse(ret_why, IU_REFUSED_ABSENT, f->name);
		if (value == NULL)
			continue;
		if (!has_type(f, value))
			return refuse(ret_why, IU_REFUSED_TYPE, f->name);
		if (!decode(f, value, s, at, text_left))
			return refuse(ret_why, IU_REFUSED_RANGE, f->name);
		++*ret_n;
	}
	return true;
}
