/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Records of a perf session, in order, into events of a trace.
 *
 * Interface:
 *   - decoder_record() takes every record of the merge, snapshots included
 *   - the tracer tells what records do not hold: decoder_clone_flags(), decoder_exit_code()
 *   - decoder_counters(): COUNTERS of the host, its cgroup, a process
 */
#ifndef CAPTURE_PERF_DECODE_H
#define CAPTURE_PERF_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/filecalls.h"
#include "capture/ids.h"
#include "capture/memcg-events.h"
#include "capture/memory-state.h"
#include "capture/nodemask.h"
#include "capture/perf-session.h"
#include "capture/snapshot.h"
#include "capture/syscalls.h"

/* Types of merge records beside perf's own: `data` is a struct snapshot, which the decoder frees.
 */
#define DECODE_SNAPSHOT	       0x10000u
#define DECODE_FILE_CALL       0x10001u /* `data` is a struct filecall in its chunk */
#define DECODE_SOURCE_SNAPSHOT 0xffffu /* merge source: after all CPUs of the same time */

/* What the page cache held of a file when its first mapping or opening was heard of; used when its turn comes.
 */
struct dec_scanned {
	uint64_t dev, ino;
	struct file_extents extents;
	char *path; /* NULL: not known */
};

struct decoder {
	struct mmr_writer *writer;
	struct perf_session *session;
	struct merge *merge;
	struct capture_result *res;
	struct ids ids;
	VEC(struct dec_scanned) scanned;
	struct htable tasks;	   /* tid -> struct dec_task */
	struct htable procs;	   /* pid -> struct dec_proc */
	struct htable clone_flags; /* tid of the child -> CLONE_* as the tracer found them */
	struct htable running;	   /* CPU -> task id of the last task that left it */
	struct htable exit_codes;  /* tid -> status as the tracer found it */
	bool want_ip;		   /* faults have their instruction pointer */
	bool has_ptrace;   /* an execve ends with a snapshot, which stands for what it mapped */
	bool attached;	   /* -p: records before the first snapshot are dropped */
	uint64_t begin_ns; /* records before this are dropped */
	uint64_t last_ns;  /* time of the last event written */
	bool has_syscalls, has_newtask;
	struct nodemasks *masks; /* of memory policies; the caller's */
	struct filecalls *calls; /* on files; the caller's */
	const struct memcg_events *group; /* what is counted for the memory cgroup; the caller's */
	struct htable opens;	 /* address of the kernel's open file -> id in the trace */
	uint64_t nr_opens;
	uint64_t nr_hidden_masks; /* calls whose mask was not seen */
	struct memory_state *memory; /* of a system-wide capture; the caller's */
	pid_t self;		     /* this process */
	bool began;		     /* its begin has been written */
	VEC(char *) caches;  /* names of slab caches, [id - 1] */
	uint64_t nr_guessed; /* faults without an error code */
	struct {
		const struct tp_field *address, *error_code;	 /* page_fault_user */
		const struct tp_field *k_address, *k_error_code; /* page_fault_kernel */
		const struct tp_field *enter_id, *enter_args, *exit_id, *exit_ret;
		const struct tp_field *clone_pid, *clone_flags;
		const struct tp_field *exec_old_pid;
		const struct tp_field *futex_uaddr, *futex_op, *futex_uaddr2;
		const struct tp_field *add_pfn, *add_ino, *add_index, *add_dev, *add_order;
		const struct tp_field *del_pfn, *del_ino, *del_index, *del_dev, *del_order;
	} f;
};

void decoder_init(struct decoder *d, struct perf_session *session, struct merge *merge,
		  struct mmr_writer *writer, struct capture_result *res);
void decoder_finish(struct decoder *d);

/* A process that is there now, before any record names it. */
int decoder_add_task(struct decoder *d, pid_t pid, struct mmr_error *err);
/*
 * Looks at records that have just come, long before their turn: the page cache of a file that is
 * mapped for the first time is read now, as a moment later the program will have changed it.
 */
void decoder_look_ahead(struct decoder *d, const struct merge_record *recs, size_t nr);
/* Takes over the file calls that have come, and looks at files that are opened for the first time. */
void decoder_drain_files(struct decoder *d);
int decoder_record(struct decoder *d, const struct merge_record *rec, struct mmr_error *err);
int decoder_lost(struct decoder *d, uint64_t nr, uint64_t time_ns, struct mmr_error *err);
/* One COUNTERS event with this text. */
int decoder_text(struct decoder *d, enum mmr_scope scope, enum mmr_when when, uint64_t time_ns,
		 struct strbuf *text, struct mmr_error *err);
/*
 * Of a system-wide capture: the state of memory, once every record from before begin_ns has been
 * seen. Nothing when it stands in the trace already.
 */
int decoder_begin(struct decoder *d, struct mmr_error *err);
/*
 * The task was there before a system-wide capture; `awaits`: what its process does is left out until
 * its snapshot comes; `names`: programs are named, too, not only kernel threads.
 */
int decoder_existing(struct decoder *d, pid_t pid, pid_t tid, bool awaits, bool names,
		     struct mmr_error *err);
bool decoder_awaits(struct decoder *d, pid_t pid);
int decoder_host_counters(struct decoder *d, enum mmr_when when, pid_t pid, struct mmr_error *err);

void decoder_clone_flags(struct decoder *d, pid_t tid, uint64_t flags);
void decoder_exit_code(struct decoder *d, pid_t tid, uint64_t code);

#endif
