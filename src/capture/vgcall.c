/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a finished system call means for the trace. See vgcall.h.
 *
 * Calls are dispatched through one table, call_rows; what is not in it has no effect beyond the touches of
 * its buffers (sysdecode.c). Addresses in events are native ones; a range that is in one piece in the
 * tool's address space but not natively becomes several events.
 */
#include "capture/vgcall-internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/xalloc.h"

#define PAGE		4096ull
#define PAGE_UP(x)	(((x) + PAGE - 1) & ~(PAGE - 1))

#define THP_DISABLE	41		/* PR_SET_THP_DISABLE */
#define SET_VMA		0x53564d41	/* PR_SET_VMA */
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

void vg_touch(struct vg_proc *p, uint32_t task, uint64_t addr, uint64_t len, bool write)
{
	uint64_t pos = addr, native, n;

	while (layout_piece(&p->layout, &pos, addr + len, &native, &n)) {
		struct mmr_event ev = { .kind = MMR_KTOUCH, .task = task,
					.KTOUCH = { .addr = native, .len = n, .write = write } };

		vg_emit(p->trace, &ev);
	}
}

/* ---- address space ---- */

static void call_mmap(const struct call_ctx *c)
{
	const uint64_t *arg = c->call->arg;
	struct fd_file *f = arg[3] & MAP_ANONYMOUS ? NULL : fd_get(&c->p->fds, arg[4]);
	struct layout_request req = { .hint = arg[0], .tool = c->call->ret, .len = arg[1],
				      .flags = arg[3], .offset = arg[5], .has_file = f && f->file };
	struct mmr_event ev = { .MMAP = { .len = arg[1], .prot = arg[2], .flags = arg[3],
					  .file = f ? f->file : 0, .offset = f ? arg[5] : 0 } };

	if (!PAGE_UP(req.len) || c->call->ret + req.len < req.len)
		return;
	ev.MMAP.addr = layout_mmap(&c->p->layout, &req);
	emit(c, MMR_MMAP, &ev);
}

static void call_munmap(const struct call_ctx *c)
{
	uint64_t start = c->call->arg[0], end = start + PAGE_UP(c->call->arg[1]), pos = start;
	struct mmr_event ev = {0};

	if (end <= start)
		return;
	while (layout_piece(&c->p->layout, &pos, end, &ev.MUNMAP.addr, &ev.MUNMAP.len))
		emit(c, MMR_MUNMAP, &ev);
	layout_unmap(&c->p->layout, start, end - start);
}

static void call_mremap(const struct call_ctx *c)
{
	const uint64_t *arg = c->call->arg;
	struct mmr_event ev = { .MREMAP = { .old_len = arg[1], .new_len = arg[2], .flags = arg[3] } };

	if (PAGE_UP(arg[2]) == 0 || arg[0] + arg[1] < arg[0] || c->call->ret + arg[2] < arg[2])
		return;
	ev.MREMAP.addr = layout_native(&c->p->layout, arg[0]);
	ev.MREMAP.ret = layout_mremap(&c->p->layout, arg[0], arg[1], arg[2], arg[3], c->call->ret);
	if (ev.MREMAP.ret != LAYOUT_NONE)
		emit(c, MMR_MREMAP, &ev);
}

static void call_mprotect(const struct call_ctx *c)
{
	uint64_t pos = c->call->arg[0], end = pos + PAGE_UP(c->call->arg[1]);
	struct mmr_event ev = { .MPROTECT.prot = c->call->arg[2] };

	while (pos < end && layout_piece(&c->p->layout, &pos, end, &ev.MPROTECT.addr, &ev.MPROTECT.len))
		emit(c, MMR_MPROTECT, &ev);
}

static void call_brk(const struct call_ctx *c)
{
	struct vg_proc *p = c->p;
	uint64_t brk = c->call->ret, old = PAGE_UP(p->brk), end = PAGE_UP(brk);
	struct mmr_event ev = {0};

	if (!p->tool_brk) {
		/* The first answer is the start of the heap. */
		p->tool_brk = p->brk = brk;
		if (!p->native_brk)
			p->native_brk = brk;
		return;
	}
	if (brk == p->brk || brk < p->tool_brk)
		return;
	if (end > old)
		layout_add(&p->layout, old, end - old, p->native_brk + (old - p->tool_brk));
	else
		layout_unmap(&p->layout, end, old - end);
	p->brk = brk;
	ev.BRK.brk = p->native_brk + (brk - p->tool_brk);
	ev.BRK.start = p->native_brk;
	emit(c, MMR_BRK, &ev);
}

static void call_madvise(const struct call_ctx *c)
{
	uint64_t pos = c->call->arg[0], end = pos + PAGE_UP(c->call->arg[1]);
	struct mmr_event ev = { .MADVISE = { .advice = c->call->arg[2] } };

	while (pos < end && layout_piece(&c->p->layout, &pos, end, &ev.MADVISE.addr, &ev.MADVISE.len))
		emit(c, MMR_MADVISE, &ev);
}

static void call_mlock(const struct call_ctx *c)
{
	uint64_t pos = c->call->arg[0], end = PAGE_UP(pos + c->call->arg[1]);
	struct mmr_event ev = { .MLOCK = { .lock = c->call->nr != SYS_munlock } };

	if (c->call->nr == SYS_mlock2)
		ev.MLOCK.flags = c->call->arg[2];
	pos &= ~(PAGE - 1);
	while (pos < end && layout_piece(&c->p->layout, &pos, end, &ev.MLOCK.addr, &ev.MLOCK.len))
		emit(c, MMR_MLOCK, &ev);
}

static void call_mlockall(const struct call_ctx *c)
{
	struct mmr_event ev = { .MLOCKALL.flags = c->call->nr == SYS_mlockall ? c->call->arg[0] : 0 };

	emit(c, MMR_MLOCKALL, &ev);
}

static void call_msync(const struct call_ctx *c)
{
	uint64_t pos = c->call->arg[0], end = pos + PAGE_UP(c->call->arg[1]);
	struct mmr_event ev = { .MSYNC.flags = c->call->arg[2] };

	while (pos < end && layout_piece(&c->p->layout, &pos, end, &ev.MSYNC.addr, &ev.MSYNC.len))
		emit(c, MMR_MSYNC, &ev);
}

/* The call's node masks, which lie in user memory: where they cannot be seen the event has no data. */
static void add_masks(const struct call_ctx *c, struct mmr_event *ev)
{
	struct vg_trace *t = c->p->trace;
	struct syscall_call call = { .nr = (long)c->call->nr };
	uint32_t tid = (uint32_t)c->p->threads.data[c->call->tid].tid;
	const char *data;

	memcpy(call.args, c->call->arg, sizeof(call.args));
	nodemasks_drain(&t->masks);
	ev->data_len = (uint32_t)nodemasks_take(&t->masks, tid, &call, &data);
	ev->data = data;
	t->nr_hidden_buffers += !ev->data_len;
}

static void call_mbind(const struct call_ctx *c)
{
	uint64_t pos = c->call->arg[0], end = pos + PAGE_UP(c->call->arg[1]);
	struct mmr_event ev = { .MBIND = { .mode = c->call->arg[2], .flags = c->call->arg[5] } };

	add_masks(c, &ev);
	while (pos < end && layout_piece(&c->p->layout, &pos, end, &ev.MBIND.addr, &ev.MBIND.len))
		emit(c, MMR_MBIND, &ev);
}

static void call_home_node(const struct call_ctx *c)
{
	uint64_t pos = c->call->arg[0], end = pos + PAGE_UP(c->call->arg[1]);
	struct mmr_event ev = { .MBIND.home = c->call->arg[2] + 1 };

	while (pos < end && layout_piece(&c->p->layout, &pos, end, &ev.MBIND.addr, &ev.MBIND.len))
		emit(c, MMR_MBIND, &ev);
}

static void call_migrate_pages(const struct call_ctx *c)
{
	struct mmr_event ev = { .MIGRATE_PAGES = { .pid = c->call->arg[0], .ret = c->call->ret } };

	add_masks(c, &ev);
	emit(c, MMR_MIGRATE_PAGES, &ev);
}

static void call_set_mempolicy(const struct call_ctx *c)
{
	struct mmr_event ev = { .SET_MEMPOLICY.mode = c->call->arg[0] };

	add_masks(c, &ev);
	emit(c, MMR_SET_MEMPOLICY, &ev);
}

static void call_shmat(const struct call_ctx *c)
{
	struct mmr_event at = { .task = c->task }, ev = {0};
	struct ids_file_key key = { .dev = 1, .ino = c->call->arg[0], .path = "/SYSV" };
	struct layout_request req = { .hint = c->call->arg[1], .tool = c->call->ret, .flags = MAP_SHARED };
	struct shmid_ds ds;
	uint32_t file = 0;

	/* Segment 0 exists; an inode number of 0 means none. */
	key.ino++;
	if (shmctl((int)c->call->arg[0], IPC_STAT, &ds))
		return;
	req.len = ds.shm_segsz;
	ids_file(&c->p->trace->ids, &key, &at, &file, &c->p->trace->err);
	ev.SHMAT.addr = layout_mmap(&c->p->layout, &req);
	ev.SHMAT.prot = c->call->arg[2] & SHM_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	ev.SHMAT.file = file;
	emit(c, MMR_SHMAT, &ev);
}

static void call_shmdt(const struct call_ctx *c)
{
	struct mmr_event ev = { .SHMDT.addr = layout_native(&c->p->layout, c->call->arg[0]) };

	/* Its length is known to the model alone; the native place stays taken. */
	if (ev.SHMDT.addr != LAYOUT_NONE)
		emit(c, MMR_SHMDT, &ev);
}

static void call_prctl(const struct call_ctx *c)
{
	struct mmr_event ev = { .PRCTL = { .option = c->call->arg[0], .arg = c->call->arg[1] } };

	if (c->call->arg[0] == THP_DISABLE || c->call->arg[0] == SET_VMA)
		emit(c, MMR_PRCTL, &ev);
}

/* A clock that is read without entering the kernel in a native run: its data page is touched instead. */
static void call_clock(const struct call_ctx *c)
{
	/* CLOCK_REALTIME, MONOTONIC, MONOTONIC_RAW, both COARSE, BOOTTIME, TAI */
	static const unsigned in_vdso = 1u << 0 | 1u << 1 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 11;
	struct mmr_event ev = { .KTOUCH = { .addr = c->p->vvar, .len = 8 } };

	if (c->call->nr == SYS_clock_gettime &&
	    (c->call->arg[0] > 11 || !(in_vdso >> c->call->arg[0] & 1)))
		return;
	if (c->p->vvar)
		emit(c, MMR_KTOUCH, &ev);
}

/* ---- dispatch ---- */

struct call_row {
	uint32_t nr;
	call_fn *fn;
	bool always;		/* also when the call failed */
};

static const struct call_row call_rows[] = {
	{ SYS_mmap, call_mmap, false }, { SYS_munmap, call_munmap, false },
	{ SYS_mremap, call_mremap, false }, { SYS_mprotect, call_mprotect, false },
	{ SYS_pkey_mprotect, call_mprotect, false }, { SYS_brk, call_brk, false },
	{ SYS_madvise, call_madvise, false }, { SYS_mlock, call_mlock, false },
	{ SYS_mlock2, call_mlock, false }, { SYS_munlock, call_mlock, false },
	{ SYS_mlockall, call_mlockall, false }, { SYS_munlockall, call_mlockall, false },
	{ SYS_msync, call_msync, false }, { SYS_mbind, call_mbind, false },
	{ SYS_set_mempolicy, call_set_mempolicy, false },
	{ SYS_set_mempolicy_home_node, call_home_node, false },
	{ SYS_migrate_pages, call_migrate_pages, false }, { SYS_shmat, call_shmat, false },
	{ SYS_shmdt, call_shmdt, false }, { SYS_prctl, call_prctl, false },
	{ SYS_clock_gettime, call_clock, false }, { SYS_gettimeofday, call_clock, false },
	{ SYS_time, call_clock, false },
	{ SYS_open, call_open, false }, { SYS_openat, call_open, false },
	{ SYS_openat2, call_open, false }, { SYS_creat, call_open, false },
	{ SYS_memfd_create, call_memfd, false }, { SYS_close, call_close, true },
	{ SYS_close_range, call_close_range, false }, { SYS_dup, call_dup, false },
	{ SYS_dup2, call_dup, false }, { SYS_dup3, call_dup, false },
	{ SYS_fcntl, call_fcntl, false }, { SYS_lseek, call_lseek, false },
	{ SYS_socket, call_new_fd, false }, { SYS_accept, call_new_fd, false },
	{ SYS_accept4, call_new_fd, false }, { SYS_epoll_create1, call_new_fd, false },
	{ SYS_eventfd2, call_new_fd, false }, { SYS_timerfd_create, call_new_fd, false },
	{ SYS_signalfd4, call_new_fd, false }, { SYS_inotify_init1, call_new_fd, false },
	{ SYS_chdir, call_chdir, false }, { SYS_fchdir, call_chdir, false },
	{ SYS_read, call_io, false }, { SYS_write, call_io, false },
	{ SYS_pread64, call_io, false }, { SYS_pwrite64, call_io, false },
	{ SYS_sendfile, call_splice, true }, { SYS_copy_file_range, call_splice, true },
	{ SYS_splice, call_splice, true },
	{ SYS_readv, call_vector, true }, { SYS_writev, call_vector, true },
	{ SYS_preadv, call_vector, true }, { SYS_pwritev, call_vector, true },
	{ SYS_preadv2, call_vector, true }, { SYS_pwritev2, call_vector, true },
	{ SYS_sendmsg, call_vector, true }, { SYS_recvmsg, call_vector, true },
	{ SYS_vmsplice, call_vector, true },
	{ SYS_fsync, call_fsync, false }, { SYS_fdatasync, call_fsync, false },
	{ SYS_sync_file_range, call_fsync, false }, { SYS_syncfs, call_fsync, false },
	{ SYS_sync, call_fsync, false }, { SYS_fadvise64, call_fadvise, false },
	{ SYS_readahead, call_fadvise, false }, { SYS_truncate, call_truncate, false },
	{ SYS_ftruncate, call_truncate, false }, { SYS_fallocate, call_truncate, false },
};

void vg_call(struct vg_proc *p, uint32_t task, const struct sys_call *call)
{
	struct call_ctx c = { .p = p, .task = task, .call = call };
	struct sys_touch touch[SYS_MAX_TOUCHES];
	unsigned nr = call->nr == SYS_write && goes_nowhere(p, call) ? 0 : sys_touches(call, touch);

	if (!sys_is_known(call->nr) && !call->unimplemented)
		p->trace->nr_unknown_calls++;
	for (unsigned i = 0; i < nr; i++)
		if (!touch[i].write)
			vg_touch(p, task, touch[i].addr, touch[i].len, false);
	for (size_t i = 0; i < ARRAY_SIZE(call_rows); i++)
		if (call_rows[i].nr == call->nr && (!call->failed || call_rows[i].always))
			call_rows[i].fn(&c);
	for (unsigned i = 0; i < nr; i++)
		if (touch[i].write)
			vg_touch(p, task, touch[i].addr, touch[i].len, true);
}
