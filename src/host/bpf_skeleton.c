/* SPDX-License-Identifier: MIT */
/*
 * Runs the loader of a light skeleton here instead of in the kernel.
 *
 * Theory of operation
 *
 * A light skeleton is data (programs, types, relocations) and a *loader*: a small BPF program that makes maps and
 * programs of the data with the bpf() system call. Meant is that the kernel verifies and compiles the loader, runs it and
 * throws it away. What it does can be done from here as well, which saves half a millisecond a start: there is nothing in it but
 * moves, memory, jumps forward and back, and calls. It was built with us and runs on our own memory, so that nothing has to be verified.
 *
 * A loader that wants more goes the way that was meant, through the kernel: one that looks up a kernel function or type
 * by name (programs of iterators do), or one that a later libbpf writes in other words.
 */
#include "host/bpf_skeleton.h"

#include <string.h>

#undef bpf_load_and_run

/*
 * The verifier breaks off with EAGAIN when the process is wanted elsewhere: linux v6.18 kernel/bpf/verifier.c do_check(). Signals
 * wait (IU_BPF_LOAD), but SIGSTOP cannot, nor can a tracer, or the freezer of a control group. What a loader has made
 * until it fails, it closes.
 */
#define ATTEMPTS 20
#define STACK 512 /* linux v6.18 include/linux/filter.h MAX_BPF_STACK */

/* The helpers that loaders call: linux v6.18 include/uapi/linux/bpf.h */
enum { PROBE_READ_KERNEL = 113, COPY_FROM_USER = 148, SYS_BPF = 166, SYS_CLOSE = 168 };

struct machine {
	uint64_t reg[11];
	uint64_t data;
	iu_bpf_call_fn *call;
	void *arg;
};

static bool is_known_call(int32_t helper)
{
	return helper == PROBE_READ_KERNEL || helper == COPY_FROM_USER || helper == SYS_BPF || helper == SYS_CLOSE;
}

static bool is_known(const struct bpf_insn *i)
{
	switch (i->code) {
	case BPF_LD | BPF_IMM | BPF_DW:
		return i->src_reg == BPF_PSEUDO_MAP_IDX_VALUE && i[0].imm == 0;
	case BPF_JMP | BPF_CALL: return i->src_reg == 0 && is_known_call(i->imm);
	case BPF_ALU64 | BPF_MOV | BPF_X:
	case BPF_ALU64 | BPF_MOV | BPF_K: return i->off == 0; /* else it extends a sign */
	case BPF_ALU64 | BPF_ADD | BPF_K:
	case BPF_ALU64 | BPF_RSH | BPF_K:
	case BPF_LDX | BPF_MEM | BPF_W:
	case BPF_LDX | BPF_MEM | BPF_DW:
	case BPF_STX | BPF_MEM | BPF_H:
	case BPF_STX | BPF_MEM | BPF_W:
	case BPF_STX | BPF_MEM | BPF_DW:
	case BPF_ST | BPF_MEM | BPF_H:
	case BPF_ST | BPF_MEM | BPF_W:
	case BPF_JMP | BPF_JA:
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JNE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
	case BPF_JMP | BPF_JSGE | BPF_K:
	case BPF_JMP | BPF_JSLT | BPF_K:
	case BPF_JMP | BPF_JSLE | BPF_K:
	case BPF_JMP | BPF_EXIT: return true;
	default: return false;
	}
}

/* Every instruction is known, every jump stays inside, and the last one does not run out of the end. */
static bool all_known(const struct bpf_insn *insns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool jumps = BPF_CLASS(insns[i].code) == BPF_JMP && BPF_OP(insns[i].code) != BPF_CALL;
		bool wide = insns[i].code == (BPF_LD | BPF_IMM | BPF_DW);
		int64_t to = (int64_t)i + 1 + (jumps ? insns[i].off : 0);

		if (insns[i].dst_reg > 10 || insns[i].src_reg > 10 || (wide && i + 1 == n) || !is_known(&insns[i]))
			return false;
		if (to < 0 || to >= (int64_t)n)
			return n > 0 && i == n - 1 && insns[i].code == (BPF_JMP | BPF_EXIT);
		i += wide;
	}
	return false;
}

static bool jump_is_taken(const struct bpf_insn *i, uint64_t value)
{
	switch (BPF_OP(i->code)) {
	case BPF_JA: return true;
	case BPF_JEQ: return value == (uint64_t)(int64_t)i->imm;
	case BPF_JNE: return value != (uint64_t)(int64_t)i->imm;
	case BPF_JSET: return (value & (uint64_t)(int64_t)i->imm) != 0;
	case BPF_JSGE: return (int64_t)value >= i->imm;
	case BPF_JSLT: return (int64_t)value < i->imm;
	default: return (int64_t)value <= i->imm; /* BPF_JSLE */
	}
}

static void *pointer(uint64_t address, int16_t offset)
{
	return (char *)(uintptr_t)address + offset; /* NOLINT(performance-no-int-to-ptr): it is the machine's register */
}

static uint64_t load(const struct bpf_insn *i, const void *from)
{
	uint64_t value = 0;
	uint32_t word;

	if (BPF_SIZE(i->code) == BPF_DW) {
		memcpy(&value, from, sizeof(value));
		return value;
	}
	memcpy(&word, from, sizeof(word));
	return word;
}

static void store(const struct bpf_insn *i, void *to, uint64_t value)
{
	uint32_t word = (uint32_t)value;
	uint16_t half = (uint16_t)value;

	switch (BPF_SIZE(i->code)) {
	case BPF_DW: memcpy(to, &value, sizeof(value)); break;
	case BPF_W: memcpy(to, &word, sizeof(word)); break;
	default: memcpy(to, &half, sizeof(half)); break;
	}
}

/* Copying from NULL gives zeros, as it does in the kernel; loaders clear their memory so. */
static int64_t copy(void *to, size_t size, const void *from)
{
	if (from == NULL)
		memset(to, 0, size);
	else
		memcpy(to, from, size);
	return from == NULL ? -EFAULT : 0;
}

static uint64_t call(struct machine *m, int32_t helper)
{
	uint64_t *r = m->reg;

	switch (helper) {
	case SYS_BPF: return (uint64_t)m->call(m->arg, (int)r[1], pointer(r[2], 0), (uint32_t)r[3]);
	case SYS_CLOSE: return (uint64_t)(close((int)r[1]) == 0 ? 0 : -errno);
	default: return (uint64_t)copy(pointer(r[1], 0), (uint32_t)r[2], pointer(r[3], 0));
	}
}

/* Carries out what is no jump. */
static void execute(struct machine *m, const struct bpf_insn *i)
{
	uint64_t *dst = &m->reg[i->dst_reg], src = m->reg[i->src_reg];

	switch (BPF_CLASS(i->code)) {
	case BPF_LD: *dst = m->data + (uint32_t)i[1].imm; break;
	case BPF_LDX: *dst = load(i, pointer(src, i->off)); break;
	case BPF_STX: store(i, pointer(*dst, i->off), src); break;
	case BPF_ST: store(i, pointer(*dst, i->off), (uint64_t)(int64_t)i->imm); break;
	default: /* BPF_ALU64 */
		if (BPF_SRC(i->code) == BPF_K)
			src = (uint64_t)(int64_t)i->imm;
		if (BPF_OP(i->code) == BPF_MOV)
			*dst = src;
		else if (BPF_OP(i->code) == BPF_ADD)
			*dst += src;
		else
			*dst >>= src & 63;
	}
}

bool iu_bpf_interpret(const struct bpf_insn *insns, size_t n, void *data, void *context, iu_bpf_call_fn *call_fn, void *arg,
		      int64_t *ret_value)
{
	_Alignas(8) char stack[STACK] = {0};
	struct machine m = {.data = (uintptr_t)data, .call = call_fn, .arg = arg};

	if (!all_known(insns, n))
		return false;
	m.reg[1] = (uintptr_t)context;
	m.reg[10] = (uintptr_t)(stack + STACK);
	for (const struct bpf_insn *i = insns; i->code != (BPF_JMP | BPF_EXIT); i++) {
		if (BPF_CLASS(i->code) != BPF_JMP)
			execute(&m, i);
		else if (BPF_OP(i->code) == BPF_CALL)
			m.reg[0] = call(&m, i->imm);
		else if (jump_is_taken(i, m.reg[i->dst_reg]))
			i += i->off;
		i += i->code == (BPF_LD | BPF_IMM | BPF_DW);
	}
	*ret_value = (int64_t)m.reg[0];
	return true;
}

static long call_kernel(void *arg, int command, union bpf_attr *attr, uint32_t size)
{
	long value;

	/* Lines of the source, for the log of the verifier, which nobody reads. */
	if (command == BPF_PROG_LOAD)
		attr->line_info_cnt = 0;
	value = skel_sys_bpf((enum bpf_cmd)command, attr, size);
	return value < 0 ? -errno : value;
}

/* 0 or more, or a negative errno. */
static int64_t load_once(struct bpf_load_and_run_opts *options, void *data)
{
	int64_t value = 0;

	/* the loader fills in what it makes */
	memcpy(data, options->data, options->data_sz);
	if (!iu_bpf_interpret(options->insns, options->insns_sz / sizeof(struct bpf_insn), data, options->ctx, call_kernel, NULL, &value))
		value = bpf_load_and_run(options);
	return value;
}

int iu_bpf_load_and_run(struct bpf_load_and_run_opts *options)
{
	int64_t value = -EAGAIN;
	void *data = malloc(options->data_sz);

	if (data == NULL) {
		errno = ENOMEM;
		return -ENOMEM;
	}
	for (int i = 0; i < ATTEMPTS && value == -EAGAIN; i++)
		value = load_once(options, data);
	free(data);
	if (value < 0)
		errno = (int)-value;
	return value < 0 ? (int)value : 0;
}
