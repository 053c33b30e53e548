/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay list: everything that can be named, from the tables that define it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "machine/profile.h"
#include "import/import.h"
#include "mm/vmstat.h"
#include "report/json.h"
#include "sim/settings.h"

static const struct cli_usage usage = {
	"list",
	"machines|policies|counters|events|formats|keys",
	"List what can be named in options, settings and results: name, then what it is.",
	NULL,
	0,
};

static void put(const char *name, const char *meaning)
{
	printf("%-32s %s\n", name, meaning);
}

static int list_machines(void)
{
	struct machine_profile *p;
	struct mmr_error err;

	for (size_t i = 0; profile_builtin_name(i); i++) {
		if (profile_load(profile_builtin_name(i), &p, &err)) {
			cli_error("%s", err.text);
			return CLI_HOST;
		}
		put(p->name, p->description);
		profile_free(p);
	}
	return CLI_OK;
}

/* A policy is a choice of a setting. */
static int list_policies(void)
{
	for (size_t i = 0; i < NR_SETTINGS_TABLES; i++) {
		const struct config_table *t = settings_table(NULL, i).table;

		for (size_t k = 0; k < t->nr; k++)
			for (size_t c = 0;
			     t->rows[k].type == CONFIG_CHOICE && t->rows[k].choices[c]; c++)
				printf("%s=%s\n", t->rows[k].key, t->rows[k].choices[c]);
	}
	return CLI_OK;
}

static void put_counters(const struct vmstat_info *info, size_t nr, bool kernel)
{
	char meaning[256];

	for (size_t i = 0; i < nr; i++) {
		if (!!info[i].is_kernel != kernel)
			continue;
		snprintf(meaning, sizeof(meaning), "[%s] %s", info[i].unit, info[i].meaning);
		put(info[i].key, meaning);
	}
}

static int list_counters(void)
{
	put_counters(zone_stat_info, NR_VM_ZONE_STAT_ITEMS, true);
	put_counters(node_stat_info, NR_VM_NODE_STAT_ITEMS, true);
	put_counters(vm_event_info, NR_VM_EVENT_ITEMS, true);
	put_counters(vm_event_info, NR_VM_EVENT_ITEMS, false);
	return CLI_OK;
}

static int list_events(void)
{
	size_t nr;
	const struct mmr_kind_info *kinds = mmr_kinds(&nr);

	for (size_t i = 0; i < nr; i++)
		put(kinds[i].name, kinds[i].meaning);
	return CLI_OK;
}

static int list_formats(void)
{
	put("mmt", "traces of mmreplay, mmreplay-trace(5)");
	for (size_t i = 0; trace_importers[i]; i++)
		put(trace_importers[i]->name, trace_importers[i]->summary);
	return CLI_OK;
}

/* "0 to 4G", "on or off", "never, madvise, always" */
static void values_text(const struct config_row *row, char *buf, size_t size)
{
	char min[32], max[32];
	size_t len = 0;

	switch (row->type) {
	case CONFIG_BOOL:
		snprintf(buf, size, "on or off");
		break;
	case CONFIG_CHOICE:
		for (size_t i = 0; row->choices[i] && len < size; i++)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
						row->choices[i]);
		break;
	case CONFIG_SIZE:
		snprintf(buf, size, "%s to %s", format_size(row->min, min, sizeof(min)),
			 format_size(row->max, max, sizeof(max)));
		break;
	case CONFIG_LIMIT:
		snprintf(buf, size, "%s%s, or %s", row->max == UINT64_MAX ? "a size" : "0 to ",
			 row->max == UINT64_MAX ? "" : format_size(row->max, max, sizeof(max)),
			 row->choices ? row->choices[0] : "max");
		break;
	case CONFIG_LIST:
		snprintf(buf, size, "%u numbers of %" PRIu64 " to %" PRIu64, config_nr_values(row),
			 row->min, row->max);
		break;
	case CONFIG_NODES:
		snprintf(buf, size, "nodes as in 0,2-3, or none");
		break;
	case CONFIG_WEIGHTS:
		snprintf(buf, size, "up to 64 numbers of 0 to 255, or none");
		break;
	case CONFIG_AREAS:
		snprintf(buf, size, "up to %d SIZE[:PRIORITY[:KIND]] with kinds", CONFIG_MAX_AREAS);
		for (size_t i = 0; row->choices[i]; i++)
			snprintf(buf + strlen(buf), size - strlen(buf), " %s", row->choices[i]);
		snprintf(buf + strlen(buf), size - strlen(buf), ", or none");
		break;
	default:
		snprintf(buf, size, "%" PRIu64 " to %" PRIu64, row->min, row->max);
	}
}

static int list_keys(void)
{
	char values[128], text[512];

	put("machine", "a profile's name, a JSON or an hwloc XML file (by the trace's CPU)");
	for (size_t i = 0; i < NR_SETTINGS_FILES; i++)
		put(settings_files[i].key, settings_files[i].help);
	for (size_t i = 0; i < NR_SETTINGS_TABLES; i++) {
		const struct config_table *t = settings_table(NULL, i).table;

		for (size_t k = 0; k < t->nr; k++) {
			values_text(&t->rows[k], values, sizeof(values));
			snprintf(text, sizeof(text), "%s (%s; %s)", t->rows[k].help, values,
				 t->rows[k].def);
			put(t->rows[k].key, text);
		}
	}
	return CLI_OK;
}

static const struct {
	const char *name;
	int (*list)(void);
} lists[] = {
	{"machines", list_machines}, {"policies", list_policies}, {"counters", list_counters},
	{"events", list_events},     {"formats", list_formats},	  {"keys", list_keys},
};

int cmd_list(int argc, char **argv)
{
	const char *what = NULL, *names[ARRAY_SIZE(lists)];
	struct cli_args a;
	int opt;

	cli_args_init(&a, &usage, argc, argv);
	while ((opt = cli_args_next(&a)) > 0) {
		if (what)
			return cli_usage_error(&usage, "one list at a time");
		what = a.value;
	}
	if (opt != CLI_END)
		return cli_args_status(&a);
	if (!what)
		return cli_usage_error(&usage, "no list named");
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		names[i] = lists[i].name;
		if (!strcmp(lists[i].name, what))
			return lists[i].list();
	}
	return cli_unknown("list", what, names, ARRAY_SIZE(lists));
}
