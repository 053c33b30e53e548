/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The end of a process that found a mistake of ours: the place on standard error, then SIGABRT,
 * so that a debugger or a core file shows the rest. One of the two files below cli/ that may
 * print and exit (the other is xalloc.c): there is no state left that could be trusted to return
 * through.
 */
#include "base/bug.h"

#include <stdio.h>
#include <stdlib.h>

void bug_at(const char *file, int line, const char *func, const char *what)
{
	fprintf(stderr, "mmreplay: bug at %s:%d: %s(): %s\n", file, line, func, what);
	abort();
}
