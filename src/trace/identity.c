/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Identity of a trace, see identity.h.
 */
#ifdef HAVE_XXH_DISPATCH
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include "base/bug.h"
#include "trace/format.h"
#include "trace/identity.h"

void identity_init(struct identity *id)
{
	memset(id, 0, sizeof(*id));
	id->state = XXH3_createState();
	BUG_ON(!id->state);
	XXH3_128bits_reset(id->state);
}

void identity_finish(struct identity *id)
{
	XXH3_freeState(id->state);
}

static void update(void *state, const void *p, size_t size)
{
	XXH3_128bits_update(state, p, size);
}

static void update_u64(void *state, uint64_t v)
{
	uint8_t b[8];

	put_le64(b, v);
	update(state, b, sizeof(b));
}

static void update_head(void *state, const struct mmr_event *ev, unsigned nr_args, uint32_t data_len)
{
	uint8_t b[24];

	put_le16(b, ev->kind);
	put_le16(b + 2, ev->cpu);
	put_le32(b + 4, ev->task);
	put_le64(b + 8, ev->time_ns);
	put_le32(b + 16, nr_args);
	put_le32(b + 20, data_len);
	update(state, b, sizeof(b));
}

static void end_runs(struct identity *id)
{
	if (id->in_runs)
		update_u64(id->state, id->nr_runs);
	id->in_runs = false;
}

void identity_event(struct identity *id, const struct mmr_event *ev, const uint64_t *args, unsigned nr_args)
{
	uint8_t b[TRACE_FIELDS * 8];

	end_runs(id);
	while (nr_args && !args[nr_args - 1])
		nr_args--;
	for (unsigned i = 0; i < nr_args; i++)
		put_le64(b + 8 * i, args[i]);
	update_head(id->state, ev, nr_args, ev->data_len);
	update(id->state, b, 8 * nr_args);
	if (ev->data_len)
		update(id->state, ev->data, ev->data_len);
}

bool identity_runs_begin(struct identity *id, const struct mmr_event *ev)
{
	if (id->in_runs && id->task == ev->task && id->cpu == ev->cpu)
		return false;
	end_runs(id);
	update_head(id->state, ev, 0, 0);
	id->in_runs = true;
	id->task = ev->task;
	id->cpu = ev->cpu;
	id->nr_runs = 0;
	return true;
}

/* struct mmr_run in memory is its canonical form on little-endian machines. */
_Static_assert(sizeof(struct mmr_run) == 16, "a run is 16 bytes");

static void update_runs_swapped(void *state, const struct mmr_run *runs, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint8_t b[16];

		put_le64(b, runs[i].page);
		put_le16(b + 8, runs[i].nr_reads);
		put_le16(b + 10, runs[i].nr_writes);
		put_le16(b + 12, runs[i].other_at);
		put_le16(b + 14, runs[i].nr_split);
		update(state, b, sizeof(b));
	}
}

void identity_runs(struct identity *id, const struct mmr_run *runs, size_t nr)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		update_runs_swapped(id->state, runs, nr);
	else
		update(id->state, runs, nr * sizeof(*runs));
	id->nr_runs += nr;
}

void identity_get(const struct identity *id, uint64_t ret[2])
{
	struct identity copy = *id;
	XXH128_hash_t hash;

	copy.state = XXH3_createState();
	BUG_ON(!copy.state);
	XXH3_copyState(copy.state, id->state);
	end_runs(&copy);
	hash = XXH3_128bits_digest(copy.state);
	identity_finish(&copy);
	ret[0] = hash.low64;
	ret[1] = hash.high64;
}
