/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a finished system call of a process under valgrind means for the trace: address-space events,
 * file input and output, kernel touches of user memory.
 */
#ifndef CAPTURE_VGCALL_H
#define CAPTURE_VGCALL_H

#include "capture/sysdecode.h"
#include "capture/vgproc.h"

void vg_call(struct vg_proc *p, uint32_t task, const struct sys_call *call);
/* Files that the process has open from before its first exec: standard input and the like. */
void vg_inherit_files(struct vg_proc *p, uint32_t task);
/* Emits KTOUCH events for a range of the tool's addresses. */
void vg_touch(struct vg_proc *p, uint32_t task, uint64_t addr, uint64_t len, bool write);

#endif
