/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the files of hugetlb share. */
#ifndef MM_HUGETLB_INTERNAL_H
#define MM_HUGETLB_INTERNAL_H

#include "mm/hugetlb.h"

/* One more than the pool has, as far as overcommit permits; in use. PFN_NONE: none. */
pfn_t alloc_surplus_hugetlb_folio(struct hstate *h, int nid, uint64_t nodemask);

#endif
