/* SPDX-License-Identifier: MIT */
/* inuse release: removes what stands in the way of a call. */
#include "cli/release.h"

static const struct iu_option options[] = {
	{IU_OPT_CONNECTIONS, "connections", NULL, N_("reset living connections of the server's side, too")},
	{IU_OPT_KILL, "kill", NULL, N_("end the processes that hold the address, too (inuse kill)")},
	IU_RELEASE_ROWS,
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_release = {
	"release",
	"release [bind|listen|connect] ADDR [options]",
	N_("Shows what would free an address and what that risks, asks, and does it."),
	options,
	N_("Removes what ended connections left (TIME-WAIT, FIN-WAIT-2, orphans); never a client that merely got the port "
	   "from the kernel. Removing takes root (CAP_NET_ADMIN).\n"
	   "Exit status: 0 the address is free, 1 it is not, 2 the input was wrong or nobody could be asked, "
	   "3 cannot tell, or not permitted."),
	run,
};

static int run(int argc, char **argv)
{
	return iu_release_run(&iu_verb_release, false, argc, argv);
}
