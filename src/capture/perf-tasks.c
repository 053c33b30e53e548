/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Life of tasks: fork with its clone flags, execve, names, switches, exit.
 *
 * The flags of clone come from the task_newtask tracepoint, which follows the FORK record at once;
 * where there is none, from what the tracer saw.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "capture/perf-decode-priv.h"

void decoder_free_task(void *p)
{
	struct dec_task *t = p;

	vec_finish(&t->filled);
	free(t);
}

void decoder_free_proc(void *p)
{
	struct dec_proc *proc = p;

	shadow_finish(&proc->shadow);
	free(proc);
}

struct dec_proc *decoder_proc(struct decoder *d, pid_t pid)
{
	struct dec_proc *p = htable_get_ptr(&d->procs, (uint64_t)pid);

	if (p == NULL) {
		p = xcalloc(1, sizeof(*p));
		p->pid = pid;
		htable_set_ptr(&d->procs, (uint64_t)pid, p);
	}
	return p;
}

static struct dec_task *make_task(struct decoder *d, pid_t pid, pid_t tid)
{
	struct dec_task *t = xcalloc(1, sizeof(*t));

	t->tid = tid;
	t->pid = pid;
	t->id = ids_task_add(&d->ids, tid);
	htable_set_ptr(&d->tasks, (uint64_t)tid, t);
	decoder_proc(d, pid)->nr_threads++;
	return t;
}

static void drop_task(struct decoder *d, struct dec_task *t)
{
	struct dec_proc *p = decoder_proc(d, t->pid);

	if (--p->nr_threads == 0) {
		htable_del(&d->procs, (uint64_t)p->pid);
		decoder_free_proc(p);
	}
	htable_del(&d->tasks, (uint64_t)t->tid);
	htable_del(&d->exit_codes, (uint64_t)t->tid);
	ids_task_del(&d->ids, t->tid);
	decoder_free_task(t);
}

/* What the command starts with because this process has it: numactl around the whole capture. */
static int emit_inherited(struct decoder *d, const struct dec_task *t, const struct mmr_event *at,
			  struct mmr_error *err)
{
	struct mmr_event ev = {.kind = MMR_CPUSET, .time_ns = at->time_ns, .task = t->id};
	uint64_t cpuset[POLICY_WORDS];
	char data[POLICY_WORDS * 8];
	struct policy policy;
	int ret = 0;

	ev.data = data;
	if (policy_cpuset(getpid(), cpuset)) {
		ev.CPUSET.existing = 1;
		ev.data_len = (uint32_t)policy_data(cpuset, data);
		ret = decoder_emit(d, &ev, err);
	}
	if (ret || !policy_own(&policy))
		return ret;
	ev.kind = MMR_SET_MEMPOLICY;
	ev.SET_MEMPOLICY.mode = policy.mode;
	ev.SET_MEMPOLICY.existing = 1;
	ev.data_len = (uint32_t)policy_data(policy.nodes, data);
	return decoder_emit(d, &ev, err);
}

int decoder_add_task(struct decoder *d, pid_t pid, struct mmr_error *err)
{
	struct mmr_event at = {.time_ns = perf_now_ns()};
	const struct dec_task *t = decoder_task(d, pid, pid, &at, err);

	return t ? emit_inherited(d, t, &at, err) : -EIO;
}

struct dec_task *decoder_task(struct decoder *d, pid_t pid, pid_t tid, const struct mmr_event *at,
			      struct mmr_error *err)
{
	struct dec_task *t = htable_get_ptr(&d->tasks, (uint64_t)tid);
	struct mmr_event ev = *at;
	pid_t real_pid, ppid = 0;
	struct proc_stat st;

	if (t)
		return t;
	uint32_t leader = ids_task_get(&d->ids, pid);
	bool kthread = d->memory && !proc_stat((struct proc_ref){pid, tid}, &st) && st.kthread;

	t = make_task(d, pid, tid);
	if (proc_status_ids(tid, &real_pid, &ppid))
		ppid = 0;
	ev.kind = MMR_TASK;
	ev.task = t->id;
	ev.data_len = 0;
	ev.TASK.tid = (uint64_t)tid;
	ev.TASK.pid = (uint64_t)pid;
	ev.TASK.ppid = (uint64_t)ppid;
	ev.TASK.mm = kthread ? 0 : pid != tid && leader ? leader : t->id;
	return decoder_emit(d, &ev, err) ? NULL : t;
}

/* The kernel starts a child with an address space of its own at no faults: what validate counts
 * from. */
static int emit_zero_counters(struct decoder *d, uint32_t task, const struct mmr_event *at,
			      struct mmr_error *err)
{
	static const char zero[] = "min_flt 0\nmaj_flt 0\nfault_events 0\n";
	struct mmr_event ev = *at;

	memset(ev.arg, 0, sizeof(ev.arg));
	ev.kind = MMR_COUNTERS;
	ev.task = task;
	ev.COUNTERS.scope = MMR_SCOPE_PROCESS;
	ev.COUNTERS.when = MMR_WHEN_START;
	ev.data = zero;
	ev.data_len = sizeof(zero) - 1;
	return decoder_emit(d, &ev, err);
}

static int emit_fork(struct decoder *d, struct dec_task *parent, pid_t pid, pid_t tid,
		     uint64_t flags, const struct mmr_event *at, struct mmr_error *err)
{
	struct dec_task *old = htable_get_ptr(&d->tasks, (uint64_t)tid), *child;
	struct mmr_event ev = *at;

	if (old)
		drop_task(d, old); /* its end was lost */
	child = make_task(d, pid, tid);
	struct dec_proc *from = decoder_proc(d, parent->pid), *to = decoder_proc(d, pid);

	if (from != to) {
		to->start_brk = from->start_brk;
		to->brk = from->brk;
		to->is_32bit = from->is_32bit;
		shadow_copy(&to->shadow, &from->shadow);
	}
	ev.kind = MMR_FORK;
	ev.task = parent->id;
	ev.FORK.child = child->id;
	ev.FORK.tid = (uint64_t)tid;
	ev.FORK.pid = (uint64_t)pid;
	ev.FORK.flags = flags;
	int ret = decoder_emit(d, &ev, err);

	return ret || flags & CLONE_VM ? ret : emit_zero_counters(d, child->id, at, err);
}

int decode_fork(struct decoder *d, const struct record_fork *r, struct mmr_event *at,
		struct mmr_error *err)
{
	uint64_t flags;
	struct dec_task *parent = decoder_task(d, (pid_t)r->ppid, (pid_t)r->ptid, at, err);

	if (parent == NULL)
		return -EIO;
	if (d->has_newtask) {
		parent->has_fork = true;
		parent->fork_tid = (pid_t)r->tid;
		parent->fork_pid = (pid_t)r->pid;
		return 0;
	}
	if (r->pid == r->ppid)
		flags = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
	else if (!htable_get(&d->clone_flags, r->tid, &flags))
		flags = 0;
	htable_del(&d->clone_flags, r->tid);
	return emit_fork(d, parent, (pid_t)r->pid, (pid_t)r->tid, flags, at, err);
}

int decode_newtask(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		   const struct perf_sample_head *h, const struct mmr_event *at,
		   struct mmr_error *err)
{
	struct perf_sample_rest rest;

	perf_sample_parse(src, h, &rest);
	pid_t tid = (pid_t)tp_u64(d->f.clone_pid, rest.raw, rest.raw_size);
	uint64_t flags = tp_u64(d->f.clone_flags, rest.raw, rest.raw_size);
	pid_t pid = t->has_fork && t->fork_tid == tid ? t->fork_pid
		    : flags & CLONE_THREAD	      ? t->pid
						      : tid;

	t->has_fork = false;
	return emit_fork(d, t, pid, tid, flags, at, err);
}

int decode_exit(struct decoder *d, const struct record_fork *r, struct mmr_event *at,
		struct mmr_error *err)
{
	struct dec_task *t = htable_get_ptr(&d->tasks, r->tid);
	struct mmr_event ev = *at;
	uint64_t code = 0;
	int ret;

	if (t == NULL)
		return 0;
	htable_get(&d->exit_codes, r->tid, &code);
	ev.kind = MMR_EXIT;
	ev.task = t->id;
	ev.EXIT.code = code;
	ret = decoder_emit(d, &ev, err);
	drop_task(d, t);
	return ret;
}

int decode_emit_exec(struct decoder *d, uint32_t task, const char *path, const struct proc_stat *st,
		     const struct mmr_event *at, struct mmr_error *err)
{
	struct mmr_event ev = *at;

	memset(ev.arg, 0, sizeof(ev.arg));
	ev.kind = MMR_EXEC;
	ev.task = task;
	if (st) {
		ev.EXEC.arg_start = st->arg_start;
		ev.EXEC.arg_end = st->env_end;
		ev.EXEC.stack = st->start_stack;
	}
	ev.data = path;
	ev.data_len = (uint32_t)strlen(path);
	return decoder_emit(d, &ev, err);
}

int decode_emit_comm(struct decoder *d, uint32_t task, const char *name, size_t len, bool exec,
		     const struct mmr_event *at, struct mmr_error *err)
{
	struct mmr_event ev = *at;

	memset(ev.arg, 0, sizeof(ev.arg));
	ev.kind = MMR_COMM;
	ev.task = task;
	ev.COMM.exec = exec;
	ev.data = name;
	ev.data_len = (uint32_t)len;
	return decoder_emit(d, &ev, err);
}

int decode_comm(struct decoder *d, const struct record_comm *r, struct mmr_event *at,
		struct mmr_error *err)
{
	struct dec_task *t = decoder_task(d, (pid_t)r->pid, (pid_t)r->tid, at, err);
	bool exec = r->h.misc & PERF_RECORD_MISC_COMM_EXEC;
	size_t max = r->h.size - sizeof(*r) - sizeof(struct perf_sample_tail);
	int ret = 0;

	if (t == NULL)
		return -EIO;
	if (exec) {
		struct dec_proc *p = decoder_proc(d, t->pid);

		t->in_call = t->in_fault = false;
		p->start_brk = p->brk = 0;
		shadow_clear(&p->shadow);
		p->in_exec = d->has_ptrace;
		if (!d->has_ptrace)
			ret = decode_emit_exec(d, t->id, "", NULL, at, err);
	}
	return ret ? ret
		   : decode_emit_comm(d, t->id, r->comm, strnlen(r->comm, max), exec, at, err);
}

/* Each task tells when it comes and when it goes: what left a CPU last is what ran before, or ran
 * long ago. */
int decode_switch(struct decoder *d, const struct perf_event_header *h, struct mmr_event *at,
		  struct mmr_error *err)
{
	const struct perf_sample_tail *tail =
		(const void *)((const char *)h + h->size - sizeof(*tail));
	struct dec_task *t = decoder_task(d, (pid_t)tail->pid, (pid_t)tail->tid, at, err);
	struct mmr_event ev = *at;
	uint64_t prev = 0;

	if (t == NULL)
		return -EIO;
	if (h->misc & PERF_RECORD_MISC_SWITCH_OUT) {
		htable_set(&d->running, tail->cpu, t->id);
		return 0;
	}
	htable_get(&d->running, tail->cpu, &prev);
	htable_del(&d->running, tail->cpu);
	ev.kind = MMR_SWITCH;
	ev.task = t->id;
	ev.SWITCH.prev = prev;
	return decoder_emit(d, &ev, err);
}

/* The thread that called execve now has its process's id; the task that had that thread's id is no
 * more. */
int decode_exec(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		const struct perf_sample_head *h, const struct mmr_event *at, struct mmr_error *err)
{
	struct perf_sample_rest rest;
	struct mmr_event ev = *at;

	perf_sample_parse(src, h, &rest);
	pid_t old_pid = (pid_t)tp_u64(d->f.exec_old_pid, rest.raw, rest.raw_size);
	struct dec_task *old = old_pid ? htable_get_ptr(&d->tasks, (uint64_t)old_pid) : NULL;

	if (old == NULL || old == t)
		return 0;
	ev.kind = MMR_EXIT;
	ev.task = old->id;
	ev.EXIT.code = 0;
	drop_task(d, old);
	return decoder_emit(d, &ev, err);
}
