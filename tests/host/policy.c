/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Sets memory policies in every way that one node allows, and spoils each mask right after the call: who reads it later reads
 * something else. With "wait" as argument it then writes a line and waits for its standard input to end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PREFERRED = 1, BIND = 2, INTERLEAVE = 3, PREFERRED_MANY = 5, STATIC_NODES = 1 << 15 };

static unsigned long *mask;

static void *masked(unsigned long nodes)
{
	mask[0] = nodes;
	mask[1] = mask[2] = 0;
	return mask;
}

static void check(long ret)
{
	if (ret) {
		perror("policy");
		exit(1);
	}
	memset(mask, 0xff, 24);
}

int main(int argc, char **argv)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long other = 1;

	mask = malloc(24);
	if (p == MAP_FAILED || !mask)
		return 1;
	check(syscall(SYS_set_mempolicy, INTERLEAVE, masked(1), 65));
	memset(p, 1, 1 << 20);
	check(syscall(SYS_mbind, p, 8192, BIND, masked(3), 3, 0));
	check(syscall(SYS_mbind, p + 65536, 8192, PREFERRED_MANY | STATIC_NODES, masked(7), 130, 2));
	check(syscall(SYS_set_mempolicy_home_node, p + 65536, 4096, 0, 0));
	check(syscall(SYS_mbind, p + 16384, 4096, PREFERRED, NULL, 0, 0));
	check(syscall(SYS_migrate_pages, 0, 65, masked(1), &other));
	if (argc > 1 && !strcmp(argv[1], "wait")) {
		puts("ready");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	return 0;
}
