/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Perf records to events: the decoder itself, snapshots, counters, losses; who takes which record.
 *
 * execve. With ptrace the child stops at the end of execve and a snapshot tells what there is;
 * records of the kernel's own mapping and touching in between are left out, the snapshot stands for
 * them. Without ptrace these records are all there is, and are written.
 *
 * Memory: bounded by the number of living tasks and of mapped files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/host.h"
#include "capture/perf-decode-priv.h"

/* ---- life of the decoder ---- */

static int emit_for_ids(void *ctx, const struct mmr_event *ev, struct mmr_error *err)
{
	return decoder_emit(ctx, ev, err);
}

static const struct tp_field *field_of(struct perf_session *s, enum perf_role role,
				       const char *name)
{
	const struct perf_source *src = perf_session_role(s, role);

	return src ? tp_field(&src->fmt, name) : NULL;
}

static void find_fields(struct decoder *d, struct perf_session *s)
{
	d->f.address = field_of(s, PERF_ROLE_EXC_USER, "address");
	d->f.error_code = field_of(s, PERF_ROLE_EXC_USER, "error_code");
	d->f.k_address = field_of(s, PERF_ROLE_EXC_KERNEL, "address");
	d->f.k_error_code = field_of(s, PERF_ROLE_EXC_KERNEL, "error_code");
	d->f.enter_id = field_of(s, PERF_ROLE_SYS_ENTER, "id");
	d->f.enter_args = field_of(s, PERF_ROLE_SYS_ENTER, "args");
	d->f.exit_id = field_of(s, PERF_ROLE_SYS_EXIT, "id");
	d->f.exit_ret = field_of(s, PERF_ROLE_SYS_EXIT, "ret");
	d->f.clone_pid = field_of(s, PERF_ROLE_NEWTASK, "pid");
	d->f.clone_flags = field_of(s, PERF_ROLE_NEWTASK, "clone_flags");
	d->f.exec_old_pid = field_of(s, PERF_ROLE_EXEC, "old_pid");
	d->f.futex_uaddr = field_of(s, PERF_ROLE_FUTEX, "uaddr");
	d->f.futex_op = field_of(s, PERF_ROLE_FUTEX, "op");
	d->f.futex_uaddr2 = field_of(s, PERF_ROLE_FUTEX, "uaddr2");
	d->f.add_pfn = field_of(s, PERF_ROLE_CACHE_ADD, "pfn");
	d->f.add_ino = field_of(s, PERF_ROLE_CACHE_ADD, "i_ino");
	d->f.add_index = field_of(s, PERF_ROLE_CACHE_ADD, "index");
	d->f.add_dev = field_of(s, PERF_ROLE_CACHE_ADD, "s_dev");
	d->f.add_order = field_of(s, PERF_ROLE_CACHE_ADD, "order");
	d->f.del_pfn = field_of(s, PERF_ROLE_CACHE_DEL, "pfn");
	d->f.del_ino = field_of(s, PERF_ROLE_CACHE_DEL, "i_ino");
	d->f.del_index = field_of(s, PERF_ROLE_CACHE_DEL, "index");
	d->f.del_dev = field_of(s, PERF_ROLE_CACHE_DEL, "s_dev");
	d->f.del_order = field_of(s, PERF_ROLE_CACHE_DEL, "order");
}

void decoder_init(struct decoder *d, struct perf_session *session, struct merge *merge,
		  struct mmr_writer *writer, struct capture_result *res)
{
	memset(d, 0, sizeof(*d));
	d->session = session;
	d->merge = merge;
	d->writer = writer;
	d->res = res;
	ids_init(&d->ids, emit_for_ids, d, true);
	/* Of a whole machine what waits to be decoded is too much to be looked through for each file. */
	if (!session->all) {
		d->ids.cache_filter = decode_cache_filter;
		d->ids.cache_filter_ctx = d;
	}
	htable_init(&d->tasks);
	htable_init(&d->procs);
	htable_init(&d->clone_flags);
	htable_init(&d->exit_codes);
	htable_init(&d->running);
	htable_init(&d->opens);
	d->self = getpid();
	find_fields(d, session);
	d->has_syscalls = d->f.enter_args && d->f.exit_ret;
	d->has_newtask = d->f.clone_flags != NULL;
}

static void free_all(struct htable *h, void (*fn)(void *))
{
	size_t pos = 0;
	uint64_t key, value;

	while (htable_next(h, &pos, &key, &value))
		fn(htable_get_ptr(h, key));
	htable_finish(h);
}

void decoder_finish(struct decoder *d)
{
	free_all(&d->tasks, decoder_free_task);
	free_all(&d->procs, decoder_free_proc);
	for (size_t i = 0; i < d->scanned.nr; i++) {
		vec_finish(&d->scanned.data[i].extents);
		free(d->scanned.data[i].path);
	}
	htable_finish(&d->opens);
	vec_finish(&d->scanned);
	for (size_t i = 0; i < d->caches.nr; i++)
		free(d->caches.data[i]);
	vec_finish(&d->caches);
	htable_finish(&d->clone_flags);
	htable_finish(&d->exit_codes);
	htable_finish(&d->running);
	ids_finish(&d->ids);
}

int decoder_emit(struct decoder *d, const struct mmr_event *ev, struct mmr_error *err)
{
	struct mmr_event copy = *ev;

	/* A record that came late must not make the clock run backwards. */
	if (copy.time_ns < d->last_ns)
		copy.time_ns = d->last_ns;
	d->last_ns = copy.time_ns;
	d->res->nr_events++;
	return mmr_writer_event(d->writer, &copy, err);
}

void decoder_clone_flags(struct decoder *d, pid_t tid, uint64_t flags)
{
	htable_set(&d->clone_flags, (uint64_t)tid, flags);
}

void decoder_exit_code(struct decoder *d, pid_t tid, uint64_t code)
{
	if (htable_get_ptr(&d->tasks, (uint64_t)tid))
		htable_set(&d->exit_codes, (uint64_t)tid, code);
}

/* ---- snapshots ---- */

static int on_snapshot(struct decoder *d, struct snapshot *snap, struct mmr_event *at,
		       struct mmr_error *err)
{
	/* At exit the leader may have gone before: the thread that was looked at is the one that is
	 * known. */
	struct dec_task *t = decoder_task(d, snap->ref.pid, snap->ref.tid, at, err);
	int ret = 0;

	if (t == NULL)
		return -EIO;
	struct dec_proc *p = decoder_proc(d, t->pid);

	at->task = t->id;
	if (snap->has_space) {
		p->nr_faults = 0;
		p->in_exec = p->awaits = false;
		p->is_32bit = snap->is_32bit;
		p->start_brk = p->brk = snap->stat.start_brk;
		if (p->is_32bit)
			capture_result_note(
				d->res,
				"'%s' is a 32-bit program: its system calls are not recorded",
				snap->exe);
		ret = snap->when == MMR_WHEN_EXEC
			      ? decode_emit_exec(d, t->id, snap->exe, &snap->stat, at, err)
			      : decode_emit_comm(d, t->id, snap->stat.comm, strlen(snap->stat.comm),
						 false, at, err);
		if (ret == 0)
			ret = snapshot_emit_space(snap, &d->ids, at, err);
		decode_shadow(d, &p->shadow, snap);
	}
	return ret ? ret : snapshot_emit_counters(snap, p->nr_faults, &d->ids, at, err);
}

/* ---- counters and losses ---- */

int decoder_lost(struct decoder *d, uint64_t nr, uint64_t time_ns, struct mmr_error *err)
{
	struct mmr_event ev = {.kind = MMR_LOST, .time_ns = time_ns};

	ev.LOST.nr = nr;
	ev.LOST.source = MMR_SOURCE_RING;
	d->res->nr_lost += nr;
	return decoder_emit(d, &ev, err);
}

int decoder_text(struct decoder *d, enum mmr_scope scope, enum mmr_when when, uint64_t time_ns,
		 struct strbuf *text, struct mmr_error *err)
{
	struct mmr_event ev = {.kind = MMR_COUNTERS, .time_ns = time_ns};

	/* Too much for one event (hundreds of zones): the last whole line that fits. */
	while (text->len > MMR_DATA_MAX || (text->len && text->s[text->len - 1] != '\n'))
		text->len--;
	if (text->len == 0)
		return 0;
	ev.COUNTERS.scope = scope;
	ev.COUNTERS.when = when;
	ev.data = text->s;
	ev.data_len = (uint32_t)text->len;
	return decoder_emit(d, &ev, err);
}

/* In a system-wide capture the texts of the allocator are read with the state of memory. */
int decoder_host_counters(struct decoder *d, enum mmr_when when, pid_t pid, struct mmr_error *err)
{
	static const enum mmr_scope scopes[] = {MMR_SCOPE_HOST, MMR_SCOPE_CGROUP,
						MMR_SCOPE_BUDDYINFO, MMR_SCOPE_ZONEINFO,
						MMR_SCOPE_PAGETYPEINFO};
	size_t nr = d->memory && when != MMR_WHEN_INTERVAL ? 2 : sizeof(scopes) / sizeof(scopes[0]);
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < nr; i++) {
		struct strbuf sb = {0};

		int missing = host_counters(scopes[i], pid, &sb);

		if (scopes[i] == MMR_SCOPE_CGROUP && d->group)
			memcg_events_text(d->group, &sb);
		if (missing == 0)
			ret = decoder_text(d, scopes[i], when, perf_now_ns(), &sb, err);
		strbuf_finish(&sb);
	}
	return ret;
}

/* ---- the begin of a system-wide capture ---- */

static int emit_frames(void *ctx, uint64_t pfn, uint64_t nr, enum mmr_frames use)
{
	struct decoder *d = ctx;
	struct mmr_event ev = {.kind = MMR_FRAMES, .time_ns = d->begin_ns};

	ev.FRAMES.pfn = pfn;
	ev.FRAMES.nr = nr;
	ev.FRAMES.use = use;
	return decoder_emit(d, &ev, NULL);
}

/* All records from before have been seen: the state of memory is that of begin_ns. */
int decoder_begin(struct decoder *d, struct mmr_error *err)
{
	int ret = 0;

	if (d->began || d->memory == NULL)
		return 0;
	d->began = true;
	ret = memory_state_each(d->memory, emit_frames, d);
	for (unsigned i = 0; ret == 0 && i < MEMORY_STATE_TEXTS; i++)
		ret = decoder_text(d, memory_state_scope(i), MMR_WHEN_START, d->begin_ns,
				   &d->memory->text[i], err);
	return ret;
}

bool decoder_awaits(struct decoder *d, pid_t pid)
{
	const struct dec_proc *p = htable_get_ptr(&d->procs, (uint64_t)pid);

	return p && p->awaits;
}

int decoder_existing(struct decoder *d, pid_t pid, pid_t tid, bool awaits, bool names,
		     struct mmr_error *err)
{
	struct mmr_event at = {.time_ns = d->begin_ns};
	struct proc_stat st;
	struct dec_task *t = decoder_task(d, pid, tid, &at, err);

	if (t == NULL)
		return -EIO;
	decoder_proc(d, pid)->awaits |= awaits;
	if (proc_stat((struct proc_ref){pid, tid}, &st) || (!names && !st.kthread))
		return 0;
	return decode_emit_comm(d, t->id, st.comm, strlen(st.comm), false, &at, err);
}

/* ---- records ---- */

/* What a system-wide capture does to its own address space is nobody's business; its pages are. */
static bool is_self(const struct decoder *d, const struct dec_task *t)
{
	return d->memory && t->pid == d->self;
}

static int on_sample(struct decoder *d, const struct perf_sample_head *h, struct mmr_event *at,
		     struct mmr_error *err)
{
	const struct perf_source *src =
		h->header.size >= sizeof(*h) ? perf_session_source(d->session, h->id) : NULL;
	struct dec_task *t;

	if (src == NULL)
		return 0;
	if (src->is_global && !d->session->all && htable_get_ptr(&d->tasks, h->tid) == NULL)
		return decode_cache(d, NULL, src, h, at, err); /* of a task that is not recorded */
	if (h->tid == 0) /* the idle task: interrupts that it was found at */
		return d->memory && src->role == PERF_ROLE_USER ? decode_user_event(d, src, h, at, err)
								: 0;
	t = decoder_task(d, (pid_t)h->pid, (pid_t)h->tid, at, err);
	if (t == NULL)
		return -EIO;
	at->task = t->id;
	if (src->role != PERF_ROLE_USER && src->role != PERF_ROLE_NEWTASK &&
	    (decoder_proc(d, t->pid)->awaits || is_self(d, t)))
		return 0;
	switch (src->role) {
	case PERF_ROLE_MINOR:
	case PERF_ROLE_MAJOR:
		return decode_fault(d, t, src, h, at, err);
	case PERF_ROLE_EXC_USER:
	case PERF_ROLE_EXC_KERNEL:
		return decode_exception(d, t, src, h, at, err);
	case PERF_ROLE_SYS_ENTER:
		return decode_sys_enter(d, t, src, h, at, err);
	case PERF_ROLE_SYS_EXIT:
		return decode_sys_exit(d, t, src, h, at, err);
	case PERF_ROLE_NEWTASK:
		return decode_newtask(d, t, src, h, at, err);
	case PERF_ROLE_EXEC:
		return decode_exec(d, t, src, h, at, err);
	case PERF_ROLE_FUTEX:
		return decode_futex(d, t, src, h, at, err);
	case PERF_ROLE_CACHE_ADD:
	case PERF_ROLE_CACHE_DEL:
		return decode_cache(d, t, src, h, at, err);
	case PERF_ROLE_USER:
		return decode_user_event(d, src, h, at, err);
	default:
		return 0;
	}
}

int decoder_record(struct decoder *d, const struct merge_record *rec, struct mmr_error *err)
{
	struct mmr_event at = {.time_ns = rec->time_ns, .cpu = (uint16_t)rec->source};

	if (d->memory && !d->began && rec->time_ns >= d->begin_ns) {
		int ret = decoder_begin(d, err);

		if (ret)
			return ret;
	}
	if (rec->type == DECODE_SNAPSHOT) {
		struct snapshot *snap = (struct snapshot *)rec->data;

		at.cpu = (uint16_t)snap->stat.cpu;
		int ret = on_snapshot(d, snap, &at, err);

		snapshot_free(snap);
		return ret;
	}
	if (rec->time_ns < d->begin_ns) {
		if (d->memory && !d->began && rec->type == PERF_RECORD_SAMPLE)
			decode_early(d, rec->data);
		return 0;
	}
	switch (rec->type) {
	case PERF_RECORD_SAMPLE:
		return on_sample(d, rec->data, &at, err);
	case DECODE_FILE_CALL:
		return decode_file_call(d, rec->data, &at, err);
	case PERF_RECORD_MMAP2:
		return decode_mmap2(d, rec->data, &at, err);
	case PERF_RECORD_COMM:
		return decode_comm(d, rec->data, &at, err);
	case PERF_RECORD_FORK:
		return decode_fork(d, rec->data, &at, err);
	case PERF_RECORD_SWITCH:
		return decode_switch(d, rec->data, &at, err);
	case PERF_RECORD_EXIT:
		return decode_exit(d, rec->data, &at, err);
	case PERF_RECORD_THROTTLE:
	case PERF_RECORD_UNTHROTTLE:
		at.kind = MMR_THROTTLE;
		at.THROTTLE.on = rec->type == PERF_RECORD_THROTTLE;
		return decoder_emit(d, &at, err);
	default:
		return 0; /* PERF_RECORD_LOST, too: what it says is in PERF_FORMAT_LOST */
	}
}
