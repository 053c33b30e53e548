/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * How the Valgrind tool hands over page runs. Native byte order; the reader is on the same machine.
 *
 * Runs stand in a ring of memory that both have mapped, a file of FRAME_RING_BYTES for each process. A frame, the runs of
 * one thread built since the last one, lies in it in one piece. Its header goes into the log of the process, between the
 * text that Valgrind itself writes: so frames and system calls are in order. It begins with a byte that no text holds, and
 * may stand within a line: Valgrind prints what call it is, then lets the tool know, then prints the rest.
 */
#ifndef CAPTURE_VALGRIND_FRAME_H
#define CAPTURE_VALGRIND_FRAME_H

#define FRAME_MAGIC	0x4e555201u	/* "\x01RUN" */

struct frame_header {
	unsigned int magic;
	unsigned int thread;		/* Valgrind's number */
	unsigned long long start;	/* first byte of the runs, counted from the first frame on; place: modulo the ring */
	unsigned long long nr;		/* runs */
};

/* As struct mmr_run of the trace; `page` of the tool's addresses. */
struct frame_run {
	unsigned long long page;
	unsigned short nr_reads, nr_writes, other_at, nr_split;
};
#define FRAME_INSN		(1ull << 63)
#define FRAME_WRITE_FIRST	(1ull << 62)

#define FRAME_RUNS_MAX		(1u << 18)	/* in one frame */
#define FRAME_RING_BYTES	(8ull * FRAME_RUNS_MAX * sizeof(struct frame_run))

/* At the start of the file; the ring is behind it. */
struct frame_ring {
	volatile unsigned long long taken;	/* bytes that the reader is done with; FRAME_NOBODY: there is none */
	char pad[4096 - sizeof(unsigned long long)];
};
#define FRAME_NOBODY		(1ull << 62)
/* Of a process with the log X: in X.ring. */
#define FRAME_FILE_BYTES	(sizeof(struct frame_ring) + FRAME_RING_BYTES)

/*
 * The runs of a thread close at the first jump after so many instructions (and where the thread enters the kernel, gets a
 * signal or loses its turn): a place that everybody who sees the instructions can name.
 */
#define FRAME_INSTRUCTIONS	16384

#endif
