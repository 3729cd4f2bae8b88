/* SPDX-License-Identifier: MIT */
/* What /proc tells of a thread: whose it is, what it may, which signals wait for it. */
#include "supervise/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/proc_parse.h"

long iu_read_small(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), code;
	size_t at = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	while (at + 1 < size && (n = read(fd, buf + at, size - 1 - at)) > 0)
		at += (size_t)n;
	code = errno;
	buf[at] = 0;
	close(fd);
	errno = code;
	return n < 0 ? -1 : (long)at;
}

/* The text behind "\nName:", or NULL. */
static const char *line_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, len) == 0 && at[len] == ':')
			return at + len + 1;
	}
	return NULL;
}

static bool hex_of(const char *text, const char *name, uint64_t *ret)
{
	const char *line = line_of(text, name);

	if (line != NULL)
		*ret = strtoull(line, NULL, 16);
	return line != NULL;
}

static bool numbers_of(const char *text, const char *name, uint32_t *ret, size_t n)
{
	const char *line = line_of(text, name);
	char *end;

	for (size_t i = 0; line != NULL && i < n; i++) {
		ret[i] = (uint32_t)strtoul(line, &end, 10);
		if (end == line)
			return false;
		line = end;
	}
	return line != NULL;
}

bool iu_status_parse(const char *text, struct iu_status *ret)
{
	uint64_t own = 0, shared = 0;
	uint32_t pid, ppid;
	size_t len;

	*ret = (struct iu_status){0};
	/* the name stands first and may hold anything but a newline, which the kernel writes as \n */
	if (strncmp(text, "Name:\t", 6) == 0) {
		len = strcspn(text + 6, "\n");
		if (len >= sizeof(ret->name))
			len = sizeof(ret->name) - 1;
		memcpy(ret->name, text + 6, len);
	}
	if (!numbers_of(text, "Tgid", &pid, 1) || !numbers_of(text, "PPid", &ppid, 1) ||
	    !numbers_of(text, "Uid", ret->rights.uid, 4) || !numbers_of(text, "Gid", ret->rights.gid, 4) ||
	    !hex_of(text, "CapEff", &ret->rights.capabilities))
		return false;
	ret->pid = (int32_t)pid;
	ret->ppid = (int32_t)ppid;
	hex_of(text, "SigPnd", &own);
	hex_of(text, "ShdPnd", &shared);
	hex_of(text, "SigBlk", &ret->blocked);
	hex_of(text, "SigIgn", &ret->ignored);
	ret->pending = own | shared;
	return true;
}

static void proc_path(char *buf, size_t size, int32_t tid, const char *file)
{
	if (tid == 0)
		snprintf(buf, size, "/proc/self/%s", file);
	else
		snprintf(buf, size, "/proc/%d/%s", tid, file);
}

bool iu_status_read(int32_t tid, struct iu_status *ret)
{
	char path[64], text[IU_STATUS_MAX];

	proc_path(path, sizeof(path), tid, "status");
	if (iu_read_small(path, text, sizeof(text)) < 0)
		return false;
	errno = EBADMSG;
	return iu_status_parse(text, ret);
}

char *iu_status_program(int32_t pid, char *buf, size_t size)
{
	char path[64];
	long len;

	proc_path(path, sizeof(path), pid, "comm");
	len = iu_read_small(path, buf, size);
	if (len > 0 && buf[len - 1] == '\n')
		buf[--len] = 0;
	if (len <= 0)
		snprintf(buf, size, "?");
	return buf;
}

static bool read_stat(int32_t pid, struct iu_proc_stat *ret)
{
	char path[64], text[1024];
	long len;

	proc_path(path, sizeof(path), pid, "stat");
	len = iu_read_small(path, text, sizeof(text));
	return len > 0 && iu_proc_parse_stat(text, (size_t)len, ret);
}

uint64_t iu_status_started(int32_t pid)
{
	struct iu_proc_stat stat;

	return read_stat(pid, &stat) ? stat.start_ticks : 0;
}

bool iu_status_is_stopped(int32_t pid)
{
	struct iu_proc_stat stat;

	return read_stat(pid, &stat) && stat.status == 'T';
}

bool iu_rights_same(const struct iu_rights *a, const struct iu_rights *b)
{
	return memcmp(a->uid, b->uid, sizeof(a->uid)) == 0 && memcmp(a->gid, b->gid, sizeof(a->gid)) == 0 &&
	       a->capabilities == b->capabilities && a->user_ns == b->user_ns && a->labelled == b->labelled &&
	       /* a label that is there and cannot be read may be any */
	       (!a->labelled || (a->label[0] != 0 && strcmp(a->label, b->label) == 0));
}

bool iu_status_is_called(const struct iu_status *status)
{
	const uint64_t ends = 1ull << (SIGHUP - 1) | 1ull << (SIGINT - 1) | 1ull << (SIGQUIT - 1) | 1ull << (SIGTERM - 1);

	return (status->pending & ends & ~status->blocked & ~status->ignored) != 0;
}

bool iu_rights_have(const struct iu_rights *rights, unsigned capability)
{
	return (rights->capabilities >> capability & 1) != 0;
}
