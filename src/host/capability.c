/* SPDX-License-Identifier: MIT */
/*
 * What this process is permitted in its network namespace.
 *
 * A capability counts there only if the user namespace that owns the network is the process's own, or one below it: root of
 * `unshare -Ur`, or of a rootless container that shares the host's network, has every capability and may take no low port.
 * Source: linux v6.18 kernel/capability.c ns_capable(), kernel/user_namespace.c ns_get_owner().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/answer.h"
#include "host/host.h"

/* 0, or the errno with which the kernel refuses to name the owner of the network namespace: EPERM when that is none of ours. */
static int refuses_owner(void)
{
	int net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), owner, code;

	if (net < 0)
		return errno;
	owner = ioctl(net, NS_GET_USERNS);
	code = owner < 0 ? errno : 0;
	if (owner >= 0)
		close(owner);
	close(net);
	/* a kernel without user namespaces has no owner to name, and nobody in another one */
	return code == EPERM && access("/proc/self/ns/user", F_OK) != 0 && errno == ENOENT ? 0 : code;
}

/* Without /proc: a socket tells its namespace to those who may administer it. */
static bool administers_network(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), net = fd < 0 ? -1 : ioctl(fd, SIOCGSKNS);

	if (net >= 0)
		close(net);
	if (fd >= 0)
		close(fd);
	return net >= 0;
}

static enum inuse_tri counts_here(void)
{
	int code = refuses_owner();

	if (code == EPERM)
		return INUSE_NO;
	return code == 0 || administers_network() ? INUSE_YES : INUSE_MAYBE;
}

enum inuse_tri iu_host_may(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	/* the kernel is asked itself: /proc may be hidden */
	if (syscall(SYS_capget, &header, data) != 0)
		return geteuid() == 0 ? INUSE_MAYBE : INUSE_NO;
	return (data[capability / 32].effective >> capability % 32 & 1) != 0 ? counts_here() : INUSE_NO;
}

enum inuse_tri iu_may_bind_low(int64_t uid)
{
	if (uid >= 0 && uid != (int64_t)getuid())
		return uid == 0 ? INUSE_YES : INUSE_NO;
	return iu_host_may(CAP_NET_BIND_SERVICE);
}
