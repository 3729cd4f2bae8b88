/* SPDX-License-Identifier: MIT */
/* Snapshot files: what is written reads back to the last field, and every damaged file is refused with its line. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "host/snapshot_fields.h"
#include "host/snapshot_file.h"

/* ------------------------------------------------------------------------------------------- helpers */

static struct inuse_addr addr(const char *host, uint16_t port)
{
	struct inuse_addr a;

	assert_int_equal(inuse_addr_parse(host, &a, NULL), INUSE_OK);
	a.port = port;
	return a;
}

static struct inuse_snapshot *load_text(const char *text, size_t len, struct inuse_error *error)
{
	FILE *f = fmemopen((void *)(uintptr_t)(len ? text : " "), len ? len : 1, "r");
	struct inuse_snapshot *s = NULL;

	if (len == 0)
		fgetc(f);
	if (iu_snapshot_load(f, "x.snap", &s, error) != INUSE_OK)
		assert_null(s);
	fclose(f);
	return s;
}

static char *save_text(const struct inuse_snapshot *s, bool full, size_t *ret_len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_len);

	assert_int_equal(iu_snapshot_save(s, f, full, NULL), INUSE_OK);
	fclose(f);
	return text;
}

#define ZEROED(type, name, ...) \
	type name; \
	memset(&name, 0, sizeof(name)); \
	fill_##name(&name)

static void fill_socket(struct inuse_socket *s)
{
	s->state = INUSE_TIME_WAIT;
	s->family = 6;
	s->mini = true;
	s->proto = INUSE_PROTO_UDP;
	s->local = addr("fe80::1%2", 65535);
	s->remote = addr("::ffff:127.0.0.1", 1);
	s->flags = INUSE_REUSEADDR | INUSE_MPTCP | INUSE_REPAIR;
	s->known = INUSE_KNOW_REUSEADDR | INUSE_KNOW_UID | INUSE_KNOW_OWNER;
	s->device = 7;
	s->uid = 4294967294u;
	s->inode = 123456789012;
	s->netns = 4026531840;
	s->cookie = INT64_MAX;
	s->count = 100000;
	s->free_at_ns = -5;
	s->free_slack_ns = 4100000000;
	s->holders = 1;
	s->n_holders = 2;
}

static void fill_process(struct inuse_process *p)
{
	p->pid = 4194304;
	p->ppid = 1;
	p->uid = 1000;
	p->status = 'T';
	p->same_dir = true;
	p->dies_of_term = true;
	p->started_ns = 1234567890123;
	p->comm = "no\"de\n\x1b[31m";
	p->user = "j\xc3\xbcrgen";
	p->exe = "/home/secret/bin/node";
	p->args = "node server.js --password=hunter2";
	p->cwd = "/home/secret";
	p->tty = "pts/3";
	p->unit = "nginx.service";
	p->user_unit = true;
	p->socket_unit = "nginx.socket";
	p->container = "0123456789ab";
	p->container_kind = "docker";
}

static void fill_local(struct iu_local *l)
{
	l->addr = addr("2001:db8::1", 0);
	l->prefix_len = 128;
	l->broadcast = l->tentative = true;
	l->device = 3;
}

static void fill_route(struct iu_route *r)
{
	r->remote = addr("10.0.0.1", 80);
	r->source = addr("10.0.0.2", 9);
	r->device = 4;
	r->result = INUSE_R_NETUNREACH;
}

static void fill_bucket(struct iu_bucket *b)
{
	b->port = 8080;
	b->fastreuse = -1;
	b->fastreuseport = 2;
	b->any4 = 6;
	b->uid = 33;
	b->family = 6;
	b->v6only = true;
	b->addr4 = addr("127.0.0.6", 0);
	b->addr6 = addr("::1", 0);
}

static void fill_elsewhere(struct iu_elsewhere *e)
{
	e->netns = 4026532000;
	e->port = 53;
	e->proto = INUSE_PROTO_UDP;
	e->count = 12;
	e->listening = true;
}

static void fill_scalars(struct iu_facts *f)
{
	for (size_t i = 0; i < IU_N_SETTINGS; i++)
		f->settings[i] = (int64_t)i + 100;
	f->settings_known = (1u << IU_N_SETTINGS) - 1;
	f->settings_known &= ~(1u << IU_SET_TW_REUSE);
	f->settings[IU_SET_TW_REUSE] = 0;
	f->features = IU_FEATURE_BHASH2 | IU_FEATURE_ORPHAN_UID;
	f->features_probed = IU_FEATURE_BHASH2 | IU_FEATURE_TW_DELAY;
	f->kernel = 6 << 16 | 18;
	f->hz = 250;
	f->unseen = INUSE_MISSING_BOUND | INUSE_MISSING_MEMORY;
	f->asker = 4711;
	f->no_v4_table = f->locals_known = f->buckets_known = true;
	f->now_ns = 987654321;
	f->netns = 4026531841;
}

/* One of each, with no field at its default; three processes and holders, so that a socket can refer to the second. */
static struct inuse_snapshot *everything(void)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	ZEROED(struct inuse_socket, socket);
	ZEROED(struct inuse_process, process);
	ZEROED(struct iu_local, local);
	ZEROED(struct iu_route, route);
	ZEROED(struct iu_bucket, bucket);
	ZEROED(struct iu_elsewhere, elsewhere);

	fill_scalars(iu_snapshot_scalars(s));
	iu_snapshot_add_socket(s, &socket);
	for (uint32_t i = 0; i < 3; i++) {
		iu_snapshot_add_process(s, &process);
		iu_snapshot_add_holder(s, &(struct inuse_holder){.process = 2 - i, .fd = (int32_t)i - 1});
	}
	iu_snapshot_add_local(s, &local);
	iu_snapshot_add_device(s, &(struct iu_device){.index = 7, .up = true, .loopback = true, .name = "eth0"});
	iu_snapshot_add_route(s, &route);
	iu_snapshot_add_bucket(s, &bucket);
	iu_snapshot_add_elsewhere(s, &elsewhere);
	iu_snapshot_add_reserved(s, &(struct iu_range){8080, 8081});
	iu_snapshot_add_covered(s, &(struct iu_range){0, 65535});
	iu_snapshot_add_covered(s, &(struct iu_range){80, 80});
	iu_snapshot_say(s, "bucket", false, "CAP_BPF is missing");
	iu_snapshot_say(s, "diag", true, "");
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	return s;
}

/* ---------------------------------------------------------------------------------------- round trip */

static void same_processes(const struct iu_facts *a, const struct iu_facts *b, bool full)
{
	assert_int_equal(a->n_processes, b->n_processes);
	for (size_t i = 0; i < a->n_processes; i++) {
		const struct inuse_process *p = &a->processes[i], *q = &b->processes[i];

		assert_int_equal(p->pid, q->pid);
		assert_int_equal(p->ppid, q->ppid);
		assert_int_equal(p->uid, q->uid);
		assert_int_equal(p->status, q->status);
		assert_int_equal(p->same_dir, q->same_dir);
		assert_int_equal(p->dies_of_term, q->dies_of_term);
		assert_int_equal(p->started_ns, q->started_ns);
		assert_string_equal(p->comm, q->comm);
		assert_string_equal(p->user, q->user);
		assert_string_equal(full ? p->exe : "node", q->exe);
		assert_string_equal(full ? p->args : "", q->args);
		assert_string_equal(full ? p->cwd : "", q->cwd);
		assert_string_equal(p->tty, q->tty);
		assert_string_equal(p->unit, q->unit);
		assert_string_equal(p->socket_unit, q->socket_unit);
		assert_int_equal(p->user_unit, q->user_unit);
		assert_string_equal(p->container, q->container);
		assert_string_equal(p->container_kind, q->container_kind);
	}
}

static void same_said(const struct inuse_snapshot *a, const struct inuse_snapshot *b)
{
	const char *source[2], *text[2];
	bool ok[2];

	assert_int_equal(iu_snapshot_n_said(a), iu_snapshot_n_said(b));
	for (size_t i = 0; i < iu_snapshot_n_said(a); i++) {
		iu_snapshot_said(a, i, &source[0], &ok[0], &text[0]);
		iu_snapshot_said(b, i, &source[1], &ok[1], &text[1]);
		assert_string_equal(source[0], source[1]);
		assert_string_equal(text[0], text[1]);
		assert_int_equal(ok[0], ok[1]);
	}
}

#define SAME_ARRAY(a, b, many) \
	do { \
		assert_int_equal((a)->n_##many, (b)->n_##many); \
		assert_memory_equal((a)->many, (b)->many, (a)->n_##many * sizeof((a)->many[0])); \
	} while (0)

static void same(const struct inuse_snapshot *s, const struct inuse_snapshot *t, bool full)
{
	const struct iu_facts *a = iu_snapshot_facts(s), *b = iu_snapshot_facts(t);

	SAME_ARRAY(a, b, sockets);
	SAME_ARRAY(a, b, holders);
	SAME_ARRAY(a, b, locals);
	SAME_ARRAY(a, b, routes);
	SAME_ARRAY(a, b, buckets);
	SAME_ARRAY(a, b, elsewhere);
	SAME_ARRAY(a, b, reserved);
	SAME_ARRAY(a, b, covered);
	same_processes(a, b, full);
	assert_int_equal(a->n_devices, b->n_devices);
	assert_int_equal(a->devices[0].index, b->devices[0].index);
	assert_int_equal(a->devices[0].up, b->devices[0].up);
	assert_int_equal(a->devices[0].loopback, b->devices[0].loopback);
	assert_string_equal(a->devices[0].name, b->devices[0].name);
	/* from the settings to the end the facts are scalars */
	assert_memory_equal(a->settings, b->settings, sizeof(a->settings));
	assert_int_equal(a->settings_known, b->settings_known);
	assert_int_equal(a->features, b->features);
	assert_int_equal(a->features_probed, b->features_probed);
	assert_int_equal(a->kernel, b->kernel);
	assert_int_equal(a->hz, b->hz);
	assert_int_equal(a->unseen, b->unseen);
	assert_int_equal(a->asker, b->asker);
	assert_int_equal(a->no_v4_table, b->no_v4_table);
	assert_int_equal(a->locals_known, b->locals_known);
	assert_int_equal(a->buckets_known, b->buckets_known);
	assert_int_equal(a->now_ns, b->now_ns);
	assert_int_equal(a->netns, b->netns);
	same_said(s, t);
}

static void round_trip(bool full)
{
	struct inuse_snapshot *s = everything(), *t;
	struct inuse_error error = {0};
	size_t len, len2;
	char *text = save_text(s, full, &len), *text2;

	t = load_text(text, len, &error);
	if (t == NULL)
		fail_msg("%s\n%s", error.text, text);
	same(s, t, full);
	if (!full) {
		assert_null(strstr(text, "hunter2"));
		assert_null(strstr(text, "secret"));
	}
	text2 = save_text(t, full, &len2);
	assert_string_equal(text, text2);
	free(text);
	free(text2);
	iu_snapshot_free(s);
	iu_snapshot_free(t);
}

static void test_snapshot_file__full__every_field_reads_back(void **state)
{
	round_trip(true);
}

static void test_snapshot_file__not_full__all_but_secrets_reads_back(void **state)
{
	round_trip(false);
}

static void test_snapshot_file__empty_records__defaults_read_back(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new(), *t;
	struct inuse_socket socket = {.state = INUSE_BOUND, .family = 4, .count = 1};
	size_t len;
	char *text;

	socket.local = iu_addr_any(4, 80);
	iu_snapshot_add_socket(s, &socket);
	iu_snapshot_add_process(s, &(struct inuse_process){.pid = 1, .comm = NULL, .status = '\1'});
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	text = save_text(s, true, &len);
	t = load_text(text, len, NULL);
	assert_non_null(t);
	SAME_ARRAY(iu_snapshot_facts(s), iu_snapshot_facts(t), sockets);
	assert_string_equal(iu_snapshot_facts(t)->processes[0].comm, "");
	assert_string_equal(iu_snapshot_facts(t)->processes[0].container, "");
	assert_int_equal(iu_snapshot_facts(t)->processes[0].status, 0);
	free(text);
	iu_snapshot_free(s);
	iu_snapshot_free(t);
}

/*
 * A member that is added to a struct without a row in snapshot_fields.c would be lost in silence: count the bytes
 * that no field covers. Add the row, a line in doc/snapshot.md and one in the comparisons above; correct the padding
 * only if it is padding.
 */
static void test_snapshot_fields__every_member__has_a_field(void **state)
{
	static const size_t padding[IU_N_RECORDS] = {
		[IU_RECORD_DEVICE] = 2, [IU_RECORD_LOCAL] = 1,   [IU_RECORD_ROUTE] = 0,  [IU_RECORD_BUCKET] = 1,
		[IU_RECORD_ELSEWHERE] = 9, [IU_RECORD_PROCESS] = 8, [IU_RECORD_HOLDER] = 0, [IU_RECORD_SOCKET] = 6,
	};

	if (sizeof(void *) != 8)
		skip();
	for (size_t i = 0; i < IU_N_RECORDS; i++) {
		char covered[512] = {0};
		size_t bare = 0;

		for (const struct iu_field *f = iu_records[i].fields; f->name != NULL; f++)
			memset(covered + f->offset, 1, f->size);
		for (size_t at = 0; at < iu_records[i].size; at++)
			bare += !covered[at];
		if (bare != padding[i])
			fail_msg("%s: %zu bytes without a field, not %zu", iu_records[i].type, bare, padding[i]);
	}
}

/*
 * The same for the scalars of the facts, which stand behind the arrays: all but settings_known, which is in
 * "settings".
 */
static void test_snapshot_fields__every_scalar__is_in_the_header(void **state)
{
	char covered[sizeof(struct iu_facts)] = {0};
	size_t bare = 0;

	if (sizeof(void *) != 8)
		skip();
	for (const struct iu_field *f = iu_header_fields; f->name != NULL; f++)
		memset(covered + f->offset, 1, f->size);
	for (size_t at = offsetof(struct iu_facts, settings_known); at < sizeof(covered); at++)
		bare += !covered[at];
	assert_int_equal(bare, sizeof(uint32_t) + 5); /* and five bytes of padding */
}

static void test_snapshot_file__text_that_is_not_utf8__escaped(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new(), *t;
	size_t len;
	char *text, *big = malloc(40001);

	memset(big, 'a', 40000);
	big[40000] = 0;
	iu_snapshot_add_process(s, &(struct inuse_process){.pid = 1, .comm = "a\xff\xc3z\xc3\xa4", .args = big});
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	text = save_text(s, true, &len);
	t = load_text(text, len, NULL);
	assert_non_null(t);
	assert_string_equal(iu_snapshot_facts(t)->processes[0].comm, "a\\xff\\xc3z\xc3\xa4");
	assert_int_equal(strlen(iu_snapshot_facts(t)->processes[0].args), IU_SNAPSHOT_TEXT_MAX);
	free(text);
	free(big);
	iu_snapshot_free(s);
	iu_snapshot_free(t);
}

static void test_snapshot_file__nonsense_of_a_source__brought_within_limits(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new(), *t;
	struct inuse_socket socket = {.state = INUSE_LISTEN, .family = 4, .inode = UINT64_MAX, .free_at_ns = INT64_MIN};
	size_t len;
	char *text;

	socket.local = iu_addr_any(4, 80);
	iu_snapshot_add_socket(s, &socket);
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	text = save_text(s, true, &len);
	t = load_text(text, len, NULL);
	assert_non_null(t);
	assert_int_equal(iu_snapshot_facts(t)->sockets[0].inode, INT64_MAX);
	assert_true(iu_snapshot_facts(t)->sockets[0].free_at_ns < 0);
	assert_int_equal(iu_snapshot_facts(t)->sockets[0].count, 1);
	free(text);
	iu_snapshot_free(s);
	iu_snapshot_free(t);
}

/* ----------------------------------------------------------------------------------------- malformed */

#define H "{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1}\n"
#define P "{\"type\":\"process\",\"pid\":1,\"uid\":0}\n"
#define SOCK(more) \
	"{\"type\":\"socket\",\"state\":\"listen\",\"family\":4,\"proto\":\"tcp\",\"local\":\"0.0.0.0\",\"local_" \
	"port\":80" more "}\n"
#define END(n) "{\"type\":\"end\",\"records\":" #n "}\n"

static const struct {
	const char *text, *says;
} malformed[] = {
	{"", "x.snap is empty"},
	{"hello\n", "x.snap is no snapshot of inuse"},
	{"{}\n", "is no snapshot"},
	{"[]\n", "is no snapshot"},
	{"{\"type\":\"end\",\"records\":0}\n", "is no snapshot"},
	{"{\"type\":\"header\",\"schema\":\"other\",\"version\":1}\n", "is no snapshot"},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":3}\n", "line 1: the snapshot has version 3"},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\"}\n", "line 1: the field \"version\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"x\\u001b\":1}\n", "no field \"x\\x1b\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"hz\":-1}\n", "line 1: the field \"hz\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"kernel\":\"6\"}\n", "\"kernel\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"covered\":[[2,1]]}\n", "\"covered\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"reserved\":[[1,65536]]}\n",
	 "\"reserved\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"settings\":{\"x\":1}}\n", "\"settings\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"settings\":{\"range_first\":65536}}\n",
	 "\"range_first\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"sources\":[1]}\n", "\"sources\""},
	{"{\"type\":\"header\",\"schema\":\"inuse-snapshot\",\"version\":1,\"unseen\":[\"x\"]}\n", "\"unseen\""},
	{H, "is cut off: it ends with line 1"},
	{H P, "is cut off: it ends with line 2"},
	{H "{\"type\":\"proc", "is cut off: it ends with line 2"},
	{H "\n" END(0), "line 2 is damaged"},
	{H "{\"type\":\"proc\n" END(0), "line 2 is damaged"},
	{H "{\"type\":\"process\",\"pid\":1,\"pid\":1,\"uid\":0}\n" END(1), "line 2 is damaged"},
	{H "{\"type\":\"process\",\"pid\":1,\"uid\":0,\"comm\":\"a\\u0000b\"}\n" END(1), "line 2 is damaged"},
	{H "{\"type\":\"process\",\"pid\":1,\"uid\":0,\"comm\":\"\xff\"}\n" END(1), "line 2 is damaged"},
	{H "{\"type\":\"process\",\"pid\":99999999999999999999,\"uid\":0}\n" END(1), "line 2 is damaged"},
	{H "{\"type\":\"thing\"}\n" END(1), "line 2: this version of inuse knows no record \"thing\""},
	{H H END(0), "line 2: this version of inuse knows no record \"header\""},
	{H P END(2), "line 3: the snapshot has 1 records"},
	{H P END(0), "line 3: the snapshot has 1 records"},
	{H P "{\"type\":\"end\"}\n", "line 3: the snapshot has 1 records"},
	{H P "{\"type\":\"end\",\"records\":1,\"x\":1}\n", "line 3 is damaged"},
	{H END(0) "\n", "line 3 stands behind the end"},
	{H END(0) H, "line 3 stands behind the end"},
	{H "{\"type\":\"process\",\"pid\":1}\n" END(1), "line 2: the field \"uid\" is missing"},
	{H "{\"type\":\"process\",\"pid\":\"1\",\"uid\":0}\n" END(1), "line 2: the field \"pid\" is of the wrong kind"},
	{H "{\"type\":\"process\",\"pid\":1.5,\"uid\":0}\n" END(1), "line 2: the field \"pid\" is of the wrong kind"},
	{H "{\"type\":\"process\",\"pid\":-1,\"uid\":0}\n" END(1), "line 2: the field \"pid\" has a value"},
	{H "{\"type\":\"process\",\"pid\":1,\"uid\":4294967296}\n" END(1), "\"uid\" has a value"},
	{H "{\"type\":\"process\",\"pid\":1,\"uid\":0,\"status\":\"RR\"}\n" END(1), "\"status\" has a value"},
	{H "{\"type\":\"process\",\"pid\":1,\"uid\":0,\"status\":\"\"}\n" END(1), "\"status\" has a value"},
	{H "{\"type\":\"process\",\"pid\":1,\"uid\":0,\"same_dir\":1}\n" END(1), "\"same_dir\" is of the wrong kind"},
	{H "{\"type\":\"process\",\"pid\":1,\"uid\":0,\"colour\":1}\n" END(1), "knows no field \"colour\""},
	{H "{\"type\":\"holder\",\"process\":0,\"fd\":3}\n" END(1), "line 2: the field \"process\""},
	{H P "{\"type\":\"holder\",\"process\":1,\"fd\":3}\n" END(2), "line 3: the field \"process\""},
	{H P "{\"type\":\"holder\",\"process\":0,\"fd\":-2}\n" END(2), "line 3: the field \"fd\""},
	{H SOCK("") P END(2), "line 3: a record \"process\" must not stand behind a record \"socket\""},
	{H SOCK(",\"n_holders\":1") END(1), "line 2: the field \"n_holders\""},
	{H SOCK(",\"holders\":1") END(1), "line 2: the field \"holders\""},
	{H P "{\"type\":\"holder\",\"process\":0,\"fd\":3}\n" SOCK(",\"holders\":1,\"n_holders\":4294967295") END(3),
	 "line 4: the field \"n_holders\""},
	{H SOCK(",\"count\":0") END(1), "\"count\" has a value"},
	{H SOCK(",\"free_at_ns\":9223372036854775807") END(1), "\"free_at_ns\" has a value"},
	{H SOCK(",\"remote\":\"::1\"") END(1), "\"remote\" has a value"},
	{H SOCK(",\"remote\":\"localhost\"") END(1), "\"remote\" has a value"},
	{H SOCK(",\"remote_port\":65536") END(1), "\"remote_port\" has a value"},
	{H SOCK(",\"flags\":[\"fast\"]") END(1), "\"flags\" has a value"},
	{H SOCK(",\"flags\":[1]") END(1), "\"flags\" has a value"},
	{H SOCK(",\"unknown\":\"uid\"") END(1), "\"unknown\" is of the wrong kind"},
	{H "{\"type\":\"socket\",\"state\":\"asleep\",\"family\":4,\"proto\":\"tcp\",\"local\":\"0.0.0.0\",\"local_"
	   "port\":80}\n" END(1),
	 "\"state\""},
	{H "{\"type\":\"socket\",\"state\":\"listen\",\"family\":5,\"proto\":\"tcp\",\"local\":\"0.0.0.0\",\"local_"
	   "port\":80}\n" END(1),
	 "\"family\""},
	{H "{\"type\":\"socket\",\"state\":\"listen\",\"family\":6,\"proto\":\"tcp\",\"local\":\"0.0.0.0\",\"local_"
	   "port\":80}\n" END(1),
	 "\"local\""},
	{H "{\"type\":\"local\",\"addr\":\"127.0.0.1\",\"prefix_len\":33}\n" END(1), "\"prefix_len\""},
	{H "{\"type\":\"bucket\",\"port\":80,\"family\":5}\n" END(1), "\"family\""},
	{H "{\"type\":\"bucket\",\"port\":80,\"fastreuse\":-2}\n" END(1), "\"fastreuse\""},
	{H "{\"type\":\"bucket\",\"port\":80,\"any4\":5}\n" END(1), "\"any4\""},
	{H "{\"type\":\"route\",\"result\":\"maybe\"}\n" END(1), "\"result\""},
	{H "{\"type\":\"device\",\"index\":0,\"name\":\"lo\"}\n" END(1), "\"index\""},
};

static void test_snapshot_load__malformed__one_sentence_with_the_line(void **state)
{
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct inuse_error error = {0};

		if (load_text(malformed[i].text, strlen(malformed[i].text), &error) != NULL)
			fail_msg("accepted: %s", malformed[i].text);
		assert_int_equal(error.status, INUSE_E_SNAPSHOT);
		if (strstr(error.text, malformed[i].says) == NULL)
			fail_msg("\"%s\" does not say \"%s\" of %s", error.text, malformed[i].says, malformed[i].text);
		assert_null(strpbrk(error.text, "\x1b\n"));
	}
}

static void test_snapshot_load__cut_at_every_byte__never_accepted(void **state)
{
	struct inuse_snapshot *s = everything(), *t;
	size_t len;
	char *text = save_text(s, true, &len);

	for (size_t i = 0; i < len - 1; i++) /* without the last newline it is whole */
		assert_null(load_text(text, i, NULL));
	t = load_text(text, len - 1, NULL);
	assert_non_null(t);
	free(text);
	iu_snapshot_free(s);
	iu_snapshot_free(t);
}

static void test_snapshot_load__small_and_right__accepted(void **state)
{
	static const char text[] = H P "{\"type\":\"holder\",\"process\":0,\"fd\":3}\n" SOCK(",\"n_holders\":1") END(3);
	struct inuse_error error = {0};
	struct inuse_snapshot *s = load_text(text, sizeof(text) - 1, &error);
	const struct iu_facts *facts;

	if (s == NULL)
		fail_msg("%s", error.text);
	facts = iu_snapshot_facts(s);
	assert_int_equal(facts->n_sockets, 1);
	assert_int_equal(facts->sockets[0].state, INUSE_LISTEN);
	assert_int_equal(facts->sockets[0].count, 1);
	assert_int_equal(facts->sockets[0].known, iu_name_bits(iu_names_known)); /* nothing was named as unknown */
	assert_int_equal(facts->n_covered, 0);
	assert_int_equal(facts->settings_known, 0);
	iu_snapshot_free(s);
}

static void test_snapshot_load__long_line__refused_in_bounded_memory(void **state)
{
	size_t len = sizeof(H) - 1 + IU_SNAPSHOT_LINE_MAX + 10;
	struct inuse_error error = {0};
	char *text = malloc(len);

	memset(text, ' ', len);
	memcpy(text, H, sizeof(H) - 1);
	assert_null(load_text(text, len, &error));
	assert_non_null(strstr(error.text, "line 2 is longer"));
	memset(text + sizeof(H) - 1, '[', len - sizeof(H));
	text[len - 20] = '\n';
	assert_null(load_text(text, len, &error));
	assert_non_null(strstr(error.text, "line 2 is damaged"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot_file__full__every_field_reads_back),
		cmocka_unit_test(test_snapshot_file__not_full__all_but_secrets_reads_back),
		cmocka_unit_test(test_snapshot_file__empty_records__defaults_read_back),
		cmocka_unit_test(test_snapshot_fields__every_member__has_a_field),
		cmocka_unit_test(test_snapshot_fields__every_scalar__is_in_the_header),
		cmocka_unit_test(test_snapshot_file__text_that_is_not_utf8__escaped),
		cmocka_unit_test(test_snapshot_file__nonsense_of_a_source__brought_within_limits),
		cmocka_unit_test(test_snapshot_load__malformed__one_sentence_with_the_line),
		cmocka_unit_test(test_snapshot_load__cut_at_every_byte__never_accepted),
		cmocka_unit_test(test_snapshot_load__small_and_right__accepted),
		cmocka_unit_test(test_snapshot_load__long_line__refused_in_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
