/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What a recorded file call means for the trace. See filecalls.h. */
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "capture/filecalls.h"

/* Nothing of these is ever in the page cache. */
static bool is_pseudo(uint64_t magic)
{
	switch (magic) {
	case PROC_SUPER_MAGIC: case SYSFS_MAGIC: case DEBUGFS_MAGIC: case TRACEFS_MAGIC: case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC: case SECURITYFS_MAGIC: case BPF_FS_MAGIC:
		return true;
	default:
		return false;
	}
}

static bool is_regular(const struct filecall_file *f)
{
	return f->address && S_ISREG(f->mode) && !is_pseudo(f->magic);
}

/* No descriptor and no area holds the file any longer. */
static bool last_close(const struct filecalls *f, const struct filecall_file *file)
{
	return (file->count & 0xffffffffu) == (f->counts_from_zero ? 0 : 1);
}

struct io {
	const struct filecall *call;
	const struct filecall_file *file;
	uint64_t addr, flags;
	uint64_t at; /* offset that the call named, UINT64_MAX: the file's own */
	bool write;
};

/* READ and WRITE have the same fields. The file's own offset lies behind what was read or written. */
static void io_event(const struct io *io, struct mmr_event *ev)
{
	uint64_t len = io->call->ret;

	ev->kind = io->write ? MMR_WRITE : MMR_READ;
	ev->READ.offset = io->at == UINT64_MAX ? io->file->offset - len : io->at;
	ev->READ.len = len;
	ev->READ.addr = io->addr;
	ev->READ.flags = io->flags | (io->file->flags & O_DIRECT ? MMR_IO_DIRECT : 0);
	if (io->write && io->file->flags & O_DSYNC)
		ev->READ.flags |= MMR_IO_SYNC;
}

static uint64_t rwf_flags(uint64_t rwf)
{
	return (rwf & 0x2 || rwf & 0x4 ? MMR_IO_SYNC : 0) | /* RWF_DSYNC, RWF_SYNC */
	       (rwf & 0x80 ? MMR_IO_DONTCACHE : 0);
}

/* read, write and their kin. Where the buffers of a vector lie is not known. */
static unsigned plain_io(const struct filecall *call, struct mmr_event *ev)
{
	struct io io = {.call = call, .file = &call->file[0], .at = UINT64_MAX, .addr = call->args[1]};

	switch (call->nr) {
	case SYS_write: case SYS_pwrite64: case SYS_writev: case SYS_pwritev: case SYS_pwritev2:
		io.write = true;
	}
	switch (call->nr) {
	case SYS_preadv2: case SYS_pwritev2:
		io.flags = rwf_flags(call->args[5]);
		/* fall through */
	case SYS_preadv: case SYS_pwritev:
		io.addr = 0;
		/* fall through */
	case SYS_pread64: case SYS_pwrite64:
		io.at = call->args[3];
		break;
	case SYS_readv: case SYS_writev:
		io.addr = 0;
	}
	/* An offset of -1 stands for the file's own. O_APPEND writes at the end, whatever the offset says. */
	if (io.write && io.file->flags & O_APPEND)
		io.at = io.file->size - call->ret;
	if (call->ret)
		io_event(&io, ev);
	return call->ret != 0;
}

/* From one file to the other: what is read, then what is written. */
static unsigned both_io(const struct filecall *call, struct mmr_event ev[2], unsigned ret_file[2])
{
	unsigned nr = 0;

	for (unsigned i = 0; i < 2 && call->ret; i++) {
		struct io io = {.call = call, .file = &call->file[i], .at = UINT64_MAX, .flags = MMR_IO_SPLICE,
				.write = i};

		if (!is_regular(io.file))
			continue;
		io_event(&io, &ev[nr]);
		ret_file[nr++] = i;
	}
	return nr;
}

static unsigned opened(const struct filecall *call, struct mmr_event ev[2])
{
	uint64_t flags = call->nr == SYS_openat	 ? call->args[2]
			 : call->nr == SYS_open	 ? call->args[1]
			 : call->nr == SYS_creat ? O_CREAT | O_WRONLY | O_TRUNC
						 : call->file[0].flags;

	ev[0].kind = MMR_OPEN;
	ev[0].OPEN.flags = flags;
	if (!(flags & O_TRUNC) || !(flags & O_ACCMODE))
		return 1;
	ev[1].kind = MMR_TRUNCATE;
	return 2;
}

static unsigned about_pages(const struct filecall *call, struct mmr_event *ev)
{
	const uint64_t *a = call->args;

	switch (call->nr) {
	case SYS_fsync: case SYS_fdatasync:
		ev->kind = MMR_FSYNC;
		ev->FSYNC.flags = call->nr == SYS_fdatasync ? MMR_SYNC_DATA : 0;
		return 1;
	case SYS_sync_file_range:
		ev->kind = MMR_FSYNC;
		ev->FSYNC.offset = a[1];
		ev->FSYNC.len = a[2];
		ev->FSYNC.flags = MMR_SYNC_RANGE | a[3] << 8;
		return 1;
	case SYS_fadvise64: case SYS_readahead:
		ev->kind = MMR_FADVISE;
		ev->FADVISE.offset = a[1];
		ev->FADVISE.len = a[2];
		ev->FADVISE.advice = call->nr == SYS_readahead ? MMR_FADV_READAHEAD : a[3];
		return 1;
	case SYS_ftruncate:
		ev->kind = MMR_TRUNCATE;
		ev->TRUNCATE.size = a[1];
		return 1;
	case SYS_fallocate:
		ev->kind = MMR_TRUNCATE;
		ev->TRUNCATE.mode = a[1] + 1;
		ev->TRUNCATE.size = a[2] + a[3];
		ev->TRUNCATE.hole = a[3];
		return 1;
	default:
		return 0;
	}
}

unsigned filecalls_events(const struct filecalls *f, const struct filecall *call, struct mmr_event ev[2],
			  unsigned ret_file[2])
{
	memset(ev, 0, 2 * sizeof(ev[0]));
	ret_file[0] = ret_file[1] = 0;
	switch (call->nr) {
	case SYS_sendfile: case SYS_splice: case SYS_copy_file_range:
		return both_io(call, ev, ret_file);
	}
	if (!is_regular(&call->file[0]))
		return 0;
	switch (call->nr) {
	case SYS_read: case SYS_write: case SYS_pread64: case SYS_pwrite64: case SYS_readv: case SYS_writev:
	case SYS_preadv: case SYS_pwritev: case SYS_preadv2: case SYS_pwritev2:
		return plain_io(call, ev);
	case SYS_open: case SYS_openat: case SYS_openat2: case SYS_creat: case SYS_memfd_create:
		return opened(call, ev);
	case SYS_close:
		ev[0].kind = MMR_CLOSE;
		return last_close(f, &call->file[0]);
	default:
		return about_pages(call, ev);
	}
}
