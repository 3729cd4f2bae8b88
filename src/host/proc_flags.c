/* SPDX-License-Identifier: MIT */
/*
 * The options of a socket in another process, read from a duplicate of its descriptor.
 *
 * pidfd_getfd (Linux 5.6) wants the rights of a debugger over the process: one's own processes, as Yama allows.
 * The duplicate is closed at once. Closing it cannot be the last close unless the owner closed or ended in between;
 * then the connection ends as it would have then. Nothing is ever set on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/sources.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static enum inuse_status status_of(int code)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return INUSE_E_PERMISSION;
	case ENOSYS:
		return INUSE_E_UNSUPPORTED;
	default:
		return INUSE_E_SYSTEM;
	}
}

static enum inuse_status borrow(int32_t pid, int32_t fd, int *ret_fd)
{
	int pidfd, copy;

	if (pid == getpid()) {
		*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		return *ret_fd >= 0 ? INUSE_OK : status_of(errno);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return status_of(errno);
	copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (copy < 0) {
		int code = errno;

		close(pidfd);
		return status_of(code);
	}
	close(pidfd);
	*ret_fd = copy;
	return INUSE_OK;
}

static bool option(int fd, int level, int name, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, level, name, ret, &len) == 0 && len == sizeof(*ret);
}

static void set_flag(struct inuse_socket *socket, uint32_t flag, bool on)
{
	socket->flags = on ? socket->flags | flag : socket->flags & ~flag;
	socket->known |= flag;
}

static void read_flag(int fd, int level, int name, uint32_t flag, struct inuse_socket *socket)
{
	int value;

	if (option(fd, level, name, &value))
		set_flag(socket, flag, value != 0);
}

static void read_device(int fd, struct inuse_socket *socket)
{
	char name[IFNAMSIZ] = "";
	socklen_t len = sizeof(name);
	int index;

	/* SO_BINDTOIFINDEX tells the number itself (5.0); the name is of the namespace of the socket, which is this one's */
	if (option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index)) {
		socket->device = (uint32_t)index;
	} else if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) == 0) {
		socket->device = len > 0 && name[0] != 0 ? if_nametoindex(name) : 0;
		if (len > 0 && name[0] != 0 && socket->device == 0)
			return;
	} else {
		return;
	}
	socket->known |= INUSE_KNOW_DEVICE;
}

/* Only a connection has a peer that may have sent timestamps. */
static void read_timestamps(int fd, struct inuse_socket *socket)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (socket->state <= INUSE_SYN_SENT || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return;
	set_flag(socket, INUSE_TIMESTAMPS, (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0);
}

enum inuse_status iu_proc_flags(int32_t pid, int32_t fd, uint64_t inode, struct inuse_socket *socket)
{
	enum inuse_status status;
	struct stat st;
	int copy, value;

	if (pid <= 0 || fd < 0)
		return INUSE_E_SYSTEM;
	status = borrow(pid, fd, &copy);
	if (status < 0)
		return status;
	/* the number may be another file's by now */
	if (fstat(copy, &st) != 0 || !S_ISSOCK(st.st_mode) || st.st_ino != inode) {
		close(copy);
		return INUSE_E_SYSTEM;
	}
	read_flag(copy, SOL_SOCKET, SO_REUSEADDR, INUSE_REUSEADDR, socket);
	read_flag(copy, SOL_SOCKET, SO_REUSEPORT, INUSE_REUSEPORT, socket);
	if (option(copy, IPPROTO_TCP, TCP_REPAIR, &value) && value > 0)
		socket->flags |= INUSE_REPAIR;
	if (socket->family == 6)
		read_flag(copy, IPPROTO_IPV6, IPV6_V6ONLY, INUSE_V6ONLY, socket);
	if (option(copy, SOL_SOCKET, SO_PROTOCOL, &value))
		set_flag(socket, INUSE_MPTCP, value == IPPROTO_MPTCP);
	read_device(copy, socket);
	if (socket->proto == INUSE_PROTO_TCP)
		read_timestamps(copy, socket);
	close(copy);
	return INUSE_OK;
}
