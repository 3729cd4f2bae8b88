/* SPDX-License-Identifier: MIT */
/* The records of a snapshot file, field by field: one table that feeds writing, reading and checking. */
#ifndef IU_HOST_SNAPSHOT_FIELDS_H
#define IU_HOST_SNAPSHOT_FIELDS_H

#include <jansson.h>

#include "host/snapshot.h"
#include "say/names.h"

/* Longest text in a field, in bytes; what is longer is cut when written and refused when read. */
#define IU_SNAPSHOT_TEXT_MAX 16384

enum iu_field_kind {
	IU_FIELD_INT,     /* a number of `size` bytes in [min, max]; signed when min < 0 */
	IU_FIELD_BOOL,    /* true */
	IU_FIELD_TEXT,    /* const char *, owned by the snapshot */
	IU_FIELD_LETTER,  /* char, as a text of one letter */
	IU_FIELD_HOST,    /* the address of a struct inuse_addr, its port left alone; max: 6 also allows "*" */
	IU_FIELD_NAME,    /* an enum, by name */
	IU_FIELD_BITS,    /* uint32_t: the names of the bits that are set */
	IU_FIELD_UNSET,   /* uint32_t: the names of the bits that are not set */
	IU_FIELD_VERSION, /* uint32_t major << 16 | minor, as "6.18" */
};

enum {
	IU_FIELD_ALWAYS = 1,   /* written even when 0 or empty, and refused when absent */
	IU_FIELD_SECRET = 2,   /* only in a full snapshot */
	IU_FIELD_BASENAME = 4, /* unless the snapshot is full: only what stands behind the last slash */
};

struct iu_field {
	const char *name;
	enum iu_field_kind kind;
	size_t offset, size;
	int64_t min, max;
	const struct iu_name *names;
	unsigned how;
};

/* Kinds of record, in the order in which a file must have them. */
enum iu_record_kind {
	IU_RECORD_DEVICE,
	IU_RECORD_LOCAL,
	IU_RECORD_ROUTE,
	IU_RECORD_BUCKET,
	IU_RECORD_ELSEWHERE,
	IU_RECORD_PROCESS,
	IU_RECORD_HOLDER,
	IU_RECORD_SOCKET,
	IU_N_RECORDS,
};

struct iu_record {
	const char *type;
	const struct iu_field *fields; /* ends with a NULL name */
	size_t size;                   /* of the struct */
	size_t (*list)(const struct iu_facts *facts, const void **ret_first);
	bool (*add)(struct inuse_snapshot *s, const void *record); /* false: out of memory */
	/*
	 * The name of a field that contradicts another field or what came before it; n: how many of each kind. NULL:
	 * none.
	 */
	const char *(*check)(const void *record, const size_t n[IU_N_RECORDS]);
};

/* Large enough for every record. */
union iu_any_record {
	struct inuse_socket socket;
	struct inuse_process process;
	struct inuse_holder holder;
	struct iu_local local;
	struct iu_device device;
	struct iu_route route;
	struct iu_bucket bucket;
	struct iu_elsewhere elsewhere;
};

extern const struct iu_record iu_records[IU_N_RECORDS];
/* The scalars of struct iu_facts that stand in the header. */
extern const struct iu_field iu_header_fields[];

/* Why a record was refused. */
struct iu_refusal {
	enum { IU_REFUSED_TYPE, IU_REFUSED_RANGE, IU_REFUSED_ABSENT } why;
	const char *field;
};

/*
 * Puts every field of the record into object; what is empty, and what is secret unless full, is left out. False: out
 * of memory.
 */
bool iu_fields_encode(const struct iu_field *fields, const void *record, bool full, json_t *object);
/*
 * Fills the record (zeroed first) from object. *ret_n: how many members were read; *text_left: bytes of text that may
 * still be copied. Strings go into s. False: *ret_why says which field, and what is wrong with it.
 */
bool iu_fields_decode(const struct iu_field *fields, const json_t *object, struct inuse_snapshot *s, void *record,
		      size_t *ret_n, size_t *text_left, struct iu_refusal *ret_why);
/*
 * A text as JSON, cut at IU_SNAPSHOT_TEXT_MAX; bytes that are not UTF-8 become \xNN. NULL is "". NULL: out of memory.
 */
json_t *iu_fields_text(const char *text);
/*
 * Adds item, which it takes, to list and returns list; NULL, with both released, when either is NULL or memory runs
 * out.
 */
json_t *iu_fields_append(json_t *list, json_t *item);

#endif
