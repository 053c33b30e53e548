/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * How contiguous the memory behind an address space is: what a larger page, or a TLB that joins
 * neighbours, could map at once.
 *
 * A run is a row of virtual pages, one behind the other, that lie in frames one behind the other.
 * Pages without memory of their own (zero page, vdso data, devices) end a run and count nowhere.
 *	pages = sum of the lengths of all runs = sum of pages_by_order[]
 *	runs = sum of runs_by_order[]
 */
#ifndef SIM_CONTIGUITY_H
#define SIM_CONTIGUITY_H

#include "mm/mm_types.h"

/* Runs of 2^k to 2^(k+1) - 1 pages are of order k; longer ones are of the last. */
#define CONTIGUITY_ORDERS 24

struct contiguity {
	uint64_t pages, runs;
	uint64_t largest_pages; /* longest run */
	uint64_t runs_by_order[CONTIGUITY_ORDERS], pages_by_order[CONTIGUITY_ORDERS];
};

struct contiguity contiguity_of(const struct mm_struct *mm);
/* Adds what another address space has. */
void contiguity_add(struct contiguity *sum, const struct contiguity *c);

#endif
