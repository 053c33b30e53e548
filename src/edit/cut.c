/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A part of a trace: see edit.h. */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "base/htable.h"
#include "edit/edit-internal.h"

#define CHOSEN 2

struct cut {
	const struct cut_options *opt;
	struct edit_writer ew;
	struct htable tasks;		/* task id -> CHOSEN when it is one of those asked for, 1 when not */
	uint64_t accesses;
	bool partial;			/* time or tasks are cut */
};

/* Kinds that touch memory or files now and leave nothing that later events build on. */
static bool is_touch(unsigned kind)
{
	switch (kind) {
	case MMR_RUNS:
	case MMR_FAULT:
	case MMR_SAMPLE:
	case MMR_KTOUCH:
	case MMR_READ:
	case MMR_WRITE:
	case MMR_FSYNC:
	case MMR_FADVISE:
	case MMR_MSYNC:
	case MMR_DMA:
	case MMR_SYSCALL:
	case MMR_SIGNAL:
	case MMR_SWITCH:
	case MMR_MARK:
		return true;
	default:
		return false;
	}
}

static bool pid_is_asked_for(const struct cut *c, uint64_t pid)
{
	for (size_t i = 0; i < c->opt->pids.nr; i++)
		if (c->opt->pids.data[i] == pid)
			return true;
	return false;
}

static bool is_chosen(const struct cut *c, uint32_t task)
{
	uint64_t how = 0;

	return !c->opt->pids.nr || (htable_get(&c->tasks, task, &how) && how == CHOSEN);
}

/* Who belongs to the processes that were asked for. */
static void note_task(struct cut *c, const struct mmr_event *ev)
{
	bool chosen;

	if (!c->opt->pids.nr)
		return;
	if (ev->kind == MMR_TASK) {
		chosen = pid_is_asked_for(c, ev->TASK.pid);
		htable_set(&c->tasks, ev->task, chosen ? CHOSEN : 1);
	} else if (ev->kind == MMR_FORK) {
		chosen = pid_is_asked_for(c, ev->FORK.pid) || is_chosen(c, ev->task);
		htable_set(&c->tasks, ev->FORK.child, chosen ? CHOSEN : 1);
	}
}

static uint64_t now(const struct cut *c, const struct mmr_event *ev)
{
	return c->opt->by_accesses ? c->accesses : ev->time_ns;
}

static bool keeps_event(struct cut *c, const struct mmr_event *ev)
{
	if (ev->kind < EDIT_KINDS && c->opt->kinds[ev->kind])
		return false;
	if (c->partial && (ev->kind == MMR_COUNTERS || ev->kind == MMR_PMU_COUNT))
		return false;
	if (!is_touch(ev->kind))
		return true;
	return now(c, ev) >= c->opt->from_ns && is_chosen(c, ev->task);
}

static uint64_t accesses_of(const struct mmr_item *it)
{
	uint64_t n = 0;

	for (size_t i = 0; i < it->nr_runs; i++)
		n += (uint64_t)it->runs[i].nr_reads + it->runs[i].nr_writes - it->runs[i].nr_split;
	return n;
}

static int take(struct cut *c, const struct mmr_item *it)
{
	bool keep = keeps_event(c, &it->ev);
	int rc = 0;

	note_task(c, &it->ev);
	if (it->ev.kind == MMR_RUNS) {
		if (keep)
			rc = edit_runs(&c->ew, it);
		else
			c->ew.res->dropped_runs += it->nr_runs;
		if (c->opt->by_accesses)
			c->accesses += accesses_of(it);
	} else if (keep) {
		rc = edit_event(&c->ew, &it->ev);
	} else {
		c->ew.res->dropped_events++;
	}
	return rc;
}

static void describe(json_t *metadata, const struct cut_options *opt)
{
	json_t *pids = json_array(), *kinds = json_array(), *cut;

	for (size_t i = 0; i < opt->pids.nr; i++)
		json_array_append_new(pids, json_integer((json_int_t)opt->pids.data[i]));
	for (unsigned i = 0; i < EDIT_KINDS; i++)
		if (opt->kinds[i] && mmr_kind_info(i))
			json_array_append_new(kinds, json_string(mmr_kind_info(i)->name));
	cut = json_pack("{s:s, s:I, s:o, s:o, s:o}", "unit", opt->by_accesses ? "accesses" : "ns", "from",
			(json_int_t)opt->from_ns, "to",
			opt->to_ns == UINT64_MAX ? json_null() : json_integer((json_int_t)opt->to_ns), "pids", pids,
			"without", kinds);
	json_object_set_new(metadata, "cut", cut);
}

int edit_cut(struct mmr_reader *in, const struct cut_options *opt, const struct edit_output *out, struct edit_result *res,
	     struct mmr_error *err)
{
	struct cut c = { .opt = opt, .partial = opt->from_ns || opt->to_ns != UINT64_MAX || opt->pids.nr };
	json_t *metadata = edit_metadata(in, err);
	struct mmr_item it;
	int rc, more;

	*res = (struct edit_result){ 0 };
	if (!metadata)
		return -EBADMSG;
	describe(metadata, opt);
	rc = edit_writer_open(&c.ew, out, metadata, res, err);
	htable_init(&c.tasks);
	while (!rc && (more = mmr_reader_next(in, &it, err)) != 0) {
		if (more < 0)
			rc = more;
		else if (now(&c, &it.ev) >= opt->to_ns)
			break;
		else
			rc = take(&c, &it);
	}
	htable_finish(&c.tasks);
	return edit_writer_close(&c.ew, rc);
}
