/* SPDX-License-Identifier: MIT */
/* Which of some names a misspelt word is nearest to. */
#include "base/near.h"

#include <string.h>

bool iu_near_same(const char *a, const char *b)
{
	while (*a != 0 && iu_near_folded(*a) == iu_near_folded(*b)) {
		a++;
		b++;
	}
	return *a == 0 && *b == 0;
}

/* Letters to change, drop, add or swap with their neighbour until `word` begins `name`. word is at most IU_NEAR_WORD long. */
static size_t distance(const char *name, const char *word)
{
	size_t row[IU_NEAR_WORD + 1], before[IU_NEAR_WORD + 1] = {0}, two_before[IU_NEAR_WORD + 1], len = strlen(word), least;

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	least = row[len];
	for (size_t i = 1; name[i - 1] != 0; i++) {
		memcpy(two_before, before, (len + 1) * sizeof(row[0]));
		memcpy(before, row, (len + 1) * sizeof(row[0]));
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			bool swapped = i > 1 && j > 1 && iu_near_folded(name[i - 1]) == iu_near_folded(word[j - 2]) &&
				       iu_near_folded(name[i - 2]) == iu_near_folded(word[j - 1]);
			size_t change = before[j - 1] + (iu_near_folded(name[i - 1]) != iu_near_folded(word[j - 1]));

			row[j] = before[j] + 1 < row[j - 1] + 1 ? before[j] + 1 : row[j - 1] + 1;
			row[j] = change < row[j] ? change : row[j];
			row[j] = swapped && two_before[j - 2] + 1 < row[j] ? two_before[j - 2] + 1 : row[j];
		}
		least = row[len] < least ? row[len] : least;
	}
	return least;
}

void iu_near_begin(struct iu_near *near, const char *word, const char **names, size_t max)
{
	*near = (struct iu_near){.word = word, .names = names, .max = max < IU_NEAR_MAX ? max : IU_NEAR_MAX};
	if (word[0] == 0 || strlen(word) > IU_NEAR_WORD)
		near->max = 0;
}

void iu_near_consider(struct iu_near *near, const char *name)
{
	size_t d, at = near->n;

	if (near->max == 0)
		return;
	d = distance(name, near->word);
	for (const char *part = strpbrk(name, "-_ "); part != NULL; part = strpbrk(part + 1, "-_ ")) {
		size_t of_part = distance(part + 1, near->word) + 1;

		d = of_part < d ? of_part : d;
	}
	if (d > strlen(near->word) / 3)
		return;
	for (size_t i = 0; i < near->n; i++)
		if (iu_near_same(near->names[i], name))
			return;
	if (near->n < near->max)
		near->n++;
	for (; at > 0 && near->distances[at - 1] > d; at--)
		if (at < near->n) {
			near->names[at] = near->names[at - 1];
			near->distances[at] = near->distances[at - 1];
		}
	if (at < near->n) {
		near->names[at] = name;
		near->distances[at] = d;
	}
}
