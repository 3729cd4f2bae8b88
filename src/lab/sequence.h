/* SPDX-License-Identifier: MIT */
/*
 * What came of a run (play.h) as a sequence diagram: which ends there were, what each packet is called, what the states became.
 *
 * Theory of operation
 *
 * An end is a local address and port. A v4-mapped address and the IPv4 address that it stands for are one; a wildcard belongs
 * to the first end with its port, where there is one, and is then named beside the state. Ends stand in the order in which they
 * first have a socket. Shown are the kernel's sockets where it played, the model's otherwise.
 */
#ifndef IU_LAB_SEQUENCE_H
#define IU_LAB_SEQUENCE_H

#include <jansson.h>

#include "lab/diagram.h"

struct iu_sequence {
	struct iu_diagram diagram;
	size_t n_packets;                /* that were captured */
	bool captured;                   /* it could be seen whether there were any */
	char **texts;                    /* private: what the diagram borrows and is not the run's */
	size_t n_texts, cap_texts;
	struct iu_diagram_end ends[IU_DIAGRAM_ENDS];
	struct iu_diagram_step *steps;
	bool failed;                     /* memory ran out: it is incomplete */
};

/* Borrows the run's strings until iu_sequence_done(). */
void iu_sequence_read(struct iu_sequence *ret, const json_t *run);
void iu_sequence_done(struct iu_sequence *sequence);

/* What a step came to: the kernel's answer where it played, else the model's; a borrowed string, "" when there is none. */
const char *iu_step_outcome(const json_t *step);
/* The sockets after it: the kernel's where they differ from the model's. */
const json_t *iu_step_sockets(const json_t *step);
enum iu_tone iu_step_tone(const json_t *step);
/* A packet's flags: "SYN+ACK". Returns buf. */
char *iu_packet_flags(const json_t *packet, bool push, char *buf, size_t size);

#endif
