/* SPDX-License-Identifier: MIT */
/* inuse run: what the program sees is what it would have seen; what fails is explained. */
#include <jansson.h>
#include <sys/stat.h>

#include "support/actor.h"

/* -------------------------------------------------------------------------- the program notices nothing */

static void test_run__bind_and_listen__same_results(void **state)
{
	actor_same("listen", "127.0.0.1:8080", "[::1]:8080", "127.0.0.1:8080", "192.0.2.1:80", "8081");
	actor_same("twice", "127.0.0.1:8080");
	live_listener("127.0.0.1:9000", 0);
	actor_same("reuse", "127.0.0.1:9000", "0.0.0.0:9000", "127.0.0.2:9000");
}

static void test_run__odd_arguments__same_errors(void **state)
{
	actor_same("odd");
}

static void test_run__unix_socket__same_directory(void **state)
{
	actor_same("unix", actor_dir);
}

static void test_run__threads_and_orphans__same_results(void **state)
{
	actor_same("thread", "127.0.0.1:8080", "127.0.0.1:8081");
	actor_same("fork", "127.0.0.1:8080");
	actor_same("spawn", "100");
}

static void test_run__connect__same_results(void **state)
{
	const struct live_run *run;

	live_listener("127.0.0.1:8080", 0);
	run = live_inuse("run", "--connect", actor_path(), "connect", "127.0.0.1:8080", "127.0.0.1:9");
	assert_string_equal(run->out, actor_bare("connect", "127.0.0.1:8080", "127.0.0.1:9")->out);
	live_complains(run, 0, "connect 127.0.0.1:9 failed", "nobody listens");
}

static void test_run__connect_that_waits__is_interrupted_as_ever(void **state)
{
	const struct live_run *bare, *run;

	live_device("v0", "192.0.2.1/24");
	bare = actor_bare("stuck", "192.0.2.77:80");
	assert_non_null(strstr(bare->out, "alarm EINTR"));
	run = live_inuse("run", "--connect", actor_path(), "stuck", "192.0.2.77:80");
	assert_string_equal(run->out, bare->out);
}

static void test_run__surroundings__are_those_of_the_caller(void **state)
{
	actor_same("around", "one", "", "three words here", "--events");
}

static void test_run__exit_status__is_the_programs(void **state)
{
	assert_int_equal(live_inuse("run", "sh", "-c", "exit 7")->status, 7);
	assert_int_equal(live_inuse("run", "sh", "-c", "kill -TERM $$")->status, 128 + SIGTERM);
	assert_int_equal(live_inuse("run", "sh", "-c", "kill -KILL $$")->status, 128 + SIGKILL);
	live_complains(live_inuse("run", "/no/such/program"), 127, "/no/such/program", "No such file");
	live_complains(live_inuse("run", "/etc/passwd"), 126, "/etc/passwd", "Permission denied");
	live_complains(live_inuse("run", "--events", "/no/such/folder/x", "true"), 2, "/no/such/folder/x");
	assert_string_equal(live_inuse("run", "true")->err, "");
}

static void test_run__words_of_the_program__are_its_own(void **state)
{
	live_says(live_inuse("run", "--", "echo", "--quiet", "-v"), 0, "--quiet -v\n");
	live_says(live_inuse("run", "echo", "--fix=nonsense"), 0, "--fix=nonsense\n");
}

/* ------------------------------------------------------------------------------------- what fails is told */

static void test_run__listener_in_the_way__told_at_that_moment(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("0.0.0.0:8080", 0));
	const struct live_run *run = actor_run("listen", "127.0.0.1:8080");

	live_complains(run, 0, "inuse: actor (pid ", "bind 127.0.0.1:8080 failed: Address already in use (EADDRINUSE)",
		       "IN USE by", live_text("%d", owner));
	/* nothing of it on stdout */
	assert_string_equal(run->out, "bind 127.0.0.1:8080 EADDRINUSE\nlisten 127.0.0.1:8080 ok\n");
}

static void test_run__listen_fails__own_socket_is_no_obstacle(void **state)
{
	live_listener("127.0.0.1:8080", LIVE_REUSEADDR);
	/* bound beside a bound one, then the other listens first */
	live_complains(actor_run("reuse", "127.0.0.1:8080"), 0, "bind 127.0.0.1:8080 failed", "LISTEN 127.0.0.1:8080");
}

static void test_run__own_socket_in_the_way__not_told_to_kill_itself(void **state)
{
	const struct live_run *run = actor_run("listen", "127.0.0.1:8080", "127.0.0.1:8080");

	live_complains(run, 0, "bind 127.0.0.1:8080 failed", "IN USE by the program itself: actor (pid ", "LISTEN 127.0.0.1:8080");
	live_says_not(run, "kill ");
}

static void test_run__address_not_local__told(void **state)
{
	live_device("v0", "192.0.2.1/24");
	live_complains(actor_run("listen", "198.51.100.7:80"), 0, "EADDRNOTAVAIL", "no interface of this machine");
}

static void test_run__bound_twice__told(void **state)
{
	live_complains(actor_run("twice", "127.0.0.1:8080"), 0, "EINVAL", "has a port already");
}

static void test_run__other_namespace__looked_at_there(void **state)
{
	const struct live_run *run;

	live_need_root();
	live_listener("127.0.0.1:8080", 0); /* here: not to be mentioned as the blocker */
	run = live_inuse("run", "unshare", "-n", "sh", "-c", live_text("ip link set lo up; exec %s listen 127.0.0.1:8080 127.0.0.1:8080", actor_path()));
	live_complains(run, 0, "bind 127.0.0.1:8080 failed", "IN USE by the program itself: actor");
	live_says_not(run, "test_run");
}

static void test_run__quiet__says_nothing(void **state)
{
	live_listener("127.0.0.1:8080", 0);
	assert_string_equal(live_inuse("run", "-q", actor_path(), "listen", "127.0.0.1:8080")->err, "");
}

static void test_run__many_failures__not_all_told(void **state)
{
	const struct live_run *run;
	size_t n = 0;

	live_listener("0.0.0.0:8080", 0);
	run = live_inuse("run", "sh", "-c", live_text("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do %s listen 8080 & done; wait", actor_path()));
	for (const char *at = run->err; (at = strstr(at, " failed: ")) != NULL; at++)
		n++;
	assert_int_equal(n, 8);
	live_complains(run, 0, "too often");
}

static void test_run__events__one_object_a_line(void **state)
{
	const char *path = live_text("%s/events", actor_dir), *error = NULL;
	char line[65536];
	json_t *event, *answer;
	FILE *f;

	live_listener("127.0.0.1:8080", 0);
	live_inuse("run", "-q", "--events", path, actor_path(), "listen", "127.0.0.1:8080");
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	event = json_loads(line, 0, NULL);
	assert_int_equal(json_unpack(event, "{s:s, s:o}", "error", &error, "answer", &answer), 0);
	assert_string_equal(error, "EADDRINUSE");
	assert_string_equal(json_string_value(json_object_get(event, "event")), "failed");
	assert_string_equal(json_string_value(json_object_get(event, "schema")), "inuse-event");
	assert_string_equal(json_string_value(json_object_get(event, "call")), "bind");
	assert_string_equal(json_string_value(json_object_get(event, "address")), "127.0.0.1:8080");
	assert_string_equal(json_string_value(json_object_get(answer, "outcome")), "fail");
	assert_null(fgets(line, sizeof(line), f));
	json_decref(event);
	fclose(f);
}

static void test_run__ordinary_user__works(void **state)
{
	const struct live_run *run;

	live_need_root();
	live_listener("0.0.0.0:8080", 0);
	run = live_inuse_as(LIVE_NOBODY, "run", actor_python(), "-c",
			    "import socket\ns=socket.socket()\ntry: s.bind(('127.0.0.1',8080))\nexcept OSError as e: print(e.errno)");
	live_complains(run, 0, "bind 127.0.0.1:8080 failed", "IN USE");
	assert_string_equal(run->out, "98\n");
}

/* The options of what is left are hidden from this user; that his bind() was refused has told them. */
static void test_run__ordinary_user_meets_time_wait__told_for_certain(void **state)
{
	const struct live_run *run;

	live_need_root();
	live_time_wait("127.0.0.1:8080", 0, NULL);
	run = live_inuse_as(LIVE_NOBODY, "run", actor_python(), "-c",
			    "import socket\ns=socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
			    "try: s.bind(('127.0.0.1',8080))\nexcept OSError as e: print(e.errno)");
	live_complains(run, 0, "IN USE for", "The old socket lacked SO_REUSEADDR", "inuse wait bind 127.0.0.1:8080 --reuseaddr");
	live_says_not(run, "CANNOT TELL", "--try");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_run__bind_and_listen__same_results),
		live_test(test_run__odd_arguments__same_errors),
		folder_test(test_run__unix_socket__same_directory),
		live_test(test_run__threads_and_orphans__same_results),
		live_test(test_run__connect__same_results),
		live_test(test_run__connect_that_waits__is_interrupted_as_ever),
		live_test(test_run__surroundings__are_those_of_the_caller),
		live_test(test_run__exit_status__is_the_programs),
		live_test(test_run__words_of_the_program__are_its_own),
		live_test(test_run__listener_in_the_way__told_at_that_moment),
		live_test(test_run__listen_fails__own_socket_is_no_obstacle),
		live_test(test_run__own_socket_in_the_way__not_told_to_kill_itself),
		live_test(test_run__address_not_local__told),
		live_test(test_run__bound_twice__told),
		live_test(test_run__other_namespace__looked_at_there),
		live_test(test_run__quiet__says_nothing),
		live_test(test_run__many_failures__not_all_told),
		folder_test(test_run__events__one_object_a_line),
		live_test(test_run__ordinary_user__works),
		live_test(test_run__ordinary_user_meets_time_wait__told_for_certain),
	};

	return LIVE_RUN("run", tests);
}
