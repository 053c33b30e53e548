/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Time lost for want of memory: see psi.h. */
#include "mm/psi.h"

#include "mm/memcg.h"

#define NSEC_PER_SEC	1000000000ull
#define PSI_FREQ_NS	(2 * NSEC_PER_SEC)

/* As the load average: 11 bits behind the point; exp(-2 s / window) of 10, 60 and 300 s. */
#define FSHIFT		11
#define FIXED_1		(1u << FSHIFT)
static const uint32_t decay[3] = { 1677, 1981, 2034 };

static uint64_t psi_time(const struct memory *mem)
{
	return mem->now_ns + mem->psi_waited_ns;
}

static uint64_t calc_load(uint64_t load, uint64_t exp, uint64_t active)
{
	uint64_t newload = load * exp + active * (FIXED_1 - exp);

	if (active >= load)
		newload += FIXED_1 - 1;
	return newload / FIXED_1;
}

static uint64_t fixed_power(uint64_t x, uint64_t n)
{
	uint64_t result = FIXED_1;

	for (; n; n >>= 1) {
		if (n & 1)
			result = (result * x + (1u << (FSHIFT - 1))) >> FSHIFT;
		x = (x * x + (1u << (FSHIFT - 1))) >> FSHIFT;
	}
	return result;
}

/* One period with that many ns of stall, behind `missed` periods without any. */
static void calc_avgs(uint32_t avg[3], uint64_t missed, uint64_t stall_ns, uint64_t period_ns)
{
	uint64_t pct = (stall_ns < period_ns ? stall_ns : period_ns) * 100 / period_ns * FIXED_1;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t load = avg[i];

		if (missed)
			load = calc_load(load, fixed_power(decay[i], missed), 0);
		avg[i] = (uint32_t)calc_load(load, decay[i], pct);
	}
}

/* The periods that ended before `now`. What was stalled counts in the one that ends last. */
static void update(struct psi_group *group, uint64_t now)
{
	uint64_t passed, period, missed;

	if (!group->next_ns)
		group->next_ns = group->last_ns + PSI_FREQ_NS;
	if (now < group->next_ns)
		return;
	missed = (now - group->next_ns) / PSI_FREQ_NS;
	passed = now - group->last_ns;
	period = passed - missed * PSI_FREQ_NS;
	group->next_ns += (missed + 1) * PSI_FREQ_NS;
	group->last_ns = now;
	calc_avgs(group->avg_some, missed, group->some_ns - group->seen_some_ns, period);
	calc_avgs(group->avg_full, missed, group->full_ns - group->seen_full_ns, period);
	group->seen_some_ns = group->some_ns;
	group->seen_full_ns = group->full_ns;
}

static bool is_in(const struct mm_struct *mm, const struct mem_cgroup *memcg)
{
	return !memcg || (mm->memcg && mem_cgroup_is_descendant(mm->memcg, memcg));
}

/* No more than one task lives there. */
static bool is_alone(const struct memory *mem, const struct mem_cgroup *memcg)
{
	const struct list_head *pos;
	uint64_t tasks = 0;

	list_for_each(pos, &mem->mms) {
		const struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (mm != mem->init_mm && !mm->oom_victim && is_in(mm, memcg))
			tasks += mm->mm_users;
		if (tasks > 1)
			return false;
	}
	return true;
}

static void stall(struct memory *mem, struct psi_group *group, const struct mem_cgroup *memcg, uint64_t ns)
{
	group->some_ns += ns;
	group->full_ns += is_alone(mem, memcg) ? ns : 0;
	update(group, psi_time(mem));
}

void psi_memstall(struct memory *mem, uint64_t ns)
{
	struct mem_cgroup *memcg = NULL;

	if (!ns)
		return;
	mem->psi_waited_ns += ns;
	stall(mem, &mem->psi, NULL, ns);
	if (mem->page_memcg && mem->current && mem->current->mm)
		memcg = mem->current->mm->memcg;
	for (; memcg; memcg = memcg->parent)
		stall(mem, &memcg->psi, memcg, ns);
}

void psi_wait(struct memory *mem, uint64_t ns)
{
	mem->psi_waited_ns += ns;
}

/* LOAD_INT and LOAD_FRAC: whole percent, and hundredths cut off. */
static unsigned hundredths(uint32_t avg)
{
	return (avg >> FSHIFT) * 100 + ((avg & (FIXED_1 - 1)) * 100 >> FSHIFT);
}

struct psi_averages psi_averages(const struct memory *mem, const struct psi_group *group)
{
	struct psi_group now = *group;
	struct psi_averages ret;

	update(&now, psi_time(mem));
	for (unsigned i = 0; i < 3; i++) {
		ret.some[i] = hundredths(now.avg_some[i]);
		ret.full[i] = hundredths(now.avg_full[i]);
	}
	return ret;
}
