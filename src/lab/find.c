/* SPDX-License-Identifier: MIT */
/* The experiments that are there: folders of topics with .exp files in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "lab/play.h"

#define NAMES_MAX 4096

/* The folder that a file lab.dir beside the program names: a program that was built but not installed. */
static bool beside_program(char *buf, size_t size)
{
	char path[1024];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 16);
	char *slash;
	FILE *f;
	bool found;

	if (len <= 0)
		return false;
	path[len] = 0;
	slash = strrchr(path, '/');
	if (slash == NULL)
		return false;
	snprintf(slash, 16, "/lab.dir");
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	found = fgets(buf, (int)size, f) != NULL;
	fclose(f);
	if (found)
		buf[strcspn(buf, "\n")] = 0;
	return found;
}

enum inuse_status iu_lab_folder(char *buf, size_t size, struct inuse_error *error)
{
	const char *from_user = getenv("INUSE_LAB");
	char shown[128];
	struct stat st;

	if (from_user != NULL && from_user[0] != 0)
		snprintf(buf, size, "%s", from_user);
	else if (!beside_program(buf, size))
		snprintf(buf, size, "%s", INUSE_LABDIR);
	if (stat(buf, &st) == 0 && S_ISDIR(st.st_mode))
		return INUSE_OK;
	return iu_fail(error, INUSE_E_INPUT, errno, NULL, _("there are no experiments in %s; INUSE_LAB names another folder"),
		       iu_escape(buf, shown, sizeof(shown)));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void iu_lab_names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static bool add_topic(const char *folder, const char *topic, char **names, size_t *n)
{
	char path[1400];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", folder, topic);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len < 5 || strcmp(entry->d_name + len - 4, ".exp") != 0 || *n == NAMES_MAX)
			continue;
		if (asprintf(&names[*n], "%s/%.*s", topic, (int)(len - 4), entry->d_name) < 0)
			break;
		++*n;
	}
	if (dir != NULL)
		closedir(dir);
	return dir != NULL;
}

enum inuse_status iu_lab_list(const char *folder, char ***ret, size_t *ret_n, struct inuse_error *error)
{
	char **names = calloc(NAMES_MAX, sizeof(*names));
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t n = 0;

	if (names == NULL || dir == NULL) {
		free(names);
		if (dir != NULL)
			closedir(dir);
		return iu_fail(error, dir == NULL ? INUSE_E_INPUT : INUSE_E_MEMORY, errno, NULL, _("the experiments cannot be listed: %s"),
			       strerror(errno));
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			add_topic(folder, entry->d_name, names, &n);
	closedir(dir);
	qsort(names, n, sizeof(*names), by_text);
	*ret = names;
	*ret_n = n;
	return INUSE_OK;
}

/* Not a pipe or a device, which might never end; nothing here waits for anybody. */
static FILE *open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	FILE *f = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && f == NULL) {
		int code = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;

		close(fd);
		errno = code;
	}
	return f;
}

static enum inuse_status load_file(const char *path, const char *name, struct iu_exp **ret, struct inuse_error *error)
{
	FILE *f = open_file(path);
	char *text = malloc(IU_EXP_MAX_BYTES + 2), shown[128];
	enum inuse_status status;
	size_t len;

	if (f == NULL || text == NULL) {
		status = iu_fail(error, f == NULL ? INUSE_E_INPUT : INUSE_E_MEMORY, errno, NULL, _("%s cannot be read: %s"),
				 iu_escape(path, shown, sizeof(shown)), strerror(errno));
	} else {
		/* one byte more than is allowed, so that too much is noticed without reading it all */
		len = fread(text, 1, IU_EXP_MAX_BYTES + 1, f);
		status = ferror(f) ? iu_fail(error, INUSE_E_INPUT, errno, NULL, _("%s cannot be read: %s"),
					     iu_escape(path, shown, sizeof(shown)), strerror(errno))
				   : iu_exp_parse(name, text, len, ret, error);
	}
	if (f != NULL)
		fclose(f);
	free(text);
	return status;
}

/* NAME without its topic: the only experiment of that name. */
static const char *find_alone(char **names, size_t n, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *slash = strchr(names[i], '/');

		if (strcmp(names[i], name) == 0)
			return names[i];
		if (slash != NULL && strcmp(slash + 1, name) == 0)
			found = names[i];
	}
	return found;
}

enum inuse_status iu_lab_load(const char *folder, const char *name, struct iu_exp **ret, struct inuse_error *error)
{
	size_t len = strlen(name), n;
	char path[1800], shown[128];
	const char *found;
	enum inuse_status status;
	char **names;

	if (len > 4 && strcmp(name + len - 4, ".exp") == 0)
		return load_file(name, name, ret, error);
	status = iu_lab_list(folder, &names, &n, error);
	if (status != INUSE_OK)
		return status;
	found = find_alone(names, n, name);
	if (found == NULL) {
		status = iu_fail(error, INUSE_E_INPUT, 0, NULL, _("there is no experiment %s; inuse lab lists them"),
				 iu_escape(name, shown, sizeof(shown)));
	} else {
		snprintf(path, sizeof(path), "%s/%s.exp", folder, found);
		status = load_file(path, found, ret, error);
	}
	iu_lab_names_free(names, n);
	return status;
}
