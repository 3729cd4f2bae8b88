/* SPDX-License-Identifier: MIT */
/* Landlock: this process may bind or connect TCP to no port any more. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "lab/live_private.h"

/* The kernel's interface, linux v6.7 include/uapi/linux/landlock.h; older headers lack the part for networks. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif
#define GET_VERSION 1u
#define VERSION_WITH_TCP 4
#define BIND_TCP (UINT64_C(1) << 0)
#define CONNECT_TCP (UINT64_C(1) << 1)

enum inuse_status iu_lab_forbid(bool bind, bool connect, struct inuse_error *error)
{
	const struct {
		uint64_t files, tcp;
	} rules = {0, (bind ? BIND_TCP : 0) | (connect ? CONNECT_TCP : 0)};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
	int fd, code = 0;

	if (version < VERSION_WITH_TCP)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "landlock", _("this kernel has no Landlock rules for TCP (Linux 6.7 and later)"));
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		code = errno;
	if (fd >= 0)
		close(fd);
	return code == 0 ? INUSE_OK : iu_fail(error, INUSE_E_SYSTEM, code, "landlock", _("Landlock refuses its rules: %s"), strerror(code));
}
