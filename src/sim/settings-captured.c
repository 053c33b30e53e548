/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What a trace says of the kernel that it was captured on, as settings. The metadata is that of mmreplay-trace(5). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "mm/mm_config.h"
#include "sim/settings-internal.h"

/* Where the metadata has the value of a key whose name does not say so by itself (see metadata_path()). */
static const struct {
	const char *path, *key;
} captured_rows[] = {
	{"memory/fault_around_bytes", "vm.fault_around_bytes"},
	{"memory/read_ahead_kb", "vm.read_ahead_kb"},
	{"kernel/hz", "kernel.hz"},
	{"memory/lru_gen_min_ttl_ms", "reclaim.lru_gen_min_ttl_ms"},
	{"memory/zswap/enabled", "swap.zswap"},
	{"memory/zswap/max_pool_percent", "swap.zswap_max_pool_percent"},
	{"memory/zswap/accept_threshold_percent", "swap.zswap_accept_threshold_percent"},
};

/*
 * Keys that bear the kernel's own names: vm.swappiness is memory/sysctl/vm.swappiness, thp.khugepaged.defrag is
 * memory/thp/khugepaged/defrag, thp.hugepages-64kB.enabled is memory/thp/mthp/64kB. False for any other.
 */
static bool metadata_path(const char *key, char *path, size_t size)
{
	size_t len = strcspn(key, ".");

	if (!strncmp(key, "vm.", 3))
		snprintf(path, size, "memory/sysctl/%s", key);
	else if (!strncmp(key, "thp.hugepages-", 14))
		snprintf(path, size, "memory/thp/mthp/%.*s", (int)strcspn(key + 14, "."), key + 14);
	else if (!strncmp(key, "thp.khugepaged.", 15))
		snprintf(path, size, "memory/thp/khugepaged/%s", key + 15);
	else if (!strncmp(key, "thp.", 4))
		snprintf(path, size, "memory/thp/%s", key + 4);
	else
		return false;
	return key[len];
}

static void captured_value(struct settings *s, const struct trace_meta *meta, const char *path, const char *key)
{
	const json_t *v = trace_meta_get(meta, path);
	void *conf = NULL;
	const struct config_row *row = v ? settings_find_row(s, key, &conf) : NULL;
	char buf[32];
	const char *text = row ? settings_json_text(v, row, buf, sizeof(buf)) : NULL;

	if (text)
		config_set(row, conf, text, NULL);
}

static void captured_by_name(struct settings *s, const struct trace_meta *meta)
{
	for (size_t i = 0; i < NR_SETTINGS_TABLES; i++) {
		const struct config_table *t = settings_table(s, i).table;
		char path[128];

		for (size_t k = 0; k < t->nr; k++)
			/* lists of zones: captured_reserve_ratio() knows which zones the kernel has */
			if (t->rows[k].type != CONFIG_LIST && metadata_path(t->rows[k].key, path, sizeof(path)))
				captured_value(s, meta, path, t->rows[k].key);
	}
}

/*
 * The file has a number for each zone that the kernel was built with: on x86-64 DMA, DMA32, Normal, Movable, Device.
 * Of other architectures it is not known which those are.
 */
static void captured_reserve_ratio(struct settings *s, const struct trace_meta *meta)
{
	const char *text = json_string_value(
		trace_meta_get(meta, "memory/sysctl/vm.lowmem_reserve_ratio"));
	static const enum zone_type types[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE };

	if (!text || !meta->arch || strcmp(meta->arch, "x86_64"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		char *end;
		unsigned long long n = strtoull(text, &end, 10);

		if (end == text || n > INT32_MAX)
			return;
		s->mm.lowmem_reserve_ratio[types[i]] = n;
		text = end;
	}
}

/* kernelcore= and movablecore= of the kernel's command line: a size, or percent of the memory. */
static void captured_boot_option(struct settings *s, const struct trace_meta *meta,
				 const char *option)
{
	const char *value, *equals = strchr(option, '=');
	char key[64], percent[32];
	uint64_t n;

	if (!equals || (strncmp(option, "kernelcore=", 11) && strncmp(option, "movablecore=", 12)))
		return;
	snprintf(key, sizeof(key), "memory.%.*s", (int)(equals - option), option);
	value = equals + 1;
	if (value[strcspn(value, "%")] == '%') {
		n = strtoull(value, NULL, 10);
		snprintf(percent, sizeof(percent), "%" PRIu64,
			 n <= 100 ? meta->memory_bytes / 100 * n : 0);
		value = percent;
	}
	settings_set(s, key, value, NULL);
}

static void captured_boot_options(struct settings *s, const struct trace_meta *meta)
{
	const json_t *options = trace_meta_get(meta, "kernel/boot_options");
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)options, i, v)
	{
		if (json_is_string(v))
			captured_boot_option(s, meta, json_string_value(v));
	}
}

/* The bits of lru_gen/enabled; a kernel without the file has active and inactive lists. */
static void captured_lru_gen(struct settings *s, const struct trace_meta *meta)
{
	json_int_t caps = json_integer_value(trace_meta_get(meta, "memory/lru_gen"));

	if (!(caps & 1))
		return;
	s->mm.reclaim_policy = RECLAIM_MGLRU;
	s->mm.lru_gen_caps = (uint64_t)caps & 7;
}

/* A limit above the machine's memory limits nothing, and says no more than that there was a group. */
static void captured_limit(struct settings *s, const struct trace_meta *meta, const char *path, const char *key)
{
	const json_t *v = trace_meta_get(meta, path);
	char text[32];

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) >= meta->memory_bytes)
		return;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	settings_set(s, key, text, NULL);
}

/* Limits that hold for the captured program's memory cgroup, those of the groups above taken in. */
static void captured_cgroup(struct settings *s, const struct trace_meta *meta)
{
	bool v1 = trace_meta_u64(meta, "memory/cgroup/version") == 1;

	if (v1)
		s->memcg.version = MEMCG_V1;
	captured_limit(s, meta, "memory/cgroup/limit_bytes", "memcg.max");
	captured_limit(s, meta, "memory/cgroup/high_bytes", "memcg.high");
	captured_limit(s, meta, v1 ? "memory/cgroup/memory_and_swap_limit_bytes" : "memory/cgroup/swap_limit_bytes",
		       "memcg.swap_max");
	if (v1 && s->memcg.all.max != UINT64_MAX)
		captured_limit(s, meta, "memory/cgroup/memory.swappiness", "memcg.swappiness");
	s->captured_memcg = s->memcg;
}

/* "disk", "diskfile", "ssd", "file" or "zram", as swap.areas names them. */
static const char *area_kind(const json_t *area)
{
	const char *device = json_string_value(json_object_get(area, "device"));
	const char *type = json_string_value(json_object_get(area, "type"));
	bool is_file = type && !strcmp(type, "file"), rotates = json_integer_value(json_object_get(area, "rotational"));

	if (device && !strcmp(device, "zram"))
		return "zram";
	return rotates ? is_file ? "diskfile" : "disk" : is_file ? "file" : "ssd";
}

/* Areas in the order of /proc/swaps, which is that of their numbers; a priority below 0 is the kernel's own choice. */
static void captured_swap(struct settings *s, const struct trace_meta *meta)
{
	const json_t *areas = trace_meta_get(meta, "memory/swap");
	struct strbuf text = {0};
	size_t i;
	json_t *v;

	json_array_foreach((json_t *)areas, i, v)
	{
		json_int_t prio = json_integer_value(json_object_get(v, "priority"));

		strbuf_addf(&text, "%s%" JSON_INTEGER_FORMAT "K:", text.len ? "," : "",
			    json_integer_value(json_object_get(v, "size_bytes")) / 1024);
		if (prio >= 0)
			strbuf_addf(&text, "%" JSON_INTEGER_FORMAT, prio);
		strbuf_addf(&text, ":%s", area_kind(v));
	}
	if (text.len)
		settings_set(s, "swap.areas", text.s, NULL);
	strbuf_finish(&text);
}

/* The pools of each size: what the kernel had of them, for all programs. */
static void captured_hugetlb(struct settings *s, const struct trace_meta *meta)
{
	static const char *const files[] = {"nr_hugepages", "nr_overcommit_hugepages"};
	const json_t *pools = trace_meta_get(meta, "memory/hugetlb"), *pool;
	size_t i;

	json_array_foreach((json_t *)pools, i, pool)
	{
		for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
			json_int_t nr = json_integer_value(json_object_get(pool, files[f]));
			char key[96], value[32];

			snprintf(key, sizeof(key), "hugetlb.hugepages-%" JSON_INTEGER_FORMAT "kB.%s",
				 json_integer_value(json_object_get(pool, "page_bytes")) / 1024, files[f]);
			snprintf(value, sizeof(value), "%" JSON_INTEGER_FORMAT, nr);
			if (nr > 0)
				(void)settings_set(s, key, value, NULL);
		}
	}
}

void settings_captured(struct settings *s, const struct trace_meta *meta)
{
	/* A kernel without a THP folder has no huge pages. */
	if (trace_meta_get(meta, "memory") && !trace_meta_get(meta, "memory/thp"))
		BUG_ON(settings_set(s, "thp.enabled", "never", NULL));
	captured_by_name(s, meta);
	for (size_t i = 0; i < ARRAY_SIZE(captured_rows); i++)
		captured_value(s, meta, captured_rows[i].path, captured_rows[i].key);
	captured_reserve_ratio(s, meta);
	captured_hugetlb(s, meta);
	captured_boot_options(s, meta);
	captured_lru_gen(s, meta);
	captured_swap(s, meta);
	captured_cgroup(s, meta);
	s->captured_mm = s->mm;
}
