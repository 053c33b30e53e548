/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Node masks through a BPF program; see nodemask.h. */
#include "capture/nodemask.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bug.h"
#include "capture/bpf.h"

#define RING_BYTES  (64u << 10)
#define MAX_PENDING 8192

/* Where a call has its masks. */
static const struct mask_call {
	long nr;
	const char *tracepoint;
	int nr_args;
	int maxnode; /* argument with the number of bits + 1 */
	int mask[2]; /* arguments with addresses, -1 none */
} calls[NODEMASK_CALLS] = {
	{SYS_mbind, "sys_enter_mbind", 6, 4, {3, -1}},
	{SYS_set_mempolicy, "sys_enter_set_mempolicy", 3, 2, {1, -1}},
	{SYS_migrate_pages, "sys_enter_migrate_pages", 4, 1, {2, 3}},
};

/* ---- the program ---- */

#define RECORD	  (-(int)sizeof(struct nodemask_record)) /* on the stack */
#define AT(field) (RECORD + (int)offsetof(struct nodemask_record, field))
#define ARGS	  16 /* of the tracepoint's record: behind the common fields and the number */

/* The thread's id as this process sees it, else as the first namespace does. */
static void emit_tid(struct bpf_code *p)
{
	struct stat st = {0};

	stat("/proc/self/ns/pid", &st);
	bpf_imm64(p, BPF_REG_1, 0, (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev));
	bpf_imm64(p, BPF_REG_2, 0, st.st_ino);
	bpf_stack(p, BPF_REG_3, AT(tid));
	bpf_ins(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, 8);
	bpf_call(p, BPF_FUNC_get_ns_current_pid_tgid);
	bpf_ins(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0);
	bpf_call(p, BPF_FUNC_get_current_pid_tgid);
	bpf_ins(p, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, AT(tid), 0);
}

/* r8 = bytes of the mask, at most what the record holds */
static void emit_size(struct bpf_code *p, int maxnode)
{
	bpf_ins(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_8, BPF_REG_10, AT(args) + 8 * maxnode, 0);
	bpf_ins(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_8, 0, 0, 62);
	bpf_ins(p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_8, 0, 0, 6);
	bpf_ins(p, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_8, 0, 0, 3);
	bpf_ins(p, BPF_JMP | BPF_JLE | BPF_K, BPF_REG_8, 0, 1, NODEMASK_WORDS * 8);
	bpf_ins(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_8, 0, 0, NODEMASK_WORDS * 8);
}

static void emit_mask(struct bpf_code *p, int arg, unsigned k)
{
	bpf_ins(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_3, BPF_REG_10, AT(args) + 8 * arg, 0);
	bpf_ins(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, 0, 6, 0); /* no mask: empty */
	bpf_stack(p, BPF_REG_1, AT(mask) + (int)k * NODEMASK_WORDS * 8);
	bpf_ins(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_8, 0, 0);
	bpf_call(p, BPF_FUNC_probe_read_user);
	bpf_ins(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 1, 0);
	bpf_ins(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, AT(failed), 1);
}

static void build(struct bpf_code *p, const struct mask_call *c, int map_fd)
{
	bpf_ins(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
	for (int at = RECORD; at < 0; at += 8)
		bpf_ins(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, at, 0);
	emit_tid(p);
	bpf_ins(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, AT(nr), (int)c->nr);
	for (int i = 0; i < c->nr_args; i++) {
		bpf_ins(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_6, ARGS + 8 * i, 0);
		bpf_ins(p, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, AT(args) + 8 * i, 0);
	}
	emit_size(p, c->maxnode);
	for (unsigned k = 0; k < 2 && c->mask[k] >= 0; k++)
		emit_mask(p, c->mask[k], k);
	bpf_imm64(p, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)map_fd);
	bpf_stack(p, BPF_REG_2, RECORD);
	bpf_ins(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, (int)sizeof(struct nodemask_record));
	bpf_ins(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, 0);
	bpf_call(p, BPF_FUNC_ringbuf_output);
	bpf_ins(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0); /* no sample of its own */
	bpf_ins(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* ---- opening ---- */

static int load(const struct mask_call *c, int map_fd)
{
	struct bpf_code p = {.nr = 0};

	build(&p, c, map_fd);
	return bpf_load(&p, BPF_PROG_TYPE_TRACEPOINT);
}

static int attach(struct nodemasks *n, unsigned i, const struct tracefs *fs, struct mmr_error *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1};
	struct tp_format fmt;
	int ret = tp_load(fs, "syscalls", calls[i].tracepoint, &fmt, err);

	if (ret)
		return ret;
	n->prog_fd[i] = load(&calls[i], n->ring.map_fd);
	if (n->prog_fd[i] < 0)
		return err_set(err, n->prog_fd[i], "bpf: %s (CAP_BPF, CAP_PERFMON)",
			       strerror(-n->prog_fd[i]));
	attr.config = fmt.id;
	n->event_fd[i] = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (n->event_fd[i] < 0 || ioctl(n->event_fd[i], PERF_EVENT_IOC_SET_BPF, n->prog_fd[i]) < 0) {
		ret = -errno;
		return err_set(err, ret, "bpf on %s: %s", calls[i].tracepoint, strerror(-ret));
	}
	return 0;
}

int nodemasks_open(struct nodemasks *n, const struct tracefs *fs, struct mmr_error *err)
{
	int ret;

	*n = (struct nodemasks){.ring.map_fd = -1};
	for (unsigned i = 0; i < NODEMASK_CALLS; i++)
		n->prog_fd[i] = n->event_fd[i] = -1;
	n->open = true;
	ret = bpf_ring_open(&n->ring, RING_BYTES);
	if (ret)
		err_set(err, ret, "bpf: %s (CAP_BPF, CAP_PERFMON, Linux 5.8)", strerror(-ret));
	for (unsigned i = 0; !ret && i < NODEMASK_CALLS; i++)
		ret = attach(n, i, fs, err);
	if (ret)
		nodemasks_close(n);
	return ret;
}

void nodemasks_close(struct nodemasks *n)
{
	if (!n->open)
		return;
	for (unsigned i = 0; i < NODEMASK_CALLS; i++) {
		if (n->event_fd[i] >= 0)
			close(n->event_fd[i]);
		if (n->prog_fd[i] >= 0)
			close(n->prog_fd[i]);
	}
	bpf_ring_close(&n->ring);
	vec_finish(&n->pending);
	n->open = false;
}

/* ---- records ---- */

/* Calls of tasks that are not recorded are never asked for: the oldest go. */
static void forget_oldest(struct nodemasks *n)
{
	size_t half = n->pending.nr / 2;

	if (n->pending.nr < MAX_PENDING)
		return;
	memmove(n->pending.data, n->pending.data + half,
		(n->pending.nr - half) * sizeof(n->pending.data[0]));
	n->pending.nr -= half;
}

static void take_record(void *ctx, const void *data, size_t size)
{
	struct nodemasks *n = ctx;

	if (size == sizeof(struct nodemask_record))
		memcpy(vec_push(&n->pending), data, size);
	forget_oldest(n);
}

void nodemasks_drain(struct nodemasks *n)
{
	if (n->open)
		bpf_ring_read(&n->ring, take_record, n);
}

static const struct mask_call *call_of(long nr)
{
	for (unsigned i = 0; i < NODEMASK_CALLS; i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL;
}

bool nodemasks_wants(long nr)
{
	return call_of(nr);
}

size_t nodemask_data(const struct nodemask_record *rec, char *data)
{
	const struct mask_call *c = call_of((long)rec->nr);
	uint64_t bits = rec->args[c->maxnode] - 1, words = (bits + 63) / 64;
	size_t len = 0;

	if (rec->failed)
		return 0;
	if (!words || words > NODEMASK_WORDS)
		words = words ? NODEMASK_WORDS : 1;
	for (unsigned k = 0; k < 2 && c->mask[k] >= 0; k++)
		for (uint64_t w = 0; w < words; w++) {
			uint64_t left = bits > 64 * w ? bits - 64 * w : 0, value = rec->mask[k][w];

			if (left < 64)
				value &= (1ull << left) - 1;
			for (unsigned b = 0; b < 8; b++)
				data[len++] = (char)(value >> (8 * b));
		}
	return len;
}

size_t nodemasks_take(struct nodemasks *n, uint32_t tid, const struct syscall_call *call,
		      const char **ret)
{
	const struct mask_call *c = call_of(call->nr);
	size_t found = SIZE_MAX, kept = 0, len = 0;

	*ret = n->data;
	if (!n->open || !c)
		return 0;
	for (size_t i = 0; i < n->pending.nr && found == SIZE_MAX; i++) {
		const struct nodemask_record *rec = &n->pending.data[i];

		if (rec->tid == tid && rec->nr == (uint64_t)call->nr &&
		    !memcmp(rec->args, call->args, (size_t)c->nr_args * 8))
			found = i;
	}
	if (found == SIZE_MAX) {
		n->nr_lost++;
		return 0;
	}
	len = nodemask_data(&n->pending.data[found], n->data);
	for (size_t i = 0; i < n->pending.nr; i++)
		if (i > found || n->pending.data[i].tid != tid)
			n->pending.data[kept++] = n->pending.data[i];
	n->pending.nr = kept;
	return len;
}
