/* SPDX-License-Identifier: MIT */
/* A network namespace of one's own, for the live tests and for tools/in-netns. */
#include "support/netns.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool in_user_ns;

bool netns_is_in_user_namespace(void)
{
	return in_user_ns;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static const char *become_root_of_a_user_namespace(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) < 0)
		return "this user may not make a user namespace, so no network namespace either";
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!write_file("/proc/self/uid_map", map) || !write_file("/proc/self/setgroups", "deny"))
		return "the user namespace cannot be set up";
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (!write_file("/proc/self/gid_map", map))
		return "the user namespace cannot be set up";
	in_user_ns = true;
	return NULL;
}

static bool set_lo_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;

	request.ifr_flags |= IFF_UP;
	ok = ok && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

const char *netns_enter(void)
{
	const char *reason = NULL;

	if (geteuid() != 0 && !in_user_ns)
		reason = become_root_of_a_user_namespace();
	if (reason == NULL && unshare(CLONE_NEWNET) < 0)
		reason = "no network namespace can be made here";
	if (reason == NULL && !set_lo_up())
		reason = "lo cannot be set up in a new network namespace";
	return reason;
}
