/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The metadata of a trace: everything that a replay "as captured" has to know about the host.
 *
 * One table of sysctls and one of THP files; the rest is a function each. The keys are specified in
 * mmreplay-trace(5).
 */
#include "capture/host.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <mmreplay/version.h>

#include "base/xalloc.h"
#include "capture/host-text.h"

#define FAULT_AROUND_DEFAULT 65536 /* mm/memory.c, when debugfs does not show it */

static void set(json_t *obj, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(obj, key, value);
}

/* Not every path or argument is UTF-8; JSON text is. Bytes that do not fit become U+FFFD. */
static json_t *string(const char *s)
{
	json_t *j = json_string(s);
	struct strbuf sb = {0};

	if (j)
		return j;
	for (; *s; s++) {
		if ((unsigned char)*s < 0x80)
			strbuf_add(&sb, s, 1);
		else
			strbuf_addstr(&sb, "\xef\xbf\xbd");
	}
	j = json_string(sb.s);
	strbuf_finish(&sb);
	return j;
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* A file of one line: an integer when it is one, else the text; NULL when it cannot be read. */
static json_t *file_value(const char *path)
{
	struct strbuf sb = {0};
	json_t *j = NULL;
	char *end;

	if (host_read_file(path, &sb) == 0 && sb.len) {
		sb.s[strcspn(sb.s, "\n")] = '\0';
		long long v = strtoll(sb.s, &end, 10);

		j = *sb.s && *end == '\0' ? json_integer(v) : string(sb.s);
	}
	strbuf_finish(&sb);
	return j;
}

/* A file of the form "always [madvise] never": the chosen word. */
static json_t *file_choice(const char *path)
{
	struct strbuf sb = {0};
	json_t *j = NULL;
	char *open, *close;

	if (host_read_file(path, &sb) == 0 && sb.len) {
		open = strchr(sb.s, '[');
		close = open ? strchr(open, ']') : NULL;
		if (close) {
			*close = '\0';
			j = string(open + 1);
		} else {
			sb.s[strcspn(sb.s, "\n")] = '\0';
			j = string(sb.s);
		}
	}
	strbuf_finish(&sb);
	return j;
}

/* ---- machine ---- */

static void add_cpu(json_t *machine)
{
	struct strbuf sb = {0};

	if (host_read_file("/proc/cpuinfo", &sb) == 0 && sb.len) {
		char *model = text_line_value(sb.s, "model name");
		char *vendor = text_line_value(sb.s, "vendor_id");
		char *sizes = text_line_value(sb.s, "address sizes");
		unsigned physical, virtual;

		set(machine, "cpu_model", model ? string(model) : NULL);
		set(machine, "cpu_vendor", vendor ? string(vendor) : NULL);
		if (sizes &&
		    sscanf(sizes, "%u bits physical, %u bits virtual", &physical, &virtual) == 2) {
			set(machine, "physical_address_bits", number(physical));
			set(machine, "virtual_address_bits", number(virtual));
			set(machine, "page_table_levels", number((virtual - 12 + 8) / 9));
		}
		free(model);
		free(vendor);
		free(sizes);
	}
	strbuf_finish(&sb);
}

/* What firmware says of the way from the nearest CPUs to a node's memory (HMAT), where it says so. */
static void add_node_latencies(json_t *j, unsigned node)
{
	static const char *const names[] = {"read_latency", "write_latency", "read_bandwidth",
					    "write_bandwidth"};
	static const char *const units[] = {"ns", "ns", "mib_per_s", "mib_per_s"};
	char path[128], key[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%u/access1/initiators/%s", node, names[i]);
		snprintf(key, sizeof(key), "%s_%s", names[i], units[i]);
		set(j, key, file_value(path));
	}
}

/* Nodes by how fast their memory is: /sys/devices/virtual/memory_tiering, from the fastest on. */
static json_t *memory_tiers(void)
{
	json_t *tiers = json_array();
	char path[96];

	if (access("/sys/devices/virtual/memory_tiering", F_OK))
		return tiers;
	for (unsigned i = 0; i < 1024; i++) {
		json_t *nodes;

		snprintf(path, sizeof(path),
			 "/sys/devices/virtual/memory_tiering/memory_tier%u/nodelist", i);
		nodes = file_value(path);
		if (nodes)
			json_array_append_new(tiers, json_pack("{s:i,s:o}", "tier", (int)i, "nodes",
							       nodes));
	}
	return tiers;
}

static void add_node(json_t *nodes, unsigned node)
{
	char path[96];
	json_t *j = json_object();
	struct strbuf sb = {0};
	uint64_t kib;

	set(j, "node", number(node));
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node);
	set(j, "cpus", file_value(path));
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/distance", node);
	set(j, "distance", file_value(path));
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", node);
	if (host_read_file(path, &sb) == 0 && sb.len) {
		char *total = strstr(sb.s, "MemTotal:");

		if (total && sscanf(total, "MemTotal: %" SCNu64, &kib) == 1)
			set(j, "memory_bytes", number(kib * 1024));
	}
	strbuf_finish(&sb);
	add_node_latencies(j, node);
	json_array_append_new(nodes, j);
}

static json_t *machine_object(void)
{
	json_t *j = json_object(), *nodes = json_array();
	struct utsname u;
	struct strbuf sb = {0};
	char path[64];
	uint64_t kib;

	if (uname(&u) == 0)
		set(j, "arch", string(u.machine));
	add_cpu(j);
	set(j, "cpus", number((uint64_t)sysconf(_SC_NPROCESSORS_ONLN)));
	set(j, "cpus_configured", number((uint64_t)sysconf(_SC_NPROCESSORS_CONF)));
	set(j, "base_page_bytes", number((uint64_t)sysconf(_SC_PAGESIZE)));
	if (host_read_file("/proc/meminfo", &sb) == 0 && sb.len &&
	    sscanf(sb.s, "MemTotal: %" SCNu64, &kib) == 1)
		set(j, "memory_bytes", number(kib * 1024));
	strbuf_finish(&sb);
	for (unsigned node = 0; node < 1024; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
		if (access(path, F_OK) == 0)
			add_node(nodes, node);
	}
	set(j, "nodes", nodes);
	set(j, "memory_tiers", memory_tiers());
	return j;
}

/* ---- kernel ---- */

/* CONFIG_HZ from the configuration that distributions install; absent where there is none. */
static json_t *kernel_hz(const char *release)
{
	char path[256];
	struct strbuf sb = {0};
	json_t *j = NULL;
	unsigned hz;

	snprintf(path, sizeof(path), "/boot/config-%s", release);
	if (host_read_file(path, &sb) == 0 && sb.len) {
		char *line = strstr(sb.s, "\nCONFIG_HZ=");

		if (line && sscanf(line, "\nCONFIG_HZ=%u", &hz) == 1)
			j = number(hz);
	}
	strbuf_finish(&sb);
	return j;
}

/* Words of the kernel's command line that concern memory; the rest is nobody's business. */
static json_t *boot_options(void)
{
	static const char *const names[] = {"transparent_hugepage",
					    "thp_anon",
					    "thp_shmem",
					    "hugepages",
					    "hugepagesz",
					    "default_hugepagesz",
					    "mem",
					    "memmap",
					    "numa",
					    "movablecore",
					    "kernelcore",
					    "movable_node",
					    "mitigations",
					    "pti",
					    "nopti",
					    "cgroup_disable",
					    "numa_balancing",
					    "page_alloc.shuffle",
					    "init_on_alloc",
					    "init_on_free",
					    "slab_nomerge",
					    "nopcid",
					    "noinvpcid",
					    "la57",
					    "no5lvl"};
	json_t *j = json_array();
	struct strbuf sb = {0};
	char *save = NULL;

	if (host_read_file("/proc/cmdline", &sb) == 0 && sb.len) {
		for (char *w = strtok_r(sb.s, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
			for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
				if (strcspn(w, "=") == strlen(names[i]) &&
				    strncmp(w, names[i], strlen(names[i])) == 0)
					json_array_append_new(j, string(w));
			}
		}
	}
	strbuf_finish(&sb);
	return j;
}

static json_t *kernel_object(void)
{
	json_t *j = json_object();
	struct utsname u;

	if (uname(&u) == 0) {
		set(j, "release", string(u.release));
		set(j, "version", string(u.version));
		set(j, "hz", kernel_hz(u.release));
	}
	set(j, "user_hz", number((uint64_t)sysconf(_SC_CLK_TCK)));
	set(j, "boot_id", file_value("/proc/sys/kernel/random/boot_id"));
	set(j, "boot_options", boot_options());
	return j;
}

static const char *const sysctls[] = {
	"compact_unevictable_allowed",
	"compaction_proactiveness",
	"defrag_mode",
	"dirty_background_bytes",
	"dirty_background_ratio",
	"dirty_bytes",
	"dirty_expire_centisecs",
	"dirty_ratio",
	"dirty_writeback_centisecs",
	"extfrag_threshold",
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
	"overcommit_kbytes",
	"overcommit_memory",
	"overcommit_ratio",
	"page-cluster",
	"percpu_pagelist_high_fraction",
	"stat_interval",
	"swappiness",
	"vfs_cache_pressure",
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
		set(j, key, file_value(path));
	}
	set(j, "kernel.randomize_va_space", file_value("/proc/sys/kernel/randomize_va_space"));
	set(j, "kernel.numa_balancing", file_value("/proc/sys/kernel/numa_balancing"));
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

/* hugepages-64kB/enabled ... : one key per size, in order of their names. */
static json_t *mthp_object(void)
{
	json_t *j = json_object();
	VEC(char *) names = {0};
	char path[512];
	DIR *dir = opendir(THP_DIR);

	for (struct dirent *d; dir && (d = readdir(dir)) != NULL;) {
		if (strncmp(d->d_name, "hugepages-", 10) == 0)
			*vec_push(&names) = xstrdup(d->d_name);
	}
	if (dir)
		closedir(dir);
	/* no ties: names in one folder differ */
	if (names.nr)
		qsort(names.data, names.nr, sizeof(char *), compare_string);
	for (size_t i = 0; i < names.nr; i++) {
		snprintf(path, sizeof(path), THP_DIR "/%s/enabled", names.data[i]);
		set(j, names.data[i] + 10, file_choice(path));
		free(names.data[i]);
	}
	vec_finish(&names);
	return j;
}

static json_t *thp_object(void)
{
	json_t *j, *k;
	char path[160];

	if (access(THP_DIR, F_OK) < 0)
		return NULL;
	j = json_object();
	set(j, "enabled", file_choice(THP_DIR "/enabled"));
	set(j, "defrag", file_choice(THP_DIR "/defrag"));
	set(j, "shmem_enabled", file_choice(THP_DIR "/shmem_enabled"));
	set(j, "use_zero_page", file_value(THP_DIR "/use_zero_page"));
	set(j, "shrink_underused", file_value(THP_DIR "/shrink_underused"));
	set(j, "hpage_pmd_bytes", file_value(THP_DIR "/hpage_pmd_size"));
	set(j, "mthp", mthp_object());
	k = json_object();
	for (size_t i = 0; i < sizeof(khugepaged_files) / sizeof(khugepaged_files[0]); i++) {
		snprintf(path, sizeof(path), THP_DIR "/khugepaged/%s", khugepaged_files[i]);
		set(k, khugepaged_files[i], file_value(path));
	}
	set(j, "khugepaged", k);
	return j;
}

static json_t *swap_array(void)
{
	json_t *j = json_array();
	FILE *f = fopen("/proc/swaps", "re");
	char name[4096], type[64];
	uint64_t size;
	int prio;

	if (f == NULL)
		return j;
	if (fscanf(f, "%*[^\n]\n") != EOF) {
		while (fscanf(f, "%4095s %63s %" SCNu64 " %*u %d", name, type, &size, &prio) == 4) {
			json_t *s = json_object();

			set(s, "type", string(type));
			set(s, "size_bytes", number(size * 1024));
			set(s, "priority", json_integer(prio));
			json_array_append_new(j, s);
		}
	}
	fclose(f);
	return j;
}

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

static json_t *memory_object(pid_t pid)
{
	json_t *j = json_object();
	uint64_t v;
	bool known = host_read_u64("/sys/kernel/debug/fault_around_bytes", &v) == 0;

	set(j, "fault_around_bytes", number(known ? v : FAULT_AROUND_DEFAULT));
	set(j, "fault_around_known", json_boolean(known));
	if (host_read_u64("/sys/kernel/mm/lru_gen/enabled", &v) == 0)
		set(j, "lru_gen", number(v));
	set(j, "lru_gen_min_ttl_ms", file_value("/sys/kernel/mm/lru_gen/min_ttl_ms"));
	set(j, "sysctl", sysctl_object());
	set(j, "thp", thp_object());
	set(j, "swap", swap_array());
	set(j, "zones", host_zones());
	set(j, "buddyinfo", text_of("/proc/buddyinfo"));
	set(j, "pagetypeinfo", text_of("/proc/pagetypeinfo"));
	set(j, "cgroup", host_cgroup(pid));
	return j;
}

static json_t *mitigations_object(void)
{
	static const char *const names[] = {"itlb_multihit",
					    "l1tf",
					    "mds",
					    "meltdown",
					    "mmio_stale_data",
					    "retbleed",
					    "spec_store_bypass",
					    "spectre_v1",
					    "spectre_v2",
					    "tsx_async_abort"};
	json_t *j = json_object();
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/vulnerabilities/%s",
			 names[i]);
		set(j, names[i], file_value(path));
	}
	return j;
}

/* ---- capture ---- */

static const struct {
	int resource;
	const char *name;
} limits[] = {
	{RLIMIT_AS, "as"},
	{RLIMIT_DATA, "data"},
	{RLIMIT_STACK, "stack"},
	{RLIMIT_MEMLOCK, "memlock"},
};

static json_t *limits_object(pid_t pid)
{
	json_t *j = json_object();
	struct rlimit r;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (prlimit(pid, limits[i].resource, NULL, &r) == 0)
			set(j, limits[i].name,
			    r.rlim_cur == RLIM_INFINITY ? json_null() : number(r.rlim_cur));
	}
	return j;
}

static json_t *aslr_value(pid_t pid)
{
	char path[64];
	uint64_t sysctl;
	struct strbuf sb = {0};
	long persona = pid ? -1 : personality(0xffffffff);

	if (host_read_u64("/proc/sys/kernel/randomize_va_space", &sysctl))
		return NULL;
	if (pid) {
		snprintf(path, sizeof(path), "/proc/%d/personality", (int)pid);
		if (host_read_file(path, &sb) == 0 && sb.len)
			persona = strtol(sb.s, NULL, 16);
		strbuf_finish(&sb);
	}
	return json_boolean(sysctl != 0 && !(persona != -1 && persona & ADDR_NO_RANDOMIZE));
}

static json_t *capture_object(const struct capture_options *opt, const struct host_method *m)
{
	json_t *j = json_object(), *argv = json_array();
	struct timespec real, mono;

	set(j, "tool", string("mmreplay " MMR_VERSION));
	set(j, "method", string(m->name));
	set(j, "interleaving", string(m->interleaving));
	for (char *const *a = opt->argv; a && *a; a++)
		json_array_append_new(argv, string(*a));
	set(j, "command", argv);
	if (opt->pid)
		set(j, "attached_pid", number((uint64_t)opt->pid));
	set(j, "uid", number(geteuid()));
	set(j, "aslr", aslr_value(m->pid));
	set(j, "limits", limits_object(m->pid));
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	set(j, "start_realtime_ns",
	    number((uint64_t)real.tv_sec * 1000000000ull + (uint64_t)real.tv_nsec));
	set(j, "start_monotonic_ns",
	    number((uint64_t)mono.tv_sec * 1000000000ull + (uint64_t)mono.tv_nsec));
	return j;
}

json_t *host_metadata(const struct capture_options *opt, const struct host_method *m)
{
	static const char *const bases[] = {[MMR_BASIS_FAULTS] = "faults",
					    [MMR_BASIS_SAMPLED] = "sampled",
					    [MMR_BASIS_EXACT] = "exact"};
	json_t *j = json_object(), *units = json_object();
	char host[256] = "";

	set(j, "basis", string(bases[m->basis]));
	set(j, "clock", string(m->clock));
	set(units, "time_ns", number(opt->time_unit_ns ? opt->time_unit_ns : 1));
	set(units, "granule_bytes", number(1 << MMR_GRANULE_SHIFT));
	set(j, "units", units);
	set(j, "capture", capture_object(opt, m));
	gethostname(host, sizeof(host) - 1);
	set(j, "host", string(host));
	set(j, "machine", machine_object());
	set(j, "kernel", kernel_object());
	set(j, "memory", memory_object(m->pid));
	set(j, "mitigations", mitigations_object());
	return j;
}

char *host_metadata_text(json_t *meta)
{
	char *text = json_dumps(meta, JSON_COMPACT | JSON_PRESERVE_ORDER);
	char *copy = xstrdup(text ? text : "{}");

	free(text);
	json_decref(meta);
	return copy;
}
