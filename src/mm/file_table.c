/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Open files: see file_table.h. */
#include "mm/file_table.h"

#include <stdlib.h>

#include "mm/slab.h"

void file_open(struct memory *mem, struct address_space *mapping)
{
	uint64_t object;

	/* The trace says that it was opened: without memory for it only the account is short. */
	if (model_object_alloc(mem, MODEL_FILP, GFP_KERNEL, &object) && object)
		*vec_push(&mapping->filps) = object;
}

void file_close(struct memory *mem, struct address_space *mapping)
{
	if (mapping->filps.nr)
		model_object_free(mem, MODEL_FILP, &mapping->filps.data[--mapping->filps.nr]);
}

struct file *file_lookup(struct memory *mem, struct address_space *mapping, uint64_t id)
{
	struct file *file;

	if (!id)
		return &mapping->f;
	file = htable_get_ptr(&mem->open_files, id);
	/* An id may come to another file when the trace lost the close. */
	if (file && file->f_mapping == mapping)
		return file;
	if (!file) {
		file = xcalloc(1, sizeof(*file));
		htable_set_ptr(&mem->open_files, id, file);
	}
	*file = (struct file){.f_mapping = mapping, .id = id, .f_ra = {.prev_pos = -1}};
	file->f_ra.ra_pages = mem->conf.read_ahead_kb * 1024 >> mem->geo->page_shift;
	return file;
}

void file_forget(struct memory *mem, uint64_t id)
{
	struct file *file = id ? htable_get_ptr(&mem->open_files, id) : NULL;

	if (!file)
		return;
	htable_del(&mem->open_files, id);
	free(file);
}

void file_finish_all(struct memory *mem)
{
	uint64_t id, value;

	for (size_t pos = 0; htable_next(&mem->open_files, &pos, &id, &value);)
		free((struct file *)(uintptr_t)value);
	htable_finish(&mem->open_files);
	htable_init(&mem->open_files);
}
