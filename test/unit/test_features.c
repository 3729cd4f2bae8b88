/* SPDX-License-Identifier: MIT */
/* What kernels differ in: asked where it matters, found in the kernel's types, and else assumed. */
#include "host/features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/check.h"

#if INUSE_HAVE_BPF
#include <bpf/btf.h>
#endif

/* ------------------------------------------------------------------------------------------- what matters */

static struct inuse_socket on_port(enum inuse_state state, const char *addr)
{
	struct inuse_socket s = {.state = state, .count = 1, .flags = INUSE_HAS_FILE};

	assert_int_equal(inuse_addr_parse(addr, &s.local, NULL), INUSE_OK);
	s.local.port = 5000;
	s.family = s.local.family;
	s.known = UINT32_MAX;
	return s;
}

static struct iu_facts facts_of(const struct inuse_socket *sockets, size_t n, uint32_t kernel)
{
	static const struct iu_local loopback = {.addr = {.family = 4, .ip = {127}}, .prefix_len = 8, .device = 1};

	return (struct iu_facts){.sockets = sockets, .n_sockets = n, .locals = &loopback, .n_locals = 1, .locals_known = true, .buckets_known = true,
				 .kernel = kernel, .features = iu_features_from_version(kernel), .settings_known = UINT32_MAX};
}

static struct inuse_request bind_to(const char *addr, uint32_t flags)
{
	struct inuse_request r = INUSE_REQUEST_INIT;

	r.call = INUSE_CALL_BIND;
	r.may_bind_low = INUSE_YES;
	r.flags = flags;
	r.uid = 7;
	assert_int_equal(inuse_addr_parse(addr, &r.local, NULL), INUSE_OK);
	r.local.port = 5000;
	return r;
}

static void test_features_that_matter__each_situation__those_that_change_the_answer(void **state)
{
	struct inuse_socket orphan = on_port(INUSE_FIN_WAIT1, "127.0.0.1"), mapped = on_port(INUSE_LISTEN, "::ffff:0.0.0.0");
	struct inuse_socket held = on_port(INUSE_FIN_WAIT1, "127.0.0.1");
	struct inuse_request shares = bind_to("127.0.0.1", INUSE_REUSEPORT), plain = bind_to("127.0.0.1", 0);
	struct inuse_request maps = bind_to("::ffff:127.0.0.1", INUSE_REUSEADDR);
	struct iu_facts f = facts_of(&orphan, 1, IU_KERNEL(6, 12));

	orphan.flags = INUSE_REUSEPORT;
	held.flags |= INUSE_REUSEPORT;
	orphan.uid = held.uid = 7;
	assert_int_equal(iu_features_that_matter(&f, &shares, 1), IU_FEATURE_ORPHAN_UID);
	assert_int_equal(iu_features_that_matter(&f, &plain, 1), 0);
	assert_int_equal(iu_features_that_matter(&f, (struct inuse_request[]){plain, shares}, 2), IU_FEATURE_ORPHAN_UID);
	iu_features_take(&f, &(struct iu_probed){IU_FEATURE_ORPHAN_UID, 0});
	assert_int_equal(iu_features_that_matter(&f, &shares, 1), 0);

	f = facts_of(&held, 1, IU_KERNEL(6, 12));
	assert_int_equal(iu_features_that_matter(&f, &shares, 1), 0);

	f = facts_of(&mapped, 1, IU_KERNEL(6, 1));
	assert_int_equal(iu_features_that_matter(&f, &maps, 1), IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR);
	f.os = IU_SYSTEM_windows;
	assert_int_equal(iu_features_that_matter(&f, &maps, 1), 0);
}

static void test_features_take__found_out__instead_of_assumed(void **state)
{
	struct iu_facts f = {.features = IU_FEATURE_BHASH2 | IU_FEATURE_TW_DESTROY};

	iu_features_take(&f, &(struct iu_probed){IU_FEATURE_BHASH2 | IU_FEATURE_ORPHAN_UID, IU_FEATURE_ORPHAN_UID});
	assert_int_equal(f.features, IU_FEATURE_ORPHAN_UID | IU_FEATURE_TW_DESTROY);
	assert_int_equal(f.features_probed, IU_FEATURE_BHASH2 | IU_FEATURE_ORPHAN_UID);
	iu_features_take(&f, &(struct iu_probed){IU_FEATURE_TW_DELAY, IU_FEATURE_TW_DELAY});
	assert_int_equal(f.features, IU_FEATURE_ORPHAN_UID | IU_FEATURE_TW_DESTROY | IU_FEATURE_TW_DELAY);
	assert_int_equal(f.features_probed, IU_FEATURE_BHASH2 | IU_FEATURE_ORPHAN_UID | IU_FEATURE_TW_DELAY);
}

/* ---------------------------------------------------------------------------------------- the kernel's types */

#if INUSE_HAVE_BPF
/* A kernel's types with these structs, "NAME" or "NAME MEMBER", and functions, "NAME()" or "NAME void()". Its path, in buf. */
static const char *types_with(const char *const *words, size_t n, char buf[64])
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), proto = btf__add_func_proto(btf, number);
	int nothing = btf__add_func_proto(btf, 0);
	const void *bytes;
	uint32_t size;
	int fd;

	for (size_t i = 0; i < n; i++) {
		char name[64], member[64] = "";

		assert_true(sscanf(words[i], "%63[a-z0-9_] %63[a-z0-9_]", name, member) >= 1);
		if (strstr(words[i], "()") != NULL) {
			assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, member[0] != 0 ? nothing : proto) > 0);
			continue;
		}
		assert_true(btf__add_struct(btf, name, 8) > 0);
		assert_int_equal(btf__add_field(btf, "other", number, 0, 0), 0);
		if (member[0] != 0)
			assert_int_equal(btf__add_field(btf, member, number, 32, 0), 0);
	}
	bytes = btf__raw_data(btf, &size);
	snprintf(buf, 64, "/tmp/inuse-types-XXXXXX");
	fd = mkstemp(buf);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
	btf__free(btf);
	return buf;
}

static struct iu_probed probe(const char *const *words, size_t n, uint32_t wanted)
{
	struct iu_probed found;
	char path[64];

	assert_int_equal(iu_features_probe(types_with(words, n, path), wanted, &found, NULL), INUSE_OK);
	unlink(path);
	return found;
}

#define PROBE(wanted, ...) \
	probe((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), wanted)

static void test_features_probe__types_of_a_kernel__what_it_has(void **state)
{
	const uint32_t all = UINT32_MAX;
	struct iu_probed p;

	/* one of 6.1 */
	p = PROBE(all, "inet_bind_bucket owners", "inet_bind2_bucket", "inet_timewait_sock", "netns_ipv4", "inet_csk_get_port()", "sock_i_uid()",
		  "inet_sk_get_local_port_range void()");
	assert_int_equal(p.present, IU_FEATURE_BHASH2);
	assert_int_equal(p.which, IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR | IU_FEATURE_CONNECT_BIND | IU_FEATURE_TW_DELAY |
				 IU_FEATURE_ORPHAN_UID | IU_FEATURE_WHOLE_OWN_RANGE);
	/* the same with what a distribution took over */
	p = PROBE(all, "inet_bind_bucket bhash2", "inet_bind2_bucket", "inet_timewait_sock tw_connect_bind", "netns_ipv4", "inet_csk_get_port()",
		  "inet_sk_get_local_port_range()");
	assert_int_equal(p.present, IU_FEATURE_BHASH2 | IU_FEATURE_OWNERS_BY_ADDR | IU_FEATURE_CONNECT_BIND | IU_FEATURE_ORPHAN_UID |
				 IU_FEATURE_WHOLE_OWN_RANGE);
	/* a function that has no type may be there all the same */
	p = PROBE(all, "tcp_check_req()");
	assert_int_equal(p.which, 0);
	p = PROBE(all, "tcp_check_req()", "tcp_reqsk_send_challenge_ack void()");
	assert_int_equal(p.which & p.present, IU_FEATURE_HALF_OPEN_RESET);
	/* only what is asked about */
	p = PROBE(IU_FEATURE_TW_DELAY, "inet_bind_bucket bhash2", "netns_ipv4 sysctl_tcp_tw_reuse_delay");
	assert_int_equal(p.which, IU_FEATURE_TW_DELAY);
	assert_int_equal(p.present, IU_FEATURE_TW_DELAY);
}

static void test_features_probe__types_that_lack_all_of_it__nothing_is_told(void **state)
{
	struct iu_probed p = PROBE(UINT32_MAX, "task_struct pid", "schedule()");

	assert_int_equal(p.which, 0);
	assert_int_equal(p.present, 0);
}

static void test_features_probe__file_absent_or_of_another_kind__refused_in_silence(void **state)
{
	struct inuse_error error = {0};
	struct iu_probed p = {1, 1};

	assert_int_equal(iu_features_probe("/nonexistent/types", UINT32_MAX, &p, &error), INUSE_E_UNSUPPORTED);
	assert_int_equal(p.which, 0);
	assert_string_equal(error.text, "this kernel carries no type information (BTF)");
	assert_int_equal(iu_features_probe("/proc/self/status", UINT32_MAX, &p, &error), INUSE_E_UNSUPPORTED);
}
#endif

/* ---------------------------------------------------------------------------------------- the kernel's names */

static struct iu_probed names(const char *text, uint32_t wanted)
{
	struct iu_probed found = {1, 1};
	char path[] = "/tmp/inuse-names-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	iu_features_probe_names(path, wanted, &found);
	unlink(path);
	return found;
}

static void test_features_probe_names__each_kernel__what_it_has(void **state)
{
	static const char lacks[] = "ffffffff81000000 T tcp_check_req\n0000000000000000 t tcp_reqsk_send_challenge_acks\n";
	static const char has[] = "ffffffff81000000 T tcp_check_req\nffffffff81000010 t tcp_reqsk_send_challenge_ack.isra.0\t[tcp]\n";
	struct iu_probed p = names(lacks, UINT32_MAX);

	assert_int_equal(p.which, IU_FEATURE_HALF_OPEN_RESET);
	assert_int_equal(p.present, 0);
	p = names(has, UINT32_MAX);
	assert_int_equal(p.which, IU_FEATURE_HALF_OPEN_RESET);
	assert_int_equal(p.present, IU_FEATURE_HALF_OPEN_RESET);
	p = names(has, IU_FEATURE_TW_DELAY);
	assert_int_equal(p.which | p.present, 0);
	/* names that are none of a kernel's, or cut off */
	p = names("ffffffff81000010 t tcp_reqsk_send_challenge_ack\nfff", UINT32_MAX);
	assert_int_equal(p.which | p.present, 0);
	iu_features_probe_names("/nonexistent/names", UINT32_MAX, &p);
	assert_int_equal(p.which | p.present, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features_that_matter__each_situation__those_that_change_the_answer),
		cmocka_unit_test(test_features_take__found_out__instead_of_assumed),
		cmocka_unit_test(test_features_probe_names__each_kernel__what_it_has),
#if INUSE_HAVE_BPF
		cmocka_unit_test(test_features_probe__types_of_a_kernel__what_it_has),
		cmocka_unit_test(test_features_probe__types_that_lack_all_of_it__nothing_is_told),
		cmocka_unit_test(test_features_probe__file_absent_or_of_another_kind__refused_in_silence),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
