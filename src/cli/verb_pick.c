/* SPDX-License-Identifier: MIT */
/* inuse pick: ports on which a call would succeed. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/call_options.h"
#include "compat/system.h"
#include "host/pick.h"
#include "host/sources.h"

enum { OPT_COUNT = 256, OPT_SNAPSHOT };

static const struct iu_option options[] = {
	{OPT_COUNT, "count", "N", N_("that many ports, not one")},
	IU_CALL_ROWS,
	IU_PLAIN_ROW,
	IU_NETNS_ROW,
	{OPT_SNAPSHOT, "snapshot", "FILE", N_("judge a state saved by inuse ls --save (- is stdin)")},
	IU_STRICT_ROW,
	IU_WITHOUT_ROW,
	IU_JSON_ROW,
	IU_QUIET_ROW,
	{0, NULL, NULL, NULL},
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_pick = {
	"pick",
	"pick [PORT|RANGE|ADDR] [--count N] [options]",
	N_("Prints the next port on which bind and listen would succeed; nothing is bound."),
	options,
	N_("8000 begins there and goes up; 8000-8099 stays inside; 127.0.0.1:8000-8099 is for one address. Without an "
	   "operand, or with port 0, one of the ports that the kernel chooses from, reserved ones left out.\n"
	   "Exit status: 0 found, 1 there are not so many, 2 the input was wrong, 3 cannot tell."),
	run,
};

struct pick {
	struct iu_call call;
	const char *snapshot;
	uint64_t count;
	char *address; /* the operand without the end of its range */
	uint16_t last; /* the end */
	bool has_range; /* it was said */
};

static bool take_option(void *arg, int option, const struct iu_args *args)
{
	struct pick *p = arg;

	if (option == OPT_SNAPSHOT)
		p->snapshot = args->value;
	return option != OPT_COUNT || iu_arg_number(args, "count", 1, 65535, &p->count);
}

/* "8000-8099": what stands before the last hyphen is the address, if only digits follow, or nothing. False: out of memory. */
static bool split_range(struct pick *p)
{
	const char *text = p->call.q.address != NULL ? p->call.q.address : "0", *hyphen = strrchr(text, '-');
	uint64_t last = UINT16_MAX;

	p->has_range = hyphen != NULL && hyphen != text && hyphen[1 + strspn(hyphen + 1, "0123456789")] == 0;
	if (p->has_range && !iu_parse_u64(hyphen + 1, 1, UINT16_MAX, &last))
		last = 0;
	p->last = (uint16_t)last;
	p->address = p->has_range ? strndup(text, (size_t)(hyphen - text)) : strdup(text);
	p->call.q.address = p->address;
	return p->address != NULL;
}

/* --------------------------------------------------------------------------------------------- candidates */

/* Where to begin among the automatic ports: anywhere, as the kernel does, so that two who ask at once get two ports. */
static uint32_t begin_anywhere(const struct pick *p)
{
	return p->snapshot == NULL ? iu_system_random() : 0;
}

static enum inuse_status automatic_ports(const struct pick *p, uint16_t ret[65536], size_t *ret_n,
					 struct inuse_error *error)
{
	const struct inuse_snapshot *saved = p->call.q.snapshot;
	struct inuse_snapshot *s = saved != NULL ? NULL : iu_snapshot_new();
	enum inuse_status status = INUSE_OK;

	if (s != NULL) {
		status = iu_settings_read(s, error);
		if (status == INUSE_OK)
			status = iu_snapshot_seal(s, error);
	}
	if (status == INUSE_OK && (saved != NULL || s != NULL))
		*ret_n = iu_pick_automatic(iu_snapshot_facts(saved ? saved : s), begin_anywhere(p), ret);
	iu_snapshot_free(s);
	return status;
}

static size_t ports_between(uint16_t first, uint16_t last, uint16_t ret[65536])
{
	size_t n = 0;

	for (uint32_t port = first; port <= last; port++)
		ret[n++] = (uint16_t)port;
	return n;
}

/* ------------------------------------------------------------------------------------------------ telling */

static void print_json(const struct iu_pick *found, const uint16_t *ports)
{
	json_t *o = json_object(), *list = json_array();
	char *text;

	for (size_t i = 0; i < found->n; i++)
		json_array_append_new(list, json_integer(ports[i]));
	json_object_set_new(o, "schema", json_string("inuse-pick"));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "ports", list);
	json_object_set_new(o, "unknown", json_integer((json_int_t)found->n_unknown));
	text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(o);
}

static void say_too_few(const struct iu_pick *found)
{
	if (found->n == 0)
		fputs(_("inuse pick: there is no such port\n"), stderr);
	else
		fprintf(stderr, iu_ngettext("inuse pick: there is only %zu such port\n", "inuse pick: there are only %zu such ports\n", found->n),
			found->n);
	if (found->n_unknown > 0)
		fprintf(stderr, _("inuse pick: of %zu more it cannot be told; root may see it\n"), found->n_unknown);
}

static int tell(const struct pick *p, const struct iu_pick *found, const uint16_t *ports)
{
	if (p->call.json && !p->call.quiet)
		print_json(found, ports);
	for (size_t i = 0; i < found->n && !p->call.json && !p->call.quiet; i++)
		printf("%u\n", ports[i]);
	if (found->n == found->want)
		return iu_flushed(IU_EXIT_GO);
	if (!p->call.quiet)
		say_too_few(found);
	return iu_flushed(found->n_unknown > 0 ? IU_EXIT_UNKNOWN : IU_EXIT_FAIL);
}

/* ------------------------------------------------------------------------------------------------- doing */

/* ports: room for 2 times 65536, the candidates and what is found. */
static int pick_from(struct pick *p, uint16_t *ports)
{
	struct iu_resolved r;
	struct iu_pick found = {.r = &r, .strict = p->call.strict, .want = (size_t)p->count};
	struct inuse_error error = {0};
	enum inuse_status status = iu_resolve_question(&p->call.q, &r, &error);
	uint16_t first = status == INUSE_OK ? r.addrs[0].port : 0;
	size_t n = 0;

	if (status == INUSE_OK && p->has_range && (first == 0 || p->last < first))
		return iu_usage(p->call.verb, _("a range of ports goes up, from 1 to 65535 at most, as in 8000-8099"));
	if (status == INUSE_OK && first == 0)
		status = automatic_ports(p, ports, &n, &error);
	else if (status == INUSE_OK)
		n = ports_between(first, p->last, ports);
	if (status == INUSE_OK)
		status = iu_pick(&found, ports, n, ports + 65536, &error);
	return status < 0 ? iu_report_error(&error) : tell(p, &found, ports + 65536);
}

static int pick_ready(struct pick *p)
{
	struct inuse_snapshot *snapshot = NULL;
	struct inuse_error error = {0};
	uint16_t *ports;
	int status;

	if (p->snapshot != NULL && p->call.netns != NULL)
		return iu_usage(p->call.verb, _("--snapshot judges a saved state: --netns needs the live one"));
	status = iu_call_enter(&p->call);
	if (status != IU_CALL_GO_ON)
		return status;
	if (p->snapshot != NULL && inuse_snapshot_load(p->snapshot, &snapshot, &error) < 0)
		return iu_report_error(&error);
	p->call.q.snapshot = snapshot;
	ports = malloc(2 * 65536 * sizeof(*ports));
	status = ports != NULL ? pick_from(p, ports) : IU_EXIT_UNKNOWN;
	free(ports);
	inuse_snapshot_free(snapshot);
	return status;
}

static int run(int argc, char **argv)
{
	struct pick p = {.call = IU_CALL_INIT(&iu_verb_pick, IU_CALL_WORD_NONE), .count = 1};
	int status;

	p.call.other = take_option;
	p.call.arg = &p;
	p.call.may_lack_address = true;
	status = iu_call_parse(&p.call, argc, argv);
	if (status != IU_CALL_GO_ON)
		return status;
	status = split_range(&p) ? pick_ready(&p) : IU_EXIT_UNKNOWN;
	free(p.address);
	return status;
}
