/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Do the model's checks find mistakes? Each row of mm/seeded_bug.h is switched on in turn, on a small trace; it goes wrong once,
 * and the walk after that event (run --check-every=1) must say so. With none switched on no walk may find anything.
 *
 * The traces: a process with twice the memory that its group may have, files, a child that copies, locked memory; the
 * same with generations; one with huge pages. Linked with a build of mm/ that has the mistakes: -Dmm_debug, or one of
 * this test's own.
 */
#include "support/test.h"
#include "support/dies.h"
#include "support/trace-mem.h"

#include <sys/mman.h>

#include <errno.h>

#include "mm/seeded_bug.h"
#include "sim/replay.h"

#define BASE	0x7f0000000000ull
#define FILE_AT 0x7f0100000000ull
#define PAGE	4096ull
#define MIB	(1ull << 20)

/* ---- traces ---- */

struct trace {
	struct mem_file file;
	struct mmr_writer *w;
};

static void put(struct trace *t, struct mmr_event ev)
{
	struct mmr_error err = {.text = ""};

	if (mmr_writer_event(t->w, &ev, &err))
		fail_msg("%s", err.text);
}

static void touch(struct trace *t, uint32_t task, uint64_t addr, uint64_t nr, uint64_t step, bool write)
{
	for (uint64_t i = 0; i < nr; i++) {
		struct mmr_run run = {.page = (addr >> 12) + i * step, .nr_reads = !write, .nr_writes = write};
		struct mmr_error err = {.text = ""};

		run.page |= write ? MMR_RUN_WRITE_FIRST : 0;
		if (mmr_writer_runs(t->w, task, 0, 0, &run, 1, &err))
			fail_msg("%s", err.text);
		/* an event ends the batch: walks come more often */
		if (i % 64 == 63)
			put(t, (struct mmr_event){.kind = MMR_MARK, .task = task});
	}
}

static void map(struct trace *t, uint64_t addr, uint64_t len, uint32_t file, int flags)
{
	struct mmr_event ev = {.kind = MMR_MMAP, .task = 1};

	ev.MMAP.addr = addr;
	ev.MMAP.len = len;
	ev.MMAP.prot = PROT_READ | PROT_WRITE;
	ev.MMAP.flags = (uint64_t)flags;
	ev.MMAP.file = file;
	put(t, ev);
}

static void unmap(struct trace *t, uint64_t addr, uint64_t len)
{
	struct mmr_event ev = {.kind = MMR_MUNMAP, .task = 1};

	ev.MUNMAP.addr = addr;
	ev.MUNMAP.len = len;
	put(t, ev);
}

static void lock(struct trace *t, uint64_t addr, uint64_t len, bool on)
{
	struct mmr_event ev = {.kind = MMR_MLOCK, .task = 1};

	ev.MLOCK.addr = addr;
	ev.MLOCK.len = len;
	ev.MLOCK.lock = on;
	put(t, ev);
}

static void advise(struct trace *t, uint64_t addr, uint64_t len, int advice)
{
	struct mmr_event ev = {.kind = MMR_MADVISE, .task = 1};

	ev.MADVISE.addr = addr;
	ev.MADVISE.len = len;
	ev.MADVISE.advice = (uint64_t)advice;
	put(t, ev);
}

static void a_file(struct trace *t, uint32_t file, uint64_t size)
{
	struct mmr_event ev = {.kind = MMR_FILE, .task = 1, .data = "/file", .data_len = 5};

	ev.FILE.file = ev.FILE.ino = file;
	ev.FILE.size = size;
	put(t, ev);
}

static void truncate_file(struct trace *t, uint32_t file, uint64_t size)
{
	struct mmr_event ev = {.kind = MMR_TRUNCATE, .task = 1};

	ev.TRUNCATE.file = file;
	ev.TRUNCATE.size = size;
	put(t, ev);
}

static void sync_files(struct trace *t)
{
	put(t, (struct mmr_event){.kind = MMR_FSYNC, .task = 1});
}

static void fork_child(struct trace *t, uint32_t child)
{
	struct mmr_event ev = {.kind = MMR_FORK, .task = 1};

	ev.FORK.child = child;
	ev.FORK.tid = ev.FORK.pid = 100 + child;
	ev.FORK.flags = 0x1200011;
	put(t, ev);
}

static void begin(struct trace *t)
{
	static const char meta[] = "{\"basis\": \"exact\", \"machine\": {\"arch\": \"x86_64\", \"cpus\": 2, \"memory_bytes\": "
				   "67108864, \"virtual_address_bits\": 48}}";
	struct mmr_event ev = {.kind = MMR_TASK, .task = 1};
	struct mmr_error err = {.text = ""};

	assert_int_equal(mmr_writer_open_fn(&t->w, mem_write, &t->file, meta, NULL, &err), 0);
	ev.TASK.tid = ev.TASK.pid = 101;
	ev.TASK.mm = 1;
	put(t, ev);
}

static void end(struct trace *t)
{
	struct mmr_error err = {.text = ""};

	put(t, (struct mmr_event){.kind = MMR_EXIT, .task = 1});
	assert_int_equal(mmr_writer_close(t->w, &err), 0);
}

/* More than the group may have, of every kind. */
static void write_pressure(struct trace *t)
{
	begin(t);
	a_file(t, 7, 4 * MIB);
	map(t, BASE, 6 * MIB, 0, MAP_PRIVATE | MAP_ANONYMOUS);
	map(t, FILE_AT, 4 * MIB, 7, MAP_SHARED);
	touch(t, 1, FILE_AT, 64, 1, true);
	advise(t, FILE_AT, 32 * PAGE, MADV_DONTNEED);
	touch(t, 1, BASE, 600, 1, true);
	lock(t, BASE, 64 * PAGE, true);
	touch(t, 1, FILE_AT, 700, 1, true);
	touch(t, 1, BASE, 1536, 1, true);
	touch(t, 1, BASE, 1536, 1, true);
	sync_files(t);
	touch(t, 1, FILE_AT, 1024, 1, false);
	lock(t, BASE, 64 * PAGE, false);
	fork_child(t, 2);
	touch(t, 2, BASE, 400, 2, true);
	touch(t, 1, BASE, 700, 1, true);
	put(t, (struct mmr_event){.kind = MMR_EXIT, .task = 2});
	advise(t, BASE, 128 * PAGE, MADV_DONTNEED);
	unmap(t, FILE_AT, 4 * MIB);
	truncate_file(t, 7, 2 * MIB);
	truncate_file(t, 7, 0);
	unmap(t, BASE, 6 * MIB);
	map(t, BASE, 64 * PAGE, 0, MAP_SHARED | MAP_ANONYMOUS);
	touch(t, 1, BASE, 64, 1, true);
	end(t);
}

static void write_huge(struct trace *t)
{
	begin(t);
	map(t, BASE, 8 * MIB, 0, MAP_PRIVATE | MAP_ANONYMOUS);
	touch(t, 1, BASE, 4, 512, true);
	advise(t, BASE + 16 * PAGE, 16 * PAGE, MADV_DONTNEED);
	fork_child(t, 2);
	touch(t, 2, BASE, 8, 300, true);
	put(t, (struct mmr_event){.kind = MMR_EXIT, .task = 2});
	unmap(t, BASE + 2 * MIB, 2 * MIB);
	end(t);
}

/* Huge pages that are set aside: taken, copied, given back. */
static void write_set_aside(struct trace *t)
{
	begin(t);
	map(t, BASE, 8 * MIB, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
	touch(t, 1, BASE, 3, 512, true);
	advise(t, BASE, 2 * MIB, MADV_DONTNEED);
	touch(t, 1, BASE, 1, 512, true);
	fork_child(t, 2);
	touch(t, 2, BASE, 1, 512, true);
	put(t, (struct mmr_event){.kind = MMR_EXIT, .task = 2});
	unmap(t, BASE, 8 * MIB);
	end(t);
}

/* More huge pages than there are whole blocks. */
static void write_fragmented(struct trace *t)
{
	begin(t);
	map(t, BASE, 16 * MIB, 0, MAP_PRIVATE | MAP_ANONYMOUS);
	touch(t, 1, BASE, 8, 512, true);
	end(t);
}

struct setting {
	const char *key, *value;
};

static const struct workload {
	const char *name;
	void (*write)(struct trace *t);
	struct setting settings[8];
} workloads[] = {
	{"pressure", write_pressure, {{"memcg.max", "4M"}, {"swap.areas", "64M:5:ssd"}, {"thp.enabled", "never"}}},
	{"generations", write_pressure,
	 {{"memcg.max", "4M"}, {"swap.areas", "64M:5:zram"}, {"thp.enabled", "never"}, {"reclaim.policy", "mglru"}}},
	{"huge", write_huge, {{"thp.enabled", "always"}}},
	{"set aside", write_set_aside, {{"hugetlb.hugepages-2048kB.nr_hugepages", "6"}}},
	{"fragmented", write_fragmented,
	 {{"thp.enabled", "always"}, {"thp.defrag", "always"}, {"fragmentation.initial", "aged"},
	  {"fragmentation.initial.degree", "900"}, {"fragmentation.initial.used", "40"}}},
};

/* ---- replays ---- */

enum outcome { NOT_REACHED, UNSEEN, SEEN };

static struct mmr_replay *open_replay(struct trace *t, const struct workload *wl, struct mmr_reader **ret_reader)
{
	struct mmr_error err = {.text = ""};
	struct mmr_replay *r;

	t->file.pos = 0;
	assert_int_equal(mmr_reader_open_fn(ret_reader, mem_read, &t->file, NULL, &err), 0);
	assert_int_equal(mmr_replay_create(&r, *ret_reader, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wl->settings) && wl->settings[i].key; i++)
		if (mmr_replay_set(r, wl->settings[i].key, wl->settings[i].value, &err))
			fail_msg("%s", err.text);
	if (mmr_replay_start(r, &err))
		fail_msg("%s", err.text);
	return r;
}

/* Every event is followed by a walk: nothing may be found. */
static void sound_models_pass(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++) {
		struct trace t = {0};
		struct mmr_reader *reader;
		struct mmr_error err = {.text = ""};
		struct mmr_replay *r;

		workloads[i].write(&t);
		r = open_replay(&t, &workloads[i], &reader);
		mmr_replay_check_every(r, 1);
		if (mmr_replay_run(r, &err))
			fail_msg("%s: %s", workloads[i].name, err.text);
		mmr_replay_destroy(r);
		mmr_reader_close(reader);
		mem_free(&t.file);
	}
}

#ifdef MM_SEEDED_BUGS

static const char *const what[] = {
	"",
#define SEEDED_BUG_WHAT(NAME, text) text,
	SEEDED_BUGS(SEEDED_BUG_WHAT)
#undef SEEDED_BUG_WHAT
};

/* What the child is to do. */
static struct {
	struct trace *trace;
	const struct workload *workload;
	unsigned bug;
} task;

/* Ends the process: the model is broken and cannot be taken down. */
static void seed(void)
{
	struct mmr_error err = {.text = ""};
	struct mmr_reader *reader;
	struct mmr_replay *r = open_replay(task.trace, task.workload, &reader);
	int rc;

	r->mem->seeded_bug = task.bug;
	do
		rc = mmr_replay_step(r, &err);
	while (rc == 1 && !r->mem->seeded_hits);
	if (!r->mem->seeded_hits)
		_exit(NOT_REACHED);
	rc = replay_check(r, &err);
	fprintf(stderr, "%s", err.text);
	_exit(rc == -EUCLEAN ? SEEN : UNSEEN);
}

static enum outcome seed_in_child(struct trace *t, const struct workload *wl, unsigned bug, char *text, size_t size)
{
	int status;

	task.trace = t;
	task.workload = wl;
	task.bug = bug;
	status = run_in_child(seed, text, size);
	return WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : UNSEEN;
}

static void every_mistake_is_found(void **state)
{
	unsigned found = 0, missed = 0;
	struct trace t[ARRAY_SIZE(workloads)] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
		workloads[i].write(&t[i]);
	for (unsigned bug = 1; bug < NR_SEEDED_BUGS; bug++) {
		enum outcome outcome = NOT_REACHED;
		char text[512] = "";

		for (size_t i = 0; i < ARRAY_SIZE(workloads) && outcome == NOT_REACHED; i++)
			outcome = seed_in_child(&t[i], &workloads[i], bug, text, sizeof(text));
		if (outcome == SEEN) {
			assert_non_null(strstr(text, "the model contradicts itself after item "));
			print_message("%s: %s\n", what[bug], text);
			found++;
		} else {
			print_message("%s: %s %s\n", what[bug], outcome == UNSEEN ? "NOT FOUND" : "NEVER HAPPENED", text);
			missed++;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
		mem_free(&t[i].file);
	print_message("%u found, %u not\n", found, missed);
	assert_int_equal(missed, 0);
	assert_true(found >= 20);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_models_pass),
#ifdef MM_SEEDED_BUGS
		cmocka_unit_test(every_mistake_is_found),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
