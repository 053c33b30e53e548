/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `reclaim`: who looked at how many pages and what it brought, what came back, what was swapped and written, who
 * had to wait, who was killed. All of it is about which pages are touched and when: null where the trace has not every access.
 */
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "mm/lru_gen.h"
#include "mm/memcg.h"
#include "mm/oom_kill.h"
#include "mm/psi.h"
#include "mm/swapfile.h"
#include "mm/writeback.h"
#include "report/report.h"

const char *report_no_recency(const struct mmr_replay *r)
{
	if (!r->mem->lru_enabled)
		return "the trace has faults only: no pages are kept by age";
	return r->settings.force ? NULL : report_no_accesses(r);
}

static uint64_t event(const struct memory *mem, unsigned item)
{
	return mem->vm_event[item];
}

static uint64_t node_sum(const struct memory *mem, unsigned item)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		sum += mem->nodes[n] ? mem->nodes[n]->vm_stat[item] : 0;
	return sum;
}

/* ---- scanned and stolen ---- */

static void put_yield(json_t *obj, uint64_t scanned, uint64_t stolen)
{
	j_u64(obj, "scanned_pages", scanned);
	j_u64(obj, "stolen_pages", stolen);
	j_ratio(obj, "efficiency", stolen, scanned);
}

static uint64_t both(const struct memory *mem, unsigned item)
{
	return event(mem, item) + event(mem, item + 1);
}

/* Like /proc/vmstat, the counters by who reclaims leave out what the limits of groups were for. */
static void put_reclaimers(json_t *reclaim, const struct memory *mem)
{
	static const char *const keys[] = {"kswapd", "direct", "khugepaged", "proactive"};
	uint64_t scanned = both(mem, PGSCAN_ANON), stolen = both(mem, PGSTEAL_ANON);
	json_t *by, *demoted;

	put_yield(reclaim, scanned, stolen);
	by = j_object(reclaim, "by");
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		put_yield(j_object(by, keys[i]), event(mem, PGSCAN_KSWAPD + i), event(mem, PGSTEAL_KSWAPD + i));
		scanned -= event(mem, PGSCAN_KSWAPD + i);
		stolen -= event(mem, PGSTEAL_KSWAPD + i);
	}
	put_yield(j_object(by, "limits"), scanned, stolen);
	demoted = j_object(reclaim, "demoted_pages");
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		j_u64(demoted, keys[i], node_sum(mem, PGDEMOTE_KSWAPD + i));
}

static void put_kinds(json_t *reclaim, const struct memory *mem)
{
	static const char *const keys[] = {"anon", "file"};
	json_t *kinds = j_object(reclaim, "kinds");

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *obj = j_object(kinds, keys[i]);

		put_yield(obj, event(mem, PGSCAN_ANON + i), event(mem, PGSTEAL_ANON + i));
		j_u64(obj, "refault_pages", node_sum(mem, WORKINGSET_REFAULT_ANON + i));
		j_u64(obj, "refault_activated_pages", node_sum(mem, WORKINGSET_ACTIVATE_ANON + i));
		j_u64(obj, "refault_restored_pages", node_sum(mem, WORKINGSET_RESTORE_ANON + i));
		j_u64(obj, "inactive_pages", node_sum(mem, NR_INACTIVE_ANON + i * LRU_FILE));
		j_u64(obj, "active_pages", node_sum(mem, NR_ACTIVE_ANON + i * LRU_FILE));
	}
}

static void put_lists(json_t *reclaim, const struct memory *mem)
{
	json_t *obj = j_object(reclaim, "lists");

	j_u64(obj, "activated_pages", event(mem, PGACTIVATE));
	j_u64(obj, "deactivated_pages", event(mem, PGDEACTIVATE));
	j_u64(obj, "refill_scanned_pages", event(mem, PGREFILL));
	j_u64(obj, "rotated_pages", event(mem, PGROTATED));
	j_u64(obj, "lazyfree_pages", event(mem, PGLAZYFREE));
	j_u64(obj, "lazyfreed_pages", event(mem, PGLAZYFREED));
	j_u64(obj, "unevictable_pages", node_sum(mem, NR_UNEVICTABLE));
}

/* ---- swap and writeback ---- */

static void put_swap(json_t *reclaim, const struct memory *mem)
{
	static const char *const kinds[] = {
		[SWAP_DISK] = "disk", [SWAP_SSD] = "ssd", [SWAP_FILE] = "file", [SWAP_DISK_FILE] = "diskfile", [SWAP_ZRAM] = "zram",
	};
	const struct swap_system *sys = mem->swap;
	json_t *obj = j_object(reclaim, "swap"), *areas;
	unsigned shift = mem->geo->page_shift;

	j_u64(obj, "in_pages", event(mem, PSWPIN));
	j_u64(obj, "out_pages", event(mem, PSWPOUT));
	j_u64(obj, "readahead_pages", event(mem, SWAP_RA));
	j_u64(obj, "readahead_hit_pages", event(mem, SWAP_RA_HIT));
	j_u64(obj, "zswap_in_pages", event(mem, ZSWPIN));
	j_u64(obj, "zswap_out_pages", event(mem, ZSWPOUT));
	j_u64(obj, "zswap_written_back_pages", event(mem, ZSWPWB));
	j_u64(obj, "cached_pages", node_sum(mem, NR_SWAPCACHE));
	j_u64(obj, "full", sys ? sys->nr_full : 0);
	j_u64(obj, "total_bytes", total_swap_pages(mem) << shift);
	j_u64(obj, "used_bytes", (total_swap_pages(mem) - get_nr_swap_pages(mem)) << shift);
	areas = j_array(obj, "areas");
	for (unsigned i = 0; sys && i < sys->nr_info; i++) {
		const struct swap_info_struct *si = sys->info[i];
		json_t *area = json_object();

		j_str(area, "kind", kinds[si->kind]);
		j_i64(area, "priority", si->prio);
		j_u64(area, "size_bytes", (uint64_t)si->pages << shift);
		j_u64(area, "used_bytes", (uint64_t)si->inuse_pages << shift);
		json_array_append_new(areas, area);
	}
}

static void put_writeback(json_t *reclaim, const struct memory *mem)
{
	json_t *obj = j_object(reclaim, "writeback");

	j_u64(obj, "by_reclaim_pages", node_sum(mem, NR_VMSCAN_WRITE));
	j_u64(obj, "immediate_reclaim_pages", node_sum(mem, NR_VMSCAN_IMMEDIATE));
	j_u64(obj, "dirtied_pages", node_sum(mem, NR_DIRTIED));
	j_u64(obj, "written_pages", node_sum(mem, NR_WRITTEN));
	j_u64(obj, "dirty_pages", node_sum(mem, NR_FILE_DIRTY));
	j_u64(obj, "under_writeback_pages", node_sum(mem, NR_WRITEBACK));
	j_u64(obj, "flusher_wakeups", mem->writeback ? mem->writeback->flusher_wakeups : 0);
}

/* ---- who worked and who waited ---- */

static void put_kswapd(json_t *reclaim, const struct memory *mem)
{
	json_t *obj = j_object(reclaim, "kswapd");

	j_u64(obj, "runs", event(mem, PAGEOUTRUN));
	j_u64(obj, "work_ns", mem->reclaim_times.kswapd_ns);
	j_u64(obj, "low_wmark_hit_quickly", event(mem, KSWAPD_LOW_WMARK_HIT_QUICKLY));
	j_u64(obj, "high_wmark_hit_quickly", event(mem, KSWAPD_HIGH_WMARK_HIT_QUICKLY));
	j_u64(obj, "slabs_scanned", event(mem, SLABS_SCANNED));
}

static uint64_t allocstalls(const struct memory *mem)
{
	uint64_t sum = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		sum += event(mem, ALLOCSTALL_DMA + z);
	return sum;
}

static void put_stalls(json_t *reclaim, const struct memory *mem)
{
	const struct writeback *wb = mem->writeback;
	json_t *obj = j_object(reclaim, "stalls"), *io;

	j_u64(obj, "direct_reclaims", allocstalls(mem));
	j_u64(obj, "direct_ns", mem->reclaim_times.direct_ns);
	j_u64(obj, "throttles", event(mem, PGSCAN_DIRECT_THROTTLE));
	j_u64(obj, "throttle_ns", mem->reclaim_times.throttle_ns);
	j_u64(obj, "limit_ns", mem->reclaim_times.memcg_ns);
	j_u64(obj, "compactions", event(mem, COMPACTSTALL));
	io = j_object(obj, "io");
	for (unsigned i = 0; i < NR_IO_STALLS; i++) {
		json_t *row = j_object(io, io_stall_info[i].key);

		j_u64(row, "times", wb ? wb->stalls[i] : 0);
		j_u64(row, "ns", wb ? wb->stall_ns[i] : 0);
	}
}

static void put_share(json_t *obj, const char *key, const unsigned avg[3], uint64_t total_ns)
{
	static const char *const keys[] = {"avg10_percent", "avg60_percent", "avg300_percent"};
	json_t *share = j_object(obj, key);

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		j_ratio(share, keys[i], avg[i], 100);
	j_u64(share, "total_ns", total_ns);
}

void report_pressure(json_t *obj, const struct memory *mem, const struct psi_group *group)
{
	struct psi_averages avg = psi_averages(mem, group);
	json_t *pressure = j_object(obj, "pressure");

	put_share(pressure, "some", avg.some, group->some_ns);
	put_share(pressure, "full", avg.full, group->full_ns);
}

/* id 0: none. */
static void put_group_path(json_t *obj, const char *key, const struct memory *mem, unsigned id)
{
	if (id)
		report_memcg_path(obj, key, mem_cgroup_from_id(mem, id));
	else
		j_str(obj, key, "");
}

static void put_kills(json_t *reclaim, const struct memory *mem)
{
	json_t *oom = j_object(reclaim, "oom"), *kills;

	j_u64(oom, "invoked", mem->oom ? mem->oom->nr_invoked : 0);
	j_u64(oom, "no_victim", mem->oom ? mem->oom->nr_no_victim : 0);
	j_bool(oom, "panic", mem->oom && mem->oom->panicked);
	kills = j_array(oom, "kills");
	for (size_t i = 0; mem->oom && i < mem->oom->kills.nr; i++) {
		const struct oom_kill *k = &mem->oom->kills.data[i];
		static const char *const limits[] = {"none", "cpuset", "memory_policy", "memcg"};
		json_t *obj = json_object();

		j_u64(obj, "time_ns", k->time_ns);
		j_u64(obj, "pid", k->pid);
		j_bytes(obj, "name", k->comm, strnlen(k->comm, sizeof(k->comm)));
		j_str(obj, "constraint", limits[k->constraint]);
		put_group_path(obj, "memcg", mem, k->memcg);
		put_group_path(obj, "limit_memcg", mem, k->limit_memcg);
		j_u64(obj, "badness", k->badness);
		j_i64(obj, "oom_score_adj", k->oom_score_adj);
		j_u64(obj, "rss_anon_pages", k->rss_anon);
		j_u64(obj, "rss_file_pages", k->rss_file);
		j_u64(obj, "rss_shmem_pages", k->rss_shmem);
		j_u64(obj, "swap_pages", k->swapents);
		j_u64(obj, "pgtables_bytes", k->pgtables_bytes);
		json_array_append_new(kills, obj);
	}
}

/* ---- generations ---- */

static void put_tiers(json_t *obj, const struct lru_gen *gen, unsigned type)
{
	json_t *tiers = j_array(obj, "tiers");

	for (unsigned t = 0; t < MAX_NR_TIERS; t++) {
		json_t *row = json_object();

		j_u64(row, "refaulted_pages", gen->refaulted[type][t]);
		j_u64(row, "evicted_pages", gen->evicted[type][t]);
		j_u64(row, "protected_pages", gen->protected[type][t]);
		j_u64(row, "avg_refaulted_pages", gen->avg_refaulted[type][t]);
		j_u64(row, "avg_total_pages", gen->avg_total[type][t]);
		json_array_append_new(tiers, row);
	}
}

static void put_kind_generations(json_t *obj, const char *key, const struct lru_gen *gen, unsigned type)
{
	json_t *kind = j_object(obj, key), *sizes;

	j_u64(kind, "min_seq", gen->min_seq[type]);
	sizes = j_array(kind, "pages");	/* the oldest first */
	for (uint64_t seq = gen->min_seq[type]; seq <= gen->max_seq; seq++) {
		uint64_t pages = 0;

		for (unsigned z = 0; z < MAX_NR_ZONES; z++)
			pages += gen->nr_pages[lru_gen_from_seq(seq)][type][z];
		json_array_append_new(sizes, json_integer((json_int_t)pages));
	}
	put_tiers(kind, gen, type);
}

void report_generations(json_t *list, const struct lruvec *lruvec)
{
	const struct lru_gen *gen = lruvec->gen;
	json_t *obj = json_object(), *walks;

	j_u64(obj, "node", lruvec->pgdat->node_id);
	j_u64(obj, "max_seq", gen->max_seq);
	put_kind_generations(obj, "anon", gen, LRU_GEN_ANON);
	put_kind_generations(obj, "file", gen, LRU_GEN_FILE);
	walks = j_object(obj, "walks");
	j_u64(walks, "tables", gen->walk_tables);
	j_u64(walks, "tables_kept", gen->walk_tables_kept);
	j_u64(walks, "entries", gen->walk_entries);
	j_u64(walks, "young_entries", gen->walk_young);
	json_array_append_new(list, obj);
}

static void put_generations(json_t *reclaim, const struct memory *mem)
{
	json_t *list = lru_gen_enabled(mem) ? j_array(reclaim, "generations") : NULL;

	for (unsigned n = 0; list && n < mem->nr_nodes; n++)
		if (mem->nodes[n])
			report_generations(list, &mem->nodes[n]->lruvec);
}

void report_reclaim(struct report *rep)
{
	const struct memory *mem = rep->r->mem;
	const char *reason = report_no_recency(rep->r);
	json_t *reclaim;

	if (reason) {
		report_null(rep, rep->root, "reclaim", "reclaim", reason);
		return;
	}
	reclaim = j_object(rep->root, "reclaim");
	j_str(reclaim, "policy", mem->lru_policy ? mem->lru_policy->name : "classic");
	put_reclaimers(reclaim, mem);
	put_kinds(reclaim, mem);
	put_lists(reclaim, mem);
	put_swap(reclaim, mem);
	put_writeback(reclaim, mem);
	put_kswapd(reclaim, mem);
	put_stalls(reclaim, mem);
	report_pressure(reclaim, mem, &mem->psi);
	put_kills(reclaim, mem);
	put_generations(reclaim, mem);
}
