/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Open files of a traced process: which file stands behind a descriptor, and at which offset.
 *
 * Descriptors that dup() or fork() made share one offset, as in the kernel. Only what system calls with
 * known results say is followed; a descriptor that nothing is known about has no entry.
 *
 * Interface:
 *   - fd_open(), fd_dup(), fd_close(), fd_get(); fd_table_copy() for fork
 */
#ifndef CAPTURE_FDTABLE_H
#define CAPTURE_FDTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

#define FD_MAX (1u << 20)

/* An open file description. */
struct fd_file {
	unsigned refs;
	uint32_t file;		/* file id, 0 for none (pipes, sockets, terminals) */
	uint64_t open;		/* id of the open file in the trace, 0 none */
	uint64_t offset;
	uint64_t flags;		/* O_* bits */
	char *path;		/* absolute, NULL unknown */
};

struct fd_table {
	VEC(struct fd_file *) fd;	/* NULL: nothing known */
	char *cwd;
};

void fd_table_finish(struct fd_table *t);
void fd_table_copy(struct fd_table *dst, const struct fd_table *src);	/* dst is empty */
/* NULL when nothing is known. */
struct fd_file *fd_get(const struct fd_table *t, uint64_t fd);
struct fd_file *fd_open(struct fd_table *t, uint64_t fd);	/* replaces; NULL when fd is out of range */
void fd_dup(struct fd_table *t, uint64_t from, uint64_t to);
void fd_close(struct fd_table *t, uint64_t fd);
/* Absolute path of a name as openat() takes it: NULL when its directory is not known. Freed by the caller. */
char *fd_path(const struct fd_table *t, uint64_t dirfd, const char *name, size_t len);

#endif
