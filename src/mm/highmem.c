/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Windows into high memory: see highmem.h. */
#include "mm/highmem.h"

#include <inttypes.h>
#include <stdlib.h>

#include "mm/tlbflush.h"

#define PKMAP_GAP_PAGES	2		/* between vmalloc and the windows */
#define LOCAL_START	0xffc00000ull	/* fixed mappings: behind the windows, up to the end of the address space */

void highmem_create(struct memory *mem)
{
	const struct geometry *geo = mem->geo;
	struct highmem *h;

	if (!geo->lowmem_bytes)
		return;
	h = mem->highmem = xcalloc(1, sizeof(*h));
	h->nr_pkmap = 1u << geo->level[0].bits;
	h->pkmap = xcalloc(h->nr_pkmap, sizeof(*h->pkmap));
	for (unsigned i = 0; i < h->nr_pkmap; i++)
		h->pkmap[i].pfn = PFN_NONE;
	h->pkmap_start = geo->vmalloc_end + ((uint64_t)PKMAP_GAP_PAGES << geo->page_shift);
	h->local_start = LOCAL_START;
	h->local_depth = xcalloc(mem->nr_cpus, sizeof(*h->local_depth));
	htable_init(&h->slot_of);
}

void highmem_destroy(struct memory *mem)
{
	struct highmem *h = mem->highmem;

	if (!h)
		return;
	htable_finish(&h->slot_of);
	free(h->pkmap);
	free(h->local_depth);
	free(h);
	mem->highmem = NULL;
}

/* ---- kmap ---- */

static kaddr_t pkmap_addr(const struct memory *mem, unsigned slot)
{
	return mem->highmem->pkmap_start + ((uint64_t)slot << mem->geo->page_shift);
}

void kmap_flush_unused(struct memory *mem)
{
	struct highmem *h = mem->highmem;
	bool any = false;

	for (unsigned i = 0; i < h->nr_pkmap; i++) {
		if (h->pkmap[i].count != 1)
			continue;
		htable_del(&h->slot_of, h->pkmap[i].pfn);
		h->pkmap[i] = (struct pkmap_slot){ .pfn = PFN_NONE };
		any = true;
	}
	if (!any)
		return;
	count_vm_event(mem, KMAP_FLUSH);
	flush_tlb_kernel_range(mem, pkmap_addr(mem, 0), pkmap_addr(mem, h->nr_pkmap));
}

/* The next free window, in turn. False: all are in use. */
static bool find_window(struct memory *mem, unsigned *ret_slot)
{
	struct highmem *h = mem->highmem;

	for (unsigned tries = h->nr_pkmap; tries; tries--) {
		h->last_pkmap = (h->last_pkmap + 1) & (h->nr_pkmap - 1);
		if (!h->last_pkmap) {
			kmap_flush_unused(mem);
			tries = h->nr_pkmap;
			/* Nothing was taken back: a second turn would find no more. */
			if (h->slot_of.nr == h->nr_pkmap)
				return false;
		}
		if (!h->pkmap[h->last_pkmap].count) {
			*ret_slot = h->last_pkmap;
			return true;
		}
	}
	return false;
}

kaddr_t kmap(struct memory *mem, pfn_t pfn)
{
	struct highmem *h = mem->highmem;
	uint64_t found;
	unsigned slot;

	if (pfn_has_kaddr(mem, pfn))
		return pfn_to_kaddr(mem, pfn);
	count_vm_event(mem, KMAP);
	if (htable_get(&h->slot_of, pfn, &found)) {
		count_vm_event(mem, KMAP_HIT);
		slot = (unsigned)found;
	} else if (find_window(mem, &slot)) {
		h->pkmap[slot] = (struct pkmap_slot){ pfn, 1 };
		htable_set(&h->slot_of, pfn, slot);
	} else {
		count_vm_event(mem, KMAP_WAIT);
		return 0;
	}
	h->pkmap[slot].count++;
	return pkmap_addr(mem, slot);
}

void kunmap(struct memory *mem, pfn_t pfn)
{
	uint64_t slot;

	if (pfn_has_kaddr(mem, pfn))
		return;
	BUG_ON(!htable_get(&mem->highmem->slot_of, pfn, &slot));
	BUG_ON(mem->highmem->pkmap[slot].count < 2);
	mem->highmem->pkmap[slot].count--;
}

/* ---- kmap_local ---- */

static kaddr_t local_addr(const struct memory *mem, unsigned depth)
{
	return mem->highmem->local_start +
	       ((uint64_t)(mem->cpu * KM_MAX_IDX + depth) << mem->geo->page_shift);
}

kaddr_t kmap_local_pfn(struct memory *mem, pfn_t pfn)
{
	uint8_t *depth;

	if (pfn_has_kaddr(mem, pfn))
		return pfn_to_kaddr(mem, pfn);
	depth = &mem->highmem->local_depth[mem->cpu];
	BUG_ON(*depth == KM_MAX_IDX);
	count_vm_event(mem, KMAP_LOCAL);
	return local_addr(mem, (*depth)++);
}

void kunmap_local(struct memory *mem, kaddr_t addr)
{
	uint8_t *depth;

	if (!mem->highmem || addr < mem->highmem->local_start)
		return;
	depth = &mem->highmem->local_depth[mem->cpu];
	BUG_ON(!*depth || addr != local_addr(mem, *depth - 1u));
	--*depth;
	/* flush_tlb_one_kernel() */
	count_vm_event(mem, NR_TLB_LOCAL_FLUSH_ONE);
}

/* ---- what the kernel's paths do ---- */

void highmem_touch(struct memory *mem, pfn_t pfn, unsigned nr)
{
	bool local = mem->conf.highmem_map == HIGHMEM_MAP_LOCAL;

	for (unsigned i = 0; i < nr; i++) {
		if (local)
			kunmap_local(mem, kmap_local_pfn(mem, pfn + i));
		else if (kmap(mem, pfn + i))
			kunmap(mem, pfn + i);
	}
}

void highmem_copy(struct memory *mem, pfn_t to, pfn_t from)
{
	kaddr_t source, target;

	if (mem->conf.highmem_map == HIGHMEM_MAP_LOCAL) {
		source = kmap_local_pfn(mem, from);
		target = kmap_local_pfn(mem, to);
		kunmap_local(mem, target);
		kunmap_local(mem, source);
		return;
	}
	source = kmap(mem, from);
	target = kmap(mem, to);
	if (target)
		kunmap(mem, to);
	if (source)
		kunmap(mem, from);
}

void highmem_map_table(struct memory *mem, const struct pgtable *table)
{
	kunmap_local(mem, kmap_local_pfn(mem, table->pfn));
}

/* ---- checks ---- */

bool highmem_consistent(const struct memory *mem, struct strbuf *why)
{
	const struct highmem *h = mem->highmem;
	size_t nr = 0;
	bool ok = true;

	for (unsigned i = 0; h && i < h->nr_pkmap; i++) {
		uint64_t slot = h->nr_pkmap;

		nr += h->pkmap[i].count > 0;
		if (!h->pkmap[i].count ? h->pkmap[i].pfn == PFN_NONE
				       : htable_get(&h->slot_of, h->pkmap[i].pfn, &slot) && slot == i)
			continue;
		ok = false;
		if (why)
			strbuf_addf(why, "window %u of frame %u: count %u, found at %" PRIu64 "\n", i,
				    h->pkmap[i].pfn, h->pkmap[i].count, slot);
	}
	return ok && (!h || nr == h->slot_of.nr);
}
