/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * How slub cuts slabs, against /proc/slabinfo of the kernel that runs: objects and pages a slab of
 * every cache that is there, and on 6.18 the sizes of the model's own caches. Needs root, 4K pages
 * and x86-64; 77 where that is not so, or where the command line tunes slub.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "mm/memory.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

#define SKIP 77

struct row {
	char name[64];
	unsigned size, objperslab, pagesperslab;
};

/* The first line of a file; empty when it cannot be read. */
static void read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");

	if (!f || !fgets(buf, (int)size, f))
		buf[0] = '\0';
	if (f)
		fclose(f);
}

/* "0-3,8": the last number + 1 */
static unsigned nr_of_list(const char *path)
{
	char buf[256];
	size_t at;

	read_line(path, buf, sizeof(buf));
	at = strcspn(buf, "\n");
	while (at && strchr("0123456789", buf[at - 1]))
		at--;
	return (unsigned)strtoul(buf + at, NULL, 10) + 1;
}

static bool read_row(FILE *f, struct row *row)
{
	char line[512];

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %*u %*u %u %u %u", row->name, &row->size, &row->objperslab,
			   &row->pagesperslab) == 4)
			return true;
	return false;
}

static bool same(const char *what, const struct row *row, struct kmem_cache *cache, bool with_size)
{
	struct kmem_cache_stats s;

	kmem_cache_stats(cache, &s);
	if (s.objperslab == row->objperslab && s.pagesperslab == row->pagesperslab &&
	    (!with_size || s.size == row->size))
		return true;
	printf("%s %s: the kernel has %u bytes, %u objects in %u pages; the model %u, %u in %u\n", what,
	       row->name, row->size, row->objperslab, row->pagesperslab, s.size, s.objperslab,
	       s.pagesperslab);
	return false;
}

static struct kmem_cache *find(struct memory *mem, const char *name)
{
	for_each_kmem_cache(cache, mem)
		if (!strcmp(kmem_cache_name(cache), name))
			return cache;
	return NULL;
}

static bool may_run(void)
{
	char line[4096];
	struct utsname u;

	uname(&u);
	read_line("/proc/cmdline", line, sizeof(line));
	return sysconf(_SC_PAGESIZE) == 4096 && !strcmp(u.machine, "x86_64") &&
	       !strstr(line, "slub_") && !strstr(line, "slab_");
}

int main(void)
{
	unsigned cpus = nr_of_list("/sys/devices/system/cpu/present"), nr = 0, named = 0, wrong = 0;
	FILE *f = fopen("/proc/slabinfo", "r");
	struct memory *mem;
	struct utsname u;
	struct row row;

	if (!f || !may_run()) {
		printf("no /proc/slabinfo that could be compared\n");
		return SKIP;
	}
	uname(&u);
	/* A machine that could have more CPUs counts those (calculate_order()). */
	if (cpus <= 1)
		cpus = nr_of_list("/sys/devices/system/cpu/possible");
	mem = memory_create_uma(geometry_find("x86-64"), cpus, 1ull << 30);
	while (read_row(f, &row)) {
		struct kmem_cache *cache = find(mem, row.name), *plain;

		if (cache && !strncmp(u.release, "6.18.", 5)) {
			wrong += !same("cache", &row, cache, true);
			named++;
		}
		plain = kmem_cache_create(mem, "plain", row.size, 0, SLAB_NO_MERGE, NULL);
		wrong += !same("size of", &row, plain, true);
		kmem_cache_destroy(plain);
		nr++;
	}
	printf("%u caches compared, %u of them by name too, with %u CPUs: %u differ\n", nr, named, cpus,
	       wrong);
	memory_destroy(mem);
	fclose(f);
	return wrong || !nr;
}
