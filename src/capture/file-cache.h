/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the page cache holds of a file, and in folios of what size, without reading anything in.
 *
 * Linux 6.18 maps whole folios around a fault, so the number of faults and the resident set depend
 * on the sizes of the folios, not only on which pages are cached.
 *
 * Interface:
 *   - file_cache_scan(): extents of equal folios, in order of their index
 *   - file_cache_open(): opens a file as the process sees it, and makes sure that it is the same
 * inode
 */
#ifndef CAPTURE_FILE_CACHE_H
#define CAPTURE_FILE_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"

#define FILE_ORDER_UNKNOWN 255

/* Granules index .. index + nr - 1 are cached, in folios of 1 << order granules counted from index.
 */
struct file_extent {
	uint64_t index, nr;
	unsigned order; /* FILE_ORDER_UNKNOWN without frames and page flags */
	bool readahead; /* each of these folios carries the read-ahead mark */
};
struct file_extents {
	struct file_extent *data;
	size_t nr, cap;
};

/* A descriptor or a negative errno: -ENOENT when the path leads elsewhere or nowhere. */
int file_cache_open(const char *path, pid_t pid, uint64_t ino);
void file_cache_close(int fd); /* takes negative numbers, too */
int file_cache_scan(const char *path, pid_t pid, uint64_t ino, struct file_extents *extents);
/* Takes granules index .. index + nr - 1 out of the extents. */
void file_extents_remove(struct file_extents *extents, uint64_t index, uint64_t nr);

#endif
