/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * capture_perf(): the loop of the perf method.
 *
 *	CPU rings --(drain thread)--> chunks --+
 *	ptrace stops --> snapshots ------------+--> merge --> decoder --> writer
 *
 * One thread (the caller's) does everything but empty the rings. It wakes for ptrace stops
 *(SIGCHLD), for new chunks, for the end that the caller asks for, and once a second to count losses
 *and to push what is there to the disk.
 *
 * How it ends:
 *   - the command ended: what it left running goes on, unrecorded, as with perf record
 *   - asked to end, or the time is over: the trace is finished first, then a command is sent
 *SIGTERM and waited for; a process that was attached to is left alone
 *   - the output failed: the same, and the error is returned
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/progress.h"
#include "base/units.h"
#include "capture/capture.h"
#include "capture/host.h"
#include "capture/perf-decode.h"
#include "capture/spawn.h"
#include "capture/tracer.h"

#define SECOND_NS 1000000000ull

struct perf_capture {
	const struct capture_options *opt;
	struct capture_result *res;
	struct mmr_error *err;
	struct perf_session session;
	struct merge merge;
	struct mmr_writer *writer;
	struct nodemasks masks;
	struct filecalls calls;
	struct memcg_events group;
	struct decoder dec;
	struct tracer tracer;
	struct spawn spawn;
	struct progress progress;
	struct memory_state memory;  /* of opt->all */
	int before_nice;
	struct spawn_context before; /* mask and limits as they were before we changed them */
	int child_fd;		     /* signalfd of SIGCHLD */
	bool has_child, child_gone;  /* the command that we started */
	bool done;		     /* leave the loop */
	int error;		     /* of the output; ends the capture */
	uint64_t begin_ns, next_second_ns, next_interval_ns;
};

/* ---- what the tracer tells ---- */

static void push_snapshot(struct perf_capture *c, struct proc_ref ref, enum mmr_when when,
			  enum snapshot_what what)
{
	struct snapshot *snap = snapshot_take(ref, when, what, &c->dec.ids);

	if (snap)
		merge_push(&c->merge, snap->time_ns, DECODE_SOURCE_SNAPSHOT, DECODE_SNAPSHOT, snap,
			   NULL);
}

static void at_exec(void *ctx, struct proc_ref ref)
{
	push_snapshot(ctx, ref, MMR_WHEN_EXEC, SNAPSHOT_SPACE);
}

static void at_exit(void *ctx, struct proc_ref ref)
{
	struct perf_capture *c = ctx;

	/* Its descriptors are there for the last time. */
	decoder_drain_files(&c->dec);
	push_snapshot(ctx, ref, MMR_WHEN_EXIT, SNAPSHOT_COUNTERS);
}

static void task_exit(void *ctx, pid_t tid, int status)
{
	struct perf_capture *c = ctx;

	decoder_exit_code(&c->dec, tid, (uint64_t)(unsigned)status);
}

static void on_clone(void *ctx, pid_t tid, uint64_t flags)
{
	struct perf_capture *c = ctx;

	if (!c->dec.has_newtask)
		decoder_clone_flags(&c->dec, tid, flags);
}

static void gone(void *ctx, pid_t pid, int status)
{
	struct perf_capture *c = ctx;

	decoder_exit_code(&c->dec, pid, (uint64_t)(unsigned)status);
	if (c->has_child && pid == c->spawn.pid) {
		c->child_gone = c->done = true;
		c->res->has_status = true;
		c->res->child_status = status;
	} else if (c->opt->pid && pid == c->opt->pid) {
		c->done = true;
	}
}

static const struct tracer_ops tracer_ops = {at_exec, at_exit, task_exit, on_clone, gone};

/* ---- records into the trace ---- */

static int take_record(void *ctx, const struct merge_record *rec)
{
	struct perf_capture *c = ctx;

	return decoder_record(&c->dec, rec, c->err);
}

static void output_failed(struct perf_capture *c, int error)
{
	if (error && !c->error)
		c->error = error;
	c->done |= error != 0;
}

static void write_until(struct perf_capture *c, uint64_t until_ns)
{
	nodemasks_drain(&c->masks);
	decoder_drain_files(&c->dec);
	if (!c->error)
		output_failed(c, merge_flush(&c->merge, until_ns, take_record, c));
}

static void report_lost(struct perf_capture *c)
{
	uint64_t lost = perf_session_lost(&c->session) + filecalls_lost(&c->calls);

	if (lost && !c->error)
		output_failed(c, decoder_lost(&c->dec, lost, c->dec.last_ns, c->err));
}

static void interval_counters(struct perf_capture *c, uint64_t now)
{
	if (c->opt->interval_ns == 0 || now < c->next_interval_ns || c->error)
		return;
	c->next_interval_ns = now + c->opt->interval_ns;
	output_failed(c, decoder_host_counters(&c->dec, MMR_WHEN_INTERVAL, c->opt->pid, c->err));
	proc_tids pids = {0};

	tracer_processes(&c->tracer, &pids);
	for (size_t i = 0; i < pids.nr; i++)
		push_snapshot(c, (struct proc_ref){pids.data[i], pids.data[i]}, MMR_WHEN_INTERVAL,
			      SNAPSHOT_COUNTERS);
	vec_finish(&pids);
}

static void every_second(struct perf_capture *c, uint64_t now)
{
	if (now < c->next_second_ns || c->error)
		return;
	c->next_second_ns = now + SECOND_NS;
	report_lost(c);
	output_failed(c, mmr_writer_flush(c->writer, c->err));
	progress_step(&c->progress, c->opt->duration_ns ? now - c->begin_ns : c->res->nr_events);
}

/* ---- start ---- */

static void add_flag(void *ctx, const char *name, uint64_t value)
{
	if (strncmp(name, "__GFP_", 6) == 0 && value && (value & (value - 1)) == 0)
		json_object_set_new(ctx, name, json_integer((json_int_t)value));
}

/* "Unmovable", "Movable" ... in the order of their numbers: pagetypeinfo has them in a line. */
static json_t *migratetypes(const char *pagetypeinfo)
{
	const char *line = pagetypeinfo ? strstr(pagetypeinfo, "Number of blocks type") : NULL;
	json_t *names = json_array();

	line = line ? line + strlen("Number of blocks type") : "";
	for (size_t n; line += strspn(line, " "), (n = strcspn(line, " \n")) > 0; line += n)
		json_array_append_new(names, json_stringn(line, n));
	return names;
}

/* What only a system-wide capture knows: the allocator's texts, and whose trace this is. */
static void add_machine_wide(struct perf_capture *c, json_t *meta)
{
	json_t *capture = json_object_get(meta, "capture"), *memory = json_object_get(meta, "memory");

	json_object_set_new(capture, "system_wide", json_true());
	json_object_set_new(capture, "self_pid", json_integer(getpid()));
	json_object_set_new(capture, "memory_state_monotonic_ns",
			    json_integer((json_int_t)c->memory.begin_ns));
	for (unsigned i = 0; i < MEMORY_STATE_TEXTS; i++)
		if (c->memory.text[i].len)
			json_object_set_new(memory, memory_state_key(i),
					    json_stringn(c->memory.text[i].s,
							 c->memory.text[i].len));
	for (unsigned i = 0; i < MEMORY_STATE_TEXTS; i++)
		if (memory_state_scope(i) == MMR_SCOPE_PAGETYPEINFO && c->memory.text[i].len)
			json_object_set_new(json_object_get(meta, "kernel"), "migratetypes",
					    migratetypes(c->memory.text[i].s));
}

/* How the kernel that runs numbers the bits of gfp_t, so that a replay need not know its version. */
static void add_gfp_bits(struct perf_capture *c, json_t *meta)
{
	json_t *bits = json_object();

	if ((c->opt->kernel || c->opt->kernel_only || c->opt->nr_events) &&
	    tp_flags(&c->session.tracefs, "kmem", "mm_page_alloc", add_flag, bits) == 0 &&
	    json_object_size(bits))
		json_object_set(json_object_get(meta, "kernel"), "gfp_bits", bits);
	json_decref(bits);
}

static void open_masks(struct perf_capture *c)
{
	struct mmr_error err = {.text = ""};

	if (nodemasks_open(&c->masks, &c->session.tracefs, &err))
		capture_result_note(c->res, "no node masks of memory policies: %s", err.text);
}

static void open_calls(struct perf_capture *c)
{
	struct mmr_error err = {.text = ""};

	if (filecalls_open(&c->calls, c->opt->all, &err))
		capture_result_note(c->res, "no calls on files (open, read, write ...): %s", err.text);
}

static void open_group(struct perf_capture *c)
{
	struct mmr_error err = {.text = ""};

	if (memcg_events_open(&c->group, &c->session.tracefs, &err))
		capture_result_note(c->res, "no events of the memory cgroup: %s", err.text);
}

static int open_writer(struct perf_capture *c)
{
	bool sampled = false;
	struct mmr_writer_options wopt = {
		.level = c->opt->level, .sync = c->opt->sync, .time_unit_ns = c->opt->time_unit_ns};
	json_t *events = json_array();

	for (size_t i = 0; i < c->session.sources.nr; i++) {
		const struct perf_source *src = &c->session.sources.data[i];

		sampled |= src->role == PERF_ROLE_USER && src->attr.type != PERF_TYPE_TRACEPOINT &&
			   src->attr.type != PERF_TYPE_SOFTWARE;
		json_array_append_new(events, json_string(src->name));
	}
	struct host_method method = {.name = "perf",
				     .interleaving = "real",
				     .clock = "monotonic",
				     .basis = sampled ? MMR_BASIS_SAMPLED : MMR_BASIS_FAULTS,
				     .pid = c->opt->pid};
	json_t *meta = host_metadata(c->opt, &method), *missing = json_array();

	json_object_set_new(meta, "events", events);
	for (size_t i = 0; i < c->res->notes.nr; i++)
		json_array_append_new(missing, json_string(c->res->notes.data[i]));
	json_object_set_new(meta, "missing", missing);
	add_gfp_bits(c, meta);
	if (c->opt->all)
		add_machine_wide(c, meta);
	char *text = host_metadata_text(meta);
	int ret = mmr_writer_open(&c->writer, c->opt->output, text, &wopt, c->err);

	free(text);
	return ret;
}

/*
 * The rings of a whole busy machine fill within a second: who empties and writes them must not wait
 * behind those whom it records. Without the privilege it does. The command gets none of it.
 */
static void hurry(const struct perf_capture *c, bool on)
{
	if (c->opt->all)
		setpriority(PRIO_PROCESS, (id_t)gettid(), on ? -20 : c->before_nice);
}

static int start_command(struct perf_capture *c)
{
	hurry(c, false);
	int ret = spawn_prepare(&c->spawn, c->opt->argv, &c->before, c->err);

	hurry(c, true);
	if (ret)
		return ret;
	c->has_child = true;
	if (c->opt->all)
		return 0;
	filecalls_follow(&c->calls, c->spawn.pid);
	memcg_events_follow(&c->group, c->spawn.pid);
	if (!c->opt->no_ptrace) {
		ret = tracer_seize(&c->tracer, c->spawn.pid, c->spawn.pid);
		if (ret)
			capture_result_note(
				c->res,
				"no state at execve and exit, so no counters to validate "
				"against: ptrace: %s",
				strerror(-ret));
		c->dec.has_ptrace = ret == 0;
	}
	return perf_session_attach(&c->session, c->spawn.pid, true, c->res, c->err);
}

/* Threads that are made while we attach are children of threads that we have, or of ones we find
 * next. */
static int attach_threads(struct perf_capture *c)
{
	struct htable seen;
	bool any = true;
	int ret = 0;

	htable_init(&seen);
	while (ret == 0 && any) {
		proc_tids tids = {0};

		any = false;
		ret = proc_threads(c->opt->pid, &tids);
		if (ret)
			err_set(c->err, ret, "process %d: %s", (int)c->opt->pid, strerror(-ret));
		for (size_t i = 0; ret == 0 && i < tids.nr; i++) {
			uint64_t old;

			if (htable_get(&seen, (uint64_t)tids.data[i], &old))
				continue;
			htable_set(&seen, (uint64_t)tids.data[i], 1);
			any = true;
			ret = perf_session_attach(&c->session, tids.data[i], false, c->res, c->err);
			if (ret == -ESRCH && tids.data[i] != c->opt->pid)
				ret = 0; /* it ended meanwhile */
			int e = c->opt->no_ptrace
					? 0
					: tracer_seize(&c->tracer, c->opt->pid, tids.data[i]);

			if (e && e != -ESRCH)
				capture_result_note(c->res, "no counters at exit: ptrace: %s",
						    strerror(-e));
		}
		vec_finish(&tids);
	}
	htable_finish(&seen);
	return ret;
}

static int start_attached(struct perf_capture *c)
{
	filecalls_follow(&c->calls, c->opt->pid);
	memcg_events_follow(&c->group, c->opt->pid);
	int ret = attach_threads(c);

	if (ret)
		return ret;
	capture_result_note(c->res,
			    "what was resident at the start was read while the process ran");
	/*
	 * Records from before the snapshot are dropped, those from while it was taken are kept:
	 * what they change is done twice, which ends in the same state.
	 */
	c->dec.begin_ns = perf_now_ns();
	push_snapshot(c, (struct proc_ref){c->opt->pid, c->opt->pid}, MMR_WHEN_START,
		      SNAPSHOT_SPACE);
	return 0;
}

/* Every task that is there; user processes with what they have mapped, where that is recorded. */
static int start_existing(struct perf_capture *c)
{
	proc_tids pids = {0};
	int ret = proc_processes(&pids);

	for (size_t i = 0; ret == 0 && i < pids.nr; i++) {
		struct proc_stat st;
		proc_tids tids = {0};
		bool awaits = !c->opt->kernel_only && pids.data[i] != getpid() &&
			      proc_stat((struct proc_ref){pids.data[i], pids.data[i]}, &st) == 0 &&
			      !st.kthread;

		if (proc_threads(pids.data[i], &tids) == 0)
			for (size_t k = 0; ret == 0 && k < tids.nr; k++)
				ret = decoder_existing(&c->dec, pids.data[i], tids.data[k], awaits,
						       !c->opt->kernel_only, c->err);
		vec_finish(&tids);
	}
	for (size_t i = 0; ret == 0 && !c->opt->kernel_only && i < pids.nr; i++)
		if (decoder_awaits(&c->dec, pids.data[i]))
			push_snapshot(c, (struct proc_ref){pids.data[i], pids.data[i]},
				      MMR_WHEN_START, SNAPSHOT_SPACE);
	vec_finish(&pids);
	return ret;
}

static int start(struct perf_capture *c)
{
	int ret = decoder_host_counters(&c->dec, MMR_WHEN_START, c->opt->pid, c->err);

	if (ret == 0 && c->opt->all)
		ret = start_existing(c);
	if (ret == 0 && c->opt->argv)
		ret = start_command(c);
	else if (ret == 0 && !c->opt->all)
		ret = start_attached(c);
	if (ret == 0 && !c->opt->all)
		ret = perf_session_start(&c->session, c->err);
	if (ret == 0 && c->has_child && !c->opt->all)
		ret = decoder_add_task(&c->dec, c->spawn.pid, c->err);
	if (ret)
		return ret;
	c->begin_ns = perf_now_ns();
	c->next_second_ns = c->begin_ns + SECOND_NS;
	c->next_interval_ns = c->begin_ns + c->opt->interval_ns;
	if (c->has_child)
		spawn_go(&c->spawn);
	return 0;
}

/* ---- loop and end ---- */

static int time_left_ms(const struct perf_capture *c, uint64_t now)
{
	uint64_t next = c->next_second_ns;

	if (c->opt->duration_ns && c->begin_ns + c->opt->duration_ns < next)
		next = c->begin_ns + c->opt->duration_ns;
	if (c->opt->interval_ns && c->next_interval_ns < next)
		next = c->next_interval_ns;
	return next <= now ? 0 : (int)((next - now) / 1000000) + 1;
}

static void serve_children(struct perf_capture *c)
{
	struct signalfd_siginfo info;

	while (read(c->child_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
	tracer_poll(&c->tracer);
}

static void loop(struct perf_capture *c)
{
	struct pollfd fds[] = {
		{.fd = c->child_fd, .events = POLLIN},
		{.fd = c->session.wake_fd, .events = POLLIN},
		{.fd = c->opt->stop_fd, .events = POLLIN},
		{.fd = c->calls.open ? c->calls.ring.map_fd : -1, .events = POLLIN},
	};

	while (!c->done) {
		uint64_t now = perf_now_ns();

		if (poll(fds, 4, time_left_ms(c, now)) < 0 && errno != EINTR)
			break;
		serve_children(c);
		size_t before = c->merge.pending.nr;
		uint64_t until = perf_session_take(&c->session, &c->merge);

		decoder_look_ahead(&c->dec, c->merge.pending.data + before,
				   c->merge.pending.nr - before);
		write_until(c, until);
		now = perf_now_ns();
		every_second(c, now);
		interval_counters(c, now);
		if ((fds[2].revents & (POLLIN | POLLHUP)) ||
		    (c->opt->duration_ns && now - c->begin_ns >= c->opt->duration_ns))
			c->done = c->res->stopped = true;
		if (c->opt->pid && !c->done && kill(c->opt->pid, 0) < 0 && errno == ESRCH)
			c->done = true;
	}
}

/* The texts of the allocator stand between the events of their time. */
static void end_state(struct perf_capture *c, struct memory_state *end, uint64_t end_ns)
{
	write_until(c, end_ns);
	if (!c->error)
		output_failed(c, decoder_begin(&c->dec, c->err));
	for (unsigned i = 0; !c->error && i < MEMORY_STATE_TEXTS; i++)
		output_failed(c, decoder_text(&c->dec, memory_state_scope(i), MMR_WHEN_END, end_ns,
					      &end->text[i], c->err));
}

/* Everything that is still on its way, the last counters, the end of the file. */
static void finish_trace(struct perf_capture *c)
{
	proc_tids pids = {0};
	struct memory_state end = {0};
	uint64_t end_ns = 0;

	c->tracer.quiet = true;
	tracer_processes(&c->tracer, &pids);
	if (pids.nr == 0 && c->opt->pid)
		*vec_push(&pids) = c->opt->pid;
	for (size_t i = 0; i < pids.nr; i++)
		push_snapshot(c, (struct proc_ref){pids.data[i], pids.data[i]}, MMR_WHEN_END,
			      SNAPSHOT_COUNTERS);
	vec_finish(&pids);
	if (c->opt->all)
		end_ns = memory_state_texts(&end);
	perf_session_disable(&c->session);
	perf_session_drain(&c->session, &c->merge);
	if (c->opt->all)
		end_state(c, &end, end_ns);
	write_until(c, UINT64_MAX);
	report_lost(c);
	if (c->dec.nr_hidden_masks)
		capture_result_note(c->res, "%" PRIu64 " calls that set memory policies have no node mask",
				    c->dec.nr_hidden_masks);
	if (!c->error)
		output_failed(c, decoder_host_counters(&c->dec, MMR_WHEN_END, c->opt->pid, c->err));
	memory_state_finish(&end);
	if (!c->error)
		c->error = mmr_writer_flush(c->writer, c->err);
	c->res->bytes = mmr_writer_bytes(c->writer);
	if (c->error)
		mmr_writer_abandon(c->writer);
	else
		c->error = mmr_writer_close(c->writer, c->err);
	c->writer = NULL;
}

/* Ends the command, and stays its tracer for as long as it lives. A second request to end leaves
 * it. */
static void end_command(struct perf_capture *c)
{
	struct pollfd fds[] = {{.fd = c->child_fd, .events = POLLIN},
			       {.fd = c->opt->stop_fd, .events = POLLIN}};
	char drop[64];

	if (!c->has_child || c->child_gone)
		return;
	if (c->opt->stop_fd >= 0 && c->res->stopped && poll(&fds[1], 1, 0) > 0 &&
	    read(c->opt->stop_fd, drop, sizeof(drop)) < 0)
		fds[1].fd = -1;
	kill(c->spawn.pid, SIGTERM);
	serve_children(c);
	while (!c->child_gone) {
		if (poll(fds, 2, 1000) > 0 && fds[1].revents & POLLIN)
			break;
		serve_children(c);
	}
}

static void finish(struct perf_capture *c)
{
	if (c->has_child && c->spawn.go_fd >= 0)
		spawn_abort(&c->spawn);
	perf_session_close(&c->session);
	if (c->writer)
		mmr_writer_abandon(c->writer);
	merge_finish(&c->merge);
	memory_state_finish(&c->memory);
	tracer_finish(&c->tracer);
	if (c->child_fd >= 0)
		close(c->child_fd);
	hurry(c, false);
	setrlimit(RLIMIT_NOFILE, &c->before.files);
	pthread_sigmask(SIG_SETMASK, &c->before.mask, NULL);
}

/*
 * First the events, then the state of memory: what happens in between is in the records, while what
 * happened between a state and the enabling would be in neither.
 */
static int start_all(struct perf_capture *c)
{
	hurry(c, true);
	int ret = perf_session_attach_all(&c->session, c->res, c->err);

	if (ret == 0)
		ret = perf_session_start(&c->session, c->err);
	if (ret == 0)
		memory_state_take(&c->memory, c->opt->kernel || c->opt->kernel_only);
	if (ret == 0 && c->memory.use == NULL && (c->opt->kernel || c->opt->kernel_only))
		capture_result_note(c->res, "which frames were free at the start is missing: "
					    "/proc/kpageflags cannot be read");
	return ret;
}

static int prepare(struct perf_capture *c)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &chld, &c->before.mask);
	getrlimit(RLIMIT_NOFILE, &c->before.files);
	c->before_nice = getpriority(PRIO_PROCESS, 0);
	c->before.quiet_stdout = strcmp(c->opt->output, "-") == 0;
	c->child_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	int ret = perf_session_open(&c->session, c->opt, c->res, c->err);

	if (ret == 0 && c->child_fd < 0)
		ret = err_set(c->err, -errno, "signalfd: %s", strerror(errno));
	if (ret == 0 && !c->opt->kernel_only)
		open_masks(c);
	/* To look at each file that a whole machine opens would fill the kernel's own events with ours. */
	if (ret == 0 && !c->opt->kernel_only && !(c->opt->all && c->opt->kernel))
		open_calls(c);
	if (ret == 0 && !c->opt->all)
		open_group(c);
	if (ret == 0 && c->opt->all)
		ret = start_all(c);
	return ret ? ret : open_writer(c);
}

int capture_perf(const struct capture_options *opt, struct capture_result *res,
		 struct mmr_error *err)
{
	struct perf_capture c = {.opt = opt,
				 .res = res,
				 .err = err,
				 .child_fd = -1,
				 .spawn = {.go_fd = -1, .error_fd = -1}};
	int ret = prepare(&c);

	merge_init(&c.merge);
	tracer_init(&c.tracer, &tracer_ops, &c);
	/* A command has the terminal for itself, unless the user asks for the line. */
	progress_init(&c.progress, "capturing", opt->duration_ns,
		      opt->quiet || (opt->argv && !opt->verbose));
	if (ret == 0) {
		decoder_init(&c.dec, &c.session, &c.merge, c.writer, res);
		c.dec.want_ip = opt->ip;
		c.dec.masks = &c.masks;
		c.dec.calls = &c.calls;
		c.dec.group = &c.group;
		c.dec.memory = opt->all ? &c.memory : NULL;
		c.dec.begin_ns = c.memory.begin_ns;
		ret = start(&c);
		if (ret == 0) {
			loop(&c);
			progress_done(&c.progress);
			finish_trace(&c);
			end_command(&c);
			ret = c.error;
			if (c.has_child && !ret)
				ret = spawn_result(&c.spawn, opt->argv[0], err);
			if (ret && !c.error)
				res->exec_errno = -ret;
		}
		decoder_finish(&c.dec);
	}
	nodemasks_close(&c.masks);
	filecalls_close(&c.calls);
	memcg_events_close(&c.group);
	finish(&c);
	return ret;
}
