/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Names of files. */
#include "sim/file-names.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void file_names_init(struct file_names *f)
{
	htable_init(&f->by_id);
}

void file_names_finish(struct file_names *f)
{
	uint64_t id, value;
	size_t pos = 0;

	while (htable_next(&f->by_id, &pos, &id, &value))
		free(htable_get_ptr(&f->by_id, id));
	htable_finish(&f->by_id);
}

void file_names_set(struct file_names *f, uint32_t file, uint64_t dev, uint64_t ino,
		    const void *path, size_t len)
{
	struct file_name *name;
	const void *end = len ? memchr(path, '\0', len) : NULL;

	if (end)
		len = (size_t)((const char *)end - (const char *)path);
	name = xmalloc(sizeof(*name) + len + 1);
	name->dev = dev;
	name->ino = ino;
	if (len)
		memcpy(name->path, path, len);
	name->path[len] = '\0';
	free(htable_get_ptr(&f->by_id, file));
	htable_set_ptr(&f->by_id, file, name);
}

const struct file_name *file_names_get(const struct file_names *f, uint32_t file)
{
	return htable_get_ptr(&f->by_id, file);
}
