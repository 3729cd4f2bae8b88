/* SPDX-License-Identifier: MIT */
/* What stands in the way is removed, and nothing else. */
#include <fcntl.h>

#include "cure/evict.h"
#include "host/host.h"
#include "support/live.h"

#define WITHOUT_BPF (1u << IU_SOURCE_BUCKET | 1u << IU_SOURCE_ITER)

static struct inuse_addr addr(const char *text)
{
	struct inuse_target t;

	assert_int_equal(inuse_target_parse(text, &t, NULL), INUSE_OK);
	return t.addr;
}

static struct inuse_request request(enum inuse_call call, const char *local, const char *remote, uint32_t flags)
{
	struct inuse_request r = INUSE_REQUEST_INIT;

	r.call = call;
	r.flags = flags;
	r.local = addr(local);
	if (remote != NULL)
		r.remote = addr(remote);
	return r;
}

/* A plan for bind and listen with SO_REUSEADDR. */
static struct iu_evict_plan plan_for(const char *local, bool living, unsigned without)
{
	struct inuse_request r = request(INUSE_CALL_LISTEN, local, NULL, INUSE_REUSEADDR);
	struct iu_evict_plan plan;

	assert_int_equal(iu_evict_plan(&r, 1, NULL, living, without, &plan, NULL), INUSE_OK);
	return plan;
}

/* Carries it out; how many were removed. */
static uint64_t apply(struct iu_evict_plan *plan, uint64_t *ret_gone)
{
	struct iu_evict_done done;
	struct inuse_error error = {0};

	assert_int_equal(iu_evict_apply(plan, NULL, NULL, &done, &error), INUSE_OK);
	assert_int_equal(done.n_refused, 0);
	assert_int_equal(done.n_removed + done.n_gone, plan->n);
	if (ret_gone != NULL)
		*ret_gone = done.n_gone;
	iu_evict_plan_done(plan);
	return done.n_removed;
}

/*
 * Before Linux 6.18 what a server accepted looks, without its listener, like what a client dialled, which is never removed:
 * there the plan has to leave it alone.
 */
static bool takes_it_for_a_client(struct iu_evict_plan *plan)
{
	if (plan->n_of_kind[IU_KIND_UNSURE] == 0 || !live_kernel_before(6, 18))
		return false;
	assert_int_equal(plan->n, 0);
	iu_evict_plan_done(plan);
	return true;
}

static void test_evict__time_wait_in_the_way__removed(void **state)
{
	static const struct {
		const char *addr, *request;
		unsigned without;
	} rows[] = {
		{"127.0.0.1:8080", "0.0.0.0:8080", 0},
		{"127.0.0.1:8081", "127.0.0.1:8081", WITHOUT_BPF},
		{"[::1]:8082", "[::]:8082", 0},
		{"[::1]:8083", "[::1]:8083", WITHOUT_BPF},
		{"[::ffff:127.0.0.1]:8084", "0.0.0.0:8084", 0},
		{"[::ffff:127.0.0.1]:8085", "[::]:8085", WITHOUT_BPF},
	};

	live_need_root();
	live_need_ipv6();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct iu_evict_plan plan;

		live_time_wait(rows[i].addr, 0, NULL);
		assert_int_equal(live_try_listen(rows[i].request, LIVE_REUSEADDR), EADDRINUSE);
		plan = plan_for(rows[i].request, false, rows[i].without);
		assert_int_equal(plan.n_of_kind[IU_KIND_REMAINS], 1);
		assert_int_equal(apply(&plan, NULL), 1);
		assert_int_equal(live_try_listen(rows[i].request, LIVE_REUSEADDR), 0);
	}
}

static void test_evict__not_in_the_way__left_alone(void **state)
{
	struct iu_evict_plan plan;

	live_need_root();
	live_time_wait("127.0.0.1:8080", LIVE_REUSEADDR, NULL); /* tolerated */
	live_time_wait("127.0.0.2:8080", 0, NULL); /* another address */
	live_time_wait("127.0.0.1:8081", 0, NULL); /* another port */
	plan = plan_for("127.0.0.1:8080", true, 0);
	assert_int_equal(plan.n, 0);
	assert_int_equal(apply(&plan, NULL), 0);
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 2);
	assert_int_equal(live_count(8081, 0, INUSE_TIME_WAIT), 1);
}

static void test_evict__fin_wait2_remains__removed(void **state)
{
	struct iu_evict_plan plan;

	live_need_root();
	live_fin_wait2("127.0.0.1:8080", 0);
	plan = plan_for("0.0.0.0:8080", false, 0);
	assert_int_equal(plan.n_of_kind[IU_KIND_REMAINS], 1);
	assert_int_equal(apply(&plan, NULL), 1);
	assert_int_equal(live_try_listen("0.0.0.0:8080", 0), 0);
}

/* The server closes while its peer reads nothing: the kernel keeps what was not taken. */
static void make_orphan(const char *text)
{
	struct live_connection c = live_connection(text, 0, NULL, 0);
	static char block[65536];

	fcntl(c.server, F_SETFL, O_NONBLOCK);
	while (write(c.server, block, sizeof(block)) > 0)
		;
	live_close(c.listener);
	live_close(c.server);
	live_wait(c.server_port, c.client_port, INUSE_FIN_WAIT1);
}

static void test_evict__orphan__removed(void **state)
{
	struct iu_evict_plan plan;

	live_need_root();
	make_orphan("127.0.0.1:8080");
	plan = plan_for("0.0.0.0:8080", false, 0);
	if (takes_it_for_a_client(&plan))
		return;
	assert_int_equal(plan.n_of_kind[IU_KIND_ORPHAN], 1);
	assert_int_equal(apply(&plan, NULL), 1);
	assert_int_equal(live_try_listen("0.0.0.0:8080", 0), 0);
	/* whose it was is not to be seen without BPF, and no listener tells: left alone */
	make_orphan("127.0.0.1:8081");
	plan = plan_for("0.0.0.0:8081", false, WITHOUT_BPF);
	assert_int_equal(plan.n_of_kind[IU_KIND_UNSURE], 1);
	assert_int_equal(plan.n, 0);
	iu_evict_plan_done(&plan);
}

static void test_evict__living_connection__only_when_told(void **state)
{
	struct live_connection c = live_connection("127.0.0.1:8080", 0, NULL, 0);
	struct iu_evict_plan plan;

	live_need_root();
	/* beside its listener the connection is the server's, whatever source looks */
	plan = plan_for("0.0.0.0:8080", false, WITHOUT_BPF);
	assert_int_equal(plan.n_of_kind[IU_KIND_CONNECTION], 1);
	assert_int_equal(plan.n_of_kind[IU_KIND_HOLDER], 1);
	assert_int_equal(plan.n, 0);
	iu_evict_plan_done(&plan);
	live_close(c.listener);
	plan = plan_for("0.0.0.0:8080", false, 0);
	if (takes_it_for_a_client(&plan))
		return;
	assert_int_equal(plan.n_of_kind[IU_KIND_CONNECTION], 1);
	assert_int_equal(plan.n, 0);
	iu_evict_plan_done(&plan);
	plan = plan_for("0.0.0.0:8080", true, 0);
	assert_int_equal(apply(&plan, NULL), 1);
	assert_int_equal(live_try_listen("0.0.0.0:8080", 0), 0);
	assert_int_equal(live_count(c.client_port, c.server_port, INUSE_STATE_UNKNOWN), 0); /* reset */
}

static void test_evict__client_that_got_the_port_from_the_kernel__never(void **state)
{
	static const unsigned without[] = {0, WITHOUT_BPF};
	int client;

	live_need_root();
	live_listener("127.0.0.1:9000", 0);
	live_sysctl("net.ipv4.ip_local_port_range", "8080 8080");
	client = live_dial("127.0.0.1:9000", NULL, 0);
	assert_int_equal(live_port(client), 8080);
	for (size_t i = 0; i < 2; i++) {
		struct iu_evict_plan plan = plan_for("0.0.0.0:8080", true, without[i]);

		assert_int_equal(plan.n_of_kind[i == 0 ? IU_KIND_CLIENT : IU_KIND_UNSURE], 1);
		assert_int_equal(plan.n, 0);
		iu_evict_plan_done(&plan);
	}
}

static void test_evict__taken_over_since_the_plan__left_alone(void **state)
{
	struct live_connection c = live_connection("127.0.0.1:8080", 0, "127.0.0.1:23456", LIVE_REUSEADDR);
	struct inuse_request r = request(INUSE_CALL_BIND, "127.0.0.1:23456", NULL, 0);
	struct iu_evict_plan plan;
	uint64_t gone;
	int client;

	live_need_root();
	live_end(&c, LIVE_CLIENT_FIRST);
	assert_int_equal(iu_evict_plan(&r, 1, NULL, true, 0, &plan, NULL), INUSE_OK);
	assert_int_equal(plan.n, 1);
	/* the TIME-WAIT becomes a new connection of the same four numbers */
	client = live_dial("127.0.0.1:8080", "127.0.0.1:23456", LIVE_REUSEADDR);
	assert_int_equal(live_count(23456, 8080, INUSE_ESTABLISHED), 1);
	assert_int_equal(apply(&plan, &gone), 0);
	assert_int_equal(gone, 1);
	assert_int_equal(live_count(23456, 8080, INUSE_ESTABLISHED), 1);
	live_close(client);
}

static void test_evict__fixed_port_client__its_four_numbers_only(void **state)
{
	struct inuse_request r = request(INUSE_CALL_CONNECT, "127.0.0.1:23456", "127.0.0.1:8080", INUSE_REUSEADDR);
	struct live_connection c, other;
	struct iu_evict_plan plan;

	live_need_root();
	live_sysctl("net.ipv4.tcp_timestamps", "0");
	c = live_connection("127.0.0.1:8080", LIVE_REUSEADDR, "127.0.0.1:23456", LIVE_REUSEADDR);
	other = live_connection("127.0.0.1:8081", LIVE_REUSEADDR, "127.0.0.1:23456", LIVE_REUSEADDR);
	live_end(&c, LIVE_CLIENT_FIRST);
	live_end(&other, LIVE_CLIENT_FIRST);
	assert_int_equal(live_try_connect("127.0.0.1:8080", "127.0.0.1:23456", LIVE_REUSEADDR), EADDRNOTAVAIL);
	assert_int_equal(iu_evict_plan(&r, 1, NULL, false, 0, &plan, NULL), INUSE_OK);
	assert_int_equal(plan.n, 1);
	assert_int_equal(apply(&plan, NULL), 1);
	assert_int_equal(live_count(23456, 8081, INUSE_TIME_WAIT), 1);
	assert_int_equal(live_try_connect("127.0.0.1:8080", "127.0.0.1:23456", LIVE_REUSEADDR), 0);
}

static void test_evict__ordinary_user__one_sentence(void **state)
{
	pid_t child;

	live_need_root();
	live_time_wait("127.0.0.1:8080", 0, NULL);
	child = LIVE_CHILD_AS(LIVE_NOBODY, {
		struct inuse_error error = {0};
		struct iu_evict_plan plan = plan_for("0.0.0.0:8080", false, 0);
		struct iu_evict_done done;
		long good = iu_evict_permitted(&error) == INUSE_E_PERMISSION && error.text[0] != 0;

		good += plan.n == 1 ? 10 : 0;
		good += iu_evict_apply(&plan, NULL, NULL, &done, NULL) == INUSE_E_PERMISSION ? 100 : 0;
		good += done.n_refused == 1 ? 1000 : 0;
		live_tell(good);
		iu_evict_plan_done(&plan);
	});
	assert_int_equal(live_heard(child), 1111);
	assert_int_equal(live_count(8080, 0, INUSE_TIME_WAIT), 1);
	assert_int_equal(iu_evict_permitted(NULL), INUSE_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_evict__time_wait_in_the_way__removed),
		live_test(test_evict__not_in_the_way__left_alone),
		live_test(test_evict__fin_wait2_remains__removed),
		live_test(test_evict__orphan__removed),
		live_test(test_evict__living_connection__only_when_told),
		live_test(test_evict__client_that_got_the_port_from_the_kernel__never),
		live_test(test_evict__taken_over_since_the_plan__left_alone),
		live_test(test_evict__fixed_port_client__its_four_numbers_only),
		live_test(test_evict__ordinary_user__one_sentence),
	};

	return LIVE_RUN("evict", tests);
}
