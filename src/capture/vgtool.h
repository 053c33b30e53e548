/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which Valgrind tool watches the program: our own (src/capture/valgrind/), where it was built, or lackey, which every
 * Valgrind has and which is many times slower.
 *
 * Valgrind looks for tools in one folder. A folder of links to everything in its own one, and to our tool, stands in for
 * it: VALGRIND_LIB names it, for both tools, so that programs see the same environment.
 */
#ifndef CAPTURE_VGTOOL_H
#define CAPTURE_VGTOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "capture/capture.h"

/*
 * Path of our tool: $MMREPLAY_TOOL, or beside this program as installed (../libexec/mmreplay) or built. False: there is
 * none.
 */
bool vg_tool_find(char *path, size_t size);
/* Makes the folder `dir` of links; tool NULL: without ours. -ENOENT: Valgrind's own folder was not found. */
int vg_tool_link(const char *dir, const char *tool, struct mmr_error *err);
/* Removes it. */
void vg_tool_unlink(const char *dir);

#endif
