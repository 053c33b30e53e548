/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Start states of memory: see start-state.h. */
#include "sim/start-state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/file.h"
#include "mm/compaction.h"
#include "mm/huge_pmd.h"

#define AT(member)	offsetof(struct fragmentation_config, member)
#define TEXT_MAX_BYTES	(4ull << 20) /* of a file with a captured state */
#define HOUR_NS		(3600ull * 1000000000)

static const char *const initial_names[] = {"fresh", "captured", "aged", NULL};

static const struct config_row rows[] = {
	{"fragmentation.initial", CONFIG_CHOICE, AT(initial), "fresh", 0, 0, initial_names,
	 "memory before the first event: as boot leaves it, with the free lists of a real machine, or "
	 "fragmented on purpose"},
	{"fragmentation.initial.degree", CONFIG_UINT, AT(degree), "500", 0, 1000, NULL,
	 "aged: unusable free space index of the order, in thousandths: 0 all free memory is in blocks "
	 "large enough, 1000 none"},
	{"fragmentation.initial.order", CONFIG_UINT, AT(order), "0", 0, MAX_ORDER_LIMIT - 1, NULL,
	 "aged: the order whose blocks are meant; 0: that of a huge page"},
	{"fragmentation.initial.used", CONFIG_UINT, AT(used), "50", 1, 99, NULL,
	 "aged: percent of each zone's memory that is in use"},
	{"fragmentation.initial.unmovable", CONFIG_UINT, AT(unmovable), "20", 0, 100, NULL,
	 "aged: percent of the memory in use that is unmovable"},
	{"fragmentation.initial.reclaimable", CONFIG_UINT, AT(reclaimable), "10", 0, 100, NULL,
	 "aged: percent of the memory in use that is reclaimable; the rest is movable"},
	{"fragmentation.initial.seed", CONFIG_UINT, AT(seed), "1", 0, UINT64_MAX, NULL,
	 "aged, captured: the same seed puts everything at the same place"},
	{"fragmentation.initial.compact", CONFIG_BOOL, AT(compact), "off", 0, 0, NULL,
	 "all memory is compacted before the first event: /proc/sys/vm/compact_memory"},
	{"fragmentation.pressure.rate", CONFIG_UINT, AT(pressure_rate), "0", 0, 1000000000, NULL,
	 "allocations a second of the model's clock by others while the trace is replayed; 0: none"},
	{"fragmentation.pressure.order", CONFIG_UINT, AT(pressure_order), "3", 0,
	 MAX_ORDER_LIMIT - 1, NULL,
	 "their largest order; each order is half as likely as the one below"},
	{"fragmentation.pressure.lifetime", CONFIG_TIME, AT(pressure_lifetime_ns), "1s", 1000000,
	 HOUR_NS, NULL, "how long they last on average, evenly between nothing and twice that"},
	{"fragmentation.pressure.unmovable", CONFIG_UINT, AT(pressure_unmovable), "50", 0, 100, NULL,
	 "percent of them that are unmovable"},
	{"fragmentation.pressure.reclaimable", CONFIG_UINT, AT(pressure_reclaimable), "20", 0, 100,
	 NULL, "percent of them that are reclaimable; the rest is movable"},
	{"fragmentation.pressure.seed", CONFIG_UINT, AT(pressure_seed), "1", 0, UINT64_MAX, NULL,
	 "what they are drawn from"},
};

const struct config_table fragmentation_config_table = {"fragmentation", rows, ARRAY_SIZE(rows)};

/* ---- reading ---- */

/* One text, line by line. */
struct parse {
	const char *name, *at;
	unsigned line;
	unsigned max_order;
	zone_state_vec *states;
	struct mmr_error *err;
};

static const char *const zone_names[MAX_NR_ZONES] = {
	[ZONE_DMA] = "DMA", [ZONE_DMA32] = "DMA32", [ZONE_NORMAL] = "Normal",
	[ZONE_HIGHMEM] = "HighMem", [ZONE_MOVABLE] = "Movable",
};
static const char *const type_names[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "Unmovable", [MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable", [MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_CMA] = "CMA", [MIGRATE_ISOLATE] = "Isolate",
};

static int name_index(const char *const *names, unsigned nr, const char *name)
{
	for (unsigned i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

static int bad_line(const struct parse *p, const char *what)
{
	return err_set(p->err, -EBADMSG, "%s, line %u: %s", p->name, p->line, what);
}

/* The state of a zone, made when it is the first that is said of it. */
static struct zone_state *state_of(zone_state_vec *states, unsigned nid, enum zone_type type)
{
	struct zone_state *s;

	for (size_t i = 0; i < states->nr; i++)
		if (states->data[i].nid == nid && states->data[i].type == type)
			return &states->data[i];
	s = vec_push(states);
	*s = (struct zone_state){.nid = nid, .type = type};
	return s;
}

/* Blanks and then exactly this. */
static bool skip(const char **at, const char *what)
{
	const char *p = *at + strspn(*at, " \t");
	size_t len = strlen(what);

	if (strncmp(p, what, len))
		return false;
	*at = p + len;
	return true;
}

#define NAME_BYTES 16

/* A word of letters and digits; false when there is none, or a longer one than any that is known. */
static bool read_name(const char **at, char name[NAME_BYTES])
{
	const char *p = *at + strspn(*at, " \t");
	size_t len = 0;

	while ((p[len] >= '0' && p[len] <= '9') || (p[len] >= 'A' && p[len] <= 'Z') ||
	       (p[len] >= 'a' && p[len] <= 'z'))
		len++;
	if (!len || len >= NAME_BYTES)
		return false;
	memcpy(name, p, len);
	name[len] = '\0';
	*at = p + len;
	return true;
}

/* The next number of a line. *is_least: it had a '>' before it. False: there is none. */
static bool read_number(const char **at, uint64_t *ret, bool *is_least)
{
	char *end;

	*is_least = skip(at, ">");
	*at += strspn(*at, " \t");
	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*ret = strtoull(*at, &end, 10);
	*at = end;
	return !errno && *ret <= UINT32_MAX; /* frames have 32 bits */
}

/*
 * "Node 0, zone   Normal" and what follows. *ret NULL: a zone that the model has no name for
 * ("Device"). False: no such line.
 */
static bool read_zone(struct parse *p, const char *line, struct zone_state **ret, const char **rest)
{
	char name[NAME_BYTES];
	bool is_least;
	uint64_t nid;
	int type;

	if (!skip(&line, "Node") || !read_number(&line, &nid, &is_least) || !skip(&line, ",") ||
	    !skip(&line, "zone") || !read_name(&line, name))
		return false;
	type = name_index(zone_names, MAX_NR_ZONES, name);
	*rest = line;
	*ret = type >= 0 && nid < MAX_NUMNODES
		       ? state_of(p->states, (unsigned)nid, (enum zone_type)type)
		       : NULL;
	return true;
}

/* ", type    Unmovable     40      3 ..." */
static int free_counts(struct parse *p, struct zone_state *s, const char *rest)
{
	char name[NAME_BYTES];
	int mt;
	uint64_t nr;
	bool is_least;
	unsigned order = 0;

	if (!skip(&rest, ",") || !skip(&rest, "type") || !read_name(&rest, name))
		return bad_line(p, "no migrate type");
	mt = name_index(type_names, MIGRATE_TYPES, name);
	if (mt < 0)
		return bad_line(p, "a migrate type that is not known");
	for (; read_number(&rest, &nr, &is_least); order++) {
		if (order > p->max_order && nr)
			return bad_line(p, "an order that this machine has not");
		if (order <= p->max_order)
			s->free[order][mt] = is_least ? UINT64_MAX : nr;
	}
	if (rest[strspn(rest, " \t\r")])
		return bad_line(p, "a number expected");
	return order ? 0 : bad_line(p, "no numbers");
}

/* "Number of blocks type     Unmovable      Movable ...": which column is which. */
static unsigned block_columns(const char *line, uint8_t columns[MIGRATE_TYPES])
{
	char name[NAME_BYTES];
	unsigned nr = 0;

	while (nr < MIGRATE_TYPES && read_name(&line, name)) {
		int mt = name_index(type_names, MIGRATE_TYPES, name);

		columns[nr++] = mt < 0 ? MIGRATE_ISOLATE : (uint8_t)mt;
	}
	return nr;
}

static int block_counts(struct parse *p, struct zone_state *s, const char *rest,
			const uint8_t *columns, unsigned nr_columns)
{
	bool is_least;

	for (unsigned i = 0; i < nr_columns; i++)
		if (!read_number(&rest, &s->pageblocks[columns[i]], &is_least))
			return bad_line(p, "fewer numbers than types");
	return 0;
}

/* Copies the next line. False at the end. */
static bool next_line(struct parse *p, char *line, size_t size)
{
	size_t len = strcspn(p->at, "\n"), copy = len < size ? len : size - 1;

	if (!*p->at)
		return false;
	memcpy(line, p->at, copy);
	line[copy] = '\0';
	p->at += len + (p->at[len] == '\n');
	p->line++;
	return true;
}

static int parse_pagetypeinfo(struct parse *p)
{
	static const char blocks[] = "Number of blocks type";
	uint8_t columns[MIGRATE_TYPES];
	unsigned nr_columns = 0;
	char line[512];
	int rc = 0;

	while (!rc && next_line(p, line, sizeof(line))) {
		struct zone_state *s;
		const char *rest;

		if (!strncmp(line, blocks, sizeof(blocks) - 1)) {
			nr_columns = block_columns(line + sizeof(blocks) - 1, columns);
			continue;
		}
		if (!read_zone(p, line, &s, &rest) || !s)
			continue;
		if (*rest == ',')
			rc = free_counts(p, s, rest);
		else if (nr_columns)
			rc = block_counts(p, s, rest, columns, nr_columns);
		else
			rc = bad_line(p, "pageblocks of types that no line has named");
	}
	if (!rc && !p->states->nr)
		rc = err_set(p->err, -EBADMSG, "%s: no zone in it", p->name);
	return rc;
}

/* What buddyinfo has of an order and pagetypeinfo has cut off, or (alone) all of it, movable. */
static void settle(struct zone_state *s, unsigned order, uint64_t nr, bool is_alone)
{
	uint64_t known = 0;

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		known += s->free[order][mt] == UINT64_MAX ? 0 : s->free[order][mt];
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		if (s->free[order][mt] == UINT64_MAX)
			s->free[order][mt] = nr > known ? nr - known : 0;
	if (is_alone)
		s->free[order][MIGRATE_MOVABLE] = nr;
}

static int parse_buddyinfo(struct parse *p, bool is_alone)
{
	char line[512];

	while (next_line(p, line, sizeof(line))) {
		struct zone_state *s;
		const char *rest;
		unsigned order = 0;
		bool is_least;
		uint64_t nr;

		if (!read_zone(p, line, &s, &rest))
			return bad_line(p, "no node and zone");
		for (; s && read_number(&rest, &nr, &is_least); order++) {
			if (order > p->max_order && nr)
				return bad_line(p, "an order that this machine has not");
			if (order <= p->max_order)
				settle(s, order, nr, is_alone);
		}
		if (s && (!order || rest[strspn(rest, " \t\r")]))
			return bad_line(p, "a number expected");
	}
	return 0;
}

/* Managed pages; what is not understood is not needed. */
static void parse_zoneinfo(struct parse *p)
{
	struct zone_state *s = NULL;
	char line[512];

	while (next_line(p, line, sizeof(line))) {
		const char *rest, *at = line;
		bool is_least;
		uint64_t nr;
		size_t known = p->states->nr;

		if (read_zone(p, line, &s, &rest)) {
			if (p->states->nr > known) { /* a zone without a line in the others */
				p->states->nr = known;
				s = NULL;
			}
		} else if (s && skip(&at, "managed") && read_number(&at, &nr, &is_least)) {
			s->managed_pages = nr;
		}
	}
}

static int no_cut_off(const zone_state_vec *states, const char *name, struct mmr_error *err)
{
	for (size_t i = 0; i < states->nr; i++)
		for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++)
			for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
				if (states->data[i].free[o][mt] == UINT64_MAX)
					return err_set(err, -EBADMSG,
						       "%s has only a least number of %s blocks of order "
						       "%u: buddyinfo is needed as well",
						       name, type_names[mt], o);
	return 0;
}

int zone_states_parse(zone_state_vec *states, const struct state_texts *t, unsigned max_order,
		      struct mmr_error *err)
{
	struct parse p = {.max_order = max_order, .states = states, .err = err};
	int rc = 0;

	if (t->pagetypeinfo) {
		p.name = t->pagetypeinfo_name;
		p.at = t->pagetypeinfo;
		rc = parse_pagetypeinfo(&p);
	}
	if (!rc && t->buddyinfo) {
		p.name = t->buddyinfo_name;
		p.at = t->buddyinfo;
		p.line = 0;
		rc = parse_buddyinfo(&p, !t->pagetypeinfo);
	}
	if (!rc)
		rc = no_cut_off(states, t->pagetypeinfo_name, err);
	if (!rc && t->zoneinfo) {
		p.at = t->zoneinfo;
		parse_zoneinfo(&p);
	}
	return rc;
}

/* ---- files ---- */

static int read_text(const char *path, char **ret, struct mmr_error *err)
{
	size_t len;

	if (file_read_all(path, TEXT_MAX_BYTES, ret, &len, err))
		return -EBADMSG;
	if (strlen(*ret) == len)
		return 0;
	free(*ret);
	*ret = NULL;
	return err_set(err, -EBADMSG, "'%s' is no text of /proc", path);
}

static int captured_texts(struct state_texts *t, char *read[2], const struct state_files *files,
			  const struct trace_meta *meta, struct mmr_error *err)
{
	int rc = 0;

	*t = (struct state_texts){.buddyinfo_name = files->buddyinfo,
				  .pagetypeinfo_name = files->pagetypeinfo};
	if (files->buddyinfo)
		rc = read_text(files->buddyinfo, &read[0], err);
	if (!rc && files->pagetypeinfo)
		rc = read_text(files->pagetypeinfo, &read[1], err);
	t->buddyinfo = read[0];
	t->pagetypeinfo = read[1];
	if (rc || t->buddyinfo || t->pagetypeinfo)
		return rc;
	t->buddyinfo = json_string_value(trace_meta_get(meta, "memory/buddyinfo"));
	t->pagetypeinfo = json_string_value(trace_meta_get(meta, "memory/pagetypeinfo"));
	t->zoneinfo = json_string_value(trace_meta_get(meta, "memory/zoneinfo"));
	t->buddyinfo_name = "the trace's memory/buddyinfo";
	t->pagetypeinfo_name = "the trace's memory/pagetypeinfo";
	if (t->buddyinfo || t->pagetypeinfo)
		return 0;
	return err_set(err, -ENODATA,
		       "the trace does not say what was free when it was captured: "
		       "fragmentation.initial=captured needs fragmentation.initial.pagetypeinfo or "
		       "fragmentation.initial.buddyinfo");
}

/* What the trace knows of its zones without their whole text. */
static void managed_pages(zone_state_vec *states, const json_t *zones)
{
	size_t i;
	json_t *zone;

	json_array_foreach((json_t *)zones, i, zone)
	{
		json_int_t nid = json_integer_value(json_object_get(zone, "node")),
			   nr = json_integer_value(json_object_get(zone, "managed_pages"));
		const char *name = json_string_value(json_object_get(zone, "zone"));
		int type = name ? name_index(zone_names, MAX_NR_ZONES, name) : -1;

		for (size_t s = 0; s < states->nr && nr > 0; s++)
			if (states->data[s].nid == nid && (int)states->data[s].type == type)
				states->data[s].managed_pages = (uint64_t)nr;
	}
}

static int apply_captured(struct memory *mem, const struct fragmentation_config *conf,
			  const struct state_files *files, const struct trace_meta *meta,
			  struct mmr_error *err)
{
	zone_state_vec states = {0};
	struct state_texts t;
	char *read[2] = {NULL, NULL};
	int rc = captured_texts(&t, read, files, meta, err);

	if (!rc)
		rc = zone_states_parse(&states, &t, mem->geo->max_order, err);
	if (!rc && !t.zoneinfo && !files->buddyinfo && !files->pagetypeinfo)
		managed_pages(&states, trace_meta_get(meta, "memory/zones"));
	if (!rc)
		rc = memory_set_state(mem, states.data, states.nr, conf->seed, err);
	vec_finish(&states);
	free(read[0]);
	free(read[1]);
	return rc;
}

int start_state_apply(struct memory *mem, const struct fragmentation_config *conf,
		      const struct state_files *files, const struct trace_meta *meta,
		      struct mmr_error *err)
{
	struct ageing_spec spec = {
		.degree = (unsigned)conf->degree,
		.order = (unsigned)(conf->order ? conf->order : hpage_order(mem)),
		.used = (unsigned)conf->used,
		.unmovable = (unsigned)conf->unmovable,
		.reclaimable = (unsigned)conf->reclaimable,
		.seed = conf->seed,
	};

	uint64_t events[NR_VM_EVENT_ITEMS];
	int rc = 0;

	if (conf->initial == INITIAL_AGED)
		rc = age_memory(mem, &spec, err);
	else if (conf->initial == INITIAL_CAPTURED)
		rc = apply_captured(mem, conf, files, meta, err);
	if (!rc && conf->compact) {
		memcpy(events, mem->vm_event, sizeof(events));
		compact_nodes(mem);
		memcpy(mem->vm_event, events, sizeof(events));
	}
	return rc;
}
