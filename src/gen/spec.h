/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A job file: what `mmreplay gen` is to make. INI, in the spirit of fio's job files; all keys are in mmreplay-gen(1).
 *
 *	[global]		what holds for the whole trace, and defaults of any key below
 *	[region NAME]		an area of memory or a file
 *	[job NAME]		threads or processes that use a region in one pattern
 *	[phase]			of the job above: what it does next; begins with that job's keys
 *	[kernel NAME]		allocations of the kernel: pages, kmalloc, slab objects, DMA
 *
 * Numbers are config rows (base/config.h), names are texts; both come through one table of keys, which prints the
 * expanded file, too. Everything is checked when the file has been read: what a spec says is possible.
 */
#ifndef GEN_SPEC_H
#define GEN_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "base/vec.h"

#define GEN_TEXT 256	/* most bytes of a name or list, its NUL included */

struct gen_global {
	uint64_t seed, nodes, cpus, memory, quantum, ns_per_access;
};

enum gen_kind { GEN_ANON, GEN_SHARED, GEN_FILE, GEN_SHM, GEN_HUGETLB, GEN_HEAP };
enum gen_prot { GEN_R, GEN_RW, GEN_RX, GEN_RWX };
enum gen_map { GEN_MAP_ONCE, GEN_MAP_EACH };

struct gen_region {
	uint64_t kind, size, align, prot, is_private, populate, lock, map, page_size, cached, offset;
	char name[GEN_TEXT], file[GEN_TEXT], advise[GEN_TEXT], policy[GEN_TEXT];
	unsigned line;
};

enum gen_pattern { GEN_SEQUENTIAL, GEN_REVERSE, GEN_STRIDE, GEN_UNIFORM, GEN_ZIPF, GEN_HOTCOLD, GEN_CHASE, GEN_GUPS };
enum gen_rw { GEN_READ, GEN_WRITE, GEN_UPDATE, GEN_MIXED };
enum gen_io { GEN_IO_NONE, GEN_IO_READ, GEN_IO_WRITE, GEN_IO_MIXED, GEN_IO_SENDFILE };
enum gen_as { GEN_THREAD, GEN_PROCESS };
enum gen_fork { GEN_FORK_NO, GEN_FORK_LOOP };
enum gen_fadvise { GEN_FADV_NONE, GEN_FADV_RANDOM, GEN_FADV_SEQUENTIAL, GEN_FADV_WILLNEED, GEN_FADV_DONTNEED };

/* One phase of a job; the first phase's life keys are the job's. */
struct gen_work {
	uint64_t numjobs, as, cpus, fork, window;	/* life of the job */
	uint64_t loops, accesses, offset, size, pattern, theta, hot_percent, hot_accesses, stride, block, word;
	uint64_t scatter, rw, write_percent, io, direct, fsync_every, fadvise, rate;
	char name[GEN_TEXT], after[GEN_TEXT], follow[GEN_TEXT], region[GEN_TEXT];
	unsigned line;
	bool is_phase;
};

enum gen_alloc { GEN_PAGES, GEN_KMALLOC, GEN_SLAB, GEN_DMA };
enum gen_lifetime { GEN_RANDOM, GEN_FIFO, GEN_LIFO };
enum gen_type { GEN_UNMOVABLE, GEN_MOVABLE, GEN_RECLAIMABLE };

struct gen_kernel {
	uint64_t alloc, operations, live, lifetime, kept_percent, type, cpus, device, rate;
	char name[GEN_TEXT], orders[GEN_TEXT], sizes[GEN_TEXT];
	unsigned line;
};

struct gen_spec {
	struct gen_global global;
	VEC(struct gen_region) regions;
	VEC(struct gen_work) works;	/* jobs, each followed by its phases */
	VEC(struct gen_kernel) kernels;
};

/* A choice by weight: "0:80,2:15,9:5" or one number alone. */
#define GEN_WEIGHTS 16
struct gen_weighted {
	uint64_t value[GEN_WEIGHTS], weight[GEN_WEIGHTS], total;
	unsigned nr;
};
/* Values are sizes or numbers up to max. */
int gen_weighted_parse(const char *text, uint64_t max, struct gen_weighted *ret, struct mmr_error *err);

/* "hugepage,willneed": MADV_* numbers. */
struct gen_words {
	uint64_t value[16];
	unsigned nr;
};
int gen_advice_parse(const char *text, struct gen_words *ret, struct mmr_error *err);

/* "bind:0-1": MPOL_* mode and nodes. */
struct gen_policy {
	uint64_t mode, nodes;
};
int gen_policy_parse(const char *text, struct gen_policy *ret, struct mmr_error *err);

/* -EINVAL with the line and what is wrong with it. `text` is the whole file. */
int gen_spec_parse(struct gen_spec *spec, const char *text, struct mmr_error *err);
void gen_spec_finish(struct gen_spec *spec);
/* The file with every key of every section as it will be used. */
void gen_spec_print(const struct gen_spec *spec, struct strbuf *out);

const struct gen_region *gen_region_named(const struct gen_spec *spec, const char *name);
const struct gen_work *gen_job_named(const struct gen_spec *spec, const char *name);

/* For the manual page's test: all keys of a section, "global", "region", "job" or "kernel". NULL at the end. */
const char *gen_key(const char *section, size_t i);

#endif
