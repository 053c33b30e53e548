/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the handlers of system calls share: vgcall.c (address space, the table), vgcall-file.c (files). */
#ifndef CAPTURE_VGCALL_INTERNAL_H
#define CAPTURE_VGCALL_INTERNAL_H

#include "capture/vgcall.h"

/* One finished call. */
struct call_ctx {
	struct vg_proc *p;
	uint32_t task;
	const struct sys_call *call;
};

static inline void emit(const struct call_ctx *c, uint16_t kind, struct mmr_event *ev)
{
	ev->kind = kind;
	ev->task = c->task;
	vg_emit(c->p->trace, ev);
}

typedef void call_fn(const struct call_ctx *c);

/* Files: opening and closing, reading and writing, what becomes of their pages. */
call_fn call_open, call_memfd, call_new_fd, call_close, call_close_range, call_dup, call_fcntl, call_lseek, call_chdir;
call_fn call_io, call_splice, call_vector, call_fsync, call_fadvise, call_truncate;
/* Written to, the null device does not look at the buffer. */
bool goes_nowhere(const struct vg_proc *p, const struct sys_call *call);

#endif
