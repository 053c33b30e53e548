/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The system calls that set memory policies and move pages between nodes. Kernel counterpart: mm/mempolicy.c (do_mbind,
 * do_set_mempolicy, set_mempolicy_home_node, do_migrate_pages), mm/migrate.c (do_pages_move),
 * kernel/cgroup/cpuset.c (cpuset_change_task_nodemask, cpuset_migrate_mm).
 *
 * Modelled: areas split and merge by policy; MPOL_MF_STRICT, MOVE and MOVE_ALL with the kernel's order of checking,
 * setting and moving; holes; the home node; migrate_pages() from mask to mask; move_pages(); a cpuset that changes
 * takes policies and, as with cgroup v2, pages along.
 * Simplified: a folio counts as shared when one of its pages is mapped twice.
 * Left out: hugetlb, permissions (MPOL_MF_MOVE_ALL and CPUs of others need CAP_SYS_NICE: a trace has what the kernel allowed).
 *
 * All return 0 or a negative errno as the kernel unless said otherwise.
 */
#ifndef MM_MBIND_H
#define MM_MBIND_H

#include "mm/mempolicy.h"

/* flags of mbind, as in include/uapi/linux/mempolicy.h */
#define MPOL_MF_STRICT		(1u << 0)
#define MPOL_MF_MOVE		(1u << 1)
#define MPOL_MF_MOVE_ALL	(1u << 2)
#define MPOL_MF_VALID		(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)

/* [start, start + len) of an address space. */
struct mbind_range {
	struct mm_struct *mm;
	uint64_t start, len;
};

int do_mbind(const struct mbind_range *range, const struct mpol_request *req, uint64_t flags);
/* -ENOENT where no area of the range has a policy of its own, as the kernel. */
int do_set_mempolicy_home_node(const struct mbind_range *range, uint64_t home_node);
/* The running task's. */
int do_set_mempolicy(struct memory *mem, const struct mpol_request *req);
/* Pages on nodes of `from` go to those of `to`, rank by rank. Returns pages that could not be moved. */
int64_t do_migrate_pages(struct mm_struct *mm, uint64_t from, uint64_t to, unsigned flags);
/* The pages of the range go to `node` (move_pages). Returns folios that could not be moved. */
int64_t do_move_pages(const struct mbind_range *range, unsigned node, unsigned flags);
/* The task's cpuset has these nodes from now on: policies are rebound, pages follow. -EINVAL: none has memory. */
int set_mems_allowed(struct memory *mem, struct task_struct *task, uint64_t mems);

#endif
