/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Under a sanitizer, which has the region for itself and faults when it likes, the model alone
 * runs.
 *
 * Usage: vma-oracle [SEED [RUNS [OPERATIONS]]]: runs that many seeds from SEED on. Exits 1 at the
 * first difference that the kernel shows again, 77 where the kernel differs from the one that the
 * model follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "oracle.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
	__has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *const kind_names[] = {"mmap",	 "munmap",	"mprotect",	 "mremap",
					 "madvise",	 "mbind",	"home-node",	 "migrate-pages",
					 "mlock",	 "mlock-onfault", "munlock",
					 "mlock-future", "munlockall",	"brk",		 "read",
					 "write",	 "fork-switch", "fork-write"};

static void print_op(const struct op *op)
{
	printf("%s %#llx len %#llx prot %#llx flags %#llx file %d pgoff %llu new %#llx len %#llx",
	       kind_names[op->kind], (unsigned long long)op->addr, (unsigned long long)op->len,
	       (unsigned long long)op->prot, (unsigned long long)op->flags, op->file,
	       (unsigned long long)op->pgoff, (unsigned long long)op->new_addr,
	       (unsigned long long)op->new_len);
}

static void print_area(const char *side, const struct area *a)
{
	printf("  %-6s %#llx-%#llx pgoff %llu rss %llu %s flags", side, (unsigned long long)a->start,
	       (unsigned long long)a->end, (unsigned long long)a->pgoff,
	       (unsigned long long)a->rss_pages, a->policy);
	for (unsigned i = 0; i < nr_flag_names; i++)
		if (a->flags & 1ull << i)
			printf(" %s", flag_names[i].name);
	printf("\n");
}

static bool same_result(const struct op *op, const struct op_result *a, const struct op_result *b)
{
	bool forks = op->kind == OP_FORK_SWITCH || op->kind == OP_FORK_WRITE;
	bool touch = op->kind == OP_READ || op->kind == OP_WRITE;

	if (a->ret != b->ret)
		return false;
	/* Forks, and the way out of a signal, have faults of their own. */
	return forks || (touch && a->ret) || (a->minflt == b->minflt && a->majflt == b->majflt);
}

/* The number of the first operation whose results differ, nr_ops when none does. */
static unsigned first_difference(const struct op *ops, unsigned nr_ops, const struct outcome *model,
				 const struct outcome *real)
{
	unsigned i = 0;

	while (i < nr_ops && i < real->done &&
	       same_result(&ops[i], &model->results[i], &real->results[i]))
		i++;
	return i;
}

static bool same_areas(const struct outcome *a, const struct outcome *b)
{
	return a->nr_areas == b->nr_areas &&
	       !memcmp(a->areas, b->areas, a->nr_areas * sizeof(a->areas[0])) &&
	       a->pgtable_kib == b->pgtable_kib;
}

static bool same(const struct op *ops, unsigned nr_ops, const struct outcome *model,
		 const struct outcome *real)
{
	return first_difference(ops, nr_ops, model, real) == nr_ops && same_areas(model, real);
}

static void report(uint64_t seed, const struct op *ops, unsigned nr_ops,
		   const struct outcome *model, const struct outcome *real)
{
	unsigned at = first_difference(ops, nr_ops, model, real);

	printf("seed %llu, %u operations: model and kernel differ\n", (unsigned long long)seed,
	       nr_ops);
	for (unsigned i = 0; i < nr_ops && i <= at; i++) {
		const struct op_result *m = &model->results[i], *r = &real->results[i];

		printf("%c%3u ", i == at ? '>' : ' ', i);
		print_op(&ops[i]);
		printf(" = model %lld (%u+%u) kernel %lld (%u+%u)\n", (long long)m->ret, m->minflt,
		       m->majflt, (long long)r->ret, r->minflt, r->majflt);
	}
	for (unsigned i = 0; i < model->nr_areas || i < real->nr_areas; i++) {
		const struct area *m = &model->areas[i], *r = &real->areas[i];

		if (i < model->nr_areas)
			print_area("model", m);
		if (i < real->nr_areas && (i >= model->nr_areas || memcmp(m, r, sizeof(*m))))
			print_area("kernel", r);
	}
	printf("page tables: model %llu KiB, kernel %llu KiB\n",
	       (unsigned long long)model->pgtable_kib, (unsigned long long)real->pgtable_kib);
}

/* The shortest beginning of the operations that shows a difference. */
static void shrink(uint64_t seed, unsigned nr_ops, struct abilities can, struct op *ops,
		   struct outcome *model, struct outcome *real)
{
	for (unsigned n = 1; n <= nr_ops; n++) {
		generate(seed, n, can, ops, model);
		if (!run_real(ops, n, can, real) || !same(ops, n, model, real)) {
			report(seed, ops, n, model, real);
			return;
		}
	}
}

static int skip(const char *why)
{
	printf("skipped: %s\n", why);
	return 77;
}

/*
 * Where the kernel differs from the model: the first seed. `end` when nowhere; 0 when this host
 * cannot.
 */
static uint64_t first_seed_that_differs(uint64_t seed, uint64_t end, unsigned nr_ops,
					struct op *ops, struct outcome *model, struct outcome *real)
{
	struct abilities can = {.brk = !SANITIZED && can_move_heap(), .numa = SANITIZED || can_numa()};

	for (; seed < end; seed++) {
		generate(seed, nr_ops, can, ops, model);
		if (SANITIZED)
			continue;
		if (!run_real(ops, nr_ops, can, real))
			return 0;
		/* Once more: khugepaged or writeback may have had a hand in it. */
		if (same(ops, nr_ops, model, real) ||
		    (run_real(ops, nr_ops, can, real) && same(ops, nr_ops, model, real)))
			continue;
		shrink(seed, nr_ops, can, ops, model, real);
		break;
	}
	if (seed == end)
		printf("seeds up to %llu, %u operations each%s%s%s: no difference\n",
		       (unsigned long long)end - 1, nr_ops, can.brk ? "" : ", without brk",
		       can.numa ? "" : ", without memory policies",
		       SANITIZED ? ", the model alone" : "");
	return seed;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1, differs;
	uint64_t end = seed + (argc > 2 ? strtoull(argv[2], NULL, 0) : 200);
	unsigned nr_ops = argc > 3 ? (unsigned)atoi(argv[3]) : 60;
	int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE;
	struct op *ops = mmap(NULL, MAX_OPS * sizeof(*ops), prot, flags, -1, 0);
	struct outcome *real = mmap(NULL, sizeof(*real), prot, flags, -1, 0);
	struct outcome *model = mmap(NULL, sizeof(*model), prot, flags, -1, 0);
	struct utsname uts;

	if (uname(&uts) || strcmp(uts.machine, "x86_64") || atof(uts.release) < 6.14)
		return skip("not an x86-64 kernel from 6.14 on");
	if (ops == MAP_FAILED || real == MAP_FAILED || model == MAP_FAILED || nr_ops > MAX_OPS ||
	    !seed)
		return skip("no memory, too many operations, or seed 0");
	differs = first_seed_that_differs(seed, end, nr_ops, ops, model, real);
	if (!differs)
		return skip("no place for a file, or no process");
	return differs == end ? 0 : 1;
}
