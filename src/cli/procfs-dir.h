/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * run --procfs: the simulated /proc and /sys as a tree of files.
 *
 * The folder must be new or empty: files of another run between those of this one would be read as
 * its. The manifest is written last, so a tree without it is not whole.
 */
#ifndef CLI_PROCFS_DIR_H
#define CLI_PROCFS_DIR_H

#include "report/procfs.h"

enum procfs_when { PROCFS_END, PROCFS_EXIT, PROCFS_TIME };

struct procfs_dir {
	const char *path; /* NULL: none is asked for */
	enum procfs_when when;
	uint64_t time_ns; /* PROCFS_TIME */
	bool made;	  /* the system's files are there */
	struct procfs p;
};

/* "end", "exit" or a time. False: none of these. */
bool procfs_dir_parse_when(struct procfs_dir *d, const char *text);
/*
 * Makes the folder, or sees that it is empty, and waits for its moment. Before the first step, when
 * d->path is set. A cli_status, with a message.
 */
int procfs_dir_create(struct procfs_dir *d, struct mmr_replay *r);
/* After the last step: what was not written on the way, and the manifest. A cli_status. */
int procfs_dir_finish(struct procfs_dir *d, bool quiet);

#endif
