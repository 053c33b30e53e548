/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The object `memory` of the metadata: what decides how the memory manager of the host behaves.
 *
 * One table of sysctls and one of khugepaged's files; the rest is a function each. What this kernel does not have is
 * absent. The keys are specified in mmreplay-trace(5).
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"
#include "base/xalloc.h"
#include "capture/host-text.h"
#include "capture/host.h"

#define FAULT_AROUND_DEFAULT 65536 /* mm/memory.c, when debugfs does not show it */

static const char *const sysctls[] = {
	"admin_reserve_kbytes",
	"compact_unevictable_allowed",
	"compaction_proactiveness",
	"defrag_mode",
	"dirty_background_bytes",
	"dirty_background_ratio",
	"dirty_bytes",
	"dirty_expire_centisecs",
	"dirty_ratio",
	"dirty_writeback_centisecs",
	"dirtytime_expire_seconds",
	"extfrag_threshold",
	"laptop_mode",
	"lowmem_reserve_ratio",
	"max_map_count",
	"min_free_kbytes",
	"min_slab_ratio",
	"min_unmapped_ratio",
	"mmap_min_addr",
	"nr_hugepages",
	"nr_overcommit_hugepages",
	"numa_stat",
	"numa_zonelist_order",
	"oom_kill_allocating_task",
	"overcommit_kbytes",
	"overcommit_memory",
	"overcommit_ratio",
	"page-cluster",
	"panic_on_oom",
	"percpu_pagelist_high_fraction",
	"stat_interval",
	"swappiness",
	"user_reserve_kbytes",
	"vfs_cache_pressure",
	"vfs_cache_pressure_denom",
	"watermark_boost_factor",
	"watermark_scale_factor",
	"zone_reclaim_mode",
};

static json_t *sysctl_object(void)
{
	json_t *j = json_object();
	char path[96], key[64];

	for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++) {
		snprintf(path, sizeof(path), "/proc/sys/vm/%s", sysctls[i]);
		snprintf(key, sizeof(key), "vm.%s", sysctls[i]);
		host_put(j, key, host_file_value(path));
	}
	host_put(j, "kernel.randomize_va_space", host_file_value("/proc/sys/kernel/randomize_va_space"));
	host_put(j, "kernel.numa_balancing", host_file_value("/proc/sys/kernel/numa_balancing"));
	return j;
}

#define THP_DIR "/sys/kernel/mm/transparent_hugepage"

static const char *const khugepaged_files[] = {
	"alloc_sleep_millisecs", "defrag",	  "max_ptes_none",	  "max_ptes_shared",
	"max_ptes_swap",	 "pages_to_scan", "scan_sleep_millisecs",
};

static int compare_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders NAME* of a folder, in order of their names. The names are the caller's. */
struct names {
	VEC(char *) list;
};

static void list_names(const char *folder, const char *prefix, struct names *ret)
{
	DIR *dir = opendir(folder);

	*ret = (struct names){0};
	for (struct dirent *d; dir && (d = readdir(dir)) != NULL;) {
		if (strncmp(d->d_name, prefix, strlen(prefix)) == 0)
			*vec_push(&ret->list) = xstrdup(d->d_name);
	}
	if (dir)
		closedir(dir);
	/* no ties: names in one folder differ */
	if (ret->list.nr)
		qsort(ret->list.data, ret->list.nr, sizeof(char *), compare_string);
}

static void free_names(struct names *n)
{
	for (size_t i = 0; i < n->list.nr; i++)
		free(n->list.data[i]);
	vec_finish(&n->list);
}

/* hugepages-64kB/enabled, shmem_enabled ...: one key per size, in order of their names. */
static json_t *mthp_object(const char *file)
{
	json_t *j = json_object();
	struct names names;
	char path[512];

	list_names(THP_DIR, "hugepages-", &names);
	for (size_t i = 0; i < names.list.nr; i++) {
		snprintf(path, sizeof(path), THP_DIR "/%s/%s", names.list.data[i], file);
		host_put(j, names.list.data[i] + 10, host_file_choice(path));
	}
	free_names(&names);
	return j;
}

static json_t *thp_object(void)
{
	json_t *j, *k;
	char path[160];

	if (access(THP_DIR, F_OK) < 0)
		return NULL;
	j = json_object();
	host_put(j, "enabled", host_file_choice(THP_DIR "/enabled"));
	host_put(j, "defrag", host_file_choice(THP_DIR "/defrag"));
	host_put(j, "shmem_enabled", host_file_choice(THP_DIR "/shmem_enabled"));
	host_put(j, "use_zero_page", host_file_value(THP_DIR "/use_zero_page"));
	host_put(j, "shrink_underused", host_file_value(THP_DIR "/shrink_underused"));
	host_put(j, "hpage_pmd_bytes", host_file_value(THP_DIR "/hpage_pmd_size"));
	host_put(j, "mthp", mthp_object("enabled"));
	host_put(j, "mthp_shmem", mthp_object("shmem_enabled"));
	k = json_object();
	for (size_t i = 0; i < sizeof(khugepaged_files) / sizeof(khugepaged_files[0]); i++) {
		snprintf(path, sizeof(path), THP_DIR "/khugepaged/%s", khugepaged_files[i]);
		host_put(k, khugepaged_files[i], host_file_value(path));
	}
	host_put(j, "khugepaged", k);
	return j;
}

/* ---- block devices and swap ---- */

/* A file of the queue of the disk that a device number is of: of the disk itself, or of its partition's disk. */
static json_t *queue_value(dev_t dev, const char *file)
{
	char path[160];
	json_t *j;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/%s", major(dev), minor(dev), file);
	j = host_file_value(path);
	if (j)
		return j;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../queue/%s", major(dev), minor(dev), file);
	return host_file_value(path);
}

/* Read-ahead of the file system that holds the working directory, in KiB. */
static json_t *read_ahead_value(void)
{
	struct stat st;
	char path[96];

	if (stat(".", &st))
		return NULL;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev), minor(st.st_dev));
	json_t *j = host_file_value(path);

	return j ? j : queue_value(st.st_dev, "read_ahead_kb");
}

/* Every block device with its read-ahead: a file's device number says which is its own. */
static json_t *block_array(void)
{
	json_t *array = json_array();
	struct names names;
	char path[512];

	list_names("/sys/block", "", &names);
	for (size_t i = 0; i < names.list.nr; i++) {
		uint64_t sectors = 0;

		/* Loop devices and the like that nothing is behind have no sectors. */
		snprintf(path, sizeof(path), "/sys/block/%s/size", names.list.data[i]);
		if (names.list.data[i][0] == '.' || host_read_u64(path, &sectors) || !sectors)
			continue;
		json_t *j = json_object();

		host_put(j, "name", host_string(names.list.data[i]));
		snprintf(path, sizeof(path), "/sys/block/%s/dev", names.list.data[i]);
		host_put(j, "dev", host_file_value(path));
		snprintf(path, sizeof(path), "/sys/block/%s/queue/read_ahead_kb", names.list.data[i]);
		host_put(j, "read_ahead_kb", host_file_value(path));
		snprintf(path, sizeof(path), "/sys/block/%s/queue/rotational", names.list.data[i]);
		host_put(j, "rotational", host_file_value(path));
		json_array_append_new(array, j);
	}
	free_names(&names);
	return array;
}

/* One line of /proc/swaps. `rotational` decides how the kernel reads ahead and where it looks for slots. */
static json_t *swap_area(const char *name, const char *type, uint64_t kib, uint64_t used_kib, int prio)
{
	json_t *s = json_object();
	bool is_zram = strncmp(name, "/dev/zram", 9) == 0;
	struct stat st;
	char path[4200];

	host_put(s, "type", host_string(type));
	host_put(s, "device", host_string(is_zram ? "zram" : "disk"));
	host_put(s, "size_bytes", host_number(kib * 1024));
	host_put(s, "used_bytes", host_number(used_kib * 1024));
	host_put(s, "priority", json_integer(prio));
	if (stat(name, &st) == 0)
		host_put(s, "rotational", queue_value(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev, "rotational"));
	if (is_zram) {
		snprintf(path, sizeof(path), "/sys/block/%s/comp_algorithm", name + 5);
		host_put(s, "compressor", host_file_choice(path));
	}
	return s;
}

static json_t *swap_array(void)
{
	json_t *j = json_array();
	FILE *f = fopen("/proc/swaps", "re");
	char name[4096], type[64];
	uint64_t size, used;
	int prio;

	if (f == NULL)
		return j;
	if (fscanf(f, "%*[^\n]\n") != EOF) {
		while (fscanf(f, "%4095s %63s %" SCNu64 " %" SCNu64 " %d", name, type, &size, &used, &prio) == 5)
			json_array_append_new(j, swap_area(name, type, size, used, prio));
	}
	fclose(f);
	return j;
}

/* "Y" and "N", "true" and "false": a boolean; anything else as it is. */
static json_t *switch_value(const char *path)
{
	json_t *v = host_file_value(path);
	const char *text = json_string_value(v);
	bool on = text && (!strcmp(text, "Y") || !strcmp(text, "true"));

	if (!on && (!text || (strcmp(text, "N") != 0 && strcmp(text, "false") != 0)))
		return v;
	json_decref(v);
	return json_boolean(on);
}

static json_t *zswap_object(void)
{
	static const char *const files[] = {"enabled", "max_pool_percent", "accept_threshold_percent",
					    "compressor", "shrinker_enabled"};
	json_t *j = json_object();
	char path[96];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/sys/module/zswap/parameters/%s", files[i]);
		host_put(j, files[i], switch_value(path));
	}
	return j;
}

/* ---- hugetlb ---- */

static json_t *hugetlb_array(void)
{
	static const char *const files[] = {"nr_hugepages", "nr_overcommit_hugepages", "free_hugepages",
					    "resv_hugepages", "surplus_hugepages"};
	json_t *array = json_array();
	struct names names;
	char path[512];

	list_names("/sys/kernel/mm/hugepages", "hugepages-", &names);
	for (size_t i = 0; i < names.list.nr; i++) {
		json_t *j = json_object();

		host_put(j, "page_bytes", host_number(strtoull(names.list.data[i] + 10, NULL, 10) * 1024));
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%s/%s", names.list.data[i],
				 files[k]);
			host_put(j, files[k], host_file_value(path));
		}
		json_array_append_new(array, j);
	}
	free_names(&names);
	return array;
}

/* ---- all of it ---- */

/* The text of a file, NULL when it cannot be read: pagetypeinfo is root's. */
static json_t *text_of(const char *path)
{
	struct strbuf sb = {0};
	json_t *text = NULL;

	if (host_read_file(path, &sb) == 0 && sb.len)
		text = json_stringn(sb.s, sb.len);
	strbuf_finish(&sb);
	return text;
}

json_t *host_memory(pid_t pid)
{
	json_t *j = json_object();
	uint64_t v;
	bool known = host_read_u64("/sys/kernel/debug/fault_around_bytes", &v) == 0;

	host_put(j, "fault_around_bytes", host_number(known ? v : FAULT_AROUND_DEFAULT));
	host_put(j, "fault_around_known", json_boolean(known));
	if (host_read_u64("/sys/kernel/mm/lru_gen/enabled", &v) == 0)
		host_put(j, "lru_gen", host_number(v));
	host_put(j, "lru_gen_min_ttl_ms", host_file_value("/sys/kernel/mm/lru_gen/min_ttl_ms"));
	host_put(j, "sysctl", sysctl_object());
	host_put(j, "thp", thp_object());
	host_put(j, "hugetlb", hugetlb_array());
	host_put(j, "swap", swap_array());
	host_put(j, "swap_vma_readahead", switch_value("/sys/kernel/mm/swap/vma_ra_enabled"));
	host_put(j, "zswap", zswap_object());
	host_put(j, "read_ahead_kb", read_ahead_value());
	host_put(j, "block_devices", block_array());
	host_put(j, "zones", host_zones());
	host_put(j, "buddyinfo", text_of("/proc/buddyinfo"));
	host_put(j, "pagetypeinfo", text_of("/proc/pagetypeinfo"));
	host_put(j, "cgroup", host_cgroup(pid));
	return j;
}
