/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Open files of a traced process. See fdtable.h. */
#include "capture/fdtable.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static void file_put(struct fd_file *f)
{
	if (!f || --f->refs)
		return;
	free(f->path);
	free(f);
}

void fd_table_finish(struct fd_table *t)
{
	for (size_t i = 0; i < t->fd.nr; i++)
		file_put(t->fd.data[i]);
	vec_finish(&t->fd);
	free(t->cwd);
	t->cwd = NULL;
}

void fd_table_copy(struct fd_table *dst, const struct fd_table *src)
{
	for (size_t i = 0; i < src->fd.nr; i++) {
		*vec_push(&dst->fd) = src->fd.data[i];
		if (src->fd.data[i])
			src->fd.data[i]->refs++;
	}
	dst->cwd = src->cwd ? xstrdup(src->cwd) : NULL;
}

struct fd_file *fd_get(const struct fd_table *t, uint64_t fd)
{
	return fd < t->fd.nr ? t->fd.data[fd] : NULL;
}

static bool fd_room(struct fd_table *t, uint64_t fd)
{
	if (fd >= FD_MAX)
		return false;
	while (t->fd.nr <= fd)
		*vec_push(&t->fd) = NULL;
	return true;
}

struct fd_file *fd_open(struct fd_table *t, uint64_t fd)
{
	struct fd_file *f;

	if (!fd_room(t, fd))
		return NULL;
	f = xcalloc(1, sizeof(*f));
	f->refs = 1;
	file_put(t->fd.data[fd]);
	t->fd.data[fd] = f;
	return f;
}

void fd_dup(struct fd_table *t, uint64_t from, uint64_t to)
{
	struct fd_file *f = fd_get(t, from);

	if (from == to || !fd_room(t, to))
		return;
	if (f)
		f->refs++;
	file_put(t->fd.data[to]);
	t->fd.data[to] = f;
}

void fd_close(struct fd_table *t, uint64_t fd)
{
	if (fd >= t->fd.nr)
		return;
	file_put(t->fd.data[fd]);
	t->fd.data[fd] = NULL;
}

char *fd_path(const struct fd_table *t, uint64_t dirfd, const char *name, size_t len)
{
	const char *dir = NULL;
	struct fd_file *f;
	char *path;
	size_t n;

	if (len == 0)
		return NULL;
	if (name[0] == '/') {
		dir = "";
	} else if ((int32_t)dirfd == AT_FDCWD) {
		dir = t->cwd;
	} else {
		f = fd_get(t, dirfd);
		dir = f ? f->path : NULL;
	}
	if (!dir)
		return NULL;
	n = strlen(dir);
	path = xmalloc(n + len + 2);
	memcpy(path, dir, n);
	if (n)
		path[n++] = '/';
	memcpy(path + n, name, len);
	path[n + len] = 0;
	return path;
}
