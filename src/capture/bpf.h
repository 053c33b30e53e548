/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Small BPF programs, written out instruction by instruction, and the rings that they write to.
 *
 * There is no compiler and no library for them here: what they do is a few dozen instructions, and which of the
 * kernel's struct members they read is only known when they are loaded (btf.h).
 *
 * Interface:
 *   - bpf_ins() and its kin append instructions; bpf_jump() ... bpf_land() jumps forward
 *   - bpf_load(), bpf_map_create(), bpf_map_set(), bpf_map_get(); file descriptors, or negative errnos
 *   - struct bpf_ring: one ring of records, read through memory
 */
#ifndef CAPTURE_BPF_H
#define CAPTURE_BPF_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_CODE_MAX 1024

struct bpf_code {
	struct bpf_insn insn[BPF_CODE_MAX];
	unsigned nr;
};

void bpf_ins(struct bpf_code *c, unsigned code, unsigned dst, unsigned src, int off, int imm);
void bpf_imm64(struct bpf_code *c, unsigned dst, unsigned src, uint64_t value);
/* reg = value of 32 bits with sign; reg = other register */
void bpf_set(struct bpf_code *c, unsigned reg, int value);
void bpf_move(struct bpf_code *c, unsigned reg, unsigned from);
/* reg = the stack's address + offset (negative) */
void bpf_stack(struct bpf_code *c, unsigned reg, int offset);
/* 8 bytes between the stack and a register */
void bpf_get(struct bpf_code *c, unsigned reg, int offset);
void bpf_put(struct bpf_code *c, int offset, unsigned reg);
void bpf_call(struct bpf_code *c, int helper);
void bpf_map(struct bpf_code *c, unsigned reg, int map_fd);
void bpf_exit(struct bpf_code *c);
/* stack[to] = `size` bytes of the kernel's memory at register `base` + offset. r1 to r5 are lost, r0 is its result. */
void bpf_read_kernel(struct bpf_code *c, int to, int size, unsigned base, int offset);
/* Jumps forward when `reg OP imm` (BPF_JEQ ...; BPF_JA: always) to where bpf_land() is called with the result. */
unsigned bpf_jump(struct bpf_code *c, unsigned op, unsigned reg, int imm);
void bpf_land(struct bpf_code *c, unsigned jump);

int bpf_load(const struct bpf_code *c, enum bpf_prog_type type);
int bpf_map_create(enum bpf_map_type type, uint32_t key_bytes, uint32_t value_bytes, uint32_t nr);
int bpf_map_set(int map_fd, const void *key, const void *value);
int bpf_map_get(int map_fd, const void *key, void *ret_value);
int bpf_map_next(int map_fd, const void *key, void *ret_key); /* key NULL: the first; -ENOENT: no more */
int bpf_raw_tracepoint(const char *name, int prog_fd);

struct bpf_ring {
	int map_fd; /* can be polled; -1 none */
	size_t bytes;
	uint8_t *base; /* consumer page, producer page, data twice */
};

/* `bytes`: a power of two, whole pages. Whatever came of it, bpf_ring_close() may be called. */
int bpf_ring_open(struct bpf_ring *r, size_t bytes);
void bpf_ring_close(struct bpf_ring *r);
/* Hands on every record that is there; the bytes are those of the ring, for as long as the call lasts. */
void bpf_ring_read(struct bpf_ring *r, void (*fn)(void *ctx, const void *data, size_t size), void *ctx);

#endif
