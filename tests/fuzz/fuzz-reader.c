/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The reader of traces on any bytes at all.
 *
 * Property: it ends, within its memory, without a fault of any kind; what it hands out keeps the promises
 * of trace.h; a trace that reads without an error reads the same, with the same identity, in recovery.
 *
 * An input is a trace file; it is read as it is and with its checksums put right, else no mutation would
 * come further than those. An input that begins with "cols" is the columns of one block (then number of
 * events and of runs, 2 bytes each, then the columns), for which the file around it is made here.
 *
 *	fuzz-reader FILE...			reads each
 *	fuzz-reader --mutate N FILE...		and N random mutations of each (MMR_SEED)
 *	fuzz-reader --make-seeds DIR		writes the files of seeds/reader
 * With -Dfuzz=true it is a libFuzzer target instead.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zstd.h>

#include "base/bug.h"
#include "base/rng.h"
#include "support/trace-mem.h"
#include "trace/container.h"
#include "trace/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the property ---- */

static void check_run(const struct mmr_run *r)
{
	bool write_first = r->page & MMR_RUN_WRITE_FIRST;
	unsigned first = write_first ? r->nr_writes : r->nr_reads;
	unsigned other = write_first ? r->nr_reads : r->nr_writes;

	BUG_ON(!first || r->nr_split > first + other);
	BUG_ON(other ? r->other_at < 1 || r->other_at > first : r->other_at);
	BUG_ON(r->page & MMR_RUN_INSN && r->nr_writes);
	BUG_ON(r->page >> 52 & 0x3ff);
}

static void check_item(const struct mmr_item *item)
{
	const uint8_t *data = item->ev.data;
	unsigned sum = 0;

	BUG_ON(!mmr_kind_info(item->ev.kind));
	BUG_ON((item->ev.kind == MMR_RUNS) != (item->runs != NULL));
	BUG_ON(item->nr_runs > MMR_BATCH || item->ev.data_len > MMR_DATA_MAX);
	for (size_t i = 0; i < item->nr_runs; i++)
		check_run(&item->runs[i]);
	for (size_t i = 0; i < item->ev.data_len; i++)
		sum += data[i];
	__asm__ volatile("" : : "r"(sum));	/* every byte is read */
}

/* Reads all of it. Returns what the last call said, and the identity. */
static int read_all(const uint8_t *data, size_t size, bool recover, uint64_t identity[2])
{
	struct mem_file f = {.data = (uint8_t *)(uintptr_t)data, .len = size};
	struct mmr_reader_options opt = {.recover = recover};
	struct mmr_reader *r;
	struct mmr_error err;
	struct mmr_item item;
	int ret = mmr_reader_open_fn(&r, mem_read, &f, &opt, &err);

	if (ret)
		return ret;
	BUG_ON(!mmr_reader_metadata(r));
	while ((ret = mmr_reader_next(r, &item, &err)) == 1)
		check_item(&item);
	memcpy(identity, mmr_reader_stats(r)->identity, 16);
	BUG_ON(mmr_reader_stats(r)->file_bytes > size);
	mmr_reader_close(r);
	return ret;
}

static void read_both_ways(const uint8_t *data, size_t size)
{
	uint64_t strict[2] = {0}, recovered[2] = {1};
	int ret = read_all(data, size, false, strict);

	BUG_ON(read_all(data, size, true, recovered) < 0);
	BUG_ON(!ret && memcmp(strict, recovered, sizeof(strict)));
}

/* ---- good checksums ---- */

enum { AT_HASH = 32, AT_HEAD = 40 };
#define AT(field) (AT_HEAD + offsetof(struct trace_head, field))

/* Puts right the hashes of every frame that looks like one of ours. */
static void mend_hashes(uint8_t *data, size_t size)
{
	for (size_t i = 0; i + TRACE_FRAME_FIXED <= size; i++) {
		size_t frame, payload;

		if (!trace_frame_probe(data + i))
			continue;
		frame = trace_frame_size(data + i);
		if (!frame || frame < TRACE_FRAME_FIXED || frame > size - i)
			continue;
		payload = (size_t)get_le64(data + i + AT(payload_bytes));
		if (payload && payload <= size - i - frame)
			put_le64(data + i + AT(payload_hash), XXH3_64bits(data + i + frame, payload));
		put_le64(data + i + AT_HASH, 0);
		put_le64(data + i + AT_HASH, XXH3_64bits(data + i, frame));
	}
}

/* A trace of one block with the given columns and no end. */
static void read_columns(const uint8_t *data, size_t size)
{
	size_t room = TRACE_FRAME_FIXED + ZSTD_compressBound(size), frame;
	struct trace_head head = {.time_unit_ns = 1};
	uint8_t *file = malloc(room);

	BUG_ON(!file);
	head.here.events = get_le16(data + 4);
	head.here.runs = get_le16(data + 6);
	head.column_bytes = size - 8;
	head.payload_bytes = ZSTD_compress(file + TRACE_FRAME_FIXED, room - TRACE_FRAME_FIXED, data + 8,
					   size - 8, 1);
	head.payload_hash = XXH3_64bits(file + TRACE_FRAME_FIXED, head.payload_bytes);
	frame = trace_frame_put(file, TRACE_BLOCK, &head, NULL);
	read_both_ways(file, frame + head.payload_bytes);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size >= 8 && !memcmp(data, "cols", 4)) {
		read_columns(data, size);
		return 0;
	}
	read_both_ways(data, size);
	copy = malloc(size + 1);
	BUG_ON(!copy);
	memcpy(copy, data, size);
	mend_hashes(copy, size);
	read_both_ways(copy, size);
	free(copy);
	return 0;
}

#ifndef HAVE_LIBFUZZER

/* ---- seeds ---- */

static void write_file(const char *dir, const char *name, const void *data, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	BUG_ON(!f || fwrite(data, 1, size, f) != size || fclose(f));
}

/* The columns of the last block of a trace in memory, as a seed of their own. */
static void write_columns(const char *dir, const char *name, const struct mem_file *f)
{
	static uint8_t cols[8 + TRACE_COLUMN_BYTES];
	size_t at = 0, last = 0, frame, n;

	for (; at + TRACE_FRAME_FIXED <= f->len; at += frame + get_le64(f->data + at + AT(payload_bytes))) {
		frame = trace_frame_size(f->data + at);
		last = get_le64(f->data + at + AT(payload_bytes)) ? at : last;
	}
	frame = trace_frame_size(f->data + last);
	n = ZSTD_decompress(cols + 8, TRACE_COLUMN_BYTES, f->data + last + frame,
			    get_le64(f->data + last + AT(payload_bytes)));
	BUG_ON(ZSTD_isError(n));
	memcpy(cols, "cols", 4);
	put_le16(cols + 4, (uint16_t)get_le64(f->data + last + AT(here.events)));
	put_le16(cols + 6, (uint16_t)get_le64(f->data + last + AT(here.runs)));
	write_file(dir, name, cols, n + 8);
}

/* An event of every kind, twice, with small and large numbers and some data. */
static void seed_events(struct mmr_writer *w)
{
	size_t nr;
	const struct mmr_kind_info *kinds = mmr_kinds(&nr);

	for (size_t i = 0; i < 2 * nr; i++) {
		struct mmr_event ev = {.kind = kinds[i % nr].kind, .task = 1 + (uint32_t)i % 3,
				       .cpu = i & 1, .time_ns = 1000 * i, .data = "name"};

		for (unsigned f = 0; f < kinds[i % nr].nr_fields; f++)
			ev.arg[f] = i % 5 ? i * 4096 + f : UINT64_MAX - f;
		ev.data_len = i % 4;
		if (ev.kind != MMR_RUNS)
			BUG_ON(mmr_writer_event(w, &ev, NULL));
	}
}

static void seed_runs(struct mmr_writer *w, unsigned pages)
{
	for (unsigned i = 0; i < 3 * pages; i++) {
		struct mmr_run run = {.page = (i * 7 % pages) | (i & 1 ? MMR_RUN_INSN : 0),
				      .nr_reads = (uint16_t)(1 + i % 5)};

		if (!(i & 1) && i % 3 == 0)
			run = (struct mmr_run){.page = i * 99991ull % pages | MMR_RUN_WRITE_FIRST, .nr_writes = 2,
					       .nr_reads = (uint16_t)(300 * (i % 7)),
					       .other_at = i % 7 > 0, .nr_split = i % 7 > 0};
		BUG_ON(mmr_writer_runs(w, 1 + i / 50, 0, i, &run, 1, NULL));
	}
}

static void make_seed(const char *dir, const char *name, bool events, unsigned pages)
{
	struct mmr_writer *w;
	struct mem_file f = {0};
	char file[64];

	BUG_ON(mmr_writer_open_fn(&w, mem_write, &f, "{\"basis\": \"exact\"}", NULL, NULL));
	if (events)
		seed_events(w);
	BUG_ON(pages && events && mmr_writer_flush(w, NULL));
	seed_runs(w, pages);
	BUG_ON(mmr_writer_close(w, NULL));
	snprintf(file, sizeof(file), "%s.mmt", name);
	write_file(dir, file, f.data, f.len);
	snprintf(file, sizeof(file), "%s.cols", name);
	write_columns(dir, file, &f);
	mem_free(&f);
}

static void make_seeds(const char *dir)
{
	make_seed(dir, "empty", false, 0);
	make_seed(dir, "events", true, 0);
	make_seed(dir, "runs", false, 60);
	make_seed(dir, "many-runs", false, 1500);
	make_seed(dir, "both", true, 20);
}

/* ---- mutations ---- */

static void mutate(struct rng *rng, uint8_t *data, size_t *size, size_t room)
{
	static const uint8_t edges[] = {0, 1, 127, 128, 255};

	for (uint64_t n = 1 + rng_below(rng, 6); n-- && *size;) {
		size_t at = rng_below(rng, *size), len = 1 + rng_below(rng, 8);

		len = len < *size - at ? len : *size - at;
		switch (rng_below(rng, 6)) {
		case 0: data[at] ^= (uint8_t)(1 << rng_below(rng, 8)); break;
		case 1: data[at] = edges[rng_below(rng, sizeof(edges))]; break;
		case 2: data[at] = (uint8_t)rng_u64(rng); break;
		case 3: memmove(data + at, data + rng_below(rng, *size - len + 1), len); break;
		case 4:
			memmove(data + at, data + at + len, *size - at - len);
			*size -= len;
			break;
		case 5:
			if (*size + len > room)
				break;
			memmove(data + at + len, data + at, *size - at);
			*size += len;
			break;
		}
	}
}

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "r");
	uint8_t *data;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
		perror(path);
		exit(2);
	}
	data = malloc((size_t)size + 1);
	BUG_ON(!data || fread(data, 1, (size_t)size, f) != (size_t)size);
	fclose(f);
	*ret_size = (size_t)size;
	return data;
}

static void run_file(const char *path, uint64_t mutations, struct rng *rng)
{
	size_t size, room, n;
	uint8_t *data = read_file(path, &size), *copy;

	LLVMFuzzerTestOneInput(data, size);
	room = size + 64;
	copy = malloc(room);
	BUG_ON(!copy);
	for (; mutations; mutations--) {
		memcpy(copy, data, size);
		n = size;
		mutate(rng, copy, &n, room);
		LLVMFuzzerTestOneInput(copy, n);
	}
	free(copy);
	free(data);
}

int main(int argc, char **argv)
{
	const char *seed = getenv("MMR_SEED");
	uint64_t mutations = 0;
	struct rng rng;
	int i = 1;

	rng_seed(&rng, seed ? strtoull(seed, NULL, 0) : 1);
	if (argc == 3 && !strcmp(argv[1], "--make-seeds")) {
		make_seeds(argv[2]);
		return 0;
	}
	if (argc > 3 && !strcmp(argv[1], "--mutate")) {
		mutations = strtoull(argv[2], NULL, 0);
		i = 3;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: fuzz-reader [--mutate N] FILE...\n");
		return 2;
	}
	for (; i < argc; i++)
		run_file(argv[i], mutations, &rng);
	return 0;
}

#endif
