/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The method `valgrind`: every access of a program, as page runs, from valgrind's lackey.
 *
 * What is exact: each instruction fetch, load and store of the program in user mode, in the order in which
 * valgrind executed them; the system calls with their results; the user memory that the kernel read and
 * wrote in them. What is not: mmreplay-capture(1) lists it, and the notes of a capture count it.
 *
 * The parts: runs (accesses -> page runs), lackey (text -> accesses), sysdecode (text -> system calls),
 * layout (valgrind's addresses -> the kernel's), image (what exec made), vgcall (system calls -> events),
 * vgproc (one process), vgtracer (valgrind itself, ptrace, pipes).
 */
#include "capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/progress.h"
#include "base/xalloc.h"
#include "capture/host.h"
#include "capture/vgheap.h"
#include "capture/vgproc.h"
#include "capture/vgtracer.h"

#define FLUSH_NS 1000000000ull

struct session {
	const struct capture_options *opt;
	struct vg_trace trace;
	struct progress progress;
	uint64_t start_ns, flush_ns, flushed_bytes;
	bool has_writer;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int emit_for_ids(void *ctx, const struct mmr_event *ev, struct mmr_error *err)
{
	struct vg_trace *t = ctx;
	struct mmr_event copy = *ev;
	int ret = vg_emit(t, &copy);

	if (ret && err && err != &t->err)
		*err = t->err;
	return ret;
}

static char *make_metadata(const struct session *s, pid_t pid, const struct image *im)
{
	struct host_method method = { .name = "valgrind", .basis = MMR_BASIS_EXACT,
				      .interleaving = "serialized", .clock = "none", .pid = pid };
	json_t *meta = host_metadata(s->opt, &method), *vg = json_object();

	json_object_set_new(vg, "tool", json_string(s->trace.own_tool ? "mmreplay" : "lackey"));
	json_object_set_new(vg, "layout", json_string(s->trace.native ? "native" : "valgrind"));
	json_object_set_new(vg, "randomized", json_false());
	json_object_set_new(vg, "stack_offset_native", json_boolean(!im->sp_differs));
	json_object_set_new(vg, "heap_limit_bytes", json_integer((json_int_t)s->trace.heap_limit));
	json_object_set_new(vg, "vdso_calls", json_string("system calls"));
	json_object_set_new(meta, "valgrind", vg);
	return host_metadata_text(meta);
}

static int begin(void *ctx, pid_t pid, const struct image *im, struct mmr_error *err)
{
	struct session *s = ctx;
	struct mmr_writer_options wopt = { .level = s->opt->level, .sync = s->opt->sync,
					   .time_unit_ns = s->opt->time_unit_ns };
	char *meta = make_metadata(s, pid, im);
	int ret = mmr_writer_open(&s->trace.writer, s->opt->output, meta, &wopt, err);

	free(meta);
	if (ret)
		return ret;
	s->has_writer = true;
	s->start_ns = s->flush_ns = now_ns();
	if (im->sp_differs && s->trace.native)
		capture_result_note(s->trace.res, "the stack starts at another place within its page than "
				    "in a native run: the stack may touch a page more or less");
	return 0;
}

static int tick(void *ctx, struct mmr_error *err)
{
	struct session *s = ctx;
	uint64_t now = now_ns();
	int ret = 0;

	progress_step(&s->progress, s->trace.res->nr_runs);
	if (now - s->flush_ns >= FLUSH_NS) {
		ret = mmr_writer_flush(s->trace.writer, err);
		s->flush_ns = now;
	}
	if (!ret && s->opt->duration_ns && now - s->start_ns >= s->opt->duration_ns)
		ret = 1;
	return ret;
}

/* The command as execvp() would find it. */
static int find_command(const char *name, struct mmr_error *err)
{
	const char *path = getenv("PATH"), *end;
	char full[4096];
	struct stat st;

	if (strchr(name, '/')) {
		if (stat(name, &st))
			return err_set(err, -errno, "cannot run '%s': %s", name, strerror(errno));
		if (access(name, X_OK) || S_ISDIR(st.st_mode))
			return err_set(err, -EACCES, "cannot run '%s': not executable", name);
		return 0;
	}
	for (path = path ? path : "/bin:/usr/bin"; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		snprintf(full, sizeof(full), "%.*s/%s", (int)(end - path), path, name);
		if (access(full, X_OK) == 0 && stat(full, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
	}
	return err_set(err, -ENOENT, "cannot run '%s': not found in PATH", name);
}

static void add_notes(const struct vg_trace *t)
{
	struct capture_result *res = t->res;

	if (t->nr_foreign)
		capture_result_note(res, "%llu touches of memory that valgrind added to the program were left out",
				    (unsigned long long)t->nr_foreign);
	if (t->nr_unknown_calls)
		capture_result_note(res, "%llu system calls are not known: the memory that they read or "
				    "wrote is not in the trace", (unsigned long long)t->nr_unknown_calls);
	if (t->nr_hidden_buffers)
		capture_result_note(res, "%llu system calls had buffers that could not be seen",
				    (unsigned long long)t->nr_hidden_buffers);
	if (t->nr_unknown_lines)
		capture_result_note(res, "%llu lines of valgrind were not understood, the first is '%s'",
				    (unsigned long long)t->nr_unknown_lines, t->unknown_line);
}

/* Without a privilege there are none, and the calls count as having hidden buffers. */
static void open_masks(struct vg_trace *t)
{
	struct tracefs fs = { .dirfd = -1 };

	if (tracefs_find(&fs, NULL) == 0)
		nodemasks_open(&t->masks, &fs, NULL);
	tracefs_close(&fs);
}

int capture_valgrind(const struct capture_options *opt, struct capture_result *res, struct mmr_error *err)
{
	struct session s = { .opt = opt, .trace = { .res = res, .native = true } };
	const struct vg_tracer_ops ops = { .begin = begin, .tick = tick, .ctx = &s };
	struct rlimit rl;
	int ret, ret2;

	if (!opt->argv || !opt->argv[0] || opt->pid)
		return err_set(err, -EINVAL, "the method 'valgrind' cannot attach to a running process: "
			       "give a command");
	if (opt->no_ptrace)
		return err_set(err, -EPERM, "the method 'valgrind' needs ptrace");
	ret = find_command(opt->argv[0], err);
	if (ret) {
		res->exec_errno = -ret;
		return ret;
	}
	s.trace.stack_limit = getrlimit(RLIMIT_STACK, &rl) == 0 ? rl.rlim_cur : 8u << 20;
	s.trace.heap_limit = VG_HEAP_RAISED;
	ids_init(&s.trace.ids, emit_for_ids, &s.trace, true);
	progress_init(&s.progress, "page runs", 0, opt->quiet);
	open_masks(&s.trace);
	ret = vg_tracer_run(opt, &s.trace, &ops, err);
	progress_done(&s.progress);
	nodemasks_close(&s.trace.masks);
	add_notes(&s.trace);
	if (s.has_writer) {
		ret2 = ret ? 0 : mmr_writer_flush(s.trace.writer, err);
		if (!ret)
			ret = ret2;
		res->bytes = mmr_writer_bytes(s.trace.writer);
		ret2 = mmr_writer_close(s.trace.writer, ret ? NULL : err);
		if (!ret)
			ret = ret2;
	}
	vg_trace_finish(&s.trace);
	ids_finish(&s.trace.ids);
	return ret;
}
