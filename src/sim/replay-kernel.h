/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Replay of the kernel's own memory: page, slab and vmalloc events of a capture of the whole machine.
 *
 * A fault allocates its page, a page table, and slab objects; all of these are events of their own in
 * such a trace, and what the model's fault would allocate comes on top of them. So one side of the
 * machine is replayed at a time, and nothing is counted twice (replay.kernel):
 *
 *	off	what programs did to their address spaces; the model allocates as that needs
 *	pages	every page event against the page allocator, nothing else: whatever the pages are for
 *		(programs, page cache, slabs, vmalloc), their events are there
 *	slab	slab and vmalloc events against the slab allocator and vmalloc, which take their pages
 *		themselves; no page events
 *	auto	pages where the trace is of the whole machine and has page events, else off
 *
 * Pages: a traced frame leads to the frame that the model gave (sim/pfn-map.h), page by page. Every
 * page of a block is a page of its own in between (split_page()), so any part can be freed; what is
 * freed as one goes back as one where it is one block here, too.
 *
 *	free of a page without an allocation	implied_alloc: by the bulk allocator, which has no
 *						event, or before the trace. The page is given back here
 *						if the start state has it; else one is taken and freed
 *	allocation of a page that is not free	implied_free: its free was lost; it is freed first
 *
 * The start: with FRAMES in the trace, on a machine that has those frames, memory begins frame by frame
 * as it was (mm/frame_state.h), otherwise as the settings have it.
 */
#ifndef SIM_REPLAY_KERNEL_H
#define SIM_REPLAY_KERNEL_H

#include <mmreplay/trace.h>

#include "base/config.h"
#include "mm/migrate.h"
#include "sim/kernel-state.h"
#include "sim/metadata.h"
#include "sim/pfn-map.h"

struct kmem_cache;
struct mmr_replay;

enum kernel_mode { KERNEL_AUTO, KERNEL_OFF, KERNEL_PAGES, KERNEL_SLAB };

#define GFP_BITS 64

/* Where a page without a traced allocation came from. */
enum implied_alloc {
	IMPLIED_BEFORE,	 /* it was in use when the trace began */
	IMPLIED_BULK,	 /* it was free then, or was freed since */
	IMPLIED_UNKNOWN, /* its use at the start is not known */
	NR_IMPLIED_ALLOCS
};

struct kernel_counts {
	uint64_t allocs[MAX_ORDER_LIMIT], replayed[MAX_ORDER_LIMIT]; /* events by order */
	uint64_t types[MIGRATE_TYPES], types_replayed[MIGRATE_TYPES];
	uint64_t frees[MAX_ORDER_LIMIT];
	uint64_t alloc_pages, free_pages;
	uint64_t alloc_failed_traced;	/* events of allocations that failed there */
	uint64_t alloc_failed;		/* here, of those that did not there */
	uint64_t bad_orders;		/* events with an order that the machine has not */
	uint64_t frees_whole;		/* events: every page matched, freed as one block */
	uint64_t frees_parts;		/* events: freed in parts, or only some pages matched */
	uint64_t matched_pages, implied_pages[NR_IMPLIED_ALLOCS], implied_free_pages;
	uint64_t batched;		/* frees told of once more, from a batch */
	uint64_t self_allocs;		/* allocation events of the capture itself */
	uint64_t set_aside;		/* events of the other side of the machine */
	uint64_t slab_allocs, slab_frees, slab_failed, slab_unmatched, slab_bytes;
	uint64_t kmallocs, kfrees;
	uint64_t vmallocs, vfrees, vmalloc_failed, vmalloc_unmatched;
};

/* Free blocks of a zone beside those of the kernel, at one moment. */
struct free_lists {
	struct buddyinfo_row kernel;
	uint64_t model[MAX_ORDER_LIMIT];
};

struct kernel_replay {
	enum kernel_mode mode;		/* never KERNEL_AUTO */
	gfp_t gfp[GFP_BITS];		/* the traced kernel's bit -> the model's */
	bool gfp_known;			/* the trace says which bits there are */
	enum migratetype type[16];	/* the traced kernel's number -> the model's */
	struct pfn_map map;
	struct htable objects;		/* traced address -> simulated one (slab mode) */
	struct htable areas;		/* traced vmalloc address -> simulated one */
	VEC(struct kmem_cache *) caches; /* by id of the trace */
	struct movable_operations ops;	/* of movable pages */
	uint32_t handle;
	VEC(struct frame_range) frames;	/* until the start */
	bool started;			/* the start state stands */
	bool has_frames;		/* ... and is that of the trace, frame by frame */
	char start_reason[256];		/* why not, "" otherwise */
	VEC(uint32_t) self;		/* tasks of the capture itself */
	uint64_t self_pid;
	VEC(struct free_lists) start, end;
	struct kernel_counts counts;
};

/* When the machine stands. */
void kernel_replay_init(struct mmr_replay *r);
void kernel_replay_finish(struct mmr_replay *r);
/* Does this side of the machine take the event? True: it was replayed, or set aside. */
bool kernel_replay_event(struct mmr_replay *r, const struct mmr_event *ev);
/* The mode that a trace gets: what the user says, `auto` resolved. */
enum kernel_mode kernel_replay_mode(uint64_t setting, const struct trace_meta *meta);

#endif
