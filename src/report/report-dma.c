/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The section `dma`: what devices moved, bounced and allocated. */
#include "mm/dma.h"
#include "report/report.h"

static void put_by_order(json_t *obj, const char *key, const uint64_t *values, unsigned max_order)
{
	json_t *array = j_array(obj, key);

	for (unsigned o = 0; o <= max_order; o++)
		json_array_append_new(array, json_integer((json_int_t)values[o]));
}

static void put_device(json_t *devices, const struct dma_device *dev)
{
	json_t *obj = json_object();

	j_u64(obj, "device", dev->id);
	if (dev->name)
		j_str(obj, "name", dev->name);
	else
		j_null(obj, "name");
	j_u64(obj, "mask_bits", dev->mask_bits);
	j_u64(obj, "node", dev->node);
	j_u64(obj, "transfers", dev->transfers);
	j_u64(obj, "bytes", dev->bytes);
	j_u64(obj, "bytes_to_memory", dev->bytes_to_memory);
	j_u64(obj, "mappings", dev->mappings);
	j_u64(obj, "bounced_mappings", dev->bounced_mappings);
	j_u64(obj, "bounced_bytes", dev->bounced_bytes);
	j_u64(obj, "mapping_failures", dev->mapping_failures);
	j_u64(obj, "dirtied_pages", dev->dirtied_pages);
	/* the last element holds what is too large for any order */
	put_by_order(obj, "coherent_by_order", dev->coherent, MAX_ORDER_LIMIT - 1);
	put_by_order(obj, "coherent_failures_by_order", dev->coherent_failed, MAX_ORDER_LIMIT - 1);
	j_u64(obj, "coherent_from_cma", dev->cma_allocs);
	json_array_append_new(devices, obj);
}

void report_dma(struct report *rep)
{
	const struct dma_system *sys = rep->r->mem->dma;
	json_t *dma = j_object(rep->root, "dma"), *pool = j_object(dma, "swiotlb"), *devices;
	struct swiotlb_stats s;

	swiotlb_stats(sys->swiotlb, &s);
	j_u64(pool, "pool_bytes", s.pool_bytes);
	j_u64(pool, "slots", s.slots);
	j_u64(pool, "peak_slots", s.peak_slots);
	j_u64(pool, "mappings", s.mappings);
	j_u64(pool, "transient_pools", s.transient_pools);
	j_u64(pool, "failures", s.failures);
	devices = j_array(dma, "devices");
	for (size_t i = 0; i < sys->devices.nr; i++)
		put_device(devices, sys->devices.data[i]);
}
