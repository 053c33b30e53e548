/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * How contiguous the memory behind an address space is: what a larger page, or a TLB that joins
 * neighbours, could map at once.
 *
 * A run is a row of virtual pages, one behind the other, that lie in frames one behind the other.
 * Pages without memory of their own (zero page, vdso data, devices) end a run and count nowhere.
 *	pages = sum of the lengths of all runs
 */
#ifndef SIM_CONTIGUITY_H
#define SIM_CONTIGUITY_H

#include "mm/mm_types.h"

struct contiguity {
	uint64_t pages, runs;
	uint64_t largest_pages; /* longest run */
};

struct contiguity contiguity_of(const struct mm_struct *mm);

#endif
