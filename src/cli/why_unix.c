/* SPDX-License-Identifier: MIT */
/* inuse /run/x.sock: does anyone listen there, or is the file left over. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/gettext.h"
#include "cli/why.h"
#include "host/sources.h"
#include "host/unix_socket.h"
#include "say/say.h"

/* What each kind means for bind(): json name, headline, what more, fix with its risk. {path}, {who}; {word}: the path for a shell. */
struct kind {
	const char *name, *headline, *more, *fix, *risk;
	int status;
};

static const struct kind kinds[] = {
	[IU_UNIX_MISSING] = {"missing", N_("{path} FREE: there is no such file"), NULL, NULL, NULL, IU_EXIT_GO},
	[IU_UNIX_NO_FOLDER] = {"no-folder", N_("{path} WOULD FAIL: there is no such folder"), NULL, NULL, NULL, IU_EXIT_FAIL},
	[IU_UNIX_CLOSED] = {"closed", N_("{path} WOULD FAIL: you may not make a file there"), NULL, NULL, NULL, IU_EXIT_FAIL},
	[IU_UNIX_NOT_SOCKET] = {"not-socket", N_("{path} IN USE: it is no socket"),
				N_("Something else has this name; bind() fails as long as it exists."), NULL, NULL, IU_EXIT_FAIL},
	[IU_UNIX_LISTENS] = {"listens", N_("{path} IN USE by {who}, which listens there"), NULL, NULL, NULL, IU_EXIT_FAIL},
	[IU_UNIX_RECEIVES] = {"receives", N_("{path} IN USE by {who}, which receives there"), NULL, NULL, NULL, IU_EXIT_FAIL},
	[IU_UNIX_BOUND] = {"bound", N_("{path} IN USE by {who}, which does not listen"), N_("Clients are refused."), NULL, NULL,
			   IU_EXIT_FAIL},
	[IU_UNIX_LEFT_OVER] = {"left-over", N_("{path} IN USE: no process, only a file left over"),
			       N_("No socket has it any more; clients are refused, and bind() fails until the file is gone."),
			       N_("rm {word}"), N_("nobody listens there"), IU_EXIT_FAIL},
};

/* IU_UNIX_LEFT_OVER where not every socket could be seen: bind() fails for certain, and whether nobody listens is open. */
static const struct kind perhaps_left_over = {
	"left-over", N_("{path} IN USE: a file that no socket seems to have any more"),
	N_("Most likely it is left over, but not every socket can be seen from here. bind() fails until the file is gone."),
	N_("rm {word}"), N_("if nobody listens there"), IU_EXIT_FAIL,
};

/* IU_UNIX_MISSING of an abstract one. */
static const struct kind free_name = {"missing", N_("{path} FREE: nobody has this name"), NULL, NULL, NULL, IU_EXIT_GO};

static const struct kind *words_of(const char *path, const struct iu_unix_look *look)
{
	if (look->kind == IU_UNIX_LEFT_OVER && !look->certain)
		return &perhaps_left_over;
	return look->kind == IU_UNIX_MISSING && path[0] == '@' ? &free_name : &kinds[look->kind];
}

/* As one word of a shell. */
static void add_word(struct iu_text *t, const char *shown)
{
	bool plain = strspn(shown, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:=@%") == strlen(shown);

	if (!plain)
		iu_text_add(t, "'");
	for (const char *p = shown; *p != 0; p++)
		if (*p == '\'')
			iu_text_add(t, "'\\''");
		else
			iu_text_add_n(t, p, 1);
	if (!plain)
		iu_text_add(t, "'");
}

struct found {
	int32_t pid;
};

static bool take_first(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	struct found *found = arg;

	(void)inode;
	(void)fd;
	if (found->pid == 0 || pid < found->pid)
		found->pid = pid;
	return true;
}

/* The process that holds the socket, in words; its pid, or 0. */
static int32_t who_has(const struct iu_unix_look *look, struct iu_text *who)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct inuse_process p = {0};
	struct found found = {0};
	bool complete = false;

	if (look->inode != 0 && iu_files_owners(&look->inode, 1, take_first, &found, &complete, NULL) < 0)
		iu_proc_owners(&look->inode, 1, take_first, &found, &complete, NULL);
	if (s != NULL && found.pid != 0 && iu_proc_describe(s, found.pid, &p) == INUSE_OK) {
		char pid[16], name[64], user[128];

		snprintf(pid, sizeof(pid), "%d", found.pid);
		iu_say_expand(who, _("{name} (pid {pid}, user {user})"),
			      (struct iu_var[]){{"name", iu_escape(p.comm, name, sizeof(name))},
						{"pid", pid},
						{"user", iu_escape(p.user, user, sizeof(user))},
						{NULL, NULL}});
	} else {
		iu_text_add(who, complete ? _("a socket without a process") : _("a process hidden from you"));
	}
	iu_snapshot_free(s);
	return found.pid;
}

static void say_json(const char *path, const struct iu_unix_look *look, int32_t pid, struct iu_text *out)
{
	struct iu_text shown = {0};
	json_t *o = json_object();
	char *text;

	iu_text_add_escaped(&shown, path);
	json_object_set_new(o, "schema", json_string("inuse-unix"));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "path", json_string(shown.data ? shown.data : ""));
	json_object_set_new(o, "kind", json_string(kinds[look->kind].name));
	json_object_set_new(o, "certain", json_boolean(look->certain));
	if (look->inode != 0)
		json_object_set_new(o, "inode", json_integer((json_int_t)look->inode));
	if (look->uid_known)
		json_object_set_new(o, "uid", json_integer(look->uid));
	if (pid != 0)
		json_object_set_new(o, "pid", json_integer(pid));
	text = json_dumps(o, JSON_COMPACT);
	iu_text_addf(out, "%s\n", text ? text : "");
	free(text);
	json_decref(o);
	iu_text_done(&shown);
}

static void say_words(const char *path, const struct iu_unix_look *look, const char *who, int32_t pid, struct iu_text *out)
{
	const struct kind *kind = words_of(path, look);
	struct iu_text shown = {0}, word = {0}, line = {0};
	struct iu_var vars[] = {{"path", ""}, {"who", who}, {"word", ""}, {NULL, NULL}};

	iu_text_add_escaped(&shown, path);
	vars[0].value = shown.data ? shown.data : "";
	add_word(&word, vars[0].value);
	vars[2].value = word.data ? word.data : "";
	iu_say_expand(&line, _(kind->headline), vars);
	iu_say_wrapped(out, line.data ? line.data : "", 2, 80);
	iu_text_add(out, "\n");
	if (kind->more != NULL) {
		iu_text_add(out, "  ");
		iu_say_wrapped(out, _(kind->more), 2, 80);
		iu_text_add(out, "\n");
	}
	if (!look->certain && kind != &perhaps_left_over)
		iu_text_add(out, _("  Found by the name that it was bound to; the file may be another one by now.\n"));
	if (look->netns != 0)
		iu_text_add(out, _("  The socket belongs to another network namespace (a container).\n"));
	if (kind->fix != NULL) {
		iu_text_add(out, _("Fix  "));
		iu_say_expand(out, _(kind->fix), vars);
		iu_text_addf(out, "  %s\n", _(kind->risk));
	} else if (pid != 0) {
		iu_text_addf(out, _("Fix  kill %d  the program ends and its connections break\n"), pid);
	} else if (look->inode != 0 && geteuid() != 0) {
		iu_say_expand(out, _("Fix  sudo inuse {word}  names the process\n"), vars);
	}
	iu_text_done(&line);
	iu_text_done(&word);
	iu_text_done(&shown);
}

int iu_why_unix(const char *path, bool json, bool quiet)
{
	struct inuse_error error = {0};
	struct iu_unix_look look = {0};
	struct iu_text out = {0}, who = {0};
	int32_t pid = 0;
	int status;

	if (iu_unix_look(path, &look, &error) < 0)
		return iu_report_error(&error);
	status = kinds[look.kind].status;
	if (!quiet) {
		pid = who_has(&look, &who);
		if (json)
			say_json(path, &look, pid, &out);
		else
			say_words(path, &look, who.data ? who.data : "", pid, &out);
		fputs(out.data ? out.data : "", stdout);
	}
	iu_text_done(&who);
	iu_text_done(&out);
	return status;
}
