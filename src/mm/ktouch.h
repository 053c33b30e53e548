/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The kernel's own touches, put through the TLBs: for memory->ktouch. memory->tlb is there and on.
 */
#ifndef MM_KTOUCH_H
#define MM_KTOUCH_H

#include "mm/kentry.h"

extern const struct ktouch_ops ktouch_tlb;

#endif
