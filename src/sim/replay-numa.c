/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory policies of the trace: handlers of MBIND, SET_MEMPOLICY, MIGRATE_PAGES, MOVE_PAGES, CPUSET.
 *
 * The data of these events is a node mask. None at all means that the capture could not see it: the call is left out, and
 * counted. Nodes that the model's machine has not are counted and left out by the policy itself, as the kernel
 * leaves out nodes without memory; when none remains the call fails with EINVAL as the kernel's would.
 */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "mm/mbind.h"
#include "mm/vma.h"
#include "sim/replay.h"

#define MASK_BYTES 8 /* of the model's 64 nodes */

static bool is_errno(uint64_t ret)
{
	return ret > -4096ull;
}

/* Calls that the kernel refused; mbind with MPOL_MF_STRICT has set the policy when it returns EIO after moving. */
static bool refused(uint64_t ret)
{
	return is_errno(ret) && (int64_t)ret != -EIO;
}

static void expect(struct mmr_replay *r, int64_t rc)
{
	if (rc < 0 && rc != -EIO)
		diverge(r, DIVERGE_CALL_FAILED);
}

static unsigned count_bits(const unsigned char *bytes, size_t len)
{
	unsigned nr = 0;

	for (size_t i = 0; i < len; i++)
		nr += (unsigned)__builtin_popcount(bytes[i]);
	return nr;
}

/* The mask in data[0, len), little endian. Nodes that the machine has not are counted. */
static uint64_t node_mask(struct mmr_replay *r, const char *data, size_t len, bool is_relative)
{
	const unsigned char *bytes = (const unsigned char *)data;
	size_t low = len < MASK_BYTES ? len : MASK_BYTES;
	uint64_t mask = 0, absent;

	for (size_t i = 0; i < low; i++)
		mask |= (uint64_t)bytes[i] << (8 * i);
	if (is_relative)
		return mask;
	absent = mask & ~nodes_with_memory(r->mem);
	r->counts.diverged[DIVERGE_POLICY_NODES] +=
		count_bits((const unsigned char *)&absent, sizeof(absent)) +
		count_bits(bytes + low, len - low);
	return mask;
}

/* False: the mask is needed and was not seen. */
static bool policy_of(struct mmr_replay *r, const struct mmr_event *ev, uint64_t mode,
		      struct mpol_request *ret)
{
	uint64_t bare = mode & ~(uint64_t)MPOL_MODE_FLAGS;

	*ret = (struct mpol_request){.mode = mode};
	if (bare == MPOL_DEFAULT || bare == MPOL_LOCAL)
		return true;
	if (!ev->data_len) {
		diverge(r, DIVERGE_POLICY_UNSEEN);
		return false;
	}
	ret->nodes = node_mask(r, ev->data, ev->data_len, mode & MPOL_F_RELATIVE_NODES);
	return true;
}

void ev_mbind(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = replay_mm(r, ev);
	struct mbind_range range = {.mm = mm, .start = ev->MBIND.addr, .len = ev->MBIND.len};
	struct mpol_request req;

	if (!mm || refused(ev->MBIND.ret))
		return;
	if (ev->MBIND.home)
		expect(r, do_set_mempolicy_home_node(&range, ev->MBIND.home - 1));
	else if (policy_of(r, ev, ev->MBIND.mode, &req))
		expect(r, do_mbind(&range, &req, ev->MBIND.flags));
}

void ev_set_mempolicy(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mpol_request req;

	replay_enter(r, ev->task, ev->cpu);
	if (policy_of(r, ev, ev->SET_MEMPOLICY.mode, &req))
		expect(r, do_set_mempolicy(r->mem, &req));
}

/* The address space of another process, by its number in the kernel; of the event's own for 0. */
static struct mm_struct *mm_of_pid(struct mmr_replay *r, const struct mmr_event *ev, uint64_t pid)
{
	struct sim_task *st = replay_enter(r, ev->task, ev->cpu);

	if (!pid || pid == st->task->pid)
		return st->task->mm;
	for (size_t i = 0; i < r->tasks.all.nr; i++)
		if (r->tasks.all.data[i]->task->pid == pid)
			return r->tasks.all.data[i]->task->mm;
	return NULL;
}

void ev_migrate_pages(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = mm_of_pid(r, ev, ev->MIGRATE_PAGES.pid);
	size_t half = ev->data_len / 2;
	uint64_t from, to;

	if (!mm || is_errno(ev->MIGRATE_PAGES.ret))
		return;
	if (!half) {
		diverge(r, DIVERGE_POLICY_UNSEEN);
		return;
	}
	from = node_mask(r, ev->data, half, false);
	to = node_mask(r, ev->data + half, half, false);
	expect(r, do_migrate_pages(mm, from, to, MPOL_MF_MOVE));
}

void ev_move_pages(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct mm_struct *mm = mm_of_pid(r, ev, ev->MOVE_PAGES.pid);
	uint64_t bytes = ev->MOVE_PAGES.nr << MMR_GRANULE_SHIFT;
	struct mbind_range range = {.mm = mm, .start = ev->MOVE_PAGES.addr, .len = bytes};

	if (!mm || bytes >> MMR_GRANULE_SHIFT != ev->MOVE_PAGES.nr ||
	    range.start + bytes < range.start)
		return;
	if (ev->MOVE_PAGES.node >= r->mem->nr_nodes) {
		diverge(r, DIVERGE_POLICY_NODES);
		return;
	}
	expect(r, do_move_pages(&range, (unsigned)ev->MOVE_PAGES.node,
				(unsigned)ev->MOVE_PAGES.flags & MPOL_MF_MOVE_ALL
					? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE));
}

void ev_cpuset(struct mmr_replay *r, const struct mmr_event *ev)
{
	struct sim_task *st = replay_enter(r, ev->task, ev->cpu);
	uint64_t mems;

	if (!ev->data_len) {
		diverge(r, DIVERGE_POLICY_UNSEEN);
		return;
	}
	mems = node_mask(r, ev->data, ev->data_len, false);
	/* What the user sets stands above what was captured. */
	if (!r->settings.numa.cpuset_mems)
		expect(r, set_mems_allowed(r->mem, st->task, mems));
}
