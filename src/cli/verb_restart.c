/* SPDX-License-Identifier: MIT */
/*
 * inuse restart: a supervisor starts its program anew.
 *
 * Theory of operation
 *
 * Every supervisor that can listens at a name with its pid in it, so there is no file to go stale and nothing to be cleaned up. An
 * address is asked of each of them; a pid may be the supervisor's or that of anything below it, so its ancestors are
 * tried. Then it is asked to restart, and answers when the new start listens or has failed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "host/proc_parse.h"
#include "host/resolve.h"
#include "supervise/control.h"

enum { JSON = 256 };
#define SUPERVISORS_MAX 256
#define ADDRS_MAX 16
/* No family is deeper. */
#define ANCESTORS_MAX 256

static const struct iu_option options[] = {
	{JSON, "json", NULL, N_("print one JSON object")},
	{'q', "quiet", NULL, N_("print nothing")},
	{0},
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_restart = {
	.name = "restart",
	.synopsis = "restart ADDR|PID [options]",
	.summary = N_("Has the inuse run that holds an address, or has a process below it, start its program anew."),
	.options = options,
	.notes = N_("A bare number is a port, or else a process.\n"
		    "Exit status: 0 the new start listens, 1 it does not, or there is no such supervisor, 2 the input was wrong, "
		    "3 not permitted."),
	.run = run,
};

struct found {
	int fd;      /* -1: none */
	int32_t pid;
	bool two;    /* more than one holds it */
	bool forbidden;
};

static void take(struct found *found, int fd, int32_t pid)
{
	if (found->fd >= 0) {
		found->two |= found->pid != pid;
		close(fd);
		return;
	}
	found->fd = fd;
	found->pid = pid;
}

/* addr: NULL for every address with that port. */
static bool holds(int fd, uint16_t port, const struct inuse_addr *addr, bool *ret_forbidden)
{
	json_t *request = json_pack("{s:s, s:i}", "do", "find", "port", (int)port), *answer;
	char text[INUSE_ADDR_TEXT];
	bool holds;

	if (addr != NULL)
		json_object_set_new(request, "address", json_string(iu_addr_host_text(addr, text)));
	answer = iu_ask(fd, request);
	holds = json_array_size(json_object_get(answer, "holds")) > 0;
	*ret_forbidden |= json_object_get(answer, "error") != NULL;
	json_decref(answer);
	return holds;
}

static void find_by_addr(const struct inuse_addr *addrs, size_t n, bool any_address, struct found *ret)
{
	int32_t pids[SUPERVISORS_MAX];
	size_t n_pids = iu_ask_list(pids, SUPERVISORS_MAX);

	for (size_t p = 0; p < n_pids; p++) {
		int fd = iu_ask_connect(pids[p]);
		bool has = false;

		for (size_t i = 0; fd >= 0 && !has && i < n; i++)
			has = holds(fd, addrs[i].port, any_address ? NULL : &addrs[i], &ret->forbidden);
		if (has)
			take(ret, fd, pids[p]);
		else if (fd >= 0)
			close(fd);
	}
}

static int32_t parent_of(int32_t pid)
{
	struct iu_proc_stat stat;
	char path[64], text[1024];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	return iu_proc_parse_stat(text, len, &stat) ? stat.ppid : 0;
}

static void find_by_pid(int32_t pid, struct found *ret)
{
	for (int depth = 0; depth < ANCESTORS_MAX && pid > 0 && ret->fd < 0; depth++, pid = parent_of(pid)) {
		int fd = iu_ask_connect(pid);

		if (fd >= 0)
			take(ret, fd, pid);
	}
}

/* INUSE_E_INPUT and the like after a sentence. */
static int find(const char *text, struct found *ret)
{
	struct inuse_addr addrs[ADDRS_MAX];
	struct inuse_target target;
	struct inuse_error error = {0};
	struct found process = {.fd = -1};
	uint64_t pid = 0;
	size_t n = 0;

	*ret = (struct found){.fd = -1};
	if (iu_parse_u64(text, 1, INT32_MAX, &pid))
		find_by_pid((int32_t)pid, &process);
	if (pid <= UINT16_MAX) {
		if (inuse_target_parse(text, &target, &error) < 0 || iu_resolve(&target, addrs, ADDRS_MAX, &n, &error) < 0)
			return iu_report_error(&error);
		find_by_addr(addrs, n, target.kind == INUSE_TARGET_PORT, ret);
	}
	if (process.fd >= 0)
		take(ret, process.fd, process.pid);
	ret->forbidden |= process.forbidden;
	return IU_EXIT_GO;
}

static int tell(const json_t *answer, const struct found *found, bool json, bool quiet)
{
	bool restarted = json_is_true(json_object_get(answer, "restarted"));
	const char *program = json_string_value(json_object_get(answer, "program"));
	const char *why = json_string_value(json_object_get(answer, "why"));
	double waited = (double)json_integer_value(json_object_get(answer, "waited_ms")) / 1000;
	char shown[256];

	if (json_object_get(answer, "error") != NULL) {
		fprintf(stderr, _("inuse restart: process %d is another user's\n"), found->pid);
		return IU_EXIT_UNKNOWN;
	}
	iu_escape(restarted ? program : why ? why : _("inuse run has ended with it"), shown, sizeof(shown));
	if (json && answer != NULL) {
		char *text = json_dumps(answer, JSON_COMPACT);

		if (text != NULL)
			puts(text);
		free(text);
	} else if (restarted && !quiet) {
		printf(_("%s (pid %d) listens again after %.2f s\n"), shown, (int)json_integer_value(json_object_get(answer, "pid")), waited);
	}
	if (!restarted && !quiet && !json)
		fprintf(stderr, _("inuse restart: it was not restarted: %s\n"), shown);
	return restarted ? IU_EXIT_GO : IU_EXIT_FAIL;
}

static int restart(const char *text, bool json, bool quiet)
{
	struct found found;
	json_t *answer;
	char shown[128];
	int status = find(text, &found);

	if (status != IU_EXIT_GO)
		return status;
	iu_escape(text, shown, sizeof(shown));
	if (found.two) {
		fprintf(stderr, _("inuse restart: more than one inuse run is meant by %s: name one of them by its process\n"), shown);
		status = IU_EXIT_USAGE;
	} else if (found.fd < 0) {
		fprintf(stderr, found.forbidden ? _("inuse restart: no inuse run of yours holds %s; other users' may not be asked\n")
						: _("inuse restart: no inuse run --hold holds %s\n"), shown);
		status = found.forbidden ? IU_EXIT_UNKNOWN : IU_EXIT_FAIL;
	} else {
		answer = iu_ask(found.fd, json_pack("{s:s}", "do", "restart"));
		if (answer != NULL && json) {
			json_object_set_new(answer, "schema", json_string("inuse-restart"));
			json_object_set_new(answer, "version", json_integer(1));
			json_object_set_new(answer, "supervisor", json_integer(found.pid));
		}
		status = tell(answer, &found, json, quiet);
		json_decref(answer);
	}
	if (found.fd >= 0)
		close(found.fd);
	return status;
}

static int run(int argc, char **argv)
{
	struct iu_args args = {.verb = &iu_verb_restart, .argc = argc, .argv = argv};
	bool json = false, quiet = false;
	const char *what = NULL;
	char shown[64];
	int id;

	while ((id = iu_args_next(&args)) != IU_ARG_END) {
		if (id == IU_ARG_HELP)
			return iu_flushed(IU_EXIT_GO);
		if (id == IU_ARG_WRONG)
			return IU_EXIT_USAGE;
		if (id == IU_ARG_OPERAND && what != NULL)
			return iu_usage(args.verb, _("one address or process at a time: \"%s\" is too much"),
					iu_escape(args.value, shown, sizeof(shown)));
		if (id == IU_ARG_OPERAND)
			what = args.value;
		json |= id == JSON;
		quiet |= id == 'q';
	}
	if (what == NULL)
		return iu_usage(args.verb, _("the address or process is missing"));
	return restart(what, json, quiet);
}
