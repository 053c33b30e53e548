/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Open files: see file_table.h. */
#include "mm/file_table.h"

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
