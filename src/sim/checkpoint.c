/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Pairs of the kernel's and the model's counters. */
#include "sim/checkpoint.h"

#include <string.h>

#include "base/bug.h"

const struct checkpoint_info checkpoint_info[NR_CHECKPOINT_COUNTERS] = {
#define CHECKPOINT_INFO(NAME, name, unit, cumulative) {name, unit, cumulative},
	CHECKPOINT_COUNTERS(CHECKPOINT_INFO)
#undef CHECKPOINT_INFO
};

/* One `name value` line at *s, which moves behind it. False at the end. */
static bool next_line(const char **s, const char *end, const char **ret_name, size_t *ret_len,
		      uint64_t *ret_value)
{
	const char *p = *s, *name;
	uint64_t value = 0;

	if (p >= end)
		return false;
	name = p;
	while (p < end && *p != ' ' && *p != '\n')
		p++;
	*ret_name = name;
	*ret_len = (size_t)(p - name);
	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	while (p < end && *p != '\n')
		p++;
	*s = p < end ? p + 1 : end;
	*ret_value = value;
	return true;
}

static void parse_kernel(struct checkpoint *cp, const char *s, size_t len)
{
	const char *end = s + len, *name;
	size_t name_len;
	uint64_t value;

	while (next_line(&s, end, &name, &name_len, &value))
		for (unsigned i = 0; i < NR_CHECKPOINT_COUNTERS; i++)
			if (strlen(checkpoint_info[i].name) == name_len &&
			    !memcmp(checkpoint_info[i].name, name, name_len)) {
				cp->known[i] = true;
				cp->kernel[i] = value;
			}
}

static void take_model(struct checkpoint *cp, const struct tasks *t, const struct mm_struct *mm)
{
	struct fault_counts faults = tasks_faults(t, cp->process);
	struct mm_state s = {0};

	if (mm)
		mm_state_take(&s, mm);
	cp->model[CHECKPOINT_MIN_FLT] = faults.min_flt;
	cp->model[CHECKPOINT_MAJ_FLT] = faults.maj_flt;
	cp->model[CHECKPOINT_RSS_ANON] = s.rss_anon;
	cp->model[CHECKPOINT_RSS_FILE] = s.rss_file;
	cp->model[CHECKPOINT_RSS_SHMEM] = s.rss_shmem;
	cp->model[CHECKPOINT_PGTABLES] = s.pgtables_bytes;
	cp->model[CHECKPOINT_NR_VMAS] = s.nr_vmas;
	cp->model[CHECKPOINT_VM] = s.vm;
	cp->model[CHECKPOINT_LOCKED] = s.locked;
}

static bool is_baseline(enum mmr_when when)
{
	return when == MMR_WHEN_START || when == MMR_WHEN_EXEC;
}

/* A later exec is a new baseline; a later reading replaces an earlier one. */
static struct checkpoint *place_for(struct checkpoints *c, uint32_t process, enum mmr_when when)
{
	for (size_t i = 0; i < c->list.nr; i++) {
		struct checkpoint *cp = &c->list.data[i];

		if (cp->process == process && is_baseline(cp->when) == is_baseline(when))
			return cp;
	}
	return vec_push(&c->list);
}

void checkpoint_add(struct checkpoints *c, const struct tasks *t, uint32_t process,
		    const struct mm_struct *mm, const struct mmr_event *ev)
{
	enum mmr_when when = (enum mmr_when)(
		ev->COUNTERS.when <= MMR_WHEN_EXIT ? ev->COUNTERS.when : MMR_WHEN_INTERVAL);
	struct checkpoint *cp = place_for(c, process, when);

	*cp = (struct checkpoint){.process = process, .when = when, .time_ns = ev->time_ns};
	parse_kernel(cp, ev->data, ev->data_len);
	take_model(cp, t, mm);
}

void checkpoints_finish(struct checkpoints *c)
{
	vec_finish(&c->list);
}
