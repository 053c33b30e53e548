/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reads of /proc/kpageflags, a window of 16 frames at a time. The window is never trusted for
 * longer than one scan: kpage_open() starts with none.
 */
#include "capture/kpage.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FOLIO_MAX_ORDER 18 /* 1 GiB of 4 KiB pages */

void kpage_open(struct kpage *k)
{
	k->fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	k->first = 0;
	k->nr = 0;
}

void kpage_close(struct kpage *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

int kpage_flags(struct kpage *k, uint64_t pfn, uint64_t *ret)
{
	if (k->fd < 0)
		return -EPERM;
	if (pfn < k->first || pfn >= k->first + k->nr) {
		uint64_t first = pfn & ~(uint64_t)(KPAGE_CACHE - 1);
		ssize_t n = pread(k->fd, k->flags, sizeof(k->flags), (off_t)(first * 8));

		if (n < 8)
			return n < 0 ? -errno : -ENXIO;
		k->first = first;
		k->nr = (unsigned)(n / 8);
	}
	if (pfn >= k->first + k->nr)
		return -ENXIO;
	*ret = k->flags[pfn - k->first];
	return 0;
}

int kpage_folio(struct kpage *k, uint64_t pfn, uint64_t *ret_head, unsigned *ret_order)
{
	uint64_t flags = 0, head = pfn, size = 1;
	int err = kpage_flags(k, pfn, &flags);

	if (err)
		return err;
	while (flags & KPAGE_COMPOUND_TAIL && pfn - head < 1ull << FOLIO_MAX_ORDER) {
		err = kpage_flags(k, --head, &flags);
		if (err)
			return err;
	}
	if (flags & KPAGE_COMPOUND_HEAD) {
		while (size < 1ull << FOLIO_MAX_ORDER && kpage_flags(k, head + size, &flags) == 0 &&
		       flags & KPAGE_COMPOUND_TAIL)
			size++;
	}
	*ret_head = head;
	*ret_order = size > 1 ? 63u - (unsigned)__builtin_clzll(size) : 0;
	return 0;
}
