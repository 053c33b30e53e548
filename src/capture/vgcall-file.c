/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Finished system calls on files. See vgcall.h. */
#include "capture/vgcall-internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/xalloc.h"

#define INHERITED_MAX	256

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

/* ---- files as they were before they were opened ---- */

static struct vg_seen_file *find_seen(struct vg_trace *t, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; i < t->seen.nr; i++)
		if (t->seen.data[i].dev == dev && t->seen.data[i].ino == ino)
			return &t->seen.data[i];
	return NULL;
}

void vg_look_at_file(struct vg_trace *t, const char *path)
{
	struct vg_seen_file f = {0};
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || ids_file_find(&t->ids, st.st_dev, st.st_ino) ||
	    find_seen(t, st.st_dev, st.st_ino) || ids_file_type(path, st.st_dev) != MMR_FILE_REGULAR)
		return;
	f.dev = st.st_dev;
	f.ino = st.st_ino;
	f.size = (uint64_t)st.st_size;
	if (file_cache_scan(path, 0, st.st_ino, &f.cached) == 0)
		*vec_push(&t->seen) = f;
	else
		vec_finish(&f.cached);
}

void vg_trace_finish(struct vg_trace *t)
{
	for (size_t i = 0; i < t->seen.nr; i++)
		vec_finish(&t->seen.data[i].cached);
	vec_finish(&t->seen);
}

static uint32_t file_id(const struct call_ctx *c, const char *path, const struct stat *st)
{
	struct vg_trace *t = c->p->trace;
	struct mmr_event at = { .task = c->task };
	char *real = path ? realpath(path, NULL) : NULL;
	struct ids_file_key key = { .dev = st->st_dev, .ino = st->st_ino,
				    .path = real ? real : path ? path : "/" };
	struct vg_seen_file *seen = find_seen(t, st->st_dev, st->st_ino);
	uint32_t id = 0;
	int ret;

	if (seen) {
		key.cached = &seen->cached;
		key.size = seen->size;
	}
	ret = ids_file(&t->ids, &key, &at, &id, &t->err);
	if (ret && !t->error)
		t->error = ret;
	if (seen) {
		vec_finish(&seen->cached);
		*seen = t->seen.data[--t->seen.nr];
	}
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

void call_open(const struct call_ctx *c)
{
	const struct sys_call *call = c->call;
	unsigned at = call->nr == SYS_openat || call->nr == SYS_openat2;
	uint64_t flags = call->nr == SYS_creat ? O_CREAT | O_WRONLY | O_TRUNC :
			 call->nr == SYS_openat2 ? 0 : call->arg[at + 1];

	opened(c, call->str[at] ? fd_path(&c->p->fds, at ? call->arg[0] : (uint64_t)AT_FDCWD,
					  call->str[at], call->str_len[at]) : NULL, flags);
}

void call_memfd(const struct call_ctx *c)
{
	opened(c, NULL, O_RDWR);
}

/* New descriptors with no file behind them: whatever was known about the number is not true any more. */
void call_new_fd(const struct call_ctx *c)
{
	fd_close(&c->p->fds, c->call->ret);
}

void call_close(const struct call_ctx *c)
{
	struct fd_file *f = fd_get(&c->p->fds, c->call->arg[0]);
	struct mmr_event ev = { .CLOSE.file = f ? f->file : 0 };

	if (f && f->file)
		emit(c, MMR_CLOSE, &ev);
	fd_close(&c->p->fds, c->call->arg[0]);
}

void call_close_range(const struct call_ctx *c)
{
	if (c->call->arg[2])
		return;		/* CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE */
	for (uint64_t fd = c->call->arg[0]; fd <= c->call->arg[1] && fd < c->p->fds.fd.nr; fd++)
		fd_close(&c->p->fds, fd);
}

void call_dup(const struct call_ctx *c)
{
	fd_dup(&c->p->fds, c->call->arg[0], c->call->ret);
}

void call_fcntl(const struct call_ctx *c)
{
	struct fd_file *f = fd_get(&c->p->fds, c->call->arg[0]);

	if (c->call->arg[1] == F_DUPFD || c->call->arg[1] == F_DUPFD_CLOEXEC)
		fd_dup(&c->p->fds, c->call->arg[0], c->call->ret);
	else if (c->call->arg[1] == F_SETFD && c->call->arg[2] & FD_CLOEXEC && f)
		f->flags |= O_CLOEXEC;
}

void call_lseek(const struct call_ctx *c)
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

void call_chdir(const struct call_ctx *c)
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

void call_io(const struct call_ctx *c)
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

bool goes_nowhere(const struct vg_proc *p, const struct sys_call *call)
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
void call_vector(const struct call_ctx *c)
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

void call_fsync(const struct call_ctx *c)
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

void call_fadvise(const struct call_ctx *c)
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

void call_truncate(const struct call_ctx *c)
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
