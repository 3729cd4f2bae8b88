/* SPDX-License-Identifier: MIT */
/*
 * What this kernel shows this user, source by source.
 *
 * Nothing is derived from versions: every source is run for the smallest thing that it can be asked, and the reason of
 * its refusal is its own. Only what depends on the other process (its open files, its options) is told from what decides
 * it: capabilities, the pid namespace and Yama.
 */
#include "host/abilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/gettext.h"
#include "host/collect.h"
#include "host/settings.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static bool may_trace_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_SYS_PTRACE & 1) != 0;
}

static int64_t read_yama(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	char text[32];
	int64_t scope = -1;

	if (f == NULL)
		return -1;
	if (!iu_settings_number(text, fread(text, 1, sizeof(text), f), 0, &scope))
		scope = -1;
	fclose(f);
	return scope;
}

const char *iu_yama_hindrance(int64_t ptrace_scope, bool may_trace_everybody)
{
	/* linux v6.18 security/yama/yama_lsm.c yama_ptrace_access_check() */
	if (ptrace_scope == 1 && !may_trace_everybody)
		return _("Yama (kernel.yama.ptrace_scope is 1) allows it for child processes only");
	if (ptrace_scope == 2 && !may_trace_everybody)
		return _("Yama (kernel.yama.ptrace_scope is 2) allows it with CAP_SYS_PTRACE only");
	if (ptrace_scope >= 3)
		return _("Yama (kernel.yama.ptrace_scope is 3) allows it to nobody");
	return NULL;
}

static bool stop_at_first(void *arg, const struct inuse_socket *socket)
{
	return false;
}

static bool ignore_owner(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	return true;
}

static void try_sockets(enum iu_source_id id, struct iu_ability *a, struct inuse_error *why)
{
	static const uint16_t any_port = 1;
	struct iu_scope scope = {.ports = &any_port, .n_ports = 1, .bound = true};
	struct iu_sink sink = {.fn = stop_at_first};
	uint32_t unseen = 0;

	if (iu_sources[id].each(&scope, &sink, &unseen, why) == INUSE_OK) {
		a->usable = true;
		a->complete = unseen == 0;
	}
}

static const char *what_hides_processes(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) != 0 || st.st_ino != IU_FIRST_PID_NAMESPACE)
		return _("the open files of the processes of this container; those outside of it are hidden");
	if (!may_trace_all())
		return _("the open files of one's own processes; CAP_SYS_PTRACE is missing for the others");
	return _("the open files of most processes; some are protected, even from root");
}

static void try_owners(enum iu_source_id id, struct iu_ability *a, struct inuse_error *why)
{
	uint64_t nothing = 0;
	enum inuse_status status =
		id == IU_SOURCE_FILES ? iu_files_owners(&nothing, 1, ignore_owner, NULL, &a->complete, why)
				      : iu_proc_owners(&nothing, 1, ignore_owner, NULL, &a->complete, why);

	a->usable = status == INUSE_OK;
	if (a->usable && !a->complete)
		a->text = what_hides_processes();
}

static bool ignore_inode(void *arg, uint64_t inode)
{
	return true;
}

static void try_flight(struct iu_ability *a, struct inuse_error *why)
{
	uint64_t nothing = 0;

	a->usable = a->complete = iu_flight_each(&nothing, 1, ignore_inode, NULL, why) == INUSE_OK;
}

static void try_options(struct iu_ability *a)
{
	const char *hindrance = iu_yama_hindrance(read_yama(), may_trace_all());

	/* no such descriptor: EBADF where the call is known */
	if (syscall(SYS_pidfd_getfd, -1, 0, 0) != 0 && errno != EBADF) {
		a->text = errno == ENOSYS ? _("this kernel is too old: it takes Linux 5.6 or later") :
					    _("the call is forbidden here, by seccomp or a security module");
		return;
	}
	a->usable = hindrance == NULL;
	a->complete = a->usable && may_trace_all();
	if (hindrance != NULL)
		a->text = hindrance;
	else if (!a->complete)
		a->text = _("the options of sockets in one's own processes");
}

void iu_host_abilities(iu_ability_fn *fn, void *arg)
{
	for (int id = 0; id < IU_N_SOURCES; id++) {
		struct iu_ability ability = {.name = iu_sources[id].name, .text = _(iu_sources[id].tells)};
		struct inuse_error why = {0};

		if (id == IU_SOURCE_FLIGHT)
			try_flight(&ability, &why);
		else if (iu_sources[id].use & IU_FOR_OWNERS)
			try_owners((enum iu_source_id)id, &ability, &why);
		else if (iu_sources[id].use & IU_FOR_OPTIONS)
			try_options(&ability);
		else
			try_sockets((enum iu_source_id)id, &ability, &why);
		if (why.text[0] != 0)
			ability.text = why.text;
		fn(arg, &ability);
	}
}
