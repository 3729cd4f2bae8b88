/* SPDX-License-Identifier: MIT */
/* What is named, and what others show of it. See named.h. */
#include "support/named.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
	const char *cause;
	const char *as_user; /* what an ordinary user was told */
	bool ss, lsof, proc;
};
static struct row table[96];
static size_t n_rows;

/* The deciding verdict of --json; the caller drops the root. */
static json_t *verdict_of(const struct live_run *run, json_t **ret_root)
{
	json_error_t error;
	json_t *root = json_loads(run->out, 0, &error);

	if (root == NULL)
		fail_msg("%s: exit %d, not JSON: %s\n%s", run->line, run->status, run->out, run->err);
	*ret_root = root;
	return json_array_get(json_object_get(root, "verdicts"), (size_t)json_integer_value(json_object_get(root, "deciding")));
}

static const char *text_of(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* An open socket on the port, whoever has it: what a listing of /proc/PID/fd against /proc/net/tcp finds. */
static bool proc_shows(const char *port)
{
	char path[64], line[512];
	unsigned want = (unsigned)atoi(port), local, remote, state;
	unsigned long inode;
	bool found = false;

	for (int i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/thread-self/net/%s", i ? "tcp6" : "tcp");
		f = fopen(path, "re");
		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x %*s %*s %*s %*d %*d %lu", &local, &remote, &state,
				   &inode) == 4 && local == want && inode != 0)
				found = true;
		if (f != NULL)
			fclose(f);
	}
	return found;
}

void named_row(const char *cause, const char *port, const char *as_user)
{
	const char *filter = live_text("sport = :%s", port);
	const struct live_run *ss = live_run("ss", "-Htanp", filter);
	const struct live_run *lsof = live_run("lsof", "-nP", live_text("-iTCP:%s", port));
	struct row *row = &table[n_rows < sizeof(table) / sizeof(table[0]) - 1 ? n_rows++ : n_rows];

	*row = (struct row){.cause = cause, .as_user = as_user};
	row->ss = strstr(ss->out, live_text(":%s ", port)) != NULL;
	row->lsof = strstr(lsof->out, live_text(":%s ", port)) != NULL || strstr(lsof->out, live_text(":%s-", port)) != NULL;
	row->proc = proc_shows(port);
}

/* Before Linux 6.8 no eye that an ordinary user has shows a socket that is only bound. */
static bool free_as_far_as_seen(const struct live_run *run)
{
	json_t *root, *v = verdict_of(run, &root);
	bool so = run->status == 0 && json_is_true(json_object_get(v, "as_far_as_seen"));

	json_decref(root);
	return so && live_kernel_before(6, 8);
}

void check_named(const char *cause, int status, const char *port, const char *const *argv, int line)
{
	const struct live_run *run = live_run_inuse(-1, argv), *user;
	json_t *root, *v = verdict_of(run, &root);
	const char *got = text_of(v, status == 0 && json_object_get(v, "note") ? "note" : "cause");

	if (run->status != status || strcmp(got, cause) != 0)
		fail_msg("line %d: %s: exit %d, cause %s; expected %d, %s\n%s", line, run->line, run->status, got, status, cause,
			 run->out);
	json_decref(root);
	if (geteuid() != 0) {
		named_row(cause, port, "-");
		return;
	}
	user = live_run_inuse(LIVE_NOBODY, argv);
	if (user->status != status && user->status != 3 && !free_as_far_as_seen(user))
		fail_msg("line %d: as an ordinary user: exit %d, expected %d or 3\n%s%s", line, user->status, status, user->out,
			 user->err);
	v = verdict_of(user, &root);
	named_row(cause, port,
		  user->status == 3 ? "cannot tell"
		  : strcmp(text_of(v, status == 0 && json_object_get(v, "note") ? "note" : "cause"), cause) == 0 ? "named"
		  : status == 0 ? "free" : "in use");
	json_decref(root);
}

int named_table(void **state)
{
	(void)state;
	printf("\n%-34s %-6s %-8s %-12s %-9s %-8s %s\n", "cause", "made", "named", "as a user", "ss -tanp", "lsof -i", "/proc");
	for (size_t i = 0; i < n_rows; i++)
		printf("%-34s %-6s %-8s %-12s %-9s %-8s %s\n", table[i].cause, "real", "yes", table[i].as_user,
		       table[i].ss ? "shown" : "nothing", table[i].lsof ? "shown" : "nothing", table[i].proc ? "shown" : "nothing");
	puts("\"shown\" is the socket, never the reason. Not made here, but judged in the unit and command tests:\n"
	     "kernel-socket, socket-unit, docker-proxy, syn-fin-wait2, syn-rfc1337.");
	return 0;
}
