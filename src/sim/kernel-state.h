/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The allocator's state as the texts of /proc tell it: zoneinfo, pagetypeinfo, buddyinfo.
 *
 * The texts come from a trace, so anything may stand in them: a line that is not understood is left
 * out, numbers are cut to the range of what they go into.
 *
 * Interface:
 *   - zone_marks_parse(): zoneinfo and pagetypeinfo of all zones that the model has names for
 *   - buddyinfo_parse(): free blocks by zone and order
 */
#ifndef SIM_KERNEL_STATE_H
#define SIM_KERNEL_STATE_H

#include "base/vec.h"
#include "mm/frame_state.h"

typedef VEC(struct zone_marks) zone_marks_vec;

/* Either text may be NULL. Zones without memory are left out. */
void zone_marks_parse(zone_marks_vec *zones, const char *zoneinfo, const char *pagetypeinfo);
void zone_marks_finish(zone_marks_vec *zones);

struct buddyinfo_row {
	unsigned nid;
	enum zone_type type;
	uint64_t nr_free[MAX_ORDER_LIMIT]; /* blocks */
};
typedef VEC(struct buddyinfo_row) buddyinfo_vec;

/* Adds a row for each line that is understood. */
void buddyinfo_parse(buddyinfo_vec *rows, const char *text, size_t len);

/* "DMA32" ...; -1 for a name that the model has no zone for ("Device"). */
int zone_type_of(const char *name);

#endif
