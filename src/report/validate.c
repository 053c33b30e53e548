/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Judging the model by the trace's own counters. */
#include "report/validate.h"

#include "report/report.h"
#include "report/trace_info.h"

/*
 * How far the model may be off. The kernel itself varies: two threads that race for a page, or a
 * page that another process read in, change the figures; see mmreplay-validate(1) for where each
 * number comes from.
 */
struct tolerance {
	uint64_t floor; /* in the counter's unit */
	uint64_t permille;
};

static const struct tolerance tolerances[NR_CHECKPOINT_COUNTERS] = {
	[CHECKPOINT_MIN_FLT] = {8, 10},	  [CHECKPOINT_MAJ_FLT] = {4, 50},
	[CHECKPOINT_RSS_ANON] = {8, 10},  [CHECKPOINT_RSS_FILE] = {16, 20},
	[CHECKPOINT_RSS_SHMEM] = {8, 10}, [CHECKPOINT_PGTABLES] = {8192, 20},
	[CHECKPOINT_NR_VMAS] = {1, 0},	  [CHECKPOINT_VM] = {1, 0},
	[CHECKPOINT_LOCKED] = {1, 0},
};

struct pair {
	const struct checkpoint *base, *end;
};

/* The kernel's and the model's figure over the window. False: one of them is not known. */
static bool figures(const struct pair *p, unsigned i, int64_t *ret_kernel, int64_t *ret_model)
{
	if (!p->end->known[i])
		return false;
	*ret_kernel = (int64_t)p->end->kernel[i];
	*ret_model = (int64_t)p->end->model[i];
	if (!checkpoint_info[i].cumulative)
		return true;
	if (!p->base->known[i])
		return false;
	*ret_kernel -= (int64_t)p->base->kernel[i];
	*ret_model -= (int64_t)p->base->model[i];
	return true;
}

static void put_counter(json_t *counters, unsigned i, int64_t kernel, int64_t model,
			struct verdict *v)
{
	const struct tolerance *t = &tolerances[i];
	int64_t diff = model - kernel;
	uint64_t size = kernel < 0 ? 0 : (uint64_t)kernel;
	uint64_t allowed = (uint64_t)((unsigned __int128)size * t->permille / 1000);
	json_t *obj = j_object(counters, checkpoint_info[i].name);
	bool ok;

	if (allowed < t->floor)
		allowed = t->floor;
	ok = (uint64_t)(diff < 0 ? -diff : diff) <= allowed;
	v->compared++;
	v->exact += diff == 0;
	v->failed += !ok;
	j_i64(obj, "kernel", kernel);
	j_i64(obj, "model", model);
	j_i64(obj, "difference", diff);
	j_u64(obj, "allowed", allowed);
	j_bool(obj, "ok", ok);
}

static void put_process(json_t *processes, struct mmr_replay *r, const struct pair *p,
			struct verdict *v)
{
	const struct sim_process *proc = &r->tasks.processes.data[p->end->process];
	json_t *obj = json_object(), *counters;
	size_t len = 0;
	int64_t kernel, model;

	while (len < sizeof(proc->comm) && proc->comm[len])
		len++;
	j_u64(obj, "pid", proc->pid);
	j_bytes(obj, "name", proc->comm, len);
	j_str(obj, "from", p->base->when == MMR_WHEN_EXEC ? "exec" : "start");
	j_str(obj, "to", p->end->when == MMR_WHEN_EXIT ? "exit" : "end");
	counters = j_object(obj, "counters");
	for (unsigned i = 0; i < NR_CHECKPOINT_COUNTERS; i++)
		if (figures(p, i, &kernel, &model))
			put_counter(counters, i, kernel, model, v);
	json_array_append_new(processes, obj);
}

static bool find_pair(const struct mmr_replay *r, uint32_t process, struct pair *ret)
{
	*ret = (struct pair){0};
	for (size_t i = 0; i < r->checkpoints.list.nr; i++) {
		const struct checkpoint *cp = &r->checkpoints.list.data[i];

		if (cp->process != process)
			continue;
		if (cp->when == MMR_WHEN_EXEC || cp->when == MMR_WHEN_START)
			ret->base = cp;
		else
			ret->end = cp;
	}
	return ret->base && ret->end && ret->end->time_ns >= ret->base->time_ns;
}

static void put_divergence(json_t *root, const struct mmr_replay *r)
{
	json_t *divergence = j_object(root, "divergence");

	for (unsigned i = 0; i < NR_DIVERGENCES; i++)
		j_u64(divergence, divergence_info[i].key, r->counts.diverged[i]);
}

json_t *validation_build(struct mmr_replay *r, bool *ret_ok)
{
	json_t *root = j_object(NULL, NULL), *trace, *processes, *sum;
	struct verdict v = {0};
	struct pair p;

	replay_end(r);
	j_str(root, "schema", VALIDATE_SCHEMA);
	trace = j_object(root, "trace");
	trace_stats_json(trace, mmr_reader_stats(r->reader), r->meta.basis_name,
			 r->meta.interleaving);
	processes = j_array(root, "processes");
	for (uint32_t i = 0; i < r->tasks.processes.nr; i++)
		if (find_pair(r, i, &p))
			put_process(processes, r, &p, &v);
	put_divergence(root, r);
	validate_kernel_trace(root, r, &v);
	*ret_ok = v.compared && !v.failed;
	sum = j_object(root, "verdict");
	j_u64(sum, "processes", json_array_size(processes));
	j_u64(sum, "counters", v.compared);
	j_u64(sum, "exact", v.exact);
	j_u64(sum, "beyond_tolerance", v.failed);
	j_bool(sum, "ok", *ret_ok);
	return root;
}
