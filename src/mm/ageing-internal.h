/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the files of ageing share: the owner of the pages in use. */
#ifndef MM_AGEING_INTERNAL_H
#define MM_AGEING_INTERNAL_H

#include "base/rng.h"
#include "mm/ageing.h"
#include "mm/buddy.h"

/* Makes memory->ageing. */
void ageing_create(struct memory *mem);
/* 2^order frames that no list holds become the owner's, respectively nobody's. */
void ageing_own(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt);
void ageing_disown(struct zone *zone, pfn_t pfn, unsigned order, enum migratetype mt);

#endif
