/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Tasks and processes. */
#include "sim/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "mm/fork.h"
#include "mm/slab.h"

void tasks_init(struct tasks *t, struct memory *mem)
{
	*t = (struct tasks){.mem = mem};
	htable_init(&t->by_id);
}

void tasks_finish(struct tasks *t)
{
	for (size_t i = 0; i < t->all.nr; i++)
		free(t->all.data[i]);
	for (size_t i = 0; i < t->processes.nr; i++)
		numa_usage_finish(&t->processes.data[i].numa);
	vec_finish(&t->all);
	vec_finish(&t->processes);
	htable_finish(&t->by_id);
}

struct sim_task *tasks_find(const struct tasks *t, uint32_t id)
{
	return htable_get_ptr(&t->by_id, id);
}

static const enum model_cache process_objects[NR_PROCESS_OBJECTS] = {
	MODEL_SIGHAND, MODEL_SIGNAL, MODEL_FILES, MODEL_FS, MODEL_CRED};

/* The trace says that the process came to be: without memory only the account is short. */
static void alloc_objects(struct memory *mem, struct sim_process *p)
{
	for (size_t i = 0; i < NR_PROCESS_OBJECTS; i++)
		(void)model_object_alloc(mem, process_objects[i], GFP_KERNEL, &p->objects[i]);
}

static void free_objects(struct memory *mem, struct sim_process *p)
{
	for (size_t i = 0; i < NR_PROCESS_OBJECTS; i++)
		model_object_free(mem, process_objects[i], &p->objects[i]);
}

static uint32_t add_process(struct tasks *t, const struct task_request *req)
{
	*vec_push(&t->processes) = (struct sim_process){.pid = req->pid, .ppid = req->ppid,
							.numa.task_policy.home_node = NUMA_NO_NODE};
	return (uint32_t)t->processes.nr - 1;
}

struct sim_task *tasks_add(struct tasks *t, const struct task_request *req)
{
	struct sim_task *st = xcalloc(1, sizeof(*st));
	struct sim_process *p;

	st->id = req->id;
	st->ordinal = t->nr_ever++;
	st->process = req->process == NO_PROCESS ? add_process(t, req) : req->process;
	st->task = req->task ? req->task : dup_task_struct(t->mem, req->id);
	if (!st->task)
		st->task = task_alloc(t->mem, req->id);
	st->task->tid = req->tid;
	st->task->pid = req->pid;
	st->task->ppid = req->ppid;
	st->task->mm = req->mm;
	if (req->mm && !req->mm->owner)
		req->mm->owner = st->task;
	p = tasks_process(t, st);
	memcpy(st->task->comm, p->comm, sizeof(p->comm));
	if (!p->nr_threads++)
		alloc_objects(t->mem, p);
	p->nr_threads_ever++;
	htable_set_ptr(&t->by_id, req->id, st);
	*vec_push(&t->all) = st;
	return st;
}

void mm_state_take(struct mm_state *s, const struct mm_struct *mm)
{
	uint64_t rss;

	*s = (struct mm_state){
		.known = true,
		.rss_anon = (uint64_t)mm->rss_stat[MM_ANONPAGES],
		.rss_file = (uint64_t)mm->rss_stat[MM_FILEPAGES],
		.rss_shmem = (uint64_t)mm->rss_stat[MM_SHMEMPAGES],
		.pgtables_bytes = mm->pgtables_bytes,
		.nr_vmas = mm->map_count,
		.vm = mm->total_vm,
		.data = mm->data_vm,
		.stack = mm->stack_vm,
		.locked = mm->locked_vm,
	};
	rss = s->rss_anon + s->rss_file + s->rss_shmem;
	s->peak_rss = mm->hiwater_rss > rss ? mm->hiwater_rss : rss;
}

static void add_faults(struct fault_counts *sum, const struct task_struct *task)
{
	sum->min_flt += task->min_flt;
	sum->maj_flt += task->maj_flt;
	sum->gup_flt += task->gup_flt;
	sum->segv += task->segv;
}

static void note_end(struct sim_process *p, const struct task_struct *task)
{
	mm_state_take(&p->last, task->mm);
	p->contiguity = contiguity_of(task->mm);
	numa_usage_take(&p->numa, task);
}

void tasks_leave_mm(const struct tasks *t, const struct sim_task *st, struct mm_struct *mm)
{
	if (mm->owner != st->task)
		return;
	mm->owner = NULL;
	for (size_t i = 0; i < t->all.nr && !mm->owner; i++)
		if (t->all.data[i] != st && t->all.data[i]->task->mm == mm)
			mm->owner = t->all.data[i]->task;
}

void tasks_exit(struct tasks *t, struct sim_task *st)
{
	struct sim_process *p = tasks_process(t, st);

	add_faults(&p->dead, st->task);
	if (--p->nr_threads == 0) {
		p->exited = true;
		if (st->task->mm)
			note_end(p, st->task);
	}
	if (st->task->mm) {
		tasks_leave_mm(t, st, st->task->mm);
		mmput(st->task->mm);
	}
	htable_del(&t->by_id, st->id);
	for (size_t i = t->all.nr; i-- > 0;) {
		if (t->all.data[i] != st)
			continue;
		memmove(&t->all.data[i], &t->all.data[i + 1], (t->all.nr - i - 1) * sizeof(st));
		t->all.nr--;
		break;
	}
	if (!p->nr_threads)
		free_objects(t->mem, p);
	task_free(t->mem, st->task);
	free(st);
}

struct fault_counts tasks_faults(const struct tasks *t, uint32_t process)
{
	struct fault_counts sum = t->processes.data[process].dead;

	for (size_t i = 0; i < t->all.nr; i++)
		if (t->all.data[i]->process == process)
			add_faults(&sum, t->all.data[i]->task);
	return sum;
}

void tasks_end(struct tasks *t)
{
	for (size_t i = 0; i < t->all.nr; i++) {
		const struct sim_task *st = t->all.data[i];

		if (st->task->mm)
			note_end(tasks_process(t, st), st->task);
	}
}
