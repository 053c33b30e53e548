/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Tasks of a trace and the processes that they belong to.
 *
 * A task (thread) has a struct task_struct in the model; a process is what the kernel calls a
 * thread group, and keeps its counts after its threads are gone. Processes stand in the order in
 * which they appeared.
 *
 *	faults of a process = those of its dead threads (in `sim_process`) + those of its living ones
 */
#ifndef SIM_TASKS_H
#define SIM_TASKS_H

#include "base/htable.h"
#include "mm/mm_types.h"
#include "sim/contiguity.h"
#include "sim/numa-usage.h"

/* The state of an address space at one moment. Pages unless said. */
struct mm_state {
	bool known;
	uint64_t rss_anon, rss_file, rss_shmem;
	uint64_t peak_rss;
	uint64_t pgtables_bytes;
	uint64_t nr_vmas;
	uint64_t vm, data, stack, locked;
};

struct fault_counts {
	uint64_t min_flt, maj_flt;
	uint64_t gup_flt; /* of these: taken by the kernel itself */
	uint64_t segv;
};

/* What the threads of a process share beside the address space: sighand, signal, files, fs, cred. */
#define NR_PROCESS_OBJECTS 5

struct sim_process {
	uint64_t pid, ppid;
	char comm[16];
	uint32_t nr_threads; /* alive */
	uint32_t nr_threads_ever;
	uint32_t nr_execs;
	bool existed; /* when the trace began */
	bool exited;
	struct fault_counts dead;
	struct mm_state last;	      /* when its last thread ended, or at the end of the trace */
	struct contiguity contiguity; /* likewise */
	uint64_t objects[NR_PROCESS_OBJECTS]; /* kernel objects of its own, 0 none */
	struct numa_usage numa;	      /* likewise */
};

struct sim_task {
	uint32_t id;
	uint32_t process; /* index in tasks.processes */
	uint32_t ordinal; /* which task of the trace it is, from 0 */
	struct task_struct *task;
	bool counts_resident; /* RESIDENT events come from execve, not from before the trace */
};

struct tasks {
	struct memory *mem;
	struct htable by_id;	    /* task id -> struct sim_task */
	VEC(struct sim_task *) all; /* alive, in the order of their appearance */
	VEC(struct sim_process) processes;
	uint32_t nr_ever;
};

struct task_request {
	uint32_t id;
	uint64_t tid, pid, ppid;
	struct mm_struct *mm; /* its reference goes to the task */
	uint32_t process;     /* NO_PROCESS: a new one */
	struct task_struct *task; /* made already; NULL: one with a kernel stack, if there is memory for it */
};
#define NO_PROCESS UINT32_MAX

void tasks_init(struct tasks *t, struct memory *mem);
void tasks_finish(struct tasks *t);
struct sim_task *tasks_find(const struct tasks *t, uint32_t id);
struct sim_task *tasks_add(struct tasks *t, const struct task_request *req);
/* The task no longer uses the address space: if it was its owner, the first other task that does is. */
void tasks_leave_mm(const struct tasks *t, const struct sim_task *st, struct mm_struct *mm);
/* The task ends: its counts go to its process, its address space loses a user. */
void tasks_exit(struct tasks *t, struct sim_task *st);
static inline struct sim_process *tasks_process(struct tasks *t, const struct sim_task *st)
{
	return &t->processes.data[st->process];
}
void mm_state_take(struct mm_state *s, const struct mm_struct *mm);
/* Sum over dead and living threads. */
struct fault_counts tasks_faults(const struct tasks *t, uint32_t process);
/* Notes the state of every process that is still alive. */
void tasks_end(struct tasks *t);

#endif
