/* SPDX-License-Identifier: MIT */
/* Runs a command in a network namespace of its own, with lo up. usage: in-netns COMMAND... */
#include <stdio.h>
#include <unistd.h>

#include "support/netns.h"

int main(int argc, char **argv)
{
	const char *reason;

	if (argc < 2) {
		fputs("usage: in-netns COMMAND...\n", stderr);
		return 2;
	}
	reason = netns_enter();
	if (reason != NULL) {
		fprintf(stderr, "SKIP: %s\n", reason);
		return 77;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
