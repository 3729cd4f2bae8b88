/* SPDX-License-Identifier: MIT */
/*
 * The supervisor's side of `inuse restart`.
 *
 * Theory of operation
 *
 * Whoever has the network namespace can connect; who it is the kernel says (SO_PEERCRED), and only the user of inuse and root
 * are answered. A message is one JSON object, read into a buffer that does not grow. Nothing that a client does makes
 * the loop wait: what cannot be sent at once is not sent, and who does not read is let go.
 */
#include "supervise/control.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/address.h"
#include "base/gettext.h"
#include "base/text.h"
#include "supervise/generation.h"
#include "supervise/hold.h"

#define CLIENTS_MAX 32
#define HOLDS_MAX 32

struct iu_control_client {
	struct iu_control_client *next;
	struct iu_supervisor *s;
	int fd;
	uv_poll_t poll;
	unsigned turn; /* whose end it waits for, or a later one's; 0: it does not */
};

static void on_closed(uv_handle_t *handle)
{
	struct iu_control_client *c = handle->data;

	close(c->fd);
	free(c);
}

static void dismiss(struct iu_control_client *c)
{
	for (struct iu_control_client **at = &c->s->clients; *at != NULL; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			c->s->n_clients--;
			uv_close((uv_handle_t *)&c->poll, on_closed);
			return;
		}
}

static void reply(const struct iu_control_client *c, json_t *object_own)
{
	char *text = object_own ? json_dumps(object_own, JSON_COMPACT) : NULL;

	if (text != NULL)
		send(c->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	free(text);
	json_decref(object_own);
}

/* What is held at that port, and address if one is asked for. */
static json_t *find(const struct iu_supervisor *s, const json_t *request)
{
	const char *text = json_string_value(json_object_get(request, "address"));
	json_int_t port = json_integer_value(json_object_get(request, "port"));
	json_t *list = json_array();
	struct inuse_error error;
	struct inuse_addr wanted;
	char buf[INUSE_ADDR_TEXT];

	if (text != NULL && inuse_addr_parse(text, &wanted, &error) < 0)
		port = -1;
	for (const struct iu_held *h = s->held; h != NULL && json_array_size(list) < HOLDS_MAX; h = h->next)
		if (h->local.port == port && (text == NULL || iu_addr_is_any(&h->local) || iu_addr_same(&h->local, &wanted)))
			json_array_append_new(list, json_string(inuse_addr_text(&h->local, buf)));
	return json_pack("{s:o}", "holds", list);
}

static void serve(struct iu_control_client *c, const json_t *request)
{
	const char *what = json_string_value(json_object_get(request, "do"));

	if (what != NULL && strcmp(what, "find") == 0) {
		reply(c, find(c->s, request));
	} else if (what != NULL && strcmp(what, "restart") == 0) {
		iu_generation_restart(c->s, "asked");
		/* one that began before it asked may have read what was there before */
		c->turn = c->s->turn.number + c->s->turn.again;
	} else {
		reply(c, json_pack("{s:s}", "error", "unknown"));
	}
}

static void on_message(uv_poll_t *poll, int status, int events)
{
	struct iu_control_client *c = poll->data;
	char message[IU_CONTROL_MESSAGE_MAX];
	ssize_t n = recv(c->fd, message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
	json_t *request;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || (size_t)n > sizeof(message)) {
		dismiss(c);
		return;
	}
	request = json_loadb(message, (size_t)n, 0, NULL);
	serve(c, request);
	json_decref(request);
}

static bool is_permitted(int fd)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct iu_supervisor *s = poll->data;
	int fd = accept4(s->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct iu_control_client *c = fd >= 0 ? calloc(1, sizeof(*c)) : NULL;

	if (c == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	c->s = s;
	c->fd = fd;
	if (!is_permitted(fd))
		reply(c, json_pack("{s:s}", "error", "forbidden"));
	if (!is_permitted(fd) || s->n_clients >= CLIENTS_MAX || uv_poll_init(&s->loop, &c->poll, fd) != 0) {
		close(fd);
		free(c);
		return;
	}
	c->poll.data = c;
	c->next = s->clients;
	s->clients = c;
	s->n_clients++;
	uv_poll_start(&c->poll, UV_READABLE | UV_DISCONNECT, on_message);
}

void iu_control_begin(struct iu_supervisor *s)
{
	struct sockaddr_un address;
	socklen_t len = iu_control_address(getpid(), &address);
	int fd;

	s->control_fd = -1;
	if (!iu_generation_may_follow(s))
		return;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, CLIENTS_MAX) != 0 ||
	    uv_poll_init(&s->loop, &s->control_poll, fd) != 0) {
		iu_voice_say(&s->voice, _("inuse restart will not find this one (%s); SIGUSR2 to process %d does the same"), strerror(errno),
			     getpid());
		if (fd >= 0)
			close(fd);
		return;
	}
	s->control_fd = fd;
	s->control_poll.data = s;
	uv_poll_start(&s->control_poll, UV_READABLE, on_connection);
}

void iu_control_report(struct iu_supervisor *s, const struct iu_generation *g, const char *why)
{
	char program[128];

	iu_escape(s->o->argv[0], program, sizeof(program));
	for (struct iu_control_client *c = s->clients; c != NULL; c = c->next) {
		json_t *answer;

		if (c->turn == 0 || c->turn > s->turn.number)
			continue;
		c->turn = 0;
		answer = json_pack("{s:b, s:s, s:i}", "restarted", g != NULL, "program", program, "waited_ms",
				   (int)(g != NULL && g->ready ? s->turn.waited_ms : uv_now(&s->loop) - s->turn.began_ms));
		if (answer != NULL && g != NULL) {
			json_object_set_new(answer, "pid", json_integer(g->pid));
			json_object_set_new(answer, "generation", json_integer(g->number));
			json_object_set_new(answer, "sockets", json_integer((json_int_t)iu_hold_listened_count(s)));
		} else if (answer != NULL) {
			json_object_set_new(answer, "why", json_string(why));
		}
		reply(c, answer);
	}
}
