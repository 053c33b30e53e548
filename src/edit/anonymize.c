/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A trace without names: see edit.h.
 *
 * An address space's move is drawn anew at each exec, and inherited by fork, as the areas are. The upper bits of an address
 * turn round within the 128 TiB of user space of x86-64 (256 pieces of 512 GiB, a root entry each); those of larger or other
 * address spaces above that stay where they are, as kernel addresses do.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/bug.h"
#include "base/htable.h"
#include "base/rng.h"
#include "edit/edit-internal.h"

#define PIECE_SHIFT 39
#define PIECES 256ull
#define USER_END (PIECES << PIECE_SHIFT)
#define NAME_MAX_BYTES 64

struct anonymizer {
	struct edit_writer ew;
	struct rng rng;
	uint64_t salt;
	struct htable moves;	/* task -> pieces by which its space moves, + 1 */
};

/* ---- names ---- */

static void hash_name(const struct anonymizer *a, const void *name, size_t len, char out[NAME_MAX_BYTES])
{
	snprintf(out, NAME_MAX_BYTES, "/anonymous/%016" PRIx64, XXH3_64bits_withSeed(name, len, a->salt));
}

/* What says of which kind an area or file is, not whose. */
static bool says_kind(const char *name, size_t len)
{
	static const char *const kinds[] = { "anon_inode:", "/dev/zero", "/SYSV", "/memfd:" };

	if (len && name[0] == '[')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (len >= strlen(kinds[i]) && !strncmp(name, kinds[i], strlen(kinds[i])))
			return i < 2;
	return false;
}

static bool holds_name(unsigned kind)
{
	switch (kind) {
	case MMR_FILE:
	case MMR_EXEC:
	case MMR_VMA:
	case MMR_COMM:
	case MMR_MARK:
	case MMR_BUILD_ID:
		return true;
	default:
		return false;
	}
}

/* ---- addresses ---- */

static uint64_t move_of(struct anonymizer *a, uint32_t task)
{
	uint64_t move;

	if (htable_get(&a->moves, task, &move))
		return move - 1;
	move = rng_below(&a->rng, PIECES);
	htable_set(&a->moves, task, move + 1);
	return move;
}

static uint64_t moved(uint64_t addr, uint64_t move)
{
	uint64_t piece = addr >> PIECE_SHIFT;

	if (!addr || addr >= USER_END)
		return addr;
	return (piece + move) % PIECES << PIECE_SHIFT | (addr & ((1ull << PIECE_SHIFT) - 1));
}

/* Whose address space the task has from here on. */
static void follow(struct anonymizer *a, const struct mmr_event *ev)
{
	if (ev->kind == MMR_FORK)
		htable_set(&a->moves, (uint32_t)ev->FORK.child, move_of(a, ev->task) + 1);
	else if (ev->kind == MMR_TASK && ev->TASK.mm && ev->TASK.mm != ev->task)
		htable_set(&a->moves, ev->task, move_of(a, (uint32_t)ev->TASK.mm) + 1);
	else if (ev->kind == MMR_EXEC)
		htable_del(&a->moves, ev->task);
}

/* Addresses are what is encoded so, and instruction pointers. */
static void move_fields(struct mmr_event *ev, uint64_t move)
{
	const struct mmr_kind_info *info = mmr_kind_info(ev->kind);

	for (unsigned i = 0; info && i < info->nr_fields; i++)
		if (info->fields[i].enc == MMR_ENC_ADDR || !strcmp(info->fields[i].name, "ip"))
			ev->arg[i] = moved(ev->arg[i], move);
}

/* ---- items ---- */

static int anonymize_event(struct anonymizer *a, const struct mmr_event *in)
{
	struct mmr_event ev = *in;
	char name[NAME_MAX_BYTES];

	follow(a, in);
	move_fields(&ev, move_of(a, ev.task));
	if (ev.kind == MMR_COUNTERS)
		return edit_event(&a->ew, &ev);	/* numbers with the kernel's names */
	if (ev.kind == MMR_FILE) {
		ev.FILE.dev = 1;
		ev.FILE.ino = XXH3_64bits_withSeed(&in->FILE.ino, sizeof(in->FILE.ino), a->salt ^ in->FILE.dev) >> 1;
	}
	if (ev.data_len && holds_name(ev.kind) && !says_kind(ev.data, ev.data_len)) {
		hash_name(a, ev.data, ev.data_len, name);
		/* A task's name has 15 letters at most. */
		ev.data = ev.kind == MMR_COMM ? name + strlen("/anonymous/") : name;
		ev.data_len = ev.kind == MMR_COMM ? 15 : (uint32_t)strlen(name);
	}
	return edit_event(&a->ew, &ev);
}

static int anonymize_runs(struct anonymizer *a, const struct mmr_item *in)
{
	uint64_t move = move_of(a, in->ev.task);
	struct mmr_run runs[MMR_BATCH];
	struct mmr_item it = *in;

	BUG_ON(in->nr_runs > MMR_BATCH);
	for (size_t i = 0; i < in->nr_runs; i++) {
		uint64_t bits = in->runs[i].page & ~((1ull << 52) - 1), addr = MMR_RUN_PAGE(&in->runs[i]) << MMR_GRANULE_SHIFT;

		runs[i] = in->runs[i];
		runs[i].page = moved(addr, move) >> MMR_GRANULE_SHIFT | bits;
	}
	it.runs = runs;
	return edit_runs(&a->ew, &it);
}

/* What names people, programs and machines. */
static void clean_metadata(json_t *root)
{
	static const char *const capture[] = { "command", "uid", "start_realtime_ns", "start_monotonic_ns", "program",
					       "spec", "self_pid" };
	json_t *c = json_object_get(root, "capture"), *kernel = json_object_get(root, "kernel");

	for (size_t i = 0; i < ARRAY_SIZE(capture); i++)
		json_object_del(c, capture[i]);
	json_object_del(kernel, "boot_id");
	json_object_del(kernel, "boot_options");
	json_object_del(json_object_get(root, "memory"), "cgroup");
	json_object_del(root, "host");
	json_object_set_new(root, "anonymized", json_true());
}

int edit_anonymize(struct mmr_reader *in, uint64_t salt, const struct edit_output *out, struct edit_result *res,
		   struct mmr_error *err)
{
	struct anonymizer a = { .salt = salt };
	json_t *metadata = edit_metadata(in, err);
	struct mmr_item it;
	int rc, more;

	*res = (struct edit_result){ 0 };
	if (!metadata)
		return -EBADMSG;
	rng_seed(&a.rng, salt);
	clean_metadata(metadata);
	rc = edit_writer_open(&a.ew, out, metadata, res, err);
	htable_init(&a.moves);
	while (!rc && (more = mmr_reader_next(in, &it, err)) != 0) {
		if (more < 0)
			rc = more;
		else
			rc = it.ev.kind == MMR_RUNS ? anonymize_runs(&a, &it) : anonymize_event(&a, &it.ev);
	}
	htable_finish(&a.moves);
	return edit_writer_close(&a.ew, rc);
}
