/* SPDX-License-Identifier: MIT */
/* What may be read of a process on Windows. */
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "compat/windows.h"
#include "host/windows.h"

#include <tlhelp32.h>

#define PATH_MAX_WIDE 32768

static const char *keep(struct inuse_snapshot *s, const wchar_t *wide)
{
	char text[4096];

	if (WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, sizeof(text), NULL, NULL) <= 0)
		return "";
	return iu_snapshot_string(s, text);
}

static const char *path_of(struct inuse_snapshot *s, HANDLE process)
{
	wchar_t *path = malloc(PATH_MAX_WIDE * sizeof(*path));
	DWORD len = PATH_MAX_WIDE;
	const char *kept = "";

	if (path != NULL && QueryFullProcessImageNameW(process, 0, path, &len))
		kept = keep(s, path);
	free(path);
	return kept;
}

static const char *user_of(struct inuse_snapshot *s, HANDLE process)
{
	wchar_t name[256], domain[256];
	DWORD name_len = 256, domain_len = 256;
	SID_NAME_USE use;
	union iu_windows_token token;

	if (!iu_windows_token(process, &token) ||
	    !LookupAccountSidW(NULL, token.user.User.Sid, name, &name_len, domain, &domain_len, &use))
		return "";
	return keep(s, name);
}

uint32_t iu_windows_parent(uint32_t pid)
{
	PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
	HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
	uint32_t parent = 0;

	if (list == INVALID_HANDLE_VALUE)
		return 0;
	for (BOOL more = Process32FirstW(list, &entry); more && parent == 0; more = Process32NextW(list, &entry))
		if (entry.th32ProcessID == pid)
			parent = entry.th32ParentProcessID;
	CloseHandle(list);
	return parent;
}

size_t iu_windows_children(uint32_t pid, uint32_t *ret, size_t max)
{
	PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
	HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
	size_t n = 0;

	if (list == INVALID_HANDLE_VALUE)
		return 0;
	for (BOOL more = Process32FirstW(list, &entry); more && n < max; more = Process32NextW(list, &entry))
		if (entry.th32ParentProcessID == pid && entry.th32ProcessID != pid)
			ret[n++] = entry.th32ProcessID;
	CloseHandle(list);
	return n;
}

static int64_t filetime_ns(const FILETIME *t)
{
	return ((int64_t)t->dwHighDateTime << 32 | t->dwLowDateTime) * 100;
}

int64_t iu_windows_started_ns(HANDLE process)
{
	FILETIME start, exit, kernel, user, now;

	if (!GetProcessTimes(process, &start, &exit, &kernel, &user))
		return 0;
	GetSystemTimeAsFileTime(&now);
	return iu_host_now() - (filetime_ns(&now) - filetime_ns(&start));
}

/* Name and parent from the list of processes, which shows those of other users, too. False: not on it. */
static bool look_up(struct inuse_snapshot *s, uint32_t pid, struct inuse_process *p)
{
	PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
	HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
	bool found = false;

	if (list == INVALID_HANDLE_VALUE)
		return false;
	for (BOOL more = Process32FirstW(list, &entry); more && !found; more = Process32NextW(list, &entry))
		if (entry.th32ProcessID == pid) {
			p->comm = keep(s, entry.szExeFile);
			p->ppid = (int32_t)entry.th32ParentProcessID;
			found = true;
		}
	CloseHandle(list);
	return found;
}

bool iu_windows_process(struct inuse_snapshot *s, uint32_t pid, struct inuse_process *ret)
{
	struct inuse_process p = {.pid = (int32_t)pid};
	HANDLE process;
	bool found;

	p.comm = p.user = p.exe = p.args = p.cwd = p.tty = p.unit = p.socket_unit = p.container = p.container_kind = "";
	found = look_up(s, pid, &p);
	if (pid == IU_WINDOWS_SYSTEM_PID) {
		p.comm = "System";
		found = true;
	}
	process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
	if (process != NULL) {
		p.exe = path_of(s, process);
		p.user = user_of(s, process);
		p.uid = iu_windows_user(process);
		p.started_ns = iu_windows_started_ns(process);
		CloseHandle(process);
	}
	*ret = p;
	return found || process != NULL;
}
