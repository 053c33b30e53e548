/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading the metadata of a trace. */
#include "sim/metadata.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"

#define KEY_MAX 64

const json_t *trace_meta_get(const struct trace_meta *m, const char *path)
{
	const json_t *at = m->root;
	char key[KEY_MAX];

	while (at) {
		size_t len = strcspn(path, "/");

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		at = json_object_get(at, key);
		if (!path[len])
			return at;
		path += len + 1;
	}
	return NULL;
}

uint64_t trace_meta_u64(const struct trace_meta *m, const char *path)
{
	json_int_t v = json_integer_value(trace_meta_get(m, path));

	return v > 0 ? (uint64_t)v : 0;
}

static const char *meta_string(const struct trace_meta *m, const char *path)
{
	return json_string_value(trace_meta_get(m, path));
}

static enum mmr_basis basis_of(const char *name)
{
	static const struct {
		const char *name;
		enum mmr_basis basis;
	} rows[] = {{"faults", MMR_BASIS_FAULTS},
		    {"sampled", MMR_BASIS_SAMPLED},
		    {"exact", MMR_BASIS_EXACT}};

	for (size_t i = 0; name && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].basis;
	return 0;
}

int trace_meta_parse(struct trace_meta *m, const char *text, struct mmr_error *err)
{
	json_error_t why;

	*m = (struct trace_meta){.root = json_loads(text, 0, &why)};
	if (!json_is_object(m->root)) {
		trace_meta_finish(m);
		return err_set(err, -EINVAL, "the trace's metadata is not a JSON object");
	}
	m->basis_name = meta_string(m, "basis");
	m->basis = basis_of(m->basis_name);
	if (!m->basis) {
		err_set(err, -EINVAL, "the trace's metadata names no basis that is known ('%s')",
			m->basis_name ? m->basis_name : "");
		trace_meta_finish(m);
		return -EINVAL;
	}
	m->interleaving = meta_string(m, "capture/interleaving");
	m->method = meta_string(m, "capture/method");
	m->arch = meta_string(m, "machine/arch");
	m->cpu_vendor = meta_string(m, "machine/cpu_vendor");
	m->cpu_model = meta_string(m, "machine/cpu_model");
	m->nr_cpus = trace_meta_u64(m, "machine/cpus_configured");
	if (!m->nr_cpus)
		m->nr_cpus = trace_meta_u64(m, "machine/cpus");
	m->memory_bytes = trace_meta_u64(m, "machine/memory_bytes");
	m->base_page_bytes = trace_meta_u64(m, "machine/base_page_bytes");
	m->va_bits = trace_meta_u64(m, "machine/virtual_address_bits");
	return 0;
}

void trace_meta_finish(struct trace_meta *m)
{
	json_decref(m->root);
	*m = (struct trace_meta){0};
}
