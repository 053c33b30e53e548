/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The table of periodic work: see kthreads.h. */
#include "sim/kthreads.h"

#include "base/bug.h"
#include "mm/compaction.h"
#include "mm/fs_writeback.h"
#include "mm/khugepaged.h"
#include "mm/numa_balancing.h"
#include "mm/page_alloc.h"
#include "mm/quicklist.h"
#include "mm/slab.h"
#include "sim/background.h"
#include "sim/replay.h"

#define NSEC_PER_SEC 1000000000ull

/* --- the vmstat worker: mm/vmstat.c, vmstat_update(), each vm.stat_interval ------------------- */

static uint64_t vmstat_period_ns(const struct mmr_replay *r)
{
	return r->mem->conf.pcp ? NSEC_PER_SEC : 0;
}

static void vmstat_run(struct mmr_replay *r)
{
	decay_pcp_high(r->mem);
}

/* --- reaping of slab caches: mm/slab.c, cache_reap(), each 2 s --------------------------------- */

static uint64_t slab_period_ns(const struct mmr_replay *r)
{
	return slab_reap_period_ns(r->mem);
}

static void slab_run(struct mmr_replay *r)
{
	slab_reap_periodic(r->mem);
}

/* --- idle CPUs trim their quicklists: cpu_idle(), check_pgt_cache() ---------------------------- */

static uint64_t quicklist_period_ns(const struct mmr_replay *r)
{
	return r->mem->conf.quicklists ? NSEC_PER_SEC : 0;
}

static void quicklist_run(struct mmr_replay *r)
{
	quicklist_trim_idle(r->mem);
}

/* --- the scheduler's tick, as far as NUMA balancing counts runtime by it ----------------------- */

static uint64_t numa_tick_period_ns(const struct mmr_replay *r)
{
	uint64_t hz = r->mem->conf.hz ? r->mem->conf.hz : 250;

	return r->mem->last_cpupid ? NSEC_PER_SEC / hz : 0;
}

static void numa_tick_run(struct mmr_replay *r)
{
	task_tick_numa(r->mem, numa_tick_period_ns(r));
}

/* --- the flusher: fs/fs-writeback.c, wb_workfn(), each vm.dirty_writeback_centisecs ------------- */

static uint64_t flusher_period_ns(const struct mmr_replay *r)
{
	return r->mem->conf.dirty_writeback_centisecs * 10000000ull;
}

static void flusher_run(struct mmr_replay *r)
{
	wb_workfn(r->mem);
}

/* --- kcompactd unasked: mm/compaction.c, each HPAGE_FRAG_CHECK_INTERVAL_MSEC -------------------- */

static uint64_t kcompactd_period_ns(const struct mmr_replay *r)
{
	return r->mem->conf.compaction_proactiveness ? COMPACTION_PROACTIVE_MS * 1000000ull : 0;
}

static void kcompactd_tick(struct mmr_replay *r)
{
	kcompactd_proactive(r->mem);
}

/* --- others that allocate ---------------------------------------------------------------------- */

static uint64_t background_period_ns(const struct mmr_replay *r)
{
	return r->background.period_ns;
}

/* --- khugepaged: mm/khugepaged.c, khugepaged_wait_work() ---------------------------------------- */

static uint64_t khugepaged_period_ns(const struct mmr_replay *r)
{
	return khugepaged_sleep_ns(r->mem);
}

static void khugepaged_tick(struct mmr_replay *r)
{
	khugepaged_run(r->mem);
}

/* --- the timeline: last, so that it sees what the others did at the same time ----------------- */

static uint64_t timeline_period_ns(const struct mmr_replay *r)
{
	return r->timeline.interval_ns;
}

static void timeline_run(struct mmr_replay *r)
{
	timeline_sample(r, r->kthreads.next_ns);
}

/* --- whoever wants to look at one time: replay_watch() ---------------------------------------- */

static uint64_t watch_period_ns(const struct mmr_replay *r)
{
	return r->watch.time_ns;
}

static void watch_run(struct mmr_replay *r)
{
	r->watch.time_ns = 0;
	r->watch.fn(r->watch.ctx);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct kthread {
	const char *name;
	uint64_t (*period_ns)(const struct mmr_replay *r); /* 0: switched off */
	void (*run)(struct mmr_replay *r);
} kthread_table[] = {
	{"timer", timer_period_ns, timer_run},
	{"vmstat", vmstat_period_ns, vmstat_run},
	{"slab", slab_period_ns, slab_run},
	{"quicklist", quicklist_period_ns, quicklist_run},
	{"numa_tick", numa_tick_period_ns, numa_tick_run},
	{"flusher", flusher_period_ns, flusher_run},
	{"kcompactd", kcompactd_period_ns, kcompactd_tick},
	{"khugepaged", khugepaged_period_ns, khugepaged_tick},
	{"background", background_period_ns, background_run},
	{"timeline", timeline_period_ns, timeline_run},
	{"watch", watch_period_ns, watch_run},
};
_Static_assert(ARRAY_SIZE(kthread_table) <= NR_KTHREADS_MAX, "NR_KTHREADS_MAX is too small");

/* The row that is due first. */
static size_t earliest(struct kthreads *k)
{
	size_t first = 0;

	for (size_t i = 1; i < ARRAY_SIZE(kthread_table); i++)
		if (k->due_ns[i] < k->due_ns[first])
			first = i;
	k->next_ns = k->due_ns[first];
	return first;
}

void kthreads_start(struct mmr_replay *r)
{
	struct kthreads *k = &r->kthreads;

	for (size_t i = 0; i < ARRAY_SIZE(kthread_table); i++) {
		uint64_t period = kthread_table[i].period_ns(r);

		k->due_ns[i] = period ? r->mem->now_ns + period : KTHREAD_NEVER;
	}
	(void)earliest(k);
}

void kthreads_run(struct mmr_replay *r)
{
	struct kthreads *k = &r->kthreads;
	uint64_t now = r->mem->now_ns;

	for (size_t i = earliest(k); k->next_ns <= now; i = earliest(k)) {
		uint64_t period = kthread_table[i].period_ns(r), missed;

		if (!period) {
			k->due_ns[i] = KTHREAD_NEVER;
			continue;
		}
		missed = (now - k->due_ns[i]) / period;
		if (missed > KTHREAD_CATCH_UP)
			k->due_ns[i] += (missed - KTHREAD_CATCH_UP) * period;
		k->next_ns = k->due_ns[i];
		kthread_table[i].run(r);
		k->due_ns[i] += kthread_table[i].period_ns(r); /* the run may have changed it */
	}
}
