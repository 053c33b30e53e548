/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Physical memory at the begin of a capture: see memory-state.h. */
#include "capture/memory-state.h"

#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "capture/host.h"
#include "capture/perf-session.h"

#define CHUNK_FRAMES (1u << 14)
#define MAX_ORDER    20 /* of a record that makes sense */

#ifndef KPF_PGTABLE
#define KPF_PGTABLE 26
#endif

static const struct {
	enum mmr_scope scope;
	const char *key;
} texts[MEMORY_STATE_TEXTS] = {
	{MMR_SCOPE_BUDDYINFO, "buddyinfo"},
	{MMR_SCOPE_ZONEINFO, "zoneinfo"},
	{MMR_SCOPE_PAGETYPEINFO, "pagetypeinfo"},
};

enum mmr_scope memory_state_scope(unsigned text)
{
	return texts[text].scope;
}

const char *memory_state_key(unsigned text)
{
	return texts[text].key;
}

enum mmr_frames memory_state_use(uint64_t flags)
{
	const uint64_t nowhere = 1ull << KPF_NOPAGE | 1ull << KPF_HWPOISON | 1ull << KPF_OFFLINE;
	const uint64_t movable = 1ull << KPF_LRU | 1ull << KPF_ANON;
	const uint64_t kernel = 1ull << KPF_PGTABLE | 1ull << KPF_COMPOUND_HEAD |
				1ull << KPF_COMPOUND_TAIL | 1ull << KPF_HUGE;

	if (flags & nowhere)
		return MMR_FRAMES_UNKNOWN;
	if (flags & 1ull << KPF_BUDDY)
		return MMR_FRAMES_FREE;
	if (flags & 1ull << KPF_SLAB)
		return MMR_FRAMES_SLAB;
	if (flags & movable)
		return MMR_FRAMES_MOVABLE;
	return flags & kernel ? MMR_FRAMES_KERNEL : MMR_FRAMES_UNKNOWN;
}

/* As many whole words as the file has there. */
static size_t read_chunk(int fd, uint64_t *flags, uint64_t first)
{
	ssize_t n = pread(fd, flags, CHUNK_FRAMES * sizeof(*flags),
			  (off_t)(first * sizeof(*flags)));

	return n > 0 ? (size_t)n / sizeof(*flags) : 0;
}

/* Reads one chunk into place. False: there is none. */
static bool scan_chunk(struct memory_state *ms, int fd, uint64_t *flags, uint64_t chunk)
{
	uint8_t *use = ms->use + chunk * CHUNK_FRAMES;
	size_t n = read_chunk(fd, flags, chunk * CHUNK_FRAMES);

	if (n == 0)
		return false;
	ms->chunk_ns[chunk] = perf_now_ns();
	memset(use, MMR_FRAMES_UNKNOWN, CHUNK_FRAMES);
	for (size_t i = 0; i < n; i++)
		use[i] = (uint8_t)memory_state_use(flags[i]);
	return true;
}

/* All free, or nowhere: nothing much happens there. */
static bool is_uniform(const struct memory_state *ms, uint64_t chunk)
{
	const uint8_t *use = ms->use + chunk * CHUNK_FRAMES;

	return memcmp(use, use + 1, CHUNK_FRAMES - 1) == 0;
}

/*
 * Large machines have frames by the million: the first pass finds out where memory is in use at all,
 * the second one, which is short, reads that part again, for a state of as few moments as can be.
 */
static void scan_frames(struct memory_state *ms)
{
	uint64_t *flags, nr = 0;
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	flags = xmalloc(CHUNK_FRAMES * sizeof(*flags));
	do {
		ms->use = xrealloc(ms->use, (nr + 1) * CHUNK_FRAMES, 1);
		ms->chunk_ns = xrealloc(ms->chunk_ns, nr + 1, sizeof(*ms->chunk_ns));
	} while (scan_chunk(ms, fd, flags, nr) && ++nr);
	ms->nr_frames = nr * CHUNK_FRAMES;
	for (uint64_t chunk = 0; chunk < nr; chunk++)
		if (!is_uniform(ms, chunk))
			scan_chunk(ms, fd, flags, chunk);
	free(flags);
	close(fd);
}

uint64_t memory_state_texts(struct memory_state *ms)
{
	uint64_t before = perf_now_ns(), after = before;

	for (unsigned i = 0; i < MEMORY_STATE_TEXTS; i++) {
		strbuf_finish(&ms->text[i]);
		ms->text[i] = (struct strbuf){0};
		if (host_counters(texts[i].scope, 0, &ms->text[i]))
			ms->text[i].len = 0;
		if (i == 0)
			after = perf_now_ns();
	}
	return before + (after - before) / 2;
}

void memory_state_take(struct memory_state *ms, bool frames)
{
	memset(ms, 0, sizeof(*ms));
	if (frames)
		scan_frames(ms);
	ms->begin_ns = memory_state_texts(ms);
}

void memory_state_finish(struct memory_state *ms)
{
	free(ms->use);
	free(ms->chunk_ns);
	for (unsigned i = 0; i < MEMORY_STATE_TEXTS; i++)
		strbuf_finish(&ms->text[i]);
	memset(ms, 0, sizeof(*ms));
}

/* The use of frames that an event named after they had been looked at. */
static void set_use(struct memory_state *ms, uint64_t pfn, uint64_t order, uint64_t time_ns,
		    enum mmr_frames use)
{
	if (order > MAX_ORDER)
		return;
	for (uint64_t i = 0; i < 1ull << order && pfn + i < ms->nr_frames; i++)
		if (time_ns >= ms->chunk_ns[(pfn + i) / CHUNK_FRAMES])
			ms->use[pfn + i] = (uint8_t)use;
}

void memory_state_alloc(struct memory_state *ms, uint64_t pfn, uint64_t order, uint64_t time_ns)
{
	set_use(ms, pfn, order, time_ns, MMR_FRAMES_KERNEL);
}

void memory_state_free(struct memory_state *ms, uint64_t pfn, uint64_t order, uint64_t time_ns)
{
	set_use(ms, pfn, order, time_ns, MMR_FRAMES_UNKNOWN);
}

int memory_state_each(const struct memory_state *ms, memory_state_fn *fn, void *ctx)
{
	uint64_t at = 0, end;
	int ret = 0;

	for (; ret == 0 && at < ms->nr_frames; at = end) {
		for (end = at + 1; end < ms->nr_frames && ms->use[end] == ms->use[at]; end++)
			;
		if (ms->use[at] != MMR_FRAMES_UNKNOWN)
			ret = fn(ctx, at, end - at, (enum mmr_frames)ms->use[at]);
	}
	return ret;
}
