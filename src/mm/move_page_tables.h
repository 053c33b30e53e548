/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Entries move from one place of an address space to another. Kernel counterpart: mm/mremap.c
 * (move_page_tables, CONFIG_HAVE_MOVE_PMD and HAVE_MOVE_PUD, as on x86-64 and arm64).
 *
 * Whole tables move by one entry of the table above where source, target and length allow; the
 * start is aligned down for that when nothing lies below it (try_realign_addr). Huge entries move
 * whole or are split.
 * Tables are made in the target only where the source has some; those of the source are left,
 * empty.
 */
#ifndef MM_MOVE_PAGE_TABLES_H
#define MM_MOVE_PAGE_TABLES_H

#include "mm/mm_types.h"

struct pagetable_move_control {
	struct vm_area_struct *old, *new;
	uint64_t old_addr, new_addr, len; /* bytes */
};

/* Bytes done: fewer than pmc->len when memory for tables ran out. */
uint64_t move_page_tables(struct pagetable_move_control *pmc);

#endif
