/* SPDX-License-Identifier: MIT */
/* The arena: what was added is there, strings stay where they are, and failure is remembered. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/snapshot.h"

static void test_snapshot__many_records__in_order_after_seal(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	const struct iu_facts *facts = iu_snapshot_facts(s);

	for (uint32_t i = 0; i < 1000; i++) {
		struct inuse_socket socket = {.state = INUSE_LISTEN, .uid = i};
		struct inuse_holder holder = {.process = i, .fd = 3};

		assert_int_equal(iu_snapshot_add_socket(s, &socket)->uid, i);
		assert_int_equal(iu_snapshot_add_holder(s, &holder)->process, i);
	}
	assert_non_null(iu_snapshot_add_covered(s, &(struct iu_range){80, 80}));
	assert_int_equal(facts->n_sockets, 0); /* not before it is sealed */
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	assert_int_equal(facts->n_sockets, 1000);
	assert_int_equal(facts->n_holders, 1000);
	assert_int_equal(facts->n_covered, 1);
	assert_int_equal(facts->n_reserved, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(facts->sockets[i].uid, i);
		assert_int_equal(facts->holders[i].process, i);
	}
	iu_snapshot_free(s);
}

static void test_snapshot__add_after_seal__seen_after_next_seal(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();

	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	assert_non_null(iu_snapshot_add_device(s, &(struct iu_device){.index = 7, .name = "lo"}));
	assert_int_equal(iu_snapshot_facts(s)->n_devices, 0);
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	assert_int_equal(iu_snapshot_facts(s)->n_devices, 1);
	assert_int_equal(iu_snapshot_facts(s)->devices[0].index, 7);
	iu_snapshot_free(s);
}

static void test_snapshot_own_sockets__sealed__where_they_were(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct inuse_socket *sockets = calloc(4, sizeof(*sockets));

	assert_non_null(sockets);
	sockets[1].uid = 7;
	iu_snapshot_own_sockets(s, sockets, 2, 4);
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	assert_ptr_equal(iu_snapshot_facts(s)->sockets, sockets);
	assert_int_equal(iu_snapshot_facts(s)->n_sockets, 2);
	assert_non_null(iu_snapshot_add_socket(s, &(struct inuse_socket){.uid = 8}));
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	assert_int_equal(iu_snapshot_facts(s)->n_sockets, 3);
	assert_int_equal(iu_snapshot_facts(s)->sockets[1].uid, 7);
	iu_snapshot_free(s);
}

static void test_snapshot_string__many_and_long__copied_and_never_moved(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	const char *first, *texts[3000], *long_text;
	char *big = malloc(100001), name[32] = "first";

	first = iu_snapshot_string(s, name);
	strcpy(name, "gone");
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "process-%d", i);
		texts[i] = iu_snapshot_string(s, name);
	}
	memset(big, 'x', 100000);
	big[100000] = 0;
	long_text = iu_snapshot_string(s, big);
	assert_string_equal(first, "first");
	assert_string_equal(long_text, big);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "process-%d", i);
		assert_string_equal(texts[i], name);
	}
	assert_string_equal(iu_snapshot_string(s, NULL), "");
	assert_string_equal(iu_snapshot_string(s, ""), "");
	assert_string_equal(iu_snapshot_string_n(s, "abcdef", 3), "abc");
	assert_string_equal(iu_snapshot_string_n(s, "ab", 30), "ab");
	free(big);
	iu_snapshot_free(s);
}

/* Memory that runs out when a test says so: the linker puts these in front of the C library's. */
static bool no_memory;
void *__real_malloc(size_t size);
void *__real_realloc(void *data, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *data, size_t size);

void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *data, size_t size)
{
	return no_memory ? NULL : __real_realloc(data, size);
}

static void test_snapshot_add__no_memory__remembered_until_seal(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct inuse_error error = {0};
	struct inuse_socket socket = {.state = INUSE_LISTEN};
	void *added;

	assert_non_null(iu_snapshot_add_socket(s, &socket));
	no_memory = true;
	added = iu_snapshot_add_holder(s, &(struct inuse_holder){0});
	no_memory = false;
	assert_null(added);
	assert_non_null(iu_snapshot_add_holder(s, &(struct inuse_holder){0}));
	assert_int_equal(iu_snapshot_seal(s, &error), INUSE_E_MEMORY);
	assert_int_equal(error.status, INUSE_E_MEMORY);
	assert_int_equal(iu_snapshot_facts(s)->n_sockets, 0); /* half a snapshot is not handed out */
	iu_snapshot_free(s);
}

static void test_snapshot_string__no_memory__empty_and_remembered(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	const char *text;

	no_memory = true;
	text = iu_snapshot_string(s, "abc");
	no_memory = false;
	assert_string_equal(text, "");
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_E_MEMORY);
	iu_snapshot_free(s);
}

static void test_snapshot_say__rows__kept_in_order(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	const char *source, *text;
	bool ok;

	iu_snapshot_say(s, "bucket", false, "CAP_BPF is missing");
	iu_snapshot_say(s, "diag", true, NULL);
	assert_int_equal(iu_snapshot_n_said(s), 2);
	iu_snapshot_said(s, 0, &source, &ok, &text);
	assert_string_equal(source, "bucket");
	assert_false(ok);
	assert_string_equal(text, "CAP_BPF is missing");
	iu_snapshot_said(s, 1, &source, &ok, &text);
	assert_string_equal(source, "diag");
	assert_true(ok);
	assert_string_equal(text, "");
	iu_snapshot_free(s);
}

static void test_snapshot_scalars__written__seen_in_facts(void **state)
{
	struct inuse_snapshot *s = iu_snapshot_new();

	iu_snapshot_scalars(s)->hz = 250;
	iu_snapshot_scalars(s)->now_ns = 42;
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	assert_int_equal(iu_snapshot_facts(s)->hz, 250);
	assert_int_equal(iu_snapshot_facts(s)->now_ns, 42);
	iu_snapshot_free(s);
	iu_snapshot_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot__many_records__in_order_after_seal),
		cmocka_unit_test(test_snapshot__add_after_seal__seen_after_next_seal),
		cmocka_unit_test(test_snapshot_own_sockets__sealed__where_they_were),
		cmocka_unit_test(test_snapshot_string__many_and_long__copied_and_never_moved),
		cmocka_unit_test(test_snapshot_add__no_memory__remembered_until_seal),
		cmocka_unit_test(test_snapshot_string__no_memory__empty_and_remembered),
		cmocka_unit_test(test_snapshot_say__rows__kept_in_order),
		cmocka_unit_test(test_snapshot_scalars__written__seen_in_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
