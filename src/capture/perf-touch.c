/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Faults, samples and the page cache.
 *
 * A fault makes two samples: the exception before it is handled (with the error code) and the minor
 * or major fault when it has been (with the frame and the page size). They belong together by task
 * and address. An exception with no completion before the task's next one ended in a signal, unless
 * the same instruction just faulted again: a fault interrupted by a signal is retried.
 *
 * Pages that the kernel adds to the page cache while it handles a fault are written after that
 * fault, so that a replay finds the page missing, as the kernel did.
 */
#include <string.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "capture/perf-decode-priv.h"

/* Error code of an x86 page fault. */
#define X86_PF_PROT  (1u << 0)
#define X86_PF_WRITE (1u << 1)
#define X86_PF_USER  (1u << 2)
#define X86_PF_INSTR (1u << 4)

static void event_like(struct mmr_event *ev, uint16_t kind, const struct mmr_event *at)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = kind;
	ev->cpu = at->cpu;
	ev->task = at->task;
	ev->time_ns = at->time_ns;
}

static uint64_t code_flags(uint64_t code)
{
#if defined(__x86_64__) || defined(__i386__)
	return MMR_FAULT_TYPED | (code & X86_PF_PROT ? MMR_FAULT_PROT : 0) |
	       (code & X86_PF_WRITE ? MMR_FAULT_WRITE : 0) |
	       (code & X86_PF_USER ? MMR_FAULT_USER : 0) |
	       (code & X86_PF_INSTR ? MMR_FAULT_EXEC : 0);
#else
	(void)code;
	return 0;
#endif
}

static int emit_filled(struct decoder *d, struct dec_task *t, const struct mmr_event *at,
		       struct mmr_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < t->filled.nr; i++) {
		const struct dec_filled *f = &t->filled.data[i];
		struct mmr_event ev;

		event_like(&ev, MMR_FILLED, at);
		ev.FILLED.file = f->file;
		ev.FILLED.index = f->index;
		ev.FILLED.order = f->order;
		ev.FILLED.pfn = f->pfn;
		ret = decoder_emit(d, &ev, err);
	}
	vec_clear(&t->filled);
	return ret;
}

/* The exception that is open has no completion: it ended in a signal, or is about to be retried. */
static int close_fault(struct decoder *d, struct dec_task *t, bool retried,
		       const struct mmr_event *at, struct mmr_error *err)
{
	struct mmr_event ev;
	int ret = 0;

	if (t->in_fault && t->fault_user && !retried && !decoder_proc(d, t->pid)->in_exec) {
		event_like(&ev, MMR_FAULT, at);
		ev.FAULT.addr = t->fault_addr;
		ev.FAULT.flags = code_flags(t->fault_code) | MMR_FAULT_FAILED;
		ev.FAULT.ip = d->want_ip ? t->fault_ip : 0;
		ret = decoder_emit(d, &ev, err);
	}
	t->in_fault = false;
	return ret ? ret : emit_filled(d, t, at, err);
}

int decode_exception(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		     const struct perf_sample_head *h, const struct mmr_event *at,
		     struct mmr_error *err)
{
	struct perf_sample_rest rest;
	bool user = src->role == PERF_ROLE_EXC_USER;

	perf_sample_parse(src, h, &rest);
	uint64_t addr = tp_u64(user ? d->f.address : d->f.k_address, rest.raw, rest.raw_size);
	uint64_t code = tp_u64(user ? d->f.error_code : d->f.k_error_code, rest.raw, rest.raw_size);
	int ret = t->in_fault ? close_fault(d, t, addr == t->fault_addr && h->ip == t->fault_ip, at,
					    err)
			      : 0;

	t->in_fault = true;
	t->fault_user = user;
	t->fault_addr = addr;
	t->fault_code = code;
	t->fault_ip = h->ip;
	return ret;
}

/* Without an error code: what may be written, most often is. */
static uint64_t guess_write(struct decoder *d, pid_t pid, uint64_t addr)
{
	const struct shadow_area *a = shadow_find(&decoder_proc(d, pid)->shadow, addr);

	return a && a->prot & PROT_WRITE ? MMR_FAULT_WRITE : 0;
}

int decode_fault(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		 const struct perf_sample_head *h, const struct mmr_event *at,
		 struct mmr_error *err)
{
	struct perf_sample_rest rest;
	struct mmr_event ev;
	unsigned page_shift = (unsigned)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE));

	perf_sample_parse(src, h, &rest);
	event_like(&ev, MMR_FAULT, at);
	ev.FAULT.addr = h->addr;
	ev.FAULT.ip = d->want_ip ? h->ip : 0;
	ev.FAULT.pfn = rest.phys >> page_shift;
	if (t->in_fault && t->fault_addr == h->addr) {
		ev.FAULT.flags = code_flags(t->fault_code);
	} else {
		d->nr_guessed++;
		if ((h->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER)
			ev.FAULT.flags = MMR_FAULT_USER;
		if (h->addr - h->ip < 64 && ev.FAULT.flags)
			ev.FAULT.flags |= MMR_FAULT_EXEC;
		else
			ev.FAULT.flags |= guess_write(d, t->pid, h->addr);
	}
	if (src->role == PERF_ROLE_MAJOR)
		ev.FAULT.flags |= MMR_FAULT_MAJOR;
	if (rest.page_bytes)
		ev.FAULT.flags |= (uint64_t)__builtin_ctzll(rest.page_bytes) << 8;
	t->in_fault = false;
	struct dec_proc *p = decoder_proc(d, t->pid);
	int ret = 0;

	/* What execve itself touches is in the snapshot that follows it. */
	if (!p->in_exec) {
		p->nr_faults++;
		ret = decoder_emit(d, &ev, err);
	}
	return ret ? ret : emit_filled(d, t, at, err);
}

/* ---- futex ---- */

static int emit_ktouch(struct decoder *d, uint64_t addr, const struct mmr_event *at,
		       struct mmr_error *err)
{
	struct mmr_event ev;

	event_like(&ev, MMR_KTOUCH, at);
	ev.KTOUCH.addr = addr;
	ev.KTOUCH.len = sizeof(uint32_t);
	ev.KTOUCH.write = 1;
	return decoder_emit(d, &ev, err);
}

int decode_futex(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		 const struct perf_sample_head *h, const struct mmr_event *at,
		 struct mmr_error *err)
{
	struct perf_sample_rest rest;
	int ret = 0;

	if (decoder_proc(d, t->pid)->is_32bit)
		return 0;
	perf_sample_parse(src, h, &rest);
	unsigned op = (unsigned)tp_u64(d->f.futex_op, rest.raw, rest.raw_size);
	unsigned cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool shared = !(op & FUTEX_PRIVATE_FLAG);
	bool two = cmd == FUTEX_WAKE_OP ||
		   (shared && (cmd == FUTEX_REQUEUE || cmd == FUTEX_CMP_REQUEUE ||
			       cmd == FUTEX_CMP_REQUEUE_PI || cmd == FUTEX_WAIT_REQUEUE_PI));

	/* The filter lets no other one through, where it works. */
	if (!shared && cmd != FUTEX_WAKE_OP && cmd != FUTEX_LOCK_PI && cmd != FUTEX_TRYLOCK_PI &&
	    cmd != 13 /* FUTEX_LOCK_PI2 */)
		return 0;
	/* The key of a shared futex, or the word of a priority-inheriting one. */
	if (shared || cmd != FUTEX_WAKE_OP)
		ret = emit_ktouch(d, tp_u64(d->f.futex_uaddr, rest.raw, rest.raw_size), at, err);
	if (ret == 0 && two)
		ret = emit_ktouch(d, tp_u64(d->f.futex_uaddr2, rest.raw, rest.raw_size), at, err);
	return ret;
}

/* ---- page cache ---- */

struct cache_record {
	uint64_t dev, ino, index, order, pfn;
};

static void parse_cache(const struct decoder *d, const struct perf_source *src,
			const struct perf_sample_head *h, struct cache_record *ret)
{
	struct perf_sample_rest rest;
	bool add = src->role == PERF_ROLE_CACHE_ADD;

	perf_sample_parse(src, h, &rest);
	/* The kernel's own dev_t has 20 bits of minor number. */
	uint64_t dev = tp_u64(add ? d->f.add_dev : d->f.del_dev, rest.raw, rest.raw_size);

	ret->dev = makedev((unsigned)(dev >> 20), (unsigned)(dev & 0xfffff));
	ret->ino = tp_u64(add ? d->f.add_ino : d->f.del_ino, rest.raw, rest.raw_size);
	ret->index = tp_u64(add ? d->f.add_index : d->f.del_index, rest.raw, rest.raw_size);
	ret->order = tp_u64(add ? d->f.add_order : d->f.del_order, rest.raw, rest.raw_size);
	ret->pfn = tp_u64(add ? d->f.add_pfn : d->f.del_pfn, rest.raw, rest.raw_size);
}

int decode_cache(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		 const struct perf_sample_head *h, const struct mmr_event *at,
		 struct mmr_error *err)
{
	unsigned base =
		(unsigned)__builtin_ctzl((unsigned long)sysconf(_SC_PAGESIZE)) - MMR_GRANULE_SHIFT;
	struct cache_record r;
	struct mmr_event ev;

	parse_cache(d, src, h, &r);
	uint32_t file = ids_file_find(&d->ids, r.dev, r.ino);

	if (file == 0)
		return 0; /* not mapped so far: if it ever is, its cache is looked at then */
	if (src->role == PERF_ROLE_CACHE_ADD && t && t->in_fault) {
		*vec_push(&t->filled) = (struct dec_filled){.file = file,
							    .index = r.index << base,
							    .order = r.order + base,
							    .pfn = r.pfn};
		return 0;
	}
	event_like(&ev, src->role == PERF_ROLE_CACHE_ADD ? MMR_FILLED : MMR_DROPPED, at);
	ev.FILLED.file = file; /* both kinds have the same fields */
	ev.FILLED.index = r.index << base;
	ev.FILLED.order = r.order + base;
	ev.FILLED.pfn = r.pfn;
	return decoder_emit(d, &ev, err);
}

struct filter_walk {
	const struct decoder *d;
	const struct ids_file *file;
	struct file_extents *extents;
};

static int filter_record(void *ctx, const struct merge_record *rec)
{
	struct filter_walk *w = ctx;
	struct cache_record r;

	if (rec->type != PERF_RECORD_SAMPLE)
		return 0;
	const struct perf_source *src = perf_session_source(
		w->d->session, ((const struct perf_sample_head *)rec->data)->id);

	if (src == NULL || src->role != PERF_ROLE_CACHE_ADD)
		return 0;
	parse_cache(w->d, src, rec->data, &r);
	if (r.dev == w->file->dev && r.ino == w->file->ino)
		file_extents_remove(w->extents, r.index, 1ull << r.order);
	return 0;
}

void decode_cache_filter(void *ctx, const struct ids_file *file, struct file_extents *extents)
{
	struct decoder *d = ctx;
	struct filter_walk w = {.d = d, .file = file, .extents = extents};

	if (extents->nr == 0 || d->f.add_ino == NULL)
		return;
	perf_session_drain(d->session, d->merge);
	merge_each(d->merge, filter_record, &w);
}

/* ---- events asked for with -e ---- */

int decode_user_event(struct decoder *d, const struct perf_source *src,
		      const struct perf_sample_head *h, const struct mmr_event *at,
		      struct mmr_error *err)
{
	struct perf_sample_rest rest;
	struct mmr_event ev;
	bool known = false;
	int ret = 0;

	perf_sample_parse(src, h, &rest);
	if (src->attr.type == PERF_TYPE_TRACEPOINT)
		ret = decode_user_tracepoint(d, src, &rest, at, &known, err);
	if (known)
		return ret;
	event_like(&ev, MMR_SAMPLE, at);
	ev.SAMPLE.addr = h->addr;
	ev.SAMPLE.ip = h->ip;
	ev.SAMPLE.weight = rest.weight;
	ev.SAMPLE.data_src = rest.data_src;
	ev.SAMPLE.phys = rest.phys;
	ev.SAMPLE.event = (uint64_t)(src - d->session->sources.data);
	ev.SAMPLE.period = rest.period ? rest.period : 1;
	if ((h->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER)
		ev.SAMPLE.flags |= MMR_FAULT_USER;
	return decoder_emit(d, &ev, err);
}
