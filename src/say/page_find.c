/* SPDX-License-Identifier: MIT */
/* From what somebody types to the pages that are meant, and to what looks like it. */
#include "say/page.h"

#include <stdint.h>
#include <string.h>

#include "base/near.h"
#include "say/names.h"

/* How an error is called elsewhere: numbers of Linux, of the BSDs and macOS, of Winsock, and what strerror() says. */
static const struct {
	const char *name;
	const char *others[5];
} errors[] = {
	{"EADDRINUSE", {"98", "48", "address-already-in-use", "address-in-use"}},
	{"EADDRNOTAVAIL", {"99", "49", "cannot-assign-requested-address", "can't-assign-requested-address"}},
	{"EACCES", {"13", "permission-denied"}},
	{"EINVAL", {"22", "invalid-argument"}},
	{"ENODEV", {"19", "no-such-device"}},
	{"ENETUNREACH", {"101", "network-is-unreachable"}},
	{"EHOSTUNREACH", {"113", "no-route-to-host"}},
	{"ECONNREFUSED", {"111", "connection-refused"}},
	{"ECONNRESET", {"104", "connection-reset-by-peer"}},
	{"ETIMEDOUT", {"110", "connection-timed-out"}},
	{"WSAEADDRINUSE", {"10048", "only-one-usage-of-each-socket-address"}},
	{"WSAEADDRNOTAVAIL", {"10049"}},
	{"WSAEACCES", {"10013"}},
};

static bool begins(const char *name, const char *word)
{
	while (*word != 0 && iu_near_folded(*name) == iu_near_folded(*word)) {
		name++;
		word++;
	}
	return *word == 0;
}

/* The word begins the name or a part of it behind '-'. */
static bool begins_part(const char *name, const char *word)
{
	while (name != NULL) {
		if (begins(name, word))
			return true;
		name = strpbrk(name, "-_ ");
		name = name ? name + 1 : NULL;
	}
	return false;
}

static bool listed(const char *const *words, const char *word, bool (*is)(const char *, const char *))
{
	for (; *words != NULL; words++)
		if (is(*words, word))
			return true;
	return false;
}

/* What all pages call the thing that `word` names: an error, a state, or the word itself. */
static const char *canonical_error(const char *word)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (iu_near_same(errors[i].name, word))
			return errors[i].name;
		for (const char *const *other = errors[i].others; *other != NULL; other++)
			if (iu_near_same(*other, word))
				return errors[i].name;
	}
	return word;
}

static const char *canonical_state(const char *word)
{
	uint32_t state;

	return iu_name_find(iu_names_state, word, strlen(word), &state) && state != INUSE_STATE_UNKNOWN
		       ? iu_name_of(iu_names_state, state)
		       : word;
}

static bool by_id(const struct iu_page *page, const char *word)
{
	return iu_near_same(page->id, word) || iu_near_same(page->id, canonical_state(word));
}

static bool by_error(const struct iu_page *page, const char *word)
{
	return listed(page->errors, canonical_error(word), iu_near_same);
}

static bool by_other_name(const struct iu_page *page, const char *word)
{
	return listed(page->also, word, iu_near_same);
}

static bool by_state(const struct iu_page *page, const char *word)
{
	return listed(page->states, canonical_state(word), iu_near_same);
}

static bool by_beginning(const struct iu_page *page, const char *word)
{
	return begins(page->id, word);
}

static bool by_part(const struct iu_page *page, const char *word)
{
	return begins_part(page->id, word) || listed(page->also, word, begins_part) || listed(page->errors, word, begins);
}

size_t iu_page_find(const struct iu_page *pages, const char *word, const struct iu_page **found, size_t max)
{
	bool (*const ways[])(const struct iu_page *, const char *) = {by_id,    by_other_name, by_error,
								      by_state, by_beginning,  by_part};
	size_t n = 0;

	for (size_t i = 0; i < max; i++)
		found[i] = NULL;
	if (word[0] == 0 || strlen(word) > IU_NEAR_WORD)
		return 0;
	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]) && n == 0; way++)
		for (const struct iu_page *page = pages; page->id != NULL; page++)
			if (ways[way](page, word) && n++ < max)
				found[n - 1] = page;
	return n;
}

/* ------------------------------------------------------------------------------------------ what looks like it */

size_t iu_page_near(const struct iu_page *pages, const char *word, const char **near, size_t max)
{
	struct iu_near all;

	iu_near_begin(&all, word, near, max);
	for (const struct iu_page *page = pages; page->id != NULL; page++) {
		iu_near_consider(&all, page->id);
		for (const char *const *name = page->also; *name != NULL; name++)
			iu_near_consider(&all, *name);
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		iu_near_consider(&all, errors[i].name);
	return all.n;
}
