/* SPDX-License-Identifier: MIT */
/*
 * Where the page goes: whole, or not at all.
 *
 * Theory of operation
 *
 * An ordinary file, or one that is not there yet, is replaced by rename(2), so that whoever reads it sees the old page or the new one,
 * and a full disk costs neither. Anything else (a pipe, /dev/stdout) is written to, never replaced; a symbolic link stays one.
 */
#include "lab/html_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"

static enum inuse_status cannot(enum inuse_status status, const char *path, int code, struct inuse_error *error)
{
	char shown[128];

	return iu_fail(error, status, code, NULL, _("%s cannot be written: %s"), iu_escape(path, shown, sizeof(shown)), strerror(code));
}

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* The folder that a path is in: "." where it names none. The caller frees it. NULL: out of memory. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

enum inuse_status iu_html_file_check(const char *path, struct inuse_error *error)
{
	struct stat st;
	char *target, *folder;
	int code = 0;

	if (is_stdout(path))
		return INUSE_OK;
	if (path[0] == 0)
		return cannot(INUSE_E_INPUT, path, ENOENT, error);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		code = S_ISDIR(st.st_mode) ? EISDIR : access(path, W_OK) != 0 ? errno : 0;
		return code == 0 ? INUSE_OK : cannot(INUSE_E_INPUT, path, code, error);
	}
	target = realpath(path, NULL);
	folder = folder_of(target != NULL ? target : path);
	if (folder == NULL)
		code = ENOMEM;
	else if (stat(folder, &st) != 0 || access(folder, W_OK | X_OK) != 0)
		code = errno;
	else if (!S_ISDIR(st.st_mode))
		code = ENOTDIR;
	free(folder);
	free(target);
	return code == 0 ? INUSE_OK : cannot(INUSE_E_INPUT, path, code, error);
}

/* An errno; 0: everything is there. */
static int write_all(int fd, const struct iu_text *t)
{
	for (size_t at = 0; at < t->len;) {
		ssize_t n = write(fd, t->data + at, t->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		at += (size_t)n;
	}
	return 0;
}

static int write_into(const char *path, const struct iu_text *t)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), code;

	if (fd < 0)
		return errno;
	code = write_all(fd, t);
	return close(fd) != 0 && code == 0 ? errno : code;
}

/* What a new file of this name may be: as the old one, or as the umask has it. */
static mode_t mode_of(const char *path)
{
	mode_t mask = umask(0);
	struct stat st;

	umask(mask);
	return stat(path, &st) == 0 ? st.st_mode & 0777 : 0666 & ~mask;
}

static int replace(const char *path, const struct iu_text *t)
{
	char *fresh = NULL;
	int fd, code = 0;

	if (asprintf(&fresh, "%s.XXXXXX", path) < 0)
		return ENOMEM;
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0) {
		code = errno;
		free(fresh);
		return code;
	}
	code = write_all(fd, t);
	if (code == 0 && (fchmod(fd, mode_of(path)) != 0 || fsync(fd) != 0))
		code = errno;
	if (close(fd) != 0 && code == 0)
		code = errno;
	if (code == 0 && rename(fresh, path) != 0)
		code = errno;
	if (code != 0)
		unlink(fresh);
	free(fresh);
	return code;
}

enum inuse_status iu_html_file_write(const char *path, const struct iu_text *t, struct inuse_error *error)
{
	struct stat st;
	char *target;
	int code;

	if (is_stdout(path)) {
		code = fflush(stdout) != 0 ? errno : write_all(STDOUT_FILENO, t);
		return code == 0 ? INUSE_OK : cannot(INUSE_E_SYSTEM, path, code, error);
	}
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		code = write_into(path, t);
	} else {
		target = realpath(path, NULL);
		code = replace(target != NULL ? target : path, t);
		free(target);
	}
	return code == 0 ? INUSE_OK : cannot(INUSE_E_SYSTEM, path, code, error);
}
