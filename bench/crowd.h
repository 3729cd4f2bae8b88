/* SPDX-License-Identifier: MIT */
/*
 * A crowd to measure in: sockets in TIME-WAIT by the million, and processes with many descriptors.
 *
 * All functions end the program with a sentence when something cannot be made: a measurement without its crowd is none.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes a network namespace with lo up and room for two million sockets in TIME-WAIT; a descriptor of it. The caller stays outside. */
int crowd_place(void);
/* Moves the calling thread there. */
void crowd_enter(int place);

/* Sockets in TIME-WAIT in the calling thread's namespace. */
size_t crowd_count(void);
/*
 * Brings their number up to n: connections from 2,000 addresses to `n_ports` ports of 127.0.0.1 and 127.0.0.2 from first_port on,
 * which this side closes first. With two threads some 130,000 a second. They last for 60 s, so that whoever needs more than
 * 30 s to make them has as many as then are there.
 */
void crowd_fill(size_t n, uint16_t first_port, unsigned n_ports);

/* n processes that each hold `descriptors` descriptors of /dev/null, until crowd_dismiss(). */
void crowd_summon(pid_t *pids, unsigned n, unsigned descriptors);
void crowd_dismiss(pid_t *pids, unsigned n);
/* A process that listens on the port on [::], IPv4 included, in the calling thread's namespace. */
pid_t crowd_listener(uint16_t port);

#endif
