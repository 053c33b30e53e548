/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The checks of `mmreplay doctor`. Each one tries what a capture would do, and undoes it: a
 * capability or a sysctl alone does not tell what a container, a hypervisor or a security module
 * permits.
 */
#include "capture/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "capture/event-names.h"
#include "capture/host.h"
#include "capture/kpage.h"
#include "capture/filecalls.h"
#include "capture/memcg-events.h"
#include "capture/nodemask.h"
#include "capture/perf-ring.h"

#define ROOT_OR_PERFMON \
	"run as root, or 'setcap cap_perfmon,cap_sys_ptrace+ep' on the mmreplay program"

static char *format(const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	return xstrdup(text);
}

static struct probe *add(struct probes *out, const char *key, const char *what,
			 enum probe_state state, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static struct probe *add(struct probes *out, const char *key, const char *what,
			 enum probe_state state, const char *fmt, ...)
{
	struct probe *p = vec_push(out);
	va_list ap;

	*p = (struct probe){.key = key, .what = what, .state = state};
	va_start(ap, fmt);
	p->finding = format(fmt, ap);
	va_end(ap);
	return p;
}

static void explain(struct probe *p, const char *cure, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void explain(struct probe *p, const char *cure, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	p->cause = format(fmt, ap);
	va_end(ap);
	p->cure = cure ? xstrdup(cure) : NULL;
}

/* ---- perf events ---- */

static int try_attr(struct perf_event_attr *attr)
{
	int fd = perf_try_open(attr);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static const char *open_cause(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return "kernel.perf_event_paranoid forbids it to this user, or a container does";
	case -ENOSYS:
		return "this kernel has no perf events, or a seccomp filter hides them";
	case -ENOENT:
	case -EOPNOTSUPP:
		return "the processor or the hypervisor does not offer it";
	default:
		return strerror(-err);
	}
}

/* Faults in the order of what is best: with kernel side and frames, without frames, without the
 * kernel side. */
static bool probe_faults(struct probes *out)
{
	const char *what = "page faults, tasks and mappings (method perf)";
	struct perf_event_attr attr;
	uint64_t paranoid = 0;
	struct probe *p;

	host_read_u64("/proc/sys/kernel/perf_event_paranoid", &paranoid);
	perf_attr_init(&attr, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN);
	attr.read_format = 0;
	attr.sample_type |= PERF_SAMPLE_PHYS_ADDR;
	if (try_attr(&attr) == 0) {
		add(out, "faults", what, PROBE_OK, "user and kernel mode, with page frames");
		return true;
	}
	attr.sample_type &= ~(uint64_t)PERF_SAMPLE_PHYS_ADDR;
	if (try_attr(&attr) == 0) {
		p = add(out, "faults", what, PROBE_LIMITED,
			"user and kernel mode, without page frames");
		explain(p, ROOT_OR_PERFMON, "frames need CAP_PERFMON");
		return true;
	}
	attr.exclude_kernel = 1;
	int err = try_attr(&attr);

	if (err == 0) {
		p = add(out, "faults", what, PROBE_LIMITED, "user mode only, without page frames");
		explain(p, "'sysctl kernel.perf_event_paranoid=1', or " ROOT_OR_PERFMON,
			"kernel.perf_event_paranoid is %" PRId64, (int64_t)paranoid);
		return true;
	}
	p = add(out, "faults", what, PROBE_MISSING, "none: %s", strerror(-err));
	explain(p,
		"'sysctl kernel.perf_event_paranoid=1', or " ROOT_OR_PERFMON
		"; or use --method valgrind",
		"%s (it is %" PRId64 ")", open_cause(err), (int64_t)paranoid);
	return false;
}

static void probe_losses(struct probes *out)
{
	struct perf_event_attr attr;
	struct probe *p;

	perf_attr_init(&attr, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN);
	attr.exclude_kernel = 1;
	if (try_attr(&attr) == 0) {
		add(out, "losses", "exact number of lost events", PROBE_OK,
		    "counted by the kernel");
		return;
	}
	p = add(out, "losses", "exact number of lost events", PROBE_LIMITED,
		"may be under-reported");
	explain(p, "Linux 6.0 or newer", "this kernel does not count lost events per perf event");
}

static bool probe_tracefs(struct probes *out, struct tracefs *fs)
{
	struct mmr_error err;
	struct probe *p;

	if (tracefs_find(fs, &err) == 0) {
		add(out, "tracefs", "formats of tracepoints", PROBE_OK, "%s", fs->path);
		return true;
	}
	p = add(out, "tracefs", "formats of tracepoints", PROBE_LIMITED, "not readable");
	explain(p,
		"as root: 'mount -t tracefs nodev /sys/kernel/tracing'; as a user: 'mount -o "
		"remount,gid=GROUP,mode=750 /sys/kernel/tracing'",
		"%s", err.text);
	return false;
}

static void probe_tracepoint(struct probes *out, const struct tracefs *fs,
			     const struct perf_tracepoint *tp)
{
	struct perf_event_attr attr;
	struct tp_format fmt;
	struct mmr_error err;
	struct probe *p;
	int ret = tp_load(fs, tp->system, tp->name, &fmt, &err);

	if (ret == 0) {
		perf_attr_init(&attr, PERF_TYPE_TRACEPOINT, fmt.id);
		attr.read_format = 0;
		attr.sample_type |= PERF_SAMPLE_RAW;
		ret = try_attr(&attr);
		if (ret)
			err_set(&err, ret, "%s", open_cause(ret));
	}
	p = add(out, "tracepoint", tp->lost, ret ? PROBE_LIMITED : PROBE_OK, "%s:%s", tp->system,
		tp->name);
	if (ret)
		explain(p, ret == -ENOENT ? "a newer kernel" : ROOT_OR_PERFMON, "%s", err.text);
}

static void probe_masks(struct probes *out, const struct tracefs *fs)
{
	struct nodemasks masks;
	struct mmr_error err = {.text = ""};
	int ret = nodemasks_open(&masks, fs, &err);
	struct probe *p = add(out, "node masks", "node masks of memory policies",
			      ret ? PROBE_LIMITED : PROBE_OK, "%s",
			      ret ? "cannot be read" : "read by BPF");

	nodemasks_close(&masks);
	if (ret)
		explain(p, "run as root, or with CAP_BPF and CAP_PERFMON", "%s", err.text);
}

static void probe_calls(struct probes *out)
{
	struct filecalls calls;
	struct mmr_error err = {.text = ""};
	int ret = filecalls_open(&calls, false, &err);
	struct probe *p = add(out, "file calls", "open, read, write, fsync and the like, with the files that they are about",
			      ret ? PROBE_LIMITED : PROBE_OK, "%s", ret ? "not seen" : "read by BPF");

	if (ret)
		explain(p, ret == -ENOTSUP ? "--method valgrind records them" :
			ret == -ENOENT ? "a kernel with BTF; --method valgrind records them without" :
			ROOT_OR_PERFMON ", CAP_BPF", "%s", err.text);
	filecalls_close(&calls);
}

static void probe_group(struct probes *out, const struct tracefs *fs)
{
	struct memcg_events group;
	struct mmr_error err = {.text = ""};
	int ret = memcg_events_open(&group, fs, &err);
	struct probe *p = add(out, "group events", "what is scanned, stolen, refaulted ... for the memory cgroup",
			      ret ? PROBE_LIMITED : PROBE_OK, "%s", ret ? "not counted" : "added up by BPF");

	if (ret)
		explain(p, ret == -ENOENT ? "Linux 6.10 or newer, with memory cgroups" : ROOT_OR_PERFMON ", CAP_BPF", "%s", err.text);
	memcg_events_close(&group);
}

static void probe_rings(struct probes *out)
{
	const char *what = "buffers of perf events";
	size_t best = 0;
	struct perf_event_attr attr;
	struct perf_ring ring;
	uint64_t kib = 0;
	struct rlimit r = {0};

	perf_attr_init(&attr, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY);
	attr.read_format = 0;
	attr.exclude_kernel = 1;
	attr.inherit = 0;
	int fd = perf_try_open(&attr);

	if (fd < 0)
		return;
	for (size_t bytes = 8u << 20; bytes >= 64u << 10 && !best; bytes /= 2) {
		if (perf_ring_map(&ring, fd, 0, bytes) == 0) {
			perf_ring_unmap(&ring);
			best = bytes;
		}
	}
	close(fd);
	host_read_u64("/proc/sys/kernel/perf_event_mlock_kb", &kib);
	getrlimit(RLIMIT_MEMLOCK, &r);
	struct probe *p = add(out, "rings", what,
			      best >= 8u << 20 ? PROBE_OK
			      : best	       ? PROBE_LIMITED
					       : PROBE_MISSING,
			      "%zu KiB a CPU", best >> 10);

	if (p->state != PROBE_OK)
		explain(p, "'sysctl kernel.perf_event_mlock_kb=8192' or a larger 'ulimit -l'",
			"8192 KiB are more than perf_event_mlock_kb (%" PRIu64
			") and RLIMIT_MEMLOCK (%" PRIu64 " KiB) leave",
			kib, (uint64_t)r.rlim_cur >> 10);
}

static void probe_pmu(struct probes *out)
{
	const char *what = "sampling of accesses with hardware counters (-e)";
	struct perf_event_attr attr;
	struct event_pmu pmu;
	struct strbuf sb = {0};
	int pos = 0;

	while (event_pmu_next(&pos, &pmu)) {
		if (strncmp(pmu.name, "perf", 4) != 0)
			strbuf_addf(&sb, "%s%s (%d events)", sb.len ? ", " : "", pmu.name,
				    pmu.nr_events);
	}
	perf_attr_init(&attr, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES);
	attr.read_format = 0;
	attr.sample_period = 1000003;
	attr.exclude_kernel = 1;
	int err = try_attr(&attr);
	struct probe *p = add(out, "pmu", what, err ? PROBE_LIMITED : PROBE_OK,
			      "libpfm4 finds %s; cycles %s", sb.len ? sb.s : "no hardware counters",
			      err ? "cannot be sampled" : "can be sampled");

	if (err)
		explain(p,
			err == -ENOENT || err == -EOPNOTSUPP
				? "capture on real hardware, or with a virtual PMU; software events, tracepoints and "
				  "--method valgrind work without"
				: ROOT_OR_PERFMON,
			"%s", open_cause(err));
	strbuf_finish(&sb);
}

/* ---- the rest of the perf method ---- */

static void probe_ptrace(struct probes *out)
{
	const char *what = "state at execve and exit, the truth for validate";
	uint64_t scope = 0;
	int status, err = 0;
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	if (child < 0 || ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_TRACEEXIT) < 0)
		err = -errno;
	if (child > 0) {
		/* SIGKILL ends a tracee without a stop that would wait for us. */
		kill(child, SIGKILL);
		while (waitpid(child, &status, __WALL) == child && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, child, NULL, NULL);
	}
	if (err == 0) {
		bool other = host_read_u64("/proc/sys/kernel/yama/ptrace_scope", &scope) ||
			     scope == 0 || geteuid() == 0;

		add(out, "ptrace", what, PROBE_OK,
		    other ? "own children, and processes of this user with -p"
			  : "own children (-p is limited by kernel.yama.ptrace_scope)");
		return;
	}
	struct probe *p =
		add(out, "ptrace", what, PROBE_LIMITED, "not permitted: %s", strerror(-err));

	explain(p,
		"in a container: '--cap-add SYS_PTRACE'; outside: 'sysctl kernel.yama.ptrace_scope=1'",
		"a security module or a seccomp filter forbids ptrace, or a tracer has this program already");
}

static void probe_frames(struct probes *out)
{
	volatile char touched = 1;
	uint64_t entry = 0, flags;
	struct kpage kpage;
	struct probe *p;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		off_t at = (off_t)((uintptr_t)&touched / (uintptr_t)sysconf(_SC_PAGESIZE) * 8);

		if (pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
			entry = 0;
		close(fd);
	}
	uint64_t pfn = entry & ((1ull << 55) - 1);

	if (pfn) {
		add(out, "pagemap", "page frames of resident memory", PROBE_OK, "frames are shown");
	} else {
		p = add(out, "pagemap", "page frames of resident memory", PROBE_LIMITED,
			entry >> 63 ? "residency without frames" : "closed");
		explain(p, "run as root", "frames need CAP_SYS_ADMIN");
	}
	kpage_open(&kpage);
	int err = kpage_flags(&kpage, pfn, &flags);

	kpage_close(&kpage);
	p = add(out, "kpageflags", "sizes of folios in the page cache",
		err ? PROBE_LIMITED : PROBE_OK, err ? "closed" : "readable");
	if (err)
		explain(p, "run as root",
			"/proc/kpageflags is for root; without it folios count as of unknown "
			"size, and fault-around cannot be replayed exactly");
}

static void probe_fault_around(struct probes *out)
{
	uint64_t v;
	struct probe *p;

	if (host_read_u64("/sys/kernel/debug/fault_around_bytes", &v) == 0) {
		add(out, "fault_around", "how many file pages one fault maps", PROBE_OK,
		    "%" PRIu64 " bytes", v);
		return;
	}
	p = add(out, "fault_around", "how many file pages one fault maps", PROBE_LIMITED,
		"the kernel's default of 65536 bytes is assumed");
	explain(p, "as root: 'mount -t debugfs nodev /sys/kernel/debug'",
		"/sys/kernel/debug/fault_around_bytes is not there or not readable");
}

static void probe_cgroup(struct probes *out)
{
	struct strbuf sb = {0};
	int err = host_counters(MMR_SCOPE_CGROUP, 0, &sb);
	struct probe *p =
		add(out, "cgroup", "counters of the memory cgroup", err ? PROBE_LIMITED : PROBE_OK,
		    err ? "not readable" : "memory.stat is readable");

	if (err)
		explain(p, "mount the cgroup file system with the memory controller", "%s",
			strerror(-err));
	strbuf_finish(&sb);
}

static void probe_files(struct probes *out)
{
	struct rlimit r = {0};
	uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
		 need = cpus * (perf_nr_tracepoints + 3) + 64;

	getrlimit(RLIMIT_NOFILE, &r);
	struct probe *p =
		add(out, "files", "descriptors for events on every CPU",
		    r.rlim_max >= need ? PROBE_OK : PROBE_LIMITED,
		    "%" PRIu64 " for a command, %" PRIu64 " allowed", need, (uint64_t)r.rlim_max);

	if (p->state != PROBE_OK)
		explain(p, "raise the hard limit: 'ulimit -Hn'",
			"each event needs a descriptor for each of %" PRIu64 " CPUs", cpus);
}

/* ---- valgrind ---- */

/* First line of what "valgrind --version" prints; NULL when it cannot be run. */
static char *valgrind_version(void)
{
	int fds[2], status;
	char buf[128];
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	pid_t child = fork();

	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execlp("valgrind", "valgrind", "--version", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	n = child > 0 ? read(fds[0], buf, sizeof(buf) - 1) : -1;
	close(fds[0]);
	if (child > 0)
		waitpid(child, &status, 0);
	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return xstrdup(buf);
}

static void probe_valgrind(struct probes *out)
{
	char *version = valgrind_version();

	if (version) {
		add(out, "valgrind", "every access (method valgrind)", PROBE_OK, "%s", version);
		free(version);
		return;
	}
	struct probe *p =
		add(out, "valgrind", "every access (method valgrind)", PROBE_MISSING, "not found");

	explain(p, "install valgrind (Debian: 'apt install valgrind')",
		"no program 'valgrind' in PATH");
}

void probe_host(struct probes *out)
{
	struct tracefs fs = {.dirfd = -1};

	if (probe_faults(out)) {
		probe_losses(out);
		probe_rings(out);
		probe_files(out);
	}
	if (probe_tracefs(out, &fs)) {
		for (unsigned i = 0; i < perf_nr_tracepoints; i++)
			probe_tracepoint(out, &fs, &perf_tracepoints[i]);
		probe_masks(out, &fs);
		probe_calls(out);
		probe_group(out, &fs);
	}
	tracefs_close(&fs);
	probe_ptrace(out);
	probe_frames(out);
	probe_fault_around(out);
	probe_cgroup(out);
	probe_pmu(out);
	probe_valgrind(out);
}

void probes_finish(struct probes *p)
{
	for (size_t i = 0; i < p->nr; i++) {
		free(p->data[i].finding);
		free(p->data[i].cause);
		free(p->data[i].cure);
	}
	vec_finish(p);
}
