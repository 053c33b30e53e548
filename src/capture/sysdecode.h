/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * System calls as valgrind prints them under --trace-syscalls=yes, and what they do to user memory.
 *
 *	SYSCALL[PID,TID](NR) NAME ( ARG, ARG, ... ) --> [pre-success] Success(0xRET)
 *	SYSCALL[PID,TID](NR) NAME ( ARG, ARG, ... )[sync] --> Failure(0xERRNO)
 *	SYSCALL[PID,TID](NR) NAME ( ARG, ARG, ... ) --> [async] ...
 *	SYSCALL[PID,TID](NR) ... [async] --> Success(0xRET)
 *	SYSCALL[PID,TID](NR) NAME ( ARG, ARG, ... )		the result follows on a line of its own
 *	 --> [pre-success] Success(0xRET)
 *
 * TID is valgrind's own number of the thread, from 1. ARG is decimal or 0x hexadecimal (a few calls print
 * bare hexadecimal), and may be followed by the string it points to, in parentheses and unquoted.
 *
 * Interface:
 *   - sys_line_parse(): one such line; sys_result_parse(): the result on a line of its own
 *   - sys_touches(): the user memory that the kernel reads and writes in a finished call: its buffers,
 *     paths and structs. Which argument is what, and how long, is one table (sysdecode.c) for the calls
 *     of x86-64; sys_is_known() says whether a call is in it
 */
#ifndef CAPTURE_SYSDECODE_H
#define CAPTURE_SYSDECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYS_MAX_ARGS	6
#define SYS_MAX_TOUCHES	8

enum sys_state {
	SYS_HEAD,		/* arguments, the result comes later on a line of its own */
	SYS_DONE,		/* arguments and result */
	SYS_ASYNC,		/* arguments; the result comes as SYS_RESUMED of the same thread */
	SYS_RESUMED,		/* a result only */
};

struct sys_call {
	enum sys_state state;
	uint32_t pid, tid, nr;
	unsigned nr_args;
	uint64_t arg[SYS_MAX_ARGS];
	const char *str[SYS_MAX_ARGS];	/* printed string of an argument, in the line; NULL for none */
	size_t str_len[SYS_MAX_ARGS];
	bool unimplemented;	/* valgrind refuses the call without asking the kernel */
	bool failed;
	uint64_t ret;		/* result, or the positive errno when it failed */
};

struct sys_touch {
	uint64_t addr, len;
	bool write;		/* the kernel wrote */
};

/* False when the line is not one of a system call. The strings point into the line. */
bool sys_line_parse(const char *line, size_t len, struct sys_call *ret);
/* Fills in state, failed and ret from a text that holds " --> ... Success(..)" or the like; false if not. */
bool sys_result_parse(const char *line, size_t len, struct sys_call *call);
unsigned sys_touches(const struct sys_call *call, struct sys_touch touch[SYS_MAX_TOUCHES]);
bool sys_is_known(uint32_t nr);
/* Rows of the table. Every one of them is found by sys_is_known(). */
size_t sys_nr_known(void);
/* "read", or NULL. */
const char *sys_name(uint32_t nr);

#endif
