/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * System calls as valgrind prints them: the parser, and the table of user buffers. See sysdecode.h.
 *
 * The table follows the system calls' man pages and the sizes of the kernel's x86-64 structs. Buffers that
 * are reached through a second pointer (iovec, msghdr, argv) are not here: only a look into the program's
 * memory shows them (valgrind.c takes it). A length that the kernel itself would read from user memory
 * (socklen_t *) counts as 16 bytes.
 */
#include "capture/sysdecode.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/bug.h"

/* ---- lines ---- */

static bool parse_num(const char **pp, const char *end, unsigned base, uint64_t *ret)
{
	const char *p = *pp, *start;
	bool neg = false;
	uint64_t v = 0;

	if (p < end && *p == '-') {
		neg = true;
		p++;
	}
	if (end - p > 2 && p[0] == '0' && p[1] == 'x') {
		base = 16;
		p += 2;
	}
	for (start = p; p < end; p++) {
		unsigned digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if (base == 16 && *p >= 'a' && *p <= 'f')
			digit = (unsigned)(*p - 'a') + 10;
		else
			break;
		v = v * base + digit;
	}
	if (p == start || p - start > 20)
		return false;
	*ret = neg ? -v : v;
	*pp = p;
	return true;
}

/* Calls that print an argument in hexadecimal without 0x: bit i stands for argument i. */
static unsigned hex_args(uint32_t nr)
{
	switch (nr) {
	case SYS_clone:
		return 1u << 0;
	case SYS_arch_prctl:
		return 1u << 1;
	case SYS_mlockall:
		return 1u << 0;
	case SYS_get_mempolicy:
		return 1u << 4;
	default:
		return 0;
	}
}

/* Calls with two strings, and something between them or after. */
static bool has_two_strings(uint32_t nr)
{
	switch (nr) {
	case SYS_rename: case SYS_link: case SYS_symlink: case SYS_renameat: case SYS_linkat:
	case SYS_symlinkat: case SYS_renameat2: case SYS_mount: case SYS_move_mount:
	case SYS_add_key: case SYS_request_key:
		return true;
	default:
		return false;
	}
}

/* Whether [p, end) is nothing but ", NUM" ... " )": then a string may have ended just before. */
static bool is_numbers(const char *p, const char *end)
{
	uint64_t v;

	while (p < end) {
		if (*p == ',' || *p == ' ' || *p == ')')
			p++;
		else if (!parse_num(&p, end, 10, &v))
			return false;
	}
	return true;
}

/*
 * End of a printed string that starts at p: its closing parenthesis. Names may hold parentheses and
 * commas themselves, so the last place after which only numbers follow is taken where the call has one
 * string, and the first likely one where it has two.
 */
static const char *string_end(const char *p, const char *end, bool two)
{
	if (two) {
		for (; p < end; p++)
			if (*p == ')' && (end - p < 3 || memcmp(p, "), ", 3) == 0 ||
					  memcmp(p, ") )", 3) == 0))
				return p;
		return NULL;
	}
	/* The call's own closing parenthesis comes last: the string's is the one before. */
	for (const char *q = end; q > p; q--) {
		if (q[-1] != ')' || !is_numbers(q, end))
			continue;
		if (q < end && memchr(q, ')', (size_t)(end - q)))
			return q - 1;
	}
	return NULL;
}

static void parse_args(const char *p, const char *end, struct sys_call *call)
{
	unsigned hex = hex_args(call->nr);

	while (p < end && call->nr_args < SYS_MAX_ARGS) {
		unsigned i = call->nr_args;

		while (p < end && (*p == ' ' || *p == ','))
			p++;
		if (p == end || *p == ')')
			break;
		if (!parse_num(&p, end, hex >> i & 1 ? 16 : 10, &call->arg[i])) {
			call->arg[i] = 0;
			while (p < end && *p != ',' && *p != ')')
				p++;
		}
		call->nr_args++;
		if (p < end && *p == '(') {
			const char *close = string_end(p + 1, end, has_two_strings(call->nr));

			if (!close)
				break;
			call->str[i] = p + 1;
			call->str_len[i] = (size_t)(close - p - 1);
			p = close + 1;
		}
	}
}

/* The last occurrence of a text in [s, s + len), or NULL. */
static const char *find_last(const char *s, size_t len, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = len >= n ? len - n + 1 : 0; i-- > 0;)
		if (memcmp(s + i, what, n) == 0)
			return s + i;
	return NULL;
}

bool sys_result_parse(const char *line, size_t len, struct sys_call *call)
{
	const char *end = line + len, *p = find_last(line, len, "--> ");

	if (!p)
		return false;
	p += 4;
	if (end - p >= 11 && memcmp(p, "[async] ...", 11) == 0) {
		call->state = SYS_ASYNC;
		return true;
	}
	if (p < end && *p == '[') {
		p = memchr(p, ']', (size_t)(end - p));
		if (!p || end - p < 2)
			return false;
		p += 2;
	}
	call->state = SYS_DONE;
	call->failed = false;
	call->ret = 0;
	if (end - p >= 13 && memcmp(p, "NoWriteResult", 13) == 0)
		return true;
	if (end - p < 11 || (memcmp(p, "Success(", 8) != 0 && memcmp(p, "Failure(", 8) != 0))
		return false;
	call->failed = *p == 'F';
	p += 8;
	return parse_num(&p, end, 16, &call->ret) && p < end && *p == ')';
}

bool sys_line_parse(const char *line, size_t len, struct sys_call *ret)
{
	const char *p = line + 8, *end = line + len, *args, *stop;
	uint64_t v[3];

	if (len < 16 || memcmp(line, "SYSCALL[", 8) != 0)
		return false;
	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < 3; i++) {
		static const char after[3][3] = { ",", "](", ") " };
		size_t n = strlen(after[i]);

		if (!parse_num(&p, end, 10, &v[i]) || v[i] > UINT32_MAX || (size_t)(end - p) < n ||
		    memcmp(p, after[i], n) != 0)
			return false;
		p += n;
	}
	ret->pid = (uint32_t)v[0];
	ret->tid = (uint32_t)v[1];
	ret->nr = (uint32_t)v[2];
	if (end - p >= 12 && memcmp(p, "... [async] ", 12) == 0) {
		if (!sys_result_parse(p, (size_t)(end - p), ret))
			return false;
		ret->state = SYS_RESUMED;
		return true;
	}
	if (!sys_result_parse(p, (size_t)(end - p), ret))
		ret->state = SYS_HEAD;
	ret->unimplemented = end - p >= 13 && memcmp(p, "unimplemented", 13) == 0;
	args = memchr(p, '(', (size_t)(end - p));
	if (!args || ret->unimplemented)
		return true;
	stop = ret->state == SYS_HEAD ? end : find_last(p, (size_t)(end - p), "--> ");
	while (stop > args && stop[-1] != ')')
		stop--;
	if (ret->nr == SYS_clone || ret->nr == SYS_vfork || ret->nr == SYS_fork) {
		/* "clone(fork): process N created child M" may follow the arguments */
		const char *close = memchr(args, ')', (size_t)(stop - args));

		stop = close ? close + 1 : stop;
	}
	parse_args(args + 1, stop, ret);
	return true;
}

/* ---- user buffers ---- */

enum touch_op {
	T_NONE,
	T_STR,		/* string: read, as long as it was printed */
	T_PATH,		/* string that valgrind does not print: one byte read */
	T_IN,		/* struct of n bytes: read */
	T_IN_ARG,	/* array: read, length is another argument times n */
	T_IN_RET,	/* buffer: read, length is the result times n */
	T_OUT,		/* struct of n bytes: written when the call succeeds */
	T_OUT_ARG,	/* array: written, another argument times n */
	T_OUT_RET,	/* buffer: written, the result times n */
	T_FDSET,	/* fd_set of arg 0 bits: read and written */
	T_BITS,		/* bit mask of `len_arg` bits: read */
};

struct touch_row {
	uint16_t nr;
	const char *name;
	struct {
		uint8_t op;	/* enum touch_op */
		uint8_t arg;	/* which argument is the pointer */
		uint8_t len_arg;
		uint16_t n;	/* bytes, or factor */
	} t[5];
};

#define STR(a)		{ T_STR, a, 0, 0 }
#define PATH(a)		{ T_PATH, a, 0, 1 }
#define IN(a, n)	{ T_IN, a, 0, n }
#define IN_ARG(a, l, n)	{ T_IN_ARG, a, l, n }
#define IN_RET(a, n)	{ T_IN_RET, a, 0, n }
#define OUT(a, n)	{ T_OUT, a, 0, n }
#define OUT_ARG(a, l, n) { T_OUT_ARG, a, l, n }
#define OUT_RET(a, n)	{ T_OUT_RET, a, 0, n }
#define FDSET(a)	{ T_FDSET, a, 0, 0 }
#define BITS(a, l)	{ T_BITS, a, l, 0 }
#define ROW(name, ...)	{ SYS_##name, #name, { __VA_ARGS__ } }

/* In the order of their numbers (asserted by the test). */
static const struct touch_row rows[] = {
	ROW(read, OUT_RET(1, 1)),
	ROW(write, IN_RET(1, 1)),
	ROW(open, STR(0)),
	ROW(close),
	ROW(stat, STR(0), OUT(1, 144)),
	ROW(fstat, OUT(1, 144)),
	ROW(lstat, STR(0), OUT(1, 144)),
	ROW(poll, IN_ARG(0, 1, 8), OUT_ARG(0, 1, 8)),
	ROW(lseek),
	ROW(mmap),
	ROW(mprotect),
	ROW(munmap),
	ROW(brk),
	ROW(rt_sigaction, IN(1, 32), OUT(2, 32)),
	ROW(rt_sigprocmask, IN(1, 8), OUT(2, 8)),
	ROW(rt_sigreturn),
	ROW(ioctl),
	ROW(pread64, OUT_RET(1, 1)),
	ROW(pwrite64, IN_RET(1, 1)),
	ROW(readv, IN_ARG(1, 2, 16)),
	ROW(writev, IN_ARG(1, 2, 16)),
	ROW(access, STR(0)),
	ROW(pipe, OUT(0, 8)),
	ROW(select, FDSET(1), FDSET(2), FDSET(3), IN(4, 16), OUT(4, 16)),
	ROW(sched_yield),
	ROW(mremap),
	ROW(msync),
	ROW(mincore),
	ROW(madvise),
	ROW(shmget),
	ROW(shmat),
	ROW(shmctl, OUT(2, 112)),
	ROW(dup),
	ROW(dup2),
	ROW(pause),
	ROW(nanosleep, IN(0, 16)),
	ROW(getitimer, OUT(1, 32)),
	ROW(alarm),
	ROW(setitimer, IN(1, 32), OUT(2, 32)),
	ROW(getpid),
	ROW(sendfile, IN(2, 8), OUT(2, 8)),
	ROW(socket),
	ROW(connect, IN_ARG(1, 2, 1)),
	ROW(accept, IN(2, 4), OUT(1, 16), OUT(2, 4)),
	ROW(sendto, IN_RET(1, 1), IN_ARG(4, 5, 1)),
	ROW(recvfrom, OUT_RET(1, 1), IN(5, 4), OUT(4, 16), OUT(5, 4)),
	ROW(sendmsg, IN(1, 56)),
	ROW(recvmsg, IN(1, 56), OUT(1, 56)),
	ROW(shutdown),
	ROW(bind, IN_ARG(1, 2, 1)),
	ROW(listen),
	ROW(getsockname, IN(2, 4), OUT(1, 16), OUT(2, 4)),
	ROW(getpeername, IN(2, 4), OUT(1, 16), OUT(2, 4)),
	ROW(socketpair, OUT(3, 8)),
	ROW(setsockopt, IN_ARG(3, 4, 1)),
	ROW(getsockopt, IN(4, 4), OUT(3, 4), OUT(4, 4)),
	ROW(clone),
	ROW(fork),
	ROW(vfork),
	ROW(execve, STR(0)),
	ROW(exit),
	ROW(wait4, OUT(1, 4), OUT(3, 144)),
	ROW(kill),
	ROW(uname, OUT(0, 390)),
	ROW(semget),
	ROW(semop, IN_ARG(1, 2, 6)),
	ROW(semctl),
	ROW(shmdt),
	ROW(msgget),
	ROW(msgsnd, IN_ARG(1, 2, 1)),
	ROW(msgrcv, OUT_RET(1, 1)),
	ROW(msgctl, OUT(2, 120)),
	ROW(fcntl),
	ROW(flock),
	ROW(fsync),
	ROW(fdatasync),
	ROW(truncate, STR(0)),
	ROW(ftruncate),
	ROW(getdents, OUT_RET(1, 1)),
	ROW(getcwd, OUT_RET(0, 1)),
	ROW(chdir, STR(0)),
	ROW(fchdir),
	ROW(rename, STR(0), STR(1)),
	ROW(mkdir, STR(0)),
	ROW(rmdir, STR(0)),
	ROW(creat, STR(0)),
	ROW(link, STR(0), STR(1)),
	ROW(unlink, STR(0)),
	ROW(symlink, STR(0), STR(1)),
	ROW(readlink, STR(0), OUT_RET(1, 1)),
	ROW(chmod, STR(0)),
	ROW(fchmod),
	ROW(chown, STR(0)),
	ROW(fchown),
	ROW(lchown, STR(0)),
	ROW(umask),
	ROW(gettimeofday, OUT(0, 16), OUT(1, 8)),
	ROW(getrlimit, OUT(1, 16)),
	ROW(getrusage, OUT(1, 144)),
	ROW(sysinfo, OUT(0, 112)),
	ROW(times, OUT(0, 32)),
	ROW(getuid),
	ROW(getgid),
	ROW(setuid),
	ROW(setgid),
	ROW(geteuid),
	ROW(getegid),
	ROW(setpgid),
	ROW(getppid),
	ROW(getpgrp),
	ROW(setsid),
	ROW(setreuid),
	ROW(setregid),
	ROW(getgroups, OUT_RET(1, 4)),
	ROW(setgroups, IN_ARG(1, 0, 4)),
	ROW(setresuid),
	ROW(getresuid, OUT(0, 4), OUT(1, 4), OUT(2, 4)),
	ROW(setresgid),
	ROW(getresgid, OUT(0, 4), OUT(1, 4), OUT(2, 4)),
	ROW(getpgid),
	ROW(getsid),
	ROW(capget, IN(0, 8), OUT(1, 24)),
	ROW(capset, IN(0, 8), IN(1, 24)),
	ROW(rt_sigpending, OUT(0, 8)),
	ROW(rt_sigtimedwait, IN(0, 8), OUT(1, 128), IN(2, 16)),
	ROW(rt_sigqueueinfo, IN(2, 128)),
	ROW(rt_sigsuspend, IN(0, 8)),
	ROW(sigaltstack, IN(0, 24), OUT(1, 24)),
	ROW(utime, PATH(0), IN(1, 16)),
	ROW(mknod, STR(0)),
	ROW(personality),
	ROW(statfs, STR(0), OUT(1, 120)),
	ROW(fstatfs, OUT(1, 120)),
	ROW(getpriority),
	ROW(setpriority),
	ROW(sched_setparam, IN(1, 4)),
	ROW(sched_getparam, OUT(1, 4)),
	ROW(sched_setscheduler, IN(2, 4)),
	ROW(sched_getscheduler),
	ROW(sched_get_priority_max),
	ROW(sched_get_priority_min),
	ROW(sched_rr_get_interval, OUT(1, 16)),
	ROW(mlock),
	ROW(munlock),
	ROW(mlockall),
	ROW(munlockall),
	ROW(prctl),
	ROW(arch_prctl),
	ROW(setrlimit, IN(1, 16)),
	ROW(sync),
	ROW(mount, STR(0), STR(1), STR(2)),
	ROW(gettid),
	ROW(readahead),
	ROW(setxattr, PATH(0), PATH(1), IN_ARG(2, 3, 1)),
	ROW(lsetxattr, PATH(0), PATH(1), IN_ARG(2, 3, 1)),
	ROW(fsetxattr, PATH(1), IN_ARG(2, 3, 1)),
	ROW(getxattr, PATH(0), PATH(1), OUT_RET(2, 1)),
	ROW(lgetxattr, PATH(0), PATH(1), OUT_RET(2, 1)),
	ROW(fgetxattr, PATH(1), OUT_RET(2, 1)),
	ROW(listxattr, PATH(0), OUT_RET(1, 1)),
	ROW(llistxattr, PATH(0), OUT_RET(1, 1)),
	ROW(flistxattr, OUT_RET(1, 1)),
	ROW(removexattr, PATH(0), PATH(1)),
	ROW(lremovexattr, PATH(0), PATH(1)),
	ROW(fremovexattr, PATH(1)),
	ROW(tkill),
	ROW(time, OUT(0, 8)),
	ROW(futex, IN(0, 4)),
	ROW(sched_setaffinity, IN_ARG(2, 1, 1)),
	ROW(sched_getaffinity, OUT_RET(2, 1)),
	ROW(io_setup, OUT(1, 8)),
	ROW(io_destroy),
	ROW(epoll_create),
	ROW(getdents64, OUT_RET(1, 1)),
	ROW(set_tid_address),
	ROW(restart_syscall),
	ROW(semtimedop, IN_ARG(1, 2, 6), IN(3, 16)),
	ROW(fadvise64),
	ROW(timer_create, IN(1, 64), OUT(2, 4)),
	ROW(timer_settime, IN(2, 32), OUT(3, 32)),
	ROW(timer_gettime, OUT(1, 32)),
	ROW(timer_getoverrun),
	ROW(timer_delete),
	ROW(clock_settime, IN(1, 16)),
	ROW(clock_gettime, OUT(1, 16)),
	ROW(clock_getres, OUT(1, 16)),
	ROW(clock_nanosleep, IN(2, 16)),
	ROW(exit_group),
	ROW(epoll_wait, OUT_RET(1, 12)),
	ROW(epoll_ctl, IN(3, 12)),
	ROW(tgkill),
	ROW(utimes, STR(0), IN(1, 32)),
	ROW(mbind, BITS(3, 4)),
	ROW(set_mempolicy, BITS(1, 2)),
	ROW(get_mempolicy, OUT(0, 4)),
	ROW(mq_open, STR(0)),
	ROW(mq_timedsend, IN_ARG(1, 2, 1), IN(4, 16)),
	ROW(mq_timedreceive, OUT_RET(1, 1), IN(4, 16), OUT(3, 4)),
	ROW(waitid, OUT(2, 128), OUT(4, 144)),
	ROW(ioprio_set),
	ROW(ioprio_get),
	ROW(inotify_init),
	ROW(inotify_add_watch, PATH(1)),
	ROW(inotify_rm_watch),
	ROW(openat, STR(1)),
	ROW(mkdirat, STR(1)),
	ROW(mknodat, STR(1)),
	ROW(fchownat, STR(1)),
	ROW(futimesat, STR(1), IN(2, 32)),
	ROW(newfstatat, STR(1), OUT(2, 144)),
	ROW(unlinkat, STR(1)),
	ROW(renameat, STR(1), STR(3)),
	ROW(linkat, STR(1), STR(3)),
	ROW(symlinkat, STR(0), STR(2)),
	ROW(readlinkat, STR(1), OUT_RET(2, 1)),
	ROW(fchmodat, STR(1)),
	ROW(faccessat, STR(1)),
	ROW(pselect6, FDSET(1), FDSET(2), FDSET(3), IN(4, 16), IN(5, 16)),
	ROW(ppoll, IN_ARG(0, 1, 8), IN(2, 16), IN(3, 8), OUT_ARG(0, 1, 8)),
	ROW(set_robust_list),
	ROW(get_robust_list, OUT(1, 8), OUT(2, 8)),
	ROW(splice, IN(1, 8), IN(3, 8), OUT(1, 8), OUT(3, 8)),
	ROW(tee),
	ROW(sync_file_range),
	ROW(vmsplice, IN_ARG(1, 2, 16)),
	ROW(move_pages),
	ROW(utimensat, STR(1), IN(2, 32)),
	ROW(epoll_pwait, OUT_RET(1, 12), IN(4, 8)),
	ROW(signalfd, IN(1, 8)),
	ROW(timerfd_create),
	ROW(eventfd),
	ROW(fallocate),
	ROW(timerfd_settime, IN(2, 32), OUT(3, 32)),
	ROW(timerfd_gettime, OUT(1, 32)),
	ROW(accept4, IN(2, 4), OUT(1, 16), OUT(2, 4)),
	ROW(signalfd4, IN(1, 8)),
	ROW(eventfd2),
	ROW(epoll_create1),
	ROW(dup3),
	ROW(pipe2, OUT(0, 8)),
	ROW(inotify_init1),
	ROW(preadv, IN_ARG(1, 2, 16)),
	ROW(pwritev, IN_ARG(1, 2, 16)),
	ROW(rt_tgsigqueueinfo, IN(3, 128)),
	ROW(recvmmsg, IN_ARG(1, 2, 64), IN(4, 16)),
	ROW(prlimit64, IN(2, 16), OUT(3, 16)),
	ROW(syncfs),
	ROW(sendmmsg, IN_ARG(1, 2, 64)),
	ROW(getcpu, OUT(0, 4), OUT(1, 4)),
	ROW(sched_setattr, IN(1, 48)),
	ROW(sched_getattr, OUT(1, 48)),
	ROW(renameat2, STR(1), STR(3)),
	ROW(getrandom, OUT_RET(0, 1)),
	ROW(memfd_create, PATH(0)),
	ROW(membarrier),
	ROW(mlock2),
	ROW(copy_file_range, IN(1, 8), IN(3, 8), OUT(1, 8), OUT(3, 8)),
	ROW(preadv2, IN_ARG(1, 2, 16)),
	ROW(pwritev2, IN_ARG(1, 2, 16)),
	ROW(pkey_mprotect),
	ROW(pkey_alloc),
	ROW(pkey_free),
	ROW(statx, STR(1), OUT(4, 256)),
	ROW(close_range),
	ROW(openat2, STR(1), IN(2, 24)),
	ROW(faccessat2, STR(1)),
	ROW(epoll_pwait2, OUT_RET(1, 12), IN(3, 16), IN(4, 8)),
};

static const struct touch_row *row_of(uint32_t nr)
{
	size_t lo = 0, hi = ARRAY_SIZE(rows);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (rows[mid].nr < nr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < ARRAY_SIZE(rows) && rows[lo].nr == nr ? &rows[lo] : NULL;
}

bool sys_is_known(uint32_t nr)
{
	return row_of(nr) != NULL;
}

size_t sys_nr_known(void)
{
	return ARRAY_SIZE(rows);
}

const char *sys_name(uint32_t nr)
{
	const struct touch_row *row = row_of(nr);

	return row ? row->name : NULL;
}

#define TOUCH_LEN_MAX	(1ull << 40)

struct touch_list {
	struct sys_touch *touch;
	unsigned nr;
};

static void add_touch(struct touch_list *list, uint64_t addr, uint64_t len, bool write)
{
	if (addr == 0 || len == 0 || len > TOUCH_LEN_MAX || addr + len < addr ||
	    list->nr == SYS_MAX_TOUCHES)
		return;
	list->touch[list->nr++] = (struct sys_touch){ .addr = addr, .len = len, .write = write };
}

/* Calls whose buffers depend on a command argument. */
static void special_touches(const struct sys_call *call, struct touch_list *list)
{
	const uint64_t *arg = call->arg;

	switch (call->nr) {
	case SYS_ioctl: {
		/* _IOC: direction in bits 30-31 (1 to the kernel, 2 from it), size in bits 16-29 */
		uint64_t size = arg[1] >> 16 & 0x3fff;

		if (arg[1] == 0x5401 || arg[1] == 0x5413 || arg[1] == 0x540f)	/* TCGETS ... */
			add_touch(list, arg[2], arg[1] == 0x5401 ? 36 : arg[1] == 0x5413 ? 8 : 4,
				  !call->failed);
		if (arg[1] >> 30 & 1)
			add_touch(list, arg[2], size, false);
		if (arg[1] >> 31 & 1 && !call->failed)
			add_touch(list, arg[2], size, true);
		break;
	}
	case SYS_fcntl:
		if ((arg[1] >= 5 && arg[1] <= 7) || (arg[1] >= 36 && arg[1] <= 38)) {
			add_touch(list, arg[2], 32, false);
			if ((arg[1] == 5 || arg[1] == 36) && !call->failed)
				add_touch(list, arg[2], 32, true);
		}
		break;
	case SYS_prctl:
		if (arg[0] == 15)		/* PR_SET_NAME */
			add_touch(list, arg[1], 16, false);
		else if (arg[0] == 16)		/* PR_GET_NAME */
			add_touch(list, arg[1], 16, true);
		break;
	case SYS_arch_prctl:
		if ((arg[0] == 0x1003 || arg[0] == 0x1004) && !call->failed)	/* ARCH_GET_FS, _GS */
			add_touch(list, arg[1], 8, true);
		break;
	case SYS_mincore:
		if (!call->failed)
			add_touch(list, arg[2], (arg[1] + 4095) / 4096, true);
		break;
	case SYS_futex:
		/* FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_LOCK_PI have a timeout */
		if ((arg[1] & 0x7f) == 0 || (arg[1] & 0x7f) == 9 || (arg[1] & 0x7f) == 6)
			add_touch(list, arg[3], 16, false);
		break;
	case SYS_clone:
		if (!call->failed && arg[0] & 0x00100000)	/* CLONE_PARENT_SETTID */
			add_touch(list, arg[2], 4, true);
		break;
	default:
		break;
	}
}

unsigned sys_touches(const struct sys_call *call, struct sys_touch touch[SYS_MAX_TOUCHES])
{
	const struct touch_row *row = row_of(call->nr);
	struct touch_list list = { .touch = touch };
	bool ok = !call->failed;

	if (!row || call->unimplemented || (call->failed && call->ret == EFAULT))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(row->t); i++) {
		unsigned a = row->t[i].arg, l = row->t[i].len_arg, n = row->t[i].n;
		uint64_t addr = call->arg[a], len_arg = call->arg[l];

		if (len_arg > TOUCH_LEN_MAX)
			len_arg = 0;
		switch ((enum touch_op)row->t[i].op) {
		case T_NONE:
			break;
		case T_STR:
			add_touch(&list, addr, call->str[a] ? call->str_len[a] + 1 : 1, false);
			break;
		case T_PATH:
		case T_IN:
			add_touch(&list, addr, n, false);
			break;
		case T_IN_ARG:
			add_touch(&list, addr, len_arg * n, false);
			break;
		case T_IN_RET:
			add_touch(&list, addr, ok && call->ret <= TOUCH_LEN_MAX ? call->ret * n : 0, false);
			break;
		case T_OUT:
			add_touch(&list, addr, ok ? n : 0, true);
			break;
		case T_OUT_ARG:
			add_touch(&list, addr, ok ? len_arg * n : 0, true);
			break;
		case T_OUT_RET:
			add_touch(&list, addr, ok && call->ret <= TOUCH_LEN_MAX ? call->ret * n : 0, true);
			break;
		case T_FDSET:
			add_touch(&list, addr, (call->arg[0] + 63) / 64 * 8, true);
			break;
		case T_BITS:
			add_touch(&list, addr, (len_arg + 7) / 8, false);
			break;
		}
	}
	special_touches(call, &list);
	return list.nr;
}
