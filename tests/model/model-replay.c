/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Random events, sensible and hostile, replayed with the whole model checked as it goes. Whatever a
 * trace says, the replay ends, the model does not contradict itself, and the second replay gives
 * the same bytes.
 */
#include "support/test.h"
#include "support/trace-mem.h"

#include <stdbool.h>
#include <sys/mman.h>

#include <mmreplay/report.h>

#include "base/rng.h"

#define MAX_TASKS 8
#define MAX_FILES 6
#define BASE	  0x7f0000000000ull
#define PAGES	  2048 /* sensible addresses: 8 MiB */

static const char *const metadata[] = {
	"{\"basis\": \"exact\", \"machine\": {\"arch\": \"x86_64\", \"cpus\": 3, \"memory_bytes\": 67108864,"
	" \"virtual_address_bits\": 48}, \"memory\": {\"thp\": {\"enabled\": \"always\"}}}",
	"{\"basis\": \"faults\", \"machine\": {\"arch\": \"x86_64\", \"cpus\": 1, \"memory_bytes\": 67108864,"
	" \"virtual_address_bits\": 48, \"cpu_vendor\": \"AuthenticAMD\"}}",
};

static uint64_t any_u64(struct rng *rng)
{
	unsigned shift = (unsigned)rng_below(rng, 65);

	return shift == 64 ? 0 : rng_u64(rng) >> shift;
}

static uint64_t some_addr(struct rng *rng)
{
	return BASE + rng_below(rng, PAGES) * 4096 + (rng_below(rng, 4) ? 0 : rng_below(rng, 4096));
}

static uint64_t some_len(struct rng *rng)
{
	return (1 + rng_below(rng, rng_below(rng, 8) ? 32 : PAGES)) * 4096;
}

/* What a field of that name usually holds. */
static uint64_t sensible(struct rng *rng, const char *name, unsigned kind)
{
	static const uint64_t advices[] = {0,  1,  2,  3,  4,  8,  9,  10, 11, 14,
					   15, 18, 19, 20, 21, 22, 23, 24, 25};
	static const uint64_t maps[] = {0x21, 0x22, 0x22,   0x22,   0x32,  0x31,   0x1,
					0x2,  0x12, 0x8022, 0x2022, 0x122, 0x4022, 0x40022};

	if (!strcmp(name, "addr") || !strcmp(name, "ret") || !strcmp(name, "end") ||
	    !strcmp(name, "brk") || !strcmp(name, "start"))
		return some_addr(rng) & ~(rng_below(rng, 8) ? 4095ull : 0);
	if (!strcmp(name, "len") || !strcmp(name, "old_len") || !strcmp(name, "new_len") ||
	    !strcmp(name, "size"))
		return some_len(rng);
	if (!strcmp(name, "prot"))
		return rng_below(rng, 8);
	if (!strcmp(name, "file"))
		return rng_below(rng, MAX_FILES);
	if (!strcmp(name, "child") || !strcmp(name, "mm"))
		return 1 + rng_below(rng, MAX_TASKS);
	if (!strcmp(name, "advice"))
		return advices[rng_below(rng, sizeof(advices) / sizeof(advices[0]))];
	if (!strcmp(name, "order"))
		return rng_below(rng, 8) ? rng_below(rng, 5) : 255;
	if (!strcmp(name, "nr") || !strcmp(name, "index"))
		return rng_below(rng, 64);
	if (!strcmp(name, "offset"))
		return rng_below(rng, 64) * 4096;
	if (!strcmp(name, "flags") && (kind == MMR_MMAP || kind == MMR_VMA))
		return maps[rng_below(rng, sizeof(maps) / sizeof(maps[0]))] |
		       (kind == MMR_VMA ? rng_below(rng, 16) << 40 : 0);
	if (!strcmp(name, "flags") && kind == MMR_FORK)
		return rng_below(rng, 3) ? 0x1200011 : rng_below(rng, 2) ? 0x3d0f00 : 0x4111;
	return rng_below(rng, 64);
}

static void random_event(struct rng *rng, struct mmr_event *ev, unsigned hostile)
{
	static const unsigned likely_kinds[] = {
		MMR_FAULT, MMR_FAULT,	 MMR_FAULT,	 MMR_KTOUCH, MMR_MMAP,
		MMR_MMAP,  MMR_MUNMAP,	 MMR_MPROTECT,	 MMR_MREMAP, MMR_MADVISE,
		MMR_FORK,  MMR_RESIDENT, MMR_FILE_CACHE, MMR_BRK,    MMR_MLOCK};
	const struct mmr_kind_info *kinds, *info;
	size_t nr;

	kinds = mmr_kinds(&nr);
	do {
		info = rng_below(rng, 4) ? mmr_kind_info(likely_kinds[rng_below(rng, 15)])
					 : &kinds[rng_below(rng, nr)];
	} while (info->kind == MMR_RUNS || (info->kind == MMR_EXIT && rng_below(rng, 3)));
	memset(ev, 0, sizeof(*ev));
	ev->kind = info->kind;
	ev->cpu = (uint16_t)rng_below(rng, hostile ? 70000 : 4);
	ev->task = (uint32_t)(rng_below(rng, 100) < hostile ? any_u64(rng)
							    : 1 + rng_below(rng, MAX_TASKS));
	ev->time_ns = rng_below(rng, 1000000);
	for (unsigned i = 0; i < info->nr_fields; i++)
		ev->arg[i] = rng_below(rng, 100) < hostile
				     ? any_u64(rng)
				     : sensible(rng, info->fields[i].name, info->kind);
	if (rng_below(rng, 4) == 0) {
		ev->data = "min_flt 5\nrss 99999999999999999999999\n\n[vdso]";
		ev->data_len = (uint32_t)rng_below(rng, 40);
	}
}

static void random_runs(struct rng *rng, struct mmr_writer *w)
{
	struct mmr_run runs[32];
	struct mmr_error err;

	for (unsigned i = 0; i < 32; i++) {
		uint16_t first = (uint16_t)(1 + rng_below(rng, 9)),
			 other = (uint16_t)rng_below(rng, 5);
		bool insn = rng_below(rng, 8) == 0, write_first = !insn && rng_below(rng, 2);

		other = insn ? 0 : other;
		runs[i] = (struct mmr_run){
			.page = some_addr(rng) >> 12 | (insn ? MMR_RUN_INSN : 0) |
				(write_first ? MMR_RUN_WRITE_FIRST : 0),
			.nr_reads = write_first ? other : first,
			.nr_writes = write_first ? first : other,
			.other_at = other ? (uint16_t)(1 + rng_below(rng, first)) : 0,
		};
	}
	assert_int_equal(mmr_writer_runs(w, (uint32_t)(1 + rng_below(rng, MAX_TASKS)),
					 (uint16_t)rng_below(rng, 4), 0, runs, 32, &err),
			 0);
}

/* One trace out of a seed. hostile: percent of fields that hold anything at all. */
static void write_trace(struct mem_file *f, uint64_t seed, uint64_t nr, const char *meta,
			unsigned hostile)
{
	struct mmr_writer *w;
	struct mmr_error err;
	struct mmr_event ev;
	struct rng rng;

	rng_seed(&rng, seed);
	assert_int_equal(mmr_writer_open_fn(&w, mem_write, f, meta, NULL, &err), 0);
	for (uint64_t i = 0; i < nr; i++) {
		if (rng_below(&rng, 6) == 0) {
			random_runs(&rng, w);
			continue;
		}
		random_event(&rng, &ev, hostile);
		assert_int_equal(mmr_writer_event(w, &ev, &err), 0);
	}
	assert_int_equal(mmr_writer_close(w, &err), 0);
}

/* Memory under pressure: limits of groups, swap of several kinds, both policies of reclaim, little memory. */
static const char *const pressures[][6] = {
	{NULL},
	{"memcg.max=2M", "swap.areas=16M"},
	{"memcg.max=1M", "memcg.version=v1", "memcg.swap_max=3M", "swap.areas=16M:0:ssd"},
	{"memcg.max=3M", "reclaim.policy=mglru", "swap.areas=16M:0:zram"},
	{"memcg.max=2M"},
	{"memcg.high=1M", "memcg.max=4M", "swap.areas=2M", "memcg.oom_group=on"},
	{"memcg.group.a.max=1M", "memcg.group.a.processes=1,3,5,7", "memcg.group.b.low=2M", "memcg.group.b.processes=2,4,6",
	 "memcg.max=3M", "swap.areas=16M"},
	{"machine.memory=32M", "swap.areas=16M"},
	{"machine.memory=32M", "reclaim.policy=mglru", "memcg.enabled=on"},
};
#define NR_PRESSURES (sizeof(pressures) / sizeof(pressures[0]))

static void set_all(struct mmr_replay *r, const char *const *settings)
{
	for (unsigned i = 0; i < 6 && settings[i]; i++) {
		const char *equals = strchr(settings[i], '=');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)(equals - settings[i]), settings[i]);
		assert_int_equal(mmr_replay_set(r, key, equals + 1, NULL), 0);
	}
	mmr_replay_force(r);
}

static char *replay(struct mem_file *f, uint64_t check_every, const char *const *settings)
{
	struct mmr_reader *reader;
	struct mmr_replay *r;
	struct mmr_error err = {.text = ""};
	char *json;
	int rc;

	f->pos = 0;
	assert_int_equal(mmr_reader_open_fn(&reader, mem_read, f, NULL, &err), 0);
	assert_int_equal(mmr_replay_create(&r, reader, &err), 0);
	mmr_replay_check_every(r, check_every);
	set_all(r, settings);
	rc = mmr_replay_run(r, &err);
	if (rc)
		print_error("%s\n", err.text);
	assert_int_equal(rc, 0);
	json = mmr_report_json(r);
	mmr_replay_destroy(r);
	mmr_reader_close(reader);
	return json;
}

/* A figure of the result: the test must not be one of nothing. */
static uint64_t figure(const char *json, const char *key)
{
	const char *at = strstr(json, key);

	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 10);
}

/* Returns faults. */
static uint64_t run_one(uint64_t seed, unsigned hostile, const char *const *settings)
{
	struct mem_file f = {0};
	char *checked, *plain;
	uint64_t faults;

	write_trace(&f, seed, test_ops(600), metadata[seed % 2], hostile);
	checked = replay(&f, 40, settings);
	plain = replay(&f, 0, settings);
	assert_string_equal(checked, plain);
	faults = figure(checked, "\"pgfault\": ");
	free(checked);
	free(plain);
	mem_free(&f);
	return faults;
}

static void test_sensible(void **state)
{
	uint64_t seed = test_seed(), faults = 0;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		faults += run_one(seed * 1000 + i, 0, pressures[0]);
	print_message("%llu faults\n", (unsigned long long)faults);
	assert_true(faults > 10000);
}

static void test_hostile(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		run_one(seed * 1000 + i, i % 2 ? 5 : 50, pressures[0]);
}

static void test_pressure(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned i = 0; i < 2 * NR_PRESSURES; i++)
		run_one(seed * 1000 + i, i < NR_PRESSURES ? 0 : 20, pressures[i % NR_PRESSURES]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sensible),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_pressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
