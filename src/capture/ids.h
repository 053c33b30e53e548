/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Names that stay: task ids for kernel thread ids that are used again, file ids for inodes.
 *
 * Task ids are dense from 1 and never used again; 0 is no task. File ids are dense from 1; 0 is no
 * file.
 *
 * Interface:
 *   - ids_task_get() finds, ids_task_add() makes (the tid's former owner is forgotten),
 * ids_task_del()
 *   - ids_file() finds or makes; the first time it emits FILE and, when asked, FILE_CACHE events
 *   - events go out through one function of the caller, in the order of the trace
 */
#ifndef CAPTURE_IDS_H
#define CAPTURE_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/htable.h"
#include "base/vec.h"
#include "capture/file-cache.h"

/* Takes an event whose data lives until the call returns; 0 or a negative errno. */
typedef int ids_emit_fn(void *ctx, const struct mmr_event *ev, struct mmr_error *err);

/* What the kernel says of a mapped file. */
struct ids_file_key {
	uint64_t dev; /* makedev() as the kernel shows it in maps and MMAP2 */
	uint64_t ino;
	uint64_t generation; /* 0 unknown: any generation of that inode matches */
	const char *path;    /* as the kernel shows it: "/lib/x.so", "[vdso]", "/dev/zero" */
	pid_t pid;	     /* process whose root the path is under, 0 for our own */
	struct file_extents
		*cached; /* what was cached at that time, when the caller has looked already */
	bool has_size;	 /* `size`, in bytes, is that of the moment; else it is looked up now */
	uint64_t size;
};

struct ids_file {
	uint64_t dev, ino, generation, size;
	char *path;
	enum mmr_file_type type;
	bool has_cache; /* FILE_CACHE events were emitted or tried */
};

struct ids {
	ids_emit_fn *emit;
	void *emit_ctx;
	uint32_t nr_tasks;	   /* last id given */
	struct htable tasks;	   /* tid -> task id */
	struct htable files;	   /* hash of (dev, ino) -> index of the newest in `file` */
	VEC(struct ids_file) file; /* [id - 1] */
	bool want_cache;	   /* emit FILE_CACHE at first sight of a file */
	/* May take pages away from what was found in the cache: those known to have come later. */
	void (*cache_filter)(void *ctx, const struct ids_file *file, struct file_extents *extents);
	void *cache_filter_ctx;
	bool orders_unknown; /* some FILE_CACHE event has order 255: no frames or no page flags */
};

void ids_init(struct ids *ids, ids_emit_fn *emit, void *emit_ctx, bool want_cache);
void ids_finish(struct ids *ids);

uint32_t ids_task_get(const struct ids *ids, pid_t tid); /* 0 unknown */
uint32_t ids_task_add(struct ids *ids, pid_t tid);
void ids_task_del(struct ids *ids, pid_t tid);

/*
 * Finds or makes the id of a file. `at` gives task, CPU and time of the events emitted on its first
 * sight. *ret_id is 0 for areas that have no file ("[heap]", anonymous). 0 or a negative errno of
 * emit.
 */
int ids_file(struct ids *ids, const struct ids_file_key *key, const struct mmr_event *at,
	     uint32_t *ret_id, struct mmr_error *err);

/* What is known of file `id` (not 0). `size` is that of the first sight; whoever follows writes may keep it up. */
static inline struct ids_file *ids_file_at(struct ids *ids, uint32_t id)
{
	return &ids->file.data[id - 1];
}

/* The id of a file that is known, 0 when it is not. */
uint32_t ids_file_find(const struct ids *ids, uint64_t dev, uint64_t ino);

/*
 * Emits FILE_CACHE events for what the page cache holds of a file: runs of folios of one order.
 * Reads nothing in: only pages that mincore(2) shows are touched. Orders need CAP_SYS_ADMIN
 * (frames) and /proc/kpageflags; without them the order is 255. -ENOENT when the file cannot be
 * opened any more.
 */
int ids_file_cache(struct ids *ids, uint32_t id, const struct ids_file_key *key,
		   const struct mmr_event *at, struct mmr_error *err);

/* Type of an area's file by the name that the kernel shows, its device and its mode if it can be
 * seen. */
enum mmr_file_type ids_file_type(const char *path, uint64_t dev);

#endif
