/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Room for the program's heap under valgrind.
 *
 * Valgrind reserves at most 8 MiB for brk, whatever the program's limit is. Beyond that brk fails, malloc
 * turns to mmap, and the program's memory is laid out as no native run lays it out. The bound is a
 * constant in valgrind's code, before the program is loaded:
 *
 *	b8 00 00 80 00	mov $0x800000,%eax	at most 8 MiB
 *	ba 00 00 10 00	mov $0x100000,%edx	at least 1 MiB
 *
 * Where these ten bytes are found exactly once, the first constant is raised in the memory of the process
 * that valgrind runs in. Where they are not (another compiler or version), nothing is changed, and the
 * trace's metadata says 8 MiB.
 *
 * Interface:
 *   - vg_heap_find(): address of the constant in valgrind's executable, 0 when there is none
 *   - vg_heap_raise(): writes the new bound into a process that stands at its exec
 */
#ifndef CAPTURE_VGHEAP_H
#define CAPTURE_VGHEAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VG_HEAP_DEFAULT	(8u << 20)
#define VG_HEAP_RAISED	(1u << 30)	/* fits between the heap's start and valgrind's own code */

uint64_t vg_heap_find(const char *path);
bool vg_heap_raise(pid_t pid, uint64_t addr);

#endif
