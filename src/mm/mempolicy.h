/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory policies: which node an allocation wants, and which nodes it may take. Kernel counterpart: mm/mempolicy.c
 * (mpol_new, mpol_set_nodemask, mpol_rebind_policy, policy_nodemask, interleave_nodes, shared policies),
 * include/uapi/linux/mempolicy.h, kernel/cgroup/cpuset.c (mems_allowed).
 *
 * Modelled: default, local, preferred, preferred-many, bind, interleave, weighted interleave; the mode flags
 * (static, relative, NUMA balancing); the home node; cpusets as a mask of nodes of each task, and what becomes of a
 * policy when that mask changes; interleaving by the task's counter (il_prev, il_weight) and by an index; policies
 * of shared memory by ranges of the file.
 * Simplified: a policy has one owner (task, area or range of a shared file) and is copied, where the kernel counts
 * references.
 * Left out: weights that the kernel would derive from the firmware's bandwidths (6.16: weighted_interleave/auto): a node
 * has weight 1 unless `numa.weights` says otherwise; the policy of a tmpfs mount; cpuset memory spreading.
 *
 * No policy is NULL everywhere: the node of the running CPU, as preferred_node_policy[] of the kernel.
 *
 * The other parts: alloc_pages_mpol() in mm/page_alloc.h, policies of areas in mm/vma_policy.h, the system calls in
 * mm/mbind.h.
 */
#ifndef MM_MEMPOLICY_H
#define MM_MEMPOLICY_H

#include "base/strbuf.h"
#include "mm/mm_types.h"

/* As in include/uapi/linux/mempolicy.h: a trace holds these numbers. */
enum mpol_mode {
	MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL, MPOL_PREFERRED_MANY,
	MPOL_WEIGHTED_INTERLEAVE, MPOL_MAX
};

/* mode flags of the system calls */
#define MPOL_F_STATIC_NODES	(1u << 15)
#define MPOL_F_RELATIVE_NODES	(1u << 14)
#define MPOL_F_NUMA_BALANCING	(1u << 13)
#define MPOL_MODE_FLAGS		(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING)
/* of the kernel's own */
#define MPOL_F_MOF		(1u << 3)	/* hint faults may move pages */
#define MPOL_F_MORON		(1u << 4)	/* ... to the node of the CPU that faults */

#define NO_INTERLEAVE_INDEX	UINT64_MAX	/* interleave by the task's counter */

/*
 * nodes: those of the policy, inside the cpuset and with memory when it was made or rebound.
 * user_nodes: what the call said (with mode flags), cpuset_mems: the cpuset that `nodes` belongs to (without).
 */
struct mempolicy {
	uint16_t mode, flags;
	int16_t home_node;		/* NUMA_NO_NODE: none */
	uint64_t nodes;
	union {
		uint64_t user_nodes, cpuset_mems;
	} w;
};

/* What a system call asks for: mode with its flags as one number, and the mask. */
struct mpol_request {
	uint64_t mode;
	uint64_t nodes;
};

/*
 * A policy for the running task. *ret is NULL for MPOL_DEFAULT. 0, or -EINVAL as the kernel: bad mode or flags, no node
 * where the mode needs one, none of them in the cpuset and with memory.
 */
int mpol_create(struct memory *mem, const struct mpol_request *req, struct mempolicy **ret);
struct mempolicy *mpol_dup(struct memory *mem, const struct mempolicy *pol);
void mpol_free(struct memory *mem, struct mempolicy *pol);
bool mpol_equal_slow(const struct mempolicy *a, const struct mempolicy *b);

static inline bool mpol_equal(const struct mempolicy *a, const struct mempolicy *b)
{
	return a == b || (a && b && mpol_equal_slow(a, b));
}

/* "bind=static:0-1,3", as in numa_maps; NULL is "default". */
void mpol_to_str(struct strbuf *sb, const struct mempolicy *pol);
/* The cpuset changed to `mems`: the policy follows. pol may be NULL. */
void mpol_rebind(struct mempolicy *pol, uint64_t mems);

/*
 * The node to start from goes to *nid (in: the local node), and the nodes that may be used are returned: NODEMASK_ALL
 * for no restriction. pol is not NULL. Advances the running task's counter for an index of NO_INTERLEAVE_INDEX.
 */
uint64_t policy_nodemask(struct memory *mem, gfp_t gfp, const struct mempolicy *pol, uint64_t ilx, int *nid);
/* Node number `ilx` of the policy's, by weight for weighted interleave. */
int mpol_interleave_nid(const struct memory *mem, const struct mempolicy *pol, uint64_t ilx);

static inline bool mpol_is_interleave(const struct mempolicy *pol)
{
	return pol->mode == MPOL_INTERLEAVE || pol->mode == MPOL_WEIGHTED_INTERLEAVE;
}

/* The pools; and what follows from the zones, once they have their memory. */
void mpol_init(struct memory *mem);
void mpol_setup(struct memory *mem);
void mpol_finish(struct memory *mem);

/* Where a node goes: to the node of `to` that has its rank in `from`, wrapped; others stay (bitmap_bitremap). */
unsigned node_remap(unsigned node, uint64_t from, uint64_t to);
/* Nodes that have memory, as N_MEMORY. */
uint64_t nodes_with_memory(const struct memory *mem);
/* Nodes that the running task may use. */
static inline uint64_t current_mems_allowed(const struct memory *mem)
{
	return mem->cpusets && mem->current ? mem->current->mems_allowed : NODEMASK_ALL;
}

/* The policy of the task from now on, NULL: default. The task owns it. */
void set_task_policy(struct memory *mem, struct task_struct *task, struct mempolicy *pol);
/* A new task starts with its parent's policy, cpuset and place in the interleaving; NULL: those of a first task. */
void mpol_task_init(struct memory *mem, struct task_struct *task, const struct task_struct *parent);

/* ---- ranges of a shared file: [start, end) in pages ---- */

struct mempolicy *mpol_shared_policy_lookup(const struct address_space *mapping, uint64_t index);
/* pol is copied; NULL: the range goes back to default. */
void mpol_set_shared_policy(struct memory *mem, struct address_space *mapping, uint64_t start, uint64_t end,
			    const struct mempolicy *pol);
void mpol_free_shared_policy(struct memory *mem, struct address_space *mapping);
/* Ranges are in order, do not overlap, and each has a policy. For tests. */
bool mpol_shared_policy_consistent(const struct address_space *mapping);

#endif
