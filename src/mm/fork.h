/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Address spaces come and go. Kernel counterpart: kernel/fork.c (mm_alloc, dup_mmap, mmput), mm/memory.c
 * (copy_page_range).
 *
 * Modelled: areas copied with their anon_vma edges; entries copied only where a fault could not bring them back;
 * copy-on-write for private areas; MADV_DONTFORK, MADV_WIPEONFORK; locks not inherited.
 * Simplified: entries are copied at once (the kernel does too); no pinned pages.
 */
#ifndef MM_FORK_H
#define MM_FORK_H

#include "mm/mm_types.h"

/* An empty address space with one user. NULL: no memory. */
struct mm_struct *mm_alloc(struct memory *mem);
/* fork: a copy of it with one user. NULL: no memory (nothing is left behind). */
struct mm_struct *dup_mm(struct mm_struct *oldmm);
void mmget(struct mm_struct *mm);
/* The last user's tears it down. */
void mmput(struct mm_struct *mm);

/* A task without a kernel stack, for tests; its stack is freed with it when it has one. */
struct task_struct *task_alloc(struct memory *mem, uint32_t id);
/* A task with its kernel stack. NULL: no memory. */
struct task_struct *dup_task_struct(struct memory *mem, uint32_t id);
void task_free(struct memory *mem, struct task_struct *task);

#endif
