/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Page events against the page allocator: see replay-kernel.h. Slab: replay-slab.c. */
#include "sim/replay-kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "base/xalloc.h"
#include "mm/page_alloc.h"
#include "sim/replay.h"
#include "sim/replay-slab.h"

#define FRAMES_MAX    (1u << 24) /* ranges of one trace: more is no real machine */
#define TRACE_PFN_MAX (1ull << 40)
#define FROM_START    (1ull << 63) /* in page->index: in use since before the trace */

/* ---- what numbers mean in the traced kernel ---- */

/* Bits of gfp_t that the model knows, with their place in Linux 6.18. */
static const struct {
	const char *name;
	unsigned bit;
	gfp_t gfp;
} gfp_rows[] = {
	{"__GFP_DMA", 0, __GFP_DMA},
	{"__GFP_HIGHMEM", 1, __GFP_HIGHMEM},
	{"__GFP_DMA32", 2, __GFP_DMA32},
	{"__GFP_MOVABLE", 3, __GFP_MOVABLE},
	{"__GFP_RECLAIMABLE", 4, __GFP_RECLAIMABLE},
	{"__GFP_HIGH", 5, __GFP_HIGH},
	{"__GFP_ATOMIC", GFP_BITS, 0}, /* until 6.2: the model's reserves go by __GFP_HIGH */
	{"__GFP_IO", 6, __GFP_IO},
	{"__GFP_FS", 7, __GFP_FS},
	{"__GFP_ZERO", 8, __GFP_ZERO},
	{"__GFP_DIRECT_RECLAIM", 10, __GFP_DIRECT_RECLAIM},
	{"__GFP_KSWAPD_RECLAIM", 11, __GFP_KSWAPD_RECLAIM},
	{"__GFP_NOWARN", 13, __GFP_NOWARN},
	{"__GFP_RETRY_MAYFAIL", 14, __GFP_RETRY_MAYFAIL},
	{"__GFP_NOFAIL", 15, __GFP_NOFAIL},
	{"__GFP_NORETRY", 16, __GFP_NORETRY},
	{"__GFP_MEMALLOC", 17, __GFP_MEMALLOC},
	{"__GFP_COMP", 18, __GFP_COMP},
	{"__GFP_NOMEMALLOC", 19, __GFP_NOMEMALLOC},
	{"__GFP_HARDWALL", 20, __GFP_HARDWALL},
	{"__GFP_THISNODE", 21, __GFP_THISNODE},
	{"__GFP_ACCOUNT", 22, __GFP_ACCOUNT},
};

static void learn_gfp(struct kernel_replay *k, const struct trace_meta *meta)
{
	const json_t *bits = trace_meta_get(meta, "kernel/gfp_bits");

	k->gfp_known = json_object_size(bits) > 0;
	for (size_t i = 0; i < ARRAY_SIZE(gfp_rows); i++) {
		uint64_t mask = (uint64_t)json_integer_value(json_object_get(bits, gfp_rows[i].name));

		if (!k->gfp_known)
			mask = gfp_rows[i].bit < GFP_BITS ? 1ull << gfp_rows[i].bit : 0;
		if (mask)
			k->gfp[__builtin_ctzll(mask)] |= gfp_rows[i].gfp;
	}
}

static void learn_types(struct kernel_replay *k, const struct trace_meta *meta)
{
	static const struct {
		const char *name;
		enum migratetype type;
	} names[] = {
		{"Unmovable", MIGRATE_UNMOVABLE},     {"Movable", MIGRATE_MOVABLE},
		{"Reclaimable", MIGRATE_RECLAIMABLE}, {"HighAtomic", MIGRATE_HIGHATOMIC},
		{"CMA", MIGRATE_CMA},		      {"Isolate", MIGRATE_ISOLATE},
	};
	const json_t *list = trace_meta_get(meta, "kernel/migratetypes");

	for (unsigned i = 0; i < ARRAY_SIZE(k->type); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		/* The first three have kept their numbers since 2.6.24. */
		k->type[i] = i < MIGRATE_PCPTYPES ? (enum migratetype)i : MIGRATE_MOVABLE;
		for (size_t n = 0; name && n < ARRAY_SIZE(names); n++)
			if (!strcmp(name, names[n].name))
				k->type[i] = names[n].type;
	}
}

gfp_t kernel_replay_gfp(const struct kernel_replay *k, uint64_t traced)
{
	gfp_t gfp = 0;

	for (; traced; traced &= traced - 1)
		gfp |= k->gfp[__builtin_ctzll(traced)];
	return gfp;
}

/* ---- the start ---- */

static const json_t *meta_text(const struct trace_meta *meta, const char *path)
{
	const json_t *v = trace_meta_get(meta, path);

	return json_is_string(v) ? v : NULL;
}

static bool movable_migrate(struct memory *mem, pfn_t dst, pfn_t src, void *ctx)
{
	struct kernel_replay *k = ctx;

	pfn_map_set(&k->map, pfn_to_page(mem, src)->index & ~FROM_START, dst);
	return true;
}

/* Pages in use at the start stand for themselves. */
static void map_start(struct mmr_replay *r)
{
	struct kernel_replay *k = r->kernel;

	for (size_t i = 0; i < k->frames.nr; i++) {
		const struct frame_range *f = &k->frames.data[i];

		for (pfn_t pfn = f->start; f->use != FRAME_FREE && pfn < f->end; pfn++) {
			struct page *page = pfn_to_page(r->mem, pfn);

			if (page->flags & (PG_MOVABLE_OPS | PG_KERNEL) && page->index == pfn &&
			    page->_refcount == 1) {
				page->index |= FROM_START;
				pfn_map_set(&k->map, pfn, pfn);
			}
		}
	}
}

static int set_frames(struct mmr_replay *r, struct mmr_error *err)
{
	struct kernel_replay *k = r->kernel;
	const json_t *zoneinfo = meta_text(&r->meta, "memory/zoneinfo");
	const json_t *types = meta_text(&r->meta, "memory/pagetypeinfo");
	zone_marks_vec marks = {0};
	struct frame_state fs = {.ranges = k->frames.data, .nr_ranges = k->frames.nr,
				 .handle = k->handle};
	int rc;

	zone_marks_parse(&marks, json_string_value(zoneinfo), json_string_value(types));
	fs.zones = marks.data;
	fs.nr_zones = marks.nr;
	rc = memory_set_frames(r->mem, &fs, err);
	zone_marks_finish(&marks);
	return rc;
}

/* Free blocks of the model beside a text of buddyinfo. */
static void compare_lists(struct mmr_replay *r, const char *text, size_t len, struct free_lists **ret,
			  size_t *ret_nr)
{
	buddyinfo_vec rows = {0};
	VEC(struct free_lists) lists = {0};

	buddyinfo_parse(&rows, text, len);
	for (size_t i = 0; i < rows.nr; i++) {
		struct free_lists *l;
		const struct zone *zone;

		if (rows.data[i].nid >= r->mem->nr_nodes)
			continue;
		zone = &r->mem->nodes[rows.data[i].nid]->node_zones[rows.data[i].type];
		l = vec_push(&lists);
		*l = (struct free_lists){.kernel = rows.data[i]};
		for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++)
			l->model[order] = zone->free_area[order].nr_free;
	}
	vec_finish(&rows);
	*ret = lists.data;
	*ret_nr = lists.nr;
}

/* Before the first event that needs memory: everything of FRAMES has come. */
static void start(struct mmr_replay *r)
{
	struct kernel_replay *k = r->kernel;
	const json_t *buddyinfo = meta_text(&r->meta, "memory/buddyinfo");
	struct mmr_error err = {0};

	k->started = true;
	if (k->mode != KERNEL_PAGES)
		return;
	if (r->mem->ageing)
		err_set(&err, -EINVAL, "fragmentation.initial says how memory begins");
	else if (!k->frames.nr)
		err_set(&err, -EINVAL, "the trace does not hold it");
	else if (r->sys->topology_source && strcmp(r->sys->topology_source, "trace"))
		err_set(&err, -EINVAL, "the machine is not that of the trace");
	else
		k->has_frames = set_frames(r, &err) == 0;
	memcpy(k->start_reason, err.text, sizeof(k->start_reason) < sizeof(err.text)
						  ? sizeof(k->start_reason) : sizeof(err.text));
	k->start_reason[sizeof(k->start_reason) - 1] = '\0';
	if (k->has_frames)
		map_start(r);
	if (buddyinfo)
		compare_lists(r, json_string_value(buddyinfo), json_string_length(buddyinfo),
			      &k->start.data, &k->start.nr);
}

static void ev_frames(struct mmr_replay *r, const struct mmr_event *ev)
{
	static const enum frame_use uses[] = {
		[MMR_FRAMES_FREE] = FRAME_FREE, [MMR_FRAMES_MOVABLE] = FRAME_MOVABLE,
		[MMR_FRAMES_SLAB] = FRAME_SLAB, [MMR_FRAMES_KERNEL] = FRAME_KERNEL};
	struct kernel_replay *k = r->kernel;
	uint64_t start = ev->FRAMES.pfn, nr = ev->FRAMES.nr;

	if (k->started || ev->FRAMES.use < MMR_FRAMES_FREE || ev->FRAMES.use >= ARRAY_SIZE(uses) ||
	    !nr || start >= PFN_NONE || nr >= PFN_NONE - start || k->frames.nr >= FRAMES_MAX)
		return;
	*vec_push(&k->frames) = (struct frame_range){(pfn_t)start, (pfn_t)(start + nr),
						     uses[ev->FRAMES.use]};
}

/* ---- pages ---- */

/* A page that was handed out becomes one of nobody's, as the head of a block to be freed. */
static void give_back(struct mmr_replay *r, pfn_t pfn, unsigned order)
{
	struct zone *zone = page_zone(r->mem, pfn);
	struct page *page = pfn_to_page(r->mem, pfn);

	for (uint32_t i = 0; i < 1u << order; i++)
		page[i] = (struct page){
			.flags = zone->page_flags, .next = PFN_NONE, .prev = PFN_NONE};
	page->flags |= order << PAGE_ORDER_SHIFT;
	page->_refcount = 1;
	free_pages_pfn(r->mem, pfn, order);
}

/* A run of pages goes back in the largest blocks that it holds, at most 2^order pages each. */
static unsigned give_back_run(struct mmr_replay *r, pfn_t start, uint32_t nr, unsigned order)
{
	unsigned blocks = 0;

	while (nr) {
		unsigned o = start ? (unsigned)__builtin_ctz(start) : order;

		if (o > order)
			o = order;
		while (1u << o > nr)
			o--;
		give_back(r, start, o);
		start += 1u << o;
		nr -= 1u << o;
		blocks++;
	}
	return blocks;
}

/* Each page on its own, so that any of them can be freed. */
static void take_over(struct mmr_replay *r, uint64_t traced, pfn_t pfn, unsigned order, bool movable)
{
	struct kernel_replay *k = r->kernel;
	struct zone *zone = page_zone(r->mem, pfn);

	for (uint32_t i = 0; i < 1u << order; i++) {
		frame_own(zone, pfn + i, movable, k->handle, traced + i);
		pfn_map_set(&k->map, traced + i, pfn + i);
	}
}

/* The node of the traced frame, where the model has a node of that number. */
static int node_of(const struct mmr_replay *r, uint64_t traced)
{
	const struct zone *zone;

	if (r->mem->nr_nodes == 1 || !r->kernel->has_frames)
		return r->mem->cpu_node[r->mem->cpu];
	zone = pfn_zone(r->mem, traced);
	return zone ? (int)zone->zone_pgdat->node_id : r->mem->cpu_node[r->mem->cpu];
}

/* Mobility as the event has it, should the bits say something else. */
static gfp_t with_type(gfp_t gfp, enum migratetype type)
{
	static const gfp_t bits[MIGRATE_PCPTYPES] = {
		[MIGRATE_MOVABLE] = __GFP_MOVABLE, [MIGRATE_RECLAIMABLE] = __GFP_RECLAIMABLE};

	if (type >= MIGRATE_PCPTYPES || gfp_migratetype(gfp) == type)
		return gfp;
	return (gfp & ~(__GFP_MOVABLE | __GFP_RECLAIMABLE)) | bits[type];
}

/* Its free was lost, or had no event: it must have been freed before. */
static void free_stale(struct mmr_replay *r, uint64_t traced, unsigned order)
{
	struct kernel_replay *k = r->kernel;

	for (uint32_t i = 0; i < 1u << order; i++) {
		pfn_t old = pfn_map_del(&k->map, traced + i);

		if (old == PFN_NONE)
			continue;
		k->counts.implied_free_pages++;
		give_back(r, old, 0);
	}
}

static bool is_self(const struct kernel_replay *k, uint32_t task)
{
	for (size_t i = 0; i < k->self.nr; i++)
		if (k->self.data[i] == task)
			return true;
	return false;
}

static void ev_page_alloc(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	uint64_t traced = ev->PAGE_ALLOC.pfn, order = ev->PAGE_ALLOC.order;
	enum migratetype type = k->type[ev->PAGE_ALLOC.migratetype & 15];
	gfp_t gfp = with_type(kernel_replay_gfp(k, ev->PAGE_ALLOC.gfp), type);
	pfn_t pfn;

	if (traced == UINT64_MAX) {
		k->counts.alloc_failed_traced++;
		return;
	}
	if (order > r->mem->geo->max_order || traced >= TRACE_PFN_MAX) {
		k->counts.bad_orders++;
		return;
	}
	k->counts.allocs[order]++;
	k->counts.types[type]++;
	k->counts.alloc_pages += 1ull << order;
	k->counts.self_allocs += is_self(k, ev->task);
	free_stale(r, traced, (unsigned)order);
	pfn = alloc_pages_nodemask(r->mem, gfp & ~__GFP_COMP, (unsigned)order, node_of(r, traced),
				   NODEMASK_ALL);
	if (pfn == PFN_NONE) {
		k->counts.alloc_failed++;
		return;
	}
	k->counts.replayed[order]++;
	k->counts.types_replayed[type]++;
	take_over(r, traced, pfn, (unsigned)order, type == MIGRATE_MOVABLE);
}

/* What no event gave out: a frame of the start that was not known, or one that is free here. */
static void free_implied(struct mmr_replay *r, uint64_t traced)
{
	struct kernel_replay *k = r->kernel;
	pfn_t pfn;

	if (k->has_frames && traced < PFN_NONE && pfn_zone(r->mem, traced) &&
	    !frame_is_managed(r->mem, (pfn_t)traced)) {
		k->counts.implied_pages[IMPLIED_UNKNOWN]++;
		frame_state_adopt(r->mem, (pfn_t)traced, false, 0);
		give_back(r, (pfn_t)traced, 0);
		return;
	}
	k->counts.implied_pages[k->has_frames ? IMPLIED_BULK : IMPLIED_UNKNOWN]++;
	pfn = alloc_pages_nodemask(r->mem, GFP_KERNEL | __GFP_HIGHMEM, 0,
				   r->mem->cpu_node[r->mem->cpu], NODEMASK_ALL);
	if (pfn != PFN_NONE)
		give_back(r, pfn, 0);
}

static void ev_page_free(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	uint64_t traced = ev->PAGE_FREE.pfn, order = ev->PAGE_FREE.order;
	uint32_t nr = 0, matched = 0, blocks = 0;
	pfn_t run = PFN_NONE;

	if (ev->PAGE_FREE.batched) {
		k->counts.batched++; /* the free itself stands before it */
		return;
	}
	if (order > r->mem->geo->max_order || traced >= TRACE_PFN_MAX) {
		k->counts.bad_orders++;
		return;
	}
	k->counts.frees[order]++;
	k->counts.free_pages += 1ull << order;
	for (uint32_t i = 0; i < 1u << order; i++) {
		pfn_t pfn = pfn_map_del(&k->map, traced + i);

		if (nr && pfn != run + nr) {
			blocks += give_back_run(r, run, nr, (unsigned)order);
			nr = 0;
		}
		if (pfn == PFN_NONE) {
			free_implied(r, traced + i);
			continue;
		}
		if (pfn_to_page(r->mem, pfn)->index & FROM_START)
			k->counts.implied_pages[IMPLIED_BEFORE]++;
		else
			matched++;
		run = nr++ ? run : pfn;
	}
	if (nr)
		blocks += give_back_run(r, run, nr, (unsigned)order);
	k->counts.matched_pages += matched;
	if (matched == 1u << order && blocks == 1)
		k->counts.frees_whole++;
	else if (matched)
		k->counts.frees_parts++;
}

/* ---- the rest ---- */

static void ev_kernel_counters(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;

	if (ev->COUNTERS.scope != MMR_SCOPE_BUDDYINFO || ev->COUNTERS.when != MMR_WHEN_END ||
	    !ev->data)
		return;
	vec_finish(&k->end);
	compare_lists(r, ev->data, ev->data_len, &k->end.data, &k->end.nr);
}

/* Threads of the capture itself, by the process id that the metadata has. */
static void ev_kernel_task(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;

	if (k->self_pid && ev->TASK.pid == k->self_pid && k->self.nr < 64)
		*vec_push(&k->self) = ev->task;
}

/* What a side of the machine takes; needs_start: memory must be as it was at the start. */
static const struct {
	void (*fn)(struct mmr_replay *r, const struct mmr_event *ev);
	bool pages, slab, needs_start;
} kernel_handlers[REPLAY_KINDS] = {
	[MMR_FRAMES] = {ev_frames, true, false, false},
	[MMR_TASK] = {ev_kernel_task, true, true, false},
	[MMR_COUNTERS] = {ev_kernel_counters, true, false, false},
	[MMR_PAGE_ALLOC] = {ev_page_alloc, true, false, true},
	[MMR_PAGE_FREE] = {ev_page_free, true, false, true},
	[MMR_KMALLOC] = {ev_kmalloc, false, true, true},
	[MMR_KFREE] = {ev_kfree, false, true, true},
	[MMR_CACHE_ALLOC] = {ev_cache_alloc, false, true, true},
	[MMR_CACHE_FREE] = {ev_cache_free, false, true, true},
	[MMR_VMALLOC] = {ev_vmalloc, false, true, true},
	[MMR_VFREE] = {ev_vfree, false, true, true},
};

bool kernel_replay_event(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct kernel_replay *k = r->kernel;
	unsigned cpu = r->mem->cpu;

	if (k->mode == KERNEL_OFF)
		return false;
	if (ev->kind >= REPLAY_KINDS || !mmr_kind_info(ev->kind))
		return false;
	if (!kernel_handlers[ev->kind].fn ||
	    !(k->mode == KERNEL_PAGES ? kernel_handlers[ev->kind].pages
				      : kernel_handlers[ev->kind].slab)) {
		k->counts.set_aside += ev->kind > MMR_THROTTLE;
		return true;
	}
	if (kernel_handlers[ev->kind].needs_start && !k->started)
		start(r);
	r->mem->cpu = ev->cpu % r->mem->nr_cpus;
	kernel_handlers[ev->kind].fn(r, ev);
	r->mem->cpu = cpu;
	return true;
}

enum kernel_mode kernel_replay_mode(uint64_t setting, const struct trace_meta *meta)
{
	const json_t *events = trace_meta_get(meta, "events"), *name;
	size_t i;

	if (setting != KERNEL_AUTO)
		return (enum kernel_mode)setting;
	if (!json_is_true(trace_meta_get(meta, "capture/system_wide")))
		return KERNEL_OFF;
	json_array_foreach(events, i, name)
		if (json_is_string(name) &&
		    !strcmp(json_string_value(name), "kmem:mm_page_alloc"))
			return KERNEL_PAGES;
	return KERNEL_OFF;
}

void kernel_replay_init(struct mmr_replay *r)
{
	struct kernel_replay *k = xcalloc(1, sizeof(*k));

	r->kernel = k;
	k->mode = kernel_replay_mode(r->settings.system.replay_kernel, &r->meta);
	k->self_pid = trace_meta_u64(&r->meta, "capture/self_pid");
	learn_gfp(k, &r->meta);
	learn_types(k, &r->meta);
	pfn_map_init(&k->map);
	htable_init(&k->objects);
	htable_init(&k->areas);
	k->ops = (struct movable_operations){.migrate_page = movable_migrate, .ctx = k};
	if (k->mode != KERNEL_OFF)
		k->handle = mapping_handle_alloc(r->mem, &k->ops);
}

void kernel_replay_finish(struct mmr_replay *r)
{
	struct kernel_replay *k = r->kernel;

	if (!k)
		return;
	if (k->handle)
		mapping_handle_free(r->mem, k->handle);
	pfn_map_finish(&k->map);
	htable_finish(&k->objects);
	htable_finish(&k->areas);
	vec_finish(&k->caches);
	vec_finish(&k->frames);
	vec_finish(&k->self);
	vec_finish(&k->start);
	vec_finish(&k->end);
	free(k);
	r->kernel = NULL;
}
