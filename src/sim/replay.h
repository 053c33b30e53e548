/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Replay: every event of a trace becomes the call that the kernel would have got.
 *
 * One const table (replay.c) maps each kind of event to its handler; a kind without one is counted
 * as ignored. Page runs go from the reader's batch straight into mmu_access_runs().
 *
 *	RESIDENT	pages are made present through the fault path as the kernel's own faults:
 *			before the trace (TASK) they count nowhere, after EXEC as what execve() did
 *	FAULT		a certain touch; whether it faults is the model's business, and compared
 *			with what was seen
 *	MMAP		at the address that the kernel gave; where the model still has something
 *			there, that is a divergence, counted and mapped over
 *	COUNTERS	of a process: the model's own figures are noted beside them
 *			(sim/checkpoint.h)
 *
 * The clock is the trace's time on `faults` and `sampled`; on `exact` accesses x
 * clock.ns_per_access.
 *
 * Interface:
 *   - replay_create() from an open reader; settings; replay_start() builds the machine
 *     (done by the first step)
 *   - replay_step() takes one item, replay_run() all of them, replay_end() closes the books
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include <mmreplay/replay.h>

#include "sim/background.h"
#include "sim/cgroups.h"
#include "sim/checkpoint.h"
#include "sim/file-names.h"
#include "sim/kthreads.h"
#include "sim/metadata.h"
#include "sim/pfn-map.h"
#include "sim/settings.h"
#include "sim/system.h"
#include "sim/tasks.h"
#include "sim/timeline.h"

#define REPLAY_KINDS 256

/* Where the model and the trace do not agree. X(NAME, "key", "meaning") */
#define DIVERGENCES(X) \
	X(FAULT_ABSENT, "faults_absent", "observed faults at pages that the model had mapped") \
	X(FAULT_MINOR, "faults_minor", "observed major faults that were minor in the model") \
	X(FAULT_MAJOR, "faults_major", "observed minor faults that were major in the model") \
	X(FAULT_SIZE, "faults_size", "observed faults that mapped a page of another size than the model did") \
	X(TOUCH_SEGV, "touches_segv", "touches outside of the model's areas, or forbidden there") \
	X(TOUCH_SIGBUS, "touches_sigbus", "touches behind the end of a file") \
	X(TOUCH_OOM, "touches_oom", "touches that found no memory") \
	X(TASK_UNKNOWN, "tasks_unknown", "tasks that the trace did not introduce") \
	X(MMAP_OVERLAP, "mmap_overlaps", "mappings that fell on areas which the model still had") \
	X(CALL_FAILED, "calls_failed", "system calls that failed in the model only") \
	X(FORK_FAILED, "forks_failed", "forks for which the model had no memory") \
	X(RESIDENT_FAILED, "resident_failed", "resident pages that could not be made present") \
	X(SWAPPED, "resident_swapped", "pages that were in swap and are absent in the model") \
	X(POLICY_NODES, "policy_nodes", "nodes in masks of the trace that the model's machine does not have") \
	X(POLICY_UNSEEN, "policies_unseen", "calls left out because the capture could not see their node mask") \
	X(DMA_OUTSIDE, "dma_outside", "transfers of devices outside of the machine's memory, or unknown to it") \
	X(HUGETLB, "hugetlb", "mappings of huge pages that the pools here have no room for")

enum divergence {
#define DIVERGENCE_ENUM(NAME, key, meaning) DIVERGE_##NAME,
	DIVERGENCES(DIVERGENCE_ENUM)
#undef DIVERGENCE_ENUM
	NR_DIVERGENCES
};

struct divergence_info {
	const char *key, *meaning;
};
extern const struct divergence_info divergence_info[NR_DIVERGENCES];

/* What was replayed. */
struct replay_counts {
	uint64_t faults_observed, faults_major_observed;
	uint64_t cache_implied; /* pages put into the cache because of a minor fault */
	uint64_t resident_pages;
	uint64_t ktouch_pages;
	uint64_t file_calls; /* system calls on files */
	uint64_t killed_events; /* of tasks that the OOM killer had ended */
	uint64_t ignored[REPLAY_KINDS]; /* events by kind that nothing in the model takes */
	uint64_t unknown_kinds;
	uint64_t diverged[NR_DIVERGENCES];
};

typedef void divergence_fn(void *ctx, enum divergence d, const struct mmr_event *ev);

struct mmr_replay {
	struct mmr_reader *reader;    /* the caller's */
	divergence_fn *on_divergence; /* NULL: nobody wants to know */
	void *divergence_ctx;
	const struct mmr_event *ev; /* being replayed */
	struct trace_meta meta;
	struct settings settings;
	struct numa numa;
	struct system *sys; /* NULL before the first step */
	struct memory *mem; /* sys->mem */
	struct tasks tasks;
	struct cgroups cgroups;
	struct htable killed; /* ids of tasks that the OOM killer ended, and of children they never had */
	struct checkpoints checkpoints;
	struct replay_counts counts;
	struct kthreads kthreads;
	struct background background;
	struct kernel_replay *kernel; /* NULL before the first step */
	struct timeline timeline;
	struct {
		struct htable buffers;	/* coherent memory, by its address in the trace */
		struct pfn_map frames;	/* of the trace -> of the model */
		struct list_head all;
	} dma; /* sim/replay-dma.c */
	struct file_names file_names;
	/* A process is about to lose its address space for good; NULL: nobody wants to know. */
	void (*on_process_exit)(void *ctx, uint32_t process, const struct task_struct *task);
	void *on_process_exit_ctx;
	struct {
		uint64_t time_ns; /* 0: done, or never asked for */
		void (*fn)(void *ctx);
		void *ctx;
	} watch;
	struct sim_task *cur; /* whose event came last; NULL when it may have gone */
	uint32_t cur_id;
	uint16_t cur_cpu; /* as the trace numbers it */
	uint64_t first_ns;
	uint64_t check_every; /* items between walks of the whole model, 0 never */
	uint64_t nr_items;
	uint64_t nr_accesses; /* of runs */
	uint64_t timer_ticks; /* of the model's clock that CPUs have had */
	uint64_t unfit_addr; /* of the trace, beyond the machine's user space; 0 none so far */
	bool started, ended;
};

/*
 * Calls fn once, when the model's clock has come to time_ns, between two items of the trace: with the
 * machine as it was before what the trace has at that time. Before the first step.
 */
void replay_watch(struct mmr_replay *r, uint64_t time_ns, void (*fn)(void *ctx), void *ctx);
/* Walks the model. -EUCLEAN with the first contradiction. */
int replay_check(struct mmr_replay *r, struct mmr_error *err);
/* After the last item: what is still alive is noted. Idempotent. */
void replay_end(struct mmr_replay *r);

/* ---- for the handlers (replay-*.c) ---- */

typedef void replay_fn(struct mmr_replay *r, const struct mmr_event *ev);

/* Counts it, and tells whoever wants to know which event it was. */
void diverge(struct mmr_replay *r, enum divergence d);

/* Is [addr, addr + len) within the machine's user space? If not the replay ends with an error. */
bool replay_fits(struct mmr_replay *r, uint64_t addr, uint64_t len);

/* The task of an event, now running on the event's CPU. Never NULL; its mm may be. */
struct sim_task *replay_enter(struct mmr_replay *r, uint32_t id, uint16_t cpu);
/* The current task is gone, or has another address space. */
void replay_leave(struct mmr_replay *r);
/* Its address space, NULL when it has none any more. */
struct mm_struct *replay_mm(struct mmr_replay *r, const struct mmr_event *ev);

/* Killed by the OOM killer (replay-oom.c): is the task gone, what becomes of its events, its end. */
bool replay_is_killed(const struct mmr_replay *r, uint32_t task);
void replay_skip_killed(struct mmr_replay *r, const struct mmr_event *ev);
void replay_bury_victims(struct mmr_replay *r);
/* The memory cgroup that a new address space is to be in; NULL: none in particular is as `otherwise` says. */
void replay_join_cgroup(struct mmr_replay *r, struct mm_struct *mm, const char *comm, uint64_t pid,
			struct mem_cgroup *otherwise);

/* By kind of event: 1 + the cause of the entry into the kernel; 0: none, or it is counted elsewhere. */
extern const uint8_t replay_entries[REPLAY_KINDS];
/* An event that is a system call or a signal enters the kernel. */
void replay_enter_kernel(struct mmr_replay *r, const struct mmr_event *ev);
/* The timer: a row of the periodic work. Known: the trace says which CPUs ran. */
uint64_t timer_period_ns(const struct mmr_replay *r);
void timer_run(struct mmr_replay *r);
bool timer_is_known(const struct mmr_replay *r);

replay_fn ev_task, ev_fork, ev_exec, ev_exit, ev_comm, ev_rlimit, ev_switch, ev_counters;
replay_fn ev_vma, ev_mmap, ev_munmap, ev_mremap, ev_mprotect, ev_brk, ev_madvise, ev_mlock,
	ev_mlockall, ev_prctl, ev_shmat, ev_shmdt, ev_stack, ev_resident;
replay_fn ev_mbind, ev_set_mempolicy, ev_migrate_pages, ev_move_pages, ev_cpuset;
/* Devices, once the machine stands. */
void replay_dma_start(struct mmr_replay *r);
void replay_dma_finish(struct mmr_replay *r);
replay_fn ev_dma, ev_dma_alloc, ev_dma_free;
replay_fn ev_fault, ev_sample, ev_ktouch;
replay_fn ev_open, ev_close, ev_file, ev_file_cache, ev_read, ev_write, ev_truncate, ev_filled, ev_dropped,
	ev_fsync, ev_fadvise, ev_msync;

#endif
