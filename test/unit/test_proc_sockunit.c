/* SPDX-License-Identifier: MIT */
/* Which .socket unit listens: found in a made-up tree of unit files. */
#include "support/check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/sources.h"

static char root[] = "/tmp/inuse-units-XXXXXX";

/* Writes a file below the root, making its directories. */
static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; *p != 0; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(full, 0755);
			*p = '/';
		}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int make_tree(void **state)
{
	static const char fresh[] = "/tmp/inuse-units-XXXXXX";

	memcpy(root, fresh, sizeof(root));
	if (mkdtemp(root) == NULL)
		return -1;
	put("/usr/lib/systemd/system/ssh.socket", "[Socket]\nListenStream=22\n");
	put("/usr/lib/systemd/system/web.socket", "[Socket]\nListenStream=8080\n");
	put("/usr/lib/systemd/system/local.socket", "[Socket]\nListenStream=127.0.0.1:8080\n");
	put("/usr/lib/systemd/system/many@.socket", "[Socket]\nListenStream=%i\n");
	return 0;
}

static int remove_tree(void **state)
{
	return nftw(root, forget, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *find(const char *local)
{
	static char name[256];
	struct inuse_target t;

	assert_int_equal(inuse_target_parse(local, &t, NULL), INUSE_OK);
	return iu_proc_socket_unit(root, &t.addr, name, sizeof(name));
}

static void test_socket_unit__by_port_and_address__the_closest(void **state)
{
	assert_string_equal(find("[::]:22"), "ssh.socket");
	assert_string_equal(find("[::]:8080"), "web.socket");
	assert_string_equal(find("127.0.0.1:8080"), "local.socket");
	assert_string_equal(find("127.0.0.1:9999"), "");
}

static void test_socket_unit__file_in_etc__hides_the_one_in_usr(void **state)
{
	put("/etc/systemd/system/ssh.socket", "[Socket]\nListenStream=2222\n");
	assert_string_equal(find("[::]:22"), "");
	assert_string_equal(find("[::]:2222"), "ssh.socket");
}

static void test_socket_unit__drop_in_of_a_generator__moves_the_port(void **state)
{
	put("/run/systemd/generator/ssh.socket.d/addresses.conf", "[Socket]\nListenStream=\nListenStream=[::]:2200\n");
	assert_string_equal(find("[::]:22"), "");
	assert_string_equal(find("[::]:2200"), "ssh.socket");
	/* a later name resets what an earlier one set; one of the same name in /etc hides it */
	put("/etc/systemd/system/ssh.socket.d/zz.conf", "[Socket]\nListenStream=\nListenStream=2300\n");
	assert_string_equal(find("[::]:2200"), "");
	assert_string_equal(find("[::]:2300"), "ssh.socket");
	put("/etc/systemd/system/ssh.socket.d/addresses.conf", "");
	put("/usr/lib/systemd/system/ssh.socket.d/zz.conf", "[Socket]\nListenStream=2400\n");
	assert_string_equal(find("[::]:2400"), "");
}

static void test_socket_unit__instance_of_a_template__enabled_one_is_named(void **state)
{
	assert_string_equal(find("[::]:8081"), "");
	put("/etc/systemd/system/sockets.target.wants/many@8081.socket", "[Socket]\nListenStream=%i\n");
	assert_string_equal(find("[::]:8081"), "many@8081.socket");
}

static void test_socket_unit__running_units_are_known__only_they_count(void **state)
{
	put("/run/systemd/units/invocation:ssh.socket", "");
	put("/run/systemd/units/invocation:many@8082.socket", "");
	put("/run/systemd/units/invocation:cron.service", "");
	assert_string_equal(find("[::]:22"), "ssh.socket");
	assert_string_equal(find("[::]:8080"), "");
	assert_string_equal(find("[::]:8082"), "many@8082.socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_socket_unit__by_port_and_address__the_closest, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_socket_unit__file_in_etc__hides_the_one_in_usr, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_socket_unit__drop_in_of_a_generator__moves_the_port, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_socket_unit__instance_of_a_template__enabled_one_is_named, make_tree,
						remove_tree),
		cmocka_unit_test_setup_teardown(test_socket_unit__running_units_are_known__only_they_count, make_tree, remove_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
