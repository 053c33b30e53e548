/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Tasks come, fork, exec and go: handlers of the events 16-31, and of counters. */
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

#include "base/bug.h"
#include "mm/fork.h"
#include "mm/kentry.h"
#include "mm/kstack.h"
#include "mm/mempolicy.h"
#include "mm/numa_balancing.h"
#include "mm/tlbflush.h"
#include "sim/replay.h"

static void set_comm(struct sim_process *p, struct task_struct *task, const char *name, size_t len)
{
	if (len >= sizeof(p->comm))
		len = sizeof(p->comm) - 1;
	memset(p->comm, 0, sizeof(p->comm));
	memcpy(p->comm, name, len);
	memcpy(task->comm, p->comm, sizeof(p->comm));
}

/* The address space that a task shares, with a reference for the new user; NULL for none. */
static struct mm_struct *share_mm(const struct sim_task *with)
{
	if (!with || !with->task->mm)
		return NULL;
	mmget(with->task->mm);
	return with->task->mm;
}

static void update_task(struct mmr_replay *r, struct sim_task *st, const struct mmr_event *ev)
{
	struct sim_process *p = tasks_process(&r->tasks, st);

	st->task->tid = ev->TASK.tid;
	st->task->pid = ev->TASK.pid;
	st->task->ppid = ev->TASK.ppid;
	if (p->nr_threads_ever == 1) {
		p->pid = ev->TASK.pid;
		p->ppid = ev->TASK.ppid;
	}
}

void ev_task(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct sim_task *st = tasks_find(&r->tasks, ev->task), *with = NULL;
	struct task_request req = {
		.id = ev->task,
		.tid = ev->TASK.tid,
		.pid = ev->TASK.pid,
		.ppid = ev->TASK.ppid,
		.process = NO_PROCESS,
	};

	if (st) {
		update_task(r, st, ev);
		return;
	}
	if (ev->TASK.mm != ev->task && ev->TASK.mm <= UINT32_MAX)
		with = tasks_find(&r->tasks, (uint32_t)ev->TASK.mm);
	if (with && with->task->pid == req.pid)
		req.process = with->process;
	req.mm = with ? share_mm(with) : mm_alloc(r->mem);
	st = tasks_add(&r->tasks, &req);
	if (!with)
		replay_join_cgroup(r, req.mm, NULL, req.pid, r->cgroups.home);
	if (with)
		mpol_task_init(r->mem, st->task, with->task);
	else
		numa_adopt(&r->numa, st->task);
	tasks_process(&r->tasks, st)->existed = true;
}

void ev_fork(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct sim_task *parent = replay_enter(r, ev->task, ev->cpu), *child;
	uint64_t flags = ev->FORK.flags;
	struct task_request req = {
		.tid = ev->FORK.tid,
		.pid = ev->FORK.pid,
		.ppid = flags & CLONE_THREAD ? parent->task->ppid : parent->task->pid,
		.process = flags & CLONE_THREAD ? parent->process : NO_PROCESS,
	};

	req.id = (uint32_t)ev->FORK.child;
	if (ev->FORK.child > UINT32_MAX || tasks_find(&r->tasks, req.id)) {
		diverge(r, DIVERGE_TASK_UNKNOWN);
		return;
	}
	req.task = dup_task_struct(r->mem, req.id);
	if (req.task && flags & CLONE_VM)
		req.mm = share_mm(parent);
	else if (req.task && parent->task->mm)
		req.mm = dup_mm(parent->task->mm);
	if (!req.task || (!req.mm && parent->task->mm)) {
		/* the trace goes on with it: it stays as a task without memory */
		diverge(r, DIVERGE_FORK_FAILED);
		if (!req.task)
			req.task = task_alloc(r->mem, req.id);
		free_thread_stack(r->mem, req.task);
	}
	child = tasks_add(&r->tasks, &req);
	if (!(flags & CLONE_VM))
		replay_join_cgroup(r, req.mm, NULL, req.pid, NULL);
	mpol_task_init(r->mem, child->task, parent->task);
	child->counts_resident = parent->counts_resident;
	if (!(flags & CLONE_THREAD))
		set_comm(tasks_process(&r->tasks, child), child->task, parent->task->comm,
			 strlen(parent->task->comm));
}

/* The last part of a path. */
static const char *base_name(const char *path, size_t len, size_t *ret_len)
{
	size_t at = len;

	while (at && path[at - 1] != '/')
		at--;
	*ret_len = len - at;
	return path + at;
}

static void join_by_name(struct mmr_replay *r, const struct sim_task *st, const char *name, size_t len)
{
	char comm[16] = "";

	memcpy(comm, name, len < sizeof(comm) ? len : sizeof(comm) - 1);
	if (len)
		replay_join_cgroup(r, st->task->mm, comm, st->task->pid, NULL);
}

void ev_exec(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct sim_task *st = replay_enter(r, ev->task, ev->cpu);
	struct mm_struct *old = st->task->mm, *mm;
	size_t len;
	const char *name = base_name(ev->data ? ev->data : "", ev->data_len, &len);

	/* It goes to its group, and there executes the program: all that takes is charged there. */
	join_by_name(r, st, name, len);
	mm = mm_alloc(r->mem);
	if (!mm) {
		diverge(r, DIVERGE_FORK_FAILED);
		return;
	}
	if (old) {
		mm->stack_limit_bytes = old->stack_limit_bytes;
		mm->oom_score_adj = old->oom_score_adj;
		mm->as_limit_bytes = old->as_limit_bytes;
		mm->data_limit_bytes = old->data_limit_bytes;
	}
	mm->arg_start = ev->EXEC.arg_start;
	mm->env_end = ev->EXEC.arg_end;
	mm->start_stack = ev->EXEC.stack;
	task_numa_free(r->mem, st->task);
	st->task->mm = mm;
	mm->owner = st->task;
	if (old)
		tasks_leave_mm(&r->tasks, st, old);
	st->counts_resident = true;
	switch_mm(r->mem, mm);
	if (old)
		mmput(old);
	tasks_process(&r->tasks, st)->nr_execs++;
	if (len)
		set_comm(tasks_process(&r->tasks, st), st->task, name, len);
	replay_leave(r);
}

void ev_exit(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct sim_task *st = replay_enter(r, ev->task, ev->cpu);

	if (r->on_process_exit && st->task->mm && tasks_process(&r->tasks, st)->nr_threads == 1)
		r->on_process_exit(r->on_process_exit_ctx, st->process, st->task);
	if (st->task->mm)
		switch_mm(r->mem, NULL);
	tasks_exit(&r->tasks, st);
	replay_leave(r);
}

void ev_comm(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct sim_task *st = replay_enter(r, ev->task, ev->cpu);
	struct sim_process *p = tasks_process(&r->tasks, st);

	/* A thread may have a name of its own; the process keeps that of its leader. */
	if (!ev->data_len || st->task->tid != p->pid)
		return;
	/* Of a process from before the trace this is the first name. */
	if (p->existed && !p->nr_execs && !p->comm[0])
		join_by_name(r, st, ev->data, ev->data_len);
	set_comm(p, st->task, ev->data, ev->data_len);
}

void ev_rlimit(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	uint64_t limit = ev->RLIMIT.cur == RLIM_INFINITY ? 0 : ev->RLIMIT.cur;

	if (!mm)
		return;
	switch (ev->RLIMIT.resource) {
	case RLIMIT_STACK:
		mm->stack_limit_bytes = limit;
		break;
	case RLIMIT_AS:
		mm->as_limit_bytes = limit;
		break;
	case RLIMIT_DATA:
		mm->data_limit_bytes = limit;
		break;
	default: /* RLIMIT_MEMLOCK: what the kernel refused is not in the trace */
		break;
	}
}

void ev_switch(struct mmr_replay *r, const struct mmr_event *ev)
{
	if (ev->task && !tasks_find(&r->tasks, ev->task)) {
		r->mem->kernel_entries[KERNEL_SWITCH]++;
		return; /* its TASK event is yet to come */
	}
	if (ev->task) {
		switch_mm(r->mem, replay_mm(r, ev));
		kernel_enter(r->mem, KERNEL_SWITCH);
		return;
	}
	r->mem->cpu = numa_cpu(&r->numa, 0, 0, ev->cpu);
	switch_mm(r->mem, NULL);
	replay_leave(r);
	kernel_enter(r->mem, KERNEL_SWITCH);
}

void ev_counters(struct mmr_replay *r, const struct mmr_event *ev)
{
	const struct sim_task *st;

	if (ev->COUNTERS.scope != MMR_SCOPE_PROCESS || !ev->task)
		return;
	st = replay_enter(r, ev->task, ev->cpu);
	checkpoint_add(&r->checkpoints, &r->tasks, st->process, st->task->mm, ev);
}
