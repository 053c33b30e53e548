/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The kernel's counters of a process, as the trace recorded them, beside the model's at the same
 * moment.
 *
 * A COUNTERS event of scope PROCESS makes one. Its text is `name value` lines (mmreplay-trace(5));
 * what the model does not have a figure for is left out. validate compares pairs of them.
 *
 *	X(NAME, "name in the trace", "unit", cumulative)
 */
#ifndef SIM_CHECKPOINT_H
#define SIM_CHECKPOINT_H

#include <mmreplay/trace.h>

#include "base/vec.h"
#include "sim/tasks.h"

#define CHECKPOINT_COUNTERS(X) \
	X(MIN_FLT, "min_flt", "faults", 1) \
	X(MAJ_FLT, "maj_flt", "faults", 1) \
	X(RSS_ANON, "rss_anon_pages", "pages", 0) \
	X(RSS_FILE, "rss_file_pages", "pages", 0) \
	X(RSS_SHMEM, "rss_shmem_pages", "pages", 0) \
	X(PGTABLES, "pgtables_bytes", "bytes", 0) \
	X(NR_VMAS, "nr_vmas", "areas", 0) \
	X(VM, "vm_pages", "pages", 0) \
	X(LOCKED, "locked_pages", "pages", 0)

enum checkpoint_counter {
#define CHECKPOINT_ENUM(NAME, name, unit, cumulative) CHECKPOINT_##NAME,
	CHECKPOINT_COUNTERS(CHECKPOINT_ENUM)
#undef CHECKPOINT_ENUM
	NR_CHECKPOINT_COUNTERS
};

struct checkpoint_info {
	const char *name, *unit;
	bool cumulative;
};
extern const struct checkpoint_info checkpoint_info[NR_CHECKPOINT_COUNTERS];

struct checkpoint {
	uint32_t process;
	enum mmr_when when;
	uint64_t time_ns;
	bool known[NR_CHECKPOINT_COUNTERS];
	uint64_t kernel[NR_CHECKPOINT_COUNTERS];
	uint64_t model[NR_CHECKPOINT_COUNTERS];
};

/* Bounded: of a process, START or EXEC and the last of any other kind are kept. */
struct checkpoints {
	VEC(struct checkpoint) list;
};

/*
 * The model's side is as it is now; mm may be NULL. Text that is not `name value` lines is passed
 * over.
 */
void checkpoint_add(struct checkpoints *c, const struct tasks *t, uint32_t process,
		    const struct mm_struct *mm, const struct mmr_event *ev);
void checkpoints_finish(struct checkpoints *c);

#endif
