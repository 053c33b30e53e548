/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The table of handlers, the walk over the trace, the clock. */
#include "sim/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "base/xalloc.h"
#include "machine/tlb.h"
#include "mm/compaction.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/memcontrol.h"
#include "mm/mmu.h"
#include "mm/touch_runs.h"
#include "mm/tlbflush.h"
#include "mm/vmscan.h"
#include "sim/replay-kernel.h"

#define TOUCH_PIECE 256u

const struct divergence_info divergence_info[NR_DIVERGENCES] = {
#define DIVERGENCE_INFO(NAME, key, meaning) {key, meaning},
	DIVERGENCES(DIVERGENCE_INFO)
#undef DIVERGENCE_INFO
};

/* Says nothing about memory management: neither replayed nor missed. */
static void ev_nothing(struct mmr_replay *r, const struct mmr_event *ev)
{
	(void)r;
	(void)ev;
}

/* A kind that is absent here is not modelled (yet) and counted as ignored. */
static replay_fn *const handlers[REPLAY_KINDS] = {
	/* the trace itself: losses and damage are the reader's to count */
	[MMR_LOST] = ev_nothing,
	[MMR_COUNTERS] = ev_counters,
	[MMR_PMU_COUNT] = ev_nothing,
	[MMR_MARK] = ev_nothing,
	[MMR_THROTTLE] = ev_nothing,
	/* life of tasks */
	[MMR_TASK] = ev_task,
	[MMR_FORK] = ev_fork,
	[MMR_EXEC] = ev_exec,
	[MMR_EXIT] = ev_exit,
	[MMR_SWITCH] = ev_switch,
	[MMR_COMM] = ev_comm,
	[MMR_RLIMIT] = ev_rlimit,
	[MMR_SIGNAL] = ev_nothing,
	[MMR_SYSCALL] = ev_nothing,
	/* address space */
	[MMR_FILE] = ev_file,
	[MMR_FILE_CACHE] = ev_file_cache,
	[MMR_BUILD_ID] = ev_nothing,
	[MMR_VMA] = ev_vma,
	[MMR_MMAP] = ev_mmap,
	[MMR_MUNMAP] = ev_munmap,
	[MMR_MREMAP] = ev_mremap,
	[MMR_MPROTECT] = ev_mprotect,
	[MMR_BRK] = ev_brk,
	[MMR_MADVISE] = ev_madvise,
	[MMR_MLOCK] = ev_mlock,
	[MMR_MLOCKALL] = ev_mlockall,
	[MMR_PRCTL] = ev_prctl,
	[MMR_MBIND] = ev_mbind,
	[MMR_SET_MEMPOLICY] = ev_set_mempolicy,
	[MMR_MIGRATE_PAGES] = ev_migrate_pages,
	[MMR_MSYNC] = ev_msync,
	[MMR_SHMAT] = ev_shmat,
	[MMR_SHMDT] = ev_shmdt,
	[MMR_STACK] = ev_stack,
	[MMR_RESIDENT] = ev_resident,
	[MMR_MOVE_PAGES] = ev_move_pages,
	[MMR_CPUSET] = ev_cpuset,
	/* touches */
	[MMR_FAULT] = ev_fault,
	[MMR_SAMPLE] = ev_sample,
	[MMR_KTOUCH] = ev_ktouch,
	/* files */
	[MMR_OPEN] = ev_open,
	[MMR_CLOSE] = ev_close,
	[MMR_READ] = ev_read,
	[MMR_WRITE] = ev_write,
	[MMR_FSYNC] = ev_fsync,
	[MMR_FADVISE] = ev_fadvise,
	[MMR_TRUNCATE] = ev_truncate,
	[MMR_FILLED] = ev_filled,
	[MMR_DROPPED] = ev_dropped,
	/* devices */
	[MMR_DMA] = ev_dma,
	[MMR_DMA_ALLOC] = ev_dma_alloc,
	[MMR_DMA_FREE] = ev_dma_free,
};

void diverge(struct mmr_replay *r, enum divergence d)
{
	r->counts.diverged[d]++;
	if (r->on_divergence)
		r->on_divergence(r->divergence_ctx, d, r->ev);
}

/* ---- who runs ---- */

/*
 * A task that nothing introduced: it gets an empty address space, and whoever reads the result is
 * told.
 */
static struct sim_task *unknown_task(struct mmr_replay *r, uint32_t id)
{
	struct task_request req = {.id = id, .process = NO_PROCESS, .mm = mm_alloc(r->mem)};
	struct sim_task *st;

	diverge(r, DIVERGE_TASK_UNKNOWN);
	st = tasks_add(&r->tasks, &req);
	replay_join_cgroup(r, req.mm, NULL, 0, r->cgroups.home);
	numa_adopt(&r->numa, st->task);
	return st;
}

void replay_join_cgroup(struct mmr_replay *r, struct mm_struct *mm, const char *comm, uint64_t pid,
			struct mem_cgroup *otherwise)
{
	struct mem_cgroup *memcg = cgroups_match(&r->cgroups, comm, pid);

	if (!memcg)
		memcg = otherwise;
	if (mm && memcg && mm->memcg != memcg)
		mm_set_memcg(mm, memcg);
}

struct sim_task *replay_enter(struct mmr_replay *r, uint32_t id, uint16_t cpu)
{
	struct sim_task *st;

	if (likely(r->cur && id == r->cur_id && cpu == r->cur_cpu))
		return r->cur;
	st = tasks_find(&r->tasks, id);
	if (!st)
		st = unknown_task(r, id);
	r->cur = st;
	r->cur_id = id;
	r->cur_cpu = cpu;
	r->mem->cpu = numa_cpu(&r->numa, st->ordinal, st->process, cpu);
	r->mem->current = st->task;
	st->task->cpu = r->mem->cpu;
	if (st->task->mm)
		st->task->mm->lru_gen_ran = UINT64_MAX;	/* lru_gen_use_mm() */
	return st;
}

void replay_leave(struct mmr_replay *r)
{
	r->cur = NULL;
	r->mem->current = NULL;
}

struct mm_struct *replay_mm(struct mmr_replay *r, const struct mmr_event *ev)
{
	return replay_enter(r, ev->task, ev->cpu)->task->mm;
}

/* ---- the walk ---- */

/* Items between checks of the whole model that nobody asked for but -Dmm_debug; 0: none. */
#define CHECK_EVERY (MM_DEBUG >= 3 ? 1 : MM_DEBUG >= 2 ? 10000 : 0)

int mmr_replay_create(struct mmr_replay **ret, struct mmr_reader *reader, struct mmr_error *err)
{
	struct mmr_replay *r = xcalloc(1, sizeof(*r));
	int rc = trace_meta_parse(&r->meta, mmr_reader_metadata(reader), err);

	if (rc) {
		free(r);
		return rc;
	}
	r->reader = reader;
	file_names_init(&r->file_names);
	r->check_every = CHECK_EVERY;
	settings_init(&r->settings);
	settings_captured(&r->settings, &r->meta);
	*ret = r;
	return 0;
}

/* The model ends as it began: pages and page cache hang on address spaces, and go with them. */
static void everybody_exits(struct mmr_replay *r)
{
	while (r->tasks.all.nr) {
		struct sim_task *st = r->tasks.all.data[r->tasks.all.nr - 1];

		r->mem->current = st->task;
		if (st->task->mm)
			switch_mm(r->mem, NULL);
		replay_leave(r);
		tasks_exit(&r->tasks, st);
	}
}

void mmr_replay_destroy(struct mmr_replay *r)
{
	if (!r)
		return;
	checkpoints_finish(&r->checkpoints);
	timeline_finish(&r->timeline);
	file_names_finish(&r->file_names);
	if (r->sys) {
		everybody_exits(r);
		tasks_finish(&r->tasks);
		htable_finish(&r->killed);
		numa_finish(&r->numa);
		mapping_finish_all(r->mem);
		replay_dma_finish(r);
		kernel_replay_finish(r);
		system_destroy(r->sys);
	}
	background_finish(&r->background);
	settings_finish(&r->settings);
	trace_meta_finish(&r->meta);
	free(r);
}

int mmr_replay_set(struct mmr_replay *r, const char *key, const char *value, struct mmr_error *err)
{
	if (r->started)
		return err_set(err, -EBUSY, "the replay has begun");
	return settings_set(&r->settings, key, value, err);
}

int mmr_replay_set_json(struct mmr_replay *r, const char *text, size_t len, struct mmr_error *err)
{
	if (r->started)
		return err_set(err, -EBUSY, "the replay has begun");
	return settings_load_json(&r->settings, text, len, err);
}

void mmr_replay_force(struct mmr_replay *r)
{
	r->settings.force = true;
}

void mmr_replay_check_every(struct mmr_replay *r, uint64_t items)
{
	r->check_every = items ? items : CHECK_EVERY;
}

int mmr_replay_start(struct mmr_replay *r, struct mmr_error *err)
{
	int rc;

	if (r->started)
		return 0;
	if (r->sys)
		return err_set(err, -EBUSY, "the replay could not begin");
	settings_complete(&r->settings);
	rc = system_create(&r->sys, &r->settings, &r->meta, err);
	if (rc)
		return rc;
	r->mem = r->sys->mem;
	tasks_init(&r->tasks, r->mem);
	htable_init(&r->killed);
	rc = cgroups_start(&r->cgroups, &r->settings.memcg, &r->settings.cgroups, r->mem, err);
	if (rc)
		return rc;
	kernel_replay_init(r);
	replay_dma_start(r);
	rc = numa_check(&r->settings.numa, r->mem, err);
	if (rc)
		return rc;
	numa_start(&r->numa, &r->settings.numa, r->mem);
	background_start(r);
	timeline_start(r);
	kthreads_start(r);
	rc = settings_check(&r->settings, &r->meta, topology_bytes(&r->sys->topology),
			    r->sys->geo->page_shift, err);
	r->started = rc == 0;
	return rc;
}

/* The model's clock never goes back, whatever the trace says. */
static void set_clock(struct mmr_replay *r, const struct mmr_event *ev)
{
	uint64_t now;

	if (r->meta.basis == MMR_BASIS_EXACT)
		now = r->nr_accesses * r->settings.system.ns_per_access;
	else
		now = ev->time_ns - r->first_ns;
	if (now > r->mem->now_ns && now <= INT64_MAX)
		r->mem->now_ns = now;
}

static uint64_t accesses_of(const struct tlb_cpu *cpu)
{
	return cpu->nr_reads + cpu->nr_writes - cpu->nr_splits;
}

/* In pieces where it must be known meanwhile what was written: mm/touch_runs.h. */
static void replay_runs(struct memory *mem, const struct mmr_run *runs, size_t nr)
{
	size_t piece = mem->page_touched ? TOUCH_PIECE : nr;

	for (size_t n; nr; runs += n, nr -= n) {
		n = nr < piece ? nr : piece;
		touch_runs(mem, runs, n);
		mmu_access_runs(mem, runs, n);
		touch_runs(mem, runs, n);
	}
}

/* The CPU counts what the runs hold: no second pass over them for the clock. */
static void take_runs(struct mmr_replay *r, const struct mmr_item *item)
{
	const struct sim_task *st;
	const struct tlb_cpu *cpu;
	uint64_t before;

	if (unlikely(r->killed.nr) && replay_is_killed(r, item->ev.task)) {
		replay_skip_killed(r, &item->ev);
		return;
	}
	st = replay_enter(r, item->ev.task, item->ev.cpu);
	cpu = tlb_this_cpu(r->mem->tlb, r->mem->cpu);
	before = accesses_of(cpu);
	if (st->task->mm)
		replay_runs(r->mem, item->runs, item->nr_runs);
	r->nr_accesses += accesses_of(cpu) - before;
}

static void take_event(struct mmr_replay *r, const struct mmr_event *ev)
{
	if (unlikely(r->kernel->mode != KERNEL_OFF) && kernel_replay_event(r, ev))
		return;
	if (unlikely(r->killed.nr) && replay_is_killed(r, ev->task)) {
		replay_skip_killed(r, ev);
		return;
	}
	if (ev->kind < REPLAY_KINDS && replay_entries[ev->kind])
		replay_enter_kernel(r, ev);
	if (ev->kind < REPLAY_KINDS && handlers[ev->kind])
		handlers[ev->kind](r, ev);
	else if (ev->kind < REPLAY_KINDS && mmr_kind_info(ev->kind))
		r->counts.ignored[ev->kind]++;
	else
		r->counts.unknown_kinds++;
}

int replay_check(struct mmr_replay *r, struct mmr_error *err)
{
	struct strbuf why = {0};
	int rc = 0;

	strbuf_addstr(&why, "");
	if (!system_consistent(r->sys, &why))
		rc = err_set(err, -EUCLEAN,
			     "the model contradicts itself after item %" PRIu64 ": %.*s",
			     r->nr_items, (int)strcspn(why.s, "\n"), why.s);
	strbuf_finish(&why);
	return rc;
}

/* What the captured machine's user space could not hold either is the trace's mistake, or the kernel's. */
bool replay_fits(struct mmr_replay *r, uint64_t addr, uint64_t len)
{
	uint64_t end = r->sys->geo->user_end;
	unsigned bits = r->meta.va_bits >= 32 && r->meta.va_bits < 64 ? (unsigned)r->meta.va_bits : 48;
	uint64_t captured = 1ull << (bits - 1);

	if (likely(addr <= end && len <= end - addr) || addr > captured || len > captured - addr)
		return true;
	r->unfit_addr = addr;
	return false;
}

static int unfit_error(const struct mmr_replay *r, struct mmr_error *err)
{
	char size[32];

	return err_set(err, -ENOTSUP,
		       "item %" PRIu64 " of the trace is at 0x%" PRIx64
		       ", which does not fit into the user space of %s (%s)",
		       r->nr_items, r->unfit_addr, r->sys->geo->name,
		       format_size(r->sys->geo->user_end, size, sizeof(size)));
}

int mmr_replay_step(struct mmr_replay *r, struct mmr_error *err)
{
	struct mmr_item item;
	int rc = mmr_replay_start(r, err);

	if (rc)
		return rc;
	rc = mmr_reader_next(r->reader, &item, err);
	if (rc != 1) {
		if (!rc)
			replay_end(r);
		if (!rc && r->check_every)
			rc = replay_check(r, err);
		return rc;
	}
	if (r->nr_items++ == 0)
		r->first_ns = item.ev.time_ns;
	r->ev = &item.ev;
	set_clock(r, &item.ev);
	if (unlikely(r->mem->now_ns >= r->kthreads.next_ns))
		kthreads_run(r);
	if (unlikely(r->mem->kswapd_nodes))
		kswapd_run(r->mem);
	if (unlikely(r->mem->kcompactd_nodes))
		kcompactd_run(r->mem);
	if (item.ev.kind == MMR_RUNS)
		take_runs(r, &item);
	else
		take_event(r, &item.ev);
	r->ev = NULL;
	mem_cgroup_return_to_user(r->mem);
	if (unlikely(r->mem->oom))
		replay_bury_victims(r);
	if (unlikely(r->unfit_addr))
		return unfit_error(r, err);
	if (r->check_every && r->nr_items % r->check_every == 0)
		rc = replay_check(r, err);
	return rc ? rc : 1;
}

int mmr_replay_run(struct mmr_replay *r, struct mmr_error *err)
{
	int rc;

	do
		rc = mmr_replay_step(r, err);
	while (rc == 1);
	return rc;
}

void replay_watch(struct mmr_replay *r, uint64_t time_ns, void (*fn)(void *ctx), void *ctx)
{
	r->watch.time_ns = time_ns;
	r->watch.fn = fn;
	r->watch.ctx = ctx;
}

void replay_end(struct mmr_replay *r)
{
	if (r->ended)
		return;
	r->ended = true;
	timeline_end(r);
	tasks_end(&r->tasks);
}
