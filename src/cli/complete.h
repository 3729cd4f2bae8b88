/* SPDX-License-Identifier: MIT */
/*
 * Completion of the command line, for the scripts in completions/.
 *
 * Theory of operation
 *
 * `inuse --complete WORD...` is given the words behind the program's name, the last of them the one to be completed. It
 * prints a candidate a line, with a tab and what it is behind it. A line that begins with a tab asks the shell for
 * something else: "\tfiles". The shells know nothing of verbs and options: all of it comes from the tables that the parser
 * reads.
 */
#ifndef IU_CLI_COMPLETE_H
#define IU_CLI_COMPLETE_H

/* words: those behind --complete. Returns an exit status. */
int iu_complete(int n, char **words);

#endif
