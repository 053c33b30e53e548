/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Machine profiles: a JSON object that describes a machine. Some are compiled in (the folder profiles), others come
 * from files. Every figure has a `source` beside it, which says "unverified" where nobody has confirmed it.
 *
 *	name, description, source	text
 *	geometry			name of a page-table geometry
 *	physical_address_bits		optional: the geometry's
 *	topology	{ source, nodes: [{ memory: "96G", start: "4G", cpus: 18 }...], distances: [[10, 21], [21, 10]] }
 *			CPUs are numbered node by node; distances are optional (10 and 20), start too (behind the node
 *			before)
 *	tlb		{ l1_data, l1_instruction: [array...], and l2 or l2_data, l2_instruction: [array...] }
 *			array: { pages: ["4K", "2M"], entries: 64, ways: 4 or "full", source }
 *	walk_caches	[{ level: "pmd", entries: 32, source }...]
 *	asids		{ kind: "pcid", number: 6, source }: identifiers that the kernel uses per CPU
 *	devices		optional: [{ id: 1, name: "eth0", mask_bits: 32, node: 0, source }...], which do DMA
 *	cycles		{ l2_tlb_hit: { value: 7, source }, walk_reference: { value: 14, source }, and optional
 *			memory: { value: 200, source }, an access to local memory }
 *
 * Unknown keys, missing keys, duplicate keys and impossible figures are errors that name the place
 * ("tlb.l1_data[0].ways") and the nearest known key.
 */
#ifndef MACHINE_PROFILE_H
#define MACHINE_PROFILE_H

#include <stddef.h>

#include "base/err.h"
#include "machine/geometry.h"
#include "machine/tlb.h"
#include "machine/topology.h"

/* Estimated cycles by cause, beside what a first-level hit costs. */
struct machine_cost {
	uint64_t l2_tlb_hit_cycles;
	uint64_t walk_reference_cycles;	/* one page-table entry read */
	uint64_t memory_cycles;		/* one access that local memory serves; 0 not known */
};

/* A device that moves data by itself. */
struct machine_device {
	uint32_t id;		/* as traces name it */
	char *name;
	unsigned mask_bits;	/* address bits that it drives */
	unsigned node;
};
#define PROFILE_MAX_DEVICES 64

struct machine_profile {
	char *name, *description;
	struct geometry geometry;
	struct topology topology;	/* defaults: a trace's own machine and machine.* settings come before it */
	struct tlb_geometry tlb;
	char *asid_kind;
	struct machine_cost cost;
	unsigned nr_devices;
	struct machine_device device[PROFILE_MAX_DEVICES];
};

#define PROFILE_MAX_BYTES (1u << 20)

/*
 * `name`: of a compiled-in profile, or the path of a file when it holds a '/' or ends in ".json".
 * -ENOENT with the nearest name, -EINVAL with the place, or -errno of the file.
 */
int profile_load(const char *name, struct machine_profile **ret, struct mmr_error *err);
/* `where` names the text in errors. */
int profile_parse(const char *text, size_t len, const char *where, struct machine_profile **ret,
		  struct mmr_error *err);
void profile_free(struct machine_profile *p);
/* Names and texts of the compiled-in profiles; NULL behind the last. */
const char *profile_builtin_name(size_t i);
const char *profile_builtin_text(size_t i);

#endif
