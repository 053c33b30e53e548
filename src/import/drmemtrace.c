/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * DynamoRIO's drmemtrace: records of 12 bytes {u16 type, u16 size, u64 address}, little endian, in one file for each
 * thread or core, packed file by file. Numbers of types and markers: clients/drcachesim/common/trace_entry.h of DynamoRIO
 * (BSD licence), version 7 of the format and the ones before.
 *
 * A file is a chain of segments, each begun by a TIMESTAMP marker. Files of one folder are merged by these times; within a
 * segment nothing interleaves. Threads of core-sharded files change at THREAD records.
 *
 *	instruction fetches	types of instructions; the further iterations of a string instruction are no fetches
 *	system calls		SYSCALL markers end page runs; mmap, munmap, mprotect, mremap, brk and madvise become
 *				events where the trace has their arguments (FUNC_ID markers)
 *	refused			traces filtered through a cache: they leave accesses out
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/vec.h"
#include "base/xalloc.h"
#include "import/sink.h"

#define RECORD 12
#define RECORDS 1024
#define STREAMS_MAX 4096
#define TICK_RECORDS (1u << 16)
#define SYSCALL_BASE (1ull << 32)
#define ARGS_MAX 6
#define VERSION_MAX 7
#define NSEC_PER_USEC 1000

enum {	/* types */
	READ = 0, WRITE = 1, PREFETCH_FIRST = 2, PREFETCH_LAST = 9, INSTR = 10, INSTR_RETURN = 16, INSTR_BUNDLE = 17,
	INSTR_FLUSH = 18, DATA_FLUSH_END = 21, THREAD = 22, THREAD_EXIT = 23, PID = 24, HEADER = 25, FOOTER = 26,
	HARDWARE_PREFETCH = 27, MARKER = 28, INSTR_NO_FETCH = 29, INSTR_MAYBE_FETCH = 30, INSTR_SYSENTER = 31,
	PREFETCH2_FIRST = 32, PREFETCH2_LAST = 46, ENCODING = 47, INSTR_TAKEN_JUMP = 48, INSTR_UNTAKEN_JUMP = 49,
};

enum {	/* markers */
	KERNEL_EVENT = 0, KERNEL_XFER = 1, TIMESTAMP = 2, CPU_ID = 3, FUNC_ID = 4, FUNC_ARG = 6, FUNC_RETVAL = 7,
	SPLIT_VALUE = 8, FILETYPE = 9, VERSION = 12, PAGE_SIZE = 18, SYSCALL = 25, SYSCALL_FAILED = 30,
};

#define FILETYPE_FILTERED	0x181	/* through a cache, for instructions or data: accesses are missing */
#define FILETYPE_NO_DATA	0x004
#define FILETYPE_AARCH64	0x008
#define FILETYPE_ARM32		0x010
#define FILETYPE_X86_32		0x020

struct record {
	uint16_t type, size;
	uint64_t addr;
};

/* A system call whose arguments the trace has, until its result comes. */
struct call {
	uint64_t nr, arg[ARGS_MAX];
	unsigned nr_args;
	bool is_open;
};

struct stream {
	struct source *source;
	char *path;
	uint8_t buf[RECORDS * RECORD];
	size_t pos, len;
	uint64_t time_us, cpu, tid, pid, split, pc;
	uint64_t page_bytes, filetype;
	struct call call;
	bool ended, moved;	/* moved: another thread or CPU since the sink was told */
};

struct reader {
	struct sink *sink;
	struct mmr_error *err;
	VEC(struct stream *) streams;
	uint32_t until_tick;
	bool stop;
};

/* ---- records ---- */

/* 1, 0 at the end, negative errno */
static int next_record(struct reader *r, struct stream *st, struct record *ret)
{
	const uint8_t *at;
	uint16_t half;
	uint64_t addr;

	if (st->pos == st->len) {
		int64_t n = source_read(st->source, st->buf, sizeof(st->buf), r->err);

		if (n < 0)
			return (int)n;
		if (n % RECORD) {
			sink_lost(r->sink, 0);
			sink_skip(r->sink, "records cut short by the end of a file", 1);
		}
		st->len = (size_t)n / RECORD * RECORD;
		st->pos = 0;
		if (!st->len)
			return 0;
	}
	at = st->buf + st->pos;
	memcpy(&half, at, 2);
	ret->type = le16toh(half);
	memcpy(&half, at + 2, 2);
	ret->size = le16toh(half);
	memcpy(&addr, at + 4, 8);
	ret->addr = le64toh(addr);
	st->pos += RECORD;
	return 1;
}

static bool is_instr(unsigned type)
{
	return (type >= INSTR && type <= INSTR_RETURN) || type == INSTR_SYSENTER || type == INSTR_TAKEN_JUMP ||
	       type == INSTR_UNTAKEN_JUMP;
}

static bool is_prefetch(unsigned type)
{
	return (type >= PREFETCH_FIRST && type <= PREFETCH_LAST) || type == HARDWARE_PREFETCH ||
	       (type >= PREFETCH2_FIRST && type <= PREFETCH2_LAST);
}

/* ---- system calls ---- */

enum call_kind { CALL_OTHER, CALL_MMAP, CALL_MUNMAP, CALL_MPROTECT, CALL_MREMAP, CALL_BRK, CALL_MADVISE };

static enum call_kind kind_of_call(const struct stream *st)
{
	static const struct {
		uint16_t x86_64, aarch64;
		enum call_kind kind;
	} rows[] = { { 9, 222, CALL_MMAP }, { 11, 215, CALL_MUNMAP }, { 10, 226, CALL_MPROTECT },
		     { 25, 216, CALL_MREMAP }, { 12, 214, CALL_BRK }, { 28, 233, CALL_MADVISE } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (st->call.nr == (st->filetype & FILETYPE_AARCH64 ? rows[i].aarch64 : rows[i].x86_64))
			return rows[i].kind;
	return CALL_OTHER;
}

/* The call has returned; a negative errno in ret is a failure. */
static void finish_call(struct reader *r, struct stream *st, uint64_t ret)
{
	const uint64_t *arg = st->call.arg;
	struct mmr_event ev = { 0 };

	st->call.is_open = false;
	if (ret >= (uint64_t)-4095)
		return;
	switch (kind_of_call(st)) {
	case CALL_MMAP:
		ev.kind = MMR_MMAP;
		/* Which file it was the trace does not say: anonymous memory stands in. */
		ev.MMAP.addr = ret;
		ev.MMAP.len = arg[1];
		ev.MMAP.prot = arg[2];
		ev.MMAP.flags = arg[3] | MAP_ANONYMOUS;
		if (!(arg[3] & MAP_ANONYMOUS))
			sink_skip(r->sink, "mappings of files that the trace does not name, taken for anonymous memory", 1);
		break;
	case CALL_MUNMAP:
		ev.kind = MMR_MUNMAP;
		ev.MUNMAP.addr = arg[0];
		ev.MUNMAP.len = arg[1];
		break;
	case CALL_MPROTECT:
		ev.kind = MMR_MPROTECT;
		ev.MPROTECT.addr = arg[0];
		ev.MPROTECT.len = arg[1];
		ev.MPROTECT.prot = arg[2];
		break;
	case CALL_MREMAP:
		ev.kind = MMR_MREMAP;
		ev.MREMAP.addr = arg[0];
		ev.MREMAP.old_len = arg[1];
		ev.MREMAP.new_len = arg[2];
		ev.MREMAP.flags = arg[3];
		ev.MREMAP.ret = ret;
		break;
	case CALL_BRK:
		ev.kind = MMR_BRK;
		ev.BRK.brk = ret;
		break;
	case CALL_MADVISE:
		ev.kind = MMR_MADVISE;
		ev.MADVISE.addr = arg[0];
		ev.MADVISE.len = arg[1];
		ev.MADVISE.advice = arg[2];
		break;
	case CALL_OTHER:
		return;
	}
	sink_event(r->sink, &ev);
}

/* ---- what a record means ---- */

static int check_filetype(struct reader *r, const struct stream *st)
{
	if (st->filetype & FILETYPE_FILTERED)
		return err_set(r->err, -ENOTSUP, "the trace was filtered through a cache: accesses are missing");
	if (st->filetype & (FILETYPE_ARM32 | FILETYPE_X86_32))
		return err_set(r->err, -ENOTSUP, "traces of 32-bit programs are not supported");
	return 0;
}

/* Tells the sink who runs, before something happens to it. */
static void settle(struct reader *r, struct stream *st)
{
	if (!st->moved)
		return;
	sink_thread(r->sink, st->tid, st->pid ? st->pid : st->tid, st->cpu < UINT16_MAX ? (unsigned)st->cpu : 0);
	st->moved = false;
}

static void marker(struct reader *r, struct stream *st, unsigned kind, uint64_t value)
{
	switch (kind) {
	case CPU_ID:
		st->moved |= st->cpu != value;
		st->cpu = value;
		break;
	case SPLIT_VALUE:
		st->split = value << 32;
		return;
	case FILETYPE:
		st->filetype |= value;
		break;
	case PAGE_SIZE:
		st->page_bytes = value;
		break;
	case VERSION:
		if (value > VERSION_MAX)
			sink_skip(r->sink, "files of a later version of the format", 1);
		break;
	case KERNEL_EVENT:
	case KERNEL_XFER:
	case SYSCALL:
		settle(r, st);
		sink_boundary(r->sink);
		break;
	case FUNC_ID:
		if (value >= SYSCALL_BASE && !st->call.is_open)
			st->call = (struct call){ .nr = value - SYSCALL_BASE, .is_open = true };
		break;
	case FUNC_ARG:
		if (st->call.is_open && st->call.nr_args < ARGS_MAX)
			st->call.arg[st->call.nr_args++] = value;
		break;
	case FUNC_RETVAL:
		settle(r, st);
		if (st->call.is_open)
			finish_call(r, st, value);
		break;
	case SYSCALL_FAILED:
		st->call.is_open = false;
		break;
	default:
		break;
	}
	st->split = 0;
}

static void fetch(struct reader *r, struct stream *st, uint64_t addr, unsigned size)
{
	settle(r, st);
	sink_access(r->sink, RUNS_FETCH, addr, size);
	st->pc = addr + size;
}

/* Lengths of instructions that follow each other, one a byte. */
static void bundle(struct reader *r, struct stream *st, const struct record *rec)
{
	for (unsigned i = 0; i < rec->size && i < 8; i++)
		fetch(r, st, st->pc, rec->addr >> 8 * i & 255);
}

static int use(struct reader *r, struct stream *st, const struct record *rec)
{
	unsigned type = rec->type;

	if (is_instr(type)) {
		fetch(r, st, rec->addr, rec->size);
	} else if (type == READ || type == WRITE) {
		settle(r, st);
		/* A few are of a size that the tracer did not know, written as 0: one byte was touched at least. */
		sink_access(r->sink, type == READ ? RUNS_LOAD : RUNS_STORE, rec->addr, rec->size + !rec->size);
	} else if (type == MARKER) {
		marker(r, st, rec->size, rec->addr | st->split);
	} else if (type == INSTR_MAYBE_FETCH) {
		if (rec->addr + rec->size != st->pc)
			fetch(r, st, rec->addr, rec->size);
	} else if (type == INSTR_BUNDLE) {
		bundle(r, st, rec);
	} else if (type == THREAD || type == PID) {
		uint64_t *id = type == THREAD ? &st->tid : &st->pid;

		st->moved |= *id != rec->addr;
		*id = rec->addr;
	} else if (type == THREAD_EXIT) {
		settle(r, st);
		sink_thread_exit(r->sink, rec->addr);
		st->moved = true;
	} else if (type == INSTR_NO_FETCH) {
		sink_skip(r->sink, "further iterations of string instructions: no fetches", 1);
	} else if (is_prefetch(type)) {
		sink_skip(r->sink, "prefetches", 1);
	} else if (type > INSTR_UNTAKEN_JUMP) {
		sink_skip(r->sink, "records of unknown type", 1);
	}
	return sink_failed(r->sink) ? -EIO : 0;
}

/* ---- segments ---- */

/* Up to the next timestamp, which it takes, or the end. */
static int run_segment(struct reader *r, struct stream *st)
{
	struct record rec;
	int rc;

	st->moved = true;
	if (sink_begun(r->sink))
		sink_time(r->sink, st->time_us * NSEC_PER_USEC);
	while ((rc = next_record(r, st, &rec)) > 0) {
		if (rec.type == MARKER && rec.size == TIMESTAMP) {
			st->time_us = rec.addr | st->split;
			st->split = 0;
			return 0;
		}
		rc = use(r, st, &rec);
		if (rc)
			return rc;
		if (--r->until_tick == 0) {
			r->until_tick = TICK_RECORDS;
			r->stop |= sink_tick(r->sink, source_packed(st->source));
			if (r->stop)
				return 0;
		}
	}
	st->ended = true;
	return rc;
}

/* What comes before the first timestamp: who and what it is. Nothing may have happened yet. */
static int run_preamble(struct reader *r, struct stream *st)
{
	struct record rec = { 0 };
	int rc = next_record(r, st, &rec);

	if (rc < 0)
		return rc;
	if (!rc || rec.type != HEADER)
		return err_set(r->err, -EBADMSG, "'%.200s' does not begin as a drmemtrace file does", st->path);
	while ((rc = next_record(r, st, &rec)) > 0) {
		if (rec.type == MARKER && rec.size == TIMESTAMP) {
			st->time_us = rec.addr | st->split;
			break;
		}
		if (rec.type == MARKER || rec.type == THREAD || rec.type == PID) {
			if (rec.type == MARKER && (rec.size == KERNEL_EVENT || rec.size == FUNC_RETVAL))
				continue;
			(void)use(r, st, &rec);
		} else {
			st->pos -= RECORD;	/* an old trace, or one without times */
			break;
		}
	}
	st->ended = rc == 0;
	return rc < 0 ? rc : check_filetype(r, st);
}

/* ---- files ---- */

static int add_file(struct reader *r, const char *path)
{
	struct stream *st = xcalloc(1, sizeof(*st));
	int rc;

	st->path = xstrdup(path);
	*vec_push(&r->streams) = st;
	rc = source_open(&st->source, path, r->err);
	return rc ? rc : run_preamble(r, st);
}

static bool is_trace_name(const char *name)
{
	static const char *const ends[] = { ".trace", ".trace.zip", ".trace.gz", ".trace.lz4" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (len > strlen(ends[i]) && !strcmp(name + len - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The trace files of a folder, or of its folder `trace`, in the order of their names. */
static int add_folder(struct reader *r, const char *path)
{
	VEC(char *) names = { 0 };
	DIR *d = opendir(path);
	struct dirent *e;
	int rc = 0;

	if (!d)
		return err_set(r->err, -errno, "cannot read '%s': %s", path, strerror(errno));
	while ((e = readdir(d)))
		if (is_trace_name(e->d_name))
			*vec_push(&names) = xstrdup(e->d_name);
	closedir(d);
	/* no ties: names of one folder differ */
	if (names.nr)
		qsort(names.data, names.nr, sizeof(*names.data), by_name);
	if (names.nr > STREAMS_MAX)
		rc = err_set(r->err, -ENOTSUP, "more than %d files", STREAMS_MAX);
	if (!names.nr)
		rc = err_set(r->err, -EBADMSG, "no files of drmemtrace in '%s'", path);
	for (size_t i = 0; i < names.nr; i++) {
		char full[4096];

		snprintf(full, sizeof(full), "%s/%s", path, names.data[i]);
		if (!rc)
			rc = add_file(r, full);
		free(names.data[i]);
	}
	vec_finish(&names);
	return rc;
}

static struct stream *earliest(const struct reader *r)
{
	struct stream *first = NULL;

	for (size_t i = 0; i < r->streams.nr; i++) {
		struct stream *st = r->streams.data[i];

		if (!st->ended && (!first || st->time_us < first->time_us))
			first = st;
	}
	return first;
}

static int begin(struct reader *r)
{
	const struct stream *first = r->streams.data[0];
	bool arm = first->filetype & FILETYPE_AARCH64;
	struct sink_meta meta = { .basis = "exact", .arch = arm ? "aarch64" : "x86_64", .va_bits = 48,
				  .base_page_bytes = first->page_bytes };

	if (first->filetype & FILETYPE_NO_DATA)
		sink_skip(r->sink, "data accesses: the trace has none", 1);
	return sink_begin(r->sink, &meta);
}

static int run(struct sink *sink, const char *path, struct mmr_error *err)
{
	struct reader r = { .sink = sink, .err = err, .until_tick = TICK_RECORDS };
	struct stream *st;
	struct stat sb;
	int rc;

	rc = strcmp(path, "-") && stat(path, &sb) == 0 && S_ISDIR(sb.st_mode) ? add_folder(&r, path)
									     : add_file(&r, path);
	if (!rc)
		rc = begin(&r);
	while (!rc && !r.stop && (st = earliest(&r)))
		rc = run_segment(&r, st);
	for (size_t i = 0; i < r.streams.nr; i++) {
		source_close(r.streams.data[i]->source);
		free(r.streams.data[i]->path);
		free(r.streams.data[i]);
	}
	vec_finish(&r.streams);
	return rc;
}

/* HEADER with a small version number, then a record of a known type. */
static int probe(const uint8_t *head, size_t len, const char *path)
{
	if (!head) {
		DIR *d = opendir(path);
		struct dirent *e;
		int found = 0;

		while (d && !found && (e = readdir(d)))
			found = is_trace_name(e->d_name);
		if (d)
			closedir(d);
		return found ? 50 : 0;
	}
	if (len < 2 * RECORD || head[0] != HEADER || head[1] || head[2] || head[3] || !head[4] || head[4] > 32)
		return 0;
	for (unsigned i = 5; i < RECORD; i++)
		if (head[i])
			return 0;
	return head[RECORD] <= INSTR_UNTAKEN_JUMP && !head[RECORD + 1] ? 90 : 0;
}

const struct trace_importer importer_drmemtrace = {
	.name = "drmemtrace",
	.summary = "DynamoRIO's drmemtrace: a file, or a folder of files by thread or core",
	.probe = probe,
	.run = run,
	.takes_folders = true,
};
