/* SPDX-License-Identifier: MIT */
/* inuse lab --fuzz. */
#ifndef IU_CLI_LAB_FUZZ_H
#define IU_CLI_LAB_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

struct iu_lab_fuzz {
	uint64_t calls, seed;
	bool seeded; /* else a seed is taken, and told */
	bool json, verbose;
};

/* Plays and tells. An exit status. */
int iu_lab_fuzz(const struct iu_lab_fuzz *what);

#endif
