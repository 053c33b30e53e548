/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Texts of /proc and of the cgroup file systems: small files, zoneinfo, the memory cgroup,
 * COUNTERS.
 *
 * A cgroup is found through its mount: version 2 by "0::", version 1 by the "memory" controller.
 * Inside a container the path that the kernel shows may lie outside of what is mounted; then the
 * mount's root is the container's own cgroup, and is used.
 */
#include "capture/host-text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "capture/host.h"

#define FILE_MAX_BYTES (16u << 20)

int host_read_file(const char *path, struct strbuf *sb)
{
	char buf[16384];
	size_t before = sb->len;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (sb->len - before < FILE_MAX_BYTES && (n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(sb, buf, (size_t)n);
	int err = n < 0 ? -errno : 0;

	close(fd);
	return err;
}

int host_read_u64(const char *path, uint64_t *ret)
{
	struct strbuf sb = {0};
	char *end;
	int err = host_read_file(path, &sb);

	if (!err) {
		uint64_t v = sb.len ? strtoull(sb.s, &end, 0) : 0;

		if (sb.len == 0 || end == sb.s)
			err = -EINVAL;
		else
			*ret = v;
	}
	strbuf_finish(&sb);
	return err;
}

char *text_line_value(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) != 0)
			continue;
		const char *p = line + len;

		p += strspn(p, " \t");
		if (*p != ':')
			continue;
		p += 1 + strspn(p + 1, " \t");
		size_t n = strcspn(p, "\n");
		char *value = xmalloc(n + 1);

		memcpy(value, p, n);
		value[n] = '\0';
		return value;
	}
	return NULL;
}

/* ---- values ---- */

void host_put(json_t *obj, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(obj, key, value);
}

/* Not every path or argument is UTF-8; JSON text is. Bytes that do not fit become U+FFFD. */
json_t *host_string(const char *s)
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

json_t *host_number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* A file of one line: an integer when it is one, else the text; NULL when it cannot be read. */
json_t *host_file_value(const char *path)
{
	struct strbuf sb = {0};
	json_t *j = NULL;
	char *end;

	if (host_read_file(path, &sb) == 0 && sb.len) {
		sb.s[strcspn(sb.s, "\n")] = '\0';
		long long v = strtoll(sb.s, &end, 10);

		j = *sb.s && *end == '\0' ? json_integer(v) : host_string(sb.s);
	}
	strbuf_finish(&sb);
	return j;
}

/* A file of the form "always [madvise] never": the chosen word. */
json_t *host_file_choice(const char *path)
{
	struct strbuf sb = {0};
	json_t *j = NULL;
	char *open, *close;

	if (host_read_file(path, &sb) == 0 && sb.len) {
		open = strchr(sb.s, '[');
		close = open ? strchr(open, ']') : NULL;
		if (close) {
			*close = '\0';
			j = host_string(open + 1);
		} else {
			sb.s[strcspn(sb.s, "\n")] = '\0';
			j = host_string(sb.s);
		}
	}
	strbuf_finish(&sb);
	return j;
}

/* ---- zones ---- */

static const struct {
	const char *word, *key;
} zone_fields[] = {
	{"min", "min_pages"},	      {"low", "low_pages"},	    {"high", "high_pages"},
	{"promo", "promo_pages"},     {"boost", "boost_pages"},	    {"spanned", "spanned_pages"},
	{"present", "present_pages"}, {"managed", "managed_pages"}, {"start_pfn:", "start_pfn"},
};

static void zone_line(json_t *zone, const char *line)
{
	char word[64];
	uint64_t v;

	if (sscanf(line, " pages free %" SCNu64, &v) == 1) {
		json_object_set_new(zone, "free_pages", json_integer((json_int_t)v));
	} else if (sscanf(line, " protection: (%[^)])", word) == 1) {
		json_object_set_new(zone, "protection", json_string(word));
	} else if (sscanf(line, "%63s %" SCNu64, word, &v) == 2) {
		for (size_t i = 0; i < sizeof(zone_fields) / sizeof(zone_fields[0]); i++) {
			/* The first value counts: "high" comes again for each CPU's lists. */
			if (strcmp(word, zone_fields[i].word) == 0 &&
			    (json_object_get(zone, zone_fields[i].key) == NULL))
				json_object_set_new(zone, zone_fields[i].key,
						    json_integer((json_int_t)v));
		}
	}
}

json_t *host_zones_parse(const char *text)
{
	json_t *zones = json_array(), *zone = NULL;
	char line[512], name[64];
	unsigned node;

	for (const char *p = text; p && *p;) {
		size_t n = strcspn(p, "\n"), copy = n < sizeof(line) - 1 ? n : sizeof(line) - 1;

		memcpy(line, p, copy);
		line[copy] = '\0';
		p += n + (p[n] == '\n');
		if (sscanf(line, "Node %u, zone %63s", &node, name) == 2) {
			zone = json_object();
			json_object_set_new(zone, "node", json_integer(node));
			json_object_set_new(zone, "zone", json_string(name));
			json_array_append_new(zones, zone);
		} else if (zone) {
			zone_line(zone, line);
		}
	}
	return zones;
}

json_t *host_zones(void)
{
	struct strbuf sb = {0};
	json_t *zones = NULL;

	if (host_read_file("/proc/zoneinfo", &sb) == 0 && sb.len)
		zones = host_zones_parse(sb.s);
	strbuf_finish(&sb);
	return zones;
}

/* ---- cgroup ---- */

/* Mount point of cgroup version 2, or of version 1's memory controller; false when not mounted. */
static bool cgroup_mount(int version, char *ret, size_t size)
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char dir[PATH_MAX], type[64], opts[1024];
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && fscanf(f, "%*s %4095s %63s %1023s %*d %*d\n", dir, type, opts) == 3) {
		if (version == 2)
			found = strcmp(type, "cgroup2") == 0;
		else
			found = strcmp(type, "cgroup") == 0 && strstr(opts, "memory") != NULL;
	}
	fclose(f);
	if (found)
		snprintf(ret, size, "%s", dir);
	return found;
}

/* The folder of a process's memory cgroup; its version, or 0 when there is none. */
static int cgroup_dir(pid_t pid, char *ret, size_t size)
{
	char path[64], mnt[PATH_MAX];
	struct strbuf sb = {0};
	int version = 0;

	snprintf(path, sizeof(path), pid ? "/proc/%d/cgroup" : "/proc/self/cgroup", (int)pid);
	if (host_read_file(path, &sb) || sb.len == 0) {
		strbuf_finish(&sb);
		return 0;
	}
	char *v1 = strstr(sb.s, ":memory:"), *v2 = strstr(sb.s, "0::"), *rel = NULL;

	if (v1 && cgroup_mount(1, mnt, sizeof(mnt))) {
		version = 1;
		rel = v1 + 8;
	} else if (v2 && cgroup_mount(2, mnt, sizeof(mnt))) {
		version = 2;
		rel = v2 + 3;
	}
	if (version) {
		rel[strcspn(rel, "\n")] = '\0';
		if (snprintf(ret, size, "%s%s", mnt, rel) >= (int)size || access(ret, F_OK) < 0)
			snprintf(ret, size, "%s", mnt);
	}
	strbuf_finish(&sb);
	return version;
}

/* "max", and version 1's largest page count, are no limit: null. */
static json_t *limit_value(const char *text)
{
	if (strncmp(text, "max", 3) == 0 || strtoull(text, NULL, 10) >= INT64_MAX / 4096 * 4096)
		return json_null();
	return json_integer(strtoll(text, NULL, 10));
}

/* The least limit of a file in a version 2 group and in those above it, up to the mount. */
static json_t *least_limit(const char *dir, const char *file)
{
	char at[PATH_MAX], path[PATH_MAX + 64];
	json_t *least = json_null();

	snprintf(at, sizeof(at), "%s", dir);
	for (char *slash = at + strlen(at); slash; slash = strrchr(at, '/')) {
		struct strbuf sb = {0};

		*slash = '\0';
		snprintf(path, sizeof(path), "%s/%s", at, file);
		if (host_read_file(path, &sb) == 0 && sb.len) {
			json_t *v = limit_value(sb.s);

			if (json_is_integer(v) && (json_is_null(least) ||
						   json_integer_value(v) < json_integer_value(least)))
				least = json_incref(v);
			json_decref(v);
		}
		strbuf_finish(&sb);
	}
	return least;
}

/* The same of version 1, which adds them up itself: a line of memory.stat. */
static json_t *hierarchical_limit(const char *dir, const char *name)
{
	char path[PATH_MAX + 64];
	struct strbuf sb = {0};
	json_t *j = NULL;

	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	if (host_read_file(path, &sb) == 0 && sb.len) {
		char *line = strstr(sb.s, name);

		if (line)
			j = limit_value(line + strlen(name) + 1);
	}
	strbuf_finish(&sb);
	return j;
}

json_t *host_cgroup(pid_t pid)
{
	static const char *const v1[] = {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
					 "memory.soft_limit_in_bytes", "memory.swappiness",
					 "memory.usage_in_bytes", NULL};
	static const char *const v2[] = {"memory.max", "memory.high", "memory.low", "memory.min",
					 "memory.swap.max", "memory.swap.high", "memory.zswap.max",
					 "memory.oom.group", "memory.current", NULL};
	char dir[PATH_MAX], path[PATH_MAX + 64];
	int version = cgroup_dir(pid, dir, sizeof(dir));

	if (version == 0)
		return NULL;
	json_t *j = json_object();

	json_object_set_new(j, "version", json_integer(version));
	for (const char *const *f = version == 1 ? v1 : v2; *f; f++) {
		struct strbuf sb = {0};

		snprintf(path, sizeof(path), "%s/%s", dir, *f);
		if (host_read_file(path, &sb) == 0 && sb.len)
			json_object_set_new(j, *f, limit_value(sb.s));
		strbuf_finish(&sb);
	}
	/* What really holds: limits of the groups above, too. */
	if (version == 1) {
		host_put(j, "limit_bytes", hierarchical_limit(dir, "hierarchical_memory_limit"));
		host_put(j, "memory_and_swap_limit_bytes", hierarchical_limit(dir, "hierarchical_memsw_limit"));
	} else {
		host_put(j, "limit_bytes", least_limit(dir, "memory.max"));
		host_put(j, "high_bytes", least_limit(dir, "memory.high"));
		host_put(j, "swap_limit_bytes", least_limit(dir, "memory.swap.max"));
	}
	return j;
}

/* PSI: "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" as `psi_memory_some_us 123`. */
static void add_pressure(const char *path, struct strbuf *sb)
{
	struct strbuf text = {0};
	char word[8];
	uint64_t total;

	if (host_read_file(path, &text) == 0 && text.len) {
		for (const char *line = text.s; *line; line += strcspn(line, "\n") + 1) {
			if (sscanf(line, "%7s %*s %*s %*s total=%" SCNu64, word, &total) == 2)
				strbuf_addf(sb, "psi_memory_%s_us %" PRIu64 "\n", word, total);
			if (line[strcspn(line, "\n")] == '\0')
				break;
		}
	}
	strbuf_finish(&text);
}

static int cgroup_counters(pid_t pid, struct strbuf *sb)
{
	static const char *const single[] = {"memory.current", "memory.peak", "memory.swap.current",
					     "memory.usage_in_bytes", "memory.max_usage_in_bytes",
					     "memory.memsw.usage_in_bytes", "memory.failcnt"};
	char dir[PATH_MAX], path[PATH_MAX + 64];
	uint64_t v;

	if (cgroup_dir(pid, dir, sizeof(dir)) == 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	int ret = host_read_file(path, sb);

	for (size_t i = 0; ret == 0 && i < sizeof(single) / sizeof(single[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, single[i]);
		if (host_read_u64(path, &v) == 0)
			strbuf_addf(sb, "%s %" PRIu64 "\n", single[i], v);
	}
	snprintf(path, sizeof(path), "%s/memory.events", dir);
	if (ret == 0)
		host_read_file(path, sb);
	snprintf(path, sizeof(path), "%s/memory.pressure", dir);
	add_pressure(path, sb);
	return ret;
}

static int host_vmstat(struct strbuf *sb)
{
	int ret = host_read_file("/proc/vmstat", sb);

	add_pressure("/proc/pressure/memory", sb);
	return ret;
}

int host_counters(enum mmr_scope scope, pid_t pid, struct strbuf *sb)
{
	switch (scope) {
	case MMR_SCOPE_HOST:
		return host_vmstat(sb);
	case MMR_SCOPE_BUDDYINFO:
		return host_read_file("/proc/buddyinfo", sb);
	case MMR_SCOPE_ZONEINFO:
		return host_read_file("/proc/zoneinfo", sb);
	case MMR_SCOPE_PAGETYPEINFO:
		return host_read_file("/proc/pagetypeinfo", sb);
	case MMR_SCOPE_CGROUP:
		return cgroup_counters(pid, sb);
	default:
		return -EINVAL;
	}
}
