/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The metadata of a trace: everything that a replay "as captured" has to know about the host.
 *
 * A function for each object; that of the memory manager is in host-memory.c. The keys are specified in
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

/* ---- machine ---- */

static void add_cpu(json_t *machine)
{
	struct strbuf sb = {0};

	if (host_read_file("/proc/cpuinfo", &sb) == 0 && sb.len) {
		char *model = text_line_value(sb.s, "model name");
		char *vendor = text_line_value(sb.s, "vendor_id");
		char *sizes = text_line_value(sb.s, "address sizes");
		unsigned physical, virtual;

		host_put(machine, "cpu_model", model ? host_string(model) : NULL);
		host_put(machine, "cpu_vendor", vendor ? host_string(vendor) : NULL);
		if (sizes &&
		    sscanf(sizes, "%u bits physical, %u bits virtual", &physical, &virtual) == 2) {
			host_put(machine, "physical_address_bits", host_number(physical));
			host_put(machine, "virtual_address_bits", host_number(virtual));
			host_put(machine, "page_table_levels", host_number((virtual - 12 + 8) / 9));
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
		host_put(j, key, host_file_value(path));
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
		nodes = host_file_value(path);
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

	host_put(j, "node", host_number(node));
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node);
	host_put(j, "cpus", host_file_value(path));
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/distance", node);
	host_put(j, "distance", host_file_value(path));
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", node);
	if (host_read_file(path, &sb) == 0 && sb.len) {
		char *total = strstr(sb.s, "MemTotal:");

		if (total && sscanf(total, "MemTotal: %" SCNu64, &kib) == 1)
			host_put(j, "memory_bytes", host_number(kib * 1024));
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
		host_put(j, "arch", host_string(u.machine));
	add_cpu(j);
	host_put(j, "cpus", host_number((uint64_t)sysconf(_SC_NPROCESSORS_ONLN)));
	host_put(j, "cpus_configured", host_number((uint64_t)sysconf(_SC_NPROCESSORS_CONF)));
	host_put(j, "base_page_bytes", host_number((uint64_t)sysconf(_SC_PAGESIZE)));
	if (host_read_file("/proc/meminfo", &sb) == 0 && sb.len &&
	    sscanf(sb.s, "MemTotal: %" SCNu64, &kib) == 1)
		host_put(j, "memory_bytes", host_number(kib * 1024));
	strbuf_finish(&sb);
	for (unsigned node = 0; node < 1024; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
		if (access(path, F_OK) == 0)
			add_node(nodes, node);
	}
	host_put(j, "nodes", nodes);
	host_put(j, "memory_tiers", memory_tiers());
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
			j = host_number(hz);
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
					json_array_append_new(j, host_string(w));
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
		host_put(j, "release", host_string(u.release));
		host_put(j, "version", host_string(u.version));
		host_put(j, "hz", kernel_hz(u.release));
	}
	host_put(j, "user_hz", host_number((uint64_t)sysconf(_SC_CLK_TCK)));
	host_put(j, "boot_id", host_file_value("/proc/sys/kernel/random/boot_id"));
	host_put(j, "boot_options", boot_options());
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
		host_put(j, names[i], host_file_value(path));
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
			host_put(j, limits[i].name,
			    r.rlim_cur == RLIM_INFINITY ? json_null() : host_number(r.rlim_cur));
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

	host_put(j, "tool", host_string("mmreplay " MMR_VERSION));
	host_put(j, "method", host_string(m->name));
	host_put(j, "interleaving", host_string(m->interleaving));
	for (char *const *a = opt->argv; a && *a; a++)
		json_array_append_new(argv, host_string(*a));
	host_put(j, "command", argv);
	if (opt->pid)
		host_put(j, "attached_pid", host_number((uint64_t)opt->pid));
	host_put(j, "uid", host_number(geteuid()));
	host_put(j, "aslr", aslr_value(m->pid));
	host_put(j, "limits", limits_object(m->pid));
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	host_put(j, "start_realtime_ns",
	    host_number((uint64_t)real.tv_sec * 1000000000ull + (uint64_t)real.tv_nsec));
	host_put(j, "start_monotonic_ns",
	    host_number((uint64_t)mono.tv_sec * 1000000000ull + (uint64_t)mono.tv_nsec));
	return j;
}

json_t *host_metadata(const struct capture_options *opt, const struct host_method *m)
{
	static const char *const bases[] = {[MMR_BASIS_FAULTS] = "faults",
					    [MMR_BASIS_SAMPLED] = "sampled",
					    [MMR_BASIS_EXACT] = "exact"};
	json_t *j = json_object(), *units = json_object();
	char host[256] = "";

	host_put(j, "basis", host_string(bases[m->basis]));
	host_put(j, "clock", host_string(m->clock));
	host_put(units, "time_ns", host_number(opt->time_unit_ns ? opt->time_unit_ns : 1));
	host_put(units, "granule_bytes", host_number(1 << MMR_GRANULE_SHIFT));
	host_put(j, "units", units);
	host_put(j, "capture", capture_object(opt, m));
	gethostname(host, sizeof(host) - 1);
	host_put(j, "host", host_string(host));
	host_put(j, "machine", machine_object());
	host_put(j, "kernel", kernel_object());
	host_put(j, "memory", host_memory(m->pid));
	host_put(j, "mitigations", mitigations_object());
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
