/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The keys of each kind of section: numbers and texts. See spec.h. */
#ifndef GEN_SPEC_KEYS_H
#define GEN_SPEC_KEYS_H

#include "gen/spec.h"

struct gen_text_key {
	const char *key;
	size_t offset;		/* of a char[GEN_TEXT] */
};

struct gen_section {
	const char *name;
	struct config_table numbers;
	const struct gen_text_key *texts;
	size_t nr_texts;
};

extern const struct gen_section gen_section_global, gen_section_region, gen_section_job, gen_section_kernel;

#endif
