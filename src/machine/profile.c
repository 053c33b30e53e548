/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* From JSON to struct machine_profile. One table of fields per object; order of the tables: leaves first. */
#include "machine/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/file.h"
#include "base/units.h"
#include "base/xalloc.h"
#include "machine/json-read.h"

#define MAX_NAME_BYTES 64

static int read_ignored_text(const json_t *v, const struct json_place *at, void *dst)
{
	const char *s;

	(void)dst;
	return json_read_string(v, at, &s);
}

#define SOURCE { "source", true, read_ignored_text }

/* ---- TLB arrays ---- */

struct array_reader {
	struct machine_profile *p;
	struct tlb_array_geometry *array;
	uint64_t entries, ways;		/* ways 0: all */
};

static int read_page_size(const json_t *v, const struct json_place *at, void *dst)
{
	struct array_reader *r = dst;
	uint8_t shift[MAX_PAGE_SIZES];
	unsigned nr = geometry_page_sizes(&r->p->geometry, shift);
	struct mmr_error why;
	uint64_t bytes;
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (rc)
		return rc;
	if (parse_size(s, &bytes, &why))
		return json_error(at, "%.100s", why.text);
	for (unsigned i = 0; i < nr; i++) {
		if (bytes != 1ull << shift[i])
			continue;
		if (r->array->sizes >> i & 1)
			return json_error(at, "page size '%.20s' twice", s);
		r->array->sizes |= (uint8_t)(1u << i);
		return 0;
	}
	return json_error(at, "geometry '%s' has no pages of '%.20s'", r->p->geometry.name, s);
}

static int read_pages(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_array(v, at, 1, MAX_PAGE_SIZES, read_page_size, dst);
}

static int read_entries(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_uint(v, at, 1, 32768, &((struct array_reader *)dst)->entries);
}

static int read_ways(const json_t *v, const struct json_place *at, void *dst)
{
	struct array_reader *r = dst;

	if (json_is_string(v) && !strcmp(json_string_value(v), "full"))
		return 0;
	if (!json_is_integer(v))
		return json_error(at, "neither a number nor 'full'");
	return json_read_uint(v, at, 1, 1024, &r->ways);
}

static const struct json_field array_fields[] = {
	{ "pages", true, read_pages },
	{ "entries", true, read_entries },
	{ "ways", true, read_ways },
	SOURCE,
};

struct level_reader {
	struct machine_profile *p;
	struct tlb_level_geometry *level;
};

static int read_array(const json_t *v, const struct json_place *at, void *dst)
{
	struct level_reader *l = dst;
	struct array_reader r = { l->p, &l->level->array[l->level->nr_arrays], 0, 0 };
	int rc = json_read_object(v, at, array_fields, ARRAY_SIZE(array_fields), &r);
	uint64_t total = r.entries;

	if (rc)
		return rc;
	if (!r.ways)
		r.ways = r.entries;
	if (r.entries % r.ways)
		return json_error(at, "entries are not a multiple of ways");
	r.array->ways = (uint32_t)r.ways;
	r.array->nr_sets = (uint32_t)(r.entries / r.ways);
	for (unsigned i = 0; i < l->level->nr_arrays; i++) {
		if (l->level->array[i].sizes & r.array->sizes)
			return json_error(at, "a page size is in two arrays of one level");
		total += (uint64_t)l->level->array[i].ways * l->level->array[i].nr_sets;
	}
	if (total > TLB_MAX_ENTRIES)
		return json_error(at, "more than %d entries in one level", TLB_MAX_ENTRIES);
	l->level->nr_arrays++;
	return 0;
}

static int read_level(const json_t *v, const struct json_place *at, void *dst, enum tlb_level level,
		      enum tlb_stream stream)
{
	struct machine_profile *p = dst;
	struct level_reader l = { p, &p->tlb.level[level][stream] };
	int rc = json_read_array(v, at, 1, TLB_MAX_ARRAYS, read_array, &l);
	unsigned sizes = 0;

	for (unsigned i = 0; i < l.level->nr_arrays; i++)
		sizes |= l.level->array[i].sizes;
	if (!rc && !(sizes & 1))
		return json_error(at, "no array holds base pages");
	return rc;
}

static int read_l1_data(const json_t *v, const struct json_place *at, void *dst)
{
	return read_level(v, at, dst, TLB_L1, TLB_DATA);
}

static int read_l1_insn(const json_t *v, const struct json_place *at, void *dst)
{
	return read_level(v, at, dst, TLB_L1, TLB_INSN);
}

static int read_l2_data(const json_t *v, const struct json_place *at, void *dst)
{
	return read_level(v, at, dst, TLB_L2, TLB_DATA);
}

static int read_l2_insn(const json_t *v, const struct json_place *at, void *dst)
{
	return read_level(v, at, dst, TLB_L2, TLB_INSN);
}

static int read_l2_shared(const json_t *v, const struct json_place *at, void *dst)
{
	((struct machine_profile *)dst)->tlb.l2_shared = true;
	return read_level(v, at, dst, TLB_L2, TLB_DATA);
}

static const struct json_field tlb_fields[] = {
	{ "l1_data", true, read_l1_data },
	{ "l1_instruction", true, read_l1_insn },
	{ "l2", false, read_l2_shared },
	{ "l2_data", false, read_l2_data },
	{ "l2_instruction", false, read_l2_insn },
};

static int read_tlb(const json_t *v, const struct json_place *at, void *dst)
{
	if (json_object_get(v, "l2") && (json_object_get(v, "l2_data") || json_object_get(v, "l2_instruction")))
		return json_error(at, "'l2' is shared: it excludes 'l2_data' and 'l2_instruction'");
	return json_read_object(v, at, tlb_fields, ARRAY_SIZE(tlb_fields), dst);
}

/* ---- walk caches, identifiers, cycles ---- */

struct walk_cache_reader {
	struct machine_profile *p;
	unsigned level;
	uint64_t entries;
};

static int read_walk_level(const json_t *v, const struct json_place *at, void *dst)
{
	struct walk_cache_reader *r = dst;
	const struct geometry *g = &r->p->geometry;
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (rc)
		return rc;
	for (r->level = 1; r->level < g->nr_levels; r->level++)
		if (!strcmp(g->level[r->level].name, s))
			return 0;
	return json_error(at, "geometry '%s' has no tables of level '%.20s'", g->name, s);
}

static int read_walk_entries(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_uint(v, at, 1, 4096, &((struct walk_cache_reader *)dst)->entries);
}

static const struct json_field walk_cache_fields[] = {
	{ "level", true, read_walk_level },
	{ "entries", true, read_walk_entries },
	SOURCE,
};

static int read_walk_cache(const json_t *v, const struct json_place *at, void *dst)
{
	struct walk_cache_reader r = { .p = dst };
	int rc = json_read_object(v, at, walk_cache_fields, ARRAY_SIZE(walk_cache_fields), &r);

	if (rc)
		return rc;
	if (r.p->tlb.walk_cache[r.level])
		return json_error(at, "level '%s' twice", r.p->geometry.level[r.level].name);
	r.p->tlb.walk_cache[r.level] = (uint32_t)r.entries;
	return 0;
}

static int read_walk_caches(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_array(v, at, 0, GEOMETRY_MAX_LEVELS, read_walk_cache, dst);
}

static int read_asid_kind(const json_t *v, const struct json_place *at, void *dst)
{
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (!rc && strlen(s) > MAX_NAME_BYTES)
		return json_error(at, "longer than %d bytes", MAX_NAME_BYTES);
	if (!rc)
		((struct machine_profile *)dst)->asid_kind = xstrdup(s);
	return rc;
}

static int read_asid_number(const json_t *v, const struct json_place *at, void *dst)
{
	uint64_t n = 0;
	int rc = json_read_uint(v, at, 0, TLB_MAX_ASIDS, &n);

	((struct machine_profile *)dst)->tlb.nr_asids = (unsigned)n;
	return rc;
}

static const struct json_field asid_fields[] = {
	{ "kind", true, read_asid_kind },
	{ "number", true, read_asid_number },
	SOURCE,
};

static int read_asids(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_object(v, at, asid_fields, ARRAY_SIZE(asid_fields), dst);
}

static int read_cycles_value(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_uint(v, at, 0, 100000, dst);
}

static const struct json_field figure_fields[] = {
	{ "value", true, read_cycles_value },
	SOURCE,
};

static int read_l2_hit(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_object(v, at, figure_fields, ARRAY_SIZE(figure_fields),
				&((struct machine_profile *)dst)->cost.l2_tlb_hit_cycles);
}

static int read_walk_ref(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_object(v, at, figure_fields, ARRAY_SIZE(figure_fields),
				&((struct machine_profile *)dst)->cost.walk_reference_cycles);
}

static int read_memory_cycles(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_object(v, at, figure_fields, ARRAY_SIZE(figure_fields),
				&((struct machine_profile *)dst)->cost.memory_cycles);
}

static const struct json_field cycles_fields[] = {
	{ "l2_tlb_hit", true, read_l2_hit },
	{ "walk_reference", true, read_walk_ref },
	{ "memory", false, read_memory_cycles },
};

static int read_cycles(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_object(v, at, cycles_fields, ARRAY_SIZE(cycles_fields), dst);
}

/* ---- topology ---- */

struct node_reader {
	uint64_t bytes[MACHINE_MAX_NODES], start[MACHINE_MAX_NODES], cpus[MACHINE_MAX_NODES];
	unsigned nr, row;
	struct machine_profile *p;
};

static int read_node_memory(const json_t *v, const struct json_place *at, void *dst)
{
	struct node_reader *r = dst;
	struct mmr_error why;
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (!rc && parse_size(s, &r->bytes[r->nr], &why))
		return json_error(at, "%.100s", why.text);
	return rc;
}

static int read_node_start(const json_t *v, const struct json_place *at, void *dst)
{
	struct node_reader *r = dst;
	struct mmr_error why;
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (!rc && parse_size(s, &r->start[r->nr], &why))
		return json_error(at, "%.100s", why.text);
	return rc;
}

static int read_node_cpus(const json_t *v, const struct json_place *at, void *dst)
{
	struct node_reader *r = dst;

	return json_read_uint(v, at, 0, MACHINE_MAX_CPUS, &r->cpus[r->nr]);
}

static const struct json_field node_fields[] = {
	{ "memory", true, read_node_memory },
	{ "start", false, read_node_start },
	{ "cpus", true, read_node_cpus },
};

static int read_node(const json_t *v, const struct json_place *at, void *dst)
{
	struct node_reader *r = dst;
	int rc;

	r->start[r->nr] = NODE_START_BEHIND;
	rc = json_read_object(v, at, node_fields, ARRAY_SIZE(node_fields), r);
	r->nr++;
	return rc;
}

static int read_nodes(const json_t *v, const struct json_place *at, void *dst)
{
	struct machine_profile *p = dst;
	struct node_reader r = { .nr = 0 };
	int rc = json_read_array(v, at, 1, MACHINE_MAX_NODES, read_node, &r);
	uint64_t nr_cpus = 0;

	if (rc)
		return rc;
	for (unsigned i = 0; i < r.nr; i++)
		nr_cpus += r.cpus[i];
	if (nr_cpus == 0 || nr_cpus > MACHINE_MAX_CPUS)
		return json_error(at, "%llu CPUs in all nodes, not 1 to %d", (unsigned long long)nr_cpus,
				  MACHINE_MAX_CPUS);
	topology_init(&p->topology, r.nr, (unsigned)nr_cpus, 0);
	nr_cpus = 0;
	for (unsigned i = 0; i < r.nr; i++) {
		p->topology.node_bytes[i] = r.bytes[i];
		p->topology.node_start[i] = r.start[i];
		for (uint64_t c = 0; c < r.cpus[i]; c++)
			p->topology.cpu_node[nr_cpus++] = (uint16_t)i;
	}
	return 0;
}

static int read_distance(const json_t *v, const struct json_place *at, void *dst)
{
	struct node_reader *r = dst;
	struct topology *t = &r->p->topology;
	uint64_t d = 0;
	int rc = json_read_uint(v, at, LOCAL_DISTANCE, 254, &d);

	t->distance[r->row * t->nr_nodes + at->index] = (uint32_t)d;
	return rc;
}

static int read_distance_row(const json_t *v, const struct json_place *at, void *dst)
{
	struct node_reader *r = dst;
	unsigned nr = r->p->topology.nr_nodes;

	r->row = (unsigned)at->index;
	return json_read_array(v, at, nr, nr, read_distance, dst);
}

static int read_distances(const json_t *v, const struct json_place *at, void *dst)
{
	struct node_reader r = { .p = dst };

	return json_read_array(v, at, r.p->topology.nr_nodes, r.p->topology.nr_nodes, read_distance_row, &r);
}

static const struct json_field topology_fields[] = {
	SOURCE,
	{ "nodes", true, read_nodes },
	{ "distances", false, read_distances },
};

static int read_topology(const json_t *v, const struct json_place *at, void *dst)
{
	struct machine_profile *p = dst;
	struct mmr_error why;
	int rc = json_read_object(v, at, topology_fields, ARRAY_SIZE(topology_fields), dst);

	if (!rc && topology_validate(&p->topology, &why))
		return json_error(at, "%.150s", why.text);
	return rc;
}

/* ---- devices ---- */

static struct machine_device *last_device(void *dst)
{
	struct machine_profile *p = dst;

	return &p->device[p->nr_devices - 1];
}

static int read_device_id(const json_t *v, const struct json_place *at, void *dst)
{
	const struct machine_profile *p = dst;
	uint64_t n = 0;
	int rc = json_read_uint(v, at, 0, UINT32_MAX, &n);

	for (unsigned i = 0; !rc && i + 1 < p->nr_devices; i++)
		if (p->device[i].id == n)
			return json_error(at, "two devices have this number");
	last_device(dst)->id = (uint32_t)n;
	return rc;
}

static int read_device_name(const json_t *v, const struct json_place *at, void *dst)
{
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (!rc)
		last_device(dst)->name = xstrdup(s);
	return rc;
}

static int read_device_mask(const json_t *v, const struct json_place *at, void *dst)
{
	uint64_t n = 0;
	int rc = json_read_uint(v, at, 12, 64, &n);

	last_device(dst)->mask_bits = (unsigned)n;
	return rc;
}

static int read_device_node(const json_t *v, const struct json_place *at, void *dst)
{
	uint64_t n = 0;
	int rc = json_read_uint(v, at, 0, MACHINE_MAX_NODES - 1, &n);

	last_device(dst)->node = (unsigned)n;
	return rc;
}

static const struct json_field device_fields[] = {
	{ "id", true, read_device_id },
	{ "name", true, read_device_name },
	{ "mask_bits", true, read_device_mask },
	{ "node", false, read_device_node },
	SOURCE,
};

static int read_device(const json_t *v, const struct json_place *at, void *dst)
{
	((struct machine_profile *)dst)->nr_devices++;
	return json_read_object(v, at, device_fields, ARRAY_SIZE(device_fields), dst);
}

static int read_devices(const json_t *v, const struct json_place *at, void *dst)
{
	return json_read_array(v, at, 0, PROFILE_MAX_DEVICES, read_device, dst);
}

/* ---- the profile ---- */

static int read_name(const json_t *v, const struct json_place *at, void *dst)
{
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (rc)
		return rc;
	if (strlen(s) > MAX_NAME_BYTES || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(s))
		return json_error(at, "a name is at most %d of a-z, 0-9 and '-'", MAX_NAME_BYTES);
	((struct machine_profile *)dst)->name = xstrdup(s);
	return 0;
}

static int read_description(const json_t *v, const struct json_place *at, void *dst)
{
	const char *s;
	int rc = json_read_string(v, at, &s);

	if (!rc)
		((struct machine_profile *)dst)->description = xstrdup(s);
	return rc;
}

static int read_geometry(const json_t *v, const struct json_place *at, void *dst)
{
	struct machine_profile *p = dst;
	const struct geometry *g;
	const char *s, *names[32];
	size_t nr = 0;
	int rc = json_read_string(v, at, &s);

	if (rc)
		return rc;
	g = geometry_find(s);
	if (g) {
		p->geometry = *g;
		return 0;
	}
	while (nr < ARRAY_SIZE(names) && geometry_name(nr)) {
		names[nr] = geometry_name(nr);
		nr++;
	}
	s = nearest(s, names, nr);
	return json_error(at, "unknown geometry '%.40s' (%s '%s'?)", json_string_value(v),
			  s ? "did you mean" : "how about", s ? s : names[0]);
}

static int read_physical_bits(const json_t *v, const struct json_place *at, void *dst)
{
	struct machine_profile *p = dst;
	uint64_t n = 0;
	int rc = json_read_uint(v, at, 32, 52, &n);

	if (!rc)
		p->geometry.pa_bits = (uint8_t)n;
	return rc;
}

/* In this order: what comes later needs what comes before. */
static const struct json_field profile_fields[] = {
	{ "name", true, read_name },
	{ "description", true, read_description },
	SOURCE,
	{ "geometry", true, read_geometry },
	{ "physical_address_bits", false, read_physical_bits },
	{ "topology", true, read_topology },
	{ "tlb", true, read_tlb },
	{ "walk_caches", true, read_walk_caches },
	{ "asids", true, read_asids },
	{ "devices", false, read_devices },
	{ "cycles", true, read_cycles },
};

int profile_parse(const char *text, size_t len, const char *where, struct machine_profile **ret,
		  struct mmr_error *err)
{
	struct json_place root = { .err = err, .where = where };
	struct machine_profile *p;
	json_error_t why;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	int rc;

	if (!json)
		return err_set(err, -EINVAL, "%s:%d:%d: %s", where, why.line, why.column, why.text);
	p = xcalloc(1, sizeof(*p));
	rc = json_read_object(json, &root, profile_fields, ARRAY_SIZE(profile_fields), p);
	json_decref(json);
	if (rc) {
		profile_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void profile_free(struct machine_profile *p)
{
	if (!p)
		return;
	topology_finish(&p->topology);
	free(p->name);
	free(p->description);
	free(p->asid_kind);
	for (unsigned i = 0; i < p->nr_devices; i++)
		free(p->device[i].name);
	free(p);
}

static int load_file(const char *path, struct machine_profile **ret, struct mmr_error *err)
{
	char *text;
	size_t len;
	int rc = file_read_all(path, PROFILE_MAX_BYTES, &text, &len, err);

	if (rc)
		return rc;
	rc = profile_parse(text, len, path, ret, err);
	free(text);
	return rc;
}

static bool is_path(const char *name)
{
	size_t len = strlen(name);

	return strchr(name, '/') || (len > 5 && !strcmp(name + len - 5, ".json"));
}

int profile_load(const char *name, struct machine_profile **ret, struct mmr_error *err)
{
	const char *names[64], *near;
	size_t nr;

	if (is_path(name))
		return load_file(name, ret, err);
	for (nr = 0; nr < ARRAY_SIZE(names) && profile_builtin_name(nr); nr++) {
		names[nr] = profile_builtin_name(nr);
		if (!strcmp(names[nr], name))
			return profile_parse(profile_builtin_text(nr), strlen(profile_builtin_text(nr)), name, ret, err);
	}
	near = nearest(name, names, nr);
	if (near)
		return err_set(err, -ENOENT, "unknown machine '%.60s' (did you mean '%s'?)", name, near);
	return err_set(err, -ENOENT, "unknown machine '%.60s' (a profile's file name ends in .json)", name);
}
