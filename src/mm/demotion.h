/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Cold folios leave a node that runs short for a slower one. Kernel counterpart: mm/vmscan.c (balance_pgdat, get_scan_count,
 * shrink_active_list, shrink_inactive_list, folio_check_references, demote_folio_list, try_to_free_pages), as far as it
 * demotes.
 *
 * Modelled: kswapd of each node, woken by allocations that find it below its low marks, works until a zone is above its
 * high mark (with tiering: its promotion mark); passes with rising share of the lists, anonymous and file folios by
 * swappiness 60; second chance by the accessed bits of all entries; the target node and what it falls back to; demotion
 * by who needs memory when there is none.
 * Simplified: kswapd goes one round (up to 32 folios of each list) behind each fault and each item of the trace, on the
 * first CPU of its node: it runs beside the program, at about the pace of a fault. Direct demotion runs between two tries
 * of a fault, not inside the allocation (alloc_fail counts the first try), and allocations outside of faults have none.
 * Locked folios stay active.
 * Left out: reclaim proper (writing back, swapping, dropping), refault distances, memory cgroups, pressure by cost.
 *
 * mem->kswapd_nodes says whose kswapd is at work; whoever can let it go on does when nothing else is under way.
 */
#ifndef MM_DEMOTION_H
#define MM_DEMOTION_H

#include "mm/mm_types.h"

/* For pressure_ops: the zone is below its low mark. Only notes it. */
void demotion_wake_kswapd(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest);
/* One round of each that was woken and is not done. */
void demotion_run_kswapds(struct memory *mem);
/* An allocation failed: makes room on nodes that can demote. Returns the pages demoted. */
uint64_t demotion_direct(struct memory *mem);

#endif
