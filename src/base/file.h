/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Small input files that are read whole: machine profiles, topologies, texts of /proc. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/err.h"

/*
 * *ret: all bytes of the file and a NUL behind them, for the caller to free(); *ret_len without the
 * NUL. -errno when it cannot be opened or read, -EINVAL when it has more than `most` bytes; the text
 * names the file.
 */
int file_read_all(const char *path, size_t most, char **ret, size_t *ret_len,
		  struct mmr_error *err);

#endif
