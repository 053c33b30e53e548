/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* /proc/slabinfo and /proc/vmallocinfo. Kernel counterpart: mm/slab_common.c, mm/vmalloc.c. */
#include <inttypes.h>

#include "base/vec.h"
#include "mm/slab.h"
#include "report/procfs.h"

static void put_cache(struct procfs *p, const struct kmem_cache *cache)
{
	struct kmem_cache_stats s;

	kmem_cache_stats(cache, &s);
	strbuf_addf(&p->text,
		    "%-17s %6" PRIu64 " %6" PRIu64 " %6u %4u %4u : tunables %4u %4u %4u"
		    " : slabdata %6" PRIu64 " %6" PRIu64 " %6u\n",
		    kmem_cache_name(cache), s.active_objs, s.num_objs, s.size, s.objperslab,
		    s.pagesperslab, s.limit, s.batchcount, s.shared, s.active_slabs, s.num_slabs,
		    0u);
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

void procfs_vmallocinfo(struct procfs *p)
{
	(void)p;
}
