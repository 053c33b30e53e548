/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The TLBs of the CPUs: what happens behind the first-level hit that tlb.h inlines. */
#include "machine/tlb.h"

#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "base/xalloc.h"

#define ROW(key_, type_, member, def_, min_, max_, choices_, help_) \
	{ .key = key_, .type = type_, .offset = offsetof(struct tlb_config, member), .def = def_, \
	  .min = min_, .max = max_, .choices = choices_, .help = help_ }
static const struct config_row rows[] = {
	ROW("machine.tlb", CONFIG_CHOICE, policy, "lru", 0, 0, tlb_policy_names,
	    "replacement in the TLBs: exact LRU, or null: no TLB, every access walks"),
	ROW("machine.asids", CONFIG_BOOL, asids, "on", 0, 0, NULL,
	    "tag TLB entries with address-space identifiers (x86: PCID); off: a switch flushes"),
	ROW("machine.walk_caches", CONFIG_BOOL, walk_caches, "on", 0, 0, NULL,
	    "page-walk caches; off: every walk starts at the root"),
	ROW("kernel.tlb_single_page_flush_ceiling", CONFIG_UINT, single_page_flush_ceiling, "33", 0, 1u << 20, NULL,
	    "flushes of more pages flush all (arch/x86/mm/tlb.c: tlb_single_page_flush_ceiling)"),
};
const struct config_table tlb_config_table = { "tlb", rows, ARRAY_SIZE(rows) };

/* ---- creation ---- */

static void caches_of(struct tlb_cpu *cpu, struct tlb_cache *ret[2 * NR_TLB_STREAMS], unsigned *ret_nr)
{
	*ret_nr = 0;
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
		ret[(*ret_nr)++] = &cpu->stream[s].l1;
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
		if (cpu->l2[s].entry)
			ret[(*ret_nr)++] = &cpu->l2[s];
}

static void init_stream(struct tlb_cpu *cpu, enum tlb_stream s, const uint8_t *granule_shift)
{
	const struct tlb_system *sys = cpu->sys;
	const struct tlb_level_geometry *l1 = &sys->hw.level[TLB_L1][s], *l2 = &sys->hw.level[TLB_L2][s];
	const struct tlb_policy *policy = &tlb_policies[sys->conf.policy];
	struct tlb_stream_state *st = &cpu->stream[s];

	tlb_cache_init(&st->l1, l1->array, l1->nr_arrays, granule_shift, sys->nr_sizes, cpu->live, policy);
	if (s == TLB_INSN && sys->hw.l2_shared) {
		st->l2 = cpu->stream[TLB_DATA].l2;
	} else if (l2->nr_arrays) {
		st->l2 = &cpu->l2[s];
		tlb_cache_init(st->l2, l2->array, l2->nr_arrays, granule_shift, sys->nr_sizes, cpu->live, policy);
	}
}

/* The arrays behind the counts by class, of both streams. Returns what is to be freed. */
static uint64_t *init_counters(const struct tlb_system *sys, struct tlb_stream_counts *data,
			       struct tlb_stream_counts *insn)
{
	struct tlb_stream_counts *stream[NR_TLB_STREAMS] = { [TLB_DATA] = data, [TLB_INSN] = insn };
	size_t nr = sys->nr_classes + 1;
	size_t all = NR_TLB_STREAMS * (NR_TLB_LEVELS * 2 * nr + sys->nr_nodes);
	uint64_t *counters = xcalloc(all, sizeof(*counters)), *at = counters;

	for (unsigned s = 0; s < NR_TLB_STREAMS; s++)
		for (unsigned l = 0; l < NR_TLB_LEVELS; l++, at += 2 * nr)
			stream[s]->level[l] = (struct tlb_counts){ .hits = at, .misses = at + nr };
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++, at += sys->nr_nodes)
		stream[s]->walk_nodes = at;
	return counters;
}

static void swap_u64(uint64_t *a, uint64_t *b)
{
	uint64_t t = *a;

	*a = *b;
	*b = t;
}

void tlb_swap_side(struct tlb_cpu *cpu)
{
	struct tlb_side *k = &cpu->kernel;

	if (!k->counters)
		k->counters = init_counters(cpu->sys, &k->stream[TLB_DATA], &k->stream[TLB_INSN]);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		struct tlb_stream_counts t = cpu->stream[s].counts;

		cpu->stream[s].counts = k->stream[s];
		k->stream[s] = t;
	}
	swap_u64(&cpu->nr_reads, &k->nr_reads);
	swap_u64(&cpu->nr_writes, &k->nr_writes);
	swap_u64(&cpu->nr_splits, &k->nr_splits);
}

static void init_walk_caches(struct tlb_cpu *cpu)
{
	const struct tlb_system *sys = cpu->sys;

	for (unsigned l = 1; sys->conf.walk_caches && l < sys->geo->nr_levels; l++) {
		uint8_t shift = (uint8_t)(sys->geo->level[l].shift - TLB_KEY_SHIFT);
		struct tlb_array_geometry array = { .nr_sets = 1, .ways = sys->hw.walk_cache[l], .sizes = 1 };

		if (array.ways)
			tlb_cache_init(&cpu->walk_cache[l], &array, 1, &shift, 1, cpu->live, &tlb_policies[0]);
	}
}

/* Empties the entries of dead numbers, so that the numbers may be given out again. */
static void sweep_dead(struct tlb_cpu *cpu)
{
	struct tlb_cache *cache[2 * NR_TLB_STREAMS];
	unsigned nr;

	caches_of(cpu, cache, &nr);
	for (unsigned i = 0; i < nr; i++)
		tlb_cache_sweep(cache[i], false);
	for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++)
		if (cpu->walk_cache[l].entry)
			tlb_cache_sweep(&cpu->walk_cache[l], false);
}

/* A number that no entry bears. */
static uint16_t new_tag(struct tlb_cpu *cpu)
{
	do {
		if (cpu->next_tag == TLB_NR_TAGS - 1) {
			sweep_dead(cpu);
			cpu->next_tag = TLB_TAG_GLOBAL + 1;
		}
	} while (bitmap_test(cpu->live, cpu->next_tag++));
	bitmap_set(cpu->live, cpu->next_tag - 1);
	return (uint16_t)(cpu->next_tag - 1);
}

__attribute__((cold, noinline)) struct tlb_cpu *tlb_cpu_create(struct tlb_system *sys, unsigned id)
{
	struct tlb_cpu *cpu = xaligned_zalloc(64, sizeof(*cpu));
	uint8_t granule_shift[MAX_PAGE_SIZES] = {0};
	unsigned nr_asids = sys->nr_asids ? sys->nr_asids : 1;

	BUG_ON(id >= sys->nr_cpus);
	cpu->sys = sys;
	cpu->id = id;
	cpu->counters = init_counters(sys, &cpu->stream[TLB_DATA].counts, &cpu->stream[TLB_INSN].counts);
	cpu->next_tag = TLB_TAG_GLOBAL + 1;
	bitmap_set(cpu->live, TLB_TAG_GLOBAL);
	for (unsigned i = 0; i < sys->nr_sizes; i++)
		granule_shift[i] = (uint8_t)(sys->page_shift[i] - TLB_KEY_SHIFT);
	for (unsigned s = 0; s < NR_TLB_STREAMS; s++) {
		init_stream(cpu, s, granule_shift);
		memset(cpu->stream[s].region_shift, granule_shift[0], sizeof(cpu->stream[s].region_shift));
	}
	init_walk_caches(cpu);
	for (unsigned i = 0; i < nr_asids; i++) {
		cpu->asid_tag[i] = new_tag(cpu);
		cpu->asid_walk_tag[i] = new_tag(cpu);
	}
	cpu->tag = cpu->asid_tag[0];
	cpu->state.next_asid = 1;
	sys->cpu[id] = cpu;
	return cpu;
}

static void cpu_destroy(struct tlb_cpu *cpu)
{
	struct tlb_cache *cache[2 * NR_TLB_STREAMS];
	unsigned nr;

	if (!cpu)
		return;
	caches_of(cpu, cache, &nr);
	for (unsigned i = 0; i < nr; i++)
		tlb_cache_finish(cache[i]);
	for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++)
		if (cpu->walk_cache[l].entry)
			tlb_cache_finish(&cpu->walk_cache[l]);
	free(cpu->counters);
	free(cpu->kernel.counters);
	free(cpu);
}

struct tlb_system *tlb_create(const struct geometry *geo, const struct tlb_geometry *hw,
			      const struct tlb_config *conf, unsigned nr_cpus, unsigned nr_nodes)
{
	struct tlb_system *sys = xcalloc(1, sizeof(*sys));

	BUG_ON(nr_nodes == 0 || nr_nodes > TLB_MAX_NODES || hw->nr_asids > TLB_MAX_ASIDS);
	sys->geo = geo;
	sys->hw = *hw;
	sys->conf = *conf;
	sys->nr_cpus = nr_cpus;
	sys->nr_nodes = nr_nodes;
	sys->nr_asids = conf->asids ? hw->nr_asids : 0;
	sys->nr_sizes = geometry_page_sizes(geo, sys->page_shift);
	sys->nr_classes = sys->nr_sizes * nr_nodes;
	for (unsigned l = 0, size = 0; l < geo->nr_levels; l++)
		sys->size_of_level[l] = (uint8_t)(geo->level[l].may_leaf ? size++ : 0);
	sys->cpu = xcalloc(nr_cpus, sizeof(struct tlb_cpu *));
	return sys;
}

void tlb_destroy(struct tlb_system *sys)
{
	if (!sys)
		return;
	for (unsigned i = 0; i < sys->nr_cpus; i++)
		cpu_destroy(sys->cpu[i]);
	free(sys->cpu);
	free(sys);
}

/* ---- the access path ---- */

static void guess_size(struct tlb_stream_state *s, uint64_t key, const struct tlb_entry *e)
{
	uint8_t shift = s->l1.shift[e->size];

	s->region_shift[key >> (TLB_KEY_SHIFT + 9) & (TLB_NR_REGIONS - 1)] = shift;
	s->has_large |= shift > 0;
}

static struct tlb_entry *fill_l1(struct tlb_cpu *cpu, struct tlb_stream_state *s, const struct tlb_mapping *m)
{
	struct tlb_entry *e = tlb_cache_insert(&s->l1, m, cpu->clock, s->evictions[TLB_L1]);

	if (e)
		guess_size(s, m->key, e);
	return e;
}

static struct tlb_entry *refill_from(struct tlb_cpu *cpu, struct tlb_stream_state *s, uint64_t key,
				     const struct tlb_entry *l2)
{
	struct tlb_mapping m = {
		.key = key, .flags = l2->flags, .class = l2->class, .size = l2->mapped,
		.global = (l2->tag & (TLB_NR_TAGS - 1)) == TLB_TAG_GLOBAL,
	};

	return fill_l1(cpu, s, &m);
}

static void drop_page(struct tlb_cpu *cpu, uint64_t key)
{
	struct tlb_cache *cache[2 * NR_TLB_STREAMS];
	unsigned nr;

	caches_of(cpu, cache, &nr);
	for (unsigned i = 0; i < nr; i++)
		tlb_cache_remove(cache[i], key);
}

enum tlb_found tlb_lookup(struct tlb_cpu *cpu, enum tlb_stream stream, uint64_t key, unsigned need,
			  const struct tlb_entry **ret)
{
	struct tlb_stream_state *s = &cpu->stream[stream];
	struct tlb_entry *e = tlb_cache_lookup(&s->l1, key);
	bool in_l1 = e;

	if (!e && s->l2)
		e = tlb_cache_lookup(s->l2, key);
	if (!e)
		return TLB_FOUND_NOT;
	need &= ~TLB_DIRTY;
	if ((e->flags & need) != need) {
		drop_page(cpu, key);
		return TLB_FOUND_NOT;
	}
	e->stamp = cpu->clock;
	if (in_l1)
		guess_size(s, key, e);
	*ret = in_l1 ? e : refill_from(cpu, s, key, e);
	return in_l1 ? TLB_FOUND_L1 : TLB_FOUND_L2;
}

void tlb_set_dirty(struct tlb_cpu *cpu, enum tlb_stream stream, uint64_t key)
{
	struct tlb_stream_state *s = &cpu->stream[stream];
	struct tlb_cache *level[] = { &s->l1, s->l2 };

	for (unsigned l = 0; l < NR_TLB_LEVELS; l++) {
		struct tlb_entry *e = level[l] ? tlb_cache_lookup(level[l], key) : NULL;

		if (e)
			e->flags |= TLB_DIRTY;
	}
}

void tlb_count_failed(struct tlb_system *sys, struct tlb_stream_state *s, unsigned result, uint64_t nr)
{
	s->level[TLB_L1].misses[sys->nr_classes] += nr;
	s->level[TLB_L2].misses[sys->nr_classes] += nr;
	s->failed[result] += nr;
}

/* Walk caches are tagged apart, so that a flush of one page can flush them without the TLBs. */
static uint64_t walk_key(const struct tlb_cpu *cpu, uint64_t key)
{
	return (key & ~(uint64_t)(TLB_NR_TAGS - 1)) | cpu->asid_walk_tag[cpu->state.loaded_asid];
}

unsigned tlb_walk_begin(struct tlb_cpu *cpu, struct tlb_stream_state *s, uint64_t key)
{
	unsigned l;

	key = walk_key(cpu, key);
	for (l = 1; l < cpu->sys->geo->nr_levels; l++) {
		struct tlb_entry *e = cpu->walk_cache[l].entry ? tlb_cache_lookup(&cpu->walk_cache[l], key) : NULL;

		if (e) {
			e->stamp = cpu->clock;
			s->walk_cache_hits[l]++;
			break;
		}
	}
	return l - 1;
}

void tlb_walk_end(struct tlb_cpu *cpu, struct tlb_stream_state *s, uint64_t key, unsigned first, unsigned last)
{
	struct tlb_mapping m = { .key = walk_key(cpu, key) };

	cpu->walk_used[cpu->state.loaded_asid] = true;
	for (unsigned l = first > last ? first : last; l > last; l--) {
		s->walk_refs[l]++;
		if (cpu->walk_cache[l].entry)
			tlb_cache_insert(&cpu->walk_cache[l], &m, cpu->clock, &s->walk_cache_evictions[l]);
	}
	s->walk_refs[last]++;
}

void tlb_fill(struct tlb_cpu *cpu, enum tlb_stream stream, const struct tlb_mapping *m)
{
	struct tlb_stream_state *s = &cpu->stream[stream];

	fill_l1(cpu, s, m);
	if (s->l2)
		tlb_cache_insert(s->l2, m, cpu->clock, s->evictions[TLB_L2]);
}

/* ---- the operating system ---- */

static void retire(struct tlb_cpu *cpu, uint16_t *tag)
{
	bitmap_clear(cpu->live, *tag);
	*tag = new_tag(cpu);
}

static void flush_walk_caches(struct tlb_cpu *cpu, unsigned asid)
{
	if (!cpu->walk_used[asid])
		return;
	cpu->walk_used[asid] = false;
	retire(cpu, &cpu->asid_walk_tag[asid]);
	for (unsigned l = 0; l < GEOMETRY_MAX_LEVELS; l++)
		tlb_cache_tag_died(&cpu->walk_cache[l]);
}

static void flush_asid(struct tlb_cpu *cpu, unsigned asid)
{
	struct tlb_cache *cache[2 * NR_TLB_STREAMS];
	unsigned nr;

	caches_of(cpu, cache, &nr);
	retire(cpu, &cpu->asid_tag[asid]);
	for (unsigned i = 0; i < nr; i++)
		tlb_cache_tag_died(cache[i]);
	flush_walk_caches(cpu, asid);
	cpu->nr_flush_asid++;
}

void tlb_set_asid(struct tlb_cpu *cpu, unsigned asid, bool flush)
{
	BUG_ON(asid >= (cpu->sys->nr_asids ? cpu->sys->nr_asids : 1));
	if (flush)
		flush_asid(cpu, asid);
	cpu->state.loaded_asid = (uint16_t)asid;
	cpu->tag = cpu->asid_tag[asid];
}

void tlb_flush_asid(struct tlb_cpu *cpu)
{
	tlb_set_asid(cpu, cpu->state.loaded_asid, true);
}

void tlb_flush_one(struct tlb_cpu *cpu, uint64_t addr)
{
	drop_page(cpu, tlb_key(cpu, addr >> TLB_KEY_SHIFT));
	flush_walk_caches(cpu, cpu->state.loaded_asid);
	cpu->nr_flush_one++;
}

void tlb_flush_all(struct tlb_cpu *cpu)
{
	struct tlb_cache *cache[2 * NR_TLB_STREAMS];
	unsigned nr, nr_asids = cpu->sys->nr_asids ? cpu->sys->nr_asids : 1;

	for (unsigned i = 0; i < nr_asids; i++)
		flush_asid(cpu, i);
	cpu->nr_flush_asid -= nr_asids;
	cpu->nr_flush_all++;
	caches_of(cpu, cache, &nr);
	for (unsigned i = 0; i < nr; i++)
		tlb_cache_sweep(cache[i], true);
	cpu->tag = cpu->asid_tag[cpu->state.loaded_asid];
}
