/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Writing traces: failures and what they leave behind, kills, joined rows of runs, options, limits of a block. */
#include "support/test.h"
#include "support/trace-mem.h"

#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zstd.h>

#include "trace/container.h"
#include "trace/format.h"

static const struct mmr_run one_run = {.page = 7, .nr_reads = 1};

static struct mmr_event mark(uint64_t id)
{
	return (struct mmr_event){.kind = MMR_MARK, .task = 1, .time_ns = id, .MARK.id = id};
}

static struct mmr_writer *open_mem(struct mem_file *f, const struct mmr_writer_options *opt)
{
	struct mmr_writer *w;
	struct mmr_error err;

	assert_int_equal(mmr_writer_open_fn(&w, mem_write, f, "{}", opt, &err), 0);
	return w;
}

/* Events, or negative errno; *ret_stats may be NULL. */
static int count_events(struct mem_file *f, bool recover, struct mmr_reader_stats *ret_stats)
{
	struct mmr_reader_options opt = {.recover = recover};
	struct mmr_reader *r;
	struct mmr_item item;
	int ret, nr = 0;

	f->pos = 0;
	assert_int_equal(mmr_reader_open_fn(&r, mem_read, f, &opt, NULL), 0);
	while ((ret = mmr_reader_next(r, &item, NULL)) == 1)
		nr++;
	if (ret_stats)
		*ret_stats = *mmr_reader_stats(r);
	mmr_reader_close(r);
	return ret ? ret : nr;
}

static void a_full_disk_is_reported_and_stays_reported(void **state)
{
	struct mem_file f = {.limit = 700};
	struct mmr_writer *w = open_mem(&f, NULL);
	struct mmr_event ev = mark(1);
	struct mmr_error err;
	size_t len;
	int ret = 0;

	(void)state;
	for (unsigned i = 0; i < 1000 && !ret; i++) {
		ret = mmr_writer_event(w, &ev, &err);
		if (!ret)
			ret = mmr_writer_flush(w, &err);
	}
	assert_int_equal(ret, -ENOSPC);
	assert_non_null(strstr(err.text, "No space left"));
	len = f.len;
	f.limit = 0;	/* room again: too late, there is a hole */
	assert_int_equal(mmr_writer_event(w, &ev, &err), -ENOSPC);
	assert_int_equal(mmr_writer_runs(w, 1, 0, 1, &one_run, 1, &err), -ENOSPC);
	assert_int_equal(mmr_writer_flush(w, &err), -ENOSPC);
	assert_int_equal(mmr_writer_close(w, &err), -ENOSPC);
	assert_int_equal(f.len, len);
	assert_int_equal(count_events(&f, false, NULL), -ENODATA);
	assert_true(count_events(&f, true, NULL) > 0);
	mem_free(&f);
}

static void the_end_frame_may_not_fit_either(void **state)
{
	struct mem_file f = {0};
	struct mmr_writer *w = open_mem(&f, NULL);
	struct mmr_error err;

	(void)state;
	f.limit = f.len + 10;
	assert_int_equal(mmr_writer_close(w, &err), -ENOSPC);
	mem_free(&f);
	f.limit = 10;
	assert_int_equal(mmr_writer_open_fn(&w, mem_write, &f, "{}", NULL, &err), -ENOSPC);
	mem_free(&f);
}

static void a_file_that_cannot_be_made_is_reported(void **state)
{
	struct mmr_writer *w;
	struct mmr_error err;

	(void)state;
	assert_int_equal(mmr_writer_open(&w, "/nonexistent/x.mmt", "{}", NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/x.mmt"));
	if (access("/dev/full", W_OK) == 0) {
		assert_int_equal(mmr_writer_open(&w, "/dev/full", "{}", NULL, &err), -ENOSPC);
		assert_non_null(strstr(err.text, "/dev/full"));
	}
}

static void a_killed_writer_leaves_whole_blocks(void **state)
{
	char path[] = "/tmp/test-writer-XXXXXX";
	int fd = mkstemp(path), status, nr = 0, ret;
	struct mmr_reader_options opt = {.recover = 1};
	struct mmr_reader *r;
	struct mmr_item item;
	pid_t pid = fork();

	(void)state;
	assert_true(fd >= 0 && pid >= 0);
	if (!pid) {
		struct mmr_writer *w;
		struct mmr_event ev = mark(1);

		if (mmr_writer_open(&w, path, "{\"a\":2}", NULL, NULL))
			_exit(1);
		mmr_writer_event(w, &ev, NULL);
		mmr_writer_flush(w, NULL);
		mmr_writer_event(w, &ev, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(mmr_reader_open(&r, path, &opt, NULL), 0);
	assert_string_equal(mmr_reader_metadata(r), "{\"a\":2}");
	while ((ret = mmr_reader_next(r, &item, NULL)) == 1)
		nr++;
	assert_int_equal(ret, 0);
	assert_int_equal(nr, 1);
	assert_int_equal(mmr_reader_stats(r)->truncated, 0);
	assert_int_equal(mmr_reader_stats(r)->has_end, 0);
	mmr_reader_close(r);
	close(fd);
	unlink(path);
}

static void an_abandoned_trace_has_no_end(void **state)
{
	struct mem_file f = {0};
	struct mmr_writer *w = open_mem(&f, NULL);
	struct mmr_event ev = mark(1);

	(void)state;
	assert_int_equal(mmr_writer_event(w, &ev, NULL), 0);
	assert_int_equal(mmr_writer_flush(w, NULL), 0);
	assert_int_equal(mmr_writer_bytes(w), f.len);
	assert_int_equal(mmr_writer_event(w, &ev, NULL), 0);
	mmr_writer_abandon(w);
	assert_int_equal(count_events(&f, false, NULL), -ENODATA);
	assert_int_equal(count_events(&f, true, NULL), 1);
	mem_free(&f);
}

static void rows_of_one_task_and_cpu_are_joined(void **state)
{
	struct mem_file f = {0};
	struct mmr_writer *w = open_mem(&f, NULL);
	struct mmr_reader_stats stats;
	struct mmr_event ev = mark(1);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(mmr_writer_runs(w, 1, 0, 5 + i, &one_run, 1, NULL), 0);
	assert_int_equal(mmr_writer_runs(w, 1, 1, 20, &one_run, 1, NULL), 0);
	assert_int_equal(mmr_writer_runs(w, 2, 1, 20, &one_run, 1, NULL), 0);
	assert_int_equal(mmr_writer_runs(w, 2, 1, 20, &one_run, 0, NULL), 0);
	assert_int_equal(mmr_writer_event(w, &ev, NULL), 0);
	assert_int_equal(mmr_writer_runs(w, 2, 1, 20, &one_run, 1, NULL), 0);
	assert_int_equal(mmr_writer_close(w, NULL), 0);
	assert_int_equal(count_events(&f, false, &stats), 5);
	assert_int_equal(stats.runs, 13);
	mem_free(&f);
}

static void losses_are_counted(void **state)
{
	struct mmr_event lost[2] = {{.kind = MMR_LOST, .LOST.nr = 17}, {.kind = MMR_LOST}};
	struct mem_file f = {0};
	struct mmr_writer *w = open_mem(&f, NULL);
	struct mmr_reader_stats stats;

	(void)state;
	assert_int_equal(mmr_writer_event(w, &lost[0], NULL), 0);
	assert_int_equal(mmr_writer_event(w, &lost[1], NULL), 0);
	assert_int_equal(mmr_writer_close(w, NULL), 0);
	assert_int_equal(count_events(&f, false, &stats), 2);
	assert_int_equal(stats.lost_events, 17);
	assert_int_equal(stats.lost_unknown, 1);
	mem_free(&f);
}

static void what_cannot_be_written_is_refused(void **state)
{
	struct mmr_writer_options level = {.level = 99};
	struct mem_file f = {0};
	struct mmr_writer *w;
	struct mmr_error err;
	struct mmr_run runs[2] = {one_run, {.page = 1}};
	struct mmr_event ev = mark(1);
	char *text = malloc(TRACE_METADATA_BYTES + 2);

	(void)state;
	assert_int_equal(mmr_writer_open_fn(&w, mem_write, &f, "{}", &level, &err), -EINVAL);
	memset(text, ' ', TRACE_METADATA_BYTES + 1);
	text[TRACE_METADATA_BYTES + 1] = '\0';
	assert_int_equal(mmr_writer_open_fn(&w, mem_write, &f, text, NULL, &err), -EINVAL);
	assert_int_equal(f.len, 0);
	w = open_mem(&f, NULL);
	ev.kind = 8;
	assert_int_equal(mmr_writer_event(w, &ev, &err), -EINVAL);
	ev.kind = MMR_RUNS;
	assert_int_equal(mmr_writer_event(w, &ev, &err), -EINVAL);
	ev = mark(1);
	ev.data = text;
	ev.data_len = MMR_DATA_MAX + 1;
	assert_int_equal(mmr_writer_event(w, &ev, &err), -EINVAL);
	assert_int_equal(mmr_writer_runs(w, 1, 0, 1, runs, 2, &err), -EINVAL);
	/* none of that does harm, and the run before the bad one is there */
	ev.data_len = MMR_DATA_MAX;
	assert_int_equal(mmr_writer_event(w, &ev, &err), 0);
	assert_int_equal(mmr_writer_close(w, &err), 0);
	assert_int_equal(count_events(&f, false, NULL), 2);
	mem_free(&f);
	free(text);
}

/* The file is a zstd file, and no block is larger than the format allows. */
static void blocks_are_zstd_and_within_limits(void **state)
{
	struct mem_file f = {0};
	struct mmr_writer *w = open_mem(&f, NULL);
	char *data = malloc(MMR_DATA_MAX);
	size_t at = 0, frame, nr = 0;

	(void)state;
	for (unsigned i = 0; i < MMR_DATA_MAX; i++)
		data[i] = (char)(i * i >> 3);
	for (unsigned i = 0; i < 60; i++) {
		struct mmr_event ev = mark(i);

		ev.data = data;
		ev.data_len = i % 3 ? MMR_DATA_MAX - i : i;
		assert_int_equal(mmr_writer_event(w, &ev, NULL), 0);
		for (unsigned k = 0; k < 5000; k++) {
			struct mmr_run run = {.page = (uint64_t)i * k * 977, .nr_reads = 1 + k % 300};

			assert_int_equal(mmr_writer_runs(w, i, 0, i, &run, 1, NULL), 0);
		}
	}
	assert_int_equal(mmr_writer_close(w, NULL), 0);
	while (at < f.len) {
		frame = ZSTD_findFrameCompressedSize(f.data + at, f.len - at);
		assert_false(ZSTD_isError(frame));
		if (!trace_frame_probe(f.data + at)) {
			assert_in_range(ZSTD_getFrameContentSize(f.data + at, frame), 0, TRACE_COLUMN_BYTES);
			nr++;
		}
		at += frame;
	}
	assert_true(nr >= 4);
	assert_true(count_events(&f, false, NULL) > 0);
	mem_free(&f);
	free(data);
}

/* Entries of the index lead to blocks. */
static void the_index_leads_to_the_blocks(void **state)
{
	struct mem_file f = {0};
	struct mmr_writer *w = open_mem(&f, NULL);
	const uint8_t *end, *entry;
	uint64_t at;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		struct mmr_event ev = mark(i);

		assert_int_equal(mmr_writer_event(w, &ev, NULL), 0);
		assert_int_equal(mmr_writer_flush(w, NULL), 0);
	}
	assert_int_equal(mmr_writer_close(w, NULL), 0);
	end = f.data + f.len - TRACE_FRAME_FIXED;
	assert_true(trace_frame_probe(end));
	at = get_le64(end + 40 + offsetof(struct trace_head, column_bytes));
	assert_true(trace_frame_probe(f.data + at));
	assert_int_equal(get_le16(f.data + at + 16), TRACE_INDEX);
	entry = f.data + at + TRACE_FRAME_FIXED;
	for (unsigned i = 0; i < 11; i++, entry += sizeof(struct trace_index_entry)) {
		assert_int_equal(get_le64(entry), i);
		at = get_le64(entry + 8);
		assert_true(trace_frame_probe(f.data + at));
		assert_int_equal(get_le64(f.data + at + 40), i);
		assert_int_equal(get_le64(entry + 16), i ? i - 1 : 0);
	}
	assert_ptr_equal(entry, end);
	mem_free(&f);
}

/* However many blocks there are, the index stays within its limit. */
static void a_long_index_is_thinned_out(void **state)
{
	struct mem_file f = {0};
	struct mmr_writer *w = open_mem(&f, NULL);
	const uint8_t *end, *index;
	uint64_t nr;

	(void)state;
	for (unsigned i = 0; i < 2 * TRACE_INDEX_ENTRIES + 5; i++) {
		struct mmr_event ev = mark(i);

		assert_int_equal(mmr_writer_event(w, &ev, NULL), 0);
		assert_int_equal(mmr_writer_flush(w, NULL), 0);
	}
	assert_int_equal(mmr_writer_close(w, NULL), 0);
	end = f.data + f.len - TRACE_FRAME_FIXED;
	index = f.data + get_le64(end + 40 + offsetof(struct trace_head, column_bytes));
	nr = get_le64(index + 40 + offsetof(struct trace_head, variable_bytes)) /
	     sizeof(struct trace_index_entry);
	assert_in_range(nr, TRACE_INDEX_ENTRIES / 2, TRACE_INDEX_ENTRIES);
	for (uint64_t i = 0; i < nr; i++)
		assert_int_equal(get_le64(index + TRACE_FRAME_FIXED + i * sizeof(struct trace_index_entry)),
				 4 * i);
	assert_int_equal(count_events(&f, false, NULL), 2 * TRACE_INDEX_ENTRIES + 5);
	mem_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_is_reported_and_stays_reported),
		cmocka_unit_test(the_end_frame_may_not_fit_either),
		cmocka_unit_test(a_file_that_cannot_be_made_is_reported),
		cmocka_unit_test(a_killed_writer_leaves_whole_blocks),
		cmocka_unit_test(an_abandoned_trace_has_no_end),
		cmocka_unit_test(rows_of_one_task_and_cpu_are_joined),
		cmocka_unit_test(losses_are_counted),
		cmocka_unit_test(what_cannot_be_written_is_refused),
		cmocka_unit_test(blocks_are_zstd_and_within_limits),
		cmocka_unit_test(the_index_leads_to_the_blocks),
		cmocka_unit_test(a_long_index_is_thinned_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
