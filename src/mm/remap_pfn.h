/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory of devices in address spaces. Kernel counterpart: mm/memory.c (remap_pfn_range, vmf_insert_pfn), as drivers
 * call them.
 *
 * Modelled: an area of a device's file is VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP; its frames lie behind the
 * machine's memory and have no struct page: the entries count in page tables and nowhere else (no RSS, no rmap, no
 * reference, no list), and nothing migrates or reclaims them. Which frame it is follows from the device and the
 * offset, so two areas of the same part of a device show the same frames.
 * kernel.device_mmap says when the entries are made: with the mapping (remap_pfn_range(), most drivers) or by faults
 * (vmf_insert_pfn(), graphics).
 * Simplified: a device has DEVICE_FRAMES frames, and offsets beyond them start again; areas larger than
 * DEVICE_EAGER_PAGES are left to faults. Left out: caching attributes, huge entries.
 */
#ifndef MM_REMAP_PFN_H
#define MM_REMAP_PFN_H

#include "mm/mm_types.h"

/* Values of kernel.device_mmap */
enum device_mmap { DEVICE_MMAP_EAGER, DEVICE_MMAP_FAULT };

#define VM_DEVICE (VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP)
#define DEVICE_FRAMES (1u << 18)
#define DEVICE_EAGER_PAGES (1u << 18)	/* 1 GiB of base pages of 4K */

/* Is the area to be mapped when it is made? */
bool device_maps_eagerly(const struct vm_area_struct *vma);
/* The frame behind an address of a device's area. */
pfn_t device_pfn(const struct vm_area_struct *vma, uint64_t addr);
/* All entries of the area. False: no memory for tables; what was made stands. */
bool remap_pfn_range(struct vm_area_struct *vma);

#endif
