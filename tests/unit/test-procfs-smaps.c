/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What an area's pages are in smaps and numa_maps: anonymous, of a file, shared after fork, huge; and
 * how long the rows of frames behind them are.
 */
#include "support/test.h"

#include <sys/mman.h>

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/pgtable.h"
#include "mm/zap.h"
#include "report/procfs.h"
#include "sim/contiguity.h"

#define PAGE 4096ull
#define MIB  (1ull << 20)
#define BASE 0x10000000ull

struct world {
	struct mmr_replay r;
	struct memory *mem;
	struct mm_struct *mm;
	struct task_struct *task;
	struct procfs p;
	struct strbuf files[16]; /* "PATH\nTEXT" */
	size_t nr_files;
};

static int keep(void *ctx, const char *path, const char *text, size_t len)
{
	struct world *w = ctx;

	assert_in_range(w->nr_files, 0, 15);
	strbuf_addf(&w->files[w->nr_files], "%s\n", path);
	strbuf_add(&w->files[w->nr_files++], text, len);
	return 0;
}

static void world_init(struct world *w)
{
	*w = (struct world){.mem = memory_create_uma(geometry_find("x86-64"), 2, 512 * MIB)};
	w->mem->conf.thp_enabled = 2;
	w->mm = mm_alloc(w->mem);
	w->task = task_alloc(w->mem, 1);
	w->task->mm = w->mm;
	w->mem->current = w->task;
	w->r.mem = w->mem;
	w->r.meta.basis = MMR_BASIS_EXACT;
	file_names_init(&w->r.file_names);
	procfs_begin(&w->p, &w->r, keep, w);
	w->p.mem = w->mem;
}

static void world_end(struct world *w)
{
	procfs_end(&w->p, "end");
	for (size_t i = 0; i < w->nr_files; i++)
		strbuf_finish(&w->files[i]);
	file_names_finish(&w->r.file_names);
	mmput(w->mm);
	w->mem->current = NULL;
	mapping_finish_all(w->mem);
	memory_destroy(w->mem);
}

static void map_at(struct world *w, uint64_t addr, uint64_t len, uint64_t flags,
		   struct address_space *mapping)
{
	struct mmap_request req = {.addr = addr,
				   .len = len,
				   .prot = PROT_READ | PROT_WRITE,
				   .flags = flags | MAP_FIXED,
				   .mapping = mapping};

	assert_int_equal(do_mmap(w->mm, &req), addr);
}

static void touch(struct world *w, uint64_t addr, uint64_t len, unsigned flags)
{
	for (uint64_t at = addr; at < addr + len; at += PAGE)
		assert_int_equal(do_user_addr_fault(w->mem, at, flags | FAULT_FLAG_USER) & VM_FAULT_ERROR,
				 0);
}

static const char *file_named(const struct world *w, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < w->nr_files; i++)
		if (!strncmp(w->files[i].s, name, len) && w->files[i].s[len] == '\n')
			return w->files[i].s + len + 1;
	fail_msg("no file %s", name);
	return NULL;
}

/* The kB of a line of the area (or rollup) that begins at `addr`. */
static uint64_t kb(const struct world *w, const char *file, uint64_t addr, const char *key)
{
	char head[32], line[32];
	const char *at;

	snprintf(head, sizeof(head), "%08llx-", (unsigned long long)addr);
	snprintf(line, sizeof(line), "\n%s:", key);
	at = strstr(file_named(w, file), head);
	assert_non_null(at);
	at = strstr(at, line);
	assert_non_null(at);
	return strtoull(at + strlen(line), NULL, 10);
}

#define SMAPS "proc/9/smaps"

static void anonymous_memory_is_private_and_dirty(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	map_at(&w, BASE, MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, 8 * PAGE, FAULT_FLAG_WRITE);
	touch(&w, BASE + 16 * PAGE, 4 * PAGE, 0); /* the zero page: nowhere */
	procfs_smaps(&w.p, w.task, 9);
	assert_int_equal(kb(&w, SMAPS, BASE, "Size"), 1024);
	assert_int_equal(kb(&w, SMAPS, BASE, "Rss"), 32);
	assert_int_equal(kb(&w, SMAPS, BASE, "Pss"), 32);
	assert_int_equal(kb(&w, SMAPS, BASE, "Private_Dirty"), 32);
	assert_int_equal(kb(&w, SMAPS, BASE, "Anonymous"), 32);
	assert_int_equal(kb(&w, SMAPS, BASE, "Private_Clean"), 0);
	assert_int_equal(kb(&w, SMAPS, BASE, "AnonHugePages"), 0);
	assert_string_equal(file_named(&w, "proc/9/maps"),
			    "10000000-10100000 rw-p 00000000 00:00 0 \n");
	assert_string_equal(file_named(&w, "proc/9/numa_maps"),
			    "10000000 default anon=8 dirty=8 active=0 N0=8 kernelpagesize_kB=4\n");
	world_end(&w);
}

/* After fork each of the two has half; what one of them writes is its own again. */
static void fork_halves_the_share(void **state)
{
	struct mm_struct *child;
	struct world w;

	(void)state;
	world_init(&w);
	map_at(&w, BASE, MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, 8 * PAGE, FAULT_FLAG_WRITE);
	child = dup_mm(w.mm);
	touch(&w, BASE, 2 * PAGE, FAULT_FLAG_WRITE);
	procfs_smaps(&w.p, w.task, 9);
	assert_int_equal(kb(&w, SMAPS, BASE, "Rss"), 32);
	assert_int_equal(kb(&w, SMAPS, BASE, "Pss"), 8 + 24 / 2);
	assert_int_equal(kb(&w, SMAPS, BASE, "Shared_Dirty"), 24);
	assert_int_equal(kb(&w, SMAPS, BASE, "Private_Dirty"), 8);
	assert_int_equal(kb(&w, "proc/9/smaps_rollup", BASE, "Pss_Anon"), 20);
	assert_non_null(strstr(file_named(&w, "proc/9/numa_maps"), " mapmax=2 "));
	mmput(child);
	world_end(&w);
}

static void file_pages_have_the_name_of_the_file(void **state)
{
	struct address_space *file;
	struct world w;

	(void)state;
	world_init(&w);
	file = mapping_get(w.mem, 7);
	file->size_bytes = MIB;
	assert_true(filemap_populate(w.mem, file, 0, 256, 0));
	file_names_set(&w.r.file_names, 7, 0xfe03, 1234, "/lib/a\nb", 8);
	w.mem->conf.fault_around_bytes = PAGE;
	map_at(&w, BASE, MIB, MAP_PRIVATE, file);
	touch(&w, BASE, 4 * PAGE, 0);
	touch(&w, BASE, PAGE, FAULT_FLAG_WRITE);
	procfs_smaps(&w.p, w.task, 9);
	assert_string_equal(file_named(&w, "proc/9/maps"),
			    "10000000-10100000 rw-p 00000000 fe:03 1234                               "
			    "/lib/a\\012b\n");
	assert_int_equal(kb(&w, SMAPS, BASE, "Rss"), 16);
	assert_int_equal(kb(&w, SMAPS, BASE, "Private_Clean"), 12);
	assert_int_equal(kb(&w, SMAPS, BASE, "Anonymous"), 4);
	assert_int_equal(kb(&w, "proc/9/smaps_rollup", BASE, "Pss_File"), 12);
	assert_non_null(strstr(file_named(&w, "proc/9/numa_maps"),
			       "10000000 default file=/lib/a\\012b anon=1 dirty=1 mapped=4 "));
	mapping_put(w.mem, file);
	world_end(&w);
}

static void huge_pages_count_whole(void **state)
{
	struct world w;
	struct contiguity c;

	(void)state;
	world_init(&w);
	map_at(&w, BASE, 4 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	touch(&w, BASE, PAGE, FAULT_FLAG_WRITE);
	procfs_smaps(&w.p, w.task, 9);
	assert_int_equal(kb(&w, SMAPS, BASE, "Rss"), 2048);
	assert_int_equal(kb(&w, SMAPS, BASE, "AnonHugePages"), 2048);
	assert_int_equal(kb(&w, SMAPS, BASE, "Private_Dirty"), 2048);
	assert_non_null(strstr(file_named(&w, SMAPS), "THPeligible:           1\n"));
	c = contiguity_of(w.mm);
	assert_int_equal(c.runs, 1);
	assert_int_equal(c.runs_by_order[9], 1);
	assert_int_equal(c.pages_by_order[9], 512);
	world_end(&w);
}

/* Rows of frames, page by page. */
static void runs_of_frames_are_counted_by_length(void **state)
{
	uint64_t runs[CONTIGUITY_ORDERS] = {0}, next = 0, len = 0;
	struct contiguity c;
	struct world w;

	(void)state;
	world_init(&w);
	w.mem->conf.thp_enabled = 0;
	map_at(&w, BASE, 4 * MIB, MAP_PRIVATE | MAP_ANONYMOUS, NULL);
	for (uint64_t page = 0; page < 1024; page += 1 + page % 3)
		touch(&w, BASE + (page * 37 % 1024) * PAGE, PAGE, FAULT_FLAG_WRITE);
	for (uint64_t page = 0; page <= 1024; page++) {
		struct pgtable *table;
		unsigned level;
		pte_t pte = page < 1024 ? *pgtable_walk(w.mm, BASE + page * PAGE, &level, &table)
					: (pte_t){0};

		if (len && (!pte_is_leaf(pte) || pte_pfn(pte) != next)) {
			runs[63 - __builtin_clzll(len)]++;
			len = 0;
		}
		if (pte_is_leaf(pte)) {
			len++;
			next = pte_pfn(pte) + 1u;
		}
	}
	c = contiguity_of(w.mm);
	for (unsigned o = 0; o < CONTIGUITY_ORDERS; o++)
		assert_int_equal(c.runs_by_order[o], runs[o]);
	assert_int_equal(c.pages, w.mm->rss_stat[MM_ANONPAGES]);
	procfs_smaps(&w.p, w.task, 9);
	assert_int_equal(kb(&w, SMAPS, BASE, "Rss"), c.pages * 4);
	world_end(&w);
}

static void lists_are_written_as_the_kernel_does(void **state)
{
	uint64_t mask[2] = {0xb, 1};
	struct strbuf sb = {0};

	(void)state;
	procfs_list(&sb, mask, 70);
	assert_string_equal(sb.s, "0-1,3,64");
	strbuf_finish(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous_memory_is_private_and_dirty),
		cmocka_unit_test(fork_halves_the_share),
		cmocka_unit_test(file_pages_have_the_name_of_the_file),
		cmocka_unit_test(huge_pages_count_whole),
		cmocka_unit_test(runs_of_frames_are_counted_by_length),
		cmocka_unit_test(lists_are_written_as_the_kernel_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
