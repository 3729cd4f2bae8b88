/* SPDX-License-Identifier: MIT */
/* Network namespaces found and entered; unix sockets looked at, whatever namespace their owner is in. */
#include "support/live.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "host/netns.h"
#include "host/unix_socket.h"

static uint64_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static uint64_t here(void)
{
	return inode_of("/proc/thread-self/ns/net");
}

/* ---------------------------------------------------------------------------------------------------- entering */

static void test_netns_enter__name_pid_path__there(void **state)
{
	uint64_t before = here(), blue;
	pid_t child;

	live_netns_add("blue");
	blue = inode_of("/run/netns/blue");
	child = LIVE_CHILD(if (live_netns_enter() != NULL) live_fail("no namespace"));
	assert_int_equal(iu_netns_enter("blue", NULL), INUSE_OK);
	assert_int_equal(here(), blue);
	assert_int_equal(iu_netns_enter(live_text("%d", child), NULL), INUSE_OK);
	assert_int_equal(here(), inode_of(live_text("/proc/%d/ns/net", child)));
	assert_int_not_equal(here(), before);
	assert_int_equal(iu_netns_enter("/run/netns/blue", NULL), INUSE_OK);
	assert_int_equal(here(), blue);
}

static void test_netns_enter__name_that_looks_like_a_pid__the_name_wins(void **state)
{
	live_netns_add("1");
	assert_int_equal(iu_netns_enter("1", NULL), INUSE_OK);
	assert_int_equal(here(), inode_of("/run/netns/1"));
}

static void test_netns_enter__not_there__one_sentence(void **state)
{
	static const char *const names[] = {"no-such-name", "",            ".",    "..",       "/no/such/path",
					    "999999999",    "/etc/passwd", "/tmp", "\x1b[1m"};
	uint64_t before = here();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct inuse_error error = {0};

		if (iu_netns_enter(names[i], &error) != INUSE_E_NO_NAMESPACE)
			fail_msg("\"%s\": %d %s", names[i], error.status, error.text);
		assert_true(error.text[0] != 0);
		assert_null(strpbrk(error.text, "\x1b\n"));
	}
	assert_int_equal(here(), before);
}

static void test_netns_enter__own__needs_no_permission(void **state)
{
	pid_t child;

	live_need_root();
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(iu_netns_enter(live_text("%d", getpid()), NULL)));
	assert_int_equal(live_heard(child), INUSE_OK);
}

static void test_netns_enter__ordinary_user__not_permitted(void **state)
{
	pid_t child;

	live_netns_add("blue");
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(iu_netns_enter("blue", NULL)));
	assert_int_equal(live_heard(child), INUSE_E_PERMISSION);
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(iu_netns_enter("1", NULL)));
	assert_int_equal(live_heard(child), INUSE_E_PERMISSION);
}

/* As with hidepid on /proc: it is there all the same. */
static void test_netns_enter__process_of_another_user_is_hidden__not_permitted(void **state)
{
	pid_t child;

	live_need_root();
	child = LIVE_CHILD({
		bool hidden = live_hide_processes() && setgroups(0, NULL) == 0 && setresgid(LIVE_NOBODY, LIVE_NOBODY, LIVE_NOBODY) == 0 &&
			      setresuid(LIVE_NOBODY, LIVE_NOBODY, LIVE_NOBODY) == 0;

		live_tell(hidden ? iu_netns_enter("1", NULL) : INUSE_OK);
	});
	if (live_heard(child) == INUSE_OK)
		live_skip("/proc cannot be mounted so here");
	assert_int_equal(live_heard(child), INUSE_E_PERMISSION);
}

/* A command to paste that looked at home instead would be about somebody else's sockets. */
static void test_netns_answer__of_another_namespace__its_commands_go_there(void **state)
{
	pid_t child;

	live_netns_add("blue");
	child = LIVE_CHILD({
		if (iu_netns_enter("blue", NULL) != INUSE_OK)
			live_fail("no namespace");
		live_time_wait("127.0.0.1:8080", 0, NULL);
	});
	live_says(live_inuse("--netns", "blue", "--plain", "8080"), 1, "inuse wait 8080 --plain --netns blue  ");
	live_says(live_inuse("--netns", live_text("%d", child), "--plain", "8080"), 1, live_text("inuse wait 8080 --plain --netns %d  ", child));
	live_says(live_inuse("--netns", "all", "--plain", "8080"), 1, "inuse wait 8080 --plain --netns blue  ");
	live_says(live_inuse("wait", "--netns", "blue", "--timeout", "0.1", "--plain", "8080"), 1, "inuse wait 8080 --plain --netns blue  ");
}

/* --------------------------------------------------------------------------------------------------------- all */

struct walk {
	uint64_t inodes[4096], want;
	size_t n;
	unsigned n_wanted;
	char name[128];
	int32_t pid;
	bool own_first, enter;
};

static bool note(void *arg, const struct iu_netns *netns)
{
	struct walk *w = arg;

	assert_true(w->n < sizeof(w->inodes) / sizeof(w->inodes[0]));
	for (size_t i = 0; i < w->n; i++)
		assert_true(w->inodes[i] != netns->inode);
	if (w->n == 0)
		w->own_first = netns->own && netns->inode == here();
	else
		assert_false(netns->own);
	w->inodes[w->n++] = netns->inode;
	if (netns->inode == w->want) {
		w->n_wanted++;
		w->pid = netns->pid;
		snprintf(w->name, sizeof(w->name), "%s", netns->name);
		if (w->enter) {
			assert_int_equal(iu_netns_enter_fd(netns->fd, netns->name, NULL), INUSE_OK);
			assert_int_equal(here(), netns->inode);
		}
	}
	return true;
}

static struct walk walk_for(uint64_t want, bool enter)
{
	struct walk w = {.want = want, .enter = enter};
	uint64_t before = here();
	bool complete;

	assert_int_equal(iu_netns_each(note, &w, &complete, NULL), INUSE_OK);
	assert_true(w.own_first);
	assert_int_equal(here(), before);
	return w;
}

static void test_netns_each__named_and_of_a_process__each_once(void **state)
{
	struct walk w;
	pid_t child;

	live_netns_add("blue");
	child = LIVE_CHILD(if (live_netns_enter() != NULL) live_fail("no namespace"));
	w = walk_for(inode_of("/run/netns/blue"), true);
	assert_int_equal(w.n_wanted, 1);
	assert_string_equal(w.name, "blue");
	assert_int_equal(w.pid, 0);
	w = walk_for(inode_of(live_text("/proc/%d/ns/net", child)), true);
	assert_int_equal(w.n_wanted, 1);
	assert_int_equal(w.pid, child);
	assert_string_equal(w.name, live_text("pid %d (live_netns)", child));
	w = walk_for(here(), false);
	assert_int_equal(w.n_wanted, 1);
	assert_string_equal(w.name, live_text("pid %d (live_netns)", getpid()));
}

static void test_netns_each__left_over_name__skipped(void **state)
{
	bool stale_seen = false;
	struct walk w;
	int fd;

	live_netns_add("blue");
	fd = open("/run/netns/stale", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	assert_true(fd >= 0);
	close(fd);
	w = walk_for(inode_of("/run/netns/stale"), false);
	stale_seen = w.n_wanted != 0;
	assert_false(stale_seen);
}

static bool stop(void *arg, const struct iu_netns *netns)
{
	(*(unsigned *)arg)++;
	return false;
}

static void test_netns_each__callback_wants_no_more__stops(void **state)
{
	unsigned n = 0;
	bool complete;

	assert_int_equal(iu_netns_each(stop, &n, &complete, NULL), INUSE_OK);
	assert_int_equal(n, 1);
}

static long complete_as_nobody(void)
{
	unsigned n = 0;
	bool complete = true;

	return iu_netns_each(stop, &n, &complete, NULL) == INUSE_OK && n == 1 ? complete : -1;
}

static bool go_on(void *arg, const struct iu_netns *netns)
{
	return true;
}

static long all_as_nobody(void)
{
	bool complete = true;

	return iu_netns_each(go_on, NULL, &complete, NULL) == INUSE_OK ? complete : -1;
}

static void test_netns_each__ordinary_user__own_and_not_complete(void **state)
{
	pid_t child;

	live_need_root();
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(complete_as_nobody()));
	assert_true(live_heard(child) >= 0);
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(all_as_nobody()));
	assert_int_equal(live_heard(child), false);
}

/* -------------------------------------------------------------------------------------------------- unix sockets */

static char folder[] = "/tmp/inuse-test-XXXXXX";

static int folder_setup(void **state)
{
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	return live_setup(state) != 0 || mkdtemp(folder) == NULL;
}

static int folder_teardown(void **state)
{
	static const char *const names[] = {"x.sock", "y.sock", "plain", "link"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(live_text("%s/%s", folder, names[i]));
	rmdir(folder);
	return live_teardown(state);
}

#define unix_test(fn) cmocka_unit_test_setup_teardown(fn, folder_setup, folder_teardown)

static const char *in_folder(const char *name)
{
	return live_text("%s/%s", folder, name);
}

static int unix_bound(const char *path, int type)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		live_fail("bind %s: %s", path, strerror(errno));
	return fd;
}

static int unix_listener(const char *path)
{
	int fd = unix_bound(path, SOCK_STREAM);

	if (listen(fd, 1) != 0)
		live_fail("listen %s: %s", path, strerror(errno));
	return fd;
}

static struct iu_unix_look look(const char *path)
{
	struct inuse_error error = {0};
	struct iu_unix_look ret;

	if (iu_unix_look(path, &ret, &error) != INUSE_OK)
		fail_msg("%s: %s", path, error.text);
	return ret;
}

static bool any(void *arg, const struct iu_unix_socket *socket)
{
	return false;
}

/* Without it there are only names. */
static bool by_file(void)
{
	return iu_unix_diag_each(any, NULL, NULL) == INUSE_OK;
}

static void test_unix_look__listener__found_by_its_file(void **state)
{
	int fd = unix_listener(in_folder("x.sock"));
	struct iu_unix_look l = look(in_folder("x.sock"));

	assert_int_equal(l.kind, IU_UNIX_LISTENS);
	assert_int_equal(l.certain, by_file());
	assert_int_equal(l.inode, live_inode(fd));
	assert_int_equal(l.netns, 0);
	if (by_file()) {
		assert_true(l.uid_known);
		assert_int_equal(l.uid, getuid());
		assert_int_equal(rename(in_folder("x.sock"), in_folder("y.sock")), 0);
		assert_int_equal(look(in_folder("y.sock")).kind, IU_UNIX_LISTENS);
		assert_int_equal(look(in_folder("x.sock")).kind, IU_UNIX_MISSING);
		assert_int_equal(symlink(in_folder("y.sock"), in_folder("link")), 0);
		assert_int_equal(look(in_folder("link")).kind, IU_UNIX_LISTENS);
	}
	close(fd);
}

static bool all_can_be_seen(void)
{
	bool complete = false;

	return iu_netns_each(go_on, NULL, &complete, NULL) == INUSE_OK && complete;
}

static void test_unix_look__owner_ended__left_over(void **state)
{
	int fd = unix_listener(in_folder("x.sock"));

	close(fd);
	assert_int_equal(look(in_folder("x.sock")).kind, IU_UNIX_LEFT_OVER);
	assert_int_equal(look(in_folder("x.sock")).inode, 0);
	assert_int_equal(look(in_folder("x.sock")).certain, by_file() && all_can_be_seen());
	/* that nobody listens may be uncertain; that bind() fails is not */
	live_says(live_inuse(in_folder("x.sock")), 1, "IN USE", "left over", "rm ");
}

/* An ordinary user hears who could name the process. */
static void test_unix_words__owner_hidden__who_would_name_it(void **state)
{
	int fd;

	live_need_root();
	assert_int_equal(chmod(in_folder("."), 0755), 0);
	fd = unix_listener(in_folder("x.sock"));
	if (!by_file())
		live_skip("/proc/net/unix has only names");
	live_says(live_inuse_as(LIVE_NOBODY, in_folder("x.sock")), 1, "a process hidden from you", "sudo inuse ", "names the process");
	live_says(live_inuse(in_folder("x.sock")), 1, "IN USE by", "kill ");
	close(fd);
}

static void test_unix_look__listener_closed_while_connected__left_over(void **state)
{
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), listener = unix_listener(in_folder("x.sock")), server;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", in_folder("x.sock"));
	assert_int_equal(connect(client, (struct sockaddr *)&sa, sizeof(sa)), 0);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	close(listener);
	assert_int_equal(look(in_folder("x.sock")).kind, IU_UNIX_LEFT_OVER);
	close(server);
	close(client);
}

static void test_unix_look__replaced_file__the_old_listener_does_not_count(void **state)
{
	int old = unix_listener(in_folder("x.sock")), fd;

	assert_int_equal(look(in_folder("x.sock")).certain, by_file());
	if (!by_file())
		live_skip("/proc/net/unix has only names");
	assert_int_equal(unlink(in_folder("x.sock")), 0);
	fd = unix_listener(in_folder("x.sock"));
	assert_int_equal(look(in_folder("x.sock")).inode, live_inode(fd));
	close(fd);
	assert_int_equal(look(in_folder("x.sock")).kind, IU_UNIX_LEFT_OVER);
	close(old);
}

static void test_unix_look__other_kinds__told_apart(void **state)
{
	int fd = unix_bound(in_folder("x.sock"), SOCK_STREAM), plain;
	int datagram = unix_bound(in_folder("y.sock"), SOCK_DGRAM);

	assert_int_equal(look(in_folder("x.sock")).kind, IU_UNIX_BOUND);
	assert_int_equal(look(in_folder("x.sock")).inode, live_inode(fd));
	assert_int_equal(look(in_folder("y.sock")).kind, IU_UNIX_RECEIVES);
	close(fd);
	close(datagram);
	plain = open(in_folder("plain"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(plain);
	assert_int_equal(look(in_folder("plain")).kind, IU_UNIX_NOT_SOCKET);
	assert_int_equal(look(folder).kind, IU_UNIX_NOT_SOCKET);
	assert_int_equal(symlink("nowhere", in_folder("link")), 0);
	assert_int_equal(look(in_folder("link")).kind, IU_UNIX_NOT_SOCKET);
	assert_int_equal(look(in_folder("nothing")).kind, IU_UNIX_MISSING);
	assert_int_equal(look(in_folder("plain/x")).kind, IU_UNIX_NO_FOLDER);
	assert_int_equal(look(in_folder("none/x")).kind, IU_UNIX_NO_FOLDER);
}

static void test_unix_look__no_file_can_be_made__not_free(void **state)
{
	pid_t child;

	live_need_root();
	assert_int_equal(chmod(folder, 0755), 0);
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell((long)look(in_folder("x.sock")).kind));
	assert_int_equal(live_heard(child), IU_UNIX_CLOSED);
	live_says(live_inuse_as(LIVE_NOBODY, in_folder("x.sock")), 1, "you may not make a file there");
	live_says(live_inuse(in_folder("none/x")), 1, "there is no such folder");
}

/* Abstract names belong to the network namespace, and no file is looked for. */
static void test_unix_look__abstract_name__found_here(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "\0inuse-test"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(look("@inuse-test").kind, IU_UNIX_MISSING);
	live_says(live_inuse("@inuse-test"), 0, "FREE: nobody has this name");
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, (socklen_t)offsetof(struct sockaddr_un, sun_path) + 11), 0);
	assert_int_equal(look("@inuse-test").kind, IU_UNIX_BOUND);
	assert_int_equal(look("@inuse-tes").kind, IU_UNIX_MISSING);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(look("@inuse-test").kind, IU_UNIX_LISTENS);
	assert_int_equal(look("@inuse-test").inode, live_inode(fd));
	close(fd);
	assert_int_equal(look("@inuse-test").kind, IU_UNIX_MISSING);
}

/* A name for a shell is one word. */
static void test_unix_words__name_with_blanks__quoted(void **state)
{
	close(unix_bound(in_folder("it's x.sock"), SOCK_STREAM));
	live_says(live_inuse(in_folder("it's x.sock")), 1, live_text("rm '%s/it'\\''s x.sock'  ", folder));
	unlink(in_folder("it's x.sock"));
}

static void test_unix_look__owner_in_another_network_namespace__found_there(void **state)
{
	struct iu_unix_look l;
	pid_t child;

	live_need_root();
	child = LIVE_CHILD({
		if (live_netns_enter() != NULL)
			live_fail("no namespace");
		unix_listener(in_folder("x.sock"));
	});
	l = look(in_folder("x.sock"));
	assert_int_equal(l.kind, IU_UNIX_LISTENS);
	assert_int_equal(l.netns, inode_of(live_text("/proc/%d/ns/net", child)));
	live_kill(child, SIGKILL);
	assert_int_equal(look(in_folder("x.sock")).kind, IU_UNIX_LEFT_OVER);
}

static long look_as_nobody(const char *path)
{
	struct iu_unix_look ret;
	enum inuse_status status = iu_unix_look(path, &ret, NULL);

	return status < 0 ? (long)status : (long)ret.kind + (ret.certain ? 100 : 0);
}

static void test_unix_look__ordinary_user__never_more_certain_than_he_can_be(void **state)
{
	pid_t child;
	int fd;

	live_need_root();
	fd = unix_listener(in_folder("x.sock"));
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(look_as_nobody(in_folder("x.sock"))));
	assert_int_equal(live_heard(child), INUSE_E_PERMISSION); /* mkdtemp() closes the folder */
	live_kill(child, SIGKILL); /* it has inherited the listener */
	assert_int_equal(chmod(folder, 0755), 0);
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(look_as_nobody(in_folder("x.sock"))));
	assert_int_equal(live_heard(child), IU_UNIX_LISTENS + (by_file() ? 100 : 0));
	live_kill(child, SIGKILL);
	close(fd);
	child = LIVE_CHILD_AS(LIVE_NOBODY, live_tell(look_as_nobody(in_folder("x.sock"))));
	assert_int_equal(live_heard(child), IU_UNIX_LEFT_OVER);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_netns_enter__name_pid_path__there),
		live_test(test_netns_enter__name_that_looks_like_a_pid__the_name_wins),
		live_test(test_netns_enter__not_there__one_sentence),
		live_test(test_netns_enter__own__needs_no_permission),
		live_test(test_netns_enter__ordinary_user__not_permitted),
		live_test(test_netns_enter__process_of_another_user_is_hidden__not_permitted),
		live_test(test_netns_answer__of_another_namespace__its_commands_go_there),
		live_test(test_netns_each__named_and_of_a_process__each_once),
		live_test(test_netns_each__left_over_name__skipped),
		live_test(test_netns_each__callback_wants_no_more__stops),
		live_test(test_netns_each__ordinary_user__own_and_not_complete),
		unix_test(test_unix_look__listener__found_by_its_file),
		unix_test(test_unix_look__owner_ended__left_over),
		unix_test(test_unix_words__owner_hidden__who_would_name_it),
		unix_test(test_unix_look__listener_closed_while_connected__left_over),
		unix_test(test_unix_look__replaced_file__the_old_listener_does_not_count),
		unix_test(test_unix_look__other_kinds__told_apart),
		unix_test(test_unix_look__no_file_can_be_made__not_free),
		unix_test(test_unix_look__abstract_name__found_here),
		unix_test(test_unix_words__name_with_blanks__quoted),
		unix_test(test_unix_look__owner_in_another_network_namespace__found_there),
		unix_test(test_unix_look__ordinary_user__never_more_certain_than_he_can_be),
	};

	return LIVE_RUN("netns", tests);
}
