/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * What a program's address space is before its first instruction under valgrind: the segments of the
 * executable and of its interpreter, the heap's start, the stack with its strings. Valgrind has built it
 * by then, but without system calls that it would print, and its own memory lies beside it.
 *
 * It is read from /proc/PID/maps and /proc/PID/mem of a process that stands still between the loading and
 * the first instruction (valgrind opens its log in between), and from the ELF headers.
 *
 * Kernel counterpart of the native half: fs/binfmt_elf.c load_elf_binary(), create_elf_tables()
 * Valgrind hides the vdso. The C library of a native run looks into it when it starts (glibc does, known by
 * its interpreter or, in a static program, by its ABI note): image.reads_vdso.
 *   modelled: segment and bss mapping, PIE and static-PIE bases, p_align, start of the heap, vdso,
 *     arguments, environment and auxiliary vector on the stack; randomisation off
 *   left out: executable stacks, PT_GNU_PROPERTY, personalities
 *
 * Interface:
 *   - image_read() fills in a struct image; image_place() puts it into a layout
 *   - image_finish()
 */
#ifndef CAPTURE_IMAGE_H
#define CAPTURE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "capture/layout.h"

#define IMAGE_PATH_MAX 4096

/* A file that the kernel maps at exec. */
struct image_file {
	char path[IMAGE_PATH_MAX];	/* as /proc/PID/maps shows it */
	uint64_t dev, ino;
	uint64_t tool_bias;		/* address = p_vaddr + bias */
	uint64_t native_bias;
	bool is_dyn;			/* ET_DYN */
	uint64_t align;			/* largest p_align of its segments */
	uint64_t first, last;		/* page-aligned extent of all segments, by p_vaddr */
	uint64_t first_offset;		/* page-aligned offset of the first segment */
};

struct image_segment {
	unsigned file;			/* index in image.file */
	uint64_t vaddr, offset;		/* page-aligned start in the file's own terms */
	uint64_t file_len;		/* page-aligned bytes that are mapped from the file, may be 0 */
	uint64_t bss_len;		/* page-aligned bytes of anonymous memory behind them */
	uint64_t zero_start, zero_len;	/* rest of the last file page, which the kernel clears; may be 0 */
	uint32_t prot;
};

/* An area that the kernel maps into every process. */
struct image_special {
	uint64_t len;
	uint32_t prot;
	char name[24];			/* "[vdso]" */
};

struct image {
	struct image_file file[2];	/* the executable, its interpreter */
	unsigned nr_files;
	VEC(struct image_segment) segment;
	uint64_t tool_brk, native_brk;	/* start of the heap, 0 unknown */
	uint64_t tool_stack_end;	/* end of the stack's area */
	uint64_t tool_stack_start;	/* lowest address it may reach */
	uint64_t tool_sp;
	uint64_t native_sp, native_arg_start, native_arg_end;
	uint64_t native_stack_end;
	uint64_t vdso, vdso_len;	/* native; data pages (vvar) and code together */
	bool reads_vdso;		/* the C library looks at the vdso's header when it starts */
	VEC(struct image_special) special;	/* its areas, from the bottom up */
	char comm[16];			/* the name that exec gives the task */
	bool sp_differs;		/* the stack pointers differ in their place within the page */
};

int image_read(struct image *im, pid_t pid, struct mmr_error *err);
/* Decides on native addresses and enters everything into an empty layout. */
void image_place(struct image *im, struct layout *l);
void image_finish(struct image *im);

/* Native address that a segment's page-aligned vaddr gets. */
static inline uint64_t image_native(const struct image *im, const struct image_segment *s)
{
	return s->vaddr + im->file[s->file].native_bias;
}

#define IMAGE_MMAP_BASE	0x7ffff7fff000ull	/* for stack limits up to 120 MiB, see image_mmap_base() */
/* Top of the area for mappings, by RLIMIT_STACK. */
uint64_t image_mmap_base(uint64_t stack_limit_bytes);
/* Name of the variable that moves the stack pointer to its native place within the page. */
#define IMAGE_PAD_VAR	"MMREPLAY_PAD"

#endif
