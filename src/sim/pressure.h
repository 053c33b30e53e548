/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What an allocation that finds no memory may ask for: struct pressure_ops, the one upward call of
 * mm/. Kernel counterpart: mm/vmscan.c (try_to_free_pages, node_reclaim, shrink_slab).
 *
 * What is behind each call is mm/vmscan.h, mm/compaction.h and mm/oom_kill.h. Here: the table, and the shrinkers that reclaim asks in
 * this order: page tables in quicklists, unused inodes with their dentries, empty slabs (of the policy slab: slub
 * gives empty ones back by itself, beyond min_partial), and what the huge pages have to give.
 */
#ifndef SIM_PRESSURE_H
#define SIM_PRESSURE_H

#include "mm/mm_types.h"

/* Registers the shrinkers and sets mem->pressure. The memory of both is the caller's. */
struct pressure;
struct pressure *pressure_create(struct memory *mem);
/* Before the memory goes; NULL is nothing. */
void pressure_destroy(struct pressure *p);

#endif
