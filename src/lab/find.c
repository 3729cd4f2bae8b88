/* SPDX-License-Identifier: MIT */
/*
 * The experiments that are there: folders of topics with .exp files in them, or those that the program carries with it, where
 * it is one file that has nothing beside it. The folder "" stands for the latter.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/near.h"
#include "base/text.h"
#include "compat/system.h"
#include "lab/builtin.h"
#include "lab/play.h"

#define NAMES_MAX 4096

/* The folder that a file lab.dir beside the program names: a program that was built but not installed. */
static bool beside_program(char *buf, size_t size)
{
	char path[1024];
	char *slash;
	FILE *f;
	bool found;

	if (!iu_system_program(path, sizeof(path) - 16))
		return false;
	slash = strrchr(path, '/');
	if (slash == NULL)
		return false;
	snprintf(slash, 16, "/lab.dir");
	f = iu_system_open(path);
	if (f == NULL)
		return false;
	found = fgets(buf, (int)size, f) != NULL;
	fclose(f);
	if (found)
		buf[strcspn(buf, "\r\n")] = 0;
	return found;
}

enum inuse_status iu_lab_folder(char *buf, size_t size, struct inuse_error *error)
{
	const char *from_user = iu_system_variable("INUSE_LAB");
	char shown[128];

	if (from_user == NULL && iu_lab_builtin(0) != NULL) {
		buf[0] = 0;
		return INUSE_OK;
	}
	if (from_user != NULL)
		snprintf(buf, size, "%s", from_user);
	else if (!beside_program(buf, size))
		snprintf(buf, size, "%s", INUSE_LABDIR);
	if (iu_system_is_folder(buf))
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

struct listing {
	const char *folder, *topic;
	char **names;
	size_t n;
};

static void add_name(struct listing *list, const char *topic, const char *name, size_t len)
{
	size_t size = strlen(topic) + len + 2;
	char *both = list->n < NAMES_MAX ? malloc(size) : NULL;

	if (both == NULL)
		return;
	snprintf(both, size, "%s%s%.*s", topic, topic[0] != 0 ? "/" : "", (int)len, name);
	list->names[list->n++] = both;
}

static void add_file(void *arg, const char *name)
{
	struct listing *list = arg;
	size_t len = strlen(name);

	if (len >= 5 && strcmp(name + len - 4, ".exp") == 0)
		add_name(list, list->topic, name, len - 4);
}

static void add_topic(void *arg, const char *name)
{
	struct listing *list = arg;
	char path[1400];

	snprintf(path, sizeof(path), "%s/%s", list->folder, name);
	list->topic = name;
	iu_system_each_in(path, add_file, list); /* what is no folder has none */
}

enum inuse_status iu_lab_list(const char *folder, char ***ret, size_t *ret_n, struct inuse_error *error)
{
	struct listing list = {.folder = folder, .names = calloc(NAMES_MAX, sizeof(*list.names))};
	const struct iu_lab_builtin *builtin;

	if (list.names == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	for (size_t i = 0; folder[0] == 0 && (builtin = iu_lab_builtin(i)) != NULL; i++)
		add_name(&list, "", builtin->name, strlen(builtin->name));
	if (folder[0] != 0 && !iu_system_each_in(folder, add_topic, &list)) {
		free(list.names);
		return iu_fail(error, INUSE_E_INPUT, errno, NULL, _("the experiments cannot be listed: %s"), strerror(errno));
	}
	qsort(list.names, list.n, sizeof(*list.names), by_text);
	*ret = list.names;
	*ret_n = list.n;
	return INUSE_OK;
}

static enum inuse_status load_builtin(const char *name, struct iu_exp **ret, struct inuse_error *error)
{
	const struct iu_lab_builtin *builtin;
	size_t i = 0;

	while ((builtin = iu_lab_builtin(i)) != NULL && strcmp(builtin->name, name) != 0)
		i++;
	return iu_exp_parse(name, builtin != NULL ? builtin->text : "", builtin != NULL ? strlen(builtin->text) : 0, ret, error);
}

static enum inuse_status load_file(const char *path, const char *name, struct iu_exp **ret, struct inuse_error *error)
{
	FILE *f = iu_system_open_ordinary(path);
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
size_t iu_lab_match(char *const *names, size_t n, const char *asked, const char **ret, size_t max)
{
	size_t len = strlen(asked), found = 0;

	/* the whole name, a name alone, a topic: the first of these that there is */
	for (int way = 0; way < 3 && found == 0; way++)
		for (size_t i = 0; i < n && found < max; i++) {
			const char *slash = strchr(names[i], '/');
			size_t topic = slash != NULL ? (size_t)(slash - names[i]) : 0;

			if (way == 0 ? strcmp(names[i], asked) == 0 :
			    way == 1 ? slash != NULL && strcmp(slash + 1, asked) == 0 :
				       topic == len - (len > 0 && asked[len - 1] == '/') && strncmp(names[i], asked, topic) == 0 && topic > 0)
				ret[found++] = names[i];
		}
	return found;
}

static enum inuse_status not_there(char *const *names, size_t n, const char *name, struct inuse_error *error)
{
	const char *likely = NULL;
	struct iu_near near;
	char shown[128];

	iu_near_begin(&near, name, &likely, 1);
	for (size_t i = 0; i < n; i++) {
		iu_near_consider(&near, names[i]);
		if (strchr(names[i], '/') != NULL)
			iu_near_consider(&near, strchr(names[i], '/') + 1);
	}
	iu_escape(name, shown, sizeof(shown));
	if (near.n == 0)
		return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("there is no experiment %s; inuse lab lists them"), shown);
	return iu_fail(error, INUSE_E_INPUT, 0, NULL, _("there is no experiment %s; there is %s (inuse lab lists them)"), shown, likely);
}

enum inuse_status iu_lab_load(const char *folder, const char *name, struct iu_exp **ret, struct inuse_error *error)
{
	size_t len = strlen(name), n;
	char path[1800];
	const char *found = NULL;
	enum inuse_status status;
	char **names;

	if (len > 4 && strcmp(name + len - 4, ".exp") == 0)
		return load_file(name, name, ret, error);
	status = iu_lab_list(folder, &names, &n, error);
	if (status != INUSE_OK)
		return status;
	if (iu_lab_match(names, n, name, &found, 1) == 0) {
		status = not_there(names, n, name, error);
	} else if (folder[0] == 0) {
		status = load_builtin(found, ret, error);
	} else {
		snprintf(path, sizeof(path), "%s/%s.exp", folder, found);
		status = load_file(path, found, ret, error);
	}
	iu_lab_names_free(names, n);
	return status;
}
