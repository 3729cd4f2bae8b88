/* SPDX-License-Identifier: MIT */
/* What kernels differ in, on the running kernel: whoever looks finds the same, and what its version says. */
#include "support/live.h"

#include "host/features.h"
#include "host/host.h"
#include "say/names.h"

/* What a snapshot of a port has found out; without: sources that are left out. */
static struct iu_facts facts_of(unsigned without, struct inuse_snapshot **ret)
{
	static const uint16_t port = 5000;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .bound = true, .without = without};

	assert_int_equal(iu_host_take(&scope, ret, NULL), INUSE_OK);
	return *iu_snapshot_facts(*ret);
}

/*
 * The kernels that are played here are mainline's as far as this goes, so what is found out is what the version says: that
 * is what makes the bounds of features.def facts.
 */
static void test_features__found_out__as_its_version_says(void **state)
{
	struct inuse_error error = {0};
	struct iu_probed found;
	struct inuse_snapshot *s;
	struct iu_facts f = facts_of(0, &s);
	uint32_t differ;

	if (iu_features_probe(IU_KERNEL_TYPES, UINT32_MAX, &found, &error) != INUSE_OK)
		live_skip("%s", error.text);
	differ = (found.present ^ iu_features_from_version(f.kernel)) & found.which;
	for (const struct iu_name *n = iu_names_feature; n->name != NULL; n++) {
		/* stable kernels took that over */
		if ((differ & n->value) != 0 && n->value != IU_FEATURE_HALF_OPEN_RESET)
			live_fail("%s: found out is %d", n->name, (found.present & n->value) != 0);
		/* those that need not show in types */
		if ((found.which & n->value) == 0 && n->value != IU_FEATURE_TW_DESTROY && n->value != IU_FEATURE_HALF_OPEN_RESET)
			live_fail("%s: nothing is found out", n->name);
	}
	iu_snapshot_free(s);
}

/* What the walk over the buckets and the settings say for nothing is what the kernel's types say. */
static void test_features__found_out_on_the_way__as_the_types_say(void **state)
{
	struct inuse_error error = {0};
	struct iu_probed found;
	struct inuse_snapshot *s;
	struct iu_facts f = facts_of(0, &s);

	if (f.buckets_known)
		assert_int_equal(f.features_probed & (IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR | IU_FEATURE_CONNECT_BIND),
				 IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR | IU_FEATURE_CONNECT_BIND);
	if (iu_features_probe(IU_KERNEL_TYPES, f.features_probed, &found, &error) != INUSE_OK)
		live_skip("%s", error.text);
	assert_int_equal(found.which, f.features_probed);
	assert_int_equal(found.present, f.features & f.features_probed);
	iu_snapshot_free(s);
}

/*
 * An ordinary user sees no bucket, so that nothing is found out on the way. Kernels differ in whether the listener is in the way;
 * what is asked for is told, and what is assumed is said to be. Where it is not, that is so only as it was the first there, which
 * the bucket alone tells.
 */
static void test_why__ordinary_user_and_kernels_differ__types_are_read(void **state)
{
	const char *path = "[::ffff:127.0.0.1]:5000";
	const struct live_run *run;
	const char *due;
	bool in_the_way;

	live_need_ipv6();
	live_listener("[::ffff:0.0.0.0]:5000", LIVE_REUSEADDR);
	in_the_way = live_try_bind(path, LIVE_REUSEADDR) == EADDRINUSE;
	due = in_the_way ? "IN USE" : "CANNOT TELL";
	run = live_inuse_as(LIVE_NOBODY, "why", "-v", "bind", path, "--reuseaddr");
	if (access(IU_KERNEL_TYPES, R_OK) == 0 && INUSE_HAVE_BPF)
		live_says(run, in_the_way ? 1 : 3, due, "Seen   types", "owners-by-addr");
	else
		live_says(run, in_the_way ? 1 : 3, due, "Seen   not through types", "assumed from the version");
	if (geteuid() == 0 && access(IU_KERNEL_TYPES, R_OK) == 0 && INUSE_HAVE_BPF)
		live_says(live_inuse("why", "bind", path, "--reuseaddr"), in_the_way, in_the_way ? "IN USE" : "FREE");
	live_says_not(live_inuse_as(LIVE_NOBODY, "why", "-v", "bind", "127.0.0.1:5001"), "types");
}

static void test_version__every_feature__found_out_or_assumed(void **state)
{
	const struct live_run *run = live_inuse("--version");

	for (const struct iu_name *n = iu_names_feature; n->name != NULL; n++)
		live_says(run, 0, n->name);
	live_says(run, 0, "assumed");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_features__found_out__as_its_version_says),
		live_test(test_features__found_out_on_the_way__as_the_types_say),
		live_test(test_why__ordinary_user_and_kernels_differ__types_are_read),
		live_test(test_version__every_feature__found_out_or_assumed),
	};

	return LIVE_RUN("features", tests);
}
