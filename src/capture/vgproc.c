/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * One process under valgrind: lines of text become events. See vgproc.h.
 *
 * Lines that are neither accesses nor known are counted, not guessed at. What the lines of the scheduler
 * mean: "SCHED[n]: acquired lock" says that thread n runs from here on; "(thread_wrapper(starting new
 * thread))" is its first line; "release lock in VG_(exit_thread)" its last.
 */
#include "capture/vgproc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sched.h>
#include <signal.h>

#include "base/bug.h"
#include "base/xalloc.h"
#include "capture/vgcall.h"

_Static_assert(FRAME_INSTRUCTIONS == RUNS_INSTRUCTIONS, "our tool and the run builder close runs at one place");

#define HEAD_MAX	(2 * LACKEY_LINE_MAX)
#define THREADS_MAX	65536
#define VECTORS_MAX	4096
#define STACK_EXPAND	(128ull << 10)	/* that the kernel maps below the arguments */
#define PAGE		4096ull

/* ---- output ---- */

int vg_emit(struct vg_trace *t, struct mmr_event *ev)
{
	int ret;

	if (t->error)
		return t->error;
	if (ev->task != t->task && ev->task && ev->kind != MMR_FILE && ev->kind != MMR_FILE_CACHE &&
	    ev->kind != MMR_TASK) {
		struct mmr_event sw = { .kind = MMR_SWITCH, .task = ev->task, .SWITCH.prev = t->task };

		t->task = ev->task;
		ret = mmr_writer_event(t->writer, &sw, &t->err);
		if (ret)
			return t->error = ret;
		t->res->nr_events++;
	}
	ret = mmr_writer_event(t->writer, ev, &t->err);
	if (ret)
		return t->error = ret;
	t->res->nr_events++;
	return 0;
}

static uint32_t current_task(const struct vg_proc *p)
{
	return p->current < p->threads.nr ? p->threads.data[p->current].task : 0;
}

/*
 * The frame of a signal, which the kernel wrote before the handler ran: it lies where the handler's first
 * access goes, which saves a register or makes room on the stack just below it.
 */
static void emit_signal(struct vg_proc *p, uint32_t task, const struct mmr_run *run, size_t nr)
{
	struct mmr_event ev = { .kind = MMR_SIGNAL, .task = task, .SIGNAL.signo = p->signo };
	struct mmr_event touch = { .kind = MMR_KTOUCH, .task = task,
				   .KTOUCH = { .len = PAGE, .write = 1 } };

	for (size_t i = 0; i < nr && !ev.SIGNAL.frame; i++)
		if (!(run[i].page & MMR_RUN_INSN))
			ev.SIGNAL.frame = MMR_RUN_PAGE(&run[i]) << MMR_GRANULE_SHIFT;
	p->signo = 0;
	vg_emit(p->trace, &ev);
	touch.KTOUCH.addr = ev.SIGNAL.frame;
	if (ev.SIGNAL.frame)
		vg_emit(p->trace, &touch);
}

static int emit_runs(void *ctx, const struct mmr_run *run, size_t nr, struct mmr_error *err)
{
	struct vg_proc *p = ctx;
	struct vg_trace *t = p->trace;
	uint32_t task = current_task(p);
	int ret;

	if (p->is_dropped || t->error)
		return t->error;
	if (task != t->task) {
		struct mmr_event sw = { .kind = MMR_SWITCH, .task = task, .SWITCH.prev = t->task };

		t->task = task;
		ret = mmr_writer_event(t->writer, &sw, err);
		if (ret)
			return t->error = ret;
		t->res->nr_events++;
	}
	if (p->signo)
		emit_signal(p, task, run, nr);
	t->res->nr_runs += nr;
	ret = mmr_writer_runs(t->writer, task, 0, 0, run, nr, err);
	if (ret) {
		t->error = ret;
		t->err = *err;
	}
	return ret;
}

static uint64_t native_page(void *ctx, uint64_t page)
{
	struct vg_proc *p = ctx;
	uint64_t native = layout_native(&p->layout, page << MMR_GRANULE_SHIFT);

	return native == LAYOUT_NONE ? RUNS_NO_PAGE : native >> MMR_GRANULE_SHIFT;
}

/* ---- runs that our own tool built ---- */

#define NO_RUN SIZE_MAX

static void frames_flush(struct vg_proc *p)
{
	struct vg_frames *f = &p->frames;

	if (f->nr)
		emit_runs(p, f->out, f->nr, &p->trace->err);
	f->nr = 0;
	f->last[0] = f->last[1] = NO_RUN;
}

/* Programs come back to few pages; mappings change between frames only. */
static inline uint64_t frames_native(struct vg_proc *p, uint64_t page)
{
	struct vg_place *at = &p->frames.place[(page ^ page >> 8) % VG_PLACES];

	if (unlikely(at->page != page))
		*at = (struct vg_place){ .page = page, .native = native_page(p, page) };
	return at->native;
}

/* Two runs of one page with nothing of the stream between them but memory that is not the program's. */
static void join_runs(struct mmr_run *a, const struct mmr_run *b)
{
	bool write_first = a->page & MMR_RUN_WRITE_FIRST;
	uint16_t first = write_first ? a->nr_writes : a->nr_reads;

	if (!a->other_at && (write_first ? b->nr_reads : b->nr_writes))
		a->other_at = (uint16_t)(first + (write_first == !!(b->page & MMR_RUN_WRITE_FIRST) ? b->other_at : 0));
	a->nr_reads = (uint16_t)(a->nr_reads + b->nr_reads);
	a->nr_writes = (uint16_t)(a->nr_writes + b->nr_writes);
	a->nr_split = (uint16_t)(a->nr_split + b->nr_split);
}

static void frame_run(struct vg_proc *p, const struct frame_run *in)
{
	struct vg_frames *f = &p->frames;
	unsigned stream = !(in->page & FRAME_INSN);
	uint64_t page = in->page & ~(FRAME_INSN | FRAME_WRITE_FIRST), native = frames_native(p, page);
	struct mmr_run run = { .page = native | (in->page & (FRAME_INSN | FRAME_WRITE_FIRST)), .nr_reads = in->nr_reads,
			       .nr_writes = in->nr_writes, .other_at = in->other_at, .nr_split = in->nr_split };

	if (native == RUNS_NO_PAGE) {
		p->runs.nr_foreign += (uint64_t)in->nr_reads + in->nr_writes;
		return;
	}
	if (f->page[stream] == page && f->last[stream] != NO_RUN) {
		join_runs(&f->out[f->last[stream]], &run);
		return;
	}
	if (f->nr == ARRAY_SIZE(f->out))
		frames_flush(p);
	f->page[stream] = page;
	f->last[stream] = f->nr;
	f->out[f->nr++] = run;
}

static void on_frame(void *ctx, uint32_t thread, const struct frame_run *runs, size_t nr)
{
	struct vg_proc *p = ctx;
	struct vg_frames *f = &p->frames;
	uint32_t current = p->current;

	if (p->is_dropped)
		return;
	for (unsigned i = 0; f->place_is_stale && i < VG_PLACES; i++)
		f->place[i].page = RUNS_NO_PAGE;
	f->place_is_stale = false;
	f->page[0] = f->page[1] = RUNS_NO_PAGE;
	f->last[0] = f->last[1] = NO_RUN;
	p->current = thread;
	for (size_t i = 0; i < nr; i++)
		frame_run(p, &runs[i]);
	frames_flush(p);
	p->current = current;
}

/* ---- threads ---- */

/* The number that valgrind gives to a new thread: the lowest free one. */
static uint32_t thread_add(struct vg_proc *p, pid_t tid, uint32_t task)
{
	uint32_t i = 1;

	while (i < p->threads.nr && p->threads.data[i].task)
		i++;
	while (p->threads.nr <= i)
		*vec_push(&p->threads) = (struct vg_thread){0};
	p->threads.data[i].task = task;
	p->threads.data[i].tid = tid;
	return i;
}

static struct vg_thread *thread_get(struct vg_proc *p, uint32_t i)
{
	return i < p->threads.nr && p->threads.data[i].task ? &p->threads.data[i] : NULL;
}

static void thread_free(struct vg_proc *p, uint32_t i)
{
	struct vg_thread *th = &p->threads.data[i];

	if (th->task)
		ids_task_del(&p->trace->ids, th->tid);
	strbuf_finish(&th->call);
	*th = (struct vg_thread){0};
}

static void thread_exit(struct vg_proc *p, uint32_t i, int status)
{
	struct vg_thread *th = thread_get(p, i);
	struct mmr_event ev = { .kind = MMR_EXIT, .EXIT.code = (uint64_t)(uint32_t)status };

	if (!th)
		return;
	ev.task = th->task;
	if (!p->is_dropped)
		vg_emit(p->trace, &ev);
	thread_free(p, i);
}

/* A line of valgrind's scheduler; `s` stands behind "SCHED[". */
static void sched_line(struct vg_proc *p, const char *s, const char *end)
{
	uint32_t i = 0;

	for (; s < end && *s >= '0' && *s <= '9' && i < THREADS_MAX; s++)
		i = i * 10 + (uint32_t)(*s - '0');
	if (i == 0 || i >= THREADS_MAX)
		return;
	if (memmem(s, (size_t)(end - s), "acquired lock", 13)) {
		if (i == p->current)
			return;
		runs_close(&p->runs);
		p->current = i;
		if (!thread_get(p, i))
			vg_proc_drop(p, "valgrind ran a thread that no system call had made");
	} else if (memmem(s, (size_t)(end - s), "VG_(exit_thread)", 16)) {
		runs_close(&p->runs);
		thread_exit(p, i, 0);
	}
}

/* A thread of the same process was made. */
static void thread_made(struct vg_proc *p, const struct sys_call *call, uint32_t task)
{
	uint32_t child = ids_task_add(&p->trace->ids, (pid_t)call->ret);
	struct mmr_event ev = { .kind = MMR_FORK, .task = task,
				.FORK = { .child = child, .tid = call->ret, .pid = (uint64_t)p->pid,
					  .flags = call->arg[0] } };

	vg_emit(p->trace, &ev);
	thread_add(p, (pid_t)call->ret, child);
}

/* ---- lines ---- */

static void unknown_line(struct vg_proc *p, const char *line, size_t len)
{
	if (p->trace->nr_unknown_lines++ == 0)
		snprintf(p->trace->unknown_line, sizeof(p->trace->unknown_line), "%.*s",
			 (int)(len < 79 ? len : 79), line);
}

static void call_done(struct vg_proc *p, const struct sys_call *call)
{
	struct vg_thread *th = thread_get(p, call->tid);

	if (!th || p->is_dropped)
		return;
	if (call->nr == SYS_clone && !call->failed && call->arg[0] & CLONE_THREAD)
		thread_made(p, call, th->task);
	th = thread_get(p, call->tid);
	vg_call(p, th->task, call);
	p->frames.place_is_stale = true;
}

/* The result of a call comes later: keeps its text. */
static void keep_call(struct strbuf *sb, const char *line, size_t len)
{
	strbuf_clear(sb);
	strbuf_add(sb, line, len);
}

static void call_line(struct vg_proc *p, const char *line, size_t len)
{
	struct sys_call call, head;
	struct vg_thread *th;

	runs_close(&p->runs);
	if (!sys_line_parse(line, len, &call)) {
		unknown_line(p, line, len);
		return;
	}
	th = thread_get(p, call.tid);
	if (!th)
		return;
	switch (call.state) {
	case SYS_HEAD:
		keep_call(&p->head, line, len);
		break;
	case SYS_DONE:
		call_done(p, &call);
		break;
	case SYS_ASYNC:
		keep_call(&th->call, line, len);
		break;
	case SYS_RESUMED:
		if (!th->call.len || !sys_line_parse(th->call.s, th->call.len, &head) ||
		    head.nr != call.nr) {
			unknown_line(p, line, len);
			break;
		}
		head.failed = call.failed;
		head.ret = call.ret;
		call_done(p, &head);
		th = thread_get(p, call.tid);
		if (th)
			strbuf_clear(&th->call);
		break;
	}
}

/* " --> [...] ..." behind an earlier line that held the call. */
static void result_line(struct vg_proc *p, const char *line, size_t len)
{
	struct sys_call call;
	struct vg_thread *th;

	runs_close(&p->runs);
	if (!p->head.len || !sys_line_parse(p->head.s, p->head.len, &call) ||
	    !sys_result_parse(line, len, &call)) {
		if (!p->is_ours)
			unknown_line(p, line, len);
	} else if (call.state == SYS_ASYNC) {
		th = thread_get(p, call.tid);
		if (th) {
			keep_call(&th->call, p->head.s, p->head.len);
			strbuf_addstr(&th->call, " --> [async] ... ");
		}
	} else {
		call_done(p, &call);
	}
	p->is_ours = false;
	strbuf_clear(&p->head);
}

/* "--PID-- push_signal_frame (thread N): signal S": a handler runs next. */
static void signal_line(struct vg_proc *p, const char *line, const char *end)
{
	static const char what[] = "push_signal_frame (thread ";
	const char *s = memmem(line, (size_t)(end - line), what, sizeof(what) - 1);
	char copy[64];
	unsigned tid, signo;

	if (!s)
		return;
	s += sizeof(what) - 1;
	snprintf(copy, sizeof(copy), "%.*s", (int)(end - s < 63 ? end - s : 63), s);
	if (sscanf(copy, "%u): signal %u", &tid, &signo) != 2)
		return;
	runs_close(&p->runs);
	p->signo = signo;
}

/* A line that is no access. Several of valgrind's messages may share it. */
static void text_line(void *ctx, const char *line, size_t len)
{
	struct vg_proc *p = ctx;
	const char *end = line + len, *sched;
	bool is_call = len > 8 && memcmp(line, "SYSCALL[", 8) == 0;

	if (p->is_dropped || len == 0)
		return;
	sched = memmem(line, len, "   SCHED[", 9);
	if (is_call) {
		call_line(p, line, len);
	} else if (len > 5 && memcmp(line, " --> ", 5) == 0) {
		result_line(p, line, len);
	} else if (p->head.len && p->head.len + len < HEAD_MAX && !sched && line[0] != '=') {
		strbuf_add(&p->head, " ", 1);
		strbuf_add(&p->head, line, len);
	} else if (line[0] == '-') {
		signal_line(p, line, end);
	} else if (line[0] != '=' && (len < 11 || memcmp(line, "SCHEDSETJMP", 11) != 0)) {
		unknown_line(p, line, len);
	}
	if (sched)
		sched_line(p, sched + 9, end);
}

/* ---- life ---- */

static struct vg_proc *proc_alloc(struct vg_trace *t, pid_t pid)
{
	struct vg_proc *p = xcalloc(1, sizeof(*p));

	p->trace = t;
	p->pid = pid;
	p->current = 1;
	runs_init(&p->runs, emit_runs, native_page, p);
	lackey_init(&p->lackey, &p->runs, text_line, p);
	p->lackey.frame = on_frame;
	p->frames.place_is_stale = true;
	return p;
}

struct vg_proc *vg_proc_create(struct vg_trace *t, pid_t pid)
{
	struct vg_proc *p = proc_alloc(t, pid);
	uint32_t task = ids_task_add(&t->ids, pid);
	struct mmr_event ev = { .kind = MMR_TASK, .task = task,
				.TASK = { .tid = (uint64_t)pid, .pid = (uint64_t)pid, .mm = task } };

	vg_emit(t, &ev);
	thread_add(p, pid, task);
	layout_init(&p->layout, t->native, 0);
	return p;
}

struct vg_proc *vg_proc_fork(struct vg_proc *parent, pid_t pid)
{
	struct vg_trace *t = parent->trace;
	struct vg_proc *p = proc_alloc(t, pid);
	uint32_t task = ids_task_add(&t->ids, pid), ptask = current_task(parent);
	struct sys_call call = { .nr = SYS_fork };
	struct mmr_event ev = { .kind = MMR_FORK, .task = ptask,
				.FORK = { .child = task, .tid = (uint64_t)pid, .pid = (uint64_t)pid,
					  .flags = SIGCHLD } };
	const char *text;
	size_t text_len;

	runs_close(&parent->runs);
	text = lackey_pending(&parent->lackey, &text_len);
	if (!sys_line_parse(text, text_len, &call) && parent->head.len)
		sys_line_parse(parent->head.s, parent->head.len, &call);
	if (call.nr == SYS_clone)
		ev.FORK.flags = call.arg[0];
	else if (call.nr == SYS_vfork)
		ev.FORK.flags |= CLONE_VFORK | CLONE_VM;
	p->is_dropped = parent->is_dropped;
	if (!p->is_dropped)
		vg_emit(t, &ev);
	/* The child goes on as the thread that forked, under the same number. */
	while (p->threads.nr < parent->current)
		*vec_push(&p->threads) = (struct vg_thread){0};
	*vec_push(&p->threads) = (struct vg_thread){ .task = task, .tid = pid };
	p->current = parent->current;
	p->is_ours = true;
	layout_copy(&p->layout, &parent->layout);
	fd_table_copy(&p->fds, &parent->fds);
	p->tool_brk = parent->tool_brk;
	p->native_brk = parent->native_brk;
	p->brk = parent->brk;
	p->vvar = parent->vvar;
	p->has_exec = true;
	if (call.nr == SYS_clone && call.arg[0] & CLONE_CHILD_SETTID && !p->is_dropped)
		vg_touch(p, task, call.arg[3], 4, true);
	return p;
}

/* ---- exec ---- */

static void emit_area(struct vg_proc *p, uint32_t task, uint64_t addr, uint64_t len, uint32_t prot,
		      uint64_t flags, uint32_t file, uint64_t offset, const char *name)
{
	struct mmr_event ev = { .kind = MMR_VMA, .task = task,
				.VMA = { .addr = addr, .len = len, .prot = prot,
					 .flags = flags | MAP_PRIVATE, .file = file, .offset = offset } };

	ev.data = name;
	ev.data_len = name ? (uint32_t)strlen(name) : 0;
	vg_emit(p->trace, &ev);
}

static void exec_segments(struct vg_proc *p, uint32_t task, const struct image *im)
{
	struct vg_trace *t = p->trace;
	uint32_t id[2] = {0};

	for (unsigned i = 0; i < im->nr_files; i++) {
		struct mmr_event at = { .task = task };
		struct ids_file_key key = { .dev = im->file[i].dev, .ino = im->file[i].ino,
					    .path = im->file[i].path, .pid = p->pid };
		int ret = ids_file(&t->ids, &key, &at, &id[i], &t->err);

		if (ret && !t->error)
			t->error = ret;
	}
	for (size_t i = 0; i < im->segment.nr; i++) {
		const struct image_segment *s = &im->segment.data[i];
		uint64_t addr = image_native(im, s);

		if (s->file_len)
			emit_area(p, task, addr, s->file_len, s->prot, 0, id[s->file], s->offset,
				  im->file[s->file].path);
		if (s->bss_len)
			emit_area(p, task, addr + s->file_len, s->bss_len, s->prot, MAP_ANONYMOUS, 0, 0,
				  NULL);
		if (s->zero_len) {
			struct mmr_event ev = { .kind = MMR_KTOUCH, .task = task };

			ev.KTOUCH.addr = s->zero_start + im->file[s->file].native_bias;
			ev.KTOUCH.len = s->zero_len;
			ev.KTOUCH.write = 1;
			vg_emit(t, &ev);
		}
	}
}

static void exec_stack(struct vg_proc *p, uint32_t task, const struct image *im)
{
	uint64_t start = (im->native_arg_start & ~(PAGE - 1)) - STACK_EXPAND;
	struct mmr_event ev = { .kind = MMR_KTOUCH, .task = task };

	if (start > im->native_sp)
		start = im->native_sp & ~(PAGE - 1);
	emit_area(p, task, start, im->native_stack_end - start, PROT_READ | PROT_WRITE,
		  MAP_ANONYMOUS | MMR_VMA_STACK, 0, 0, "[stack]");
	ev.KTOUCH.addr = im->native_sp;
	ev.KTOUCH.len = im->native_arg_end - im->native_sp;
	ev.KTOUCH.write = 1;
	vg_emit(p->trace, &ev);
}

/* The kernel's own areas. What the program would read of them natively stands in as touches. */
static void exec_special(struct vg_proc *p, uint32_t task, const struct image *im)
{
	uint64_t addr = im->vdso;

	p->vvar = 0;
	for (size_t i = 0; i < im->special.nr && im->vdso_len; i++) {
		const struct image_special *s = &im->special.data[i];

		emit_area(p, task, addr, s->len, s->prot, MMR_VMA_SPECIAL, 0, 0, s->name);
		if (strcmp(s->name, "[vvar]") == 0)
			p->vvar = addr;
		if (strcmp(s->name, "[vdso]") == 0 && im->reads_vdso) {
			struct mmr_event ev = { .kind = MMR_KTOUCH, .task = task,
						.KTOUCH = { .addr = addr, .len = 64 } };

			vg_emit(p->trace, &ev);
		}
		addr += s->len;
	}
}

/* Descriptors that close on exec. */
static void close_on_exec(struct vg_proc *p)
{
	for (uint64_t fd = 0; fd < p->fds.fd.nr; fd++) {
		struct fd_file *f = fd_get(&p->fds, fd);

		if (f && f->flags & O_CLOEXEC)
			fd_close(&p->fds, fd);
	}
}

int vg_proc_exec(struct vg_proc *p, const struct image *const_im, const char *cwd)
{
	struct image im = *const_im;
	struct vg_trace *t = p->trace;
	uint32_t task = current_task(p);
	struct mmr_event ev = { .kind = MMR_EXEC, .task = task };

	runs_close(&p->runs);
	p->frames.place_is_stale = true;
	for (uint32_t i = 1; i < p->threads.nr; i++)
		if (i != p->current)
			thread_exit(p, i, 0);
	/* The thread that called exec is valgrind's first one in the new image. */
	if (p->current != 1) {
		struct vg_thread th = p->threads.data[p->current];

		p->threads.data[p->current] = (struct vg_thread){0};
		p->threads.data[1] = th;
		p->current = 1;
	}
	strbuf_clear(&p->threads.data[1].call);
	strbuf_clear(&p->head);
	p->is_ours = false;
	layout_finish(&p->layout);
	layout_init(&p->layout, t->native, image_mmap_base(t->stack_limit));
	image_place(&im, &p->layout);
	close_on_exec(p);
	if (cwd && !p->fds.cwd)
		p->fds.cwd = xstrdup(cwd);
	if (!p->has_exec)
		vg_inherit_files(p, task);
	p->has_exec = true;
	p->tool_brk = p->brk = im.tool_brk;
	p->native_brk = im.native_brk;

	ev.EXEC.arg_start = im.native_arg_start;
	ev.EXEC.arg_end = im.native_arg_end;
	ev.EXEC.stack = im.native_sp;
	ev.data = im.file[0].path;
	ev.data_len = (uint32_t)strlen(im.file[0].path);
	vg_emit(t, &ev);
	ev = (struct mmr_event){ .kind = MMR_COMM, .task = task, .COMM.exec = 1, .data = im.comm,
				 .data_len = (uint32_t)strlen(im.comm) };
	vg_emit(t, &ev);
	exec_stack(p, task, &im);
	exec_segments(p, task, &im);
	exec_special(p, task, &im);
	ev = (struct mmr_event){ .kind = MMR_BRK, .task = task,
				 .BRK = { .brk = im.native_brk, .start = im.native_brk } };
	vg_emit(t, &ev);
	return t->error;
}

void vg_proc_vector(struct vg_proc *p, struct vg_vector *v)
{
	if (p->vectors.nr >= VECTORS_MAX) {
		vec_finish(&p->vectors.data[0].part);
		memmove(p->vectors.data, p->vectors.data + 1,
			(p->vectors.nr - 1) * sizeof(*p->vectors.data));
		p->vectors.nr--;
	}
	*vec_push(&p->vectors) = *v;
}

void vg_proc_end(struct vg_proc *p, int status)
{
	struct vg_trace *t = p->trace;

	lackey_end(&p->lackey);
	runs_close(&p->runs);
	for (uint32_t i = 1; i < p->threads.nr; i++)
		thread_exit(p, i, status);
	t->nr_foreign += p->runs.nr_foreign;
	for (size_t i = 0; i < p->vectors.nr; i++)
		vec_finish(&p->vectors.data[i].part);
	vec_finish(&p->vectors);
	for (size_t i = 0; i < p->threads.nr; i++)
		strbuf_finish(&p->threads.data[i].call);
	vec_finish(&p->threads);
	strbuf_finish(&p->head);
	fd_table_finish(&p->fds);
	layout_finish(&p->layout);
	lackey_finish(&p->lackey);
	runs_finish(&p->runs);
	free(p);
}

void vg_proc_drop(struct vg_proc *p, const char *why)
{
	struct mmr_event ev = { .kind = MMR_LOST, .task = current_task(p),
				.LOST.source = MMR_SOURCE_TOOL };

	if (p->is_dropped)
		return;
	vg_emit(p->trace, &ev);
	p->trace->res->nr_lost++;
	capture_result_note(p->trace->res, "process %d is not followed any further: %s", p->pid, why);
	p->is_dropped = true;
}
