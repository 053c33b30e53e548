/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Each format, made by hand, comes out as the events and runs that it means; damaged ones are refused. */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "import/import.h"
#include <mmreplay/trace.h>

struct fixture {
	char dir[64], in[96], out[96];
	struct import_result res;
	struct mmr_error err;
	/* of the trace that came out */
	uint64_t reads, writes, fetches, splits;
	struct mmr_event ev[64];
	size_t nr_ev;
};

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){ .dir = "/tmp/mmreplay-import-XXXXXX" };
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.in, sizeof(f.in), "%s/in", f.dir);
	snprintf(f.out, sizeof(f.out), "%s/out.mmt", f.dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(f.in);
	unlink(f.out);
	return rmdir(f.dir);
}

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	fclose(file);
}

static void read_back(void)
{
	struct mmr_reader *r;
	struct mmr_item it;
	int rc;

	assert_int_equal(mmr_reader_open(&r, f.out, NULL, &f.err), 0);
	while ((rc = mmr_reader_next(r, &it, &f.err)) > 0) {
		for (size_t i = 0; i < it.nr_runs; i++) {
			uint64_t *reads = it.runs[i].page & MMR_RUN_INSN ? &f.fetches : &f.reads;

			*reads += it.runs[i].nr_reads;
			f.writes += it.runs[i].nr_writes;
			f.splits += it.runs[i].nr_split;
		}
		if (it.ev.kind != MMR_RUNS && f.nr_ev < ARRAY_SIZE(f.ev))
			f.ev[f.nr_ev++] = it.ev;
	}
	assert_int_equal(rc, 0);
	mmr_reader_close(r);
}

static int import_bytes(const void *data, size_t len, struct import_options opt)
{
	int rc;

	write_file(f.in, data, len);
	opt.output = f.out;
	f.err.text[0] = '\0';
	f.nr_ev = 0;
	f.reads = f.writes = f.fetches = f.splits = 0;
	rc = import_run(f.in, &opt, &f.res, &f.err);
	if (rc == 0)
		read_back();
	return rc;
}

static int import_text(const char *text)
{
	return import_bytes(text, strlen(text), (struct import_options){ 0 });
}

static const struct mmr_event *event(unsigned kind)
{
	for (size_t i = 0; i < f.nr_ev; i++)
		if (f.ev[i].kind == kind)
			return &f.ev[i];
	return NULL;
}

/* ---- text ---- */

static void csv_says_what_happens(void **state)
{
	(void)state;
	assert_int_equal(import_text("# a comment\n"
				     "op, addr, size, tid, pid, prot\n"
				     "map, 0x10000, 8192, 7, 7, rw\n"
				     "w, 0x10ffc, 8, 7, 7,\n"
				     "r, 0x10000, 8, 8, 7,\n"
				     "x, 0x400000, 3, 8, 7,\n"
				     "protect, 0x10000, 4096, 7, 7, r\n"
				     "unmap, 0x11000, 4096, 7, 7,\n"
				     "exit, , , 8, 7,\n"), 0);
	assert_string_equal(f.res.format, "text");
	assert_int_equal(f.res.accesses, 3);
	assert_int_equal(f.writes, 2);	/* it straddles two pages */
	assert_int_equal(f.splits, 1);
	assert_int_equal(f.reads, 1);
	assert_int_equal(f.fetches, 1);
	assert_int_equal(event(MMR_MMAP)->MMAP.len, 8192);
	assert_int_equal(event(MMR_MPROTECT)->MPROTECT.prot, PROT_READ);
	assert_int_equal(event(MMR_MUNMAP)->MUNMAP.addr, 0x11000);
	/* The code was announced by nobody. */
	assert_int_equal(event(MMR_VMA)->VMA.addr, 0x400000);
	assert_int_equal(event(MMR_VMA)->VMA.prot, PROT_READ | PROT_EXEC);
	assert_int_equal(f.res.inferred_bytes, 65536);
}

static void json_lines_say_the_same(void **state)
{
	(void)state;
	assert_int_equal(import_text("{\"op\": \"map\", \"addr\": \"0x10000\", \"size\": 4096}\n"
				     "{\"op\": \"m\", \"addr\": 65536, \"size\": 8}\n"), 0);
	assert_int_equal(f.reads, 1);
	assert_int_equal(f.writes, 1);
	assert_int_equal(f.res.inferred_bytes, 0);
}

static void bad_text_names_the_line(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "op,addr\nr,zz\n", "line 2: addr 'zz'" },
		{ "op,addr\nq,1\n", "line 2: an area of no size" },
		{ "op,addr,size\nq,0x1000,4096\n", "line 2: unknown op 'q'" },
		{ "op,addr\nr\n", "line 2: another number of values" },
		{ "op,addr,tid\nr,1,0\n", "line 2: tid 0" },
		{ "{\"op\": \"r\", \"addr\": 1}\nr,1\n", "line 2: no JSON object" },
		{ "{\"op\": \"r\", \"addr\": 1}\n{\"op\": [], \"addr\": 1}\n", "line 2: neither text nor a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(import_text(bad[i].text), -EBADMSG);
		if (!strstr(f.err.text, bad[i].says))
			fail_msg("'%s' says not '%s'", f.err.text, bad[i].says);
	}
}

static void strict_refuses_to_guess(void **state)
{
	static const char text[] = "op,addr\nr,0x5000\n";

	(void)state;
	assert_int_equal(import_bytes(text, strlen(text), (struct import_options){ .strict = true }), -ENOTSUP);
	assert_non_null(strstr(f.err.text, "0x5000"));
}

static void formats_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(import_text("nothing that anybody knows\n"), -ENOTSUP);
	assert_int_equal(import_bytes("x", 1, (struct import_options){ .format = "drmemtrac" }), -ENOENT);
	assert_non_null(strstr(f.err.text, "did you mean 'drmemtrace'?"));
	assert_int_equal(import_text("==1== Lackey\nI  04000000,3\n L 1ffefff000,8\n S 1ffefff008,8\n M 04001000,4\n"), 0);
	assert_string_equal(f.res.format, "lackey");
	assert_int_equal(f.res.fetches, 1);
	assert_int_equal(f.res.reads, 2);
	assert_int_equal(f.res.writes, 2);
	assert_int_equal(f.res.skipped[0].nr, 1);
}

static void events_of_the_kernel_come_as_text(void **state)
{
	(void)state;
	/* perf script */
	assert_int_equal(import_text(
		"  ls 12/13 [001] 18981.322660:       page-faults:     56063c9f05c0\n"
		"  ls 12/13 [001] 18981.322661: exceptions:page_fault_user: address=0x56063c9f05c0 ip=0x1 error_code=0x6\n"
		"  ls 12/13 [001] 18981.323086: syscalls:sys_enter_mmap: addr: 0x00000000, len: 0x00002000, prot: 0x00000003, "
		"flags: 0x00000022, fd: 0xffffffff, off: 0x00000000\n"
		"  ls 12/13 [001] 18981.323092: syscalls:sys_exit_mmap: 0x7fb237302000\n"
		"  ls 12 [001] 18981.323100:       1 kmem:mm_page_alloc: page=0x5 pfn=0x31de0c order=2 migratetype=1 "
		"gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_ZERO\n"
		"  ls 12 [001] 18981.323110: vmscan:mm_vmscan_kswapd_wake: nid=0 order=0\n"), 0);
	assert_string_equal(f.res.format, "tracepoints");
	assert_int_equal(event(MMR_FAULT)->FAULT.addr, 0x56063c9f05c0);
	assert_int_equal(event(MMR_FAULT)->time_ns, 18981322660000ull);
	assert_int_equal(event(MMR_FAULT)->cpu, 1);
	assert_int_equal(event(MMR_MMAP)->MMAP.addr, 0x7fb237302000);
	assert_int_equal(event(MMR_MMAP)->MMAP.len, 0x2000);
	assert_int_equal(event(MMR_PAGE_ALLOC)->PAGE_ALLOC.pfn, 0x31de0c);
	assert_int_equal(event(MMR_PAGE_ALLOC)->PAGE_ALLOC.order, 2);
	assert_int_equal(event(MMR_PAGE_ALLOC)->PAGE_ALLOC.gfp, 0x100dca);
	/* the fault told twice, the event of vmscan */
	assert_int_equal(f.res.skipped[0].nr + f.res.skipped[1].nr, 2);
	/* ftrace */
	assert_int_equal(import_text(
		"# tracer: nop\n"
		"#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
		"            bash-1234    [003] d..1.    12.500000: mm_page_free: page=0x7 pfn=0x77 order=1\n"
		"           <...>-1235    [000] .....    12.600000: kmalloc: call_site=f ptr=00000000deadbeef bytes_req=60 "
		"bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1\n"), 0);
	assert_int_equal(event(MMR_PAGE_FREE)->PAGE_FREE.pfn, 0x77);
	assert_int_equal(event(MMR_PAGE_FREE)->cpu, 3);
	assert_int_equal(event(MMR_KMALLOC)->KMALLOC.ptr, 0xdeadbeef);
	assert_int_equal(event(MMR_KMALLOC)->KMALLOC.alloc, 64);
	assert_int_equal(event(MMR_KMALLOC)->KMALLOC.gfp, 0xcc0);
}

/* ---- ChampSim ---- */

static void champsim_has_an_instruction_a_record(void **state)
{
	unsigned char rec[8 * 64] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		uint64_t ip = 0x400000 + 4 * i, load = 0x7f0000000000 + 4096 * i, store = 0x600000;

		memcpy(rec + 64 * i, &ip, 8);
		memcpy(rec + 64 * i + 16, &store, 8);
		memcpy(rec + 64 * i + 32, &load, 8);
	}
	assert_int_equal(import_bytes(rec, sizeof(rec), (struct import_options){ 0 }), 0);
	assert_string_equal(f.res.format, "champsim");
	assert_int_equal(f.res.fetches, 8);
	assert_int_equal(f.res.reads, 8);
	assert_int_equal(f.res.writes, 8);
	/* Half a record at the end is lost, and said to be. */
	assert_int_equal(import_bytes(rec, sizeof(rec) - 32, (struct import_options){ 0 }), 0);
	assert_int_equal(f.res.fetches, 7);
	assert_non_null(event(MMR_LOST));
}

/* ---- drmemtrace ---- */

static size_t put(unsigned char *buf, size_t at, uint16_t type, uint16_t size, uint64_t addr)
{
	memcpy(buf + at, &type, 2);
	memcpy(buf + at + 2, &size, 2);
	memcpy(buf + at + 4, &addr, 8);
	return at + 12;
}

/* A system call with its arguments and its result. */
static size_t put_call(unsigned char *buf, size_t at, uint64_t nr, const uint64_t *arg, unsigned nr_args, uint64_t ret)
{
	at = put(buf, at, 28, 25, nr);
	at = put(buf, at, 28, 4, (1ull << 32) + nr);
	for (unsigned i = 0; i < nr_args; i++)
		at = put(buf, at, 28, 6, arg[i]);
	at = put(buf, at, 28, 4, (1ull << 32) + nr);
	return put(buf, at, 28, 7, ret);
}

static size_t head(unsigned char *buf, uint64_t filetype)
{
	size_t at = put(buf, 0, 25, 0, 7);

	at = put(buf, at, 28, 12, 7);
	at = put(buf, at, 28, 9, filetype);
	at = put(buf, at, 22, 4, 1001);
	at = put(buf, at, 24, 4, 1000);
	return put(buf, at, 28, 2, 5000000);
}

static void drmemtrace_calls_become_areas(void **state)
{
	unsigned char buf[4096];
	const uint64_t map[] = { 0, 16384, 3, 0x22, (uint64_t)-1, 0 }, protect[] = { 0x7f0000000000, 4096, 1 };
	const uint64_t unmap[] = { 0x7f0000001000, 4096 };
	size_t at = head(buf, 0xe40);

	(void)state;
	at = put(buf, at, 10, 4, 0x400ffe);		/* an instruction across two pages */
	at = put_call(buf, at, 9, map, 6, 0x7f0000000000);
	at = put(buf, at, 1, 8, 0x7f0000000010);
	at = put(buf, at, 0, 8, 0x7f0000003ff0);
	at = put_call(buf, at, 9, map, 6, (uint64_t)-12);	/* failed: nothing */
	at = put_call(buf, at, 10, protect, 3, 0);
	at = put_call(buf, at, 11, unmap, 2, 0);
	at = put(buf, at, 29, 2, 0x400ffe);		/* no fetch */
	at = put(buf, at, 22, 4, 1002);			/* another thread of the process */
	at = put(buf, at, 48, 2, 0x400100);
	at = put(buf, at, 23, 4, 1002);
	assert_int_equal(import_bytes(buf, at, (struct import_options){ 0 }), 0);
	assert_string_equal(f.res.format, "drmemtrace");
	assert_int_equal(f.res.fetches, 2);
	assert_int_equal(f.fetches, 3);
	assert_int_equal(f.splits, 1);
	assert_int_equal(f.res.reads, 1);
	assert_int_equal(f.res.writes, 1);
	assert_int_equal(event(MMR_MMAP)->MMAP.addr, 0x7f0000000000);
	assert_int_equal(event(MMR_MPROTECT)->MPROTECT.prot, 1);
	assert_int_equal(event(MMR_MUNMAP)->MUNMAP.addr, 0x7f0000001000);
	assert_non_null(event(MMR_EXIT));
	/* The second thread shares the first one's address space. */
	assert_int_equal(f.ev[f.nr_ev - 2].kind == MMR_SWITCH || f.ev[f.nr_ev - 2].kind == MMR_TASK, 1);
}

static void filtered_drmemtraces_are_refused(void **state)
{
	unsigned char buf[512];
	size_t at = head(buf, 0x80);

	(void)state;
	at = put(buf, at, 10, 4, 0x400000);
	assert_int_equal(import_bytes(buf, at, (struct import_options){ 0 }), -ENOTSUP);
	assert_non_null(strstr(f.err.text, "filtered"));
}

static void files_of_a_folder_are_merged_by_time(void **state)
{
	char a[128], b[128], folder[96];
	unsigned char buf[512];
	size_t at;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/trace", f.dir);
	snprintf(a, sizeof(a), "%s/a.trace", folder);
	snprintf(b, sizeof(b), "%s/b.trace", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	at = head(buf, 0xe40);			/* at 5 s */
	at = put(buf, at, 10, 4, 0x400000);
	at = put(buf, at, 28, 2, 7000000);
	at = put(buf, at, 10, 4, 0x400000);
	write_file(a, buf, at);
	at = put(buf, 0, 25, 0, 7);
	at = put(buf, at, 22, 4, 2000);
	at = put(buf, at, 24, 4, 1000);
	at = put(buf, at, 28, 2, 6000000);
	at = put(buf, at, 10, 4, 0x400000);
	write_file(b, buf, at);
	assert_int_equal(import_run(folder, &(struct import_options){ .output = f.out }, &f.res, &f.err), 0);
	f.nr_ev = 0;
	read_back();
	unlink(a);
	unlink(b);
	rmdir(folder);
	/* task, switch, area; the other one at 6 s; the first again at 7 s */
	assert_int_equal(f.ev[0].kind, MMR_TASK);
	assert_int_equal(f.ev[f.nr_ev - 1].kind, MMR_SWITCH);
	assert_int_equal(f.ev[f.nr_ev - 1].task, f.ev[0].task);
	assert_int_equal(f.ev[f.nr_ev - 1].time_ns, 7000000000ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(csv_says_what_happens, setup, teardown),
		cmocka_unit_test_setup_teardown(json_lines_say_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_text_names_the_line, setup, teardown),
		cmocka_unit_test_setup_teardown(strict_refuses_to_guess, setup, teardown),
		cmocka_unit_test_setup_teardown(formats_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(events_of_the_kernel_come_as_text, setup, teardown),
		cmocka_unit_test_setup_teardown(champsim_has_an_instruction_a_record, setup, teardown),
		cmocka_unit_test_setup_teardown(drmemtrace_calls_become_areas, setup, teardown),
		cmocka_unit_test_setup_teardown(filtered_drmemtraces_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(files_of_a_folder_are_merged_by_time, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
