/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the files of ageing share: the owner of the pages in use. */
#ifndef MM_AGEING_INTERNAL_H
#define MM_AGEING_INTERNAL_H

#include "base/rng.h"
#include "mm/ageing.h"
#include "mm/buddy.h"

/* The index of a node as it is now goes into memory->ageing, and is returned. */
unsigned ageing_note_index(struct pglist_data *pgdat);
/* Makes memory->ageing; order: what its index is of. */
void ageing_create(struct memory *mem, unsigned order);
/* 2^order frames that no list holds become the owner's, respectively nobody's. */
void ageing_own(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt);
void ageing_disown(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt);

#endif
