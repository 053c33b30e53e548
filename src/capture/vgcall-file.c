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

	/* /proc/self would be ours. */
	if (path && strncmp(path, "/proc/self", 10) != 0 && stat(path, st) == 0)
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
		key.has_size = true;
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

/* Files of /proc and /sys are never in the page cache. */
static bool is_pseudo(const struct stat *st)
{
	static const char *const roots[] = { "/proc", "/sys" };
	struct stat root;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (stat(roots[i], &root) == 0 && root.st_dev == st->st_dev)
			return true;
	return false;
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
	if (!stat_opened(c->p, path, fd, &st) || !S_ISREG(st.st_mode) || is_pseudo(&st))
		return;
	f->file = file_id(c, path, &st);
	f->open = ++c->p->trace->nr_open;
	ev.OPEN.file = f->file;
	ev.OPEN.flags = flags;
	ev.OPEN.open = f->open;
	emit(c, MMR_OPEN, &ev);
	if (flags & O_TRUNC && flags & O_ACCMODE) {
		struct mmr_event trunc = { .TRUNCATE.file = f->file };

		ids_file_at(&c->p->trace->ids, f->file)->size = 0;
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

/* The open file goes with its last descriptor. */
static void close_fd(const struct call_ctx *c, uint64_t fd)
{
	struct fd_file *f = fd_get(&c->p->fds, fd);
	struct mmr_event ev = {0};

	if (f && f->file && f->refs == 1) {
		ev.CLOSE.file = f->file;
		ev.CLOSE.open = f->open;
		emit(c, MMR_CLOSE, &ev);
	}
	fd_close(&c->p->fds, fd);
}

void call_close(const struct call_ctx *c)
{
	close_fd(c, c->call->arg[0]);
}

void call_close_range(const struct call_ctx *c)
{
	if (c->call->arg[2])
		return;		/* CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE */
	for (uint64_t fd = c->call->arg[0]; fd <= c->call->arg[1] && fd < c->p->fds.fd.nr; fd++)
		close_fd(c, fd);
}

void call_dup(const struct call_ctx *c)
{
	if (c->call->arg[0] != c->call->ret)
		close_fd(c, c->call->ret);
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

struct file_io {
	uint64_t fd, offset;	/* UINT64_MAX: the file's own offset */
	uint64_t len;		/* bytes read or written */
	uint64_t addr;		/* of the buffer, in the tool's addresses; 0 none */
	uint64_t flags;		/* MMR_IO_* bits of the call */
	bool write;
};

static void emit_io(const struct call_ctx *c, const struct fd_file *f, const struct file_io *io, uint64_t offset)
{
	uint64_t native = io->addr ? layout_native(&c->p->layout, io->addr) : 0;
	struct mmr_event ev = {0};

	/* READ and WRITE have the same fields. */
	ev.READ.file = f->file;
	ev.READ.offset = offset;
	ev.READ.len = io->len;
	ev.READ.addr = native == LAYOUT_NONE ? 0 : native;
	ev.READ.flags = io->flags | (io->addr ? 0 : MMR_IO_SPLICE) | (f->flags & O_DIRECT ? MMR_IO_DIRECT : 0);
	if (io->write && f->flags & O_DSYNC)
		ev.READ.flags |= MMR_IO_SYNC;
	ev.READ.open = f->open;
	emit(c, io->write ? MMR_WRITE : MMR_READ, &ev);
}

/* The size of a file follows what the program writes; what others write meanwhile is not known. */
static void grow(const struct call_ctx *c, uint32_t file, uint64_t end)
{
	struct ids_file *f = ids_file_at(&c->p->trace->ids, file);

	if (f->size < end)
		f->size = end;
}

/* One call that read or wrote; with O_APPEND at the end of the file. */
static void fd_io(const struct call_ctx *c, const struct file_io *io)
{
	struct fd_file *f = fd_get(&c->p->fds, io->fd);
	uint64_t offset = io->offset;

	if (!f)
		return;
	if (offset == UINT64_MAX)
		offset = f->offset;
	if (f->file && io->write) {
		if (f->flags & O_APPEND)
			offset = ids_file_at(&c->p->trace->ids, f->file)->size;
		grow(c, f->file, offset + io->len);
	}
	if (f->file && io->len)
		emit_io(c, f, io, offset);
	if (io->offset == UINT64_MAX)
		f->offset = offset + io->len;
}

/* What the kernel read from user memory when the call began. False: nothing was seen. Taken out of the list. */
static bool take_vector(const struct call_ctx *c, struct vg_vector *ret)
{
	struct vg_proc *p = c->p;

	for (size_t i = 0; i < p->vectors.nr; i++) {
		struct vg_vector v = p->vectors.data[i];

		/* Of some calls valgrind prints no arguments. */
		if (v.nr != c->call->nr ||
		    (c->call->nr_args && (v.arg[0] != c->call->arg[0] || v.arg[1] != c->call->arg[1])))
			continue;
		memmove(&p->vectors.data[i], &p->vectors.data[i + 1], (p->vectors.nr - i - 1) * sizeof(v));
		p->vectors.nr--;
		*ret = v;
		return true;
	}
	return false;
}

/* From one file to the other without user memory: sendfile, copy_file_range, splice (one side is a pipe). */
void call_splice(const struct call_ctx *c)
{
	bool is_sendfile = c->call->nr == SYS_sendfile;
	struct file_io in = { .offset = UINT64_MAX }, out = { .offset = UINT64_MAX, .write = true };
	const uint64_t *arg = c->call->arg;
	struct vg_vector v = {0};

	if (take_vector(c, &v)) {
		arg = v.arg;
		in.offset = v.offset[0];
		out.offset = is_sendfile ? UINT64_MAX : v.offset[1];
		vec_finish(&v.part);
	} else {
		c->p->trace->nr_hidden_buffers++;
	}
	if (c->call->failed)
		return;
	in.fd = arg[is_sendfile];
	out.fd = arg[is_sendfile ? 0 : 2];
	in.len = out.len = c->call->ret;
	fd_io(c, &in);
	fd_io(c, &out);
}

void call_io(const struct call_ctx *c)
{
	const uint64_t *arg = c->call->arg;
	bool has_offset = c->call->nr == SYS_pread64 || c->call->nr == SYS_pwrite64;
	struct file_io io = { .fd = arg[0], .offset = has_offset ? arg[3] : UINT64_MAX, .len = c->call->ret,
			      .addr = arg[1],
			      .write = c->call->nr == SYS_write || c->call->nr == SYS_pwrite64 };

	fd_io(c, &io);
}

bool goes_nowhere(const struct vg_proc *p, const struct sys_call *call)
{
	const struct fd_file *f;

	if (call->nr != SYS_write && call->nr != SYS_writev)
		return false;
	f = fd_get(&p->fds, call->arg[0]);
	return f && f->path && strcmp(f->path, "/dev/null") == 0;
}

/* preadv2, pwritev2 */
static uint64_t rwf_flags(uint64_t rwf)
{
	return (rwf & 0x2 || rwf & 0x4 ? MMR_IO_SYNC : 0) |	/* RWF_DSYNC, RWF_SYNC */
	       (rwf & 0x80 ? MMR_IO_DONTCACHE : 0);
}

/* Vectored calls on files: the buffers were touched, here is what became of the file. */
static void vector_io(const struct call_ctx *c, const uint64_t *arg, uint64_t first, bool write)
{
	struct file_io io = { .fd = arg[0], .offset = UINT64_MAX, .len = c->call->ret, .addr = first, .write = write };

	switch (c->call->nr) {
	case SYS_preadv2:
	case SYS_pwritev2:
		io.flags = rwf_flags(arg[5]);
		/* fall through */
	case SYS_preadv:
	case SYS_pwritev:
		io.offset = arg[3];
		break;
	case SYS_readv:
	case SYS_writev:
		break;
	default:
		return;
	}
	fd_io(c, &io);
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
	bool is_used = !c->call->failed && !goes_nowhere(p, c->call);
	struct vg_vector v = {0};

	if (take_vector(c, &v)) {
		first = v.part.nr ? v.part.data[0].addr : 0;
		for (size_t k = 0; k < v.part.nr && left && is_used; k++) {
			uint64_t n = v.part.data[k].len < left ? v.part.data[k].len : left;

			vg_touch(p, c->task, v.part.data[k].addr, n, !write);
			left -= n;
		}
		vec_finish(&v.part);
	} else {
		p->trace->nr_hidden_buffers++;
	}
	if (!c->call->failed)
		vector_io(c, v.nr ? v.arg : c->call->arg, first, write);
}

/* ---- what becomes of a file's pages ---- */

void call_fsync(const struct call_ctx *c)
{
	const uint64_t *arg = c->call->arg;
	uint32_t nr = c->call->nr;
	struct fd_file *f = nr == SYS_sync ? NULL : fd_get(&c->p->fds, arg[0]);
	struct mmr_event ev = {0};

	if (nr == SYS_sync || nr == SYS_syncfs) {
		ev.FSYNC.flags = MMR_SYNC_FS;
	} else {
		if (!f || !f->file)
			return;
		ev.FSYNC.file = f->file;
		ev.FSYNC.flags = nr == SYS_fdatasync ? MMR_SYNC_DATA : 0;
	}
	if (nr == SYS_sync_file_range) {
		ev.FSYNC.offset = arg[1];
		ev.FSYNC.len = arg[2];
		ev.FSYNC.flags = MMR_SYNC_RANGE | arg[3] << 8;
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
	ev.FADVISE.advice = c->call->nr == SYS_readahead ? MMR_FADV_READAHEAD : c->call->arg[3];
	ev.FADVISE.open = f->open;
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
		if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			ev.TRUNCATE.file = file_id(c, path, &st);
		free(path);
	}
	if (call->nr == SYS_fallocate) {
		ev.TRUNCATE.mode = call->arg[1] + 1;
		ev.TRUNCATE.size = call->arg[2] + call->arg[3];
		ev.TRUNCATE.hole = call->arg[3];
	}
	if (!ev.TRUNCATE.file)
		return;
	if (call->nr != SYS_fallocate)
		ids_file_at(&c->p->trace->ids, (uint32_t)ev.TRUNCATE.file)->size = ev.TRUNCATE.size;
	else if (!(call->arg[1] & FALLOC_FL_KEEP_SIZE))
		grow(c, (uint32_t)ev.TRUNCATE.file, ev.TRUNCATE.size);
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
	if (S_ISREG(st.st_mode)) {
		f->file = file_id(c, path, &st);
		f->open = ++c->p->trace->nr_open;
	}
}

void vg_inherit_files(struct vg_proc *p, uint32_t task)
{
	struct call_ctx c = { .p = p, .task = task };

	/* Valgrind's own descriptors lie far above. */
	for (unsigned fd = 0; fd < INHERITED_MAX; fd++)
		inherit_file(&c, fd);
}
