/* SPDX-License-Identifier: MIT */
/* What the BPF programs hand out, from a kernel that lies: struct iu_rec after struct iu_rec, and struct iu_rec_bucket. */
#include "fuzz/input.h"

#include "host/record.h"
#include "say/row.h"

/* Nothing of a number can rewrite the line around it. */
static void check_text(const struct iu_text *t)
{
	MUST(!t->failed);
	for (size_t i = 0; i < t->len; i++)
		MUST(t->data[i] >= 0x20 && t->data[i] < 0x7f);
}

static void check_socket(const struct iu_rec *rec)
{
	static const struct iu_facts facts = {.now_ns = 1};
	struct inuse_socket s = iu_record_socket(rec, 4000000);
	struct iu_text line = {0};

	MUST(s.family == 4 || s.family == 6);
	MUST(s.local.family == s.family && s.remote.family == s.family);
	MUST((unsigned)s.state < INUSE_N_STATES);
	MUST(s.count == 1 && s.n_holders == 0);
	for (enum iu_column c = 0; c < IU_N_COLUMNS; c++) {
		iu_say_cell(&line, c, &s, &facts, true);
		MUST(line.len > 0);
	}
	iu_say_socket(&line, &s);
	check_text(&line);
	iu_text_done(&line);
}

static void check_bucket(const struct iu_rec_bucket *rec)
{
	struct iu_bucket b = iu_record_bucket(rec);

	MUST(b.port == rec->port);
	MUST(rec->fastreuseport > 0 ? b.family == 4 || b.family == 6 : b.family == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iu_rec_bucket bucket;
	struct iu_rec rec;

	for (size_t at = 0; size - at >= sizeof(rec); at += sizeof(rec)) {
		memcpy(&rec, data + at, sizeof(rec));
		check_socket(&rec);
	}
	for (size_t at = 0; size - at >= sizeof(bucket); at += sizeof(bucket)) {
		memcpy(&bucket, data + at, sizeof(bucket));
		check_bucket(&bucket);
	}
	return 0;
}
