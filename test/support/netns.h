/* SPDX-License-Identifier: MIT */
/* A network namespace of one's own. */
#ifndef TEST_SUPPORT_NETNS_H
#define TEST_SUPPORT_NETNS_H

#include <stdbool.h>

/*
 * Moves the calling process into a new network namespace with lo up (when not root, into a new user namespace the first
 * time). NULL, or why it cannot: a constant string.
 */
const char *netns_enter(void);
/* netns_enter() made a user namespace: root here is root of nothing else. */
bool netns_is_in_user_namespace(void);

#endif
