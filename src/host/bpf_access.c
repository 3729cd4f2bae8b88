/* SPDX-License-Identifier: MIT */
/*
 * What the BPF eyes have in common.
 *
 * Theory of operation
 *
 * The programs are *light* skeletons (bpftool gen skeleton -L), see bpf_skeleton.c: the kernel does the relocations.
 * That takes a few milliseconds where libbpf's own loader, which reads all of the kernel's type information into the
 * process first, takes 45; and nothing of it ever prints, whereas libbpf's loader can only be kept from writing to
 * stderr for the whole process (libbpf_set_print()), which is not a library's to decide. A refusal is an errno; what is
 * behind it is looked up here, after the fact.
 *
 * A program that walks through the kernel's lists is of the kind raw_tp, which BPF_PROG_TEST_RUN calls inside an RCU
 * section, on every kernel (linux v6.18 net/bpf/test_run.c __bpf_prog_test_run_raw_tp()): what it walks over is not freed
 * under it.
 */
#include "host/bpf_access.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/bpf_skeleton.h"
#include "host/settings.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF 39
#endif

int64_t iu_bpf_tick_ns(void)
{
	struct timespec t;

	/* linux v6.18 kernel/time/posix-timers.c: the coarse clocks move once a tick, and say so. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) != 0)
		return 4000000;
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The effective capabilities of this thread; none if they cannot be read. */
static uint64_t capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, data) != 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

/* The first bytes of a small file as text; "" if it cannot be read. */
static void read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The first user namespace maps all ids to themselves; linux v6.18 kernel/user.c init_user_ns. */
static bool in_first_user_namespace(void)
{
	unsigned long inside, outside, count;
	char map[128];

	read_text("/proc/self/uid_map", map, sizeof(map));
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
	       count == 4294967295UL;
}

static bool locked_down(void)
{
	char text[128];

	read_text("/sys/kernel/security/lockdown", text, sizeof(text));
	return strstr(text, "[confidentiality]") != NULL;
}

uint32_t iu_bpf_kernel(void)
{
	struct utsname name;

	return uname(&name) == 0 ? iu_kernel_from_release(name.release) : 0;
}

/* What of the capabilities is missing, or NULL. CAP_SYS_ADMIN stands for all of them. */
static const char *missing_capability(void)
{
	uint64_t caps = capabilities();
	bool bpf = caps >> CAP_BPF & 1, perfmon = caps >> CAP_PERFMON & 1;

	if (caps >> CAP_SYS_ADMIN & 1 || (bpf && perfmon))
		return NULL;
	if (bpf)
		return _("CAP_PERFMON is missing");
	return perfmon ? _("CAP_BPF is missing") : _("CAP_BPF and CAP_PERFMON are missing");
}

/*
 * What forbids it, or NULL. Helpers that are forbidden look to the verifier as if they did not exist: EINVAL, not
 * EPERM.
 */
static const char *forbidden(int os_code)
{
	const char *missing = missing_capability();

	if (missing != NULL)
		return missing;
	if (locked_down())
		return _("the kernel is locked down (confidentiality): nobody may read its tables");
	if (os_code != EPERM && os_code != EACCES)
		return NULL;
	if (!in_first_user_namespace())
		return _("the capabilities of a user namespace are not enough to read the kernel's tables");
	return _("BPF is forbidden here, by seccomp or a security module");
}

enum inuse_status iu_bpf_refused(int os_code, struct inuse_error *error)
{
	const char *why = forbidden(os_code);

	if (os_code == ENOMEM)
		return iu_fail(error, INUSE_E_MEMORY, os_code, "bpf", _("out of memory"));
	if (why != NULL)
		return iu_fail(error, INUSE_E_PERMISSION, os_code, "bpf", "%s", why);
	if (os_code == ENOSYS)
		return iu_fail(error, INUSE_E_UNSUPPORTED, os_code, "bpf", _("this kernel has no BPF"));
	if (iu_bpf_kernel() < IU_KERNEL(6, 1))
		return iu_fail(error, INUSE_E_UNSUPPORTED, os_code, "bpf",
			       _("this kernel is too old: reading its tables takes Linux 6.1 or later"));
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, os_code, "bpf",
			       _("this kernel carries no type information (BTF)"));
	return iu_fail(error, INUSE_E_SYSTEM, os_code, "bpf", _("this kernel did not accept the program: %s"),
		       strerror(os_code));
}

void iu_bpf_hold_signals(sigset_t *ret_old)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, ret_old);
}

void iu_bpf_release_signals(const sigset_t *old)
{
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

int iu_bpf_socket(void)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < sizeof(families) / sizeof(families[0]); i++)
		fd = socket(families[i], (families[i] == AF_NETLINK ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	return fd;
}

int iu_bpf_run(int prog_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog_fd;
	return skel_sys_bpf(BPF_PROG_TEST_RUN, &attr, offsetofend(union bpf_attr, test)) != 0 ? errno : 0;
}

void *iu_bpf_map_array(int map_fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, map_fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

int iu_bpf_open_iterator(int prog_fd)
{
	union bpf_attr attr;
	int link, fd, os_code;

	link = skel_link_create(prog_fd, 0, BPF_TRACE_ITER);
	if (link < 0)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.iter_create.link_fd = (uint32_t)link;
	fd = skel_sys_bpf(BPF_ITER_CREATE, &attr, offsetofend(union bpf_attr, iter_create));
	os_code = errno;
	close(link);
	errno = os_code;
	return fd < 0 ? -1 : fd;
}

int iu_bpf_read_records(int fd, size_t size, bool (*fn)(void *arg, const void *record), void *arg)
{
	_Alignas(8) char buf[32768]; /* what the kernel gathers before it hands out anything */
	size_t have = 0, at;
	ssize_t n;

	for (;;) {
		n = read(fd, buf + have, sizeof(buf) - have);
		/*
		 * EAGAIN: a million sockets of which none was wanted; linux v6.18 kernel/bpf/bpf_iter.c
		 * bpf_seq_read().
		 */
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n == 0 ? 0 : errno;
		have += (size_t)n;
		for (at = 0; have - at >= size; at += size)
			if (!fn(arg, buf + at))
				return 0;
		/* A record may be cut by the end of a read. */
		have -= at;
		memmove(buf, buf + at, have);
	}
}
