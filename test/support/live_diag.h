/* SPDX-License-Identifier: MIT */
/*
 * sock_diag spoken by hand, so that nothing of the program is between what the kernel shows and a live test that looks at it.
 */
#ifndef TEST_SUPPORT_LIVE_DIAG_H
#define TEST_SUPPORT_LIVE_DIAG_H

#include <linux/inet_diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIAG_ORDINARY 0xfffu        /* all states that every kernel has: TCP_ESTABLISHED 1 to TCP_NEW_SYN_RECV, as bits */
#define DIAG_BOUND_INACTIVE (1u << 13) /* linux 6.8 include/net/tcp_states.h TCP_BOUND_INACTIVE */
#define DIAG_MAX_ROWS 64

struct diag_row {
	struct inet_diag_msg m;
	bool v6only, sockopt;        /* attributes that are there */
	uint8_t sockopt_bytes[8];
};

struct diag_table {
	struct diag_row rows[DIAG_MAX_ROWS];
	size_t n;
	bool interrupted;
};

/* A dump of that family. header_port, code_port: asked for in the request, or by a program for the kernel's filter; 0 neither. */
struct diag_table diag_dump(int family, uint32_t states, uint16_t header_port, uint16_t code_port);
/* How many rows have that local port, and that state, as sock_diag numbers states; 0: any. */
unsigned diag_count(const struct diag_table *t, uint16_t port, uint8_t state);
/* How many IPv4 sockets on that port an ordinary dump shows. */
unsigned diag_ordinary(uint16_t port);
/* The only socket of 127.0.0.0/8 with that local port and state. */
struct diag_row diag_only(uint16_t port, uint8_t state);
/* SOCK_DESTROY of that socket; 0, or the errno. cookie_off: by how much its cookie is told wrong. */
int diag_destroy(const struct diag_row *row, uint32_t cookie_off);
/* Skips on kernels before that (IU_KERNEL()): some tables and what they tell are younger than sock_diag. */
void diag_need_kernel(uint32_t version);

#endif
