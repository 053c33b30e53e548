/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Handlers of slab and vmalloc events; replay-kernel.h has the whole. */
#ifndef SIM_REPLAY_SLAB_H
#define SIM_REPLAY_SLAB_H

#include "sim/replay-kernel.h"

typedef void kernel_fn(struct mmr_replay *r, const struct mmr_event *ev);
kernel_fn ev_kmalloc, ev_kfree, ev_cache_alloc, ev_cache_free, ev_vmalloc, ev_vfree;

/* GFP bits of the traced kernel as the model numbers them. */
gfp_t kernel_replay_gfp(const struct kernel_replay *k, uint64_t traced);

#endif
