/* SPDX-License-Identifier: MIT */
/*
 * The hosts of the program's own tests (test/cli/snap): whatever is asked about one of their ports is answered as certainly as what
 * was seen allows. Every "cannot tell" that those tests print is among the answers.
 */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/snapshot.h"
#include "support/certain.h"
#include "support/scene.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define ON_PORT_MAX 24

/* Of the sockets only those count that are on the port, or at which the call is aimed. */
static size_t sockets_of(const struct iu_facts *f, const struct inuse_request *r, struct inuse_socket ret[ON_PORT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_sockets && n < ON_PORT_MAX; i++)
		if (f->sockets[i].local.port == r->local.port || (r->remote.port != 0 && f->sockets[i].local.port == r->remote.port))
			ret[n++] = f->sockets[i];
	return n;
}

static unsigned n_asked, n_open;

/* The cause of what none of the rows of causes.def before it explains is told of somebody. */
static void check_cause(const struct iu_facts *f, const struct inuse_request *r)
{
	struct inuse_verdict v;

	iu_judge(iu_profile_of(f), f, r, &v);
	if (v.cause != NULL && strcmp(v.cause, "living-connection") == 0 && v.n_shown == 0)
		fail_msg("%s has no cause", v.rule);
}

static void ask(const char *name, const struct iu_facts *all, const struct inuse_request *r)
{
	struct inuse_socket sockets[ON_PORT_MAX];
	struct iu_facts f = *all;
	char why[500];
	enum certain_fault fault;
	bool open;

	f.sockets = sockets;
	f.n_sockets = sockets_of(all, r, sockets);
	fault = certain_check(iu_profile_of(&f), &f, r, &(struct iu_caller){0}, why, sizeof(why), &open);
	if (fault != CERTAIN_FINE && fault != CERTAIN_LOOSE)
		fail_msg("%s, call %d on port %u, options %#x: %s", name, r->call, r->local.port, r->flags, why);
	check_cause(&f, r);
	n_asked++;
	n_open += open;
}

/* Every way to ask for the port of that socket. */
static void ask_about(const char *name, const struct iu_facts *f, const struct inuse_socket *o)
{
	static const char *const locals[] = {"0.0.0.0:1", "127.0.0.1:1", "[::]:1", "[::1]:1"};
	static const uint32_t flags[] = {0, INUSE_REUSEADDR, INUSE_REUSEPORT, INUSE_REUSEADDR | INUSE_REUSEPORT, INUSE_EXCLUSIVE};

	for (size_t l = 0; l < ROWS(locals); l++)
		for (size_t k = 0; k < ROWS(flags); k++) {
			struct inuse_request r = INUSE_REQUEST_INIT;

			r.local = scene_addr(locals[l]);
			r.local.port = o->local.port;
			r.flags = flags[k];
			r.may_bind_low = INUSE_YES;
			ask(name, f, &r);
		}
	if (o->remote.port != 0) {
		struct inuse_request r = INUSE_REQUEST_INIT;

		r.may_bind_low = INUSE_YES;
		r.call = INUSE_CALL_ACCEPT;
		r.local = o->local;
		r.remote = o->remote;
		ask(name, f, &r);
		r.call = INUSE_CALL_CONNECT;
		r.flags = INUSE_REUSEADDR;
		ask(name, f, &r);
	}
}

static void test_snapshots_of_the_cli__every_port__as_certain_as_can_be(void **state)
{
	static const char *const names[] = {"causes", "holders", "web", "windows-causes", "windows"};
	const char *lab = getenv("INUSE_LAB");

	assert_non_null(lab);
	for (size_t i = 0; i < ROWS(names); i++) {
		struct inuse_snapshot *snapshot;
		struct inuse_error error = {0};
		const struct iu_facts *f;
		char path[1024];

		snprintf(path, sizeof(path), "%s/../test/cli/snap/%s.snap", lab, names[i]);
		if (inuse_snapshot_load(path, &snapshot, &error) != INUSE_OK)
			fail_msg("%s", error.text);
		f = iu_snapshot_facts(snapshot);
		for (size_t s = 0; s < f->n_sockets; s++)
			ask_about(names[i], f, &f->sockets[s]);
		inuse_snapshot_free(snapshot);
	}
	print_message("%u questions, %u of which cannot be told\n", n_asked, n_open);
	assert_true(n_open > 0 && n_open < n_asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_snapshots_of_the_cli__every_port__as_certain_as_can_be)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
