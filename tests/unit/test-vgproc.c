/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Valgrind's text of a process becomes the events of a trace: what is expected is written as one line an
 * event, "task kind arguments", runs as "task runs NUMBER".
 */
#include "support/test.h"

#include <inttypes.h>

#include "capture/vgproc.h"
#include "support/trace-mem.h"

struct fixture {
	struct mem_file file;
	struct vg_trace t;
	struct capture_result res;
	struct vg_proc *p;
	char text[16384];
};

static int emit_for_ids(void *ctx, const struct mmr_event *ev, struct mmr_error *err)
{
	struct mmr_event copy = *ev;

	(void)err;
	return vg_emit(ctx, &copy);
}

/* A process that has a page of text at 0x400000, a stack, and a heap that starts at 0x4000000. */
static void start(struct fixture *f)
{
	struct mmr_writer_options opt = {0};

	memset(f, 0, sizeof(*f));
	assert_int_equal(mmr_writer_open_fn(&f->t.writer, mem_write, &f->file, "{}", &opt, NULL), 0);
	f->t.res = &f->res;
	f->t.native = true;
	ids_init(&f->t.ids, emit_for_ids, &f->t, false);
	f->p = vg_proc_create(&f->t, 100);
	f->p->layout.mmap_base = 0x7ffff7fff000;
	layout_add(&f->p->layout, 0x400000, 0x1000, 0x400000);
	layout_add(&f->p->layout, 0x1ffe000000, 0x1001000, 0x7ffffeffe000);
	f->p->tool_brk = f->p->brk = 0x4000000;
	f->p->native_brk = 0x4ad000;
}

static void feed(struct vg_proc *p, const char *text)
{
	size_t room;
	char *buf = lackey_space(&p->lackey, &room);

	assert_true(strlen(text) <= room);
	memcpy(buf, text, strlen(text));
	lackey_advance(&p->lackey, strlen(text));
}

static void add_line(struct fixture *f, const char *fmt, ...)
{
	size_t len = strlen(f->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text + len, sizeof(f->text) - len, fmt, ap);
	va_end(ap);
}

static void print_item(struct fixture *f, const struct mmr_item *item)
{
	const struct mmr_kind_info *kind = mmr_kind_info(item->ev.kind);

	if (item->runs) {
		add_line(f, "%u runs", item->ev.task);
		for (size_t i = 0; i < item->nr_runs; i++)
			add_line(f, " %c%" PRIx64 ":%u+%u", item->runs[i].page & MMR_RUN_INSN ? 'i' : 'd',
				 (uint64_t)MMR_RUN_PAGE(&item->runs[i]), item->runs[i].nr_reads,
				 item->runs[i].nr_writes);
		add_line(f, "\n");
		return;
	}
	add_line(f, "%u %s", item->ev.task, kind->name);
	for (unsigned i = 0; i < kind->nr_fields; i++)
		add_line(f, " %" PRIx64, item->ev.arg[i]);
	add_line(f, "\n");
}

/* Ends the process and compares the whole trace. */
static void expect(struct fixture *f, const char *want)
{
	struct mmr_reader *r;
	struct mmr_item item;

	if (f->p)
		vg_proc_end(f->p, 0x300);
	assert_int_equal(f->t.error, 0);
	assert_int_equal(mmr_writer_close(f->t.writer, NULL), 0);
	assert_int_equal(mmr_reader_open_fn(&r, mem_read, &f->file, NULL, NULL), 0);
	while (mmr_reader_next(r, &item, NULL) == 1)
		print_item(f, &item);
	mmr_reader_close(r);
	assert_string_equal(f->text, want);
	ids_finish(&f->t.ids);
	capture_result_finish(&f->res);
	mem_free(&f->file);
}

static void test_calls(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(f.p, "==100== Lackey\n"
	     "I  00400000,4\n"
	     " S 1fff000700,8\n"
	     " L 58001000,8\n"		/* valgrind's own: left out */
	     "SYSCALL[100,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4800000) \n"
	     " M 04800ffc,8\n"
	     "SYSCALL[100,1](0) sys_read ( 0, 0x4801000, 4096 ) --> [async] ... \n"
	     "SYSCALL[100,1](0) ... [async] --> Success(0x10) \n"
	     "SYSCALL[100,1](7) sys_poll ( 0x4800000, 1, -1 )\n"
	     " --> [async] ... \n"
	     "SYSCALL[100,1](7) ... [async] --> Failure(0x4) \n"
	     "SYSCALL[100,1](12) sys_brk ( 0x4001800 ) --> [pre-success] Success(0x4001800) \n"
	     " S 04001000,8\n"
	     "SYSCALL[100,1](11) sys_munmap ( 0x4800000, 8192 )[sync] --> Success(0x0) \n"
	     "SYSCALL[100,1](9) sys_mmap ( 0x0, 4096, 3, 34, 4294967295, 0 ) --> [pre-fail] Failure(0xc) \n"
	     "SYSCALL[100,1](231) exit_group( 3 ) --> [pre-success] Success(0x0) \n");
	vg_proc_end(f.p, 0x300);
	f.p = NULL;
	assert_int_equal(f.t.nr_foreign, 1);
	assert_int_equal(f.t.nr_unknown_lines, 0);
	expect(&f, "1 task 64 64 0 1\n"
	       "1 switch 0\n"
	       "1 runs i400:1+0 d7fffffffe:0+1\n"
	       "1 mmap 7ffff7ffd000 2000 3 22 0 0\n"
	       "1 runs d7ffff7ffd:1+0 d7ffff7ffe:1+0 d7ffff7ffd:0+1 d7ffff7ffe:0+1\n"
	       "1 ktouch 7ffff7ffe000 10 1\n"
	       "1 ktouch 7ffff7ffd000 8 0\n"
	       "1 brk 4ae800 4ad000\n"
	       "1 runs d4ae:0+1\n"
	       "1 munmap 7ffff7ffd000 2000\n"
	       "1 exit 300\n");
}

static void test_threads(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(f.p, "--100--   SCHED[1]:  acquired lock (thread_wrapper(starting new thread))\n"
	     "I  00400000,4\n"
	     "SYSCALL[100,1](56) sys_clone ( 3d0f00, 0x0, 0x0, 0x0, 0x0 ) --> [pre-success] Success(0x65) "
	     "--100--   SCHED[1]: releasing lock (VG_(vg_yield)) -> VgTs_Yielding\n"
	     "--100--   SCHED[2]:  acquired lock (thread_wrapper(starting new thread))\n"
	     "I  00400010,4\n"
	     "--100--   SCHED[2]: releasing lock (VG_(scheduler):timeslice) -> VgTs_Yielding\n"
	     "--100--   SCHED[1]:  acquired lock (VG_(vg_yield))\n"
	     "I  00400004,4\n"
	     "--100--   SCHED[1]: releasing lock (VG_(scheduler):timeslice) -> VgTs_Yielding\n"
	     "--100--   SCHED[1]:  acquired lock (VG_(scheduler):timeslice)\n"
	     "I  00400008,4\n"
	     "--100--   SCHED[2]:  acquired lock (VG_(scheduler):timeslice)\n"
	     "SYSCALL[100,2](60) exit( 0 ) --> [pre-success] Success(0x0) \n"
	     "--100--   SCHED[2]: release lock in VG_(exit_thread)\n"
	     "--100--   SCHED[1]:  acquired lock (VG_(client_syscall)[async])\n"
	     "I  00400008,4\n");
	expect(&f, "1 task 64 64 0 1\n"
	       "1 switch 0\n"
	       "1 runs i400:1+0\n"
	       "1 fork 2 65 64 3d0f00\n"
	       "2 switch 1\n"
	       "2 runs i400:1+0\n"
	       "1 switch 2\n"
	       "1 runs i400:2+0\n"
	       "2 switch 1\n"
	       "2 exit 0\n"
	       "1 switch 2\n"
	       "1 runs i400:1+0\n"
	       "1 exit 300\n");
}

/* A child goes on where the parent called; its areas are copies. */
static void test_fork(void **state)
{
	struct fixture f;
	struct vg_proc *child;

	(void)state;
	start(&f);
	feed(f.p, "I  00400000,4\n"
	     "SYSCALL[100,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x1fff000690, 0x0 )");
	child = vg_proc_fork(f.p, 101);
	feed(f.p, "   clone(fork): process 100 created child 101\n --> [pre-success] Success(0x65) \n");
	feed(child, "==101== Lackey\n==101== \n --> [pre-success] Success(0x0) \n"
	     " S 1fff000700,8\n"
	     "SYSCALL[101,1](11) sys_munmap ( 0x400000, 4096 )[sync] --> Success(0x0) \n");
	vg_proc_end(child, 0);
	feed(f.p, "I  00400000,4\n");
	assert_int_equal(f.t.nr_unknown_lines, 0);
	expect(&f, "1 task 64 64 0 1\n"
	       "1 switch 0\n"
	       "1 runs i400:1+0\n"
	       "1 fork 2 65 65 1200011\n"
	       "2 switch 1\n"
	       "2 ktouch 7fffffffe690 4 1\n"
	       "2 runs d7fffffffe:0+1\n"
	       "2 munmap 400000 1000\n"
	       "2 exit 0\n"
	       "1 switch 2\n"
	       "1 runs i400:1+0\n"
	       "1 exit 300\n");
}

/* A thread that came from nowhere: the process is given up, loudly. */
static void test_lost(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	feed(f.p, "some text of the program\n"
	     "--100--   SCHED[7]:  acquired lock (x)\n"
	     "I  00400000,4\n"
	     "SYSCALL[100,7](12) sys_brk ( 0x4001800 ) --> [pre-success] Success(0x4001800) \n");
	assert_int_equal(f.t.nr_unknown_lines, 1);
	assert_string_equal(f.t.unknown_line, "some text of the program");
	assert_int_equal(f.res.nr_lost, 1);
	assert_int_equal(f.res.notes.nr, 1);
	vg_proc_end(f.p, 0);
	f.p = NULL;
	expect(&f, "1 task 64 64 0 1\n0 lost 0 3 0\n");
}

/* Whatever is between known words: no crash, no event that reaches past the end of memory. */
static void test_hostile(void **state)
{
	static const char *const lines[] = {
		"SYSCALL[100,1](9) sys_mmap ( 0x0, 18446744073709551615, 3, 34, 4294967295, 0 ) --> [x] Success(0x0) \n",
		"SYSCALL[100,1](9) sys_mmap ( 0x0, 0, 3, 34, 4294967295, 0 ) --> [x] Success(0x4800000) \n",
		"SYSCALL[100,1](9) sys_mmap ( 0x0, 4096, 3, 34, 4294967295, 0 ) --> [x] Success(0xfffffffffffff000) \n",
		"SYSCALL[100,1](11) sys_munmap ( 0xfffffffffffff000, 18446744073709551615 )[sync] --> Success(0x0) \n",
		"SYSCALL[100,1](25) sys_mremap ( 0x400000, 0, 18446744073709551615, 1, 0x0 ) --> [x] Success(0x0) \n",
		"SYSCALL[100,1](12) sys_brk ( 0x1 ) --> [x] Success(0xffffffffffffffff) \n",
		"SYSCALL[100,1](3) sys_close ( 18446744073709551615 )[sync] --> Success(0x0) \n",
		"SYSCALL[100,1](33) sys_dup2 ( 1, 4294967295 )[sync] --> Success(0xffffffff) \n",
		"SYSCALL[100,4294967295](3) sys_close ( 1 )[sync] --> Success(0x0) \n",
		"SYSCALL[100,1](0) ... [async] --> Success(0x10) \n",
		" --> [pre-success] Success(0x10) \n",
		"--100--   SCHED[99999999999999]:  acquired lock\n", "--100--   SCHED[\n", "SYSCALL[\n",
		"--100-- push_signal_frame (thread 9): signal 4294967296\n",
	};
	struct fixture f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		feed(f.p, lines[i]);
		feed(f.p, "I  00400000,4\n");
	}
	assert_int_equal(f.t.error, 0);
	vg_proc_end(f.p, 0);
	assert_int_equal(mmr_writer_close(f.t.writer, NULL), 0);
	ids_finish(&f.t.ids);
	capture_result_finish(&f.res);
	mem_free(&f.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
