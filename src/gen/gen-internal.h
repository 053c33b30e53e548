/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the parts of the generator share: gen.c (jobs and their turns), gen-map.c (regions), gen-work.c (visits),
 * gen-kernel.c (allocations of the kernel).
 */
#ifndef GEN_GEN_INTERNAL_H
#define GEN_GEN_INTERNAL_H

#include "gen/gen.h"
#include "gen/pattern.h"
#include "gen/runs.h"

#define GEN_NEVER UINT64_MAX

/* A region as one address space has it. */
struct gen_mapping {
	const struct gen_region *region;
	uint64_t addr;		/* 0: not mapped */
};

/* A thread or process of a job. */
struct gen_thread {
	struct gen *g;
	const struct gen_work *job;	/* its first phase, and how many */
	size_t nr_phases;
	unsigned instance;
	uint32_t task, child;		/* child: of fork=loop, 0 none */
	uint16_t cpu;
	bool started, done;
	/* where it is */
	size_t phase;
	uint64_t loop, left;		/* visits left in this loop */
	uint64_t next_ns;		/* it may not run before */
	uint64_t bytes;			/* visited in all, for who follows */
	struct pattern pattern;
	struct rng rng;			/* reads or writes? */
	uint64_t base;			/* address of byte 0 of what it uses */
	uint64_t buffer;		/* io: address */
	uint64_t nr_writes;		/* io, since the last fsync */
	uint64_t addr[];		/* of each region that it mapped itself, by number; 0 not */
};

struct gen_actor;			/* of a [kernel] section */

struct gen {
	const struct gen_spec *spec;
	const struct gen_options *opt;
	struct mmr_writer *writer;
	struct gen_result *res;
	struct mmr_error *err;
	int error;			/* the first one; everything stops */
	uint64_t now_ns;
	uint32_t next_task;
	uint64_t next_addr;		/* areas are laid downwards from here */
	uint64_t heap_end;
	uint64_t *once;			/* address of each region of map=once, by number */
	VEC(struct gen_thread *) threads;
	VEC(struct gen_actor *) actors;
	uint32_t on_cpu[1024];		/* task that ran last */
	struct run_buffer runs;
};

/* Writes an event of that task now. The caller filled in the fields. */
void gen_event(struct gen *g, uint32_t task, uint16_t cpu, uint16_t kind, struct mmr_event *ev);
void gen_text_event(struct gen *g, uint32_t task, uint16_t cpu, uint16_t kind, struct mmr_event *ev, const char *text);
/* Writes the runs that are collected, of that thread. */
void gen_flush_runs(struct gen *g, uint32_t task, uint16_t cpu);

/* Number of a region in the spec; its file id is that + 1. */
size_t gen_region_index(const struct gen_spec *spec, const struct gen_region *r);
/* File id of a region of kind file or shm, which all regions of one file share. */
uint64_t gen_region_file(const struct gen *g, const struct gen_region *r);
/* Files that regions name: once, before anything is mapped. */
void gen_declare_files(struct gen *g, uint32_t task);
/* Maps it into the address space of the task, with policy, advice, lock. Returns the address. */
uint64_t gen_map(struct gen *g, uint32_t task, uint16_t cpu, const struct gen_region *r);
uint64_t gen_map_anon(struct gen *g, uint32_t task, uint16_t cpu, uint64_t bytes);

/* The thread's phase begins. */
void gen_work_begin(struct gen_thread *t);
/* Runs up to a quantum of accesses. */
void gen_work_run(struct gen_thread *t);
/* Nanoseconds at which it may run; GEN_NEVER while it waits for another job. */
uint64_t gen_work_due(const struct gen_thread *t);
/* Visits in one loop of a phase. */
uint64_t gen_work_visits(const struct gen_spec *spec, const struct gen_work *w);

struct gen_actor *gen_actor_create(struct gen *g, const struct gen_kernel *k, unsigned number);
void gen_actor_destroy(struct gen_actor *a);
uint64_t gen_actor_due(const struct gen_actor *a);	/* GEN_NEVER: done */
void gen_actor_run(struct gen_actor *a);

#endif
