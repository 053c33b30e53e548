/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The child that does the operations on the real kernel. Nothing it does itself may fault inside a
 * measurement: what it uses is touched before, again after each fork, and its results lie in shared
 * memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mm/mempolicy.h"
#include "mm/mmap.h"
#include "oracle.h"

#define TEXT_BYTES (1u << 20)

static sigjmp_buf jump;
static int files[3] = {-1, -1, -1};
static char *text; /* what /proc says */

static void on_signal(int sig)
{
	siglongjmp(jump, sig);
}

static bool fill_file(int fd)
{
	static char page[PAGE];

	memset(page, 1, sizeof(page));
	for (unsigned i = 0; i < FILE_PAGES; i++)
		if (fd < 0 || write(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
			return false;
	return true;
}

static bool open_files(void)
{
	char name[] = "vma-oracle-XXXXXX";

	files[DISK_FILE] = mkstemp(name);
	if (files[DISK_FILE] >= 0)
		unlink(name);
	files[MEM_FILE] = memfd_create("vma-oracle", 0);
	return fill_file(files[DISK_FILE]) && fill_file(files[MEM_FILE]);
}

static int64_t syscall_result(long ret)
{
	return ret == -1 ? -errno : ret;
}

static int64_t touch(uint64_t addr, bool write)
{
	volatile uint8_t *p = (volatile uint8_t *)(uintptr_t)addr;
	int sig = sigsetjmp(jump, 1);

	if (sig)
		return sig == SIGBUS ? -EIO : -EFAULT;
	if (write)
		*p = 1;
	else
		(void)*p;
	return 0;
}

static int64_t fork_write(const struct op *op)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		for (uint64_t at = 0; at < op->len; at += 3 * PAGE)
			touch(op->addr + at, true);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 0;
}

/* The child returns; the parent ends as the child does. */
static int64_t fork_switch(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		return 0;
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static int64_t do_op(const struct op *op)
{
	switch (op->kind) {
	case OP_MMAP:
		return syscall_result(syscall(SYS_mmap, op->addr, op->len, op->prot, op->flags,
					      files[op->file], op->pgoff * PAGE));
	case OP_MUNMAP:
		return syscall_result(syscall(SYS_munmap, op->addr, op->len));
	case OP_MPROTECT:
		return syscall_result(syscall(SYS_mprotect, op->addr, op->len, op->prot));
	case OP_MREMAP:
		return syscall_result(syscall(SYS_mremap, op->addr, op->len, op->new_len, op->flags,
					      op->new_addr));
	case OP_MADVISE:
		return syscall_result(syscall(SYS_madvise, op->addr, op->len, op->prot));
	case OP_MBIND:
		return syscall_result(syscall(SYS_mbind, op->addr, op->len, op->prot, &op->pgoff,
					      65, op->flags));
	case OP_HOME_NODE:
		return syscall_result(syscall(SYS_set_mempolicy_home_node, op->addr, op->len,
					      op->pgoff, 0));
	case OP_MIGRATE_PAGES:
		return syscall_result(syscall(SYS_migrate_pages, 0, 65, &op->prot, &op->pgoff));
	case OP_MLOCK:
		return syscall_result(syscall(SYS_mlock, op->addr, op->len));
	case OP_MLOCK_ONFAULT:
		return syscall_result(syscall(SYS_mlock2, op->addr, op->len, 1));
	case OP_MUNLOCK:
		return syscall_result(syscall(SYS_munlock, op->addr, op->len));
	case OP_MLOCK_FUTURE:
		return syscall_result(syscall(SYS_mlockall, MCL_FUTURE));
	case OP_MUNLOCKALL:
		return syscall_result(syscall(SYS_munlockall));
	case OP_BRK:
		return (uint64_t)syscall(SYS_brk, op->addr) == op->addr ? 0 : -ENOMEM;
	case OP_READ:
		return touch(op->addr, false);
	case OP_WRITE:
		return touch(op->addr, true);
	case OP_FORK_SWITCH:
		return fork_switch();
	case OP_FORK_WRITE:
		return fork_write(op);
	}
	return -ENOSYS;
}

/* One copy of the code, so that warming up warms what measures. */
static __attribute__((noinline)) void measured_op(const struct op *op, struct op_result *res)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	res->ret = do_op(op);
	getrusage(RUSAGE_SELF, &after);
	res->minflt = (uint32_t)(after.ru_minflt - before.ru_minflt);
	res->majflt = (uint32_t)(after.ru_majflt - before.ru_majflt);
}

/* Brings everything in that the measured path uses. */
static void warm_up(const struct op *ops, struct outcome *out)
{
	struct op_result res;
	volatile char *p = (volatile char *)out;
	volatile const char *q = (volatile const char *)ops;

	for (size_t i = 0; i < sizeof(*out); i += 512)
		p[i] = p[i];
	for (size_t i = 0; i < MAX_OPS * sizeof(*ops); i += 512)
		(void)q[i];
	/* Every call that can have nothing to do, and a fault at address 0. */
	for (int i = 0; i < 3; i++)
		for (enum op_kind kind = OP_MMAP; kind <= OP_WRITE; kind++)
			if (kind != OP_MLOCK_FUTURE && kind != OP_MUNLOCKALL)
				measured_op(&(struct op){.kind = kind}, &res);
}

static bool slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t got = -1;

	while (fd >= 0 && len < TEXT_BYTES - 1 &&
	       (got = read(fd, text + len, TEXT_BYTES - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	if (fd >= 0)
		close(fd);
	return got == 0;
}

static uint64_t parse_flags(const char *line)
{
	uint64_t flags = 0;

	for (unsigned i = 0; i < nr_flag_names; i++) {
		char word[5];

		snprintf(word, sizeof(word), " %s ", flag_names[i].name);
		if (strstr(line, word))
			flags |= 1ull << i;
	}
	return flags;
}

static void parse_smaps(struct outcome *out)
{
	struct area *a = NULL;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long long start, end, offset, kib;
		char perms[5];

		if (sscanf(line, "%llx-%llx %4s %llx", &start, &end, perms, &offset) == 4) {
			a = NULL;
			if (start < REGION || start >= REGION + REGION_BYTES ||
			    out->nr_areas == MAX_AREAS)
				continue;
			a = &out->areas[out->nr_areas++];
			*a = (struct area){.start = start, .end = end, .pgoff = offset / PAGE};
		} else if (a && sscanf(line, "Rss: %llu kB", &kib) == 1) {
			a->rss_pages = kib / 4;
		} else if (a && !strncmp(line, "VmFlags:", 8)) {
			a->flags = parse_flags(line + 8);
		}
	}
}

/* "10000000000 bind:0 anon=3 ...": an area starts there. */
static void parse_numa_maps(struct outcome *out)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long long start;
		char policy[32];

		if (sscanf(line, "%llx %31s", &start, policy) != 2)
			continue;
		for (unsigned i = 0; i < out->nr_areas; i++)
			if (out->areas[i].start == start)
				memcpy(out->areas[i].policy, policy, strlen(policy));
	}
}

static uint64_t pgtable_kib(void)
{
	const char *at;

	if (!slurp("/proc/self/status"))
		return 0;
	at = strstr(text, "VmPTE:");
	return at ? strtoull(at + 6, NULL, 10) : 0;
}

/* start <= break must hold all the time: up or down, one of the two goes first. */
static bool move_heap(void)
{
	if (!prctl(PR_SET_MM, PR_SET_MM_START_BRK, HEAP, 0, 0))
		return !prctl(PR_SET_MM, PR_SET_MM_BRK, HEAP, 0, 0);
	return !prctl(PR_SET_MM, PR_SET_MM_BRK, HEAP, 0, 0) &&
	       !prctl(PR_SET_MM, PR_SET_MM_START_BRK, HEAP, 0, 0);
}

bool can_move_heap(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(move_heap() ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

bool can_numa(void)
{
	uint64_t nodes = 1;
	char policy[8] = "";
	int fd = open("/sys/devices/system/node/online", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, policy, sizeof(policy) - 1);

	if (fd >= 0)
		close(fd);
	return n == 2 && policy[0] == '0' && !access("/proc/self/numa_maps", R_OK) &&
	       !syscall(SYS_migrate_pages, 0, 65, &nodes, &nodes) &&
	       syscall(SYS_set_mempolicy_home_node, 0, 0, 0, 0) == 0;
}

static void child(const struct op *ops, unsigned nr_ops, struct abilities can, struct outcome *out)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	move_heap();
	warm_up(ops, out);
	for (unsigned i = 0; i < nr_ops; i++) {
		measured_op(&ops[i], &out->results[i]);
		if (ops[i].kind == OP_FORK_SWITCH || ops[i].kind == OP_FORK_WRITE)
			warm_up(ops, out);
		out->done = i + 1;
	}
	slurp("/proc/self/smaps");
	parse_smaps(out);
	if (can.numa && slurp("/proc/self/numa_maps"))
		parse_numa_maps(out);
	out->pgtable_kib = pgtable_kib();
	munmap((void *)REGION, REGION_BYTES);
	out->pgtable_kib -= pgtable_kib();
}

bool run_real(const struct op *ops, unsigned nr_ops, struct abilities can, struct outcome *out)
{
	int status;
	pid_t pid;

	if (!text)
		text = mmap(NULL, TEXT_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (text == MAP_FAILED || !open_files()) {
		perror("vma-oracle");
		return false;
	}
	memset(out, 0, sizeof(*out));
	pid = fork();
	if (pid == 0) {
		child(ops, nr_ops, can, out);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	close(files[DISK_FILE]);
	close(files[MEM_FILE]);
	return true;
}
