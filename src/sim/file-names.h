/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the trace says of its files beside what the model needs: path, device, inode. For
 * /proc/PID/maps and its kin.
 */
#ifndef SIM_FILE_NAMES_H
#define SIM_FILE_NAMES_H

#include "base/htable.h"

struct file_name {
	uint64_t dev, ino;
	char path[]; /* NUL-terminated; control characters are as in the trace */
};

struct file_names {
	struct htable by_id; /* file id of the trace -> struct file_name */
};

void file_names_init(struct file_names *f);
void file_names_finish(struct file_names *f);
/* Adds or replaces. A path ends at its first NUL. */
void file_names_set(struct file_names *f, uint32_t file, uint64_t dev, uint64_t ino,
		    const void *path, size_t len);
/* NULL when the trace did not name the file. */
const struct file_name *file_names_get(const struct file_names *f, uint32_t file);

#endif
