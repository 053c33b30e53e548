/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Which block is visited next: see pattern.h. */
#include "gen/pattern.h"

void pattern_init(struct pattern *p, const struct gen_work *w, uint64_t length, uint64_t seed)
{
	*p = (struct pattern){
		.kind = (enum gen_pattern)w->pattern, .scatter = w->scatter,
		.block = w->pattern == GEN_GUPS ? w->word : w->block,
	};
	p->nr_blocks = length / p->block;
	rng_seed(&p->rng, seed);
	if (p->kind == GEN_STRIDE) {
		p->stride = w->stride < length ? w->stride : length;
		p->per_pass = length / p->stride;
	}
	if (p->kind == GEN_HOTCOLD) {
		p->nr_hot = (uint64_t)((unsigned __int128)p->nr_blocks * w->hot_percent / 100000);
		p->nr_hot += !p->nr_hot;
		p->hot_accesses = p->nr_hot == p->nr_blocks ? 100000 : w->hot_accesses;
	}
	if (p->kind == GEN_ZIPF)
		zipf_init(&p->zipf, p->nr_blocks, w->theta);
	permute_init(&p->order, p->nr_blocks, rng_u64(&p->rng));
}

uint64_t pattern_cover(const struct pattern *p)
{
	return p->kind == GEN_STRIDE ? p->per_pass * (p->stride / p->block + !!(p->stride % p->block)) : p->nr_blocks;
}

/* The next of 0 ... n-1, round and round. */
static uint64_t turn(struct pattern *p, uint64_t n)
{
	uint64_t at = p->pos;

	p->pos = at + 1 == n ? 0 : at + 1;
	return at;
}

static uint64_t next_stride(struct pattern *p)
{
	uint64_t at = turn(p, pattern_cover(p)), shift = at / p->per_pass * p->block;
	uint64_t offset = at % p->per_pass * p->stride + shift;

	/* The last block of a region that the stride does not divide ends with the region. */
	return offset + p->block <= p->nr_blocks * p->block ? offset : (p->nr_blocks - 1) * p->block;
}

static uint64_t next_hotcold(struct pattern *p)
{
	if (rng_below(&p->rng, 100000) < p->hot_accesses)
		return rng_below(&p->rng, p->nr_hot);
	return p->nr_hot + rng_below(&p->rng, p->nr_blocks - p->nr_hot);
}

static uint64_t scattered(const struct pattern *p, uint64_t rank)
{
	return p->scatter ? permute(&p->order, rank) : rank;
}

uint64_t pattern_next(struct pattern *p)
{
	switch (p->kind) {
	case GEN_SEQUENTIAL:
		return turn(p, p->nr_blocks) * p->block;
	case GEN_REVERSE:
		return (p->nr_blocks - 1 - turn(p, p->nr_blocks)) * p->block;
	case GEN_STRIDE:
		return next_stride(p);
	case GEN_ZIPF:
		return scattered(p, zipf_next(&p->zipf, &p->rng)) * p->block;
	case GEN_HOTCOLD:
		return scattered(p, next_hotcold(p)) * p->block;
	case GEN_CHASE:
		return permute(&p->order, turn(p, p->nr_blocks)) * p->block;
	case GEN_UNIFORM:
	case GEN_GUPS:
		break;
	}
	return rng_below(&p->rng, p->nr_blocks) * p->block;
}
