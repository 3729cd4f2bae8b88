/* SPDX-License-Identifier: MIT */
/*
 * Whole exchanges over netlink with a kernel that lies, or whose answer is cut: addresses, routes, TCP, UDP and unix sockets.
 *
 * The linker puts functions of ours in front of libmnl's: what is sent goes nowhere, and what is received is the input. Its
 * first byte chooses the question, then come datagrams, each behind its length in two bytes, the lower one first. Where
 * the input is at its end, so is the connection. Messages with sequence number 0 answer every question.
 */
#include <errno.h>
#include <libmnl/libmnl.h>

#include "fuzz/input.h"
#include "host/sources.h"
#include "host/unix_socket.h"

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *buffer, size_t size);

static const uint8_t *input, *input_end;

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *buffer, size_t size)
{
	return (ssize_t)size;
}

/* What lies behind the datagram is nobody's. */
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	size_t left = (size_t)(input_end - input), len;

	ASAN_UNPOISON_MEMORY_REGION(buffer, size);
	if (left < 2) {
		errno = ENOBUFS;
		return -1;
	}
	len = input[0] | (size_t)input[1] << 8;
	input += 2;
	left -= 2;
	len = len < left ? len : left;
	len = len < size ? len : size;
	memcpy(buffer, input, len);
	input += len;
	ASAN_POISON_MEMORY_REGION((char *)buffer + len, size - len);
	return (ssize_t)len;
}

static bool check_socket(void *arg, const struct inuse_socket *s)
{
	MUST(s->family == 4 || s->family == 6);
	MUST((unsigned)s->state < INUSE_N_STATES);
	return true;
}

static bool check_unix(void *arg, const struct iu_unix_socket *s)
{
	size_t *sum = arg;

	for (size_t i = 0; s->name != NULL && i < s->name_len; i++)
		*sum += (unsigned char)s->name[i];
	return true;
}

static void read_surroundings(bool routes)
{
	static const struct inuse_addr to[] = {{.family = 4, .ip = {192, 0, 2, 1}, .port = 80},
					       {.family = 6, .ip = {0x20, 0x01, 0x0d, 0xb8}, .port = 80}};
	struct iu_scope scope = {.routes = to, .n_routes = 2};
	struct inuse_snapshot *s = iu_snapshot_new();
	const struct iu_facts *facts;

	MUST(s != NULL);
	if (routes)
		iu_routes_read(s, &scope, NULL);
	else
		iu_locals_read(s, NULL);
	MUST(iu_snapshot_seal(s, NULL) == INUSE_OK);
	facts = iu_snapshot_facts(s);
	for (size_t i = 0; i < facts->n_devices; i++)
		MUST(strlen(facts->devices[i].name) < 65536);
	for (size_t i = 0; i < facts->n_locals; i++)
		MUST(facts->locals[i].addr.family == 4 || facts->locals[i].addr.family == 6);
	iu_snapshot_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t port = 80;
	struct iu_scope scope = {.bound = true};
	uint32_t unseen;
	size_t sum = 0;

	if (size < 1)
		return 0;
	input = data + 1;
	input_end = data + size;
	switch (data[0] % 6) {
	case 0:
	case 1:
		read_surroundings(data[0] % 6);
		break;
	case 2:
		iu_diag_each(&scope, INUSE_PROTO_TCP, check_socket, NULL, &unseen, NULL);
		break;
	case 3:
		scope = (struct iu_scope){.ports = &port, .n_ports = 1};
		iu_diag_each(&scope, INUSE_PROTO_TCP, check_socket, NULL, &unseen, NULL);
		break;
	case 4:
		iu_diag_each(&scope, INUSE_PROTO_UDP, check_socket, NULL, &unseen, NULL);
		break;
	default:
		iu_unix_diag_each(check_unix, &sum, NULL);
		break;
	}
	return 0;
}
