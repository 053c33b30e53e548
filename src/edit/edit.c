/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What the ways of editing a trace share: see edit-internal.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edit/edit-internal.h"

int edit_writer_open(struct edit_writer *ew, const struct edit_output *out, json_t *metadata, struct edit_result *res,
		     struct mmr_error *err)
{
	struct mmr_writer_options wopt = { .level = out->level };
	char *text = json_dumps(metadata, JSON_COMPACT);
	int rc;

	*ew = (struct edit_writer){ .res = res, .err = err };
	json_decref(metadata);
	rc = mmr_writer_open(&ew->w, out->path, text, &wopt, err);
	free(text);
	return rc;
}

int edit_event(struct edit_writer *ew, const struct mmr_event *ev)
{
	ew->res->events++;
	return mmr_writer_event(ew->w, ev, ew->err);
}

int edit_runs(struct edit_writer *ew, const struct mmr_item *item)
{
	ew->res->runs += item->nr_runs;
	return mmr_writer_runs(ew->w, item->ev.task, item->ev.cpu, item->ev.time_ns, item->runs, item->nr_runs, ew->err);
}

int edit_writer_close(struct edit_writer *ew, int rc)
{
	if (!ew->w)
		return rc;
	if (!rc)
		rc = mmr_writer_flush(ew->w, ew->err);
	ew->res->bytes = mmr_writer_bytes(ew->w);
	if (rc)
		mmr_writer_abandon(ew->w);
	else
		rc = mmr_writer_close(ew->w, ew->err);
	return rc;
}

json_t *edit_metadata(struct mmr_reader *in, struct mmr_error *err)
{
	json_t *root = json_loads(mmr_reader_metadata(in), 0, NULL);

	if (json_is_object(root))
		return root;
	json_decref(root);
	err_set(err, -EBADMSG, "the trace's metadata is no JSON object");
	return NULL;
}

bool edit_is_exact(const json_t *metadata)
{
	const char *basis = json_string_value(json_object_get(metadata, "basis"));

	return basis && !strcmp(basis, "exact");
}

bool edit_counts_accesses(struct mmr_reader *in)
{
	json_t *metadata = edit_metadata(in, NULL);
	bool exact = metadata && edit_is_exact(metadata);

	json_decref(metadata);
	return exact;
}
