/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The caches of the structs that the model itself makes. Kernel counterpart: fork_init(),
 * proc_caches_init(), anon_vma_init() and their like.
 *
 * The host's structs stay in the pools of struct memory; each carries the address of the kernel
 * object that it stands for, and that object takes memory of the simulated machine.
 *
 * Sizes in bytes and flags of 64-bit machines: object_size, align, ctor ... in /sys/kernel/slab/NAME
 * of Linux 6.18.44 on x86-64 (2 CPUs, CONFIG_MEMCG; pid and cred share a cache there). Of 32-bit
 * machines: typical of 2.6.32 on i686; unverified.
 * Simplified: mm_struct's CPU masks and task_struct's FPU state are those of that machine; a file's
 * inode is ext4's.
 */
#include "mm/slab-internal.h"

/* What a constructor would write is not modelled; that it runs is counted. */
static void construct(struct kmem_cache *cache, kaddr_t object)
{
	(void)cache;
	(void)object;
}

static const struct model_cache_row {
	const char *name;
	unsigned size, size_32;	/* bytes */
	unsigned align;		/* 0: a word */
	unsigned flags;
	bool has_ctor;
} model_cache_rows[NR_MODEL_CACHES] = {
	[MODEL_MM] = {"mm_struct", 1568, 448, 0,
		      SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT | SLAB_NO_MERGE, false},
	[MODEL_RADIX_NODE] = {"radix_tree_node", 576, 292, 0, SLAB_RECLAIM_ACCOUNT, true},
	[MODEL_PID] = {"pid", 184, 60, 0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, false},
	[MODEL_ANON_VMA] = {"anon_vma", 96, 20, 0, SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT, true},
	[MODEL_ANON_VMA_CHAIN] = {"anon_vma_chain", 64, 32, 0, SLAB_ACCOUNT, false},
	[MODEL_CRED] = {"cred", 184, 128, 0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, false},
	[MODEL_TASK] = {"task_struct", 5840, 3264, 64, SLAB_ACCOUNT | SLAB_NO_MERGE, false},
	[MODEL_SIGHAND] = {"sighand_cache", 2080, 1288, 0,
			   SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT, true},
	[MODEL_SIGNAL] = {"signal_cache", 1152, 528, 0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, false},
	[MODEL_FILES] = {"files_cache", 704, 192, 0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, false},
	[MODEL_FS] = {"fs_cache", 64, 32, 0, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, false},
	[MODEL_VMA] = {"vm_area_struct", 192, 88, 0,
		       SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU | SLAB_FREEPTR_INSIDE |
			       SLAB_ACCOUNT,
		       false},
	[MODEL_DENTRY] = {"dentry", 192, 128, 0,
			  SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT | SLAB_NO_MERGE, false},
	[MODEL_FILP] = {"filp", 184, 128, 0,
			SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU | SLAB_FREEPTR_INSIDE |
				SLAB_ACCOUNT,
			false},
	[MODEL_SHMEM_INODE] = {"shmem_inode_cache", 744, 424, 0, SLAB_ACCOUNT, true},
	[MODEL_INODE] = {"ext4_inode_cache", 1120, 584, 0, SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT, true},
};

void model_caches_create(struct memory *mem)
{
	bool is_64 = slab_word(mem) == 8;

	for (unsigned i = 0; i < NR_MODEL_CACHES; i++) {
		const struct model_cache_row *row = &model_cache_rows[i];

		mem->kmem_caches[i] =
			kmem_cache_create(mem, row->name, is_64 ? row->size : row->size_32,
					  row->align, row->flags, row->has_ctor ? construct : NULL);
	}
}

bool model_object_alloc(struct memory *mem, enum model_cache id, gfp_t gfp, uint64_t *ret)
{
	struct kmem_cache *cache = mem->kmem_caches[id];

	*ret = 0;
	if (!cache)
		return true;
	*ret = kmem_cache_alloc(cache, gfp);
	return *ret != 0;
}

void model_object_free(struct memory *mem, enum model_cache id, uint64_t *object)
{
	if (*object)
		kmem_cache_free(mem->kmem_caches[id], *object);
	*object = 0;
}
