/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a finished system call means for the trace. See vgcall.h.
 *
 * Calls are dispatched through one table, call_rows; what is not in it has no effect beyond the touches of
 * its buffers (sysdecode.c). Addresses in events are native ones; a range that is in one piece in the
 * tool's address space but not natively becomes several events.
 */
#include "capture/vgcall.h"

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

#define INHERITED_MAX	256
#define THP_DISABLE	41		/* PR_SET_THP_DISABLE */
#define SET_VMA		0x53564d41	/* PR_SET_VMA */
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

struct call_ctx {
	struct vg_proc *p;
	uint32_t task;
	const struct sys_call *call;
};

static void emit(const struct call_ctx *c, uint16_t kind, struct mmr_event *ev)
{
	ev->kind = kind;
	ev->task = c->task;
	vg_emit(c->p->trace, ev);
}

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

/* ---- files ---- */

/*
 * Which file it is: by the name that the call was given. A file that is gone by now is looked for behind
 * the process's descriptor.
 */
static bool stat_opened(struct vg_proc *p, const char *path, uint64_t fd, struct stat *st)
{
	char link[64];

	if (path && stat(path, st) == 0)
		return true;
	snprintf(link, sizeof(link), "/proc/%d/fd/%u", p->pid, (unsigned)fd);
	return stat(link, st) == 0;
}

static uint32_t file_id(const struct call_ctx *c, const char *path, const struct stat *st)
{
	struct vg_trace *t = c->p->trace;
	struct mmr_event at = { .task = c->task };
	char *real = path ? realpath(path, NULL) : NULL;
	struct ids_file_key key = { .dev = st->st_dev, .ino = st->st_ino,
				    .path = real ? real : path ? path : "/" };
	uint32_t id = 0;
	int ret = ids_file(&t->ids, &key, &at, &id, &t->err);

	if (ret && !t->error)
		t->error = ret;
	free(real);
	return id;
}

static void opened(const struct call_ctx *c, char *path, uint64_t flags)
{
	uint64_t fd = c->call->ret;
	struct fd_file *f = fd_open(&c->p->fds, fd);
	struct mmr_event ev = {0};
	struct stat st;

	if (!f) {
		free(path);
		return;
	}
	f->path = path;
	f->flags = flags;
	if (!stat_opened(c->p, path, fd, &st) || !S_ISREG(st.st_mode))
		return;
	f->file = file_id(c, path, &st);
	if (flags & O_APPEND)
		f->offset = (uint64_t)st.st_size;
	ev.OPEN.file = f->file;
	ev.OPEN.flags = flags;
	emit(c, MMR_OPEN, &ev);
	if (flags & O_TRUNC && flags & O_ACCMODE) {
		struct mmr_event trunc = { .TRUNCATE.file = f->file };

		emit(c, MMR_TRUNCATE, &trunc);
	}
}

static void call_open(const struct call_ctx *c)
{
	const struct sys_call *call = c->call;
	unsigned at = call->nr == SYS_openat || call->nr == SYS_openat2;
	uint64_t flags = call->nr == SYS_creat ? O_CREAT | O_WRONLY | O_TRUNC :
			 call->nr == SYS_openat2 ? 0 : call->arg[at + 1];

	opened(c, call->str[at] ? fd_path(&c->p->fds, at ? call->arg[0] : (uint64_t)AT_FDCWD,
					  call->str[at], call->str_len[at]) : NULL, flags);
}

static void call_memfd(const struct call_ctx *c)
{
	opened(c, NULL, O_RDWR);
}

/* New descriptors with no file behind them: whatever was known about the number is not true any more. */
static void call_new_fd(const struct call_ctx *c)
{
	fd_close(&c->p->fds, c->call->ret);
}

static void call_close(const struct call_ctx *c)
{
	struct fd_file *f = fd_get(&c->p->fds, c->call->arg[0]);
	struct mmr_event ev = { .CLOSE.file = f ? f->file : 0 };

	if (f && f->file)
		emit(c, MMR_CLOSE, &ev);
	fd_close(&c->p->fds, c->call->arg[0]);
}

static void call_close_range(const struct call_ctx *c)
{
	if (c->call->arg[2])
		return;		/* CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE */
	for (uint64_t fd = c->call->arg[0]; fd <= c->call->arg[1] && fd < c->p->fds.fd.nr; fd++)
		fd_close(&c->p->fds, fd);
}

static void call_dup(const struct call_ctx *c)
{
	fd_dup(&c->p->fds, c->call->arg[0], c->call->ret);
}

static void call_fcntl(const struct call_ctx *c)
{
	struct fd_file *f = fd_get(&c->p->fds, c->call->arg[0]);

	if (c->call->arg[1] == F_DUPFD || c->call->arg[1] == F_DUPFD_CLOEXEC)
		fd_dup(&c->p->fds, c->call->arg[0], c->call->ret);
	else if (c->call->arg[1] == F_SETFD && c->call->arg[2] & FD_CLOEXEC && f)
		f->flags |= O_CLOEXEC;
}

static void call_lseek(const struct call_ctx *c)
{
	struct fd_file *f = fd_get(&c->p->fds, c->call->arg[0]);

	if (f)
		f->offset = c->call->ret;
}

static void set_cwd(struct vg_proc *p, char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;

	free(p->fds.cwd);
	p->fds.cwd = real ? xstrdup(real) : NULL;
	free(real);
	free(path);
}

static void call_chdir(const struct call_ctx *c)
{
	const struct sys_call *call = c->call;
	struct fd_file *f;

	if (call->nr == SYS_fchdir) {
		f = fd_get(&c->p->fds, call->arg[0]);
		set_cwd(c->p, f && f->path ? xstrdup(f->path) : NULL);
	} else if (call->str[0]) {
		set_cwd(c->p, fd_path(&c->p->fds, (uint64_t)AT_FDCWD, call->str[0], call->str_len[0]));
	}
}

static void file_io(const struct call_ctx *c, struct fd_file *f, uint64_t offset, uint64_t len,
		    uint64_t addr, bool write)
{
	uint64_t native = addr ? layout_native(&c->p->layout, addr) : 0;
	uint64_t flags = addr ? 0 : MMR_IO_SPLICE;
	struct mmr_event ev = {0};

	if (f->flags & O_DIRECT)
		flags |= MMR_IO_DIRECT;
	if (native == LAYOUT_NONE)
		native = 0;
	/* READ and WRITE have the same fields. */
	ev.READ.file = f->file;
	ev.READ.offset = offset;
	ev.READ.len = len;
	ev.READ.addr = native;
	ev.READ.flags = flags;
	emit(c, write ? MMR_WRITE : MMR_READ, &ev);
}

/* read, write and their kin on fd: `at` is the offset, UINT64_MAX for the file's own. */
static void fd_io(const struct call_ctx *c, uint64_t fd, uint64_t at, uint64_t addr, bool write)
{
	struct fd_file *f = fd_get(&c->p->fds, fd);
	uint64_t len = c->call->ret;

	if (!f)
		return;
	if (f->file && len)
		file_io(c, f, at == UINT64_MAX ? f->offset : at, len, addr, write);
	if (at == UINT64_MAX)
		f->offset += len;
}

static void call_io(const struct call_ctx *c)
{
	const uint64_t *arg = c->call->arg;

	switch (c->call->nr) {
	case SYS_read:
		fd_io(c, arg[0], UINT64_MAX, arg[1], false);
		break;
	case SYS_write:
		fd_io(c, arg[0], UINT64_MAX, arg[1], true);
		break;
	case SYS_pread64:
		fd_io(c, arg[0], arg[3], arg[1], false);
		break;
	case SYS_pwrite64:
		fd_io(c, arg[0], arg[3], arg[1], true);
		break;
	case SYS_sendfile:
		if (!arg[2])
			fd_io(c, arg[1], UINT64_MAX, 0, false);
		fd_io(c, arg[0], UINT64_MAX, 0, true);
		break;
	case SYS_copy_file_range:
		if (!arg[1])
			fd_io(c, arg[0], UINT64_MAX, 0, false);
		if (!arg[3])
			fd_io(c, arg[2], UINT64_MAX, 0, true);
		break;
	}
}

/* Written to, the null device does not look at the buffer. */
static bool goes_nowhere(const struct vg_proc *p, const struct sys_call *call)
{
	const struct fd_file *f;

	if (call->nr != SYS_write && call->nr != SYS_writev)
		return false;
	f = fd_get(&p->fds, call->arg[0]);
	return f && f->path && strcmp(f->path, "/dev/null") == 0;
}

/*
 * Vectored calls: the buffers were looked up when the call entered the kernel (in the order in which the
 * calls were printed, but for threads that race each other there: hence the comparison).
 */
static void call_vector(const struct call_ctx *c)
{
	struct vg_proc *p = c->p;
	uint32_t nr = c->call->nr;
	bool write = nr == SYS_writev || nr == SYS_pwritev || nr == SYS_pwritev2 || nr == SYS_sendmsg ||
		     nr == SYS_vmsplice;
	uint64_t left = c->call->ret, first = 0;
	bool is_found = false, is_used = !c->call->failed && !goes_nowhere(p, c->call);

	for (size_t i = 0; i < p->vectors.nr && !is_found; i++) {
		struct vg_vector v = p->vectors.data[i];

		if (v.nr != nr || v.arg[0] != c->call->arg[0] || v.arg[1] != c->call->arg[1])
			continue;
		is_found = true;
		memmove(&p->vectors.data[i], &p->vectors.data[i + 1],
			(p->vectors.nr - i - 1) * sizeof(v));
		p->vectors.nr--;
		first = v.part.nr ? v.part.data[0].addr : 0;
		for (size_t k = 0; k < v.part.nr && left && is_used; k++) {
			uint64_t n = v.part.data[k].len < left ? v.part.data[k].len : left;

			vg_touch(p, c->task, v.part.data[k].addr, n, !write);
			left -= n;
		}
		vec_finish(&v.part);
	}
	if (!is_found)
		p->trace->nr_hidden_buffers++;
	if (c->call->failed)
		return;
	if (nr == SYS_readv || nr == SYS_writev)
		fd_io(c, c->call->arg[0], UINT64_MAX, first, write);
	else if (nr == SYS_preadv || nr == SYS_pwritev)
		fd_io(c, c->call->arg[0], c->call->arg[3], first, write);
}

static void call_fsync(const struct call_ctx *c)
{
	struct fd_file *f = fd_get(&c->p->fds, c->call->arg[0]);
	struct mmr_event ev = {0};

	if (!f || !f->file)
		return;
	ev.FSYNC.file = f->file;
	if (c->call->nr == SYS_sync_file_range) {
		ev.FSYNC.offset = c->call->arg[1];
		ev.FSYNC.len = c->call->arg[2];
	}
	emit(c, MMR_FSYNC, &ev);
}

static void call_fadvise(const struct call_ctx *c)
{
	struct fd_file *f = fd_get(&c->p->fds, c->call->arg[0]);
	struct mmr_event ev = {0};

	if (!f || !f->file)
		return;
	ev.FADVISE.file = f->file;
	ev.FADVISE.offset = c->call->arg[1];
	ev.FADVISE.len = c->call->arg[2];
	ev.FADVISE.advice = c->call->nr == SYS_readahead ? POSIX_FADV_WILLNEED : c->call->arg[3];
	emit(c, MMR_FADVISE, &ev);
}

static void call_truncate(const struct call_ctx *c)
{
	const struct sys_call *call = c->call;
	struct mmr_event ev = { .TRUNCATE.size = call->arg[1] };
	struct fd_file *f = call->nr == SYS_truncate ? NULL : fd_get(&c->p->fds, call->arg[0]);
	struct stat st;
	char *path;

	if (f) {
		ev.TRUNCATE.file = f->file;
	} else if (call->str[0]) {
		path = fd_path(&c->p->fds, (uint64_t)AT_FDCWD, call->str[0], call->str_len[0]);
		if (path && stat(path, &st) == 0)
			ev.TRUNCATE.file = file_id(c, path, &st);
		free(path);
	}
	if (call->nr == SYS_fallocate) {
		if (!(call->arg[1] & 2))	/* FALLOC_FL_PUNCH_HOLE */
			return;
		ev.TRUNCATE.size = call->arg[2] + call->arg[3];
		ev.TRUNCATE.hole = call->arg[3];
	}
	if (ev.TRUNCATE.file)
		emit(c, MMR_TRUNCATE, &ev);
}

/* "pos:" and "flags:" (octal) of a descriptor; false when it cannot be read. */
static bool read_fdinfo(pid_t pid, unsigned fd, struct fd_file *f)
{
	unsigned long long v;
	char path[64], line[128];
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%u", pid, fd);
	info = fopen(path, "re");
	if (!info)
		return false;
	while (fgets(line, sizeof(line), info)) {
		if (sscanf(line, "pos: %llu", &v) == 1)
			f->offset = v;
		else if (sscanf(line, "flags: %llo", &v) == 1)
			f->flags = v;
	}
	fclose(info);
	return true;
}

static void inherit_file(const struct call_ctx *c, unsigned fd)
{
	char link[64], path[PATH_MAX];
	struct fd_file *f;
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/fd/%u", c->p->pid, fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/' || stat(link, &st))
		return;
	path[n] = 0;
	f = fd_open(&c->p->fds, fd);
	if (!f)
		return;
	f->path = xstrdup(path);
	read_fdinfo(c->p->pid, fd, f);
	if (S_ISREG(st.st_mode))
		f->file = file_id(c, path, &st);
}

void vg_inherit_files(struct vg_proc *p, uint32_t task)
{
	struct call_ctx c = { .p = p, .task = task };

	/* Valgrind's own descriptors lie far above. */
	for (unsigned fd = 0; fd < INHERITED_MAX; fd++)
		inherit_file(&c, fd);
}

/* ---- dispatch ---- */

struct call_row {
	uint32_t nr;
	void (*fn)(const struct call_ctx *c);
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
	{ SYS_sendfile, call_io, false }, { SYS_copy_file_range, call_io, false },
	{ SYS_readv, call_vector, true }, { SYS_writev, call_vector, true },
	{ SYS_preadv, call_vector, true }, { SYS_pwritev, call_vector, true },
	{ SYS_preadv2, call_vector, true }, { SYS_pwritev2, call_vector, true },
	{ SYS_sendmsg, call_vector, true }, { SYS_recvmsg, call_vector, true },
	{ SYS_vmsplice, call_vector, true },
	{ SYS_fsync, call_fsync, false }, { SYS_fdatasync, call_fsync, false },
	{ SYS_sync_file_range, call_fsync, false }, { SYS_fadvise64, call_fadvise, false },
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
