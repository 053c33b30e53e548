/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A program whose faults are known: maps NR pages and touches each (touch), or lets the kernel do
 * it (populate, futex), or does so in a child, in a thread, beside threads; or prints its process
 * id and waits.
 *
 * usage: touch (touch|populate|futex|fork|thread|idle|wait) [NR]
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t nr = 1000;

static void *touch(void *arg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *p =
		mmap(NULL, nr * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	madvise((void *)p, nr * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < nr; i++)
		p[i * page] = 1;
	return arg;
}

/* A shared futex on each page: the kernel takes the fault itself. */
static void futex(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, nr * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	madvise(p, nr * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < nr; i++)
		syscall(SYS_futex, p + i * page, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void populate(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (mmap(NULL, nr * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
		exit(1);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "touch";
	pthread_t thread;

	if (argc > 2)
		nr = strtoul(argv[2], NULL, 10);
	if (!strcmp(mode, "touch")) {
		touch(NULL);
	} else if (!strcmp(mode, "populate")) {
		populate();
	} else if (!strcmp(mode, "futex")) {
		futex();
	} else if (!strcmp(mode, "fork")) {
		if (fork() == 0) {
			touch(NULL);
			_exit(0);
		}
		wait(NULL);
	} else if (!strcmp(mode, "idle")) {
		/* exit while threads still run: the leader may be the first to go */
		for (int i = 0; i < 5; i++)
			pthread_create(&thread, NULL, idle, NULL);
		touch(NULL);
	} else if (!strcmp(mode, "thread")) {
		pthread_create(&thread, NULL, touch, NULL);
		pthread_join(thread, NULL);
	} else {
		printf("waiting %d\n", (int)getpid());
		fflush(stdout);
		for (;;)
			pause();
	}
	return 0;
}
