/* SPDX-License-Identifier: MIT */
/* Loaders of light skeletons, run in this process: what they may contain, and what they then do. */
#include "support/check.h"

#include <string.h>

#include "bpf/record.h"
#include "host/bpf_skeleton.h"

/* Instructions of loaders, by what they do. */
#define MOV(to, from) {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from)}
#define SET(to, value) {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (value)}
#define ADD(to, value) {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (to), .imm = (value)}
#define DATA(to, at) {.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = (to), .src_reg = BPF_PSEUDO_MAP_IDX_VALUE}, {.imm = (at)}
#define LOAD(size, to, from, at) {.code = BPF_LDX | BPF_MEM | (size), .dst_reg = (to), .src_reg = (from), .off = (at)}
#define STORE(size, to, at, from) {.code = BPF_STX | BPF_MEM | (size), .dst_reg = (to), .src_reg = (from), .off = (at)}
#define PUT(size, to, at, value) {.code = BPF_ST | BPF_MEM | (size), .dst_reg = (to), .off = (at), .imm = (value)}
#define JUMP(op, reg, value, by) {.code = BPF_JMP | (op) | BPF_K, .dst_reg = (reg), .imm = (value), .off = (by)}
#define CALL(helper) {.code = BPF_JMP | BPF_CALL, .imm = (helper)}
#define EXIT {.code = BPF_JMP | BPF_EXIT}
enum { PROBE_READ = 113, BY_NAME = 167, SYS_BPF = 166, SYS_CLOSE = 168 };
#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct {
	int n, command;
	uint32_t size, word;
	long answer;
} asked;

static long answer(void *arg, int command, union bpf_attr *attr, uint32_t size)
{
	asked.n++;
	asked.command = command;
	asked.size = size;
	memcpy(&asked.word, attr, sizeof(asked.word));
	return asked.answer + asked.n;
}

/* A map is made as a loader does it: attributes in the data, its descriptor behind them, an error is what is returned. */
static const struct bpf_insn make_a_map[] = {
	MOV(6, 1),
	LOAD(BPF_W, 0, 6, 4), /* from the context into the attributes */
	DATA(1, 8),
	STORE(BPF_W, 1, 0, 0),
	SET(1, BPF_MAP_CREATE),
	DATA(2, 8),
	SET(3, 72),
	CALL(SYS_BPF),
	MOV(7, 0),
	JUMP(BPF_JSLT, 7, 0, 3),
	DATA(1, 0),
	STORE(BPF_W, 1, 0, 7),
	MOV(0, 7),
	EXIT,
};

static void test_loader__makes_a_map__attributes_from_the_context_and_the_descriptor_kept(void **state)
{
	uint32_t data[32] = {0}, context[2] = {0, 4711};
	int64_t value = -1;

	memset(&asked, 0, sizeof(asked));
	asked.answer = 41;
	assert_true(iu_bpf_interpret(make_a_map, N(make_a_map), data, context, answer, NULL, &value));
	assert_int_equal(asked.n, 1);
	assert_int_equal(asked.command, BPF_MAP_CREATE);
	assert_int_equal(asked.size, 72);
	assert_int_equal(asked.word, 4711);
	assert_int_equal(data[0], 42);
	assert_int_equal(value, 42);
}

static void test_loader__refused__the_error_comes_out(void **state)
{
	uint32_t data[32] = {0}, context[2] = {0};
	int64_t value = 0;

	memset(&asked, 0, sizeof(asked));
	asked.answer = -EPERM - 1;
	assert_true(iu_bpf_interpret(make_a_map, N(make_a_map), data, context, answer, NULL, &value));
	assert_int_equal(value, -EPERM);
	assert_int_equal(data[0], 0);
}

/* Every width, sign and jump that loaders use. */
static void test_loader__arithmetic__as_in_the_kernel(void **state)
{
	static const struct bpf_insn insns[] = {
		DATA(1, 0),
		PUT(BPF_W, 1, 0, -1),
		PUT(BPF_H, 1, 2, 5),
		LOAD(BPF_W, 2, 1, 0),
		STORE(BPF_DW, 10, -8, 2),
		LOAD(BPF_DW, 3, 10, -8),
		ADD(3, -65535),
		JUMP(BPF_JNE, 3, 5 << 16, 6),
		JUMP(BPF_JSET, 3, 1, 5),
		JUMP(BPF_JSGE, 3, (5 << 16) + 1, 4),
		JUMP(BPF_JSLE, 3, (5 << 16) - 1, 3),
		{.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = 3, .imm = 16},
		JUMP(BPF_JEQ, 3, 5, 2),
		{.code = BPF_JMP | BPF_JA},
		SET(3, -2),
		MOV(0, 3),
		EXIT,
	};
	uint32_t data[2] = {0};
	int64_t value = 0;

	assert_true(iu_bpf_interpret(insns, N(insns), data, NULL, answer, NULL, &value));
	assert_int_equal(value, 5);
}

static void test_loader__copies_from_nowhere__zeros(void **state)
{
	static const struct bpf_insn insns[] = {
		DATA(1, 4), SET(2, 8), SET(3, 0), CALL(PROBE_READ), EXIT,
	};
	uint32_t data[4] = {1, 2, 3, 4};
	int64_t value = 0;

	assert_true(iu_bpf_interpret(insns, N(insns), data, NULL, answer, NULL, &value));
	assert_int_equal(value, -EFAULT);
	assert_int_equal(data[0], 1);
	assert_int_equal(data[1] | data[2], 0);
	assert_int_equal(data[3], 4);
}

/* What is not known is left to the kernel before anything is done, and nothing leads out of the program. */
static void test_loader__what_is_not_known__nothing_is_done(void **state)
{
	static const struct {
		size_t n;
		struct bpf_insn insns[4];
	} table[] = {
		{0, {EXIT}},
		{3, {CALL(SYS_BPF), CALL(BY_NAME), EXIT}},
		{3, {CALL(SYS_BPF), {.code = BPF_ALU64 | BPF_MUL | BPF_X}, EXIT}},
		{3, {CALL(SYS_BPF), {.code = BPF_ALU64 | BPF_MOV | BPF_X, .off = 8}, EXIT}},
		{3, {CALL(SYS_BPF), {.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = SYS_BPF}, EXIT}},
		{4, {CALL(SYS_BPF), {.code = BPF_LD | BPF_IMM | BPF_DW, .src_reg = BPF_PSEUDO_MAP_FD}, {0}, EXIT}},
		{2, {CALL(SYS_BPF), DATA(0, 0)}},
		{2, {CALL(SYS_BPF), SET(0, 0)}},
		{3, {CALL(SYS_BPF), JUMP(BPF_JEQ, 0, 0, 1), EXIT}},
		{3, {CALL(SYS_BPF), JUMP(BPF_JEQ, 0, 0, -3), EXIT}},
		{2, {CALL(SYS_BPF), MOV(11, 0)}},
	};
	uint32_t data[4] = {0};
	int64_t value = 0;

	memset(&asked, 0, sizeof(asked));
	for (size_t i = 0; i < N(table); i++)
		assert_false(iu_bpf_interpret(table[i].insns, table[i].n, data, NULL, answer, NULL, &value));
	assert_int_equal(asked.n, 0);
}

/* The skeletons that every `inuse PORT` loads are among those that need no kernel to run them. */
static int interpret_only(struct bpf_load_and_run_opts *options)
{
	uint64_t data[32768];
	int64_t value;

	assert_true(options->data_sz <= sizeof(data));
	memcpy(data, options->data, options->data_sz);
	memset(&asked, 0, sizeof(asked));
	asked.answer = 100000; /* descriptors that are not open */
	assert_true(iu_bpf_interpret(options->insns, options->insns_sz / sizeof(struct bpf_insn), data, options->ctx, answer, NULL,
				     &value));
	assert_int_equal(asked.command, BPF_PROG_LOAD);
	assert_int_equal(value, 0);
	return -ENOSYS;
}

#undef bpf_load_and_run
#define bpf_load_and_run interpret_only
#include "bucket.lskel.h"
#include "files.lskel.h"

static void test_skeletons_of_every_start__loaded_without_the_kernel(void **state)
{
	struct iu_bucket_bpf *bucket = iu_bucket_bpf__open();
	struct iu_files_bpf *files = iu_files_bpf__open();

	assert_non_null(bucket);
	assert_non_null(files);
	assert_int_equal(iu_bucket_bpf__load(bucket), -ENOSYS);
	assert_int_equal(iu_files_bpf__load(files), -ENOSYS);
	iu_bucket_bpf__destroy(bucket);
	iu_files_bpf__destroy(files);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loader__makes_a_map__attributes_from_the_context_and_the_descriptor_kept),
		cmocka_unit_test(test_loader__refused__the_error_comes_out),
		cmocka_unit_test(test_loader__arithmetic__as_in_the_kernel),
		cmocka_unit_test(test_loader__copies_from_nowhere__zeros),
		cmocka_unit_test(test_loader__what_is_not_known__nothing_is_done),
		cmocka_unit_test(test_skeletons_of_every_start__loaded_without_the_kernel),
	};

	return cmocka_run_group_tests_name("bpf_skeleton", tests, NULL, NULL);
}
