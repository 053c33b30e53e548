/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Names and fields of the kinds of events, from the one list in trace-events.h.
 */
#include <string.h>

#include <mmreplay/trace.h>

#include "base/bug.h"

#define F_INFO(field, encoding, text) { #field, MMR_ENC_##encoding, text },
#define KIND_INFO(number, NAME, kind_name, text, ...) \
	{ number, kind_name, text, sizeof(((struct mmr_event *)0)->NAME) / sizeof(uint64_t), \
	  { __VA_ARGS__ } },

static const struct mmr_kind_info kinds[] = {
	MMR_EVENTS(KIND_INFO, F_INFO)
};

enum { NR_KIND_NUMBERS = 128 };

/* Position in kinds[] + 1 by number. */
#define KIND_ROW(number, NAME, kind_name, text, ...) ROW_##NAME,
enum { MMR_EVENTS(KIND_ROW, F_INFO) };
#define KIND_POS(number, NAME, kind_name, text, ...) [number] = ROW_##NAME + 1,
static const uint8_t position[NR_KIND_NUMBERS] = { MMR_EVENTS(KIND_POS, F_INFO) };

const struct mmr_kind_info *mmr_kind_info(unsigned kind)
{
	if (kind >= NR_KIND_NUMBERS || !position[kind])
		return NULL;
	return &kinds[position[kind] - 1];
}

const struct mmr_kind_info *mmr_kinds(size_t *ret_nr)
{
	*ret_nr = ARRAY_SIZE(kinds);
	return kinds;
}

int mmr_field_index(unsigned kind, const char *name)
{
	const struct mmr_kind_info *info = mmr_kind_info(kind);

	for (unsigned i = 0; info && i < info->nr_fields; i++)
		if (!strcmp(info->fields[i].name, name))
			return (int)i;
	return -1;
}
