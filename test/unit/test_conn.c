/* SPDX-License-Identifier: MIT */
/* Connections of serve, without a server: who is read from, and how much of him. */
#include "support/check.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"

enum { CLIENTS = 3, MOST = 65536 };

struct turn {
	size_t bytes[CLIENTS]; /* of each client, since it was last looked */
	unsigned ended;
};

/* What client n sends are bytes of that number. */
static void on_received(void *arg, const char *data, size_t len)
{
	struct turn *turn = arg;

	turn->bytes[(size_t)data[0]] += len;
}

static void on_ended(void *arg, const struct iu_net_ending *ending)
{
	((struct turn *)arg)->ended++;
}

/* The end of a client that has sent as much as goes in; *ret_server is ours. */
static int eager_client(char n, size_t *ret_sent, int *ret_server)
{
	static char rubbish[MOST];
	int fds[2];
	ssize_t sent;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	memset(rubbish, n, sizeof(rubbish));
	for (*ret_sent = 0; (sent = send(fds[0], rubbish, sizeof(rubbish), MSG_NOSIGNAL)) > 0;)
		*ret_sent += (size_t)sent;
	*ret_server = fds[1];
	return fds[0];
}

static void test_sends_without_end__one_buffer_in_a_turn(void **state)
{
	struct turn turn = {0};
	struct iu_conns set = {.job = IU_JOB_DRAIN, .close = IU_CLOSE_AFTER_PEER, .linger_s = -1, .received = on_received,
			       .ended = on_ended, .arg = &turn};
	const struct inuse_addr peer = {0};
	size_t sent[CLIENTS], left = 0;
	int clients[CLIENTS], server;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(iu_conns_init(&set, &loop, NULL), INUSE_OK);
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i] = eager_client((char)i, &sent[i], &server);
		assert_true(sent[i] > 2 * MOST);
		left += sent[i];
		iu_conns_take(&set, server, &peer, false);
	}
	while (left > 0) {
		uv_run(&loop, UV_RUN_ONCE);
		for (size_t i = 0; i < CLIENTS; i++) {
			assert_true(turn.bytes[i] <= MOST);
			left -= turn.bytes[i];
			turn.bytes[i] = 0;
		}
	}
	for (size_t i = 0; i < CLIENTS; i++)
		close(clients[i]);
	while (turn.ended < CLIENTS)
		uv_run(&loop, UV_RUN_ONCE);
	iu_conns_close(&set);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	iu_conns_done(&set);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sends_without_end__one_buffer_in_a_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
