/* SPDX-License-Identifier: MIT */
/* A program that finds its experiments in a folder carries none with it. */
#include "lab/builtin.h"

const struct iu_lab_builtin *iu_lab_builtin(size_t i)
{
	return NULL;
}
