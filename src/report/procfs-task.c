/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * /proc/PID/status, stat, statm, comm, cmdline. Kernel counterpart: fs/proc/array.c,
 * fs/proc/task_mmu.c (task_mem, task_statm).
 *
 * Only what concerns memory and the task's identity is known; all other lines are 0 and in the
 * manifest. cmdline is empty, as the kernel's is for a task without memory of its own: readers fall
 * back to the name.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/bug.h"
#include "report/procfs.h"

#define NOT_RECORDED "not part of a trace"

/* ---- status ---- */

static void put_kb(struct procfs *p, const char *name, uint64_t kb)
{
	strbuf_addf(&p->text, "%s:\t%8" PRIu64 " kB\n", name, kb);
}

static void put_fixed(struct procfs *p, const char *const (*lines)[2], size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		strbuf_addf(&p->text, "%s:\t%s\n", lines[i][0], lines[i][1]);
		procfs_unknown(p, lines[i][0], NOT_RECORDED);
	}
}

static uint64_t text_kb(const struct mm_struct *mm)
{
	uint64_t mask = (1ull << mm->mem->geo->page_shift) - 1;

	return (((mm->end_code + mask) & ~mask) - (mm->start_code & ~mask)) >> 10;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void put_memory(struct procfs *p, const struct mm_struct *mm)
{
	const struct memory *mem = p->mem;
	struct mm_state s;
	uint64_t text = text_kb(mm), exec = procfs_kb(mem, mm->exec_vm);

	mm_state_take(&s, mm);
	put_kb(p, "VmPeak", procfs_kb(mem, larger(mm->hiwater_vm, mm->total_vm)));
	put_kb(p, "VmSize", procfs_kb(mem, mm->total_vm));
	put_kb(p, "VmLck", procfs_kb(mem, mm->locked_vm));
	put_kb(p, "VmPin", 0);
	procfs_unknown(p, "VmPin", "pinning by drivers is not modelled");
	put_kb(p, "VmHWM", procfs_kb(mem, s.peak_rss));
	put_kb(p, "VmRSS", procfs_kb(mem, s.rss_anon + s.rss_file + s.rss_shmem));
	put_kb(p, "RssAnon", procfs_kb(mem, s.rss_anon));
	put_kb(p, "RssFile", procfs_kb(mem, s.rss_file));
	put_kb(p, "RssShmem", procfs_kb(mem, s.rss_shmem));
	put_kb(p, "VmData", procfs_kb(mem, mm->data_vm));
	put_kb(p, "VmStk", procfs_kb(mem, mm->stack_vm));
	put_kb(p, "VmExe", text);
	put_kb(p, "VmLib", exec > text ? exec - text : 0);
	if (!text) {
		procfs_unknown(p, "VmExe", "the bounds of the program's code are not in the trace");
		procfs_unknown(p, "VmLib", "VmExe is in it");
	}
	put_kb(p, "VmPTE", s.pgtables_bytes >> 10);
	put_kb(p, "VmSwap", procfs_kb(mem, (uint64_t)mm->rss_stat[MM_SWAPENTS]));
	put_kb(p, "HugetlbPages", procfs_kb(mem, mm->hugetlb_usage));
}

static void put_nodes(struct procfs *p, const struct task_struct *task)
{
	unsigned nr = p->mem->nr_nodes;
	uint64_t mask = 0;

	for (unsigned n = 0; n < nr; n++)
		if (p->mem->nodes[n] && p->mem->nodes[n]->has_memory)
			mask |= 1ull << n;
	mask &= task->mems_allowed;
	strbuf_addf(&p->text, "Mems_allowed:\t%08x,%08x\nMems_allowed_list:\t",
		    (unsigned)(mask >> 32), (unsigned)mask);
	procfs_list(&p->text, &mask, nr);
	strbuf_addstr(&p->text, "\n");
}

/* As the kernel does there: a newline or backslash in a name would end or fake a line. */
static void put_name(struct procfs *p, const struct sim_process *proc)
{
	strbuf_addstr(&p->text, "Name:\t");
	for (size_t i = 0; i < sizeof(proc->comm) - 1 && proc->comm[i]; i++) {
		if (proc->comm[i] == '\n')
			strbuf_addstr(&p->text, "\\n");
		else if (proc->comm[i] == '\\')
			strbuf_addstr(&p->text, "\\\\");
		else
			strbuf_add(&p->text, &proc->comm[i], 1);
	}
	strbuf_addstr(&p->text, "\n");
}

static void put_status(struct procfs *p, const struct sim_process *proc,
		       const struct task_struct *task)
{
	static const char *const before[][2] = {{"Umask", "0022"}, {"State", "S (sleeping)"}},
				 *const ids[][2] = {{"TracerPid", "0"},
						    {"Uid", "0\t0\t0\t0"},
						    {"Gid", "0\t0\t0\t0"},
						    {"FDSize", "0"},
						    {"Groups", " "}},
				 *const more_ids[][2] = {{"NSpgid", "0"}, {"NSsid", "0"}},
				 *const flags[][2] = {{"CoreDumping", "0"}},
				 *const signals[][2] = {
					 {"SigQ", "0/0"},
					 {"SigPnd", "0000000000000000"},
					 {"ShdPnd", "0000000000000000"},
					 {"SigBlk", "0000000000000000"},
					 {"SigIgn", "0000000000000000"},
					 {"SigCgt", "0000000000000000"},
					 {"CapInh", "0000000000000000"},
					 {"CapPrm", "0000000000000000"},
					 {"CapEff", "0000000000000000"},
					 {"CapBnd", "0000000000000000"},
					 {"CapAmb", "0000000000000000"},
					 {"NoNewPrivs", "0"},
					 {"Seccomp", "0"},
					 {"Seccomp_filters", "0"},
					 {"Speculation_Store_Bypass", "unknown"},
					 {"SpeculationIndirectBranch", "unknown"},
					 {"Cpus_allowed", "0"},
					 {"Cpus_allowed_list", ""},
				 },
				 *const switches[][2] = {{"voluntary_ctxt_switches", "0"},
							 {"nonvoluntary_ctxt_switches", "0"}};

	p->file = "proc/PID/status";
	put_name(p, proc);
	put_fixed(p, before, ARRAY_SIZE(before));
	strbuf_addf(&p->text, "Tgid:\t%" PRIu64 "\nNgid:\t0\nPid:\t%" PRIu64 "\nPPid:\t%" PRIu64 "\n",
		    proc->pid, proc->pid, proc->ppid);
	put_fixed(p, ids, ARRAY_SIZE(ids));
	strbuf_addf(&p->text, "NStgid:\t%" PRIu64 "\nNSpid:\t%" PRIu64 "\n", proc->pid, proc->pid);
	put_fixed(p, more_ids, ARRAY_SIZE(more_ids));
	strbuf_addstr(&p->text, "Kthread:\t0\n");
	put_memory(p, task->mm);
	put_fixed(p, flags, ARRAY_SIZE(flags));
	strbuf_addf(&p->text, "THP_enabled:\t%d\nuntag_mask:\t0xffffffffffffffff\nThreads:\t%u\n",
		    task->mm && !task->mm->thp_disabled, proc->nr_threads);
	put_fixed(p, signals, ARRAY_SIZE(signals));
	put_nodes(p, task);
	put_fixed(p, switches, ARRAY_SIZE(switches));
	procfs_done(p, "proc/%" PRIu64 "/status", proc->pid);
}

/* ---- stat, statm ---- */

static uint64_t rss(const struct mm_struct *mm)
{
	return (uint64_t)(mm->rss_stat[MM_ANONPAGES] + mm->rss_stat[MM_FILEPAGES] +
			  mm->rss_stat[MM_SHMEMPAGES]);
}

/* 52 fields, numbered as in proc_pid_stat(5). */
static void put_stat(struct procfs *p, uint32_t index, const struct task_struct *task)
{
	const struct sim_process *proc = &p->r->tasks.processes.data[index];
	struct fault_counts f = tasks_faults(&p->r->tasks, index);
	const struct mm_struct *mm = task->mm;

	p->file = "proc/PID/stat";
	strbuf_addf(&p->text, "%" PRIu64 " (%.15s) S %" PRIu64 " 0 0 0 -1 0 %" PRIu64 " 0 %" PRIu64,
		    proc->pid, proc->comm, proc->ppid, f.min_flt, f.maj_flt);
	/* 13 cmajflt to 22 starttime */
	strbuf_addf(&p->text, " 0 0 0 0 0 20 0 %u 0 0", proc->nr_threads);
	strbuf_addf(&p->text, " %" PRIu64 " %" PRIu64 " 18446744073709551615",
		    mm->total_vm << p->mem->geo->page_shift, rss(mm));
	strbuf_addf(&p->text, " %" PRIu64 " %" PRIu64 " %" PRIu64, mm->start_code, mm->end_code,
		    mm->start_stack);
	/* 29 kstkesp to 44 cguest_time */
	strbuf_addf(&p->text, " 0 0 0 0 0 0 0 0 0 17 %u 0 0 0 0 0", task->cpu);
	strbuf_addf(&p->text, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		    " %" PRIu64 " %" PRIu64 " 0\n",
		    mm->start_data, mm->end_data, mm->start_brk, mm->arg_start, mm->arg_start,
		    mm->arg_start, mm->env_end);
	procfs_unknown(p, "3 state, 5-9 pgrp to flags, 11 cminflt, 13 cmajflt, 14-17 times, 18-19 "
			  "priority, 22 starttime, 25 rsslim, 29-38, 40-44, 49 arg_end, 50 env_start",
		       NOT_RECORDED);
	procfs_done(p, "proc/%" PRIu64 "/stat", proc->pid);
}

static void put_statm(struct procfs *p, uint64_t pid, const struct mm_struct *mm)
{
	uint64_t shared = (uint64_t)(mm->rss_stat[MM_FILEPAGES] + mm->rss_stat[MM_SHMEMPAGES]);

	strbuf_addf(&p->text,
		    "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 %" PRIu64 " 0\n",
		    mm->total_vm, rss(mm), shared, text_kb(mm) >> (p->mem->geo->page_shift - 10),
		    mm->data_vm + mm->stack_vm);
	procfs_done(p, "proc/%" PRIu64 "/statm", pid);
}

void procfs_process(struct procfs *p, uint32_t index, const struct task_struct *task)
{
	const struct sim_process *proc = &p->r->tasks.processes.data[index];
	char key[24];

	p->mem = p->r->mem;
	snprintf(key, sizeof(key), "%" PRIu64, proc->pid);
	if (json_object_get(p->processes, key))
		json_object_del(p->processes, key); /* its number was given again */
	j_u64(p->processes, key, p->clock_ns ? p->clock_ns : p->mem->now_ns);
	put_status(p, proc, task);
	put_stat(p, index, task);
	put_statm(p, proc->pid, task->mm);
	strbuf_addf(&p->text, "%.15s\n", proc->comm);
	procfs_done(p, "proc/%" PRIu64 "/comm", proc->pid);
	p->file = "proc/PID/cmdline";
	procfs_unknown(p, "", NOT_RECORDED);
	procfs_done(p, "proc/%" PRIu64 "/cmdline", proc->pid);
	procfs_smaps(p, task, proc->pid);
}
