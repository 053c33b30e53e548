/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Areas: MMAP2 records and finished system calls.
 *
 * Order. A system call's event stands where the call returned, with one exception: in a process
 * with more than one thread munmap stands where it was called. Another thread may be given the same
 * addresses as soon as the kernel has let go of them, and its mmap may return first; no thread can
 * be given them before the call began.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "base/xalloc.h"
#include "capture/perf-decode-priv.h"

static int emit_vma(struct decoder *d, const struct shadow_area *a, const char *path,
		    uint64_t flags, const struct mmr_event *at, struct mmr_error *err)
{
	struct mmr_event ev = *at;

	memset(ev.arg, 0, sizeof(ev.arg));
	ev.kind = MMR_VMA;
	ev.VMA.addr = a->start;
	ev.VMA.len = a->end - a->start;
	ev.VMA.prot = a->prot;
	ev.VMA.flags = (flags & (MAP_SHARED | MAP_PRIVATE)) | (a->file ? 0 : MAP_ANONYMOUS) |
		       (path[0] == '[' ? MMR_VMA_SPECIAL : 0);
	ev.VMA.file = a->file;
	ev.VMA.offset = a->file ? a->offset : 0;
	if (strcmp(path, "//anon") != 0) {
		ev.data = path;
		ev.data_len = (uint32_t)strlen(path);
	}
	return decoder_emit(d, &ev, err);
}

/* An area that no system call explains: growth of the stack, or the calls are not recorded. */
static int emit_area(struct decoder *d, struct dec_task *t, const struct shadow_area *a,
		     const char *path, uint64_t flags, const struct mmr_event *at,
		     struct mmr_error *err)
{
	struct dec_proc *p = decoder_proc(d, t->pid);
	struct mmr_event ev = *at;
	struct shadow_area gap = *a;
	int ret = 0;

	memset(ev.arg, 0, sizeof(ev.arg));
	if (strcmp(path, "[stack]") == 0) {
		ev.kind = MMR_STACK;
		ev.STACK.addr = a->start;
		ev.STACK.end = a->end;
		return decoder_emit(d, &ev, err);
	}
	/* The heap's first area has no name yet. */
	if (strcmp(path, "[heap]") == 0 || (a->file == 0 && a->start == p->start_brk)) {
		ev.kind = MMR_BRK;
		ev.BRK.start = p->start_brk ? p->start_brk : a->start;
		ev.BRK.brk = a->end;
		return decoder_emit(d, &ev, err);
	}
	switch (d->has_syscalls ? SHADOW_NEW : shadow_classify(&p->shadow, a)) {
	case SHADOW_PROTECTED:
		ev.kind = MMR_MPROTECT;
		ev.MPROTECT.addr = a->start;
		ev.MPROTECT.len = a->end - a->start;
		ev.MPROTECT.prot = a->prot;
		return decoder_emit(d, &ev, err);
	case SHADOW_GREW:
		for (uint64_t from = 0;
		     ret == 0 && shadow_gap(&p->shadow, a, from, &gap.start, &gap.end);
		     from = gap.end) {
			gap.offset = a->offset + (gap.start - a->start);
			ret = emit_vma(d, &gap, path, flags, at, err);
		}
		return ret;
	default:
		return emit_vma(d, a, path, flags, at, err);
	}
}

struct dec_scanned *decode_find_scanned(struct decoder *d, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; i < d->scanned.nr; i++) {
		if (d->scanned.data[i].dev == dev && d->scanned.data[i].ino == ino)
			return &d->scanned.data[i];
	}
	return NULL;
}

void decoder_look_ahead(struct decoder *d, const struct merge_record *recs, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct record_mmap2 *r = recs[i].data;
		struct dec_scanned scan = {0};

		if (recs[i].type != PERF_RECORD_MMAP2 || r->ino == 0 ||
		    memchr(r->filename, '\0', r->h.size - sizeof(*r)) == NULL)
			continue;
		scan.dev = makedev(r->maj, r->min);
		scan.ino = r->ino;
		if (ids_file_type(r->filename, scan.dev) != MMR_FILE_REGULAR ||
		    ids_file_find(&d->ids, scan.dev, r->ino) ||
		    decode_find_scanned(d, scan.dev, r->ino))
			continue;
		if (file_cache_scan(r->filename, (pid_t)r->pid, r->ino, &scan.extents)) {
			vec_finish(&scan.extents);
			continue;
		}
		scan.path = xstrdup(r->filename);
		*vec_push(&d->scanned) = scan;
	}
}

int decode_file(struct decoder *d, struct ids_file_key *key, const struct mmr_event *at, uint32_t *ret_file,
		struct mmr_error *err)
{
	struct dec_scanned *scan = decode_find_scanned(d, key->dev, key->ino);
	struct ids_file file = {.dev = key->dev, .ino = key->ino};

	if (scan) {
		if (d->ids.cache_filter)
			decode_cache_filter(d, &file, &scan->extents);
		key->cached = &scan->extents;
	}
	int ret = ids_file(&d->ids, key, at, ret_file, err);

	if (scan) {
		vec_finish(&scan->extents);
		free(scan->path);
		*scan = d->scanned.data[--d->scanned.nr];
	}
	return ret;
}

int decode_mmap2(struct decoder *d, const struct record_mmap2 *r, struct mmr_event *at,
		 struct mmr_error *err)
{
	struct dec_task *t = decoder_task(d, (pid_t)r->pid, (pid_t)r->tid, at, err);
	struct ids_file_key key = {.dev = makedev(r->maj, r->min),
				   .ino = r->ino,
				   .generation = r->ino_generation,
				   .path = r->filename,
				   .pid = (pid_t)r->pid};
	uint32_t file = 0;

	if (t == NULL)
		return -EIO;
	if (decoder_proc(d, t->pid)->awaits || (d->memory && t->pid == d->self))
		return 0; /* its snapshot will show it; or it is ours */
	if (memchr(r->filename, '\0', r->h.size - sizeof(*r)) == NULL)
		key.path = "";
	struct dec_proc *p = decoder_proc(d, t->pid);
	bool in_call = t->in_call && !p->in_exec;

	if (p->in_exec || (in_call && !syscalls_maps(t->call.nr)))
		return 0; /* the snapshot, or the call's own event, says it */
	at->task = t->id;
	/* Anonymous memory has the name "//anon" and inode 0; so have vdso and the like, in
	 * brackets. */
	int ret = r->ino ? decode_file(d, &key, at, &file, err) : 0;

	if (ret)
		return ret;
	if (in_call) {
		t->map.file = file;
		t->map.len = r->len;
		return 0;
	}
	struct shadow_area area = {.start = r->addr,
				   .end = r->addr + r->len,
				   .prot = r->prot,
				   .file = file,
				   .offset = r->pgoff};

	ret = emit_area(d, t, &area, key.path, r->flags, at, err);
	shadow_set(&p->shadow, &area);
	return ret;
}

static int finish_call(struct decoder *d, struct dec_task *t, const struct mmr_event *at,
		       struct mmr_error *err)
{
	struct dec_proc *p = decoder_proc(d, t->pid);
	struct mmr_event ev = *at;

	memset(ev.arg, 0, sizeof(ev.arg));
	ev.task = t->id;
	if (!syscalls_event(&t->call, &t->map, &ev))
		return 0;
	if (nodemasks_wants(t->call.nr)) {
		const char *data;

		ev.data_len = (uint32_t)nodemasks_take(d->masks, (uint32_t)t->tid, &t->call, &data);
		ev.data = data;
		d->nr_hidden_masks += !ev.data_len;
	}
	if (ev.kind == MMR_BRK) {
		if (ev.BRK.brk == p->brk)
			return 0;
		p->brk = ev.BRK.brk;
		ev.BRK.start = p->start_brk;
	}
	return decoder_emit(d, &ev, err);
}

int decode_sys_enter(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		     const struct perf_sample_head *h, const struct mmr_event *at,
		     struct mmr_error *err)
{
	struct perf_sample_rest rest;

	perf_sample_parse(src, h, &rest);
	t->call.nr = (long)tp_u64(d->f.enter_id, rest.raw, rest.raw_size);
	for (unsigned i = 0; i < 6; i++)
		t->call.args[i] = tp_word(d->f.enter_args, i, rest.raw, rest.raw_size);
	struct dec_proc *p = decoder_proc(d, t->pid);

	t->in_call = syscalls_known(t->call.nr) && !p->is_32bit;
	t->emitted = false;
	t->map = (struct syscall_map){0};
	if (!t->in_call || !syscalls_unmaps(t->call.nr) || p->nr_threads < 2)
		return 0;
	/* An aligned munmap fails only when the process has too many areas. */
	if (t->call.args[0] % (uint64_t)(1 << MMR_GRANULE_SHIFT) || t->call.args[1] == 0)
		return 0;
	t->call.ret = 0;
	t->emitted = true;
	return finish_call(d, t, at, err);
}

int decode_sys_exit(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		    const struct perf_sample_head *h, const struct mmr_event *at,
		    struct mmr_error *err)
{
	struct perf_sample_rest rest;

	perf_sample_parse(src, h, &rest);
	long nr = (long)tp_u64(d->f.exit_id, rest.raw, rest.raw_size);

	if (!t->in_call || t->call.nr != nr)
		return 0;
	t->in_call = false;
	t->call.ret = tp_u64(d->f.exit_ret, rest.raw, rest.raw_size);
	return t->emitted ? 0 : finish_call(d, t, at, err);
}

void decode_shadow(struct decoder *d, struct shadow *s, const struct snapshot *snap)
{
	shadow_clear(s);
	for (size_t i = 0; i < snap->maps.nr; i++) {
		const struct proc_map *m = &snap->maps.data[i].map;
		struct shadow_area a = {.start = m->start,
					.end = m->end,
					.prot = (uint64_t)m->prot,
					.file = m->ino ? ids_file_find(&d->ids, m->dev, m->ino) : 0,
					.offset = m->offset};

		shadow_set(s, &a);
	}
}
