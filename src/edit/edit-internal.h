/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the ways of editing a trace share. */
#ifndef EDIT_EDIT_INTERNAL_H
#define EDIT_EDIT_INTERNAL_H

#include <jansson.h>

#include "base/err.h"
#include "edit/edit.h"

struct edit_writer {
	struct mmr_writer *w;
	struct edit_result *res;
	struct mmr_error *err;
};

/* Takes the metadata over (and drops the reference). */
int edit_writer_open(struct edit_writer *ew, const struct edit_output *out, json_t *metadata, struct edit_result *res,
		     struct mmr_error *err);
int edit_event(struct edit_writer *ew, const struct mmr_event *ev);
int edit_runs(struct edit_writer *ew, const struct mmr_item *item);
/* rc: of what came before; returned if it is an error. */
int edit_writer_close(struct edit_writer *ew, int rc);

/* A reference. NULL with an error when it is no JSON object. */
json_t *edit_metadata(struct mmr_reader *in, struct mmr_error *err);
/* Nothing of its accesses has a time: exact captures under valgrind. */
bool edit_is_exact(const json_t *metadata);

#endif
