/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A program without a C library: what it touches is what is written here, on every processor and under
 * valgrind. Each kind of memory that a trace must carry right: text, data and bss, heap, stack, anonymous
 * and file mappings, zero pages, buffers that only the kernel touches, protection, moving, throwing away.
 */
#define PAGE 4096

typedef unsigned long u64;

static char data[3 * PAGE] = { 1 };
static char bss[40 * PAGE];

static u64 sys(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	u64 ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static char *map(u64 len, u64 flags, u64 fd)
{
	return (char *)sys(9, 0, len, 3, flags, fd, 0);
}

static void touch(volatile char *p, u64 pages, u64 step)
{
	for (u64 i = 0; i < pages; i += step)
		p[i * PAGE] = 1;
}

static u64 look(const volatile char *p, u64 pages)
{
	u64 sum = 0;

	for (u64 i = 0; i < pages; i++)
		sum += (u64)p[i * PAGE];
	return sum;
}

static u64 deep(u64 n)
{
	volatile char frame[2000];

	frame[0] = (char)n;
	return n ? deep(n - 1) + (u64)frame[0] : 0;
}

static const char name[] = "/proc/self/exe";

__attribute__((used)) static void run(void)
{
	u64 fd = sys(2, (u64)name, 0, 0, 0, 0, 0), heap = sys(12, 0, 0, 0, 0, 0, 0), sum = 0;
	struct { const void *base; u64 len; } vec[2] = { { "a", 1 }, { data + PAGE, 2 * PAGE } };
	char *a, *b, *c, *m;

	touch(data, 3, 2);
	touch(bss, 40, 3);
	/* A buffer that the program itself never touches */
	sys(0, fd, (u64)bss + 3 * PAGE + 100, 6000, 0, 0, 0);
	sys(12, heap + 30 * PAGE, 0, 0, 0, 0, 0);
	touch((char *)heap, 30, 1);
	sys(12, heap + 10 * PAGE, 0, 0, 0, 0, 0);
	a = map(600 * PAGE, 0x22, -1ul);
	sum += look(a, 300);
	touch(a, 600, 2);
	sys(10, (u64)a + 100 * PAGE, 50 * PAGE, 1, 0, 0, 0);
	sys(28, (u64)a + 200 * PAGE, 100 * PAGE, 4, 0, 0, 0);
	touch(a + 200 * PAGE, 100, 5);
	b = map(64 * PAGE, 0x22, -1ul);
	c = map(8 * PAGE, 0x22, -1ul);
	touch(b, 64, 1);
	touch(c, 8, 1);
	b = (char *)sys(25, (u64)b, 64 * PAGE, 128 * PAGE, 1, 0, 0);
	touch(b + 64 * PAGE, 64, 1);
	sys(11, (u64)a + 400 * PAGE, 150 * PAGE, 0, 0, 0, 0);
	/* Four MiB: the kernel lines them up with huge pages */
	m = map(4 << 20, 0x22, -1ul);
	touch(m, 1024, 64);
	c = map(2 * PAGE, 2, fd);
	sum += look(c, 2);
	touch(c, 2, 1);
	sys(20, 99, (u64)vec, 2, 0, 0, 0);
	sum += deep(40);
	sys(231, sum == ~0ul, 0, 0, 0, 0, 0);
}

__attribute__((naked)) void _start(void);
void _start(void)
{
	__asm__ volatile("xor %ebp, %ebp; and $-16, %rsp; call run; hlt");
}
