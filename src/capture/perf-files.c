/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * File calls into events. A file is known by device and inode, as the kernel's own open file has them; its name is
 * looked up when the first call on it arrives: behind the descriptor, or under the name that it was opened by. It is
 * missing when both are gone by then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "capture/perf-decode-priv.h"

static uint64_t file_dev(const struct filecall_file *f)
{
	return makedev((unsigned)(f->dev >> 20), (unsigned)(f->dev & 0xfffff));
}

/* The name behind one of the process's descriptors: the one whose inode it is. NULL when there is none any more. */
static char *name_of_fd(const struct filecall *call, unsigned i)
{
	/* What opens gives back the descriptor; the others have it among their first three arguments. */
	const uint64_t fds[] = {call->ret, call->args[0], call->args[1], call->args[2]};
	char link[64], name[PATH_MAX];

	for (unsigned k = 0; k < 4; k++) {
		struct stat st;

		if (fds[k] > INT_MAX)
			continue;
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)call->pid, (int)fds[k]);
		if (stat(link, &st) || st.st_ino != call->file[i].ino)
			continue;
		ssize_t n = readlink(link, name, sizeof(name) - 1);

		if (n > 0) {
			name[n] = '\0';
			return xstrdup(name);
		}
	}
	return NULL;
}

/* The name that the program gave, if it still is that of the file: from its working directory, or from ours. */
static char *given_name(const struct filecall *call, const char *name)
{
	char path[FILECALL_NAME + 64];

	for (unsigned k = 0; name && k < 2; k++) {
		char *real;
		struct stat st;

		if (k || name[0] == '/')
			snprintf(path, sizeof(path), "%s", name);
		else
			snprintf(path, sizeof(path), "/proc/%d/cwd/%s", (int)call->pid, name);
		real = realpath(path, NULL);
		if (real && stat(real, &st) == 0 && st.st_ino == call->file[0].ino) {
			char *copy = xstrdup(real);

			free(real);
			return copy;
		}
		free(real);
	}
	return NULL;
}

/* A file that the trace does not know: what of it is cached is read now, a moment later it would be more. */
static void look_at(struct decoder *d, const struct filecall *call, unsigned i, const char *name)
{
	const struct filecall_file *f = &call->file[i];
	struct dec_scanned scan = {.dev = file_dev(f), .ino = f->ino};

	if (ids_file_find(&d->ids, scan.dev, scan.ino) ||
	    decode_find_scanned(d, scan.dev, scan.ino))
		return;
	scan.path = name_of_fd(call, i);
	if (!scan.path && i == 0)
		scan.path = given_name(call, name);
	if (!scan.path)
		return;
	if (ids_file_type(scan.path, scan.dev) == MMR_FILE_REGULAR &&
	    file_cache_scan(scan.path, (pid_t)call->pid, f->ino, &scan.extents))
		vec_finish(&scan.extents);
	*vec_push(&d->scanned) = scan;
}

static bool is_wanted(const struct decoder *d, const struct filecall *call)
{
	return d->memory ? (pid_t)call->pid != d->self : htable_get_ptr(&d->tasks, call->tid) != NULL;
}

static void take_call(void *ctx, const struct filecall *call, const char *name)
{
	struct decoder *d = ctx;
	struct mmr_event ev[2];
	unsigned of[2], nr = filecalls_events(d->calls, call, ev, of);

	if (!nr)
		return;
	struct merge_chunk *chunk = merge_chunk_create(sizeof(*call));

	memcpy(chunk->data, call, sizeof(*call));
	merge_push(d->merge, call->time_ns, (uint32_t)call->cpu, DECODE_FILE_CALL, chunk->data, chunk);
	merge_chunk_put(chunk);
	for (unsigned i = 0; i < nr; i++)
		look_at(d, call, of[i], name);
}

void decoder_drain_files(struct decoder *d)
{
	if (d->calls)
		filecalls_drain(d->calls, take_call, d);
}

static int file_id(struct decoder *d, const struct filecall *call, unsigned i, const struct mmr_event *at,
		   uint32_t *ret, struct mmr_error *err)
{
	const struct filecall_file *f = &call->file[i];
	struct ids_file_key key = {.dev = file_dev(f), .ino = f->ino, .generation = f->generation, .path = "",
				   .pid = (pid_t)call->pid, .size = f->size, .has_size = true};
	struct dec_scanned *scan = decode_find_scanned(d, key.dev, key.ino);
	char *path = scan && scan->path ? xstrdup(scan->path) : NULL;

	if (path)
		key.path = path;
	int error = decode_file(d, &key, at, ret, err);

	free(path);
	return error;
}

/* The id of an open file. Its address is used again when it is gone: an open makes a new id. */
static uint64_t open_id(struct decoder *d, uint64_t address, bool is_new)
{
	uint64_t id;

	if (is_new || !htable_get(&d->opens, address, &id)) {
		id = ++d->nr_opens;
		htable_set(&d->opens, address, id);
	}
	return id;
}

static void put_ids(struct mmr_event *ev, uint32_t file, uint64_t open)
{
	switch (ev->kind) {
	case MMR_OPEN:
		ev->OPEN.file = file;
		ev->OPEN.open = open;
		break;
	case MMR_CLOSE:
		ev->CLOSE.file = file;
		ev->CLOSE.open = open;
		break;
	case MMR_READ: case MMR_WRITE: /* the same fields */
		ev->READ.file = file;
		ev->READ.open = open;
		break;
	case MMR_FADVISE:
		ev->FADVISE.file = file;
		ev->FADVISE.open = open;
		break;
	case MMR_FSYNC:
		ev->FSYNC.file = file;
		break;
	case MMR_TRUNCATE:
		ev->TRUNCATE.file = file;
		break;
	}
}

int decode_file_call(struct decoder *d, const struct filecall *call, struct mmr_event *at, struct mmr_error *err)
{
	struct mmr_event ev[2];
	unsigned of[2], nr = filecalls_events(d->calls, call, ev, of);
	int ret = 0;

	if (!nr || !is_wanted(d, call))
		return 0;
	at->cpu = (uint16_t)call->cpu;
	struct dec_task *t = decoder_task(d, (pid_t)call->pid, (pid_t)call->tid, at, err);

	if (t == NULL)
		return -EIO;
	if (decoder_proc(d, t->pid)->awaits)
		return 0;
	at->task = t->id;
	for (unsigned i = 0; ret == 0 && i < nr; i++) {
		uint64_t address = call->file[of[i]].address;
		uint32_t file = 0;

		ret = file_id(d, call, of[i], at, &file, err);
		ev[i].task = t->id;
		ev[i].cpu = at->cpu;
		ev[i].time_ns = at->time_ns;
		put_ids(&ev[i], file, open_id(d, address, ev[i].kind == MMR_OPEN));
		if (ev[i].kind == MMR_CLOSE)
			htable_del(&d->opens, address);
		if (ret == 0 && file)
			ret = decoder_emit(d, &ev[i], err);
	}
	return ret;
}
