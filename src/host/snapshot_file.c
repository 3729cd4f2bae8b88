/* SPDX-License-Identifier: MIT */
/*
 * Snapshots as JSON lines.
 *
 * Theory of operation
 *
 * One JSON object a line. The first is the *header*: {"type":"header","schema":"inuse-snapshot","version":1,...} with
 * the scalars of the facts, the settings by name, the ranges of ports, and what was said of the sources. Then come
 * the *records*, in the order of enum iu_record_kind, because a record may only refer to what stands before it: a
 * socket to a slice of the holders, a holder to a process. The last line is the *footer* {"type":"end","records":N}:
 * a file without it, or with another N, is cut off. doc/snapshot.md lists every field.
 *
 * Reading trusts nothing. A file is refused for a member or a name that this version does not know: what a rule does
 * not know of would make its verdict wrong in silence. Whoever adds a member adds 1 to the version; older versions
 * stay readable. Lines, records and text are limited, so that no file takes more than some 1.5 GB of memory.
 */
#include "host/snapshot_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "compat/system.h"
#include "host/snapshot_fields.h"

#define SOURCES_MAX 1000

static const struct {
	const char *id;
	int64_t min, max;
} settings[IU_N_SETTINGS] = {
#define SETTING(id, path, fallback) {#id, INT32_MIN, INT32_MAX},
#include "model/settings.def"
#undef SETTING
};

/* The name of a setting in the file: its row of settings.def in lower case. */
static const char *setting_name(size_t i, char buf[64])
{
	size_t len = 0;

	for (; len < 63 && settings[i].id[len] != 0; len++)
		buf[len] = (char)tolower((unsigned char)settings[i].id[len]);
	buf[len] = 0;
	return buf;
}

/* ------------------------------------------------------------------------------------------ writing */

static json_t *encode_settings(const struct iu_facts *facts)
{
	json_t *object = json_object();
	char name[64];

	for (size_t i = 0; i < IU_N_SETTINGS; i++) {
		if (facts->settings_known & 1u << i &&
		    json_object_set_new(object, setting_name(i, name), json_integer(facts->settings[i])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *encode_ranges(const struct iu_range *ranges, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		list = iu_fields_append(list, json_pack("[i, i]", ranges[i].first, ranges[i].last));
	return list;
}

static json_t *encode_said(const struct inuse_snapshot *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < iu_snapshot_n_said(s) && i < SOURCES_MAX; i++) {
		const char *source, *text;
		bool ok;

		iu_snapshot_said(s, i, &source, &ok, &text);
		list = iu_fields_append(list, json_pack("{s:o, s:b, s:o}", "source", iu_fields_text(source), "ok", ok,
							"text", iu_fields_text(text)));
	}
	return list;
}

static json_t *encode_header(const struct inuse_snapshot *s, bool full)
{
	const struct iu_facts *facts = iu_snapshot_facts(s);
	int version = facts->n_excluded > 0 ? IU_SNAPSHOT_VERSION : 1;
	json_t *header = json_pack("{s:s, s:s, s:i, s:s, s:b}", "type", "header", "schema", IU_SNAPSHOT_SCHEMA,
				   "version", version, "program", "inuse " INUSE_VERSION, "full", full);

	if (header == NULL || !iu_fields_encode(iu_header_fields, facts, full, header) ||
	    json_object_set_new(header, "settings", encode_settings(facts)) < 0 ||
	    json_object_set_new(header, "reserved", encode_ranges(facts->reserved, facts->n_reserved)) < 0 ||
	    (version > 1 &&
	     json_object_set_new(header, "excluded", encode_ranges(facts->excluded, facts->n_excluded)) < 0) ||
	    json_object_set_new(header, "covered", encode_ranges(facts->covered, facts->n_covered)) < 0 ||
	    json_object_set_new(header, "sources", encode_said(s)) < 0) {
		json_decref(header);
		return NULL;
	}
	return header;
}

/* Writes and releases the object. NULL: out of memory. */
static enum inuse_status write_line(FILE *f, json_t *object, struct inuse_error *error)
{
	int rc;

	if (object == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "snapshot", _("out of memory"));
	errno = 0;
	rc = json_dumpf(object, f, JSON_COMPACT);
	json_decref(object);
	if (rc < 0 || fputc('\n', f) == EOF)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "write", _("the snapshot cannot be written: %s"),
			       errno ? strerror(errno) : _("out of memory"));
	return INUSE_OK;
}

static enum inuse_status write_records(const struct iu_record *kind, const struct iu_facts *facts, FILE *f, bool full,
				       json_int_t *count, struct inuse_error *error)
{
	enum inuse_status status = INUSE_OK;
	const void *first;
	size_t n = kind->list(facts, &first);

	for (size_t i = 0; i < n && status == INUSE_OK; i++) {
		json_t *object = json_pack("{s:s}", "type", kind->type);

		if (object != NULL &&
		    !iu_fields_encode(kind->fields, (const char *)first + i * kind->size, full, object)) {
			json_decref(object);
			object = NULL;
		}
		status = write_line(f, object, error);
		++*count;
	}
	return status;
}

enum inuse_status iu_snapshot_save(const struct inuse_snapshot *s, FILE *f, bool full, struct inuse_error *error)
{
	enum inuse_status status = write_line(f, encode_header(s, full), error);
	json_int_t count = 0;

	for (size_t i = 0; i < IU_N_RECORDS && status == INUSE_OK; i++)
		status = write_records(&iu_records[i], iu_snapshot_facts(s), f, full, &count, error);
	if (status == INUSE_OK)
		status = write_line(f, json_pack("{s:s, s:I}", "type", "end", "records", count), error);
	if (status == INUSE_OK && fflush(f) != 0)
		status = iu_fail(error, INUSE_E_SYSTEM, errno, "write", _("the snapshot cannot be written: %s"),
				 strerror(errno));
	return status;
}

/* ------------------------------------------------------------------------------------------ reading */

struct reader {
	FILE *f;
	char name[128]; /* escaped */
	char *line;
	size_t len, cap, number;
	bool ends;      /* the line ended with a newline */
	struct inuse_snapshot *snapshot;
	size_t n[IU_N_RECORDS], n_records;
	size_t text_left;
	size_t kind;    /* of the last record: the order is fixed */
	struct inuse_error *error;
};

#define REFUSE(r, format, ...) iu_fail((r)->error, INUSE_E_SNAPSHOT, 0, "snapshot", format, (r)->name, __VA_ARGS__)

static enum inuse_status no_memory(struct reader *r)
{
	return iu_fail(r->error, INUSE_E_MEMORY, 0, "snapshot", _("out of memory"));
}

static bool grow(struct reader *r)
{
	size_t cap = r->cap ? r->cap * 2 : 4096;
	char *line = realloc(r->line, cap);

	if (line == NULL)
		return false;
	r->line = line;
	r->cap = cap;
	return true;
}

/* The next line into r->line, without its newline. *ret_got: there was one. */
static enum inuse_status read_line(struct reader *r, bool *ret_got)
{
	int c;

	r->len = 0;
	errno = 0;
	while ((c = getc_unlocked(r->f)) != EOF && c != '\n') {
		if (r->len == IU_SNAPSHOT_LINE_MAX)
			return REFUSE(r, _("%s: line %zu is longer than a snapshot's lines are"), r->number + 1);
		if (r->len == r->cap && !grow(r))
			return no_memory(r);
		r->line[r->len++] = (char)c;
	}
	if (ferror(r->f))
		return iu_fail(r->error, INUSE_E_SNAPSHOT, errno, "read", _("%s cannot be read: %s"), r->name,
			       strerror(errno));
	r->ends = c == '\n';
	*ret_got = r->ends || r->len > 0;
	r->number += *ret_got;
	return INUSE_OK;
}

static enum inuse_status cut_off(struct reader *r)
{
	return REFUSE(r, _("%s is cut off: it ends with line %zu, and its last line is missing"), r->number);
}

/* The line as a JSON object into *ret, and its type, which lives as long. */
static enum inuse_status parse_line(struct reader *r, json_t **ret, const char **ret_type)
{
	json_t *object = json_loadb(r->line ? r->line : "", r->len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(object, "type"));

	if (type == NULL) {
		json_decref(object);
		if (r->number == 1)
			return iu_fail(r->error, INUSE_E_SNAPSHOT, 0, "snapshot", _("%s is no snapshot of inuse"),
				       r->name);
		if (!r->ends)
			return cut_off(r);
		return REFUSE(r, _("%s: line %zu is damaged"), r->number);
	}
	*ret = object;
	*ret_type = type;
	return INUSE_OK;
}

static enum inuse_status refuse_field(struct reader *r, const struct iu_refusal *refusal)
{
	switch (refusal->why) {
	case IU_REFUSED_TYPE:
		return REFUSE(r, _("%s: line %zu: the field \"%s\" is of the wrong kind"), r->number, refusal->field);
	case IU_REFUSED_ABSENT:
		return REFUSE(r, _("%s: line %zu: the field \"%s\" is missing"), r->number, refusal->field);
	default:
		return REFUSE(r, _("%s: line %zu: the field \"%s\" has a value that cannot be"), r->number,
			      refusal->field);
	}
}

static enum inuse_status wrong_value(struct reader *r, const char *field)
{
	return refuse_field(r, &(struct iu_refusal){IU_REFUSED_RANGE, field});
}

static bool is_field(const struct iu_field *fields, const char *const *more, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return true;
	for (; *more != NULL; more++)
		if (strcmp(*more, name) == 0)
			return true;
	return false;
}

static enum inuse_status refuse_unknown_member(struct reader *r, json_t *object, const struct iu_field *fields,
					       const char *const *more)
{
	char shown[64];
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value) {
		if (!is_field(fields, more, name))
			return REFUSE(r, _("%s: line %zu: this version of inuse knows no field \"%s\""), r->number,
				      iu_escape(name, shown, sizeof(shown)));
	}
	return INUSE_OK;
}

/* ---------------------------------------------------------------------------------- reading: header */

static enum inuse_status decode_settings(struct reader *r, const json_t *object)
{
	struct iu_facts *facts = iu_snapshot_scalars(r->snapshot);
	size_t found = 0;
	char name[64];

	for (size_t i = 0; i < IU_N_SETTINGS; i++) {
		const json_t *value = json_object_get(object, setting_name(i, name));
		bool port = i == IU_SET_RANGE_FIRST || i == IU_SET_RANGE_LAST;
		json_int_t number = json_integer_value(value);

		if (value == NULL)
			continue;
		if (!json_is_integer(value) || number < (port ? 0 : settings[i].min) ||
		    number > (port ? UINT16_MAX : settings[i].max))
			return REFUSE(r, _("%s: line %zu: the setting \"%s\" has a value that cannot be"), r->number,
				      name);
		facts->settings[i] = number;
		facts->settings_known |= 1u << i;
		found++;
	}
	return found == json_object_size(object) ? INUSE_OK : wrong_value(r, "settings");
}

typedef struct iu_range *add_range_fn(struct inuse_snapshot *s, const struct iu_range *range);

static enum inuse_status decode_ranges(struct reader *r, const json_t *header, const char *name, add_range_fn *add)
{
	const json_t *list = json_object_get(header, name);
	size_t i;
	json_t *item;

	if (list != NULL && (!json_is_array(list) || json_array_size(list) > 65536))
		return wrong_value(r, name);
	json_array_foreach(list, i, item) {
		json_int_t first = json_integer_value(json_array_get(item, 0));
		json_int_t last = json_integer_value(json_array_get(item, 1));
		struct iu_range range = {(uint16_t)first, (uint16_t)last};

		if (json_array_size(item) != 2 || !json_is_integer(json_array_get(item, 0)) ||
		    !json_is_integer(json_array_get(item, 1)) || first < 0 || last > UINT16_MAX || first > last)
			return wrong_value(r, name);
		add(r->snapshot, &range);
	}
	return INUSE_OK;
}

static enum inuse_status decode_said(struct reader *r, const json_t *list)
{
	size_t i;
	json_t *item;

	if (list != NULL && (!json_is_array(list) || json_array_size(list) > SOURCES_MAX))
		return wrong_value(r, "sources");
	json_array_foreach(list, i, item) {
		const char *source = json_string_value(json_object_get(item, "source"));
		const json_t *ok = json_object_get(item, "ok");
		const char *text = json_string_value(json_object_get(item, "text"));

		if (json_object_size(item) != 3 || source == NULL || !json_is_boolean(ok) || text == NULL)
			return wrong_value(r, "sources");
		iu_snapshot_say(r->snapshot, source, json_is_true(ok), text);
	}
	return INUSE_OK;
}

static enum inuse_status check_schema(struct reader *r, const json_t *header, const char *type)
{
	const char *schema = json_string_value(json_object_get(header, "schema"));
	const json_t *version = json_object_get(header, "version");

	if (strcmp(type, "header") != 0 || schema == NULL || strcmp(schema, IU_SNAPSHOT_SCHEMA) != 0)
		return iu_fail(r->error, INUSE_E_SNAPSHOT, 0, "snapshot", _("%s is no snapshot of inuse"), r->name);
	if (!json_is_integer(version) || json_integer_value(version) < 1)
		return wrong_value(r, "version");
	if (json_integer_value(version) > IU_SNAPSHOT_VERSION)
		return REFUSE(r,
			      _("%s: line %zu: the snapshot has version %lld, and this inuse reads versions up to %d"),
			      r->number, (long long)json_integer_value(version), IU_SNAPSHOT_VERSION);
	return INUSE_OK;
}

static enum inuse_status decode_header(struct reader *r, json_t *header, const char *type)
{
	static const char *const more[] = {"type", "schema", "version", "program", "full", "settings", "reserved",
					   "excluded", "covered", "sources", NULL};
	struct iu_facts *facts = iu_snapshot_scalars(r->snapshot);
	const json_t *values = json_object_get(header, "settings");
	enum inuse_status status = check_schema(r, header, type);
	struct iu_refusal refusal;
	size_t n;

	if (status == INUSE_OK)
		status = refuse_unknown_member(r, header, iu_header_fields, more);
	if (status == INUSE_OK &&
	    !iu_fields_decode(iu_header_fields, header, r->snapshot, facts, &n, &r->text_left, &refusal))
		status = refuse_field(r, &refusal);
	if (status == INUSE_OK && values != NULL)
		status = json_is_object(values) ? decode_settings(r, values) : wrong_value(r, "settings");
	if (status == INUSE_OK)
		status = decode_ranges(r, header, "reserved", iu_snapshot_add_reserved);
	if (status == INUSE_OK)
		status = decode_ranges(r, header, "excluded", iu_snapshot_add_excluded);
	if (status == INUSE_OK)
		status = decode_ranges(r, header, "covered", iu_snapshot_add_covered);
	return status == INUSE_OK ? decode_said(r, json_object_get(header, "sources")) : status;
}

/* --------------------------------------------------------------------------------- reading: records */

static enum inuse_status decode_record(struct reader *r, json_t *object, size_t kind)
{
	static const char *const more[] = {"type", NULL};
	const struct iu_record *record = &iu_records[kind];
	union iu_any_record any;
	struct iu_refusal refusal;
	const char *wrong;
	size_t n;

	memset(&any, 0, sizeof(any));
	if (++r->n_records > IU_SNAPSHOT_RECORDS_MAX)
		return REFUSE(r, _("%s: line %zu: the snapshot has more than %d records"), r->number,
			      IU_SNAPSHOT_RECORDS_MAX);
	if (kind < r->kind)
		return REFUSE(r, _("%s: line %zu: a record \"%s\" must not stand behind a record \"%s\""), r->number,
			      record->type, iu_records[r->kind].type);
	r->kind = kind;
	if (!iu_fields_decode(record->fields, object, r->snapshot, &any, &n, &r->text_left, &refusal))
		return refuse_field(r, &refusal);
	if (n + 1 != json_object_size(object))
		return refuse_unknown_member(r, object, record->fields, more);
	wrong = record->check(&any, r->n);
	if (wrong != NULL)
		return wrong_value(r, wrong);
	r->n[kind]++;
	return record->add(r->snapshot, &any) ? INUSE_OK : no_memory(r);
}

static enum inuse_status decode_footer(struct reader *r, const json_t *footer)
{
	const json_t *records = json_object_get(footer, "records");
	enum inuse_status status;
	bool more;

	if (!json_is_integer(records) || json_integer_value(records) != (json_int_t)r->n_records)
		return REFUSE(
			r, _("%s: line %zu: the snapshot has %zu records, and its last line speaks of another number"),
			r->number, r->n_records);
	if (json_object_size(footer) != 2)
		return REFUSE(r, _("%s: line %zu is damaged"), r->number);
	status = read_line(r, &more);
	if (status == INUSE_OK && more)
		return REFUSE(r, _("%s: line %zu stands behind the end of the snapshot"), r->number);
	return status;
}

static enum inuse_status decode_line(struct reader *r, bool *ret_end)
{
	const char *type = NULL;
	json_t *object = NULL;
	enum inuse_status status = parse_line(r, &object, &type);
	char shown[64];
	size_t kind = 0;

	if (status < 0)
		return status;
	*ret_end = r->number > 1 && strcmp(type, "end") == 0;
	while (kind < IU_N_RECORDS && strcmp(iu_records[kind].type, type) != 0)
		kind++;
	if (r->number == 1)
		status = decode_header(r, object, type);
	else if (*ret_end)
		status = decode_footer(r, object);
	else if (kind < IU_N_RECORDS)
		status = decode_record(r, object, kind);
	else
		status = REFUSE(r, _("%s: line %zu: this version of inuse knows no record \"%s\""), r->number,
				iu_escape(type, shown, sizeof(shown)));
	json_decref(object);
	return status;
}

static enum inuse_status load(struct reader *r)
{
	enum inuse_status status = INUSE_OK;
	bool end = false, got;

	while (!end && status == INUSE_OK) {
		status = read_line(r, &got);
		if (status == INUSE_OK && !got && r->number == 0)
			return iu_fail(r->error, INUSE_E_SNAPSHOT, 0, "snapshot", _("%s is empty"), r->name);
		if (status == INUSE_OK && !got)
			return cut_off(r);
		if (status == INUSE_OK)
			status = decode_line(r, &end);
	}
	return status == INUSE_OK ? iu_snapshot_seal(r->snapshot, r->error) : status;
}

enum inuse_status iu_snapshot_load(FILE *f, const char *name, struct inuse_snapshot **ret_snapshot,
				   struct inuse_error *error)
{
	struct reader r = {
		.f = f, .text_left = IU_SNAPSHOT_ALL_TEXT_MAX, .error = error, .snapshot = iu_snapshot_new()};
	enum inuse_status status;

	if (r.snapshot == NULL)
		return no_memory(&r);
	iu_escape(name, r.name, sizeof(r.name));
	status = load(&r);
	free(r.line);
	if (status == INUSE_OK)
		*ret_snapshot = r.snapshot;
	else
		iu_snapshot_free(r.snapshot);
	return status;
}

/* ------------------------------------------------------------------------------------------- public */

enum inuse_status inuse_snapshot_load(const char *path, struct inuse_snapshot **ret_snapshot, struct inuse_error *error)
{
	bool standard = path != NULL && strcmp(path, "-") == 0;
	enum inuse_status status;
	char shown[128];
	FILE *f;

	if (path == NULL || ret_snapshot == NULL)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("no file was named"));
	f = standard ? stdin : iu_system_open(path);
	if (f == NULL)
		return iu_fail(error, INUSE_E_SNAPSHOT, errno, "open", _("%s cannot be opened: %s"),
			       iu_escape(path, shown, sizeof(shown)), strerror(errno));
	status = iu_snapshot_load(f, standard ? _("standard input") : path, ret_snapshot, error);
	if (!standard)
		fclose(f);
	return status;
}

enum inuse_status inuse_snapshot_save(const struct inuse_snapshot *snapshot, const char *path, bool full,
				      struct inuse_error *error)
{
	enum inuse_status status;
	char shown[128];
	FILE *f;

	if (snapshot == NULL || path == NULL)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("no file was named"));
	if (strcmp(path, "-") == 0)
		return iu_snapshot_save(snapshot, stdout, full, error);
	/* a full snapshot holds secrets */
	f = iu_system_create(path, full);
	if (f == NULL)
		return iu_fail(error, INUSE_E_INPUT, errno, "open", _("%s cannot be written: %s"),
			       iu_escape(path, shown, sizeof(shown)), strerror(errno));
	status = iu_snapshot_save(snapshot, f, full, error);
	if (fclose(f) != 0 && status == INUSE_OK)
		status = iu_fail(error, INUSE_E_SYSTEM, errno, "write", _("the snapshot cannot be written: %s"),
				 strerror(errno));
	if (status < 0)
		iu_system_discard(path); /* nothing half-written is left behind */
	return status;
}

void inuse_snapshot_free(struct inuse_snapshot *snapshot)
{
	iu_snapshot_free(snapshot);
}
