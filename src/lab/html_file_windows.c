/* SPDX-License-Identifier: MIT */
/* Where the page goes on Windows: whole, or not at all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "compat/system.h"
#include "compat/windows.h"
#include "lab/html_page.h"

static enum inuse_status cannot(enum inuse_status status, const char *path, int code, struct inuse_error *error)
{
	char shown[128];

	return iu_fail(error, status, code, NULL, _("%s cannot be written: %s"), iu_escape(path, shown, sizeof(shown)),
		       code != 0 ? strerror(code) : _("Windows does not let it be replaced"));
}

/* The folder may be read only; that shows when the page is written. */
enum inuse_status iu_html_file_check(const char *path, struct inuse_error *error)
{
	if (path[0] == 0)
		return cannot(INUSE_E_INPUT, path, ENOENT, error);
	return iu_system_is_folder(path) ? cannot(INUSE_E_INPUT, path, EISDIR, error) : INUSE_OK;
}

static int write_whole(FILE *f, const struct iu_text *t)
{
	errno = 0;
	return fwrite(t->data ? t->data : "", 1, t->len, f) == t->len && fflush(f) == 0 ? 0 : errno != 0 ? errno : EIO;
}

/* The new one beside the old one, then in its place. An errno, 0: it is there; -1: Windows would not put it there. */
static int replace(const char *path, const struct iu_text *t)
{
	char *fresh = malloc(strlen(path) + 16);
	wchar_t *from, *to;
	int code = ENOMEM;
	FILE *f;

	if (fresh == NULL)
		return ENOMEM;
	sprintf(fresh, "%s.%08x", path, (unsigned)iu_system_random());
	f = iu_system_create(fresh, false);
	if (f == NULL) {
		code = errno;
		free(fresh);
		return code;
	}
	code = write_whole(f, t);
	if (fclose(f) != 0 && code == 0)
		code = errno;
	from = iu_windows_widen(fresh);
	to = iu_windows_widen(path);
	if (code == 0 && (from == NULL || to == NULL))
		code = ENOMEM;
	if (code == 0 && !MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING))
		code = -1;
	if (code != 0)
		iu_system_discard(fresh);
	free(from);
	free(to);
	free(fresh);
	return code;
}

enum inuse_status iu_html_file_write(const char *path, const struct iu_text *t, struct inuse_error *error)
{
	int code = strcmp(path, "-") == 0 ? write_whole(stdout, t) : replace(path, t);

	return code == 0 ? INUSE_OK : cannot(INUSE_E_SYSTEM, path, code > 0 ? code : 0, error);
}
