/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reading traces: a trace cut at every length, every bit flipped, blocks lost, doubled and made hostile, memory.
 */
#include "support/test.h"
#include "support/trace-mem.h"

#include <malloc.h>
#include <stdbool.h>

#include <zstd.h>

#include "trace/container.h"
#include "trace/format.h"

enum { PER_BLOCK = 12, BLOCKS = 5, TOTAL = PER_BLOCK * BLOCKS };

/*
 * A trace of the metadata's block and some more, at most BLOCKS: event n has id n; one row of three runs
 * after each fourth.
 */
static struct mem_file make_blocks(unsigned blocks)
{
	static const struct mmr_run runs[3] = {
		{.page = 1, .nr_reads = 2}, {.page = 2, .nr_reads = 1}, {.page = 1, .nr_reads = 2},
	};
	struct mem_file f = {0};
	struct mmr_writer *w;
	struct mmr_error err;

	assert_int_equal(mmr_writer_open_fn(&w, mem_write, &f, "{\"x\":1}", NULL, &err), 0);
	for (unsigned i = 0; i < blocks * PER_BLOCK; i++) {
		struct mmr_event ev = {.kind = MMR_MARK, .task = 1, .time_ns = 1000 + i, .MARK.id = i};

		assert_int_equal(mmr_writer_event(w, &ev, &err), 0);
		if (i % 4 == 3)
			assert_int_equal(mmr_writer_runs(w, 1, 0, 1000 + i, runs, 3, &err), 0);
		if (i % PER_BLOCK == PER_BLOCK - 1)
			assert_int_equal(mmr_writer_flush(w, &err), 0);
	}
	assert_int_equal(mmr_writer_close(w, &err), 0);
	return f;
}

static struct mem_file make_trace(void)
{
	return make_blocks(BLOCKS);
}

struct outcome {
	int ret;
	struct mmr_error err;
	struct mmr_reader_stats stats;
	bool ids[TOTAL];	/* which events came */
	unsigned nr, runs;
};

/* Reads what is there; each event must be one that was written, in order, once. */
static struct outcome read_trace(const uint8_t *data, size_t len, bool recover)
{
	struct mem_file f = {.data = (uint8_t *)(uintptr_t)data, .len = len};
	struct mmr_reader_options opt = {.recover = recover};
	struct outcome o = {0};
	struct mmr_reader *r;
	struct mmr_item item;
	uint64_t next = 0;

	o.ret = mmr_reader_open_fn(&r, mem_read, &f, &opt, &o.err);
	if (o.ret)
		return o;
	while ((o.ret = mmr_reader_next(r, &item, &o.err)) == 1) {
		o.runs += (unsigned)item.nr_runs;
		if (item.ev.kind == MMR_RUNS)
			continue;
		assert_int_equal(item.ev.kind, MMR_MARK);
		assert_in_range(item.ev.MARK.id, next, TOTAL - 1);
		assert_int_equal(item.ev.time_ns, 1000 + item.ev.MARK.id);
		next = item.ev.MARK.id + 1;
		o.ids[item.ev.MARK.id] = true;
		o.nr++;
	}
	o.stats = *mmr_reader_stats(r);
	mmr_reader_close(r);
	return o;
}

/* Where the frames of ours begin; the last place is the end of the file. Returns their number. */
static size_t find_frames(const struct mem_file *f, size_t *at)
{
	size_t nr = 0;

	for (size_t i = 0; i + 16 <= f->len; i++)
		if (trace_frame_probe(f->data + i))
			at[nr++] = i;
	at[nr] = f->len;
	return nr;
}

enum { NR_FRAMES = 1 + BLOCKS + 2, INDEX = 1 + BLOCKS, END = INDEX + 1 };

static void a_whole_trace_reads(void **state)
{
	struct mem_file f = make_trace();
	size_t at[NR_FRAMES + 1];
	struct outcome o = read_trace(f.data, f.len, false);

	(void)state;
	assert_int_equal(find_frames(&f, at), NR_FRAMES);
	assert_int_equal(o.ret, 0);
	assert_int_equal(o.nr, TOTAL);
	assert_int_equal(o.runs, 3 * TOTAL / 4);
	assert_int_equal(o.stats.blocks, 1 + BLOCKS);
	assert_int_equal(o.stats.events, TOTAL + TOTAL / 4);
	assert_int_equal(o.stats.accesses, 5 * TOTAL / 4);
	assert_int_equal(o.stats.first_ns, 1000);
	assert_int_equal(o.stats.last_ns, 1000 + TOTAL - 1);
	assert_int_equal(o.stats.has_end, 1);
	assert_int_equal(o.stats.truncated, 0);
	mem_free(&f);
}

/* Whole blocks among the first `nr` frames of a file cut after `len` bytes. */
static size_t whole_blocks(const size_t *at, size_t nr, size_t len)
{
	size_t n = 0;

	while (n < nr && at[n + 1] <= len)
		n++;
	return n;
}

static void a_cut_trace_gives_back_all_whole_blocks(void **state)
{
	struct mem_file f = make_blocks(2);
	size_t at[NR_FRAMES + 1], nr;

	(void)state;
	nr = find_frames(&f, at);
	for (size_t len = 0; len < f.len; len++) {
		size_t blocks = whole_blocks(at, nr - 2, len);
		struct outcome strict = read_trace(f.data, len, false), o = read_trace(f.data, len, true);
		bool at_edge = false;

		for (size_t i = 0; i < nr; i++)
			at_edge |= len == at[i];
		assert_int_equal(strict.ret, -ENODATA);
		assert_int_equal(strict.nr, blocks ? (blocks - 1) * PER_BLOCK : 0);
		assert_int_equal(o.ret, 0);
		assert_int_equal(o.nr, strict.nr);
		assert_int_equal(o.stats.has_end, 0);
		assert_int_equal(o.stats.truncated, !at_edge);
		assert_int_equal(o.stats.damaged_blocks, 0);
	}
	mem_free(&f);
}

static void every_flipped_bit_is_noticed(void **state)
{
	struct mem_file f = make_blocks(1);

	(void)state;
	for (size_t bit = 0; bit < 8 * f.len; bit++) {
		struct outcome o;

		f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		o = read_trace(f.data, f.len, false);
		assert_true(o.ret == -EBADMSG || o.ret == -ENODATA);
		assert_true(o.err.text[0]);
		f.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	mem_free(&f);
}

/* One byte wrong: exactly the events of its block are missing, and known to be. */
static void recovery_loses_only_the_damaged_block(void **state)
{
	struct mem_file f = make_trace();
	size_t at[NR_FRAMES + 1];

	(void)state;
	find_frames(&f, at);
	for (size_t i = 0, frame = 0; i < f.len; i += 5) {
		struct outcome o;

		while (i >= at[frame + 1])
			frame++;
		f.data[i] ^= 0x55;
		o = read_trace(f.data, f.len, true);
		f.data[i] ^= 0x55;
		assert_int_equal(o.ret, 0);
		assert_true(o.stats.damaged_blocks == 1 || frame == END);
		assert_int_equal(o.stats.damaged_blocks + (size_t)o.stats.truncated, 1);
		assert_int_equal(o.stats.has_end, frame != END);
		assert_int_equal(o.stats.missing_blocks, frame < INDEX);
		if (frame == 0 || frame >= INDEX) {
			assert_int_equal(o.nr, TOTAL);
			continue;
		}
		assert_int_equal(o.nr, TOTAL - PER_BLOCK);
		assert_int_equal(o.stats.missing_events, PER_BLOCK + PER_BLOCK / 4);
		assert_int_equal(o.stats.missing_runs, 3 * PER_BLOCK / 4);
		for (size_t id = 0; id < TOTAL; id++)
			assert_int_equal(o.ids[id], id / PER_BLOCK != frame - 1);
	}
	mem_free(&f);
}

static void an_error_says_where(void **state)
{
	struct mem_file f = make_trace();
	size_t at[NR_FRAMES + 1];
	struct outcome o;

	(void)state;
	find_frames(&f, at);
	f.data[at[4] - 1] ^= 1;
	o = read_trace(f.data, f.len, false);
	assert_int_equal(o.ret, -EBADMSG);
	assert_int_equal(o.err.offset, at[3]);
	assert_int_equal(o.err.block, 3);
	assert_non_null(strstr(o.err.text, "checksum"));
	mem_free(&f);
}

/* A file put together from pieces of the trace: frames from[0] .. from[nr-1]. */
static struct mem_file assemble(const struct mem_file *f, const size_t *at, const unsigned *from, size_t nr)
{
	struct mem_file g = {0};

	for (size_t i = 0; i < nr; i++)
		mem_write(&g, f->data + at[from[i]], at[from[i] + 1] - at[from[i]]);
	return g;
}

static void lost_doubled_and_swapped_blocks_are_noticed(void **state)
{
	static const unsigned lost[] = {0, 1, 2, 4, 5, 6, 7}, doubled[] = {0, 1, 2, 2, 3, 4, 5, 6, 7},
			      swapped[] = {0, 1, 3, 2, 4, 5, 6, 7}, twice[] = {0, 1, 2, 3, 4, 5, 6, 7, 0};
	struct mem_file f = make_trace(), g;
	size_t at[NR_FRAMES + 1];
	struct outcome o;

	(void)state;
	find_frames(&f, at);
	g = assemble(&f, at, lost, 7);
	assert_int_equal(read_trace(g.data, g.len, false).ret, -EBADMSG);
	o = read_trace(g.data, g.len, true);
	assert_int_equal(o.stats.missing_blocks, 1);
	assert_int_equal(o.stats.missing_events, PER_BLOCK + PER_BLOCK / 4);
	mem_free(&g);
	g = assemble(&f, at, doubled, 9);
	assert_int_equal(read_trace(g.data, g.len, false).ret, -EBADMSG);
	o = read_trace(g.data, g.len, true);
	assert_int_equal(o.nr, TOTAL);
	assert_int_equal(o.stats.damaged_blocks, 1);
	mem_free(&g);
	g = assemble(&f, at, swapped, 8);
	assert_int_equal(read_trace(g.data, g.len, false).ret, -EBADMSG);
	assert_int_equal(read_trace(g.data, g.len, true).nr, TOTAL - PER_BLOCK);
	mem_free(&g);
	g = assemble(&f, at, twice, 9);
	o = read_trace(g.data, g.len, false);
	assert_int_equal(o.ret, -EBADMSG);
	assert_non_null(strstr(o.err.text, "after the end"));
	mem_free(&g);
	mem_free(&f);
}

static void garbage_between_blocks_is_skipped(void **state)
{
	struct mem_file f = make_trace(), g = {0};
	size_t at[NR_FRAMES + 1];
	struct outcome o;
	uint8_t junk[3000];

	(void)state;
	find_frames(&f, at);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)(i * i);
	memcpy(junk + 100, TRACE_SIGNATURE, 8);
	mem_write(&g, f.data, at[2]);
	mem_write(&g, junk, sizeof(junk));
	mem_write(&g, f.data + at[2], f.len - at[2]);
	assert_int_equal(read_trace(g.data, g.len, false).ret, -EBADMSG);
	o = read_trace(g.data, g.len, true);
	assert_int_equal(o.nr, TOTAL);
	assert_int_equal(o.stats.damaged_bytes, sizeof(junk));
	assert_int_equal(o.stats.damaged_blocks, 1);
	assert_int_equal(o.stats.missing_events, 0);
	assert_int_equal(o.stats.has_end, 1);
	mem_free(&g);
	mem_free(&f);
}

static void foreign_and_empty_files_are_refused(void **state)
{
	uint8_t zstd[200];
	size_t n = ZSTD_compress(zstd, sizeof(zstd), "hello", 5, 1);
	struct outcome o = read_trace(zstd, n, false);

	(void)state;
	assert_int_equal(o.ret, -EBADMSG);
	assert_string_equal(o.err.text, "not a trace of mmreplay");
	assert_int_equal(read_trace(zstd, 0, false).ret, -ENODATA);
	assert_int_equal(read_trace(zstd, 0, true).ret, 0);
	assert_int_equal(read_trace(zstd, n, true).ret, 0);
}

/* After an error the reader goes no further. */
static void errors_stay(void **state)
{
	struct mem_file f = make_trace();
	struct mmr_reader *r;
	struct mmr_error err;
	struct mmr_item item;
	int ret;

	(void)state;
	f.data[f.len - 1] ^= 1;
	assert_int_equal(mmr_reader_open_fn(&r, mem_read, &f, NULL, &err), 0);
	while ((ret = mmr_reader_next(r, &item, &err)) == 1)
		;
	assert_int_equal(ret, -EBADMSG);
	assert_int_equal(mmr_reader_next(r, &item, &err), -EBADMSG);
	assert_int_equal(mmr_reader_next(r, &item, NULL), -EBADMSG);
	mmr_reader_close(r);
	mem_free(&f);
}

/* A block with good checksums and columns that decompress to more than it says. */
static void a_bomb_is_refused(void **state)
{
	struct trace_head head = {.time_unit_ns = 1, .column_bytes = 8};
	size_t room = 2 << 20, frame;
	uint8_t *file = calloc(1, room), *zeros = calloc(8, 1 << 20);
	struct outcome o;

	(void)state;
	head.payload_bytes = ZSTD_compress(file + TRACE_FRAME_FIXED, room - TRACE_FRAME_FIXED, zeros, 8 << 20, 1);
	head.payload_hash = trace_hash(file + TRACE_FRAME_FIXED, head.payload_bytes);
	frame = trace_frame_put(file, TRACE_BLOCK, &head, NULL);
	o = read_trace(file, frame + head.payload_bytes, false);
	assert_int_equal(o.ret, -EBADMSG);
	assert_non_null(strstr(o.err.text, "decompress"));
	free(file);
	free(zeros);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Random runs and events of `blocks` full blocks; returns the most heap that reading them took. */
static size_t most_heap(unsigned blocks)
{
	struct mem_file f = {0};
	struct mmr_writer *w;
	struct mmr_reader *r;
	struct mmr_error err;
	struct mmr_item item;
	size_t before, most = 0;
	int ret;

	assert_int_equal(mmr_writer_open_fn(&w, mem_write, &f, "{}", NULL, &err), 0);
	for (unsigned i = 0; i < blocks * 100000; i++) {
		struct mmr_run run = {.page = i * 0x9e3779b97f4a7c15ull >> 30, .nr_reads = 1};
		struct mmr_event ev = {.kind = MMR_FAULT, .task = i * 77, .FAULT.addr = run.page << 12};

		assert_int_equal(mmr_writer_runs(w, 1, 0, i, &run, 1, &err), 0);
		if (!(i % 16))
			assert_int_equal(mmr_writer_event(w, &ev, &err), 0);
	}
	assert_int_equal(mmr_writer_close(w, &err), 0);
	before = heap_bytes();
	assert_int_equal(mmr_reader_open_fn(&r, mem_read, &f, NULL, &err), 0);
	while ((ret = mmr_reader_next(r, &item, &err)) == 1)
		if (item.ev.kind == MMR_FAULT && heap_bytes() - before > most)
			most = heap_bytes() - before;
	assert_int_equal(ret, 0);
	mmr_reader_close(r);
	mem_free(&f);
	return most;
}

static void memory_does_not_grow_with_the_trace(void **state)
{
	size_t small = most_heap(1), large = most_heap(6);

	(void)state;
	print_message("heap of a reader: %zu KiB\n", large >> 10);
	assert_true(large <= 16 << 20);
	assert_true(large <= small + 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_trace_reads),
		cmocka_unit_test(a_cut_trace_gives_back_all_whole_blocks),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(recovery_loses_only_the_damaged_block),
		cmocka_unit_test(an_error_says_where),
		cmocka_unit_test(lost_doubled_and_swapped_blocks_are_noticed),
		cmocka_unit_test(garbage_between_blocks_is_skipped),
		cmocka_unit_test(foreign_and_empty_files_are_refused),
		cmocka_unit_test(errors_stay),
		cmocka_unit_test(a_bomb_is_refused),
		cmocka_unit_test(memory_does_not_grow_with_the_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
