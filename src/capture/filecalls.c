/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * File calls through BPF: the programs, their maps. See filecalls.h; what a record means is in filecalls-event.c.
 *
 * Three programs:
 *	sys_enter		close: the file is gone when the call returns
 *	sys_exit		every other call of call_rows[]
 *	sched_process_fork	a child of a process that is followed is followed
 * A process is followed by its id as the first namespace sees it, which this process may not know: so the first call of
 * the process whose id in our namespace is the seed enters it.
 */
#include "capture/filecalls.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bug.h"
#include "capture/btf.h"

#if defined(__x86_64__)

#define RING_BYTES (8u << 20)
#define MAX_TASKS  65536

/* Offsets in the kernel's struct pt_regs of x86-64. */
enum { REGS_R10 = 56, REGS_R9 = 64, REGS_R8 = 72, REGS_DX = 96, REGS_SI = 104, REGS_DI = 112, REGS_NR = 120, REGS_CS = 136,
       REGS_BYTES = 144 };
#define USER_CS_64 0x33

enum { STATE_SEED, STATE_LOST, NR_STATES };

#define FD_RET	-1
#define FD_NONE -2

/* Which argument holds the descriptor: of the file, of a second one; and the pointers to their offsets. */
static const struct call_row {
	int nr, fd[2], offset[2];
	bool at_enter;
} call_rows[] = {
	{SYS_read, {0, FD_NONE}, {0}, false},
	{SYS_write, {0, FD_NONE}, {0}, false},
	{SYS_pread64, {0, FD_NONE}, {0}, false},
	{SYS_pwrite64, {0, FD_NONE}, {0}, false},
	{SYS_readv, {0, FD_NONE}, {0}, false},
	{SYS_writev, {0, FD_NONE}, {0}, false},
	{SYS_preadv, {0, FD_NONE}, {0}, false},
	{SYS_pwritev, {0, FD_NONE}, {0}, false},
	{SYS_preadv2, {0, FD_NONE}, {0}, false},
	{SYS_pwritev2, {0, FD_NONE}, {0}, false},
	{SYS_open, {FD_RET, FD_NONE}, {0}, false},
	{SYS_openat, {FD_RET, FD_NONE}, {0}, false},
	{SYS_openat2, {FD_RET, FD_NONE}, {0}, false},
	{SYS_creat, {FD_RET, FD_NONE}, {0}, false},
	{SYS_memfd_create, {FD_RET, FD_NONE}, {0}, false},
	{SYS_close, {0, FD_NONE}, {0}, true},
	{SYS_fsync, {0, FD_NONE}, {0}, false},
	{SYS_fdatasync, {0, FD_NONE}, {0}, false},
	{SYS_sync_file_range, {0, FD_NONE}, {0}, false},
	{SYS_fadvise64, {0, FD_NONE}, {0}, false},
	{SYS_readahead, {0, FD_NONE}, {0}, false},
	{SYS_ftruncate, {0, FD_NONE}, {0}, false},
	{SYS_fallocate, {0, FD_NONE}, {0}, false},
	{SYS_sendfile, {1, 0}, {2, 0}, false},
	{SYS_splice, {0, 2}, {1, 3}, false},
	{SYS_copy_file_range, {0, 2}, {1, 3}, false},
};

/* Where the members lie that are looked at. */
struct layout_of_file {
	uint32_t files, fdt, max_fds, fd;		/* task_struct, files_struct, fdtable */
	uint32_t inode, pos, flags, count;		/* file */
	uint32_t ino, sb, generation, size, mode, dev, magic;	/* inode, super_block */
	uint32_t tgid;
	bool counts_from_zero;
};

static int find_layout(const struct btf *b, struct layout_of_file *l, struct mmr_error *err)
{
	const struct { const char *type, *member; uint32_t *ret; } rows[] = {
		{"task_struct", "files", &l->files}, {"files_struct", "fdt", &l->fdt},
		{"fdtable", "max_fds", &l->max_fds}, {"fdtable", "fd", &l->fd},
		{"file", "f_inode", &l->inode}, {"file", "f_pos", &l->pos}, {"file", "f_flags", &l->flags},
		{"inode", "i_ino", &l->ino}, {"inode", "i_sb", &l->sb},
		{"inode", "i_generation", &l->generation}, {"inode", "i_size", &l->size},
		{"inode", "i_mode", &l->mode}, {"super_block", "s_dev", &l->dev},
		{"super_block", "s_magic", &l->magic},
		{"task_struct", "tgid", &l->tgid},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!btf_member(b, rows[i].type, rows[i].member, rows[i].ret))
			return err_set(err, -ENOENT, "this kernel's struct %s has no %s", rows[i].type, rows[i].member);
	/* 6.13 on */
	l->counts_from_zero = btf_member(b, "file", "f_ref", &l->count);
	if (!l->counts_from_zero && !btf_member(b, "file", "f_count", &l->count))
		return err_set(err, -ENOENT, "this kernel's struct file has no count");
	return 0;
}

/* ---- the programs ---- */

/* The stack, from its top down. */
#define RECORD	  (-(int)sizeof(struct filecall))
#define AT(field) (RECORD + (int)offsetof(struct filecall, field))
#define FILE_AT(i, field) (AT(file) + (int)((i) * sizeof(struct filecall_file) + offsetof(struct filecall_file, field)))
#define REGS	  (RECORD - REGS_BYTES)
#define SCRATCH	  (REGS - 8)	/* a pointer on its way */
#define KEY	  (SCRATCH - 8) /* of a map */
#define IDS	  (KEY - 8)	/* struct bpf_pidns_info */

/* Callee-saved registers: r6 the tracepoint's arguments, r7 the current task or file, r8 and r9 descriptors. */

static void zero_stack(struct bpf_code *c)
{
	for (int at = IDS; at < 0; at += 8)
		bpf_ins(c, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, at, 0);
}

/* r0 = address of state[i], or 0 */
static void lookup_state(struct bpf_code *c, int state_fd, int i)
{
	bpf_ins(c, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, KEY, i);
	bpf_map(c, BPF_REG_1, state_fd);
	bpf_stack(c, BPF_REG_2, KEY);
	bpf_call(c, BPF_FUNC_map_lookup_elem);
}

/* tasks[stack KEY] = stack KEY */
static void add_task(struct bpf_code *c, int tasks_fd)
{
	bpf_map(c, BPF_REG_1, tasks_fd);
	bpf_stack(c, BPF_REG_2, KEY);
	bpf_stack(c, BPF_REG_3, KEY);
	bpf_set(c, BPF_REG_4, 0);
	bpf_call(c, BPF_FUNC_map_update_elem);
}

/* Namespace ids of the current task into the stack at IDS: pid, tgid (32 bits each). r0: 0 when it worked. */
static void own_ids(struct bpf_code *c)
{
	struct stat st = {0};

	stat("/proc/self/ns/pid", &st);
	bpf_imm64(c, BPF_REG_1, 0, (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev));
	bpf_imm64(c, BPF_REG_2, 0, st.st_ino);
	bpf_stack(c, BPF_REG_3, IDS);
	bpf_set(c, BPF_REG_4, 8);
	bpf_call(c, BPF_FUNC_get_ns_current_pid_tgid);
}

/* Of all processes only this one is left out. */
static void only_others(struct bpf_code *c)
{
	own_ids(c);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_10, IDS + 4, 0);
	unsigned other = bpf_jump(c, BPF_JNE, BPF_REG_1, (int)getpid());

	bpf_exit(c);
	bpf_land(c, other);
}

/* Ends the program when the current process is not followed. */
static void only_followed(struct bpf_code *c, const struct filecalls *f, bool all)
{
	unsigned known, no_seed, other;

	if (all) {
		only_others(c);
		return;
	}
	bpf_call(c, BPF_FUNC_get_current_pid_tgid);
	bpf_ins(c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32);
	bpf_put(c, KEY, BPF_REG_0);
	bpf_map(c, BPF_REG_1, f->tasks_fd);
	bpf_stack(c, BPF_REG_2, KEY);
	bpf_call(c, BPF_FUNC_map_lookup_elem);
	known = bpf_jump(c, BPF_JNE, BPF_REG_0, 0);
	own_ids(c);
	lookup_state(c, f->state_fd, STATE_SEED);
	no_seed = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_0, 0, 0);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_10, IDS + 4, 0);
	bpf_ins(c, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	other = c->nr - 1;
	bpf_call(c, BPF_FUNC_get_current_pid_tgid);
	bpf_ins(c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32);
	bpf_put(c, KEY, BPF_REG_0);
	add_task(c, f->tasks_fd);
	unsigned found = bpf_jump(c, BPF_JA, 0, 0);

	bpf_land(c, no_seed);
	bpf_land(c, other);
	bpf_exit(c);
	bpf_land(c, known);
	bpf_land(c, found);
}

/* stack[to] = 8 bytes at the pointer in stack[SCRATCH] + offset; the pointer may be bad: then it is 0. */
static void follow(struct bpf_code *c, int to, int size, int offset)
{
	bpf_get(c, BPF_REG_3, SCRATCH);
	bpf_read_kernel(c, to, size, BPF_REG_3, offset);
}

/* File i of the record: that of descriptor `reg` (callee-saved; negative: none). */
static void look_at_file(struct bpf_code *c, const struct layout_of_file *l, unsigned i, unsigned reg)
{
	unsigned none = bpf_jump(c, BPF_JSLT, reg, 0), beyond;

	bpf_call(c, BPF_FUNC_get_current_task);
	bpf_put(c, SCRATCH, BPF_REG_0);
	follow(c, SCRATCH, 8, (int)l->files);
	follow(c, SCRATCH, 8, (int)l->fdt);
	bpf_ins(c, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, KEY, 0);
	follow(c, KEY, 4, (int)l->max_fds);
	bpf_get(c, BPF_REG_1, KEY);
	bpf_ins(c, BPF_JMP | BPF_JGE | BPF_X, reg, BPF_REG_1, 0, 0);
	beyond = c->nr - 1;
	follow(c, SCRATCH, 8, (int)l->fd);
	bpf_get(c, BPF_REG_3, SCRATCH);
	bpf_move(c, BPF_REG_1, reg);
	bpf_ins(c, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_1, 0, 0, 3);
	bpf_ins(c, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_3, BPF_REG_1, 0, 0);
	bpf_read_kernel(c, SCRATCH, 8, BPF_REG_3, 0);
	bpf_get(c, BPF_REG_1, SCRATCH);
	bpf_put(c, FILE_AT(i, address), BPF_REG_1);
	follow(c, FILE_AT(i, offset), 8, (int)l->pos);
	follow(c, FILE_AT(i, flags), 4, (int)l->flags);
	follow(c, FILE_AT(i, count), 8, (int)l->count);
	follow(c, SCRATCH, 8, (int)l->inode);
	follow(c, FILE_AT(i, ino), 8, (int)l->ino);
	follow(c, FILE_AT(i, generation), 4, (int)l->generation);
	follow(c, FILE_AT(i, size), 8, (int)l->size);
	follow(c, FILE_AT(i, mode), 2, (int)l->mode);
	follow(c, SCRATCH, 8, (int)l->sb);
	follow(c, FILE_AT(i, dev), 4, (int)l->dev);
	follow(c, FILE_AT(i, magic), 8, (int)l->magic);
	bpf_land(c, none);
	bpf_land(c, beyond);
}

/* An offset that user memory holds, after the call. */
static void look_at_offset(struct bpf_code *c, unsigned i, int arg)
{
	bpf_get(c, BPF_REG_3, AT(args) + 8 * arg);
	unsigned none = bpf_jump(c, BPF_JEQ, BPF_REG_3, 0);

	bpf_stack(c, BPF_REG_1, FILE_AT(i, offset));
	bpf_set(c, BPF_REG_2, 8);
	bpf_call(c, BPF_FUNC_probe_read_user);
	bpf_land(c, none);
}

/* Numbers and arguments of the call out of the registers that it began with: r1 holds their address. */
static void look_at_call(struct bpf_code *c)
{
	static const int regs[] = {REGS_DI, REGS_SI, REGS_DX, REGS_R10, REGS_R8, REGS_R9};

	bpf_read_kernel(c, REGS, REGS_BYTES, BPF_REG_1, 0);
	for (int i = 0; i < 6; i++) {
		bpf_get(c, BPF_REG_1, REGS + regs[i]);
		bpf_put(c, AT(args) + 8 * i, BPF_REG_1);
	}
	bpf_get(c, BPF_REG_1, REGS + REGS_NR);
	bpf_put(c, AT(nr), BPF_REG_1);
}

/* Ends the program unless one of the files is regular. */
static void only_regular(struct bpf_code *c)
{
	unsigned jump[2];

	for (unsigned i = 0; i < 2; i++) {
		bpf_get(c, BPF_REG_1, FILE_AT(i, mode));
		bpf_ins(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, S_IFMT);
		jump[i] = bpf_jump(c, BPF_JEQ, BPF_REG_1, S_IFREG);
	}
	bpf_exit(c);
	bpf_land(c, jump[0]);
	bpf_land(c, jump[1]);
}

/* r7, r8 = ids of the thread and of its process. */
static void look_at_task(struct bpf_code *c)
{
	own_ids(c);
	/* Ids of our namespace, else those of the first. The kernel has the process's id in the upper half. */
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_7, BPF_REG_10, IDS, 0);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_8, BPF_REG_10, IDS + 4, 0);
	unsigned ok = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);

	bpf_call(c, BPF_FUNC_get_current_pid_tgid);
	bpf_move(c, BPF_REG_7, BPF_REG_0);
	bpf_move(c, BPF_REG_8, BPF_REG_0);
	bpf_ins(c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_8, 0, 0, 32);
	bpf_land(c, ok);
	bpf_ins(c, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_7, AT(tid), 0);
	bpf_ins(c, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_8, AT(pid), 0);
}

/* The name that the program gave, in a record of its own. */
static void output_name(struct bpf_code *c, const struct filecalls *f)
{
	static const struct { int nr, arg; } rows[] = {
		{SYS_open, 0}, {SYS_creat, 0}, {SYS_openat, 1}, {SYS_openat2, 1}};
	unsigned found[ARRAY_SIZE(rows)], other, full;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bpf_get(c, BPF_REG_1, AT(nr));
		bpf_get(c, BPF_REG_9, AT(args) + 8 * rows[i].arg);
		found[i] = bpf_jump(c, BPF_JEQ, BPF_REG_1, rows[i].nr);
	}
	other = bpf_jump(c, BPF_JA, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		bpf_land(c, found[i]);
	bpf_map(c, BPF_REG_1, f->ring.map_fd);
	bpf_set(c, BPF_REG_2, (int)sizeof(struct filecall_name));
	bpf_set(c, BPF_REG_3, 0);
	bpf_call(c, BPF_FUNC_ringbuf_reserve);
	full = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
	bpf_ins(c, BPF_STX | BPF_MEM | BPF_W, BPF_REG_0, BPF_REG_7, 0, 0);
	bpf_ins(c, BPF_STX | BPF_MEM | BPF_W, BPF_REG_0, BPF_REG_8, 4, 0);
	bpf_move(c, BPF_REG_8, BPF_REG_0);
	bpf_move(c, BPF_REG_1, BPF_REG_0);
	bpf_ins(c, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, offsetof(struct filecall_name, name));
	bpf_set(c, BPF_REG_2, FILECALL_NAME);
	bpf_move(c, BPF_REG_3, BPF_REG_9);
	bpf_call(c, BPF_FUNC_probe_read_user_str);
	bpf_move(c, BPF_REG_1, BPF_REG_8);
	bpf_set(c, BPF_REG_2, BPF_RB_NO_WAKEUP);
	bpf_call(c, BPF_FUNC_ringbuf_submit);
	bpf_land(c, other);
	bpf_land(c, full);
}

static void output(struct bpf_code *c, const struct filecalls *f)
{
	unsigned ok;

	bpf_call(c, BPF_FUNC_get_smp_processor_id);
	bpf_put(c, AT(cpu), BPF_REG_0);
	bpf_call(c, BPF_FUNC_ktime_get_ns);
	bpf_put(c, AT(time_ns), BPF_REG_0);
	bpf_map(c, BPF_REG_1, f->ring.map_fd);
	bpf_stack(c, BPF_REG_2, RECORD);
	bpf_set(c, BPF_REG_3, (int)sizeof(struct filecall));
	bpf_set(c, BPF_REG_4, 0);
	bpf_call(c, BPF_FUNC_ringbuf_output);
	ok = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);
	lookup_state(c, f->state_fd, STATE_LOST);
	unsigned gone = bpf_jump(c, BPF_JEQ, BPF_REG_0, 0);

	bpf_set(c, BPF_REG_1, 1);
	bpf_ins(c, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD);
	bpf_land(c, gone);
	bpf_land(c, ok);
	bpf_exit(c);
}

/* r8, r9 = descriptors of the call, -1 none. Ends the program for any other call. */
static void choose_call(struct bpf_code *c, bool at_enter)
{
	unsigned done[ARRAY_SIZE(call_rows)], nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(call_rows); i++) {
		const struct call_row *row = &call_rows[i];

		if (row->at_enter != at_enter)
			continue;
		bpf_get(c, BPF_REG_1, AT(nr));
		unsigned next = bpf_jump(c, BPF_JNE, BPF_REG_1, row->nr);

		for (unsigned k = 0; k < 2; k++) {
			unsigned reg = k ? BPF_REG_9 : BPF_REG_8;

			if (row->fd[k] == FD_NONE)
				bpf_set(c, reg, -1);
			else
				bpf_get(c, reg, row->fd[k] == FD_RET ? AT(ret) : AT(args) + 8 * row->fd[k]);
		}
		done[nr++] = bpf_jump(c, BPF_JA, 0, 0);
		bpf_land(c, next);
	}
	bpf_exit(c);
	for (unsigned i = 0; i < nr; i++)
		bpf_land(c, done[i]);
	/* Descriptors are int. */
	for (unsigned reg = BPF_REG_8; reg <= BPF_REG_9; reg++) {
		bpf_ins(c, BPF_ALU64 | BPF_LSH | BPF_K, reg, 0, 0, 32);
		bpf_ins(c, BPF_ALU64 | BPF_ARSH | BPF_K, reg, 0, 0, 32);
	}
}

static void look_at_offsets(struct bpf_code *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(call_rows); i++) {
		const struct call_row *row = &call_rows[i];

		if (!row->offset[0])
			continue;
		bpf_get(c, BPF_REG_1, AT(nr));
		unsigned next = bpf_jump(c, BPF_JNE, BPF_REG_1, row->nr);

		for (unsigned k = 0; k < 2; k++)
			if (row->offset[k])
				look_at_offset(c, k, row->offset[k]);
		bpf_land(c, next);
	}
}

/* Arguments of the raw tracepoint: sys_enter(regs, nr), sys_exit(regs, ret). */
static void build_call(struct bpf_code *c, const struct filecalls *f, const struct layout_of_file *l, bool at_enter,
		       bool all)
{
	unsigned failed = 0, right;

	bpf_move(c, BPF_REG_6, BPF_REG_1);
	if (!at_enter) {
		bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_6, 8, 0);
		failed = bpf_jump(c, BPF_JSLT, BPF_REG_7, 0);
	} else {
		/* Most calls are not close: out at once. */
		bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_6, 8, 0);
		failed = bpf_jump(c, BPF_JNE, BPF_REG_1, SYS_close);
	}
	zero_stack(c);
	if (!at_enter)
		bpf_put(c, AT(ret), BPF_REG_7);
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_6, 0, 0);
	look_at_call(c);
	choose_call(c, at_enter);
	/* 32-bit programs number their calls otherwise. */
	bpf_get(c, BPF_REG_1, REGS + REGS_CS);
	right = bpf_jump(c, BPF_JEQ, BPF_REG_1, USER_CS_64);
	bpf_exit(c);
	bpf_land(c, right);
	only_followed(c, f, all);
	look_at_file(c, l, 0, BPF_REG_8);
	if (!at_enter)
		look_at_file(c, l, 1, BPF_REG_9);
	only_regular(c);
	if (!at_enter)
		look_at_offsets(c);
	look_at_task(c);
	if (!at_enter)
		output_name(c, f);
	output(c, f);
	bpf_land(c, failed);
	bpf_exit(c);
}

/* sched_process_fork(parent, child): the parent runs. */
static void build_fork(struct bpf_code *c, const struct filecalls *f, const struct layout_of_file *l, bool all)
{
	bpf_ins(c, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_1, 8, 0);
	zero_stack(c);
	only_followed(c, f, all);
	bpf_ins(c, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, KEY, 0);
	bpf_read_kernel(c, KEY, 4, BPF_REG_7, (int)l->tgid);
	add_task(c, f->tasks_fd);
	bpf_exit(c);
}

/* ---- opening ---- */

static int attach(struct filecalls *f, unsigned i, const char *tracepoint, const struct bpf_code *code,
		  struct mmr_error *err)
{
	f->prog_fd[i] = bpf_load(code, BPF_PROG_TYPE_RAW_TRACEPOINT);
	if (f->prog_fd[i] < 0)
		return err_set(err, f->prog_fd[i], "bpf: %s (CAP_BPF, CAP_PERFMON)", strerror(-f->prog_fd[i]));
	f->link_fd[i] = bpf_raw_tracepoint(tracepoint, f->prog_fd[i]);
	if (f->link_fd[i] < 0)
		return err_set(err, f->link_fd[i], "bpf on %s: %s", tracepoint, strerror(-f->link_fd[i]));
	return 0;
}

static int attach_all(struct filecalls *f, const struct layout_of_file *l, bool all, struct mmr_error *err)
{
	struct bpf_code enter = {.nr = 0}, leave = {.nr = 0}, forks = {.nr = 0};
	int ret;

	build_call(&enter, f, l, true, all);
	build_call(&leave, f, l, false, all);
	build_fork(&forks, f, l, all);
	ret = attach(f, 0, "sys_enter", &enter, err);
	if (!ret)
		ret = attach(f, 1, "sys_exit", &leave, err);
	if (!ret && !all)
		ret = attach(f, 2, "sched_process_fork", &forks, err);
	return ret;
}

int filecalls_open(struct filecalls *f, bool all, struct mmr_error *err)
{
	struct layout_of_file l;
	struct btf btf;
	int ret;

	*f = (struct filecalls){.ring.map_fd = -1, .tasks_fd = -1, .state_fd = -1};
	for (unsigned i = 0; i < 3; i++)
		f->prog_fd[i] = f->link_fd[i] = -1;
	f->open = true;
	ret = btf_open(&btf, err);
	if (!ret) {
		ret = find_layout(&btf, &l, err);
		btf_close(&btf);
	}
	if (!ret) {
		f->counts_from_zero = l.counts_from_zero;
		ret = bpf_ring_open(&f->ring, RING_BYTES);
		f->tasks_fd = bpf_map_create(BPF_MAP_TYPE_HASH, 8, 8, MAX_TASKS);
		f->state_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, 4, 8, NR_STATES);
		if (!ret && (f->tasks_fd < 0 || f->state_fd < 0))
			ret = f->tasks_fd < 0 ? f->tasks_fd : f->state_fd;
		ret = ret ? err_set(err, ret, "bpf: %s (CAP_BPF, CAP_PERFMON, Linux 5.8)", strerror(-ret))
			  : attach_all(f, &l, all, err);
	}
	if (ret)
		filecalls_close(f);
	return ret;
}

static void put_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void filecalls_close(struct filecalls *f)
{
	if (!f->open)
		return;
	for (unsigned i = 0; i < 3; i++) {
		put_fd(&f->link_fd[i]);
		put_fd(&f->prog_fd[i]);
	}
	put_fd(&f->tasks_fd);
	put_fd(&f->state_fd);
	bpf_ring_close(&f->ring);
	vec_finish(&f->names);
	f->open = false;
}

void filecalls_follow(struct filecalls *f, pid_t pid)
{
	uint32_t key = STATE_SEED;
	uint64_t value = (uint64_t)pid;

	if (f->open)
		bpf_map_set(f->state_fd, &key, &value);
}

struct drain {
	struct filecalls *f;
	filecall_fn *fn;
	void *ctx;
};

static void drain_record(void *ctx, const void *data, size_t size)
{
	const struct drain *d = ctx;
	struct filecalls *f = d->f;
	const struct filecall *call = data;

	if (size == sizeof(struct filecall_name))
		memcpy(vec_push(&f->names), data, size);
	if (size != sizeof(*call))
		return;
	for (size_t i = f->names.nr; i-- > 0;) {
		if (f->names.data[i].tid != call->tid || f->names.data[i].pid != call->pid)
			continue;
		f->names.data[i].name[FILECALL_NAME - 1] = '\0';
		d->fn(d->ctx, call, f->names.data[i].name);
		f->names.data[i] = f->names.data[--f->names.nr];
		return;
	}
	d->fn(d->ctx, call, NULL);
}

void filecalls_drain(struct filecalls *f, filecall_fn *fn, void *ctx)
{
	struct drain d = {.f = f, .fn = fn, .ctx = ctx};

	if (f->open)
		bpf_ring_read(&f->ring, drain_record, &d);
}

uint64_t filecalls_lost(struct filecalls *f)
{
	uint32_t key = STATE_LOST;
	uint64_t now = 0, before = f->nr_lost;

	if (!f->open || bpf_map_get(f->state_fd, &key, &now))
		return 0;
	f->nr_lost = now;
	return now - before;
}

#else /* other architectures: where their registers lie is not written down here */

int filecalls_open(struct filecalls *f, bool all, struct mmr_error *err)
{
	(void)all;
	*f = (struct filecalls){.open = false};
	return err_set(err, -ENOTSUP, "file calls are recorded on x86-64 only");
}

void filecalls_close(struct filecalls *f)
{
	(void)f;
}

void filecalls_follow(struct filecalls *f, pid_t pid)
{
	(void)f;
	(void)pid;
}

void filecalls_drain(struct filecalls *f, filecall_fn *fn, void *ctx)
{
	(void)f;
	(void)fn;
	(void)ctx;
}

uint64_t filecalls_lost(struct filecalls *f)
{
	(void)f;
	return 0;
}

#endif
