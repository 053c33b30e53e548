/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* /proc/slabinfo and /proc/vmallocinfo. Kernel counterpart: mm/slab_common.c, mm/vmalloc.c. */
#include <inttypes.h>

#include "base/vec.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "report/procfs.h"

static void put_cache(struct procfs *p, const struct kmem_cache *cache)
{
	struct kmem_cache_stats s;

	kmem_cache_stats(cache, &s);
	strbuf_addf(&p->text,
		    "%-17s %6" PRIu64 " %6" PRIu64 " %6u %4u %4u : tunables %4u %4u %4u"
		    " : slabdata %6" PRIu64 " %6" PRIu64 " %6" PRIu64 "\n",
		    kmem_cache_name(cache), s.slabinfo_active_objs, s.num_objs, s.size,
		    s.objperslab, s.pagesperslab, s.limit, s.batchcount, s.shared, s.active_slabs,
		    s.num_slabs, s.sharedavail);
}

/* The kernel's list begins with the cache that was made last. */
void procfs_slabinfo(struct procfs *p)
{
	VEC(const struct kmem_cache *) caches = {0};

	p->file = "proc/slabinfo";
	for_each_kmem_cache (cache, p->mem)
		*vec_push(&caches) = cache;
	strbuf_addstr(&p->text,
		      "slabinfo - version: 2.1\n"
		      "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		      "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		      "<active_slabs> <num_slabs> <sharedavail>\n");
	for (size_t i = caches.nr; i-- > 0;)
		put_cache(p, caches.data[i]);
	vec_finish(&caches);
	procfs_done(p, "proc/slabinfo");
}

/* ---- vmalloc ---- */

static void put_nodes(struct procfs *p, const struct vm_struct *vm)
{
	uint64_t nodes[MAX_NUMNODES] = {0};

	for (uint32_t i = 0; i < vm->nr_pages; i++) {
		pfn_t pfn = vmalloc_to_pfn(p->mem,
					   vm->addr + ((uint64_t)i << p->mem->geo->page_shift));

		if (pfn != PFN_NONE)
			nodes[pfn_to_node(p->mem, pfn)->node_id]++;
	}
	for (unsigned n = 0; n < p->mem->nr_nodes; n++)
		if (nodes[n])
			strbuf_addf(&p->text, " N%u=%" PRIu64, n, nodes[n]);
}

static void put_vm_area(struct procfs *p, const struct vm_struct *vm)
{
	uint64_t size = vm->size;

	if (!(vm->flags & VMAP_NO_GUARD))
		size += 1ull << p->mem->geo->page_shift;
	strbuf_addf(&p->text, "0x%016" PRIx64 "-0x%016" PRIx64 " %7" PRIu64, vm->addr,
		    vm->addr + size, size);
	if (vm->nr_pages)
		strbuf_addf(&p->text, " pages=%u", vm->nr_pages);
	if (vm->flags & VMAP_IOREMAP)
		strbuf_addstr(&p->text, " ioremap");
	if (vm->flags & VMAP_ALLOC)
		strbuf_addstr(&p->text, " vmalloc");
	if (vm->pages_vmalloced)
		strbuf_addstr(&p->text, " vpages");
	put_nodes(p, vm);
	strbuf_addstr(&p->text, "\n");
}

void procfs_vmallocinfo(struct procfs *p)
{
	p->file = "proc/vmallocinfo";
	for (const struct vm_struct *vm = next_vm_area(p->mem, 0); vm;
	     vm = next_vm_area(p->mem, vm->addr + 1))
		put_vm_area(p, vm);
	procfs_unknown(p, "caller", "who asked for an area is not kept; nor is the address of a device");
	procfs_unknown(p, "unpurged vm_area", "areas that are freed and not purged yet are not listed");
	procfs_done(p, "proc/vmallocinfo");
}
