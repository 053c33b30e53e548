/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Killed processes. The OOM killer (mm/oom_kill.h) takes a victim's pages at once; behind the event in which that happened
 * its tasks end here, with all else they hold. What the trace still says of them, and of the children that they
 * would have had, did not happen: it is skipped and counted.
 */
#include "mm/oom_kill.h"
#include "mm/tlbflush.h"
#include "sim/replay.h"

bool replay_is_killed(const struct mmr_replay *r, uint32_t task)
{
	uint64_t value;

	return htable_get(&r->killed, task, &value);
}

void replay_skip_killed(struct mmr_replay *r, const struct mmr_event *ev)
{
	r->counts.killed_events++;
	if (ev->kind == MMR_FORK && ev->FORK.child <= UINT32_MAX)
		htable_set(&r->killed, ev->FORK.child, 1);
}

/* A task whose address space was taken, NULL when there is none left. */
static struct sim_task *next_victim(const struct mmr_replay *r)
{
	for (size_t i = 0; i < r->tasks.all.nr; i++)
		if (r->tasks.all.data[i]->task->mm && r->tasks.all.data[i]->task->mm->oom_victim)
			return r->tasks.all.data[i];
	return NULL;
}

void replay_bury_victims(struct mmr_replay *r)
{
	struct sim_task *st;

	if (r->mem->oom->nr_buried == r->mem->oom->kills.nr)
		return;
	while ((st = next_victim(r))) {
		htable_set(&r->killed, st->id, 1);
		if (r->on_process_exit && tasks_process(&r->tasks, st)->nr_threads == 1)
			r->on_process_exit(r->on_process_exit_ctx, st->process, st->task);
		r->mem->current = st->task;
		switch_mm(r->mem, NULL);
		tasks_exit(&r->tasks, st);
		replay_leave(r);
	}
	r->mem->oom->nr_buried = r->mem->oom->kills.nr;
}
