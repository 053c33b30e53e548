/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Every file system call that a trace records, once, with results that are known. No C library: nothing else opens a file.
 *
 *	file-calls FILE NEW	FILE: a regular file of 1 MiB; NEW: a name for a file that is made here
 */
#define PAGE 4096ul
#define AT_FDCWD (-100ul)

typedef unsigned long u64;

static char buf[16 * PAGE];

static u64 sys(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	u64 ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static void check(u64 got, u64 want)
{
	static u64 nr;

	nr++;
	if (got != want)
		sys(231, nr < 120 ? nr : 120, 0, 0, 0, 0, 0);
}

static void readers(const char *file)
{
	struct { void *base; u64 len; } vec[2] = { { buf, 100 }, { buf + PAGE, 4000 } };
	u64 fd = sys(257, AT_FDCWD, (u64)file, 0, 0, 0, 0), other;

	check(fd < 4096, 1);
	check(sys(221, fd, 0, 0, 1, 0, 0), 0);				/* fadvise64: RANDOM */
	check(sys(0, fd, (u64)buf, 5000, 0, 0, 0), 5000);		/* read at 0 */
	check(sys(17, fd, (u64)buf, 4096, 65536, 0, 0), 4096);		/* pread64 */
	check(sys(19, fd, (u64)vec, 2, 0, 0, 0), 4100);			/* readv at 5000 */
	check(sys(295, fd, (u64)vec, 2, 131072, 0, 0), 4100);		/* preadv */
	check(sys(327, fd, (u64)vec, 2, 196608, 0, 0), 4100);		/* preadv2 */
	check(sys(8, fd, 524288, 0, 0, 0, 0), 524288);			/* lseek */
	other = sys(32, fd, 0, 0, 0, 0, 0);				/* dup: shares the offset */
	check(sys(0, other, (u64)buf, 10, 0, 0, 0), 10);
	check(sys(3, fd, 0, 0, 0, 0, 0), 0);
	check(sys(0, other, (u64)buf, 10, 0, 0, 0), 10);		/* at 524298 */
	check(sys(187, other, 0, 32768, 0, 0, 0), 0);			/* readahead */
	check(sys(3, other, 0, 0, 0, 0, 0), 0);
}

static void writers(const char *file, const char *new)
{
	struct { void *base; u64 len; } vec[2] = { { buf, 100 }, { buf + PAGE, 4000 } };
	u64 fd = sys(2, (u64)new, 02 | 0100 | 01000, 0600, 0, 0, 0), in = sys(2, (u64)file, 0, 0, 0, 0, 0);
	u64 append, off_in = 8192, off_out = 65536;

	check(fd < 4096 && in < 4096, 1);
	check(sys(1, fd, (u64)buf, 6000, 0, 0, 0), 6000);		/* write at 0 */
	check(sys(18, fd, (u64)buf, 4096, 16384, 0, 0), 4096);		/* pwrite64 */
	check(sys(20, fd, (u64)vec, 2, 0, 0, 0), 4100);			/* writev at 6000 */
	check(sys(328, fd, (u64)vec, 2, 32768, 0, 2), 4100);		/* pwritev2, RWF_DSYNC */
	append = sys(2, (u64)new, 01 | 02000, 0, 0, 0, 0);
	check(sys(1, append, (u64)buf, 50, 0, 0, 0), 50);		/* at 36868, the end */
	check(sys(1, append, (u64)buf, 50, 0, 0, 0), 50);
	check(sys(40, fd, in, (u64)&off_in, 3000, 0, 0), 3000);		/* sendfile: in 8192, out 10100 */
	check(sys(326, in, (u64)&off_in, fd, (u64)&off_out, 5000, 0), 5000); /* copy_file_range */
	check(sys(277, fd, 0, 8192, 2, 0, 0), 0);			/* sync_file_range: WRITE */
	check(sys(75, fd, 0, 0, 0, 0, 0), 0);				/* fdatasync */
	check(sys(285, fd, 3, 4096, 8192, 0, 0), 0);			/* fallocate: PUNCH_HOLE | KEEP_SIZE */
	check(sys(77, fd, 20000, 0, 0, 0, 0), 0);			/* ftruncate */
	check(sys(76, (u64)new, 10000, 0, 0, 0, 0), 0);			/* truncate */
	check(sys(74, fd, 0, 0, 0, 0, 0), 0);				/* fsync */
	check(sys(0, 4095, (u64)buf, 1, 0, 0, 0), -9ul);		/* EBADF: no event */
}

__attribute__((used)) static void run(u64 *stack)
{
	char **argv = (char **)(stack + 1);

	if (stack[0] != 3)
		sys(231, 125, 0, 0, 0, 0, 0);
	readers(argv[1]);
	writers(argv[1], argv[2]);
	sys(231, 0, 0, 0, 0, 0, 0);
}

__attribute__((naked)) void _start(void);
void _start(void)
{
	__asm__ volatile("xor %ebp, %ebp; mov %rsp, %rdi; and $-16, %rsp; call run; hlt");
}
