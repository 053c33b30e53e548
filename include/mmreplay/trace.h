/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reading and writing traces of memory events (.mmt files). The format is in mmreplay-trace(5).
 *
 * A trace is a sequence of events in file order. Accesses of exact traces are far too many to be
 * events: they are *page runs*, and stand between events as arrays of struct mmr_run.
 *
 * Interface:
 *   - mmr_reader_open(), mmr_reader_next() ... mmr_reader_close(): a stream of items in constant memory
 *   - mmr_writer_open(), mmr_writer_event(), mmr_writer_runs() ... mmr_writer_close()
 *   - mmr_kind_info(): names and fields of every kind of event
 * Errors: functions return 0 (or a count) or a negative errno, and fill in struct mmr_error.
 * Nothing here prints, exits or keeps state outside its handles; handles are independent.
 */
#ifndef MMREPLAY_TRACE_H
#define MMREPLAY_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include <mmreplay/trace-events.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MMR_GRANULE_SHIFT 12	/* runs and page indices count 4 KiB granules on every machine */
#define MMR_MAX_ARGS 9		/* most fields that one kind of event has */
#define MMR_DATA_MAX 65536	/* most bytes of data that one event carries */
#define MMR_RUN_MAX 65535	/* most touches of one kind in one run */

/* What went wrong, and where. `text` is one line, lower case, without a full stop. */
struct mmr_error {
	char text[256];
	uint64_t offset;	/* byte offset in the file */
	uint64_t block;		/* number of the block, from 0 */
	uint64_t record;	/* number of the event in the block, from 0 */
};

enum mmr_kind {
#define MMR_KIND_ENUM(number, NAME, name, meaning, ...) MMR_##NAME = number,
#define MMR_FIELD_NONE(field, enc, meaning) 0
	MMR_EVENTS(MMR_KIND_ENUM, MMR_FIELD_NONE)
#undef MMR_FIELD_NONE
#undef MMR_KIND_ENUM
};

/* What a result that is drawn from the trace may rest on. */
enum mmr_basis {
	MMR_BASIS_FAULTS = 1,	/* faults and system calls only */
	MMR_BASIS_SAMPLED = 2,	/* PMU samples */
	MMR_BASIS_EXACT = 3,	/* every user-mode access */
};

enum mmr_source { MMR_SOURCE_UNKNOWN, MMR_SOURCE_RING, MMR_SOURCE_READER, MMR_SOURCE_TOOL };
enum mmr_scope { MMR_SCOPE_HOST, MMR_SCOPE_PROCESS, MMR_SCOPE_CGROUP, MMR_SCOPE_BUDDYINFO,
		 MMR_SCOPE_ZONEINFO, MMR_SCOPE_PAGETYPEINFO };
enum mmr_when { MMR_WHEN_START, MMR_WHEN_END, MMR_WHEN_INTERVAL, MMR_WHEN_EXEC, MMR_WHEN_EXIT };
enum mmr_file_type { MMR_FILE_REGULAR, MMR_FILE_SHMEM, MMR_FILE_DEVICE, MMR_FILE_HUGETLB,
		     MMR_FILE_SPECIAL /* vdso, vvar */, MMR_FILE_OTHER };

/* Of FRAMES. Frames that no event names: not known (per-cpu lists, kernel, no memory). */
enum mmr_frames { MMR_FRAMES_UNKNOWN, MMR_FRAMES_FREE /* on the buddy allocator's lists */,
		  MMR_FRAMES_MOVABLE /* of programs and the page cache */,
		  MMR_FRAMES_SLAB, MMR_FRAMES_KERNEL /* any other use */ };

/* MMR_VMA flags beside the MAP_* bits */
#define MMR_VMA_STACK		(1ull << 40)	/* grows down: the main stack */
#define MMR_VMA_HEAP		(1ull << 41)	/* the brk area */
#define MMR_VMA_SPECIAL		(1ull << 42)	/* vdso, vvar, vsyscall: see the name in the data */
#define MMR_VMA_EXISTING	(1ull << 43)	/* was there before the trace began */

#define MMR_CACHE_READAHEAD	(1ull << 0)	/* these folios carry the mark that starts the next read-ahead */

#define MMR_RES_ANON		(1ull << 0)
#define MMR_RES_FILE		(1ull << 1)
#define MMR_RES_ZERO		(1ull << 2)	/* the zero page */
#define MMR_RES_SWAPPED		(1ull << 3)
#define MMR_RES_EXCLUSIVE	(1ull << 4)
#define MMR_RES_DIRTY		(1ull << 5)
#define MMR_RES_SHIFT(flags)	((flags) >> 8 & 63)	/* log2 of the page that maps it, 0 unknown */

#define MMR_FAULT_WRITE		(1ull << 0)
#define MMR_FAULT_EXEC		(1ull << 1)
#define MMR_FAULT_USER		(1ull << 2)	/* taken in user mode */
#define MMR_FAULT_PROT		(1ull << 3)	/* the page was present: a protection fault */
#define MMR_FAULT_MAJOR		(1ull << 4)
#define MMR_FAULT_TYPED		(1ull << 5)	/* WRITE, EXEC, USER, PROT are known, not guessed */
#define MMR_FAULT_FAILED	(1ull << 6)	/* ended in a signal */
#define MMR_FAULT_SHIFT(flags)	((flags) >> 8 & 63)	/* log2 of the page mapped, 0 unknown */

#define MMR_IO_DIRECT		(1ull << 0)
#define MMR_IO_SPLICE		(1ull << 1)	/* without a copy: sendfile, splice, copy_file_range */
#define MMR_IO_SYNC		(1ull << 2)	/* on the device when the call returned: O_SYNC, O_DSYNC, RWF_DSYNC */
#define MMR_IO_DONTCACHE	(1ull << 3)	/* RWF_DONTCACHE */

#define MMR_SYNC_DATA		(1ull << 0)	/* fdatasync */
#define MMR_SYNC_FS		(1ull << 1)	/* syncfs, sync: every file */
#define MMR_SYNC_RANGE		(1ull << 4)	/* sync_file_range, its flags from bit 8 on */

#define MMR_FADV_READAHEAD	100		/* readahead(2), among the numbers of posix_fadvise */

struct mmr_event {
	uint16_t kind;		/* enum mmr_kind */
	uint16_t cpu;		/* CPU it happened on */
	uint32_t task;		/* task id: small, dense, never reused; 0 is no task */
	uint64_t time_ns;
	uint32_t data_len;
	const void *data;	/* valid until the next call on the reader */
	/* The fields: by number in the order of MMR_EVENTS, or by name, as in ev.MUNMAP.len. */
	union {
		uint64_t arg[MMR_MAX_ARGS];
#define MMR_KIND_STRUCT(number, NAME, name, meaning, ...) struct { __VA_ARGS__ } NAME;
#define MMR_FIELD_MEMBER(field, enc, meaning) uint64_t field;
		MMR_EVENTS(MMR_KIND_STRUCT, MMR_FIELD_MEMBER)
#undef MMR_FIELD_MEMBER
#undef MMR_KIND_STRUCT
	};
};

/*
 * A page run: what memory management can see of consecutive touches of one stream (instruction or
 * data) of one thread to one granule.
 *
 *	nr_reads + nr_writes	touches; an instruction run counts fetches as reads
 *	nr_split		of these, touches that are the second half of an access that straddles
 *				two granules: accesses = nr_reads + nr_writes - nr_split
 *	other_at		how many touches of the first kind came before the first one of the other
 *				kind; 0 when there is no other kind
 */
struct mmr_run {
	uint64_t page;		/* granule number in bits 0-51, MMR_RUN_* bits above */
	uint16_t nr_reads;
	uint16_t nr_writes;
	uint16_t other_at;
	uint16_t nr_split;
};
#define MMR_RUN_PAGE(run)	((run)->page & ((1ull << 52) - 1))
#define MMR_RUN_INSN		(1ull << 63)	/* instruction stream */
#define MMR_RUN_WRITE_FIRST	(1ull << 62)	/* the first touch was a write */

/* One step of a trace: an event, or runs of one task. */
struct mmr_item {
	struct mmr_event ev;		/* kind MMR_RUNS: ev.task, ev.cpu and ev.time_ns say whose runs */
	const struct mmr_run *runs;	/* valid until the next call; NULL for other kinds */
	size_t nr_runs;			/* at most MMR_BATCH */
};
#define MMR_BATCH 4096

/* ---- reading ---- */

struct mmr_reader;

struct mmr_reader_options {
	int recover;		/* skip damaged blocks instead of failing, and count what is missing */
};

/* What the reader knows so far; complete after mmr_reader_next() returned 0. */
struct mmr_reader_stats {
	uint64_t blocks, events, runs, touches, accesses;
	uint64_t lost_events;		/* by LOST events */
	uint64_t lost_unknown;		/* LOST events that could not say how many */
	uint64_t damaged_blocks;	/* skipped with .recover */
	uint64_t damaged_bytes;
	uint64_t missing_blocks;	/* by the sequence numbers */
	uint64_t missing_events;	/* in them, exact up to the last block that could be read */
	uint64_t missing_runs;
	uint64_t unknown_events;	/* of kinds that this version does not know; skipped */
	uint64_t file_bytes;		/* read so far */
	uint64_t first_ns, last_ns;
	int truncated;			/* the file ends inside a block */
	int has_end;			/* the end frame was seen: the trace is whole */
	uint64_t identity[2];		/* 128-bit hash of the decoded records so far; independent of blocks
					 * and of compression */
};

/* `path` "-" is standard input. On success *ret is set. */
int mmr_reader_open(struct mmr_reader **ret, const char *path, const struct mmr_reader_options *opt,
		    struct mmr_error *err);
/* The same from any source; read() returns bytes, 0 at the end, or a negative errno. */
typedef int64_t mmr_read_fn(void *ctx, void *buf, size_t size);
int mmr_reader_open_fn(struct mmr_reader **ret, mmr_read_fn *read, void *ctx,
		       const struct mmr_reader_options *opt, struct mmr_error *err);
/* The metadata: JSON text, NUL-terminated, valid until close. */
const char *mmr_reader_metadata(const struct mmr_reader *r);
/*
 * 1 and *item; 0 at the end; negative errno on damage (-EBADMSG), truncation (-ENODATA), a trace of a later
 * version (-EPROTONOSUPPORT), I/O. An error is final: further calls return it again. With .recover only I/O
 * errors are left. What items hold was checked: kinds are known ones, runs keep the rules above.
 */
int mmr_reader_next(struct mmr_reader *r, struct mmr_item *item, struct mmr_error *err);
const struct mmr_reader_stats *mmr_reader_stats(const struct mmr_reader *r);
void mmr_reader_close(struct mmr_reader *r);

/* ---- writing ---- */

struct mmr_writer;

struct mmr_writer_options {
	int level;		/* zstd level, 0 for the default */
	int sync;		/* fdatasync after each block */
	uint64_t time_unit_ns;	/* times are rounded down to this; 0 is 1 */
};

int mmr_writer_open(struct mmr_writer **ret, const char *path, const char *metadata_json,
		    const struct mmr_writer_options *opt, struct mmr_error *err);
/* write() returns 0 or a negative errno; it takes everything or fails. */
typedef int mmr_write_fn(void *ctx, const void *buf, size_t size);
int mmr_writer_open_fn(struct mmr_writer **ret, mmr_write_fn *write, void *ctx,
		       const char *metadata_json, const struct mmr_writer_options *opt,
		       struct mmr_error *err);
int mmr_writer_event(struct mmr_writer *w, const struct mmr_event *ev, struct mmr_error *err);
/*
 * Runs of one task, after the last event written; consecutive calls for one task and CPU are joined and bear
 * the time of the first. A run that contradicts itself (no touch, first kind without a touch, other_at out
 * of its range, more splits than touches) is -EINVAL; those before it are written.
 */
int mmr_writer_runs(struct mmr_writer *w, uint32_t task, uint16_t cpu, uint64_t time_ns,
		    const struct mmr_run *runs, size_t nr, struct mmr_error *err);
/*
 * Ends the current block and hands it to the system (a killed writer loses nothing before this). Blocks end by
 * themselves when they are full or a second old, but only in a call of the two above: who has nothing to
 * write for longer than that calls this.
 */
int mmr_writer_flush(struct mmr_writer *w, struct mmr_error *err);
uint64_t mmr_writer_bytes(const struct mmr_writer *w);
/* Writes the end frame and the index unless an earlier call failed, closes, frees. */
int mmr_writer_close(struct mmr_writer *w, struct mmr_error *err);
/* Closes without an end frame; the file stays readable up to its last whole block. */
void mmr_writer_abandon(struct mmr_writer *w);

/* ---- kinds ---- */

enum mmr_encoding { MMR_ENC_ADDR, MMR_ENC_DELTA, MMR_ENC_UINT };

struct mmr_field_info {
	const char *name;
	enum mmr_encoding enc;
	const char *meaning;
};

struct mmr_kind_info {
	uint16_t kind;
	const char *name;
	const char *meaning;
	unsigned nr_fields;
	struct mmr_field_info fields[MMR_MAX_ARGS];
};

/* NULL for a number that has no kind. */
const struct mmr_kind_info *mmr_kind_info(unsigned kind);
/* The rows in order of their numbers. */
const struct mmr_kind_info *mmr_kinds(size_t *ret_nr);
/* Index of a field in mmr_event.arg, -1 when the kind has none of that name. */
int mmr_field_index(unsigned kind, const char *name);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
