/* SPDX-License-Identifier: MIT */
/* Snapshots in files, where files have modes. */
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/snapshot.h"

static struct inuse_snapshot *small(void)
{
	struct inuse_snapshot *s = iu_snapshot_new();
	struct inuse_process p = {.pid = 7};

	p.user = p.exe = p.cwd = p.tty = p.unit = p.socket_unit = p.container = p.container_kind = "";
	p.comm = "node";
	p.args = "node --secret";
	assert_non_null(iu_snapshot_add_process(s, &p));
	assert_int_equal(iu_snapshot_seal(s, NULL), INUSE_OK);
	return s;
}

static void test_inuse_snapshot__path__saved_and_loaded(void **state)
{
	char dir[] = "/tmp/inuse-test-XXXXXX", path[64];
	struct inuse_snapshot *s = small(), *t = NULL;
	struct inuse_error error = {0};
	struct stat st;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.snap", dir);
	assert_int_equal(inuse_snapshot_save(s, path, true, &error), INUSE_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0); /* it holds secrets */
	assert_int_equal(inuse_snapshot_load(path, &t, &error), INUSE_OK);
	assert_int_equal(iu_snapshot_facts(t)->n_processes, 1);
	assert_string_equal(iu_snapshot_facts(t)->processes[0].args, "node --secret");
	unlink(path);
	assert_int_equal(inuse_snapshot_load(path, &t, &error), INUSE_E_SNAPSHOT);
	assert_non_null(strstr(error.text, "a.snap cannot be opened"));
	assert_int_equal(inuse_snapshot_load(dir, &t, &error), INUSE_E_SNAPSHOT);
	assert_non_null(strstr(error.text, "cannot be read"));
	assert_int_equal(inuse_snapshot_save(s, dir, false, &error), INUSE_E_INPUT);
	assert_int_equal(inuse_snapshot_save(s, "/dev/full", false, &error), INUSE_E_SYSTEM);
	assert_non_null(strstr(error.text, "cannot be written"));
	assert_int_equal(inuse_snapshot_load(NULL, &t, &error), INUSE_E_INPUT);
	rmdir(dir);
	inuse_snapshot_free(s);
	inuse_snapshot_free(t);
	inuse_snapshot_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inuse_snapshot__path__saved_and_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
