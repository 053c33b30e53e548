/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which block of a region is visited next. A block is named by its byte offset in the part of the region that is used.
 *
 *	sequential, reverse	one after the other, from either end
 *	stride			block, block + stride ...; at the end the next pass begins one block later
 *	uniform, gups		any, each as likely
 *	zipf			by rank (gen/zipf.h); scatter deals the ranks out over the region
 *	hotcold			a share of the blocks gets a share of the visits
 *	chase			each once in an order that looks random, again and again in the same order
 */
#ifndef GEN_PATTERN_H
#define GEN_PATTERN_H

#include "base/rng.h"
#include "gen/permute.h"
#include "gen/spec.h"
#include "gen/zipf.h"

struct pattern {
	enum gen_pattern kind;
	bool scatter;
	uint64_t block, nr_blocks;
	uint64_t pos;			/* visits so far, modulo what the kind needs */
	uint64_t stride, per_pass;	/* stride: visits in one pass */
	uint64_t nr_hot, hot_accesses;
	struct permute order;
	struct zipf zipf;
	struct rng rng;
};

/* `length`: bytes used of the region. */
void pattern_init(struct pattern *p, const struct gen_work *w, uint64_t length, uint64_t seed);
/* Visits that cover everything once. */
uint64_t pattern_cover(const struct pattern *p);
uint64_t pattern_next(struct pattern *p);

#endif
