/* SPDX-License-Identifier: MIT */
/* Which of some names a misspelt word is nearest to. */
#ifndef IU_BASE_NEAR_H
#define IU_BASE_NEAR_H

#include <stdbool.h>
#include <stddef.h>

#define IU_NEAR_MAX 8
#define IU_NEAR_WORD 80 /* longer words are nobody's */

/* Borrows the names, and the room for them. */
struct iu_near {
	const char *word;
	const char **names; /* those that look like it, nearest first */
	size_t distances[IU_NEAR_MAX];
	size_t n, max;
};

/* Upper and lower case are one, and so are '-', '_' and blanks. */
static inline char iu_near_folded(char c)
{
	return c == '_' || c == ' ' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* The same words, folded. */
bool iu_near_same(const char *a, const char *b);
/* names: room for max of them, at most IU_NEAR_MAX. */
void iu_near_begin(struct iu_near *near, const char *word, const char **names, size_t max);
/* Keeps the nearest, the earlier first where two are as near; what is too far away is nothing. */
void iu_near_consider(struct iu_near *near, const char *name);

#endif
