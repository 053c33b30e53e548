/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Faults: how many a second the real kernel handles, and how many a replay does, decoding included.
 *
 *	bench-fault [TRACE.mmt]
 *
 * The kernel's turn: map 64 MiB of fresh anonymous memory, store one byte to each page, unmap, again and again; best
 * of five (what is timed is the touching alone). The replay's turn, in the same process: the given trace, or a
 * trace of just those faults, with times and frames as a capture writes them; best of five, whole runs
 * through the public interface. Prints one line each and the ratio.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <mmreplay/replay.h>
#include <mmreplay/report.h>

#define MIB (1ull << 20)
#define AREA (64 * MIB)
#define PAGE 4096ull
#define ROUNDS 64
#define RUNS 5

/* Processor time, user and system: what other programs do on the machine stays out. */
static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(int ret, const struct mmr_error *err)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "bench-fault: %s\n", err->text);
	exit(1);
}

/* Seconds for one area's faults. */
static double kernel_round(void)
{
	volatile char *p = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double t;

	if (p == MAP_FAILED) {
		perror("bench-fault: mmap");
		exit(1);
	}
	madvise((void *)p, AREA, MADV_NOHUGEPAGE);
	t = now_s();
	for (size_t i = 0; i < AREA; i += PAGE)
		p[i] = 1;
	t = now_s() - t;
	munmap((void *)p, AREA);
	return t;
}

static double kernel_rate(void)
{
	double best = 0;

	for (int run = 0; run < RUNS; run++) {
		double s = 0, rate;

		for (int i = 0; i < 8; i++)
			s += kernel_round();
		rate = 8 * (double)(AREA / PAGE) / s;
		best = rate > best ? rate : best;
	}
	return best;
}

static void event(struct mmr_writer *w, struct mmr_event *ev)
{
	struct mmr_error err = { 0 };

	check(mmr_writer_event(w, ev, &err), &err);
}

/* Frames and times that are as hard to pack as real ones: a small generator is enough. */
static void write_faults(struct mmr_writer *w, uint64_t *time_ns, uint64_t addr)
{
	static uint64_t x = 88172645463325252ull;

	for (uint64_t a = addr; a < addr + AREA; a += PAGE) {
		struct mmr_event ev = { .kind = MMR_FAULT, .task = 1 };

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		*time_ns += 1400 + x % 512;
		ev.time_ns = *time_ns;
		ev.FAULT.addr = a;
		ev.FAULT.flags = MMR_FAULT_WRITE | MMR_FAULT_USER | MMR_FAULT_TYPED | 12 << 8;
		ev.FAULT.pfn = 0x100000 + (a - addr) / PAGE + (x >> 32) % 16;
		event(w, &ev);
	}
}

static void synthesise(const char *path)
{
	struct mmr_writer *w;
	struct mmr_error err = { 0 };
	struct mmr_event ev = { .kind = MMR_TASK, .task = 1 };
	uint64_t time_ns = 0, addr = 0x7f0000000000;

	check(mmr_writer_open(&w, path, "{\"basis\": \"faults\"}", NULL, &err), &err);
	ev.TASK.tid = ev.TASK.pid = 100;
	ev.TASK.mm = 1;
	event(w, &ev);
	for (int i = 0; i < ROUNDS; i++) {
		ev = (struct mmr_event){ .kind = MMR_MMAP, .task = 1, .time_ns = ++time_ns };
		ev.MMAP.addr = addr;
		ev.MMAP.len = AREA;
		ev.MMAP.prot = PROT_READ | PROT_WRITE;
		ev.MMAP.flags = MAP_PRIVATE | MAP_ANONYMOUS;
		event(w, &ev);
		write_faults(w, &time_ns, addr);
		ev = (struct mmr_event){ .kind = MMR_MUNMAP, .task = 1, .time_ns = ++time_ns };
		ev.MUNMAP.addr = addr;
		ev.MUNMAP.len = AREA;
		event(w, &ev);
	}
	check(mmr_writer_close(w, &err), &err);
}

/* Events of kind FAULT in the trace. */
static uint64_t count_faults(const char *path)
{
	struct mmr_reader *reader;
	struct mmr_error err = { 0 };
	struct mmr_item item;
	uint64_t nr = 0;
	int ret;

	check(mmr_reader_open(&reader, path, NULL, &err), &err);
	while ((ret = mmr_reader_next(reader, &item, &err)) > 0)
		nr += item.ev.kind == MMR_FAULT;
	check(ret, &err);
	mmr_reader_close(reader);
	return nr;
}

static double replay_s(const char *path)
{
	struct mmr_reader *reader;
	struct mmr_replay *replay;
	struct mmr_error err = { 0 };
	double t = now_s();

	check(mmr_reader_open(&reader, path, NULL, &err), &err);
	check(mmr_replay_create(&replay, reader, &err), &err);
	check(mmr_replay_run(replay, &err), &err);
	free(mmr_report_json(replay));
	t = now_s() - t;
	mmr_replay_destroy(replay);
	mmr_reader_close(reader);
	return t;
}

int main(int argc, char **argv)
{
	char tmp[] = "/tmp/bench-fault-XXXXXX";
	const char *path = argc > 1 ? argv[1] : tmp;
	double kernel = kernel_rate(), best = 1e9;
	uint64_t nr;

	if (argc == 1) {
		int fd = mkstemp(tmp);

		if (fd < 0) {
			perror("bench-fault");
			return 1;
		}
		close(fd);
		synthesise(tmp);
	}
	nr = count_faults(path);
	for (int run = 0; run < RUNS; run++) {
		double s = replay_s(path);

		best = s < best ? s : best;
	}
	if (argc == 1)
		unlink(tmp);
	printf("kernel: %.3f M faults/s\n", kernel / 1e6);
	printf("replay: %.3f M faults/s (%llu faults, decoding and report included)\n", (double)nr / best / 1e6,
	       (unsigned long long)nr);
	printf("ratio:  %.1f\n", (double)nr / best / kernel);
	return 0;
}
