/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The kernel objects behind a file: inode, dentry, nodes of its tree of pages. Kernel counterpart:
 * lib/xarray.c (xas_create, xas_shrink, xas_split), fs/inode.c, fs/dcache.c.
 *
 * Modelled: as many radix_tree_node objects as an xarray of these pages has: 64 slots a node, no
 * node for a single page at index 0, none below a folio of 64 pages and more; nodes before pages
 * count in; inodes that nothing uses any more are pruned under pressure, oldest first, with their
 * dentries, and read in again when the file is used.
 * Simplified: one dentry a file, none for its folders; which node of a tree is freed when one goes
 * is not followed.
 */
#include "mm/file_table.h"
#include "mm/filemap.h"
#include "mm/shrinker.h"
#include "mm/slab.h"

/* --- nodes of the tree ------------------------------------------------------------------------ */

/*
 * Nodes that our tree, which holds every page, has below a folio and an xarray has not: of 2^9
 * pages 8 leaves, of 2^12 64 leaves and the node above them.
 */
static uint64_t nodes_hidden_by(unsigned order)
{
	uint64_t nr = 0;

	for (; order >= RADIX_BITS; order -= RADIX_BITS)
		nr += 1ull << (order - RADIX_BITS);
	return nr;
}

static uint64_t nodes_wanted(const struct address_space *mapping)
{
	return radix_least_nodes(&mapping->pages) - mapping->nodes_hidden;
}

/* Allocates and frees until there are as many as wanted. False: no memory. */
static bool sync_nodes(struct memory *mem, struct address_space *mapping)
{
	uint64_t object;

	if (!mem->kmem_caches[MODEL_RADIX_NODE])
		return true;
	while (mapping->nodes.nr > nodes_wanted(mapping))
		model_object_free(mem, MODEL_RADIX_NODE,
				  &mapping->nodes.data[--mapping->nodes.nr]);
	/* Reclaim may take pages, and with them nodes, while one is allocated. */
	while (mapping->nodes.nr < nodes_wanted(mapping)) {
		if (!model_object_alloc(mem, MODEL_RADIX_NODE, GFP_KERNEL_ACCOUNT, &object))
			return false;
		*vec_push(&mapping->nodes) = object;
	}
	return true;
}

bool mapping_nodes_added(struct memory *mem, struct address_space *mapping, unsigned order)
{
	mapping->nodes_hidden += nodes_hidden_by(order);
	return sync_nodes(mem, mapping);
}

void mapping_nodes_removed(struct memory *mem, struct address_space *mapping, unsigned order)
{
	mapping->nodes_hidden -= nodes_hidden_by(order);
	(void)sync_nodes(mem, mapping);
}

bool mapping_nodes_split(struct memory *mem, struct address_space *mapping, unsigned order)
{
	uint64_t hidden = nodes_hidden_by(order);

	mapping->nodes_hidden -= hidden;
	if (sync_nodes(mem, mapping))
		return true;
	mapping->nodes_hidden += hidden;
	(void)sync_nodes(mem, mapping);
	return false;
}

/* --- inodes ----------------------------------------------------------------------------------- */

static enum model_cache inode_cache(const struct address_space *mapping)
{
	return mapping->inode_is_shmem ? MODEL_SHMEM_INODE : MODEL_INODE;
}

static void drop_inode(struct memory *mem, struct address_space *mapping)
{
	if (!mapping->inode && !mapping->dentry)
		return;
	model_object_free(mem, inode_cache(mapping), &mapping->inode);
	model_object_free(mem, MODEL_DENTRY, &mapping->dentry);
	list_del(&mapping->inodes);
}

void mapping_make_inode(struct memory *mem, struct address_space *mapping)
{
	if (mapping->inode && mapping->inode_is_shmem == mapping->is_shmem)
		return;
	drop_inode(mem, mapping);
	mapping->has_inode = true;
	mapping->inode_is_shmem = mapping->is_shmem;
	/* The trace says that the file was there: without memory for it only the account is short. */
	if (!model_object_alloc(mem, inode_cache(mapping), GFP_KERNEL, &mapping->inode) ||
	    !mapping->inode)
		return;
	(void)model_object_alloc(mem, MODEL_DENTRY, GFP_KERNEL, &mapping->dentry);
	list_add_tail(&mapping->inodes, &mem->inodes);
}

void mapping_objects_free(struct memory *mem, struct address_space *mapping)
{
	(void)sync_nodes(mem, mapping);
	BUG_ON(mapping->nodes.nr);
	vec_finish(&mapping->nodes);
	drop_inode(mem, mapping);
	while (mapping->filps.nr)
		file_close(mem, mapping);
	vec_finish(&mapping->filps);
}

/* --- pruning ---------------------------------------------------------------------------------- */

/* As an inode on its superblock's LRU: nobody has the file, and none of its pages is cached. */
static bool is_prunable(const struct address_space *mapping)
{
	return !mapping->refcount && !mapping->pages.nr && !mapping->filps.nr;
}

static uint64_t slab_pages_of(const struct memory *mem, int nid)
{
	uint64_t nr = 0;

	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (nid == SHRINK_ALL_NODES || (unsigned)nid == n)
			nr += mem->nodes[n]->vm_stat[NR_SLAB_RECLAIMABLE];
	return nr;
}

uint64_t inodes_count(struct memory *mem, int nid)
{
	const struct list_head *pos;
	uint64_t nr = 0;

	(void)nid;
	list_for_each(pos, &mem->inodes)
		nr += is_prunable(list_entry((struct list_head *)pos, struct address_space, inodes));
	/* Each inode with its dentry is a third of a page, of 4K. */
	return nr / 3;
}

uint64_t inodes_scan(struct memory *mem, int nid, uint64_t nr_pages)
{
	uint64_t before = slab_pages_of(mem, nid);
	struct list_head *pos, *next;

	list_for_each_safe(pos, next, &mem->inodes) {
		struct address_space *mapping = list_entry(pos, struct address_space, inodes);

		if (before - slab_pages_of(mem, nid) >= nr_pages)
			break;
		if (is_prunable(mapping))
			drop_inode(mem, mapping);
	}
	return before - slab_pages_of(mem, nid);
}
