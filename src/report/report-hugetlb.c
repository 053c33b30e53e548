/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * fragmentation.compaction: what compaction came to, by order of the request; and the section `hugetlb`: the pools of huge
 * pages, one row a size, not there when no pool has or was to have pages.
 */
#include "mm/compaction.h"
#include "mm/hugetlb_pool.h"
#include "report/report.h"

/* One array over all orders out of the statistics of each. */
static void put_orders(json_t *obj, const char *key, const struct memory *mem, size_t member)
{
	json_t *array = j_array(obj, key);

	for (unsigned o = 0; o <= mem->geo->max_order; o++) {
		const char *stats = (const char *)&mem->compact_order[o];

		json_array_append_new(array, json_integer((json_int_t) * (const uint64_t *)(stats + member)));
	}
}

void report_compaction(json_t *frag, const struct memory *mem)
{
	json_t *obj = j_object(frag, "compaction");

#define PUT(key, member) put_orders(obj, key, mem, offsetof(struct compact_order_stats, member))
	PUT("attempts_by_order", attempts);
	PUT("success_by_order", success);
	PUT("fail_by_order", fail);
	PUT("skipped_by_order", skipped);
	PUT("daemon_by_order", daemon);
	PUT("daemon_success_by_order", daemon_success);
	PUT("daemon_fail_by_order", daemon_fail);
#undef PUT
	j_u64(obj, "proactive_runs", mem->compaction ? mem->compaction->proactive_runs : 0);
	j_u64(obj, "direct_ns", mem->compaction ? mem->compaction->direct_ns : 0);
}

static bool has_pool(const struct hstate *h)
{
	return h->nr_huge_pages || h->max_huge_pages || h->peak_used || h->alloc_fail || h->mmap_fail;
}

static void put_pool(json_t *pools, const struct hstate *h)
{
	json_t *obj = json_object(), *nodes;

	j_u64(obj, "page_bytes", huge_page_size(h));
	j_u64(obj, "pages", h->nr_huge_pages);
	j_u64(obj, "wanted_pages", h->max_huge_pages);
	j_u64(obj, "free_pages", h->free_huge_pages);
	j_u64(obj, "reserved_pages", h->resv_huge_pages);
	j_u64(obj, "surplus_pages", h->surplus_huge_pages);
	j_u64(obj, "peak_used_pages", h->peak_used);
	j_u64(obj, "failed_faults", h->alloc_fail);
	j_u64(obj, "refused_mappings", h->mmap_fail);
	nodes = j_array(obj, "pages_by_node");
	for (unsigned n = 0; n < h->mem->nr_nodes; n++)
		json_array_append_new(nodes, json_integer((json_int_t)h->nr_node[n]));
	json_array_append_new(pools, obj);
}

void report_hugetlb(struct report *rep)
{
	const struct hugetlb *hugetlb = rep->r->mem->hugetlb;
	json_t *pools = NULL;

	for (unsigned i = 0; hugetlb && i < hugetlb->nr_hstates; i++) {
		if (!has_pool(&hugetlb->hstates[i]))
			continue;
		if (!pools)
			pools = j_array(rep->root, "hugetlb");
		put_pool(pools, &hugetlb->hstates[i]);
	}
}
