/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * /proc/kpageflags: what the kernel says of a page frame (root only; absent otherwise).
 *
 * Interface: kpage_open() never fails, kpage_flags() returns -EPERM or such when it cannot tell.
 */
#ifndef CAPTURE_KPAGE_H
#define CAPTURE_KPAGE_H

#include <stdint.h>

/* Bits as include/uapi/linux/kernel-page-flags.h of the kernel numbers them. */
#define KPAGE_DIRTY	(1ull << 4)
#define KPAGE_WRITEBACK (1ull << 8)
#define KPAGE_RECLAIM \
	(1ull << 9) /* of a clean page in the page cache: PG_readahead, the same bit */
#define KPAGE_COMPOUND_HEAD (1ull << 15)
#define KPAGE_COMPOUND_TAIL (1ull << 16)
#define KPAGE_HUGE	    (1ull << 17)
#define KPAGE_THP	    (1ull << 22)
#define KPAGE_ZERO	    (1ull << 24)

#define KPAGE_CACHE 16 /* frames a read: frames of a file are scattered */

struct kpage {
	int fd;		/* -1 when closed to us */
	uint64_t first; /* frame of flags[0] */
	unsigned nr;	/* frames in flags[] */
	uint64_t flags[KPAGE_CACHE];
};

void kpage_open(struct kpage *k);
void kpage_close(struct kpage *k);
int kpage_flags(struct kpage *k, uint64_t pfn, uint64_t *ret);
/*
 * log2 of the pages of the folio that holds `pfn`, and its first frame. Without flags: -EPERM.
 * Folios are told apart by their head bits; a folio of one page has neither bit.
 */
int kpage_folio(struct kpage *k, uint64_t pfn, uint64_t *ret_head, unsigned *ret_order);

#endif
