/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Texts of the captured allocator: see kernel-state.h. */
#include "sim/kernel-state.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/xalloc.h"

#define LINE_MAX_BYTES 512
#define WORD_BYTES     64
#define PCP_CPUS_MAX   65536

static const struct {
	const char *name;
	enum zone_type type;
} zone_names[] = {
	{"DMA", ZONE_DMA},	   {"DMA32", ZONE_DMA32},     {"Normal", ZONE_NORMAL},
	{"HighMem", ZONE_HIGHMEM}, {"Movable", ZONE_MOVABLE},
};

int zone_type_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(zone_names); i++)
		if (!strcmp(zone_names[i].name, name))
			return zone_names[i].type;
	return -1;
}

/* Copies the next line, cut to what fits. False at the end of the text. */
static bool next_line(const char **p, const char *end, char line[LINE_MAX_BYTES])
{
	size_t left = (size_t)(end - *p), n = 0, copy;

	if (!left)
		return false;
	while (n < left && (*p)[n] != '\n')
		n++;
	copy = n < LINE_MAX_BYTES - 1 ? n : LINE_MAX_BYTES - 1;
	memcpy(line, *p, copy);
	line[copy] = '\0';
	*p += n + (n < left);
	return true;
}

/* A word of at most 63 bytes behind blanks. The rest of the line, NULL when there is no such word. */
static const char *next_word(const char *s, char word[WORD_BYTES])
{
	size_t n;

	s += strspn(s, " \t");
	n = strcspn(s, " \t");
	if (n == 0 || n >= WORD_BYTES)
		return NULL;
	memcpy(word, s, n);
	word[n] = '\0';
	return s + n;
}

/* "Node 0, zone   Normal": what stands behind the name, NULL when the line is none of these. */
static const char *zone_head(const char *line, uint64_t *nid, char name[WORD_BYTES])
{
	char *end;

	if (strncmp(line, "Node ", 5))
		return NULL;
	*nid = strtoull(line + 5, &end, 10); /* an overflow is beyond all nodes */
	return end == line + 5 || strncmp(end, ", zone", 6) ? NULL : next_word(end + 6, name);
}

static uint32_t to_u32(uint64_t v)
{
	return v < INT32_MAX ? (uint32_t)v : INT32_MAX;
}

/* ---- zoneinfo ---- */

/* Where the walk over zoneinfo stands. */
struct walk {
	zone_marks_vec *zones;
	bool in_zone; /* of a name that the model knows */
	bool in_cpus; /* behind its first "cpu:" */
};

static struct zone_marks *at_hand(struct walk *w)
{
	return &w->zones->data[w->zones->nr - 1];
}

static void zone_mark(struct zone_marks *m, const char *word, uint64_t v)
{
	static const char *const names[NR_WMARK] = {
		[WMARK_MIN] = "min", [WMARK_LOW] = "low", [WMARK_HIGH] = "high",
		[WMARK_PROMO] = "promo"};

	for (unsigned i = 0; i < NR_WMARK; i++)
		if (!strcmp(word, names[i]))
			m->watermark[i] = v;
}

static void cpu_mark(struct zone_marks *m, const char *word, uint64_t value)
{
	struct pcp_marks *p = m->nr_pcp ? &m->pcp[m->nr_pcp - 1] : NULL;
	uint32_t v = to_u32(value);

	if (!p)
		return;
	if (!strcmp(word, "count:"))
		p->count = v;
	else if (!strcmp(word, "high:"))
		p->high = p->high_min = p->high_max = v; /* before Linux 6.7 it is the one mark */
	else if (!strcmp(word, "batch:"))
		p->batch = v ? v : 1;
	else if (!strcmp(word, "high_min:"))
		p->high_min = v;
	else if (!strcmp(word, "high_max:"))
		p->high_max = v;
}

/* "(0, 3019, 6219)": what requests for each of the node's zones must leave here. */
static void protection_line(struct zone_marks *m, const char *text)
{
	char *end;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++, text = end) {
		text += strcspn(text, "0123456789");
		m->lowmem_reserve[i] = strtoull(text, &end, 10); /* by place: place_reserves() */
	}
}

static void new_zone(struct walk *w, uint64_t nid, const char *name)
{
	int type = zone_type_of(name);

	w->in_cpus = false;
	w->in_zone = type >= 0 && nid < MAX_NUMNODES;
	if (!w->in_zone)
		return;
	*vec_push(w->zones) =
		(struct zone_marks){.nid = (unsigned)nid, .type = (enum zone_type)type};
}

static void new_cpu(struct zone_marks *m)
{
	if (m->nr_pcp == PCP_CPUS_MAX)
		return;
	m->pcp = xrealloc(m->pcp, m->nr_pcp + 1, sizeof(*m->pcp));
	m->pcp[m->nr_pcp++] = (struct pcp_marks){.batch = 1};
}

static void zoneinfo_line(struct walk *w, const char *line)
{
	char word[WORD_BYTES], *end;
	const char *paren, *rest;
	uint64_t nid, v;

	if (zone_head(line, &nid, word)) {
		new_zone(w, nid, word);
		return;
	}
	if (!w->in_zone)
		return;
	paren = strstr(line, "protection: (");
	if (paren) {
		protection_line(at_hand(w), paren);
		return;
	}
	rest = next_word(line, word);
	v = rest ? strtoull(rest, &end, 10) : 0;
	if (!rest || end == rest)
		return;
	if (!strcmp(word, "cpu:")) {
		w->in_cpus = true;
		new_cpu(at_hand(w));
	} else if (w->in_cpus) {
		cpu_mark(at_hand(w), word, v);
	} else if (!strcmp(word, "managed")) {
		at_hand(w)->managed_pages = v;
	} else {
		zone_mark(at_hand(w), word, v);
	}
}

/* Reserves stand by the place of a zone in its node's list; the model has them by type. */
static void place_reserves(zone_marks_vec *zones)
{
	for (size_t i = 0; i < zones->nr; i++) {
		struct zone_marks *m = &zones->data[i];
		uint64_t by_type[MAX_NR_ZONES] = {0};
		unsigned place = 0;

		for (size_t k = 0; k < zones->nr && place < MAX_NR_ZONES; k++)
			if (zones->data[k].nid == m->nid)
				by_type[zones->data[k].type] = m->lowmem_reserve[place++];
		/* A type that the kernel has no zone for is served like the one below it. */
		for (unsigned t = 1; t < MAX_NR_ZONES; t++)
			if (!by_type[t])
				by_type[t] = by_type[t - 1];
		memcpy(m->lowmem_reserve, by_type, sizeof(by_type));
	}
}

static void drop_empty(zone_marks_vec *zones)
{
	size_t nr = 0;

	for (size_t i = 0; i < zones->nr; i++) {
		if (zones->data[i].managed_pages)
			zones->data[nr++] = zones->data[i];
		else
			free(zones->data[i].pcp);
	}
	zones->nr = nr;
}

/* ---- pagetypeinfo ---- */

/* "Node 0, zone Normal 69 1485 46 ..." below the line "Number of blocks type". */
static void blocks_line(zone_marks_vec *zones, const char *line)
{
	char name[WORD_BYTES];
	uint64_t nid;
	const char *rest = zone_head(line, &nid, name);

	if (!rest)
		return;
	for (size_t i = 0; i < zones->nr; i++) {
		struct zone_marks *m = &zones->data[i];
		const char *p = rest;
		char *end;

		if (m->nid != nid || zone_type_of(name) != (int)m->type)
			continue;
		for (unsigned mt = 0; mt < MIGRATE_PCPTYPES; mt++, p = end)
			m->pageblocks[mt] = strtoull(p, &end, 10);
	}
}

void zone_marks_parse(zone_marks_vec *zones, const char *zoneinfo, const char *pagetypeinfo)
{
	struct walk w = {.zones = zones};
	char line[LINE_MAX_BYTES];
	const char *end;
	bool below = false;

	end = zoneinfo ? zoneinfo + strlen(zoneinfo) : NULL;
	for (const char *p = zoneinfo; p && next_line(&p, end, line);)
		zoneinfo_line(&w, line);
	place_reserves(zones);
	drop_empty(zones);
	end = pagetypeinfo ? pagetypeinfo + strlen(pagetypeinfo) : NULL;
	for (const char *p = pagetypeinfo; p && next_line(&p, end, line);) {
		if (below)
			blocks_line(zones, line);
		below |= strstr(line, "Number of blocks type") != NULL;
	}
}

void zone_marks_finish(zone_marks_vec *zones)
{
	for (size_t i = 0; i < zones->nr; i++)
		free(zones->data[i].pcp);
	vec_finish(zones);
}

/* ---- buddyinfo ---- */

void buddyinfo_parse(buddyinfo_vec *rows, const char *text, size_t len)
{
	char line[LINE_MAX_BYTES], name[WORD_BYTES];
	const char *p = text;
	uint64_t nid;

	while (p && next_line(&p, text + len, line)) {
		struct buddyinfo_row row = {0};
		const char *s = zone_head(line, &nid, name);
		char *end;

		if (!s || zone_type_of(name) < 0 || nid >= MAX_NUMNODES)
			continue;
		row.nid = (unsigned)nid;
		row.type = (enum zone_type)zone_type_of(name);
		for (unsigned order = 0; order < MAX_ORDER_LIMIT; order++, s = end) {
			row.nr_free[order] = strtoull(s, &end, 10);
			if (end == s)
				break;
		}
		*vec_push(rows) = row;
	}
}
