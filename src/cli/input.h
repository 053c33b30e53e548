/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading a small input file whole. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

/* At most `max` bytes; "-" is standard input. -EFBIG when there are more, else a negative errno. */
int input_read(const char *path, size_t max, struct strbuf *sb, struct mmr_error *err);

#endif
