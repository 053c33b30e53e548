/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a watcher of accesses may get wrong: instructions and data that straddle pages, string instructions, both kinds of
 * access to one page in either order, signals, atomics, vectors. With an argument: threads and a child, too.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 64
#define PAGE 4096

static volatile int nr_signals;
static char *area;

static void on_signal(int sig)
{
	(void)sig;
	nr_signals++;
}

/* Twelve bytes of code laid across a page's end: add, add, add, ret. */
static int straddling_code(void)
{
	static const unsigned char code[] = { 0x8d, 0x84, 0x37, 0x01, 0x00, 0x00, 0x00,	/* lea 1(rdi,rsi),eax */
					      0x05, 0x02, 0x00, 0x00, 0x00, 0xc3 };
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int sum = 0;

	for (unsigned at = 1; at < sizeof(code); at++) {
		int (*fn)(int, int) = (int (*)(int, int))(uintptr_t)(page + PAGE - at);

		memcpy(page + PAGE - at, code, sizeof(code));
		__builtin___clear_cache(page, page + 2 * PAGE);
		sum += fn(at, 2);
	}
	munmap(page, 2 * PAGE);
	return sum;
}

static uint64_t data(void)
{
	uint64_t sum = 0, word;

	memset(area, 3, PAGES * PAGE);
	memmove(area + 5, area, PAGES * PAGE / 2);
	for (unsigned i = 1; i < PAGES; i++) {
		for (unsigned off = 1; off < 8; off++) {
			memcpy(&word, area + i * PAGE - off, 8);
			sum += word;
			word++;
			memcpy(area + i * PAGE - off, &word, 8);
		}
		__atomic_fetch_add((uint32_t *)(area + i * PAGE + 64), i, __ATOMIC_SEQ_CST);
		area[i * PAGE + 100] = area[i * PAGE + 99];
		area[(i - 1) * PAGE + 200] += area[i * PAGE + 201];
	}
	area[PAGES * PAGE - 1] = 0;
	return sum + strlen(area + 77 * 3);
}

static void *thread(void *arg)
{
	char *mine = malloc(1 << 20);

	memset(mine, 1, 1 << 20);
	for (unsigned i = 0; i < 100000; i++)
		mine[i % (1 << 20)] += mine[i * 7919 % (1 << 20)];
	free(mine);
	return arg;
}

int main(int argc, char **argv)
{
	uint64_t sum;
	pid_t child;

	(void)argv;
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	signal(SIGUSR1, on_signal);
	sum = data() + (uint64_t)straddling_code();
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	if (argc > 1) {
		pthread_t t[3];

		for (int i = 0; i < 3; i++)
			pthread_create(&t[i], NULL, thread, NULL);
		for (int i = 0; i < 3; i++)
			pthread_join(t[i], NULL);
	}
	if (argc > 1) {
		child = fork();
		if (child == 0) {
			memset(area, 9, 3 * PAGE);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
	printf("%llu %d\n", (unsigned long long)sum, nr_signals);
	return 0;
}
