/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * /proc/PID: stat, status, maps, pagemap, numa_maps, smaps_rollup.
 *
 * Bounds: maps and numa_maps are read a line at a time, pagemap 4096 entries at a time, and the
 * rest are files of a few KiB. The text of a file in /proc is consistent within one read of at most
 * one page, so a consistent picture needs a stopped process; callers that read a running one say so
 * in the trace.
 */
#include "capture/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "capture/host.h"
#include "capture/kpage.h"

/* ---- stat and status ---- */

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; shown since 2.6.26 with this value */

int proc_parse_stat(char *text, struct proc_stat *ret)
{
	/* Fields are counted from 1 as proc(5) does; the name may hold blanks and brackets. */
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	char *save = NULL;

	if (open == NULL || close == NULL || close < open)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	*close = '\0';
	snprintf(ret->comm, sizeof(ret->comm), "%s", open + 1);
	int field = 3;

	for (char *s = strtok_r(close + 1, " \n", &save); s; s = strtok_r(NULL, " \n", &save)) {
		uint64_t v = strtoull(s, NULL, 10);

		switch (field++) {
		case 4:
			ret->ppid = (pid_t)v;
			break;
		case 9:
			ret->kthread = v & PF_KTHREAD;
			break;
		case 10:
			ret->min_flt = v;
			break;
		case 12:
			ret->maj_flt = v;
			break;
		case 20:
			ret->nr_threads = v;
			break;
		case 28:
			ret->start_stack = v;
			break;
		case 39:
			ret->cpu = (unsigned)v;
			break;
		case 47:
			ret->start_brk = v;
			break;
		case 48:
			ret->arg_start = v;
			break;
		case 49:
			ret->arg_end = v;
			break;
		case 50:
			ret->env_start = v;
			break;
		case 51:
			ret->env_end = v;
			break;
		}
	}
	return field > 20 ? 0 : -EINVAL;
}

int proc_stat(struct proc_ref ref, struct proc_stat *ret)
{
	char path[64];
	struct strbuf sb = {0};

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)ref.pid);
	int err = host_read_file(path, &sb);

	if (!err)
		err = sb.len ? proc_parse_stat(sb.s, ret) : -ESRCH;
	strbuf_finish(&sb);
	return err;
}

/* The number after "name:" at the start of a line; false when there is no such line. */
static bool text_field(const char *text, const char *name, uint64_t *ret)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			*ret = strtoull(line + len + 1, NULL, 10);
			return true;
		}
		if (*line == '\0')
			break;
	}
	return false;
}

int proc_status_ids(pid_t tid, pid_t *ret_pid, pid_t *ret_ppid)
{
	char path[64];
	struct strbuf sb = {0};
	uint64_t pid, ppid;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	int err = host_read_file(path, &sb);

	if (!err &&
	    (sb.len == 0 || !text_field(sb.s, "Tgid", &pid) || !text_field(sb.s, "PPid", &ppid)))
		err = -ESRCH;
	if (!err) {
		*ret_pid = (pid_t)pid;
		if (ret_ppid)
			*ret_ppid = (pid_t)ppid;
	}
	strbuf_finish(&sb);
	return err;
}

static int compare_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The names in a folder that are numbers, in ascending order. */
static int list_ids(const char *path, proc_tids *tids)
{
	DIR *dir = opendir(path);

	if (dir == NULL)
		return errno == ENOENT ? -ESRCH : -errno;
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		if (d->d_name[0] >= '0' && d->d_name[0] <= '9')
			*vec_push(tids) = (pid_t)strtol(d->d_name, NULL, 10);
	}
	closedir(dir);
	if (tids->nr == 0)
		return -ESRCH;
	/* no ties: an id is there once */
	qsort(tids->data, tids->nr, sizeof(tids->data[0]), compare_pid);
	return 0;
}

int proc_threads(pid_t pid, proc_tids *tids)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return list_ids(path, tids);
}

int proc_processes(proc_tids *pids)
{
	return list_ids("/proc", pids);
}

/* ---- maps ---- */

int proc_parse_map(char *line, struct proc_map *map)
{
	char perm[5];
	unsigned major, minor;
	int name_at = 0;

	memset(map, 0, sizeof(*map));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &map->start,
		   &map->end, perm, &map->offset, &major, &minor, &map->ino, &name_at) != 7)
		return -EINVAL;
	if (map->start >= map->end || strlen(perm) != 4)
		return -EINVAL;
	map->prot = (perm[0] == 'r' ? PROT_READ : 0) | (perm[1] == 'w' ? PROT_WRITE : 0) |
		    (perm[2] == 'x' ? PROT_EXEC : 0);
	map->shared = perm[3] == 's';
	map->dev = makedev(major, minor);
	map->name = line + name_at + strspn(line + name_at, " ");
	return 0;
}

static FILE *open_mm_file(struct proc_ref ref, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)ref.pid, (int)ref.tid, name);
	return fopen(path, "re");
}

int proc_maps(struct proc_ref ref, proc_map_fn *fn, void *ctx)
{
	FILE *f = open_mm_file(ref, "maps");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (f == NULL)
		return -errno;
	for (ssize_t n; err == 0 && (n = getline(&line, &size, f)) > 0;) {
		struct proc_map map;

		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (proc_parse_map(line, &map) == 0)
			err = fn(ctx, &map);
	}
	free(line);
	fclose(f);
	return err;
}

/* ---- pagemap ---- */

#define PM_PRESENT    (1ull << 63)
#define PM_SWAPPED    (1ull << 62)
#define PM_FILE	      (1ull << 61) /* file page or shared anonymous page */
#define PM_EXCLUSIVE  (1ull << 56)
#define PM_PFN(entry) ((entry) & ((1ull << 55) - 1))

struct resident_walk {
	proc_pages_fn *fn;
	void *ctx;
	struct proc_pages run; /* nr 0: none yet */
	uint64_t page_bytes;
	struct kpage *kpage;
};

static uint64_t entry_flags(struct resident_walk *w, uint64_t entry, uint64_t pfn)
{
	uint64_t flags = entry & PM_FILE ? MMR_RES_FILE : MMR_RES_ANON;
	uint64_t kflags;

	if (entry & PM_SWAPPED)
		return MMR_RES_ANON | MMR_RES_SWAPPED;
	if (entry & PM_EXCLUSIVE)
		flags |= MMR_RES_EXCLUSIVE;
	if (pfn && kpage_flags(w->kpage, pfn, &kflags) == 0) {
		if (kflags & KPAGE_ZERO)
			flags = MMR_RES_ZERO;
		if (kflags & KPAGE_DIRTY)
			flags |= MMR_RES_DIRTY;
	}
	return flags;
}

static int walk_entry(struct resident_walk *w, uint64_t addr, uint64_t entry)
{
	uint64_t pfn = entry & PM_SWAPPED ? 0 : PM_PFN(entry);
	uint64_t flags = entry & (PM_PRESENT | PM_SWAPPED) ? entry_flags(w, entry, pfn) : 0;
	struct proc_pages *run = &w->run;
	int err = 0;

	if (run->nr && flags == run->flags && addr == run->addr + run->nr * w->page_bytes &&
	    (pfn ? run->pfn && pfn == run->pfn + run->nr : run->pfn == 0)) {
		run->nr++;
		return 0;
	}
	if (run->nr)
		err = w->fn(w->ctx, run);
	*run = (struct proc_pages){.addr = addr, .nr = flags ? 1 : 0, .flags = flags, .pfn = pfn};
	return err;
}

int proc_resident(struct proc_ref ref, uint64_t start, uint64_t end, proc_pages_fn *fn, void *ctx)
{
	uint64_t entries[512];
	char path[96];
	struct kpage kpage;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/pagemap", (int)ref.pid, (int)ref.tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	kpage_open(&kpage);
	struct resident_walk w = {.fn = fn,
				  .ctx = ctx,
				  .kpage = &kpage,
				  .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE)};

	for (uint64_t addr = start; err == 0 && addr < end;) {
		uint64_t want = (end - addr) / w.page_bytes;
		ssize_t n = pread(fd, entries, 8 * (want < 512 ? want : 512),
				  (off_t)(addr / w.page_bytes * 8));

		if (n < 8) {
			err = n < 0 ? -errno : 0;
			break;
		}
		for (ssize_t i = 0; err == 0 && i < n / 8; i++, addr += w.page_bytes)
			err = walk_entry(&w, addr, entries[i]);
	}
	if (err == 0 && w.run.nr)
		err = fn(ctx, &w.run);
	kpage_close(&kpage);
	close(fd);
	return err;
}

/* ---- counters ---- */

struct status_row {
	const char *field; /* of /proc/PID/status or smaps_rollup, in KiB */
	const char *name;  /* ours */
	bool pages;	   /* written in base pages, else in bytes */
};

static const struct status_row status_rows[] = {
	{"RssAnon", "rss_anon_pages", true},	  {"RssFile", "rss_file_pages", true},
	{"RssShmem", "rss_shmem_pages", true},	  {"VmSwap", "swap_pages", true},
	{"VmHWM", "rss_peak_pages", true},	  {"VmSize", "vm_pages", true},
	{"VmPeak", "vm_peak_pages", true},	  {"VmData", "data_pages", true},
	{"VmStk", "stack_pages", true},		  {"VmLck", "locked_pages", true},
	{"VmPin", "pinned_pages", true},	  {"VmPTE", "pgtables_bytes", false},
	{"HugetlbPages", "hugetlb_bytes", false},
};

static const struct status_row rollup_rows[] = {
	{"Rss", "rollup_rss_pages", true},
	{"Pss", "rollup_pss_bytes", false},
	{"Shared_Clean", "rollup_shared_clean_pages", true},
	{"Shared_Dirty", "rollup_shared_dirty_pages", true},
	{"Private_Clean", "rollup_private_clean_pages", true},
	{"Private_Dirty", "rollup_private_dirty_pages", true},
	{"Anonymous", "rollup_anon_pages", true},
	{"AnonHugePages", "anon_huge_bytes", false},
	{"ShmemPmdMapped", "shmem_huge_bytes", false},
	{"FilePmdMapped", "file_huge_bytes", false},
	{"Swap", "rollup_swap_pages", true},
	{"Locked", "rollup_locked_pages", true},
};

static int add_rows(struct proc_ref ref, const char *file, const struct status_row *rows, size_t nr,
		    struct strbuf *sb)
{
	char path[96];
	struct strbuf text = {0};
	uint64_t page_kib = (uint64_t)sysconf(_SC_PAGESIZE) / 1024, kib;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)ref.pid, (int)ref.tid, file);
	int err = host_read_file(path, &text);

	for (size_t i = 0; !err && text.len && i < nr; i++) {
		if (text_field(text.s, rows[i].field, &kib))
			strbuf_addf(sb, "%s %" PRIu64 "\n", rows[i].name,
				    rows[i].pages ? kib / page_kib : kib * 1024);
	}
	strbuf_finish(&text);
	return err;
}

static int count_map(void *ctx, const struct proc_map *map)
{
	/* The vsyscall page is shown with every process and belongs to none. */
	*(uint64_t *)ctx += strcmp(map->name, "[vsyscall]") != 0;
	return 0;
}

/* Sums the "N<node>=<pages>" words of numa_maps. */
static void add_numa(struct proc_ref ref, struct strbuf *sb)
{
	enum { NODES = 64 };
	uint64_t pages[NODES] = {0};
	FILE *f = open_mm_file(ref, "numa_maps");
	char *line = NULL;
	size_t size = 0;

	if (f == NULL)
		return;
	while (getline(&line, &size, f) > 0) {
		for (char *s = line; (s = strstr(s, " N")) != NULL; s += 2) {
			unsigned node;
			uint64_t nr;

			if (sscanf(s, " N%u=%" SCNu64, &node, &nr) == 2 && node < NODES)
				pages[node] += nr;
		}
	}
	free(line);
	fclose(f);
	for (int i = 0; i < NODES; i++) {
		if (pages[i])
			strbuf_addf(sb, "node%d_pages %" PRIu64 "\n", i, pages[i]);
	}
}

int proc_counters(struct proc_ref ref, struct strbuf *sb)
{
	struct proc_stat st;
	uint64_t nr_vmas = 0;
	int err = proc_stat(ref, &st);

	if (err)
		return err;
	strbuf_addf(sb, "min_flt %" PRIu64 "\nmaj_flt %" PRIu64 "\nnr_threads %" PRIu64 "\n",
		    st.min_flt, st.maj_flt, st.nr_threads);
	add_rows(ref, "status", status_rows, sizeof(status_rows) / sizeof(status_rows[0]), sb);
	if (proc_maps(ref, count_map, &nr_vmas) == 0)
		strbuf_addf(sb, "nr_vmas %" PRIu64 "\n", nr_vmas);
	add_rows(ref, "smaps_rollup", rollup_rows, sizeof(rollup_rows) / sizeof(rollup_rows[0]),
		 sb);
	add_numa(ref, sb);
	return 0;
}
