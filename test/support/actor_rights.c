/* SPDX-License-Identifier: MIT */
/* The actor binds as somebody else, under restrictions, and by other ways into the kernel. */
#include "support/actor_acts.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
#define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#endif
#define SOCKETCALL_BIND32 361 /* linux v6.18 arch/x86/entry/syscalls/syscall_32.tbl: bind */

/* drop UID ADDR...: binds as another user */
int do_drop(char **words)
{
	uid_t uid = (uid_t)atoi(words[0]);

	if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return 1;
	for (words++; *words != NULL; words++)
		actor_try(*words, false);
	return 0;
}

/* user-ns ADDR: binds as root of a user namespace of its own */
int do_user_ns(char **words)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	actor_try(words[0], false);
	return 0;
}

static bool restrict_binds(void)
{
	struct {
		uint64_t fs, net;
	} attr = {0, LANDLOCK_ACCESS_NET_BIND_TCP};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	return fd >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
}

/* landlock ADDR ADDR: restricts itself, binds; a child does; 77 where the kernel has none for the network */
int do_landlock(char **words)
{
	actor_try(words[0], false);
	if (!restrict_binds())
		return 77;
	actor_try(words[1], false);
	fflush(stdout);
	if (fork() == 0) {
		actor_try(words[1], false);
		exit(0);
	}
	wait(NULL);
	return 0;
}

int do_hidden(char **words)
{
	prctl(PR_SET_DUMPABLE, 0);
	actor_try(words[0], false);
	actor_try(words[0], false);
	return 0;
}

/* forbid ERRNO NUMBER CMD ARG...: runs the command where that system call fails so, as under a container's profile */
int do_forbid(char **words)
{
	unsigned number = (unsigned)atoi(words[1]);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(words[0])),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 77;
	execvp(words[2], words + 2);
	return 127;
}

int do_uring(char **words)
{
	struct io_uring_params params = {0};

	printf("setup %s\n", syscall(SYS_io_uring_setup, 2, &params) >= 0 ? "ok" : actor_name(-1));
	return 0;
}

/* int80 ADDR: the bind of 32-bit programs */
int do_int80(char **words)
{
#if defined(__x86_64__)
	struct sockaddr_in *sa = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage all;
	long result;

	actor_parse(words[0], &all);
	memcpy(sa, &all, sizeof(*sa));
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(SOCKETCALL_BIND32), "b"(fd), "c"(sa), "d"(sizeof(*sa)) : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-(int)result;
	printf("bind %s\n", actor_name((int)result < 0 ? -1 : 0));
#endif
	return 0;
}
