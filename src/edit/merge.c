/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Several traces on one machine: see edit.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/bug.h"
#include "base/htable.h"
#include "base/xalloc.h"
#include "edit/edit-internal.h"

#define PID_STEP (1ull << 22)	/* PID_MAX_LIMIT: numbers of one kernel lie below */

struct input {
	struct mmr_reader *reader;
	struct mmr_item it;
	bool ended, exact;
	uint64_t first_ns, accesses;	/* accesses: its clock where times stand still */
	bool has_first;
	uint64_t number;		/* of the input, from 0 */
	struct htable tasks, files;	/* its ids -> ours */
};

struct merger {
	struct edit_writer ew;
	struct mmr_error *err;
	struct input *in;
	size_t nr;
	uint32_t next_task;
	uint64_t next_file;
	struct htable by_identity;	/* hash of device, inode, generation, path -> our file id */
};

/* ---- numbers ---- */

static uint64_t task_id(struct merger *m, struct input *in, uint64_t id)
{
	uint64_t ours;

	if (!id)
		return 0;
	if (!htable_get(&in->tasks, id, &ours)) {
		ours = m->next_task++;
		htable_set(&in->tasks, id, ours);
	}
	return ours;
}

static uint64_t file_id(struct merger *m, struct input *in, uint64_t id)
{
	uint64_t ours;

	if (!id)
		return 0;
	if (!htable_get(&in->files, id, &ours)) {
		ours = m->next_file++;
		htable_set(&in->files, id, ours);
	}
	return ours;
}

static uint64_t pid(const struct input *in, uint64_t pid)
{
	return pid ? pid + in->number * PID_STEP : 0;
}

/* A file that another input has named, too, is that one. True: it is known already. */
static bool same_file(struct merger *m, struct input *in, const struct mmr_event *ev)
{
	const uint64_t identity[] = { ev->FILE.dev, ev->FILE.ino, ev->FILE.generation };
	uint64_t key = XXH3_64bits_withSeed(ev->data ? ev->data : "", ev->data_len,
					    XXH3_64bits(identity, sizeof(identity))), ours;

	if (htable_get(&in->files, ev->FILE.file, &ours))
		return false;	/* it is said anew of the same input's file: its size, for example */
	if (!ev->data_len || !htable_get(&m->by_identity, key, &ours)) {
		htable_set(&m->by_identity, key, file_id(m, in, ev->FILE.file));
		return false;
	}
	htable_set(&in->files, ev->FILE.file, ours);
	return true;
}

static void renumber(struct merger *m, struct input *in, struct mmr_event *ev)
{
	const struct mmr_kind_info *info = mmr_kind_info(ev->kind);
	uint64_t child = ev->kind == MMR_FORK ? ev->FORK.child : 0;

	ev->task = (uint32_t)task_id(m, in, ev->task);
	for (unsigned i = 0; info && i < info->nr_fields; i++) {
		const char *name = info->fields[i].name;

		if (!strcmp(name, "file"))
			ev->arg[i] = file_id(m, in, ev->arg[i]);
		else if (!strcmp(name, "open") && ev->arg[i])
			ev->arg[i] = ev->arg[i] * m->nr + in->number;
		else if (!strcmp(name, "pid") || !strcmp(name, "tid") || !strcmp(name, "ppid"))
			ev->arg[i] = pid(in, ev->arg[i]);
	}
	if (ev->kind == MMR_FORK)
		ev->FORK.child = task_id(m, in, child);
	else if (ev->kind == MMR_TASK)
		ev->TASK.mm = task_id(m, in, ev->TASK.mm);
	else if (ev->kind == MMR_SWITCH)
		ev->SWITCH.prev = task_id(m, in, ev->SWITCH.prev);
}

/* ---- inputs ---- */

static uint64_t accesses_of(const struct mmr_item *it)
{
	uint64_t n = 0;

	for (size_t i = 0; i < it->nr_runs; i++)
		n += (uint64_t)it->runs[i].nr_reads + it->runs[i].nr_writes - it->runs[i].nr_split;
	return n;
}

static int advance(struct merger *m, struct input *in)
{
	int rc = mmr_reader_next(in->reader, &in->it, m->err);

	in->ended = rc <= 0;
	if (rc <= 0)
		return rc;
	if (!in->has_first)
		in->first_ns = in->it.ev.time_ns;
	in->has_first = true;
	if (in->exact)
		in->it.ev.time_ns = in->accesses;
	else
		in->it.ev.time_ns -= in->it.ev.time_ns < in->first_ns ? in->it.ev.time_ns : in->first_ns;
	return 0;
}

static struct input *earliest(const struct merger *m)
{
	struct input *first = NULL;

	for (size_t i = 0; i < m->nr; i++)
		if (!m->in[i].ended && (!first || m->in[i].it.ev.time_ns < first->it.ev.time_ns))
			first = &m->in[i];
	return first;
}

static int take(struct merger *m, struct input *in)
{
	struct mmr_item *it = &in->it;
	struct mmr_event ev = it->ev;
	bool known = ev.kind == MMR_FILE && same_file(m, in, &ev);
	int rc;

	if (ev.kind == MMR_RUNS) {
		it->ev.task = (uint32_t)task_id(m, in, it->ev.task);
		in->accesses += accesses_of(it);
		return edit_runs(&m->ew, it);
	}
	/* Counters of one run say nothing about all of them together. */
	if (known || ev.kind == MMR_COUNTERS || ev.kind == MMR_PMU_COUNT) {
		m->ew.res->dropped_events++;
		return 0;
	}
	renumber(m, in, &ev);
	rc = edit_event(&m->ew, &ev);
	return rc;
}

/* ---- the whole ---- */

static int open_output(struct merger *m, struct mmr_reader **in, size_t nr, const struct edit_output *out,
		       struct edit_result *res)
{
	json_t *first = NULL, *commands = json_array();
	const char *basis = NULL, *own;

	for (size_t i = 0; i < nr; i++) {
		json_t *meta = edit_metadata(in[i], m->err), *capture;

		if (!meta) {
			json_decref(first);
			json_decref(commands);
			return -EBADMSG;
		}
		capture = json_object_get(meta, "capture");
		json_array_append(commands, json_object_get(capture, "command") ? json_object_get(capture, "command")
									      : json_null());
		m->in[i].exact = edit_is_exact(meta);
		own = json_string_value(json_object_get(meta, "basis"));
		if (first && strcmp(basis, own ? own : "")) {
			int rc = err_set(m->err, -ENOTSUP, "the traces rest on different things ('%s', '%s'): they cannot be one",
					 basis, own ? own : "");

			json_decref(first);
			json_decref(commands);
			json_decref(meta);
			return rc;
		}
		if (first) {
			json_decref(meta);
			continue;
		}
		first = meta;
		basis = json_string_value(json_object_get(first, "basis"));
		basis = basis ? basis : "";
	}
	json_object_set_new(first, "merged", commands);
	return edit_writer_open(&m->ew, out, first, res, m->err);
}

int edit_merge(struct mmr_reader **in, size_t nr, const struct edit_output *out, struct edit_result *res,
	       struct mmr_error *err)
{
	struct merger m = { .err = err, .nr = nr, .in = xcalloc(nr, sizeof(*m.in)), .next_task = 1, .next_file = 1 };
	struct input *next;
	int rc;

	*res = (struct edit_result){ 0 };
	htable_init(&m.by_identity);
	for (size_t i = 0; i < nr; i++) {
		m.in[i] = (struct input){ .reader = in[i], .number = i };
		htable_init(&m.in[i].tasks);
		htable_init(&m.in[i].files);
	}
	rc = open_output(&m, in, nr, out, res);
	for (size_t i = 0; i < nr && !rc; i++)
		rc = advance(&m, &m.in[i]);
	while (!rc && (next = earliest(&m))) {
		rc = take(&m, next);
		if (!rc)
			rc = advance(&m, next);
	}
	for (size_t i = 0; i < nr; i++) {
		htable_finish(&m.in[i].tasks);
		htable_finish(&m.in[i].files);
	}
	htable_finish(&m.by_identity);
	free(m.in);
	return edit_writer_close(&m.ew, rc);
}
