/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Runs a command in a memory cgroup of its own with limits, address space randomisation off, and prints what
 * the kernel counted for it: the truth that a replay is held against.
 *
 *	native-run [-l BYTES] [-s BYTES] [-w SWAPPINESS] [-c CPU] COMMAND ARGUMENT...
 *	-l	limit of the group; -s limit of memory and swap together; -c bind to this CPU
 *
 * Output, one `name value` a line:
 *	status N		as wait(2) reports it
 *	min_flt, maj_flt N	of all its processes, between execve and exit; min_flt with the pages that
 *				execve itself made
 *	memcg.NAME N		sums of memcg:count_memcg_events for the group, under the names of /proc/vmstat
 *	stat.NAME N		memory.stat of the group at the exit of the last process (pages or bytes as there)
 *	peak_bytes, usage_bytes N	memory.max_usage_in_bytes, memory.usage_in_bytes there
 *	vmstat.NAME N		changes of /proc/vmstat between execve and the end: of the whole machine
 *	lost N			events of the tracepoint that were lost
 *
 * Groups: version 1 (/sys/fs/cgroup/memory) or 2 (/sys/fs/cgroup). Exit status 77 where the host has neither,
 * or permits no ptrace or tracepoint.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CPUS 64
#define MAX_ITEMS 512
#define MAX_PROCS 16
#define RING_BYTES (16ul << 20)
#define V1 "/sys/fs/cgroup/memory"
#define V2 "/sys/fs/cgroup"

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	uint64_t tail;
};

struct proc {
	pid_t pid;
	long min_at_exec, maj_at_exec, exec_pages;
};

struct run {
	const char *limit, *swap_limit, *swappiness;
	int cpu, is_v2;
	char group[128];
	struct ring ring[MAX_CPUS];
	int nr_rings;
	struct { uint64_t id; uint64_t item[MAX_ITEMS]; } memcg[256];
	int nr_memcgs, ours;	/* index of our group; -1 unknown */
	uint64_t lost;
	unsigned id_at, item_at, val_at;
	struct proc proc[MAX_PROCS];
	int nr_procs, nr_alive, status;
	long min_flt, maj_flt;
	pid_t root;
	char names[MAX_ITEMS][48];
	int nr_names, first_event;
	uint64_t vmstat[MAX_ITEMS];
	char stat[8192];
	uint64_t peak, usage;
};

static int skip(const char *what)
{
	fprintf(stderr, "not permitted here: %s: %s\n", what, strerror(errno));
	return 77;
}

/* ---- small files ---- */

static long read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	long n, len = 0;

	if (fd < 0)
		return -1;
	while (len < (long)size - 1 && (n = read(fd, buf + len, size - 1 - (size_t)len)) > 0)
		len += n;
	close(fd);
	buf[len] = '\0';
	return len;
}

static int write_group(const struct run *r, const char *file, const char *text)
{
	char path[256];
	int fd, ok;

	snprintf(path, sizeof(path), "%s/%s", r->group, file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok ? 0 : -1;
}

static uint64_t read_group(const struct run *r, const char *file)
{
	char path[256], text[64];

	snprintf(path, sizeof(path), "%s/%s", r->group, file);
	return read_text(path, text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

/* ---- the group ---- */

static int make_group(struct run *r)
{
	r->is_v2 = access(V1 "/memory.limit_in_bytes", F_OK) != 0 && access(V2 "/cgroup.controllers", F_OK) == 0;
	if (r->is_v2) {
		int fd = open(V2 "/cgroup.subtree_control", O_WRONLY);

		if (fd >= 0) {
			if (write(fd, "+memory", 7) != 7)
				perror("cgroup.subtree_control");
			close(fd);
		}
	}
	snprintf(r->group, sizeof(r->group), "%s/mmreplay-oracle-%d", r->is_v2 ? V2 : V1, (int)getpid());
	if (mkdir(r->group, 0755))
		return -1;
	if (r->swappiness && !r->is_v2 && write_group(r, "memory.swappiness", r->swappiness))
		return -1;
	if (r->limit && write_group(r, r->is_v2 ? "memory.max" : "memory.limit_in_bytes", r->limit))
		return -1;
	if (r->swap_limit)
		return write_group(r, r->is_v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
				   r->swap_limit);
	return 0;
}

/* ---- the tracepoint ---- */

static unsigned field_offset(const char *text, const char *name)
{
	char want[64], *p;
	unsigned at = 0;

	snprintf(want, sizeof(want), " %s;\toffset:", name);
	p = strstr(text, want);
	if (p)
		sscanf(p + strlen(want), "%u", &at);
	return at;
}

static int open_rings(struct run *r)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_RAW, .sample_period = 1, .wakeup_watermark = 1 << 20,
		.watermark = 1 };
	static char text[8192];
	char *id;

	if (read_text("/sys/kernel/tracing/events/memcg/count_memcg_events/format", text, sizeof(text)) <= 0)
		return -1;
	id = strstr(text, "ID: ");
	if (!id)
		return -1;
	attr.config = strtoull(id + 4, NULL, 10);
	r->id_at = field_offset(text, "id");
	r->item_at = field_offset(text, "item");
	r->val_at = field_offset(text, "val");
	for (int cpu = 0; cpu < (int)sysconf(_SC_NPROCESSORS_CONF) && cpu < MAX_CPUS; cpu++) {
		struct ring *ring = &r->ring[r->nr_rings];

		ring->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
		if (ring->fd < 0)
			return -1;
		ring->page = mmap(NULL, RING_BYTES + 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
		if (ring->page == MAP_FAILED)
			return -1;
		r->nr_rings++;
	}
	return 0;
}

static void count_event(struct run *r, uint32_t pid, const char *raw, uint32_t size)
{
	uint64_t id, val;
	int32_t item;
	int i;

	if (r->val_at + 8 > size)
		return;
	memcpy(&id, raw + r->id_at, 8);
	memcpy(&item, raw + r->item_at, 4);
	memcpy(&val, raw + r->val_at, 8);
	for (i = 0; i < r->nr_memcgs && r->memcg[i].id != id; i++)
		;
	if (i == r->nr_memcgs) {
		if (i == 256)
			return;
		r->memcg[r->nr_memcgs++].id = id;
	}
	if (item >= 0 && item < MAX_ITEMS)
		r->memcg[i].item[item] += val;
	/* The group of the command: the last new one that its first process counts in. */
	if ((pid_t)pid == r->root)
		r->ours = i;
}

static void drain(struct run *r, struct ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	const char *data = (const char *)ring->page + 4096;
	static char rec[65536];

	while (ring->tail < head) {
		struct perf_event_header h;
		uint32_t pid, size;

		for (unsigned i = 0; i < sizeof(h); i++)
			((char *)&h)[i] = data[(ring->tail + i) % RING_BYTES];
		for (unsigned i = 0; i < h.size; i++)
			rec[i] = data[(ring->tail + i) % RING_BYTES];
		ring->tail += h.size;
		if (h.type == PERF_RECORD_LOST) {
			uint64_t lost;

			memcpy(&lost, rec + 16, 8);
			r->lost += lost;
		}
		if (h.type != PERF_RECORD_SAMPLE)
			continue;
		memcpy(&pid, rec + 8, 4);
		memcpy(&size, rec + 16, 4);
		count_event(r, pid, rec + 20, size);
	}
	__atomic_store_n(&ring->page->data_tail, ring->tail, __ATOMIC_RELEASE);
}

/* ---- vmstat: the machine's counters, and the names of the tracepoint's items ---- */

static void read_vmstat(struct run *r, int is_end)
{
	static char text[65536];
	char *save = NULL;
	int i = 0;

	read_text("/proc/vmstat", text, sizeof(text));
	for (char *line = strtok_r(text, "\n", &save); line && i < MAX_ITEMS; line = strtok_r(NULL, "\n", &save)) {
		char name[48];
		unsigned long long v;

		if (sscanf(line, "%47s %llu", name, &v) != 2)
			continue;
		if (!is_end && !strcmp(name, "pgpgin"))
			r->first_event = i;
		strcpy(r->names[i], name);
		r->vmstat[i] = is_end ? v - r->vmstat[i] : v;
		i++;
	}
	r->nr_names = i;
}

/* ---- the processes ---- */

static void stat_faults(pid_t pid, long *min, long *maj)
{
	char path[64], text[2048] = "", *s;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	read_text(path, text, sizeof(text));
	s = strrchr(text, ')');
	if (s)
		sscanf(s + 2, "%*c %*d %*d %*d %*d %*d %*u %ld %*u %ld", min, maj);
}

static long rss_anon(pid_t pid)
{
	char path[64], text[4096] = "", *s;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	read_text(path, text, sizeof(text));
	s = strstr(text, "RssAnon:");
	return s ? strtol(s + 8, NULL, 10) / 4 : 0;
}

static struct proc *find_proc(struct run *r, pid_t pid)
{
	for (int i = 0; i < r->nr_procs; i++)
		if (r->proc[i].pid == pid)
			return &r->proc[i];
	if (r->nr_procs == MAX_PROCS)
		return NULL;
	r->proc[r->nr_procs].pid = pid;
	return &r->proc[r->nr_procs++];
}

static void at_exit_stop(struct run *r, pid_t pid)
{
	struct proc *p = find_proc(r, pid);
	char path[256];
	long min = 0, maj = 0;

	if (!p)
		return;
	stat_faults(pid, &min, &maj);
	r->min_flt += min - p->min_at_exec + p->exec_pages;
	r->maj_flt += maj - p->maj_at_exec;
	if (pid != r->root)
		return;
	snprintf(path, sizeof(path), "%s/memory.stat", r->group);
	read_text(path, r->stat, sizeof(r->stat));
	r->peak = read_group(r, r->is_v2 ? "memory.peak" : "memory.max_usage_in_bytes");
	r->usage = read_group(r, r->is_v2 ? "memory.current" : "memory.usage_in_bytes");
}

static void serve_stops(struct run *r)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		int event = status >> 16;
		struct proc *p;

		if (!WIFSTOPPED(status)) {
			r->nr_alive -= pid == r->root;
			if (pid == r->root)
				r->status = status;
			continue;
		}
		if (event == PTRACE_EVENT_EXEC && (p = find_proc(r, pid))) {
			stat_faults(pid, &p->min_at_exec, &p->maj_at_exec);
			p->exec_pages = rss_anon(pid);
			read_vmstat(r, 0);
		} else if (event == PTRACE_EVENT_EXIT) {
			at_exit_stop(r, pid);
		}
		ptrace(event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP ? PTRACE_LISTEN : PTRACE_CONT, pid, 0,
		       event || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	}
}

/* Between fork and execve; 127 when there is no such command. */
static void child(struct run *r, char **argv)
{
	if (r->cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(r->cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	personality(ADDR_NO_RANDOMIZE);
	write_group(r, "cgroup.procs", "0");
	raise(SIGSTOP);
	execv(argv[0], argv);
	_exit(127);
}

static int start(struct run *r, char **argv)
{
	int status;

	r->root = fork();
	if (r->root == 0)
		child(r, argv);
	if (r->root < 0 || waitpid(r->root, &status, WUNTRACED) != r->root)
		return -1;
	if (ptrace(PTRACE_SEIZE, r->root, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK |
		   PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK)) {
		kill(r->root, SIGKILL);
		return -1;
	}
	r->nr_alive = 1;
	kill(r->root, SIGCONT);
	return 0;
}

static void loop(struct run *r, int sigfd)
{
	struct pollfd fds[MAX_CPUS + 1] = { { .fd = sigfd, .events = POLLIN } };
	struct signalfd_siginfo si;

	for (int i = 0; i < r->nr_rings; i++)
		fds[i + 1] = (struct pollfd){ .fd = r->ring[i].fd, .events = POLLIN };
	while (r->nr_alive) {
		poll(fds, (nfds_t)r->nr_rings + 1, 100);
		while (read(sigfd, &si, sizeof(si)) == sizeof(si))
			;
		serve_stops(r);
		for (int i = 0; i < r->nr_rings; i++)
			drain(r, &r->ring[i]);
	}
}

static void print(struct run *r)
{
	char *save = NULL;

	printf("status %d\nmin_flt %ld\nmaj_flt %ld\npeak_bytes %llu\nusage_bytes %llu\nlost %llu\n", r->status,
	       r->min_flt, r->maj_flt, (unsigned long long)r->peak, (unsigned long long)r->usage,
	       (unsigned long long)r->lost);
	for (int i = 0; r->ours >= 0 && i + r->first_event < r->nr_names; i++)
		if (r->memcg[r->ours].item[i])
			printf("memcg.%s %llu\n", r->names[r->first_event + i],
			       (unsigned long long)r->memcg[r->ours].item[i]);
	for (char *line = strtok_r(r->stat, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("stat.%s\n", line);
	for (int i = r->first_event; i < r->nr_names; i++)
		printf("vmstat.%s %lld\n", r->names[i], (long long)r->vmstat[i]);
	for (int i = 0; i < r->first_event; i++)
		if (!strncmp(r->names[i], "workingset_", 11))
			printf("vmstat.%s %lld\n", r->names[i], (long long)r->vmstat[i]);
}

int main(int argc, char **argv)
{
	static struct run run = { .cpu = -1, .ours = -1 };
	sigset_t mask;
	int opt, sigfd, ret = 0;

	while ((opt = getopt(argc, argv, "+l:s:w:c:")) != -1) {
		switch (opt) {
		case 'l': run.limit = optarg; break;
		case 's': run.swap_limit = optarg; break;
		case 'w': run.swappiness = optarg; break;
		case 'c': run.cpu = atoi(optarg); break;
		default: return 2;
		}
	}
	if (optind == argc)
		return 2;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sigfd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (make_group(&run)) {
		ret = skip("memory cgroup");
		rmdir(run.group);
		return ret;
	}
	if (open_rings(&run))
		fprintf(stderr, "no memcg:count_memcg_events: %s\n", strerror(errno));
	read_vmstat(&run, 0);
	if (start(&run, argv + optind)) {
		ret = skip("ptrace");
	} else {
		loop(&run, sigfd);
		read_vmstat(&run, 1);
		print(&run);
	}
	/* Cached pages go to the parent group with it. */
	if (!run.is_v2)
		write_group(&run, "memory.force_empty", "0");
	for (int i = 0; rmdir(run.group) && i < 100; i++)
		usleep(10000);
	return ret;
}
