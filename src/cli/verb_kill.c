/* SPDX-License-Identifier: MIT */
/* inuse kill: ends the processes that hold an address. */
#include "cli/release.h"

static const struct iu_option options[] = {
	{IU_OPT_CONNECTIONS, "connections", NULL, N_("reset living connections of the server's side, too")},
	IU_RELEASE_ROWS,
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_kill = {
	"kill",
	"kill [bind|listen|connect] ADDR [options]",
	N_("Shows which processes hold an address, asks, ends them, and removes what they leave."),
	options,
	N_("SIGTERM first. Never process 1, nor one above this program, nor a client that merely got the port from "
	   "the kernel. Of services and containers it says what to run instead.\n"
	   "Exit status: 0 the address is free, 1 it is not, 2 the input was wrong or nobody could be asked, "
	   "3 cannot tell, or not permitted."),
	run,
};

static int run(int argc, char **argv)
{
	return iu_release_run(&iu_verb_kill, true, argc, argv);
}
