/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What the Valgrind tool writes into the log of a process, between the lines of text that Valgrind itself writes: page
 * runs of one thread, as many as were built since the last frame. Native byte order; the reader is on the same machine.
 *
 * A frame begins with a byte that no text holds, and may stand within a line: Valgrind prints what call it is, then lets
 * the tool know, then prints the rest.
 */
#ifndef CAPTURE_VALGRIND_FRAME_H
#define CAPTURE_VALGRIND_FRAME_H

#define FRAME_MAGIC	0x4e555201u	/* "\x01RUN" */

struct frame_header {
	unsigned int magic;
	unsigned int thread;		/* Valgrind's number */
	unsigned int nr;		/* runs that follow */
	unsigned int accesses;
};

/* As struct mmr_run of the trace; `page` of the tool's addresses. */
struct frame_run {
	unsigned long long page;
	unsigned short nr_reads, nr_writes, other_at, nr_split;
};
#define FRAME_INSN		(1ull << 63)
#define FRAME_WRITE_FIRST	(1ull << 62)

/*
 * The runs of a thread close at the first jump after so many instructions (and where the thread enters the kernel, gets a
 * signal or loses its turn): a place that everybody who sees the instructions can name.
 */
#define FRAME_INSTRUCTIONS	16384

#endif
