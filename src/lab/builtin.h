/* SPDX-License-Identifier: MIT */
/* Experiments that the program carries with it: all of them on Windows, where it is one file; elsewhere none. */
#ifndef IU_LAB_BUILTIN_H
#define IU_LAB_BUILTIN_H

#include <stddef.h>

struct iu_lab_builtin {
	const char *name; /* TOPIC/NAME */
	const char *text; /* the file */
};

/* The one of that number; NULL: there are not so many. */
const struct iu_lab_builtin *iu_lab_builtin(size_t i);

#endif
