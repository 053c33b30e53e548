/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Which perf events a capture asks for, what of it this user gets, and opening them.
 *
 * Faults are the software events 5 and 6, one sample each: they fire when a fault has been handled,
 * so that they can carry the frame and the page size. The exceptions tracepoints fire before and
 * give the error code. System calls come through the two raw tracepoints with a filter: two events
 * a CPU, where one pair per call would be forty, each of them copied for every child at every fork.
 */
#include "capture/perf-session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "capture/event-names.h"
#include "capture/host.h"
#include "capture/perf-ring.h"
#include "capture/syscalls.h"

#ifndef PERF_FORMAT_LOST
#define PERF_FORMAT_LOST (1U << 4)
#endif

/*
 * Futexes that the kernel reaches through get_user_pages, so that a fault has no event: shared
 * ones, and of the private ones WAKE_OP, LOCK_PI, TRYLOCK_PI and LOCK_PI2.
 */
#define FUTEX_FILTER "!(op & 128) || op == 133 || op == 134 || op == 136 || op == 141"

#define RING_BYTES_DEFAULT   (8u << 20)
#define RING_BYTES_MANY_CPUS (2u << 20) /* from 32 CPUs on */
#define RING_BYTES_ALL	     (32u << 20) /* of all tasks: half a second at 500,000 events a second */
#define RING_BYTES_LEAST     (64u << 10)
#define SAMPLE_PERIOD_DEFAULT \
	10007 /* of sampled PMU events; prime, so that loops do not beat with it */

uint64_t perf_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static int sys_perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group,
			       unsigned long flags)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, group, flags);
}

/* ---- what is permitted ---- */

void perf_attr_init(struct perf_event_attr *attr, uint32_t type, uint64_t config)
{
	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	attr->type = type;
	attr->config = config;
	attr->sample_period = 1;
	attr->sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			    PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_CPU;
	attr->read_format = PERF_FORMAT_LOST;
	attr->disabled = 1;
	attr->inherit = 1;
	attr->sample_id_all = 1;
	attr->use_clockid = 1;
	attr->clockid = CLOCK_MONOTONIC;
	attr->exclude_hv = 1;
	attr->watermark = 1;
	attr->wakeup_watermark = 1u << 30; /* the drain thread keeps its own time */
}

int perf_try_open(const struct perf_event_attr *attr)
{
	struct perf_event_attr copy = *attr;
	int fd = sys_perf_event_open(&copy, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int perf_try_open_global(const struct perf_event_attr *attr, int cpu)
{
	struct perf_event_attr copy = *attr;

	copy.inherit = 0;
	int fd = sys_perf_event_open(&copy, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * 0 or a negative errno. The event of a tracepoint stays open until the session has its own: the
 * last one to go makes the kernel wait for 40 ms.
 */
static int try_open(struct perf_session *s, const struct perf_event_attr *attr)
{
	int fd = perf_try_open(attr);

	if (fd < 0)
		return fd;
	if (attr->type == PERF_TYPE_TRACEPOINT)
		*vec_push(&s->probes) = fd;
	else
		close(fd);
	return 0;
}

static void close_probes(struct perf_session *s)
{
	for (size_t i = 0; i < s->probes.nr; i++)
		close(s->probes.data[i]);
	vec_finish(&s->probes);
}

static struct perf_source *add_source(struct perf_session *s, enum perf_role role, const char *name,
				      const struct perf_event_attr *attr)
{
	struct perf_source *src = vec_push(&s->sources);

	*src = (struct perf_source){.role = role, .name = xstrdup(name), .attr = *attr};
	return src;
}

static int add_faults(struct perf_session *s, bool frames, struct capture_result *res,
		      struct mmr_error *err)
{
	static const struct {
		enum perf_role role;
		const char *name;
	} faults[] = {
		{PERF_ROLE_MINOR, "perf::MINOR-FAULTS"},
		{PERF_ROLE_MAJOR, "perf::MAJOR-FAULTS"},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct event_code code;
		struct perf_event_attr attr;
		int ret = event_encode(faults[i].name, &code, err);

		if (ret)
			return ret;
		perf_attr_init(&attr, code.type, code.config);
		event_code_finish(&code);
		attr.sample_type |=
			PERF_SAMPLE_DATA_PAGE_SIZE | (frames ? PERF_SAMPLE_PHYS_ADDR : 0);
		ret = try_open(s, &attr);
		if (ret == -EINVAL) { /* before Linux 5.11 */
			attr.sample_type &= ~(uint64_t)PERF_SAMPLE_DATA_PAGE_SIZE;
			ret = try_open(s, &attr);
		}
		if (ret == -EINVAL) { /* before Linux 6.0 */
			attr.read_format = 0;
			capture_result_note(
				res, "losses may be under-reported: this kernel does not count "
				     "them per event (Linux 6.0 does)");
			ret = try_open(s, &attr);
		}
		if (ret == -EACCES || ret == -EPERM) {
			attr.sample_type &= ~(uint64_t)PERF_SAMPLE_PHYS_ADDR;
			ret = try_open(s, &attr);
		}
		if (ret == -EACCES || ret == -EPERM) {
			attr.exclude_kernel = 1;
			ret = try_open(s, &attr);
		}
		if (ret)
			return err_set(err, ret,
				       "page faults cannot be recorded: %s "
				       "('mmreplay doctor' tells why)",
				       strerror(-ret));
		s->kernel_side = !attr.exclude_kernel;
		s->has_phys = attr.sample_type & PERF_SAMPLE_PHYS_ADDR;
		add_source(s, faults[i].role, faults[i].name, &attr);
	}
	if (!s->kernel_side)
		capture_result_note(
			res, "faults in kernel mode are missing: kernel.perf_event_paranoid is "
			     "above 1 for this user");
	if (frames && !s->has_phys)
		capture_result_note(res, "page frames are missing: they need CAP_PERFMON");
	return 0;
}

static void add_carrier(struct perf_session *s, const struct capture_options *opt)
{
	const struct perf_event_attr *like = &s->sources.data[0].attr;
	struct perf_event_attr attr;

	perf_attr_init(&attr, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY);
	attr.exclude_kernel = like->exclude_kernel;
	attr.read_format = like->read_format;
	attr.mmap = attr.mmap_data = attr.mmap2 = !opt->kernel_only;
	attr.comm = 1;
	attr.comm_exec = 1;
	attr.task = 1;
	attr.context_switch = opt->switches;
	add_source(s, PERF_ROLE_CARRIER, "perf::DUMMY", &attr);
}

const struct perf_tracepoint perf_tracepoints[] = {
	{PERF_ROLE_EXC_USER, "exceptions", "page_fault_user",
	 "whether a fault read, wrote or executed"},
	{PERF_ROLE_EXC_KERNEL, "exceptions", "page_fault_kernel",
	 "whether a fault in kernel mode read or wrote"},
	{PERF_ROLE_SYS_ENTER, "raw_syscalls", "sys_enter",
	 "munmap, mremap, madvise, mlock and the like"},
	{PERF_ROLE_SYS_EXIT, "raw_syscalls", "sys_exit",
	 "munmap, mremap, madvise, mlock and the like"},
	{PERF_ROLE_NEWTASK, "task", "task_newtask", "the flags of clone"},
	{PERF_ROLE_EXEC, "sched", "sched_process_exec", "which thread called execve"},
	{PERF_ROLE_CACHE_ADD, "filemap", "mm_filemap_add_to_page_cache",
	 "pages that come into the page cache"},
	{PERF_ROLE_CACHE_DEL, "filemap", "mm_filemap_delete_from_page_cache",
	 "pages that leave the page cache"},
	{PERF_ROLE_FUTEX, "syscalls", "sys_enter_futex",
	 "faults that the kernel takes for a futex"},
};
const unsigned perf_nr_tracepoints = sizeof(perf_tracepoints) / sizeof(perf_tracepoints[0]);

static int add_tracepoint(struct perf_session *s, enum perf_role role, const char *system,
			  const char *event, struct mmr_error *err)
{
	struct perf_event_attr attr;
	struct tp_format fmt;
	char name[128];
	int ret = tp_load(&s->tracefs, system, event, &fmt, err);

	if (ret)
		return ret;
	perf_attr_init(&attr, PERF_TYPE_TRACEPOINT, fmt.id);
	attr.sample_type |= PERF_SAMPLE_RAW;
	attr.read_format = s->sources.data[0].attr.read_format;
	ret = try_open(s, &attr);
	if (ret)
		return err_set(err, ret, "%s (kernel.perf_event_paranoid, CAP_PERFMON)",
			       strerror(-ret));
	snprintf(name, sizeof(name), "%s:%s", system, event);
	struct perf_source *src = add_source(s, role, name, &attr);

	src->fmt = fmt;
	if (role == PERF_ROLE_CACHE_ADD || role == PERF_ROLE_CACHE_DEL) {
		int fd = perf_try_open_global(&attr, s->cpus.data[0]);

		src->is_global = fd >= 0;
		src->attr.inherit = fd < 0;
		if (fd >= 0)
			close(fd);
	}
	if (role == PERF_ROLE_SYS_ENTER || role == PERF_ROLE_SYS_EXIT)
		src->filter = syscalls_filter();
	else if (role == PERF_ROLE_FUTEX)
		src->filter = xstrdup(FUTEX_FILTER);
	return 0;
}

static void add_tracepoints(struct perf_session *s, struct capture_result *res)
{
	struct mmr_error err;

	if (tracefs_find(&s->tracefs, &err)) {
		capture_result_note(res, "no tracepoints: %s", err.text);
		return;
	}
	for (unsigned i = 0; i < perf_nr_tracepoints; i++) {
		const struct perf_tracepoint *tp = &perf_tracepoints[i];

		if (add_tracepoint(s, tp->role, tp->system, tp->name, &err))
			capture_result_note(
				res, "%s: missing, because tracepoint %s:%s is not to be had: %s",
				tp->lost, tp->system, tp->name, err.text);
	}
}

/* An event of the user: a tracepoint by its format, anything else as a sampled event. */
static int add_user_event(struct perf_session *s, const struct capture_options *opt,
			  const char *name, struct mmr_error *err)
{
	struct event_code code;
	struct perf_event_attr attr;
	const char *colon = strchr(name, ':');

	if (colon && colon[1] != ':' && s->tracefs.dirfd >= 0) {
		char system[64];

		snprintf(system, sizeof(system), "%.*s", (int)(colon - name), name);
		if (add_tracepoint(s, PERF_ROLE_USER, system, colon + 1, err) == 0)
			return 0;
	}
	int ret = event_encode(name, &code, err);

	if (ret)
		return ret;
	perf_attr_init(&attr, code.type, code.config);
	attr.config1 = code.config1;
	attr.config2 = code.config2;
	attr.precise_ip = code.precise_ip & 3;
	attr.exclude_user = code.exclude_user;
	attr.exclude_kernel = code.exclude_kernel || !s->kernel_side;
	attr.read_format = s->sources.data[0].attr.read_format;
	attr.sample_period = opt->period ? opt->period : SAMPLE_PERIOD_DEFAULT;
	attr.sample_type |= PERF_SAMPLE_PERIOD;
	if (code.type != PERF_TYPE_SOFTWARE)
		attr.sample_type |= PERF_SAMPLE_WEIGHT | PERF_SAMPLE_DATA_SRC;
	if (s->has_phys)
		attr.sample_type |= PERF_SAMPLE_PHYS_ADDR;
	ret = try_open(s, &attr);
	if (ret == 0)
		add_source(s, PERF_ROLE_USER, code.fstr ? code.fstr : name, &attr);
	else
		err_set(err, ret, "event '%s' is known but cannot be opened here: %s", name,
			strerror(-ret));
	event_code_finish(&code);
	return ret;
}

/*
 * The kernel's own memory. The vmalloc events are of areas of its virtual addresses (vmalloc, vmap,
 * ioremap): no tracepoint tells them apart.
 */
static const struct {
	const char *system, *name;
	bool is_slab;
} kernel_events[] = {
	{"kmem", "mm_page_alloc", false},
	{"kmem", "mm_page_free", false},
	{"kmem", "mm_page_free_batched", false},
	{"vmalloc", "alloc_vmap_area", false},
	{"vmalloc", "free_vmap_area_noflush", false},
	{"kmem", "kmalloc", true},
	{"kmem", "kfree", true},
	{"kmem", "kmem_cache_alloc", true},
	{"kmem", "kmem_cache_free", true},
};

static bool has_source(const struct perf_session *s, const char *name)
{
	for (size_t i = 0; i < s->sources.nr; i++)
		if (s->sources.data[i].role == PERF_ROLE_USER &&
		    strcmp(s->sources.data[i].name, name) == 0)
			return true;
	return false;
}

/* Without page events there is nothing to replay; any other may be missing. */
static int add_kernel_events(struct perf_session *s, bool no_slab, struct capture_result *res,
			     struct mmr_error *err)
{
	for (size_t i = 0; i < sizeof(kernel_events) / sizeof(kernel_events[0]); i++) {
		struct mmr_error why;

		if (no_slab && kernel_events[i].is_slab)
			continue;
		int ret = add_tracepoint(s, PERF_ROLE_USER, kernel_events[i].system,
					 kernel_events[i].name, &why);

		if (ret && i < 2)
			return err_set(err, ret, "kernel memory cannot be recorded: %s:%s: %s",
				       kernel_events[i].system, kernel_events[i].name, why.text);
		if (ret)
			capture_result_note(res, "no %s:%s: %s", kernel_events[i].system,
					    kernel_events[i].name, why.text);
	}
	return 0;
}

/* What programs do to their address spaces stays out; that they come and go does not. */
static void leave_out_programs(struct perf_session *s)
{
	for (size_t i = 0; i < s->sources.nr; i++) {
		enum perf_role role = s->sources.data[i].role;

		s->sources.data[i].is_off = role != PERF_ROLE_CARRIER &&
					    role != PERF_ROLE_NEWTASK && role != PERF_ROLE_EXEC &&
					    role != PERF_ROLE_USER;
	}
}

/* ---- open, attach ---- */

static void list_cpus(struct perf_session *s)
{
	struct strbuf sb = {0};

	if (host_read_file("/sys/devices/system/cpu/online", &sb) == 0 && sb.len) {
		for (char *p = sb.s; *p >= '0' && *p <= '9';) {
			long first = strtol(p, &p, 10), last = first;

			if (*p == '-')
				last = strtol(p + 1, &p, 10);
			for (long c = first; c <= last && c < 65536; c++)
				*vec_push(&s->cpus) = (int)c;
			p += *p == ',';
		}
	}
	/* Without sysfs the C library asks /proc/stat. A CPU left out here loses its events unseen.
	 */
	if (s->cpus.nr == 0)
		for (long c = 0; c < sysconf(_SC_NPROCESSORS_CONF); c++)
			*vec_push(&s->cpus) = (int)c;
	if (s->cpus.nr == 0)
		*vec_push(&s->cpus) = 0;
	strbuf_finish(&sb);
}

static size_t round_down_power(uint64_t x)
{
	return x ? (size_t)1 << (63 - __builtin_clzll(x)) : 0;
}

static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

int perf_session_open(struct perf_session *s, const struct capture_options *opt,
		      struct capture_result *res, struct mmr_error *err)
{
	memset(s, 0, sizeof(*s));
	s->tracefs.dirfd = s->wake_fd = s->quit_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	htable_init(&s->ids);
	list_cpus(s);
	s->all = opt->all;
	s->ring_bytes = opt->ring_bytes	  ? round_down_power(opt->ring_bytes)
			: opt->all && s->cpus.nr < 32 ? RING_BYTES_ALL
			: s->cpus.nr < 32	      ? RING_BYTES_DEFAULT
						      : RING_BYTES_MANY_CPUS;
	if (s->ring_bytes < (size_t)sysconf(_SC_PAGESIZE))
		s->ring_bytes = (size_t)sysconf(_SC_PAGESIZE);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0 || s->quit_fd < 0)
		return err_set(err, -errno, "eventfd: %s", strerror(errno));
	raise_file_limit();
	int ret = add_faults(s, !opt->no_frames, res, err);

	if (ret)
		return ret;
	add_carrier(s, opt);
	add_tracepoints(s, res);
	if (opt->kernel || opt->kernel_only)
		ret = add_kernel_events(s, opt->no_slab, res, err);
	for (size_t i = 0; ret == 0 && i < opt->nr_events; i++)
		if (!has_source(s, opt->events[i]))
			ret = add_user_event(s, opt, opt->events[i], err);
	for (size_t i = 0; i < s->sources.nr; i++)
		s->sources.data[i].is_global |= s->all;
	if (opt->kernel_only)
		leave_out_programs(s);
	return ret;
}

static struct perf_ring *ring_of(struct perf_session *s, int cpu)
{
	for (size_t i = 0; i < s->rings.nr; i++) {
		if (s->rings.data[i].cpu == cpu)
			return &s->rings.data[i];
	}
	return NULL;
}

/* The first event of a CPU owns the ring, the others write to it. */
static int connect_ring(struct perf_session *s, int fd, int cpu, struct capture_result *res,
			struct mmr_error *err)
{
	struct perf_ring *ring = ring_of(s, cpu);

	if (ring) {
		if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0)
			return err_set(err, -errno, "perf ring of CPU %d: %s", cpu,
				       strerror(errno));
		return 0;
	}
	size_t bytes = s->ring_bytes;
	struct perf_ring new_ring;
	int ret = perf_ring_map(&new_ring, fd, cpu, bytes);

	while (ret == -EPERM && bytes > RING_BYTES_LEAST) {
		bytes /= 2;
		ret = perf_ring_map(&new_ring, fd, cpu, bytes);
	}
	if (ret)
		return err_set(err, ret,
			       "perf ring of %zu KiB for CPU %d: %s (kernel.perf_event_mlock_kb)",
			       bytes >> 10, cpu, strerror(-ret));
	if (bytes < s->ring_bytes) {
		capture_result_note(
			res,
			"rings are %zu KiB a CPU instead of %zu: limit of locked memory "
			"(kernel.perf_event_mlock_kb, ulimit -l)",
			bytes >> 10, s->ring_bytes >> 10);
		s->ring_bytes = bytes;
	}
	*vec_push(&s->rings) = new_ring;
	return 0;
}

static int attach_one(struct perf_session *s, size_t i, pid_t tid, int cpu, bool on_exec,
		      struct capture_result *res, struct mmr_error *err)
{
	struct perf_source *src = &s->sources.data[i];
	struct perf_event_attr attr = src->attr;
	uint64_t id;

	attr.enable_on_exec = on_exec && !src->is_global;
	attr.disabled = !src->is_global || s->all;
	attr.inherit = attr.inherit && !src->is_global;
	int fd = sys_perf_event_open(&attr, src->is_global ? -1 : tid, cpu, -1,
				     PERF_FLAG_FD_CLOEXEC);

	if (fd < 0) {
		int e = errno;

		if (e == EMFILE)
			return err_set(err, -e,
				       "too many events: %zu a thread on each of %zu CPUs "
				       "(raise 'ulimit -n')",
				       s->sources.nr, s->cpus.nr);
		return err_set(err, -e, "event '%s' on CPU %d: %s", src->name, cpu, strerror(e));
	}
	*vec_push(&s->fds) = (struct perf_fd){.fd = fd, .source = (uint32_t)i};
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) < 0)
		return err_set(err, -errno, "event '%s': %s", src->name, strerror(errno));
	htable_set(&s->ids, id, i);
	if (src->filter && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, src->filter) < 0) {
		capture_result_note(
			res, "tracepoint filters do not work here: every system call is recorded");
		free(src->filter);
		src->filter = NULL;
	}
	return connect_ring(s, fd, cpu, res, err);
}

int perf_session_attach(struct perf_session *s, pid_t tid, bool on_exec, struct capture_result *res,
			struct mmr_error *err)
{
	size_t first = s->fds.nr;
	bool again = first > 0;

	for (size_t c = 0; c < s->cpus.nr; c++) {
		for (size_t i = 0; i < s->sources.nr; i++) {
			if (s->sources.data[i].is_off || (again && s->sources.data[i].is_global))
				continue;
			int ret = attach_one(s, i, tid, s->cpus.data[c], on_exec, res, err);

			if (ret)
				return ret;
		}
	}
	close_probes(s);
	for (size_t i = first; !on_exec && i < s->fds.nr; i++)
		ioctl(s->fds.data[i].fd, PERF_EVENT_IOC_ENABLE, 0);
	return 0;
}

int perf_session_attach_all(struct perf_session *s, struct capture_result *res,
			    struct mmr_error *err)
{
	return perf_session_attach(s, -1, false, res, err);
}

void perf_session_disable(struct perf_session *s)
{
	for (size_t i = 0; i < s->fds.nr; i++)
		ioctl(s->fds.data[i].fd, PERF_EVENT_IOC_DISABLE, 0);
}

uint64_t perf_session_lost(struct perf_session *s)
{
	uint64_t values[2], sum = 0;

	for (size_t i = 0; i < s->fds.nr; i++) {
		struct perf_fd *f = &s->fds.data[i];

		if (!(s->sources.data[f->source].attr.read_format & PERF_FORMAT_LOST) ||
		    read(f->fd, values, sizeof(values)) != sizeof(values) || values[1] <= f->lost)
			continue;
		sum += values[1] - f->lost;
		s->sources.data[f->source].nr_lost += values[1] - f->lost;
		f->lost = values[1];
	}
	return sum;
}

void perf_session_close(struct perf_session *s)
{
	perf_ring_stop(s);
	close_probes(s);
	for (size_t i = 0; i < s->rings.nr; i++)
		perf_ring_unmap(&s->rings.data[i]);
	for (size_t i = 0; i < s->fds.nr; i++)
		close(s->fds.data[i].fd);
	for (size_t i = 0; i < s->sources.nr; i++) {
		free(s->sources.data[i].name);
		free(s->sources.data[i].filter);
	}
	for (size_t i = 0; i < s->chunks.nr; i++)
		merge_chunk_put(s->chunks.data[i].mem);
	vec_finish(&s->chunks);
	vec_finish(&s->sources);
	vec_finish(&s->fds);
	vec_finish(&s->rings);
	vec_finish(&s->cpus);
	htable_finish(&s->ids);
	tracefs_close(&s->tracefs);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	if (s->quit_fd >= 0)
		close(s->quit_fd);
	pthread_mutex_destroy(&s->lock);
}

const struct perf_source *perf_session_source(const struct perf_session *s, uint64_t id)
{
	uint64_t i;

	return htable_get(&s->ids, id, &i) ? &s->sources.data[i] : NULL;
}

const struct perf_source *perf_session_role(const struct perf_session *s, enum perf_role role)
{
	for (size_t i = 0; i < s->sources.nr; i++) {
		if (s->sources.data[i].role == role)
			return &s->sources.data[i];
	}
	return NULL;
}
