/* SPDX-License-Identifier: MIT */
/* A network namespace of one's own, and its settings. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "lab/live.h"

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	bool written = fd >= 0 && write(fd, text, len) == (ssize_t)len;

	if (fd >= 0)
		close(fd);
	return written;
}

bool iu_lab_write_setting(const char *path, const char *value)
{
	char file[128];

	snprintf(file, sizeof(file), "/proc/sys/net/%s", path);
	return write_file(file, value[0] != 0 ? value : "\n");
}

/* Root of a user namespace may do in its network namespace what root may; of users it knows only one. */
static enum inuse_status enter_user_namespace(struct inuse_error *error)
{
	char uid_map[64], gid_map[64];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return iu_fail(error, INUSE_E_PERMISSION, errno, "unshare",
			       _("this user may make no user namespace here, so no network namespace either"));
	if (!write_file("/proc/self/uid_map", uid_map) || !write_file("/proc/self/setgroups", "deny") ||
	    !write_file("/proc/self/gid_map", gid_map))
		return iu_fail(error, INUSE_E_PERMISSION, errno, "uid_map", _("the user namespace cannot be set up"));
	return INUSE_OK;
}

static bool set_lo_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;

	request.ifr_flags |= IFF_UP;
	up = up && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	if (fd >= 0)
		close(fd);
	return up;
}

static void set_defaults(void)
{
	for (const struct iu_lab_setting *s = iu_lab_settings; s->name != NULL; s++) {
		char value[64];

		if (s->fallback == NULL)
			continue;
		snprintf(value, sizeof(value), "%s", s->fallback);
		if (s->kind == 'r' && strchr(value, '-') != NULL)
			*strchr(value, '-') = ' ';
		iu_lab_write_setting(s->path, value); /* older kernels do not have them all */
	}
}

enum inuse_status iu_lab_namespace_bare(struct inuse_error *error)
{
	iu_lab_write_setting("ipv4/tcp_child_ehash_entries", "256"); /* as in iu_lab_namespace() */
	if (unshare(CLONE_NEWNET) < 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "unshare", _("no network namespace can be made here: %s"),
			       strerror(errno));
	set_defaults();
	return INUSE_OK;
}

enum inuse_status iu_lab_namespace(bool need_users, struct inuse_error *error)
{
	if (geteuid() != 0) {
		enum inuse_status status;

		if (need_users)
			return iu_fail(error, INUSE_E_PERMISSION, 0, NULL, _("it needs a second user, so only root can play it"));
		status = enter_user_namespace(error);
		if (status != INUSE_OK)
			return status;
	}
	/*
	 * In a namespace with a table of connections of its own, small as it is, a look takes microseconds. The size is taken
	 * from the namespace that makes the next one, so one is made for that alone (6.1 and later; else this does nothing).
	 */
	if (unshare(CLONE_NEWNET) < 0)
		return iu_fail(error, errno == EPERM ? INUSE_E_PERMISSION : INUSE_E_UNSUPPORTED, errno, "unshare",
			       _("no network namespace can be made here: %s"), strerror(errno));
	if (iu_lab_write_setting("ipv4/tcp_child_ehash_entries", "256") && unshare(CLONE_NEWNET) < 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "unshare", _("no network namespace can be made here: %s"),
			       strerror(errno));
	if (!set_lo_up())
		return iu_fail(error, INUSE_E_SYSTEM, errno, "lo", _("lo cannot be set up in a new network namespace"));
	set_defaults();
	return INUSE_OK;
}
