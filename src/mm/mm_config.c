/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The settings of the memory manager. Defaults are those of Linux 6.18 on x86-64. */
#include "mm/mm_config.h"

#include <stddef.h>

#include "base/bug.h"
#include "mm/mm_types.h"

#define AT(member) offsetof(struct mm_config, member)

static const char *const overcommit_names[] = { "guess", "always", "never", NULL };
static const char *const thp_names[] = { "never", "madvise", "always", NULL };

static const struct config_row rows[] = {
	{"vm.fault_around_bytes", CONFIG_SIZE, AT(fault_around_bytes), "64K", 4096, 1 << 21, NULL,
	 "file pages mapped around a read fault: debugfs fault_around_bytes"},
	{"vm.overcommit_memory", CONFIG_CHOICE, AT(overcommit_memory), "guess", 0, 0,
	 overcommit_names,
	 "when a mapping is refused for want of memory: /proc/sys/vm/overcommit_memory 0, 1, 2"},
	{"vm.overcommit_ratio", CONFIG_UINT, AT(overcommit_ratio), "50", 0, 1000000, NULL,
	 "percent of memory that may be committed with overcommit_memory=never"},
	{"vm.max_map_count", CONFIG_UINT, AT(max_map_count), "65530", 1, INT32_MAX, NULL,
	 "areas a process may have: /proc/sys/vm/max_map_count"},
	{"vm.min_free_kbytes", CONFIG_UINT, AT(min_free_kbytes), "0", 0, UINT32_MAX, NULL,
	 "reserve that sets the watermarks; 0: computed as the kernel does"},
	{"vm.watermark_scale_factor", CONFIG_UINT, AT(watermark_scale_factor), "10", 1, 3000, NULL,
	 "distance between watermarks in 1/10000 of a zone"},
	{"vm.percpu_pagelist_high_fraction", CONFIG_UINT, AT(percpu_pagelist_high_fraction), "0", 0,
	 INT32_MAX, NULL, "per-cpu lists may hold this fraction of a zone; 0: sized by the kernel"},
	{"vm.stack_guard_gap_pages", CONFIG_UINT, AT(stack_guard_gap_pages), "256", 0, 1 << 20,
	 NULL, "pages kept free below a stack: kernel command line stack_guard_gap"},
	{"vm.read_ahead_kb", CONFIG_UINT, AT(read_ahead_kb), "128", 0, 1 << 20, NULL,
	 "read-ahead of the backing device: /sys/class/bdi/*/read_ahead_kb"},
	{"thp.enabled", CONFIG_CHOICE, AT(thp_enabled), "madvise", 0, 0, thp_names,
	 "huge pages for anonymous memory: /sys/kernel/mm/transparent_hugepage/enabled"},
	{"thp.use_zero_page", CONFIG_BOOL, AT(thp_use_zero_page), "on", 0, 0, NULL,
	 "reads of untouched huge areas map one huge zero page"},
	{"kernel.fault_around_folio", CONFIG_BOOL, AT(fault_around_folio), "on", 0, 0, NULL,
	 "a file fault maps the whole large folio when it can (6.18)"},
	{"kernel.pcp", CONFIG_BOOL, AT(pcp), "on", 0, 0, NULL,
	 "pages are allocated through per-cpu lists; off: each one under the zone lock"},
	{"kernel.pt_reclaim", CONFIG_BOOL, AT(pt_reclaim), "on", 0, 0, NULL,
	 "madvise(MADV_DONTNEED) frees page tables that became empty (6.14)"},
	{"memory.boot_reserved", CONFIG_SIZE, AT(boot_reserved_bytes), "0", 0, 1ull << 40, NULL,
	 "taken at boot by the kernel's image and early allocations; 0: 1/64 of the memory, "
	 "256K to 64M"},
	{"memory.mem_map", CONFIG_BOOL, AT(mem_map), "on", 0, 0, NULL,
	 "the array of struct page takes 64 bytes a frame from its node at boot"},
};

const struct config_table mm_config_table = { "mm", rows, ARRAY_SIZE(rows) };
