/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * System calls on files, as far as memory is concerned. Kernel counterpart: mm/filemap.c (filemap_read,
 * generic_perform_write, direct I/O), mm/fadvise.c, mm/readahead.c (readahead), fs/sync.c, fs/open.c (fallocate), fs/splice.c.
 *
 * Modelled: reads folio by folio with read-ahead; a folio that is read in several pieces counts as accessed once; writes
 * in folios as large as the write and the file system allow, dirty afterwards, writers held up (balance_dirty_pages);
 * writes through the cache (O_SYNC); O_DIRECT beside the cache, which is written back and dropped first; splice and
 * sendfile, which read without copying; fadvise; fsync, sync_file_range; fallocate. Bytes copied and bytes moved
 * otherwise are counted.
 * Simplified: no data. Left out: AIO, RWF_NOWAIT, RWF_DONTCACHE (as without it), POSIX_FADV_NOREUSE, hole detection of
 * file systems (unwritten pages are read as others).
 */
#ifndef MM_READ_WRITE_H
#define MM_READ_WRITE_H

#include "mm/filemap.h"

/* How (flags of filemap_read() and filemap_write()): */
#define IOCB_DIRECT	(1u << 0)	/* O_DIRECT */
#define IOCB_SPLICE	(1u << 1)	/* no copy: sendfile, splice */
#define IOCB_SYNC	(1u << 2)	/* O_SYNC, O_DSYNC: waits until it is written */

/* POSIX_FADV_*, as Linux numbers them; behind them a number of our own for readahead(2). */
enum { FADV_NORMAL, FADV_RANDOM, FADV_SEQUENTIAL, FADV_WILLNEED, FADV_DONTNEED, FADV_NOREUSE, FADV_READAHEAD = 100 };

/* False: no memory was to be had for some page; what could be done was done. */
bool filemap_read(struct memory *mem, struct file *file, uint64_t pos, uint64_t len, unsigned flags);
bool filemap_write(struct memory *mem, struct file *file, uint64_t pos, uint64_t len, unsigned flags);
/* len 0: to the end of the file. */
void generic_fadvise(struct memory *mem, struct file *file, uint64_t offset, uint64_t len, int advice);
/* Writes bytes [start, end) of the file back and waits; end UINT64_MAX: all. */
void vfs_fsync_range(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end);
/* SYNC_FILE_RANGE_* of Linux */
#define SYNC_FILE_RANGE_WAIT_BEFORE	1u
#define SYNC_FILE_RANGE_WRITE		2u
#define SYNC_FILE_RANGE_WAIT_AFTER	4u
void sync_file_range(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end, unsigned flags);
/* FALLOC_FL_* of Linux */
#define FALLOC_FL_KEEP_SIZE		0x01u
#define FALLOC_FL_PUNCH_HOLE		0x02u
#define FALLOC_FL_COLLAPSE_RANGE	0x08u
#define FALLOC_FL_ZERO_RANGE		0x10u
#define FALLOC_FL_INSERT_RANGE		0x20u
/* False: no memory (shmem takes its pages at once). */
bool vfs_fallocate(struct memory *mem, struct address_space *mapping, unsigned mode, uint64_t offset, uint64_t len);
/* madvise(MADV_WILLNEED) on pages [first, first + nr) of a file. */
void force_readahead(struct memory *mem, struct address_space *mapping, uint64_t first, uint64_t nr);

#endif
