/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The page cache as mincore(2), pagemap and kpageflags show it.
 *
 * mincore() says which pages are cached. Frames need a mapping of our own: each cached page is
 * touched through a read-only shared mapping that is advised MADV_RANDOM, so that neither
 * read-ahead nor its asynchronous marker fetches anything. The file is walked in windows of 64 MiB;
 * memory is bounded by the number of extents.
 *
 * Left out: a page that is evicted between mincore() and the touch is read back (one page).
 */
#include "capture/file-cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mmreplay/trace.h>

#include "base/xalloc.h"
#include "capture/kpage.h"

#define WINDOW_BYTES (64ull << 20)

/*
 * Looks before it opens: an O_PATH descriptor wakes no device and waits for no fifo. What is then
 * opened is the inode that was looked at.
 */
static int open_regular(const char *path, uint64_t ino)
{
	char self[40];
	struct stat st;
	int look = open(path, O_PATH | O_CLOEXEC), fd = -ENOENT;

	if (look < 0)
		return -errno;
	if (fstat(look, &st) == 0 && S_ISREG(st.st_mode) && (ino == 0 || st.st_ino == ino)) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", look);
		fd = open(self, O_RDONLY | O_CLOEXEC | O_NOATIME);
		if (fd < 0 && errno == EPERM) /* another owner's file: O_NOATIME is not for us */
			fd = open(self, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	close(look);
	return fd;
}

int file_cache_open(const char *path, pid_t pid, uint64_t ino)
{
	char rooted[4200];
	int fd;

	if (path[0] != '/')
		return -ENOENT;
	if (pid) {
		snprintf(rooted, sizeof(rooted), "/proc/%d/root%s", (int)pid, path);
		fd = open_regular(rooted, ino);
		if (fd >= 0)
			return fd;
	}
	return open_regular(path, ino);
}

void file_cache_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct scan {
	struct file_extents *out;
	struct kpage kpage;
	int pagemap; /* -1: frames are not shown */
	uint64_t page_bytes;
	unsigned page_granules; /* granules in a base page */
};

/* Adds cached granules; joins them with the last extent when they continue it in folios of the same
 * size. */
static void add_granules(struct scan *s, uint64_t index, uint64_t nr, unsigned order,
			 bool readahead)
{
	struct file_extents *x = s->out;
	struct file_extent *last = x->nr ? &x->data[x->nr - 1] : NULL;

	if (last && last->index + last->nr == index && last->order == order &&
	    last->readahead == readahead)
		last->nr += nr;
	else
		*vec_push(x) = (struct file_extent){index, nr, order, readahead};
}

static int page_frame(struct scan *s, const volatile char *p, uint64_t *ret_pfn)
{
	uint64_t entry;

	(void)*p; /* mapped from here on */
	if (s->pagemap < 0 ||
	    pread(s->pagemap, &entry, 8, (off_t)((uintptr_t)p / s->page_bytes * 8)) != 8)
		return -EPERM;
	*ret_pfn = entry & ((1ull << 55) - 1);
	return entry >> 63 && *ret_pfn ? 0 : -EPERM;
}

/* The next fault on such a folio is not mapped around: the kernel must see it to read on. */
static bool has_readahead_mark(struct scan *s, uint64_t head)
{
	uint64_t flags;

	return kpage_flags(&s->kpage, head, &flags) == 0 && flags & KPAGE_RECLAIM &&
	       !(flags & (KPAGE_DIRTY | KPAGE_WRITEBACK));
}

/*
 * Pages of a folio from page `first` on: at most `left`, all of them cached. A folio that began
 * before the window (or that the end of the file cuts) counts with the part that is seen.
 */
static uint64_t add_folio(struct scan *s, const char *map, uint64_t first, uint64_t left,
			  uint64_t index)
{
	uint64_t pfn, head, nr;
	unsigned order;
	unsigned base = (unsigned)__builtin_ctz(s->page_granules);

	if (page_frame(s, map + first * s->page_bytes, &pfn) ||
	    kpage_folio(&s->kpage, pfn, &head, &order)) {
		add_granules(s, index, s->page_granules, FILE_ORDER_UNKNOWN, false);
		return 1;
	}
	nr = (1ull << order) - (pfn - head);
	if (nr > left)
		nr = left;
	add_granules(s, index, nr * s->page_granules, order + base, has_readahead_mark(s, head));
	return nr;
}

static int scan_window(struct scan *s, int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t nr = (bytes + s->page_bytes - 1) / s->page_bytes;
	unsigned char *in = xmalloc(nr);
	char *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)offset);
	int err = 0;

	if (map == MAP_FAILED) {
		free(in);
		return -errno;
	}
	madvise(map, bytes, MADV_RANDOM);
	if (mincore(map, bytes, in) < 0)
		err = -errno;
	for (uint64_t i = 0; err == 0 && i < nr;) {
		if (!(in[i] & 1)) {
			i++;
			continue;
		}
		i += add_folio(s, map, i, nr - i, (offset / s->page_bytes + i) * s->page_granules);
	}
	munmap(map, bytes);
	free(in);
	return err;
}

int file_cache_scan(const char *path, pid_t pid, uint64_t ino, struct file_extents *extents)
{
	struct scan s = {.out = extents, .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE)};
	struct stat st;
	int err = 0, fd = file_cache_open(path, pid, ino);

	if (fd < 0)
		return fd;
	s.page_granules = (unsigned)(s.page_bytes >> MMR_GRANULE_SHIFT);
	s.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	kpage_open(&s.kpage);
	if (fstat(fd, &st) < 0)
		err = -errno;
	for (uint64_t at = 0; err == 0 && at < (uint64_t)st.st_size; at += WINDOW_BYTES) {
		uint64_t left = (uint64_t)st.st_size - at;

		err = scan_window(&s, fd, at, left < WINDOW_BYTES ? left : WINDOW_BYTES);
	}
	kpage_close(&s.kpage);
	file_cache_close(s.pagemap);
	close(fd);
	return err;
}

void file_extents_remove(struct file_extents *extents, uint64_t index, uint64_t nr)
{
	uint64_t end = index + nr;

	for (size_t i = 0; i < extents->nr; i++) {
		struct file_extent *x = &extents->data[i], old = *x;
		uint64_t x_end = x->index + x->nr;

		if (x_end <= index || x->index >= end)
			continue;
		x->nr = index > x->index ? index - x->index : 0;
		if (x_end > end) {
			vec_reserve(extents, extents->nr + 1);
			memmove(&extents->data[i + 2], &extents->data[i + 1],
				(extents->nr - i - 1) * sizeof(*x));
			extents->data[i + 1] =
				(struct file_extent){end, x_end - end, old.order, old.readahead};
			extents->nr++;
			i++;
		}
	}
	size_t kept = 0;

	for (size_t i = 0; i < extents->nr; i++) {
		if (extents->data[i].nr)
			extents->data[kept++] = extents->data[i];
	}
	extents->nr = kept;
}
