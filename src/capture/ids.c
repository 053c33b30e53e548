/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Task ids and file ids. Both are handed out in the order of the trace, so that the same records
 * give the same ids whatever the kernel's numbers were.
 */
#include "capture/ids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/xalloc.h"
#include "capture/file-cache.h"

void ids_init(struct ids *ids, ids_emit_fn *emit, void *emit_ctx, bool want_cache)
{
	memset(ids, 0, sizeof(*ids));
	ids->emit = emit;
	ids->emit_ctx = emit_ctx;
	ids->want_cache = want_cache;
	htable_init(&ids->tasks);
	htable_init(&ids->files);
}

void ids_finish(struct ids *ids)
{
	for (size_t i = 0; i < ids->file.nr; i++)
		free(ids->file.data[i].path);
	vec_finish(&ids->file);
	htable_finish(&ids->tasks);
	htable_finish(&ids->files);
}

/* ---- tasks ---- */

uint32_t ids_task_get(const struct ids *ids, pid_t tid)
{
	uint64_t id;

	return htable_get(&ids->tasks, (uint64_t)tid, &id) ? (uint32_t)id : 0;
}

uint32_t ids_task_add(struct ids *ids, pid_t tid)
{
	htable_set(&ids->tasks, (uint64_t)tid, ++ids->nr_tasks);
	return ids->nr_tasks;
}

void ids_task_del(struct ids *ids, pid_t tid)
{
	htable_del(&ids->tasks, (uint64_t)tid);
}

/* ---- files ---- */

static uint64_t file_hash(uint64_t dev, uint64_t ino)
{
	return hash_u64(dev) ^ ino;
}

/* Its mount point may be anywhere, and the file may be gone by now: the mounts say which device it is. */
static bool on_hugetlbfs(uint64_t dev)
{
	char line[1024];
	bool found = false;
	FILE *f;

	if (major(dev) != 0)	/* it has no block device */
		return false;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		unsigned maj, min;

		found = strstr(line, " - hugetlbfs ") && sscanf(line, "%*u %*u %u:%u ", &maj, &min) == 2 &&
			makedev(maj, min) == dev;
	}
	if (f)
		fclose(f);
	return found;
}

enum mmr_file_type ids_file_type(const char *path, uint64_t dev)
{
	if (strncmp(path, "/dev/zero", 9) == 0 || strncmp(path, "/memfd:", 7) == 0 ||
	    strncmp(path, "/SYSV", 5) == 0 || strncmp(path, "/dev/shm/", 9) == 0)
		return MMR_FILE_SHMEM;
	if (strncmp(path, "/anon_hugepage", 14) == 0 || strncmp(path, "/dev/hugepages/", 15) == 0)
		return MMR_FILE_HUGETLB;
	if (path[0] == '[')
		return MMR_FILE_SPECIAL;
	if (strncmp(path, "anon_inode:", 11) == 0 || strncmp(path, "/dev/", 5) == 0)
		return MMR_FILE_DEVICE;
	if (path[0] != '/' || dev == 0)
		return MMR_FILE_OTHER;
	if (on_hugetlbfs(dev))
		return MMR_FILE_HUGETLB;
	return MMR_FILE_REGULAR;
}

static struct ids_file *find_file(const struct ids *ids, const struct ids_file_key *key,
				  uint32_t *ret_id)
{
	uint64_t i;

	if (!htable_get(&ids->files, file_hash(key->dev, key->ino), &i))
		return NULL;
	/* Hashes of two inodes may collide: older files of the same hash are found by looking back.
	 */
	for (i++; i-- > 0;) {
		struct ids_file *f = &ids->file.data[i];

		if (f->dev == key->dev && f->ino == key->ino &&
		    (!f->generation || !key->generation || f->generation == key->generation)) {
			if (!f->generation)
				f->generation = key->generation;
			*ret_id = (uint32_t)i + 1;
			return f;
		}
	}
	return NULL;
}

uint32_t ids_file_find(const struct ids *ids, uint64_t dev, uint64_t ino)
{
	struct ids_file_key key = {.dev = dev, .ino = ino};
	uint32_t id = 0;

	find_file(ids, &key, &id);
	return id;
}

static void file_event(struct mmr_event *ev, uint16_t kind, const struct mmr_event *at)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = kind;
	ev->cpu = at->cpu;
	ev->task = at->task;
	ev->time_ns = at->time_ns;
}

static int emit_file(struct ids *ids, uint32_t id, const struct mmr_event *at,
		     struct mmr_error *err)
{
	const struct ids_file *f = &ids->file.data[id - 1];
	struct mmr_event ev;

	file_event(&ev, MMR_FILE, at);
	ev.FILE.file = id;
	ev.FILE.dev = f->dev;
	ev.FILE.ino = f->ino;
	ev.FILE.generation = f->generation;
	ev.FILE.size = f->size;
	ev.FILE.type = f->type;
	ev.data = f->path;
	ev.data_len = (uint32_t)strlen(f->path);
	if (ev.data_len > MMR_DATA_MAX)
		ev.data_len = MMR_DATA_MAX;
	return ids->emit(ids->emit_ctx, &ev, err);
}

/* FILE, and what is cached of it. */
static int first_sight(struct ids *ids, uint32_t id, const struct ids_file_key *key, const struct mmr_event *at,
		       struct mmr_error *err)
{
	struct ids_file *f = &ids->file.data[id - 1];
	struct stat st;
	int fd = file_cache_open(f->path, key->pid, key->ino);

	if (fd >= 0 && fstat(fd, &st) == 0)
		f->size = (uint64_t)st.st_size;
	file_cache_close(fd);
	if (key->has_size)
		f->size = key->size;
	int ret = emit_file(ids, id, at, err);

	if (ret == 0 && ids->want_cache && f->type == MMR_FILE_REGULAR) {
		ret = ids_file_cache(ids, id, key, at, err);
		if (ret == -ENOENT || ret == -EACCES || ret == -EPERM)
			ret = 0; /* deleted since, or closed to us: nobody can tell what is cached
				  */
	}
	return ret;
}

int ids_file(struct ids *ids, const struct ids_file_key *key, const struct mmr_event *at,
	     uint32_t *ret_id, struct mmr_error *err)
{
	const char *path = key->path ? key->path : "";

	*ret_id = 0;
	if (key->ino == 0 && path[0] != '/')
		return 0;

	struct ids_file *f = find_file(ids, key, ret_id);

	if (f && (f->path[0] || !path[0]))
		return 0;
	if (f) { /* its name was not known so far */
		free(f->path);
		f->path = xstrdup(path);
		f->type = ids_file_type(path, key->dev);
		return first_sight(ids, *ret_id, key, at, err);
	}
	*vec_push(&ids->file) = (struct ids_file){.dev = key->dev,
						  .ino = key->ino,
						  .generation = key->generation,
						  .path = xstrdup(path),
						  .type = ids_file_type(path, key->dev)};
	*ret_id = (uint32_t)ids->file.nr;
	htable_set(&ids->files, file_hash(key->dev, key->ino), *ret_id - 1);
	return first_sight(ids, *ret_id, key, at, err);
}

/* ---- page cache ---- */

struct cache_emit {
	struct ids *ids;
	uint32_t id;
	const struct mmr_event *at;
	struct mmr_error *err;
};

static int emit_extent(void *ctx, const struct file_extent *x)
{
	struct cache_emit *c = ctx;
	struct mmr_event ev;

	if (x->order == FILE_ORDER_UNKNOWN)
		c->ids->orders_unknown = true;
	file_event(&ev, MMR_FILE_CACHE, c->at);
	ev.FILE_CACHE.file = c->id;
	ev.FILE_CACHE.index = x->index;
	ev.FILE_CACHE.nr = x->nr;
	ev.FILE_CACHE.order = x->order;
	ev.FILE_CACHE.flags = x->readahead ? MMR_CACHE_READAHEAD : 0;
	return c->ids->emit(c->ids->emit_ctx, &ev, c->err);
}

int ids_file_cache(struct ids *ids, uint32_t id, const struct ids_file_key *key,
		   const struct mmr_event *at, struct mmr_error *err)
{
	struct ids_file *f = &ids->file.data[id - 1];
	struct cache_emit c = {.ids = ids, .id = id, .at = at, .err = err};
	struct file_extents found = {0}, *extents = key->cached ? key->cached : &found;
	int ret = 0;

	f->has_cache = true;
	if (key->cached == NULL) {
		ret = file_cache_scan(f->path, key->pid, f->ino, &found);
		if (ret == 0 && ids->cache_filter)
			ids->cache_filter(ids->cache_filter_ctx, f, &found);
	}
	for (size_t i = 0; ret == 0 && i < extents->nr; i++)
		ret = emit_extent(&c, &extents->data[i]);
	vec_finish(&found);
	return ret;
}
