/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Open files, as far as they take memory. Kernel counterpart: fs/file_table.c (struct file, cache
 * "filp").
 *
 * Modelled: one object for each open; where the trace names open files, what is read ahead for each (struct file). Simplified: all areas that map a file share one, which lives
 * while there are any; in the kernel each open that was mapped has its own.
 *
 * Interface:
 *   - file_open(), file_close(): open and close of a file; a close without an open is nothing
 *   - file_lookup(): the open file of that id, made when nothing is known of it (it was open before the trace began, or the
 *     trace does not say when); id 0: the one for all who do not name theirs
 *   - file_forget(): it was closed; file_finish_all(): the end of a system
 *   - file_map(), file_unmap(): before the first area joins address_space->i_mmap, after the last
 *     one has left it; files without an inode (the vdso) have none
 */
#ifndef MM_FILE_TABLE_H
#define MM_FILE_TABLE_H

#include "mm/mm_types.h"

void file_open(struct memory *mem, struct address_space *mapping);
void file_close(struct memory *mem, struct address_space *mapping);

struct file *file_lookup(struct memory *mem, struct address_space *mapping, uint64_t id);
void file_forget(struct memory *mem, uint64_t id);
void file_finish_all(struct memory *mem);

static inline void file_map(struct memory *mem, struct address_space *mapping)
{
	if (mapping->i_mmap.node || !mapping->inode)
		return;
	mapping->is_mapped = true;
	file_open(mem, mapping);
}

static inline void file_unmap(struct memory *mem, struct address_space *mapping)
{
	if (mapping->i_mmap.node || !mapping->is_mapped)
		return;
	mapping->is_mapped = false;
	file_close(mem, mapping);
}

#endif
