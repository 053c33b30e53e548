/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Small programs with known memory behaviour, one per name, for captures and for native runs beside a replay:
 *
 *	workload NAME [FILE]	FILE: a regular file of 32 MiB for the file workloads
 *
 * It prints `NAME minor major` of the measured region on standard output when WORKLOAD_PRINT is set.
 * Memory is touched with plain stores of one byte per 4 KiB.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define PAGE 4096ul

static const char *file;

static char *map(size_t len, int prot, int flags, int fd)
{
	char *p = mmap(NULL, len, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static char *anon(size_t len, int more)
{
	return map(len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | more, -1);
}

static void write_pages(volatile char *p, size_t len, size_t step)
{
	for (size_t i = 0; i < len; i += step)
		p[i] = 1;
}

static void read_pages(volatile char *p, size_t len, size_t step)
{
	for (size_t i = 0; i < len; i += step)
		(void)p[i];
}

static void touch(void)
{
	write_pages(anon(64 * MIB, 0), 64 * MIB, PAGE);
}

static void populate(void)
{
	anon(64 * MIB, MAP_POPULATE);
}

static void zero_then_write(void)
{
	char *p = anon(32 * MIB, 0);

	read_pages(p, 32 * MIB, PAGE);
	write_pages(p, 32 * MIB, PAGE);
}

static void fork_cow(void)
{
	char *p = anon(32 * MIB, 0);
	pid_t pid;

	write_pages(p, 32 * MIB, PAGE);
	pid = fork();
	if (pid == 0) {
		write_pages(p, 32 * MIB, 2 * PAGE);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	write_pages(p, 32 * MIB, PAGE);
}

static int open_file(void)
{
	int fd = open(file ? file : "", O_RDWR);

	if (fd < 0) {
		perror(file ? file : "workload: name a file");
		exit(1);
	}
	return fd;
}

static void private_file(void)
{
	write_pages(map(32 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, open_file()), 32 * MIB, PAGE);
}

static void hot_file(void)
{
	read_pages(map(32 * MIB, PROT_READ, MAP_PRIVATE, open_file()), 32 * MIB, PAGE);
}

static void shmem(void)
{
	write_pages(map(32 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1), 32 * MIB, PAGE);
}

static void shmem_read_first(void)
{
	char *p = map(8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);

	read_pages(p, 8 * MIB, PAGE);
	write_pages(p, 8 * MIB, PAGE);
}

static void thp(void)
{
	char *p = anon(66 * MIB, 0);

	p = (char *)(((uintptr_t)p + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(p, 64 * MIB, MADV_HUGEPAGE);
	write_pages(p, 64 * MIB, PAGE);
}

static void thp_fork(void)
{
	char *p = anon(18 * MIB, 0);
	pid_t pid;

	p = (char *)(((uintptr_t)p + 2 * MIB - 1) & ~(2 * MIB - 1));
	madvise(p, 16 * MIB, MADV_HUGEPAGE);
	read_pages(p, 4 * MIB, PAGE);
	write_pages(p, 16 * MIB, PAGE);
	pid = fork();
	if (pid == 0) {
		write_pages(p, 16 * MIB, 64 * PAGE);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	write_pages(p, 16 * MIB, PAGE);
	munmap(p + 3 * MIB, 2 * MIB);
}

static void mprotect_split(void)
{
	char *p = anon(8 * MIB, 0);

	write_pages(p, 8 * MIB, PAGE);
	for (size_t i = 0; i < 8 * MIB; i += 2 * PAGE)
		mprotect(p + i, PAGE, PROT_READ);
}

static void mprotect_back(void)
{
	char *p = anon(8 * MIB, 0);

	write_pages(p, 8 * MIB, PAGE);
	mprotect(p, 8 * MIB, PROT_READ);
	mprotect(p, 8 * MIB, PROT_READ | PROT_WRITE);
	write_pages(p, 8 * MIB, PAGE);
	mprotect(p, 4 * MIB, PROT_NONE);
	mprotect(p, 4 * MIB, PROT_READ | PROT_WRITE);
	write_pages(p, 8 * MIB, PAGE);
}

static void mremap_brk(void)
{
	char *p = anon(8 * MIB, 0), *heap;

	write_pages(p, 8 * MIB, PAGE);
	p = mremap(p, 8 * MIB, 16 * MIB, MREMAP_MAYMOVE);
	write_pages(p, 16 * MIB, PAGE);
	mremap(p, 16 * MIB, 4 * MIB, 0);
	heap = sbrk(8 * MIB);
	write_pages(heap, 8 * MIB, PAGE);
	sbrk(-(intptr_t)(4 * MIB));
}

static void dontneed(void)
{
	char *p = anon(16 * MIB, 0);

	for (int i = 0; i < 4; i++) {
		write_pages(p, 16 * MIB, PAGE);
		madvise(p, 16 * MIB, MADV_DONTNEED);
	}
}

static void lock(void)
{
	char *p = anon(8 * MIB, 0);

	mlock(p, 8 * MIB);
	munlock(p + 2 * MIB, MIB);
	munmap(p + 4 * MIB, MIB);
}

static int recurse(int depth)
{
	volatile char frame[2 * PAGE];

	frame[0] = (char)depth;
	return depth ? recurse(depth - 1) + frame[0] : 0;
}

static void stack(void)
{
	recurse(500);
}

static void kernel_copies(void)
{
	char *p = anon(8 * MIB, 0);
	int fd = open_file();

	for (int i = 0; i < 8; i++)
		if (pread(fd, p + (size_t)i * MIB, MIB, (off_t)((size_t)i * MIB)) != (ssize_t)MIB)
			exit(1);
}

static const struct {
	const char *name;
	void (*run)(void);
} workloads[] = {
	{ "touch", touch },
	{ "populate", populate },
	{ "zero_then_write", zero_then_write },
	{ "fork_cow", fork_cow },
	{ "private_file", private_file },
	{ "hot_file", hot_file },
	{ "shmem", shmem },
	{ "shmem_read_first", shmem_read_first },
	{ "thp", thp },
	{ "thp_fork", thp_fork },
	{ "mprotect_split", mprotect_split },
	{ "mprotect_back", mprotect_back },
	{ "mremap_brk", mremap_brk },
	{ "dontneed", dontneed },
	{ "lock", lock },
	{ "stack", stack },
	{ "kernel_copies", kernel_copies },
};

int main(int argc, char **argv)
{
	struct rusage before, after;

	file = argc > 2 ? argv[2] : NULL;
	for (size_t i = 0; argc > 1 && i < sizeof(workloads) / sizeof(*workloads); i++) {
		if (strcmp(argv[1], workloads[i].name) != 0)
			continue;
		getrusage(RUSAGE_SELF, &before);
		workloads[i].run();
		getrusage(RUSAGE_SELF, &after);
		if (getenv("WORKLOAD_PRINT"))
			printf("%s %ld %ld\n", argv[1], after.ru_minflt - before.ru_minflt,
			       after.ru_majflt - before.ru_majflt);
		return 0;
	}
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		fprintf(stderr, "%s\n", workloads[i].name);
	return 2;
}
