/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The section `config`: everything that decides the result. Its `settings` can be given to run -c
 * again.
 */
#include "report/report.h"

static void put_setting(json_t *settings, const struct config_row *row, const void *conf)
{
	const uint64_t *values = (const void *)((const char *)conf + row->offset), value = *values;
	char text[CONFIG_TEXT];

	if (row->type == CONFIG_LIST) {
		json_t *list = j_array(settings, row->key);

		for (unsigned i = 0; i < config_nr_values(row); i++)
			json_array_append_new(list, json_integer((json_int_t)values[i]));
	} else if (row->type == CONFIG_NODES || row->type == CONFIG_WEIGHTS || row->type == CONFIG_AREAS)
		j_str(settings, row->key, config_format(row, conf, text, sizeof(text)));
	else if (row->type == CONFIG_LIMIT && value == UINT64_MAX)
		j_str(settings, row->key, config_format(row, conf, text, sizeof(text)));
	else if (row->type == CONFIG_BOOL)
		j_bool(settings, row->key, value);
	else if (row->type == CONFIG_CHOICE)
		j_str(settings, row->key, row->choices[value]);
	else
		j_u64(settings, row->key, value);
}

static void put_cgroup(void *ctx, const char *key, const char *value)
{
	j_str(ctx, key, value);
}

static void put_settings(json_t *config, struct settings *s, const char *machine)
{
	json_t *settings = j_object(config, "settings");

	j_str(settings, "machine", machine);
	for (size_t i = 0; i < NR_SETTINGS_FILES; i++) {
		const char *file = *(char **)((char *)s + settings_files[i].offset);

		if (file)
			j_str(settings, settings_files[i].key, file);
	}
	for (size_t i = 0; i < NR_SETTINGS_TABLES; i++) {
		struct settings_table t = settings_table(s, i);

		for (size_t k = 0; k < t.table->nr; k++)
			put_setting(settings, &t.table->rows[k], t.conf);
	}
	cgroup_specs_each(&s->cgroups, put_cgroup, settings);
}

static void put_topology(json_t *config, const struct topology *t)
{
	json_t *topology = j_object(config, "topology"), *nodes = j_array(topology, "nodes"),
	       *distances;

	for (unsigned n = 0; n < t->nr_nodes; n++) {
		json_t *node = json_object();
		uint64_t cpus = 0;

		for (unsigned i = 0; i < t->nr_cpus; i++)
			cpus += t->cpu_node[i] == n;
		j_u64(node, "cpus", cpus);
		j_u64(node, "memory_bytes", t->node_bytes[n]);
		json_array_append_new(nodes, node);
	}
	distances = j_array(topology, "distances");
	for (unsigned n = 0; n < t->nr_nodes; n++) {
		json_t *row = json_array();

		for (unsigned m = 0; m < t->nr_nodes; m++)
			json_array_append_new(row, json_integer(t->distance[n * t->nr_nodes + m]));
		json_array_append_new(distances, row);
	}
}

void report_config(struct report *rep)
{
	struct mmr_replay *r = rep->r;
	json_t *config = j_object(rep->root, "config");

	j_str(config, "machine_description", r->sys->profile->description);
	j_str(config, "geometry", r->sys->geo->name);
	j_str(config, "topology_source", r->sys->topology_source);
	j_bool(config, "forced", r->settings.force);
	put_settings(config, &r->settings, r->sys->profile->name);
	put_topology(config, &r->sys->topology);
}
