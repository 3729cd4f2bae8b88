/* SPDX-License-Identifier: MIT */
/*
 * The filter, and the kernel's side of it.
 *
 * Theory of operation
 *
 * The filter lets every call through but a handful, which wait for an answer (SECCOMP_RET_USER_NOTIF). libseccomp makes
 * the program; it is loaded by hand, because of two flags: WAIT_KILLABLE_RECV (5.19), without which a signal breaks into
 * a call that was made already and the program repeats it, and SPEC_ALLOW, without which older kernels slow the
 * program down although nothing is to be guarded against it. The notification structures may be longer in a newer
 * kernel than in the headers; a buffer with room takes them.
 */
#include "supervise/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef TCP_AO_ADD_KEY
#define TCP_AO_ADD_KEY 38
#endif
#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#define SO_ATTACH_REUSEPORT_EBPF 52
#endif
#define SOL_SOCKET_NUMBER 1
#define SOL_TCP_NUMBER 6

/* Calls that wait, and what they are. connect and the others are there on request. */
static const struct {
	int nr; /* libseccomp's number of it on the native architecture */
	enum iu_trapped what;
	unsigned wish; /* 0: always */
} traps[] = {
	{SCMP_SYS(bind), IU_TRAPPED_BIND, 0},
	{SCMP_SYS(listen), IU_TRAPPED_LISTEN, 0},
	{SCMP_SYS(connect), IU_TRAPPED_CONNECT, IU_TRAP_CONNECT},
	{SCMP_SYS(io_uring_setup), IU_TRAPPED_IO_URING, 0},
	{SCMP_SYS(landlock_restrict_self), IU_TRAPPED_LANDLOCK, 0},
	{SCMP_SYS(execve), IU_TRAPPED_EXEC, IU_TRAP_EXEC},
	{SCMP_SYS(execveat), IU_TRAPPED_EXEC_AT, IU_TRAP_EXEC},
	{SCMP_SYS(epoll_create), IU_TRAPPED_EPOLL, IU_TRAP_HOLD},
	{SCMP_SYS(epoll_create1), IU_TRAPPED_EPOLL, IU_TRAP_HOLD},
};

/* Options that no getsockopt() gives back. linux v6.18 include/uapi/linux/tcp.h, include/uapi/asm-generic/socket.h */
static const struct {
	unsigned level, name;
} options[] = {
	{SOL_TCP_NUMBER, 14 /* TCP_MD5SIG */},     {SOL_TCP_NUMBER, 32 /* TCP_MD5SIG_EXT */},
	{SOL_TCP_NUMBER, TCP_AO_ADD_KEY},          {SOL_SOCKET_NUMBER, 26 /* SO_ATTACH_FILTER */},
	{SOL_SOCKET_NUMBER, 50 /* SO_ATTACH_BPF */}, {SOL_SOCKET_NUMBER, SO_ATTACH_REUSEPORT_CBPF},
	{SOL_SOCKET_NUMBER, SO_ATTACH_REUSEPORT_EBPF}, {SOL_TCP_NUMBER, 19 /* TCP_REPAIR */},
};

/* The architectures of 32 bits whose programs the same kernel runs. */
static const uint32_t foreign[] = {
#if defined(__x86_64__)
	SCMP_ARCH_X86, SCMP_ARCH_X32,
#elif defined(__aarch64__)
	SCMP_ARCH_ARM,
#endif
	0};

static uint32_t native_arch;

static int add_rules(scmp_filter_ctx ctx, unsigned wishes)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < sizeof(traps) / sizeof(traps[0]); i++)
		if (traps[i].wish == 0 || (wishes & traps[i].wish) != 0)
			code = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, traps[i].nr, 0);
	for (size_t i = 0; code == 0 && (wishes & IU_TRAP_HOLD) != 0 && i < sizeof(options) / sizeof(options[0]); i++)
		code = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(setsockopt), 2,
					SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, options[i].level),
					SCMP_A2(SCMP_CMP_MASKED_EQ, UINT32_MAX, options[i].name));
	return -code;
}

/* Takes the finished program out of libseccomp, which writes it to a descriptor. */
static int export_program(scmp_filter_ctx ctx, struct iu_seccomp_program *ret)
{
	int fd = memfd_create("inuse-filter", MFD_CLOEXEC), code;
	off_t size;

	if (fd < 0)
		return errno;
	code = -seccomp_export_bpf(ctx, fd);
	size = code == 0 ? lseek(fd, 0, SEEK_END) : 0;
	if (code == 0 && (size <= 0 || size / (off_t)sizeof(*ret->code) > UINT16_MAX))
		code = EFBIG;
	if (code == 0) {
		ret->n = (unsigned short)((size_t)size / sizeof(*ret->code));
		ret->code = malloc((size_t)size);
		if (ret->code == NULL)
			code = ENOMEM;
		else if (pread(fd, ret->code, (size_t)size, 0) != size)
			code = EIO;
	}
	close(fd);
	return code;
}

enum inuse_status iu_seccomp_build(unsigned wishes, struct iu_seccomp_program *ret, struct inuse_error *error)
{
	scmp_filter_ctx ctx;
	int code;

	*ret = (struct iu_seccomp_program){0};
	/* what this kernel offers is found out when the program is loaded, not by the library's own probes */
	seccomp_api_set(5);
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (ctx == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "seccomp", _("out of memory"));
	code = -seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	for (size_t i = 0; code == 0 && foreign[i] != 0; i++)
		code = -seccomp_arch_add(ctx, foreign[i]);
	if (code == 0)
		code = add_rules(ctx, wishes);
	if (code == 0)
		code = export_program(ctx, ret);
	seccomp_release(ctx);
	if (code == 0)
		return INUSE_OK;
	iu_seccomp_program_done(ret);
	return iu_fail(error, code == ENOMEM ? INUSE_E_MEMORY : INUSE_E_UNSUPPORTED, code, "seccomp",
		       _("the filter for system calls cannot be made on this machine: %s"), strerror(code));
}

void iu_seccomp_program_done(struct iu_seccomp_program *program)
{
	free(program->code);
	*program = (struct iu_seccomp_program){0};
}

/* --------------------------------------------------------------------------------------------- loading */

static int load(const struct sock_fprog *program, unsigned long flags)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

bool iu_seccomp_load(const struct iu_seccomp_program *program, struct iu_seccomp_loaded *ret, int *ret_os_code)
{
	static const unsigned long tries[] = {
		SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		0,
	};
	struct sock_fprog fprog = {program->n, program->code};
	int fd = -1;

	*ret = (struct iu_seccomp_loaded){.listener = -1};
	for (size_t i = 0; fd < 0 && i < sizeof(tries) / sizeof(tries[0]); i++) {
		ret->interruptible = (tries[i] & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) == 0;
		fd = load(&fprog, tries[i] | SECCOMP_FILTER_FLAG_NEW_LISTENER);
		if (fd < 0 && errno == EACCES && !ret->no_new_privs) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
				break;
			ret->no_new_privs = true;
			fd = load(&fprog, tries[i] | SECCOMP_FILTER_FLAG_NEW_LISTENER);
		}
		if (fd < 0 && errno != EINVAL)
			break;
	}
	if (fd < 0)
		*ret_os_code = errno;
	ret->listener = fd;
	return fd >= 0;
}

/* --------------------------------------------------------------------------------------- notifications */

/* Room for what newer kernels may add. */
#define ROOM 512

union request_buffer {
	struct seccomp_notif notif;
	char room[ROOM];
};

union response_buffer {
	struct seccomp_notif_resp resp;
	char room[ROOM];
};

bool iu_seccomp_prepare(void)
{
	struct seccomp_notif_sizes sizes;

	native_arch = seccomp_arch_native();
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
		return false;
	errno = EINVAL;
	return sizes.seccomp_notif <= ROOM && sizes.seccomp_notif_resp <= ROOM;
}

void iu_seccomp_hurry(int listener)
{
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

static enum iu_trapped what_is(const struct seccomp_data *data)
{
	if (data->arch != native_arch || (native_arch == SCMP_ARCH_X86_64 && ((unsigned)data->nr & 0x40000000) != 0))
		return IU_TRAPPED_FOREIGN;
	if (data->nr == SCMP_SYS(setsockopt))
		return IU_TRAPPED_OPTION;
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++)
		if (traps[i].nr == data->nr)
			return traps[i].what;
	return IU_TRAPPED_OTHER;
}

enum iu_received iu_seccomp_receive(int listener, struct iu_notice *ret)
{
	struct pollfd pfd = {.fd = listener, .events = POLLIN};
	union request_buffer buffer;

	/* the ioctl itself waits, whatever O_NONBLOCK says */
	if (poll(&pfd, 1, 0) != 1)
		return IU_RECEIVED_NONE;
	if ((pfd.revents & POLLIN) == 0)
		return IU_RECEIVED_END;
	memset(&buffer, 0, sizeof(buffer));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0)
		return IU_RECEIVED_NONE; /* it was killed in between */
	ret->id = buffer.notif.id;
	ret->tid = (int32_t)buffer.notif.pid;
	ret->what = what_is(&buffer.notif.data);
	for (int i = 0; i < 6; i++)
		ret->args[i] = buffer.notif.data.args[i];
	return IU_RECEIVED;
}

bool iu_seccomp_still_there(int listener, uint64_t id)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static bool respond(int listener, uint64_t id, int os_code, uint32_t flags)
{
	union response_buffer buffer;

	memset(&buffer, 0, sizeof(buffer));
	buffer.resp.id = id;
	buffer.resp.error = -os_code;
	buffer.resp.flags = flags;
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer) == 0;
}

bool iu_seccomp_answer(int listener, uint64_t id, int os_code)
{
	return respond(listener, id, os_code, 0);
}

bool iu_seccomp_let_go(int listener, uint64_t id)
{
	return respond(listener, id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

bool iu_seccomp_put_fd(int listener, uint64_t id, int fd, int at, bool cloexec)
{
	struct seccomp_notif_addfd addfd = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.srcfd = (uint32_t)fd,
		.newfd = (uint32_t)at,
		.newfd_flags = cloexec ? O_CLOEXEC : 0,
	};

	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) >= 0;
}
