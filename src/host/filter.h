/* SPDX-License-Identifier: MIT */
/*
 * Filters of `inuse ls`: words that choose sockets. Pure: no lookup but those that the caller lends, no allocation.
 *
 *	:80  80  :80,443  :8000-8099        the local port: who holds it
 *	ADDR  ADDR/LEN  ADDR:PORT           either end; [::1]:80 for IPv6 with a port
 *	local ...  remote ...               one of the above, of that end only
 *	state time-wait  state listen,established
 *	pid N  user NAME  user UID
 *	not ...                             anything but what follows
 *
 * All must hold. Addresses are compared as they are: 127.0.0.1 does not find a socket on 0.0.0.0. IPv4 and its
 * v4-mapped form are the same.
 */
#ifndef IU_HOST_FILTER_H
#define IU_HOST_FILTER_H

#include "model/facts.h"

#define IU_FILTER_TERMS 32
#define IU_FILTER_RANGES 8

enum iu_filter_kind { IU_FILTER_END, IU_FILTER_STATE, IU_FILTER_PID, IU_FILTER_USER };
enum iu_filter_end { IU_FILTER_LOCAL = 1, IU_FILTER_REMOTE = 2 };

struct iu_filter_term {
	enum iu_filter_kind kind;
	bool negated;
	unsigned ends;          /* END: enum iu_filter_end; both bits: either */
	struct inuse_addr addr; /* END: family 0 any */
	unsigned prefix_len;
	struct iu_range ports[IU_FILTER_RANGES];
	size_t n_ports;         /* END: 0 any */
	uint32_t states;        /* STATE: bit per enum inuse_state */
	uint32_t id;            /* PID, USER: the number */
	bool id_known;
	char name[64];          /* USER: the name, or "" */
};

struct iu_filter {
	struct iu_filter_term terms[IU_FILTER_TERMS];
	size_t n;
};

/* What names stand for on the machine that is looked at; a NULL function: it cannot be known (a saved snapshot). */
struct iu_filter_names {
	bool (*user)(const char *name, uint32_t *ret_uid);
	bool (*service)(const char *name, uint16_t *ret_port);
};

/* Understands the words; each may hold several, separated by blanks. INUSE_E_INPUT names the word that is wrong. */
enum inuse_status iu_filter_parse(const char *const *words, size_t n, const struct iu_filter_names *names,
				  struct iu_filter *ret_filter, struct inuse_error *error);
/* facts: for the owners, may be NULL: then no owner is known. */
bool iu_filter_match(const struct iu_filter *filter, const struct inuse_socket *socket, const struct iu_facts *facts);
/* The same before the owners are known: what pid and user ask is taken for true. */
bool iu_filter_may_match(const struct iu_filter *filter, const struct inuse_socket *socket);
/* It asks for nothing but local ports. */
bool iu_filter_is_ports(const struct iu_filter *filter);
/* It cannot be decided without owners. */
bool iu_filter_needs_owners(const struct iu_filter *filter);
/* The local ports outside of which nothing can match, at most max; 0: there is no such list, or it is longer. */
size_t iu_filter_ports(const struct iu_filter *filter, uint16_t *ret_ports, size_t max);

#endif
