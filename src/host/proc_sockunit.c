/* SPDX-License-Identifier: MIT */
/*
 * The .socket unit behind a socket that systemd (pid 1) holds, found in the unit files, without a message bus.
 *
 * Theory of operation
 *
 * The units that run are links "invocation:NAME" in /run/systemd/units; where that tells of no socket unit, all unit files
 * are candidates. The file of a unit is the first one found along the search path of systemd.unit(5) (a template's for an
 * instance), then its drop-ins in the order of their names. Of several units on the port, the one that
 * names the very address wins. Not handled: units of user managers, and settings that were only ever made at run time.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/proc_parse.h"
#include "host/sources.h"

/* First wins: systemd.unit(5), "System Unit Search Path". */
static const char *const search_path[] = {
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	"/run/systemd/generator.early", "/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/generator.late",
};
#define N_PATHS (sizeof(search_path) / sizeof(search_path[0]))

#define UNIT_MAX 65536 /* bytes of a unit file that are read */
#define NAME_SIZE 256
#define PATH_SIZE 1024
#define DROPINS_MAX 64

struct best {
	int match;
	char name[NAME_SIZE];
};

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), t = strlen(tail);

	return n > t && strcmp(s + n - t, tail) == 0;
}

/* Judges one file; false when it is not there. */
static bool judge_file(const char *path, const char *instance, const struct inuse_addr *local, int *match)
{
	FILE *f = fopen(path, "re");
	char *text;

	if (f == NULL)
		return false;
	text = malloc(UNIT_MAX);
	if (text != NULL)
		iu_unit_parse_listen(text, fread(text, 1, UNIT_MAX, f), instance, local, match);
	free(text);
	fclose(f);
	return true;
}

/* name "a@b.socket": template "a@.socket" and instance "b"; false when it is no instance. */
static bool split_instance(const char *name, char template[NAME_SIZE], char instance[NAME_SIZE])
{
	const char *at = strchr(name, '@');
	size_t len = at ? strlen(at + 1) - strlen(".socket") : 0;

	if (at == NULL || len == 0)
		return false;
	snprintf(template, NAME_SIZE, "%.*s.socket", (int)(at + 1 - name), name);
	snprintf(instance, NAME_SIZE, "%.*s", (int)len, at + 1);
	return true;
}

struct dropin {
	char name[NAME_SIZE], path[PATH_SIZE];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dropin *)a)->name, ((const struct dropin *)b)->name);
}

static bool listed(const struct dropin *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

/* Drop-ins of `unit` in one directory; a name that an earlier directory had hides this one. */
static size_t list_dropins(const char *dir_path, struct dropin *list, size_t n)
{
	DIR *dir = opendir(dir_path);
	struct dirent *entry;

	while (dir != NULL && n < DROPINS_MAX && (entry = readdir(dir)) != NULL) {
		int len;

		if (!ends_with(entry->d_name, ".conf") || strlen(entry->d_name) >= NAME_SIZE ||
		    listed(list, n, entry->d_name))
			continue;
		strcpy(list[n].name, entry->d_name);
		len = snprintf(list[n].path, PATH_SIZE, "%s/%s", dir_path, entry->d_name);
		n += len > 0 && len < PATH_SIZE;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

static void judge_dropins(const char *root, const char *unit, const char *instance, const struct inuse_addr *local,
			  int *match)
{
	struct dropin *list = calloc(DROPINS_MAX, sizeof(*list));
	char path[PATH_SIZE];
	size_t n = 0;

	if (list == NULL)
		return;
	for (size_t i = 0; i < N_PATHS; i++) {
		snprintf(path, sizeof(path), "%s%s/%s.d", root, search_path[i], unit);
		n = list_dropins(path, list, n);
	}
	qsort(list, n, sizeof(*list), by_name);
	for (size_t i = 0; i < n; i++)
		judge_file(list[i].path, instance, local, match);
	free(list);
}

static int judge_unit(const char *root, const char *name, const struct inuse_addr *local)
{
	char template[NAME_SIZE], instance[NAME_SIZE], path[PATH_SIZE];
	bool is_instance = split_instance(name, template, instance), found = false;
	int match = 0;

	for (int pass = 0; pass < 1 + is_instance && !found; pass++)
		for (size_t i = 0; i < N_PATHS && !found; i++) {
			snprintf(path, sizeof(path), "%s%s/%s", root, search_path[i], pass == 0 ? name : template);
			found = judge_file(path, is_instance ? instance : NULL, local, &match);
		}
	if (is_instance)
		judge_dropins(root, template, instance, local, &match);
	judge_dropins(root, name, is_instance ? instance : NULL, local, &match);
	return match;
}

static void consider(const char *root, const char *name, const struct inuse_addr *local, struct best *best)
{
	int match;

	/* a bare template is no unit */
	if (!ends_with(name, ".socket") || ends_with(name, "@.socket") || strlen(name) >= NAME_SIZE)
		return;
	match = judge_unit(root, name, local);
	if (match > best->match) {
		best->match = match;
		strcpy(best->name, name);
	}
}

/* Every candidate in a directory; the number of socket units that it told of. */
static size_t consider_dir(const char *root, const char *dir_path, const char *lead, const struct inuse_addr *local,
			   struct best *best)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", root, dir_path);
	dir = opendir(path);
	while (dir != NULL && best->match < 2 && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, lead, strlen(lead)) == 0 && ends_with(entry->d_name, ".socket")) {
			consider(root, entry->d_name + strlen(lead), local, best);
			n++;
		}
	if (dir != NULL)
		closedir(dir);
	return n;
}

char *iu_proc_socket_unit(const char *root, const struct inuse_addr *local, char *buf, size_t size)
{
	static const char wants[] = "/etc/systemd/system/sockets.target.wants";
	struct best best = {0};

	if (consider_dir(root, "/run/systemd/units", "invocation:", local, &best) == 0) {
		consider_dir(root, wants, "", local, &best);
		for (size_t i = 0; i < N_PATHS && best.match < 2; i++)
			consider_dir(root, search_path[i], "", local, &best);
	}
	snprintf(buf, size, "%s", best.name);
	return buf;
}
