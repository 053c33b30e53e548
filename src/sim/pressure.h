/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What an allocation that finds no memory may ask for: struct pressure_ops, the one upward call of
 * mm/. Kernel counterpart: mm/vmscan.c (try_to_free_pages, node_reclaim, shrink_slab).
 *
 * Modelled: the registered shrinkers, in this order: page tables in quicklists, unused inodes with
 * their dentries, empty slabs (of the policy slab: slub gives empty ones back by itself, beyond
 * min_partial); kswapd is noted for demotion. Left out: reclaim of pages, compaction, the OOM
 * killer: an allocation that shrinkers do not help fails.
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
