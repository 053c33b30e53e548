/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Programs whose memory behaviour is known to the page, for the comparison of the model with the kernel.
 *
 *	programs NAME [FILE [FILE2]]	FILE: a regular file of 32 MiB, FILE2: one that may be written
 *
 * There is no C library in it: what a program touches is what is written here, natively and under valgrind.
 * Memory is touched with one store (or load) a page of 4 KiB, unless a program says otherwise. Each is captured
 * without a limit, and runs natively under the limits of the table in oracle.py. Exit status 0, 1 when a system
 * call failed that must not, 2 for an unknown name.
 */
#define PAGE 4096ul
#define MIB (1ul << 20)
#define HUGE (2 * MIB)

#define PROT_RW 3
#define SHARED 0x01
#define PRIVATE 0x02
#define FIXED 0x10
#define ANON 0x20
#define POPULATE 0x8000
#define HUGETLB 0x40000

#define MADV_RANDOM 1
#define MADV_SEQUENTIAL 2
#define MADV_WILLNEED 3
#define MADV_DONTNEED 4
#define MADV_FREE 8
#define MADV_HUGEPAGE 14
#define MADV_NOHUGEPAGE 15
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#define MADV_COLLAPSE 25

typedef unsigned long u64;

static const char *path, *path2;

static u64 sys(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	u64 ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static void quit(u64 status)
{
	sys(231, status, 0, 0, 0, 0, 0);
}

static u64 must(u64 ret)
{
	if (ret >= -4095ul)
		quit(1);
	return ret;
}

static char *map(u64 addr, u64 len, u64 flags, u64 fd)
{
	return (char *)must(sys(9, addr, len, PROT_RW, flags, fd, 0));
}

static char *anon(u64 len, u64 more)
{
	return map(0, len, PRIVATE | ANON | more, -1ul);
}

/*
 * An area that begins at a multiple of 2 MiB, far from all others. The place is fixed: what a program makes of addresses
 * that it was given is not the same under valgrind, which gives others.
 */
static char *aligned(u64 len, u64 more)
{
	static u64 next = 0x4000000000ul;
	char *p = map(next, len, PRIVATE | ANON | FIXED | more, -1ul);

	next += 1024 * MIB;
	return p;
}

static u64 advise(char *p, u64 len, u64 advice)
{
	return sys(28, (u64)p, len, advice, 0, 0, 0);
}

static void lock(char *p, u64 len)
{
	must(sys(149, (u64)p, len, 0, 0, 0, 0));
}

static u64 open_file(const char *name, u64 flags)
{
	return must(sys(2, (u64)name, flags, 0644, 0, 0, 0));
}

static void write_pages(volatile char *p, u64 len, u64 step)
{
	for (u64 i = 0; i < len; i += step)
		p[i] = 1;
}

static void read_pages(const volatile char *p, u64 len, u64 step)
{
	for (u64 i = 0; i < len; i += step)
		(void)p[i];
}

static u64 do_fork(void)
{
	return must(sys(57, 0, 0, 0, 0, 0, 0));
}

static void wait_child(u64 pid)
{
	must(sys(61, pid, 0, 0, 0, 0, 0));
}

/* ---- without pressure: the table of facts ---- */

static void touch(void)
{
	write_pages(anon(64 * MIB, 0), 64 * MIB, PAGE);
}

static void populate(void)
{
	anon(64 * MIB, POPULATE);
}

static void zero_then_write(void)
{
	char *p = anon(32 * MIB, 0);

	read_pages(p, 32 * MIB, PAGE);
	write_pages(p, 32 * MIB, PAGE);
}

static void fork_cow(void)
{
	char *p = anon(32 * MIB, 0);
	u64 pid;

	write_pages(p, 32 * MIB, PAGE);
	pid = do_fork();
	if (!pid) {
		write_pages(p, 32 * MIB, 2 * PAGE);
		quit(0);
	}
	wait_child(pid);
	write_pages(p, 32 * MIB, PAGE);
}

static void private_file(void)
{
	write_pages(map(0, 32 * MIB, PRIVATE, open_file(path, 0)), 32 * MIB, PAGE);
}

static void hot_file(void)
{
	read_pages((char *)must(sys(9, 0, 32 * MIB, 1, PRIVATE, open_file(path, 0), 0)), 32 * MIB, PAGE);
}

static void shmem(void)
{
	write_pages(map(0, 32 * MIB, SHARED | ANON, -1ul), 32 * MIB, PAGE);
}

static void mprotect_split(void)
{
	char *p = anon(8 * MIB, 0);

	write_pages(p, 8 * MIB, PAGE);
	for (u64 i = 0; i < 8 * MIB; i += 2 * PAGE)
		sys(10, (u64)p + i, PAGE, 1, 0, 0, 0);
}

static void mremap_brk(void)
{
	char *p = anon(8 * MIB, 0);
	u64 heap;

	write_pages(p, 8 * MIB, PAGE);
	p = (char *)must(sys(25, (u64)p, 8 * MIB, 16 * MIB, 1, 0, 0));
	write_pages(p, 16 * MIB, PAGE);
	heap = sys(12, 0, 0, 0, 0, 0, 0);
	sys(12, heap + 16 * MIB, 0, 0, 0, 0, 0);
	write_pages((char *)heap, 16 * MIB, PAGE);
	sys(12, heap + 4 * MIB, 0, 0, 0, 0, 0);
}

static void dontneed(void)
{
	char *p = anon(16 * MIB, 0);

	for (int i = 0; i < 4; i++) {
		write_pages(p, 16 * MIB, PAGE);
		advise(p, 16 * MIB, MADV_DONTNEED);
	}
}

static void hugetlb(void)
{
	write_pages(anon(16 * MIB, HUGETLB), 16 * MIB, HUGE);
}

/* ---- under a limit ---- */

static void anon_loop(void)
{
	char *p = anon(64 * MIB, 0);

	for (int i = 0; i < 3; i++)
		write_pages(p, 64 * MIB, PAGE);
}

/* The first pass writes, the others only look: what was swapped in stays clean. */
static void anon_reread(void)
{
	char *p = anon(48 * MIB, 0);

	write_pages(p, 48 * MIB, PAGE);
	for (int i = 0; i < 3; i++)
		read_pages(p, 48 * MIB, PAGE);
}

static void anon_random(void)
{
	char *p = anon(48 * MIB, 0);
	u64 x = 88172645463325252ul;

	for (int i = 0; i < 40000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[x % (48 * MIB / PAGE) * PAGE] = 1;
	}
}

static void file_loop(void)
{
	char *p = (char *)must(sys(9, 0, 32 * MIB, 1, SHARED, open_file(path, 0), 0));

	for (int i = 0; i < 3; i++)
		read_pages(p, 32 * MIB, PAGE);
}

/* The same by read(2), 16 KiB at a time into one buffer. */
static void file_read_loop(void)
{
	u64 fd = open_file(path, 0);
	char *buf = anon(4 * PAGE, 0);

	for (int i = 0; i < 3; i++)
		for (u64 at = 0; at < 32 * MIB; at += 4 * PAGE)
			must(sys(17, fd, (u64)buf, 4 * PAGE, at, 0, 0));
}

/* One page here and there: no read-ahead but what random access gets. */
static void file_random(void)
{
	u64 fd = open_file(path, 0), x = 88172645463325252ul;
	char *buf = anon(PAGE, 0);

	for (int i = 0; i < 20000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		must(sys(17, fd, (u64)buf, PAGE, x % (32 * MIB / PAGE) * PAGE, 0, 0));
	}
}

static void shmem_loop(void)
{
	char *p = map(0, 48 * MIB, SHARED | ANON, -1ul);

	for (int i = 0; i < 3; i++)
		write_pages(p, 48 * MIB, PAGE);
}

/* A file is read around anonymous memory that is in use: which of both goes? */
static void mixed(void)
{
	char *p = anon(16 * MIB, 0);
	char *f = (char *)must(sys(9, 0, 32 * MIB, 1, SHARED, open_file(path, 0), 0));

	write_pages(p, 16 * MIB, PAGE);
	for (int i = 0; i < 3; i++) {
		read_pages(f, 32 * MIB, PAGE);
		write_pages(p, 16 * MIB, PAGE);
	}
}

/*
 * A hot set that is used again and again beside one long stream that is read once: 192 MiB in pieces. What a
 * replacement policy makes of it depends on how long the piece is (against the limit), and on whether the hot set is read
 * or mapped, which the kernel sees through accessed bits alone.
 */
static void scan(u64 hot, u64 piece, int is_mapped, int times)
{
	u64 fd = open_file(path, 0), stream = open_file(path2, 0);
	char *buf = anon(4 * PAGE, 0), *p = 0;

	if (is_mapped)
		p = (char *)must(sys(9, 0, hot, 1, SHARED, fd, 0));
	for (u64 at = 0; at + piece <= 192 * MIB; at += piece) {
		for (int k = 0; k < times; k++) {
			if (p)
				read_pages(p, hot, PAGE);
			for (u64 i = 0; !p && i < hot; i += 4 * PAGE)
				must(sys(17, fd, (u64)buf, 4 * PAGE, i, 0, 0));
		}
		for (u64 i = 0; i < piece; i += 4 * PAGE)
			must(sys(17, stream, (u64)buf, 4 * PAGE, at + i, 0, 0));
	}
}

static void scan_resist(void)
{
	scan(8 * MIB, 8 * MIB, 0, 1);
}

static void scan_long(void)
{
	scan(8 * MIB, 32 * MIB, 0, 1);
}

static void scan_twice(void)
{
	scan(8 * MIB, 32 * MIB, 0, 2);
}

static void scan_map(void)
{
	scan(8 * MIB, 16 * MIB, 1, 1);
}

static void scan_map_long(void)
{
	scan(8 * MIB, 32 * MIB, 1, 1);
}

static void file_write(void)
{
	u64 fd = open_file(path2, 01 | 0100 | 01000);
	char *buf = anon(16 * PAGE, 0);

	write_pages(buf, 16 * PAGE, PAGE);
	for (u64 at = 0; at < 48 * MIB; at += 16 * PAGE)
		must(sys(18, fd, (u64)buf, 16 * PAGE, at, 0, 0));
	must(sys(74, fd, 0, 0, 0, 0, 0));
}

static void fork_swapped(void)
{
	char *p = anon(48 * MIB, 0);
	u64 pid;

	write_pages(p, 48 * MIB, PAGE);
	pid = do_fork();
	if (!pid) {
		read_pages(p, 16 * MIB, PAGE);
		write_pages(p + 16 * MIB, 16 * MIB, PAGE);
		quit(0);
	}
	wait_child(pid);
	write_pages(p, 48 * MIB, PAGE);
}

static void pageout(void)
{
	char *p = anon(16 * MIB, 0);

	write_pages(p, 16 * MIB, PAGE);
	advise(p, 16 * MIB, MADV_PAGEOUT);
	write_pages(p, 16 * MIB, PAGE);
	advise(p, 8 * MIB, MADV_PAGEOUT);
	advise(p, 8 * MIB, MADV_WILLNEED);
	read_pages(p, 16 * MIB, PAGE);
}

static void pageout_random(void)
{
	char *p = anon(16 * MIB, 0);

	advise(p, 16 * MIB, MADV_RANDOM);
	write_pages(p, 16 * MIB, PAGE);
	advise(p, 16 * MIB, MADV_PAGEOUT);
	read_pages(p, 16 * MIB, PAGE);
}

/* Lazily freed, half of it written again, then more memory than the limit has. */
static void lazyfree(void)
{
	char *p = anon(16 * MIB, 0), *q;

	write_pages(p, 16 * MIB, PAGE);
	advise(p, 16 * MIB, MADV_FREE);
	write_pages(p, 8 * MIB, PAGE);
	q = anon(24 * MIB, 0);
	write_pages(q, 24 * MIB, PAGE);
	read_pages(p, 16 * MIB, PAGE);
}

static void cold(void)
{
	char *p = anon(16 * MIB, 0), *q = anon(24 * MIB, 0);

	write_pages(p, 16 * MIB, PAGE);
	advise(p, 8 * MIB, MADV_COLD);
	write_pages(q, 24 * MIB, PAGE);
	read_pages(p + 8 * MIB, 8 * MIB, PAGE);
}

static void locked(void)
{
	char *p = anon(16 * MIB, 0), *q = anon(24 * MIB, 0);

	lock(p, 16 * MIB);
	for (int i = 0; i < 2; i++)
		write_pages(q, 24 * MIB, PAGE);
}

/* More than the limit and no swap: killed (the limit's table says so). */
static void oom(void)
{
	write_pages(anon(64 * MIB, 0), 64 * MIB, PAGE);
}

static void oom_locked(void)
{
	char *p = anon(64 * MIB, 0);

	for (u64 i = 0; i < 64; i++)
		lock(p + i * MIB, MIB);
}

/* ---- huge pages ---- */

static char *huge(u64 len)
{
	char *p = aligned(len, 0);

	advise(p, len, MADV_HUGEPAGE);
	return p;
}

static void thp(void)
{
	write_pages(huge(64 * MIB), 64 * MIB, PAGE);
}

static void thp_zero(void)
{
	char *p = huge(16 * MIB);

	read_pages(p, 16 * MIB, HUGE);
	write_pages(p, 8 * MIB, HUGE);
}

static void thp_munmap(void)
{
	char *p = huge(16 * MIB);

	write_pages(p, 16 * MIB, HUGE);
	for (u64 i = 0; i < 16 * MIB; i += HUGE)
		must(sys(11, (u64)p + i + MIB, MIB / 2, 0, 0, 0, 0));
}

static void thp_mprotect(void)
{
	char *p = huge(16 * MIB);

	write_pages(p, 16 * MIB, HUGE);
	for (u64 i = 0; i < 16 * MIB; i += HUGE)
		must(sys(10, (u64)p + i + MIB, PAGE, 1, 0, 0, 0));
}

static void thp_dontneed(void)
{
	char *p = huge(16 * MIB);

	write_pages(p, 16 * MIB, HUGE);
	for (u64 i = 0; i < 8 * MIB; i += HUGE)
		advise(p + i + MIB, PAGE, MADV_DONTNEED);
	/* Twice into the same huge page, and a whole one */
	advise(p + PAGE, PAGE, MADV_DONTNEED);
	advise(p + 8 * MIB, HUGE, MADV_DONTNEED);
}

static void thp_mremap(void)
{
	char *p = huge(8 * MIB), *q = aligned(8 * MIB, 0);

	write_pages(p, 8 * MIB, HUGE);
	must(sys(25, (u64)p, HUGE, HUGE, 3, (u64)q, 0));
	must(sys(25, (u64)p + HUGE + PAGE, PAGE, PAGE, 3, (u64)q + HUGE, 0));
}

static void thp_fork(void)
{
	char *p = huge(16 * MIB);
	u64 pid;

	write_pages(p, 16 * MIB, HUGE);
	pid = do_fork();
	if (!pid) {
		write_pages(p, 8 * MIB, HUGE);
		quit(0);
	}
	wait_child(pid);
	write_pages(p, 16 * MIB, HUGE);
}

static void thp_collapse(void)
{
	char *p = aligned(16 * MIB, 0);

	advise(p, 16 * MIB, MADV_NOHUGEPAGE);
	write_pages(p, 16 * MIB, PAGE);
	advise(p, 16 * MIB, MADV_HUGEPAGE);
	must(advise(p, 16 * MIB, MADV_COLLAPSE));
}

/* Every fourth page only: the rest of each huge page is new. */
static void thp_collapse_sparse(void)
{
	char *p = aligned(16 * MIB, 0);

	advise(p, 16 * MIB, MADV_NOHUGEPAGE);
	write_pages(p, 16 * MIB, 4 * PAGE);
	advise(p, 16 * MIB, MADV_HUGEPAGE);
	must(advise(p, 16 * MIB, MADV_COLLAPSE));
	write_pages(p, 16 * MIB, PAGE);
}

/* No room for a huge page below the limit: small ones instead. */
static void thp_fallback(void)
{
	char *p = anon(7 * MIB, 0), *q = huge(16 * MIB);

	advise(p, 7 * MIB, MADV_NOHUGEPAGE);
	lock(p, 7 * MIB);
	write_pages(q, 16 * MIB, HUGE);
}

/* Halves of huge pages are given back, the limit makes the kernel take the rest of them. */
static void thp_deferred(void)
{
	char *p = huge(16 * MIB), *q;

	write_pages(p, 16 * MIB, HUGE);
	for (u64 i = 0; i < 16 * MIB; i += HUGE)
		advise(p + i, MIB, MADV_DONTNEED);
	q = anon(16 * MIB, 0);
	advise(q, 16 * MIB, MADV_NOHUGEPAGE);
	write_pages(q, 16 * MIB, PAGE);
}

static void thp_swap(void)
{
	char *p = huge(48 * MIB);

	for (int i = 0; i < 2; i++)
		write_pages(p, 48 * MIB, PAGE);
}

static const struct {
	const char *name;
	void (*run)(void);
} programs[] = {
	{ "touch", touch },
	{ "populate", populate },
	{ "zero_then_write", zero_then_write },
	{ "fork_cow", fork_cow },
	{ "private_file", private_file },
	{ "hot_file", hot_file },
	{ "shmem", shmem },
	{ "mprotect_split", mprotect_split },
	{ "mremap_brk", mremap_brk },
	{ "dontneed", dontneed },
	{ "hugetlb", hugetlb },
	{ "anon_loop", anon_loop },
	{ "anon_reread", anon_reread },
	{ "anon_random", anon_random },
	{ "file_loop", file_loop },
	{ "file_read_loop", file_read_loop },
	{ "file_random", file_random },
	{ "shmem_loop", shmem_loop },
	{ "mixed", mixed },
	{ "scan_resist", scan_resist },
	{ "scan_long", scan_long },
	{ "scan_twice", scan_twice },
	{ "scan_map", scan_map },
	{ "scan_map_long", scan_map_long },
	{ "file_write", file_write },
	{ "fork_swapped", fork_swapped },
	{ "pageout", pageout },
	{ "pageout_random", pageout_random },
	{ "lazyfree", lazyfree },
	{ "cold", cold },
	{ "locked", locked },
	{ "oom", oom },
	{ "oom_locked", oom_locked },
	{ "thp", thp },
	{ "thp_zero", thp_zero },
	{ "thp_munmap", thp_munmap },
	{ "thp_mprotect", thp_mprotect },
	{ "thp_dontneed", thp_dontneed },
	{ "thp_mremap", thp_mremap },
	{ "thp_fork", thp_fork },
	{ "thp_collapse", thp_collapse },
	{ "thp_collapse_sparse", thp_collapse_sparse },
	{ "thp_fallback", thp_fallback },
	{ "thp_deferred", thp_deferred },
	{ "thp_swap", thp_swap },
};

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

__attribute__((used)) static void run(u64 *stack)
{
	char **argv = (char **)(stack + 1);
	u64 argc = stack[0];

	path = argc > 2 ? argv[2] : "";
	path2 = argc > 3 ? argv[3] : "";
	for (u64 i = 0; argc > 1 && i < sizeof(programs) / sizeof(programs[0]); i++)
		if (same(argv[1], programs[i].name)) {
			programs[i].run();
			quit(0);
		}
	quit(2);
}

__attribute__((naked)) void _start(void);
void _start(void)
{
	__asm__ volatile("xor %ebp, %ebp; mov %rsp, %rdi; and $-16, %rsp; call run; hlt");
}
