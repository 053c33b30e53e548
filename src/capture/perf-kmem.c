/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Tracepoints that have an event of their own: pages, slab objects, vmalloc areas, signals. One row
 * each: the fields of the tracepoint in the order of the fields of our event. Any other
 * tracepoint is a SAMPLE.
 */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "capture/perf-decode-priv.h"

static const struct kmem_row {
	const char *name; /* "system:event" */
	uint16_t kind;
	const char *fields[MMR_MAX_ARGS]; /* NULL: stays 0 */
	int node_field;	 /* this one is a node: -1 any -> 0, n -> n + 1; 0 for none */
	int cache_field; /* this one is the id of a cache, by its name; 0 for none */
	uint64_t last;	 /* value of the last field, where no field of the tracepoint is */
	const char *failed; /* a field that is not 0 when nothing was given */
} rows[] = {
	{"kmem:mm_page_alloc",
	 MMR_PAGE_ALLOC,
	 {"pfn", "order", "gfp_flags", "migratetype"},
	 0,
	 0,
	 0,
	 NULL},
	{"kmem:mm_page_free", MMR_PAGE_FREE, {"pfn", "order"}, 0, 0, 0, NULL},
	/* In the batch there is a mm_page_free of the same page as well, a little earlier. */
	{"kmem:mm_page_free_batched", MMR_PAGE_FREE, {"pfn"}, 0, 0, 1, NULL},
	{"kmem:kmalloc",
	 MMR_KMALLOC,
	 {"ptr", "bytes_req", "bytes_alloc", "gfp_flags", "node", "call_site"},
	 4,
	 0,
	 0,
	 NULL},
	{"kmem:kfree", MMR_KFREE, {"ptr", "call_site"}, 0, 0, 0, NULL},
	{"kmem:kmem_cache_alloc",
	 MMR_CACHE_ALLOC,
	 {"ptr", "name", "bytes_req", "bytes_alloc", "gfp_flags", "node"},
	 5,
	 1,
	 0,
	 NULL},
	{"kmem:kmem_cache_free", MMR_CACHE_FREE, {"ptr", "name"}, 0, 1, 0, NULL},
	{"vmalloc:alloc_vmap_area", MMR_VMALLOC, {"addr", "size"}, 0, 0, 0, "failed"},
	{"vmalloc:free_vmap_area_noflush", MMR_VFREE, {"va_start"}, 0, 0, 0, NULL},
	{"signal:signal_deliver", MMR_SIGNAL, {"sig"}, 0, 0, 0, NULL},
};

static const struct kmem_row *find_row(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

/* The id of a slab cache; its name goes into the event that names it first. */
static uint64_t cache_id(struct decoder *d, const char *name, struct mmr_event *ev)
{
	for (size_t i = 0; i < d->caches.nr; i++) {
		if (strcmp(d->caches.data[i], name) == 0)
			return i + 1;
	}
	*vec_push(&d->caches) = xstrdup(name);
	ev->data = name;
	ev->data_len = (uint32_t)strlen(name);
	return d->caches.nr;
}

void decode_early(struct decoder *d, const struct perf_sample_head *h)
{
	const struct perf_source *src =
		h->header.size >= sizeof(*h) ? perf_session_source(d->session, h->id) : NULL;
	const struct kmem_row *row =
		src && src->role == PERF_ROLE_USER ? find_row(src->name) : NULL;
	struct perf_sample_rest rest;

	if (row == NULL || (row->kind != MMR_PAGE_ALLOC && row->kind != MMR_PAGE_FREE))
		return;
	perf_sample_parse(src, h, &rest);
	uint64_t pfn = tp_u64(tp_field(&src->fmt, "pfn"), rest.raw, rest.raw_size);
	uint64_t order = tp_u64(tp_field(&src->fmt, "order"), rest.raw, rest.raw_size);

	if (row->kind == MMR_PAGE_ALLOC)
		memory_state_alloc(d->memory, pfn, order, h->time);
	else if (!row->last)
		memory_state_free(d->memory, pfn, order, h->time);
}

int decode_user_tracepoint(struct decoder *d, const struct perf_source *src,
			   const struct perf_sample_rest *rest, const struct mmr_event *at,
			   bool *ret_known, struct mmr_error *err)
{
	const struct kmem_row *row = find_row(src->name);
	unsigned nr = row ? mmr_kind_info(row->kind)->nr_fields : 0;
	struct mmr_event ev = {.cpu = at->cpu, .task = at->task, .time_ns = at->time_ns};

	*ret_known = row != NULL;
	if (row == NULL)
		return 0;
	if (row->failed && tp_u64(tp_field(&src->fmt, row->failed), rest->raw, rest->raw_size))
		return 0;
	ev.kind = row->kind;
	if (row->last)
		ev.arg[nr - 1] = row->last;
	for (unsigned i = 0; i < nr; i++) {
		const struct tp_field *f =
			row->fields[i] ? tp_field(&src->fmt, row->fields[i]) : NULL;

		if (f == NULL)
			continue;
		if (row->cache_field == (int)i && i)
			ev.arg[i] = cache_id(d, tp_string(f, rest->raw, rest->raw_size), &ev);
		else
			ev.arg[i] = tp_u64(f, rest->raw, rest->raw_size);
		if (row->node_field == (int)i && i)
			ev.arg[i] = (uint64_t)((int64_t)(int32_t)ev.arg[i] + 1);
	}
	return decoder_emit(d, &ev, err);
}
