/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The model of address spaces against the kernel that runs the test: the same random calls and
 * touches are done in the model and, by a child process, for real. Compared are what each call
 * returned, how many minor faults it took, and at the end every area (bounds, offset, flags,
 * resident pages, memory policy) and the size of the page tables.
 *
 *	generate.c	random operations, chosen with an eye on the model's state; model results
 *	real.c		the child that does them
 *	main.c		seeds, comparison, report
 *
 * The operations stay inside [REGION, REGION + REGION_BYTES), where no program has anything.
 */
#ifndef VMA_ORACLE_H
#define VMA_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "mm/mm_types.h"

#define PAGE	     4096ull
#define PMD	     (2ull << 20)
#define REGION	     (1ull << 40)
#define NR_PMDS	     8
#define REGION_BYTES (NR_PMDS * PMD)
/* Most operations fall into a few pages around a boundary of page tables. */
#define WINDOW	     (REGION + 4 * PMD - 24 * PAGE)
#define WINDOW_PAGES 48
#define FILE_PAGES   64
/*
 * Where the heap starts, for who may move it there: just behind the window, below a table boundary.
 */
#define HEAP	   (REGION + 5 * PMD - 20 * PAGE + 0x234)
#define HEAP_PAGES 40
#define MAX_OPS	   400
#define MAX_AREAS  512

enum op_kind {
	OP_MMAP,
	OP_MUNMAP,
	OP_MPROTECT,
	OP_MREMAP,
	OP_MADVISE,
	OP_MBIND,	  /* prot: mode, pgoff: nodes, flags: MPOL_MF_* */
	OP_HOME_NODE,	  /* pgoff: node */
	OP_MIGRATE_PAGES, /* prot: from, pgoff: to */
	OP_MLOCK,
	OP_MLOCK_ONFAULT,
	OP_MUNLOCK,
	OP_MLOCK_FUTURE,
	OP_MUNLOCKALL,
	OP_BRK, /* to addr; the result is 0 when the break is there */
	OP_READ,
	OP_WRITE,
	OP_FORK_SWITCH, /* the child goes on, the parent waits with what it has */
	OP_FORK_WRITE,	/* a child writes every third page of the range and exits */
};

enum op_file { NO_FILE, DISK_FILE, MEM_FILE };

struct op {
	enum op_kind kind;
	uint64_t addr, len;
	uint64_t prot, flags; /* of mmap, mprotect and mremap; prot is the advice of madvise */
	enum op_file file;
	uint64_t pgoff;
	uint64_t new_addr, new_len;
};

struct op_result {
	int64_t ret; /* 0, an address, or a negative errno; -EFAULT and -EIO: SIGSEGV and SIGBUS */
	uint32_t minflt, majflt;
};

struct area {
	uint64_t start, end, pgoff, rss_pages, flags; /* flags: bits of flag_names */
	char policy[32]; /* first word in numa_maps */
};

/* What one side came to. */
struct outcome {
	struct op_result results[MAX_OPS];
	struct area areas[MAX_AREAS];
	unsigned nr_areas;
	uint64_t pgtable_kib;
	unsigned done; /* operations */
};

/* Two-letter names of /proc/PID/smaps, in the order of the bits of area->flags. */
extern const struct flag_name {
	char name[3];
	uint64_t vm_flag;
} flag_names[];
extern const unsigned nr_flag_names;

/* What the child will be able to do. */
struct abilities {
	bool brk;  /* move its heap */
	bool numa; /* memory policies, on a machine with node 0 alone */
};

/* Fills ops and what the model says to them. */
void generate(uint64_t seed, unsigned nr_ops, struct abilities can, struct op *ops,
	      struct outcome *model);
/* May a process say where its heap is? */
bool can_move_heap(void);
/* Does this kernel have memory policies and one node? */
bool can_numa(void);
/* Does them. False: this host cannot (the reason is printed). *out must be shared memory. */
bool run_real(const struct op *ops, unsigned nr_ops, struct abilities can, struct outcome *out);

#endif
