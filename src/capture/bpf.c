/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* BPF programs, maps and rings through bpf(2). See bpf.h. */
#include "capture/bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bug.h"

/* ---- instructions ---- */

void bpf_ins(struct bpf_code *c, unsigned code, unsigned dst, unsigned src, int off, int imm)
{
	BUG_ON(c->nr == BPF_CODE_MAX);
	c->insn[c->nr++] = (struct bpf_insn){.code = (uint8_t)code,
					     .dst_reg = dst & 15,
					     .src_reg = src & 15,
					     .off = (int16_t)off,
					     .imm = imm};
}

void bpf_imm64(struct bpf_code *c, unsigned dst, unsigned src, uint64_t value)
{
	bpf_ins(c, BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (int)(uint32_t)value);
	bpf_ins(c, 0, 0, 0, 0, (int)(value >> 32));
}

void bpf_set(struct bpf_code *c, unsigned reg, int value)
{
	bpf_ins(c, BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, value);
}

void bpf_move(struct bpf_code *c, unsigned reg, unsigned from)
{
	bpf_ins(c, BPF_ALU64 | BPF_MOV | BPF_X, reg, from, 0, 0);
}

void bpf_stack(struct bpf_code *c, unsigned reg, int offset)
{
	bpf_move(c, reg, BPF_REG_10);
	bpf_ins(c, BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, offset);
}

void bpf_get(struct bpf_code *c, unsigned reg, int offset)
{
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, reg, BPF_REG_10, offset, 0);
}

void bpf_put(struct bpf_code *c, int offset, unsigned reg)
{
	bpf_ins(c, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, reg, offset, 0);
}

void bpf_call(struct bpf_code *c, int helper)
{
	bpf_ins(c, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void bpf_map(struct bpf_code *c, unsigned reg, int map_fd)
{
	bpf_imm64(c, reg, BPF_PSEUDO_MAP_FD, (uint32_t)map_fd);
}

void bpf_exit(struct bpf_code *c)
{
	bpf_set(c, BPF_REG_0, 0);
	bpf_ins(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void bpf_read_kernel(struct bpf_code *c, int to, int size, unsigned base, int offset)
{
	bpf_move(c, BPF_REG_3, base);
	if (offset)
		bpf_ins(c, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, offset);
	bpf_stack(c, BPF_REG_1, to);
	bpf_set(c, BPF_REG_2, size);
	bpf_call(c, BPF_FUNC_probe_read_kernel);
}

unsigned bpf_jump(struct bpf_code *c, unsigned op, unsigned reg, int imm)
{
	bpf_ins(c, BPF_JMP | op | BPF_K, op == BPF_JA ? 0 : reg, 0, 0, imm);
	return c->nr - 1;
}

void bpf_land(struct bpf_code *c, unsigned jump)
{
	c->insn[jump].off = (int16_t)(c->nr - jump - 1);
}

/* ---- bpf(2) ---- */

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

int bpf_load(const struct bpf_code *c, enum bpf_prog_type type)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = (uint64_t)(uintptr_t)c->insn;
	attr.insn_cnt = c->nr;
	attr.license = (uint64_t)(uintptr_t) "Dual MIT/GPL";
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int bpf_map_create(enum bpf_map_type type, uint32_t key_bytes, uint32_t value_bytes, uint32_t nr)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key_bytes;
	attr.value_size = value_bytes;
	attr.max_entries = nr;
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

static int map_op(int cmd, int map_fd, const void *key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map_fd;
	attr.key = (uint64_t)(uintptr_t)key;
	attr.value = (uint64_t)(uintptr_t)value; /* next_key lies at the same place */
	return sys_bpf(cmd, &attr);
}

int bpf_map_set(int map_fd, const void *key, const void *value)
{
	return map_op(BPF_MAP_UPDATE_ELEM, map_fd, key, value);
}

int bpf_map_get(int map_fd, const void *key, void *ret_value)
{
	return map_op(BPF_MAP_LOOKUP_ELEM, map_fd, key, ret_value);
}

int bpf_map_next(int map_fd, const void *key, void *ret_key)
{
	return map_op(BPF_MAP_GET_NEXT_KEY, map_fd, key, ret_key);
}

int bpf_raw_tracepoint(const char *name, int prog_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (uint64_t)(uintptr_t)name;
	attr.raw_tracepoint.prog_fd = (uint32_t)prog_fd;
	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

/* ---- rings ---- */

int bpf_ring_open(struct bpf_ring *r, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *base;

	*r = (struct bpf_ring){.bytes = bytes};
	r->map_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, 0, 0, (uint32_t)bytes);
	if (r->map_fd < 0)
		return r->map_fd;
	/* One page that is ours to write, then the kernel's: its position, and the data twice. */
	base = mmap(NULL, 2 * page + 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	r->base = base;
	if (mmap(base, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, r->map_fd, 0) == MAP_FAILED ||
	    mmap(base + page, page + 2 * bytes, PROT_READ, MAP_SHARED | MAP_FIXED, r->map_fd, (off_t)page) ==
		    MAP_FAILED)
		return -errno;
	return 0;
}

void bpf_ring_close(struct bpf_ring *r)
{
	if (r->base)
		munmap(r->base, 2 * (size_t)sysconf(_SC_PAGESIZE) + 2 * r->bytes);
	if (r->map_fd >= 0)
		close(r->map_fd);
	*r = (struct bpf_ring){.map_fd = -1};
}

void bpf_ring_read(struct bpf_ring *r, void (*fn)(void *ctx, const void *data, size_t size), void *ctx)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned long *consumer, *producer, at;

	if (!r->base)
		return;
	consumer = (unsigned long *)(void *)r->base;
	producer = (unsigned long *)(void *)(r->base + page);
	at = __atomic_load_n(consumer, __ATOMIC_ACQUIRE);
	while (at < __atomic_load_n(producer, __ATOMIC_ACQUIRE)) {
		uint8_t *head = r->base + 2 * page + (at & (r->bytes - 1));
		uint32_t len = __atomic_load_n((uint32_t *)(void *)head, __ATOMIC_ACQUIRE), size;

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		size = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			fn(ctx, head + BPF_RINGBUF_HDR_SZ, size);
		at += (size + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
		__atomic_store_n(consumer, at, __ATOMIC_RELEASE);
	}
}
