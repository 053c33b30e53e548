/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Perf events of one capture: which ones, opened on which tasks and CPUs, and the rings they write
 * to.
 *
 * One ring per CPU; every event of that CPU writes to it. A thread does nothing but copy records
 * out of the rings into chunks, so that neither compression nor ptrace makes a ring overflow.
 * Records are in CLOCK_MONOTONIC. A round of the thread reads all rings; a record that is not in
 * its chunks by the end of a round is younger than the begin of that round, but for writers that
 * were interrupted while they wrote. Hence records leave the merge one whole round later.
 *
 * Interface:
 *   - perf_session_open() chooses the events that this user may have, and notes the others
 *   - perf_session_attach(): all events on one task, children inherited; perf_session_attach_all():
 *     on all tasks, enabled at once
 *   - perf_session_start(), perf_session_take() ... perf_session_stop()
 */
#ifndef CAPTURE_PERF_SESSION_H
#define CAPTURE_PERF_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/perf_event.h>

#include "base/htable.h"
#include "base/vec.h"
#include "capture/capture.h"
#include "capture/merge.h"
#include "capture/tracepoint.h"

/* What a perf event is to the decoder. */
enum perf_role {
	PERF_ROLE_CARRIER, /* dummy: mmap, comm and task records */
	PERF_ROLE_MINOR,
	PERF_ROLE_MAJOR,
	PERF_ROLE_EXC_USER,
	PERF_ROLE_EXC_KERNEL,
	PERF_ROLE_SYS_ENTER,
	PERF_ROLE_SYS_EXIT,
	PERF_ROLE_NEWTASK,
	PERF_ROLE_EXEC,
	PERF_ROLE_CACHE_ADD,
	PERF_ROLE_CACHE_DEL,
	PERF_ROLE_FUTEX,
	PERF_ROLE_USER, /* asked for with -e */
	PERF_ROLES,
};

/* The tracepoints that a capture wants, and what is missing without each. */
struct perf_tracepoint {
	enum perf_role role;
	const char *system, *name, *lost;
};
extern const struct perf_tracepoint perf_tracepoints[];
extern const unsigned perf_nr_tracepoints;

struct perf_source {
	enum perf_role role;
	char *name; /* "perf::MINOR-FAULTS", "raw_syscalls:sys_enter" ... */
	struct perf_event_attr attr;
	struct tp_format fmt; /* of tracepoints */
	char *filter;	      /* of tracepoints, NULL for none */
	bool is_global;	      /* of all tasks, opened once a CPU: the page cache has no owner */
	bool is_off;	      /* not opened: --kernel-only has no use for it */
	uint64_t nr_lost;     /* PERF_FORMAT_LOST, at the last reading */
};

struct perf_fd {
	int fd;
	uint32_t source; /* index into sources */
	uint64_t lost;	 /* at the last reading */
};

struct perf_ring {
	int cpu;
	int fd; /* the event that owns the ring */
	struct perf_event_mmap_page *page;
	size_t data_bytes;
};

struct perf_session {
	struct tracefs tracefs;
	VEC(struct perf_source) sources;
	VEC(struct perf_fd) fds;
	VEC(struct perf_ring) rings;
	VEC(int) cpus;
	VEC(int) probes;   /* events opened to see whether they can be */
	struct htable ids; /* kernel's event id -> index of the source */
	size_t ring_bytes;
	bool all;	  /* every event is of all tasks */
	bool kernel_side; /* faults and code of the kernel may be seen */
	bool has_phys;
	/* the drain thread and what it shares */
	pthread_t thread;
	bool has_thread;
	int wake_fd; /* eventfd: chunks are waiting */
	int quit_fd; /* eventfd: the thread has to end */
	pthread_mutex_t lock;
	VEC(struct perf_chunk) chunks;
	size_t held_bytes;    /* in chunks that perf_session_take() has not fetched */
	uint64_t round_ns[2]; /* begin of the last round and of the one before */
};

/* Records of one CPU, one after the other. */
struct perf_chunk {
	uint32_t cpu;
	struct merge_chunk *mem;
};

/* Where the fixed parts of a sample lie: every event has these in this order. */
struct perf_sample_head {
	struct perf_event_header header;
	uint64_t id, ip;
	uint32_t pid, tid;
	uint64_t time, addr;
	uint32_t cpu, reserved;
};
/* At the end of every other record. */
struct perf_sample_tail {
	uint32_t pid, tid;
	uint64_t time;
	uint32_t cpu, reserved;
	uint64_t id;
};

/* The parts that all our events share. */
void perf_attr_init(struct perf_event_attr *attr, uint32_t type, uint64_t config);
/* A descriptor on this process, any CPU, or a negative errno. */
int perf_try_open(const struct perf_event_attr *attr);
/* The same on all tasks of one CPU. */
int perf_try_open_global(const struct perf_event_attr *attr, int cpu);

int perf_session_open(struct perf_session *s, const struct capture_options *opt,
		      struct capture_result *res, struct mmr_error *err);
/* All events on task `tid`. on_exec: enabled when it calls execve, else at once. */
int perf_session_attach(struct perf_session *s, pid_t tid, bool on_exec, struct capture_result *res,
			struct mmr_error *err);
/* Of a session that was opened with options.all. */
int perf_session_attach_all(struct perf_session *s, struct capture_result *res,
			    struct mmr_error *err);
int perf_session_start(struct perf_session *s, struct mmr_error *err);
/*
 * Moves what has been read into the merge and returns the time before which nothing can still come.
 * Records have type = their perf type and source = CPU.
 */
uint64_t perf_session_take(struct perf_session *s, struct merge *m);
/* Reads the rings once more now; what was written before the call is then in the merge. */
void perf_session_drain(struct perf_session *s, struct merge *m);
void perf_session_disable(struct perf_session *s);
/* Events lost since the last call, by PERF_FORMAT_LOST. */
uint64_t perf_session_lost(struct perf_session *s);
void perf_session_close(struct perf_session *s);

const struct perf_source *perf_session_source(const struct perf_session *s, uint64_t id);
/* NULL when this session has no event of that role. */
const struct perf_source *perf_session_role(const struct perf_session *s, enum perf_role role);
/* The extra parts of a sample; NULL raw when it has none. */
struct perf_sample_rest {
	const void *raw;
	size_t raw_size;
	uint64_t period, phys, page_bytes;
	uint64_t weight, data_src;
};
void perf_sample_parse(const struct perf_source *src, const struct perf_sample_head *h,
		       struct perf_sample_rest *ret);

uint64_t perf_now_ns(void);

#endif
