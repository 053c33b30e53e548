/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the parts of the decoder share: perf-decode.c (the decoder, which record goes where),
 * perf-tasks.c (life of tasks), perf-areas.c (areas, system calls), perf-touch.c (faults, page
 * cache), perf-files.c (file calls), perf-kmem.c (-e).
 */
#ifndef CAPTURE_PERF_DECODE_PRIV_H
#define CAPTURE_PERF_DECODE_PRIV_H

#include "capture/perf-decode.h"
#include "capture/shadow.h"

/* perf's records, as include/uapi/linux/perf_event.h draws them; each ends in a perf_sample_tail.
 */
struct record_fork {
	struct perf_event_header h;
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};
struct record_comm {
	struct perf_event_header h;
	uint32_t pid, tid;
	char comm[];
};
struct record_mmap2 {
	struct perf_event_header h;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
	char filename[];
};

/* A page that came into the page cache while its fault was being handled: written after the fault.
 */
struct dec_filled {
	uint32_t file;
	uint64_t index, order, pfn;
};

struct dec_task {
	pid_t tid, pid;
	uint32_t id;
	bool in_call; /* between sys_enter and sys_exit of a call that we know */
	bool emitted; /* that call's event stands already (munmap of a threaded process) */
	struct syscall_call call;
	struct syscall_map map; /* from the MMAP2 record inside the call */
	bool in_fault;		/* an exception was seen whose completion was not */
	bool fault_user;
	uint64_t fault_addr, fault_code, fault_ip;
	VEC(struct dec_filled) filled;
	bool has_fork; /* a FORK record waits for its task_newtask */
	pid_t fork_tid, fork_pid;
};

struct dec_proc {
	pid_t pid;
	unsigned nr_threads;
	bool in_exec; /* between begin of execve and its snapshot */
	bool is_32bit;
	uint64_t start_brk, brk;
	struct shadow shadow; /* its areas, where no system calls are recorded */
	bool awaits;	      /* it was there before; its snapshot is still to come */
	uint64_t nr_faults;   /* fault events since its execve, its fork or the attaching */
};

struct dec_task *decoder_task(struct decoder *d, pid_t pid, pid_t tid, const struct mmr_event *at,
			      struct mmr_error *err);
struct dec_proc *decoder_proc(struct decoder *d, pid_t pid);
int decoder_emit(struct decoder *d, const struct mmr_event *ev, struct mmr_error *err);

int decode_exception(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		     const struct perf_sample_head *h, const struct mmr_event *at,
		     struct mmr_error *err);
int decode_fault(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		 const struct perf_sample_head *h, const struct mmr_event *at,
		 struct mmr_error *err);
int decode_cache(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		 const struct perf_sample_head *h, const struct mmr_event *at,
		 struct mmr_error *err);
int decode_user_event(struct decoder *d, const struct perf_source *src,
		      const struct perf_sample_head *h, const struct mmr_event *at,
		      struct mmr_error *err);
int decode_futex(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		 const struct perf_sample_head *h, const struct mmr_event *at,
		 struct mmr_error *err);
/* A tracepoint of -e that has an event of its own; *ret_known false, and nothing done, for any
 * other. */
int decode_user_tracepoint(struct decoder *d, const struct perf_source *src,
			   const struct perf_sample_rest *rest, const struct mmr_event *at,
			   bool *ret_known, struct mmr_error *err);
/* A record from before the begin of the trace: what it does to frames that were looked at. */
void decode_early(struct decoder *d, const struct perf_sample_head *h);
/* Takes pages that came after a scan of the page cache out of what the scan found. */
void decode_cache_filter(void *ctx, const struct ids_file *file, struct file_extents *extents);

/* perf-tasks.c */
void decoder_free_task(void *p);
void decoder_free_proc(void *p);
int decode_fork(struct decoder *d, const struct record_fork *r, struct mmr_event *at,
		struct mmr_error *err);
int decode_newtask(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		   const struct perf_sample_head *h, const struct mmr_event *at,
		   struct mmr_error *err);
int decode_exit(struct decoder *d, const struct record_fork *r, struct mmr_event *at,
		struct mmr_error *err);
int decode_emit_exec(struct decoder *d, uint32_t task, const char *path, const struct proc_stat *st,
		     const struct mmr_event *at, struct mmr_error *err);
int decode_emit_comm(struct decoder *d, uint32_t task, const char *name, size_t len, bool exec,
		     const struct mmr_event *at, struct mmr_error *err);
int decode_comm(struct decoder *d, const struct record_comm *r, struct mmr_event *at,
		struct mmr_error *err);
int decode_switch(struct decoder *d, const struct perf_event_header *h, struct mmr_event *at,
		  struct mmr_error *err);
int decode_exec(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		const struct perf_sample_head *h, const struct mmr_event *at,
		struct mmr_error *err);
/* perf-areas.c */
int decode_mmap2(struct decoder *d, const struct record_mmap2 *r, struct mmr_event *at,
		 struct mmr_error *err);
int decode_sys_enter(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		     const struct perf_sample_head *h, const struct mmr_event *at,
		     struct mmr_error *err);
int decode_sys_exit(struct decoder *d, struct dec_task *t, const struct perf_source *src,
		    const struct perf_sample_head *h, const struct mmr_event *at,
		    struct mmr_error *err);
/* The id of a file; what was found in its page cache when it was first heard of counts, less what came since. */
int decode_file(struct decoder *d, struct ids_file_key *key, const struct mmr_event *at, uint32_t *ret_file,
		struct mmr_error *err);
struct dec_scanned *decode_find_scanned(struct decoder *d, uint64_t dev, uint64_t ino);
void decode_shadow(struct decoder *d, struct shadow *s, const struct snapshot *snap);

/* perf-files.c */
int decode_file_call(struct decoder *d, const struct filecall *call, struct mmr_event *at, struct mmr_error *err);

#endif
