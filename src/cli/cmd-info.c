/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay info: a summary of a trace. */
#include "base/bug.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/query.h"
#include "report/table.h"
#include "report/trace_info.h"

static const struct cli_option options[] = {
	QUERY_OPTIONS("print JSON, with the whole metadata"),
};

static const struct cli_usage usage = {
	"info",
	"[OPTION]... TRACE",
	"Say what is in a trace: basis, events, accesses, losses, machine.",
	options,
	ARRAY_SIZE(options),
};

/* For people, the metadata is too long: the machine and the command are enough. */
static void shorten_metadata(json_t *root)
{
	json_t *meta = json_object_get(root, "metadata");
	static const char *const dropped[] = {"memory", "mitigations", "units"};

	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		json_object_del(meta, dropped[i]);
}

static int print_info(json_t *root, const struct query *args)
{
	struct strbuf sb = {0};
	int status;

	if (args->json) {
		j_text(root, &sb);
	} else {
		if (!args->verbose)
			shorten_metadata(root);
		table_print(root, args->verbose, &sb);
	}
	status = output_write(args->output, sb.s, sb.len);
	strbuf_finish(&sb);
	return status;
}

static int info(const struct query *args)
{
	struct trace_info summary;
	struct trace_file f;
	struct mmr_item item;
	int status = trace_file_open(&f, &args->file);
	json_t *root;

	if (status)
		return status;
	trace_info_init(&summary);
	while (trace_file_next(&f, &item))
		trace_info_add(&summary, &item);
	status = f.status;
	if (!status) {
		root = trace_info_json(&summary, mmr_reader_stats(f.reader),
				       mmr_reader_metadata(f.reader));
		status = print_info(root, args);
		json_decref(root);
		if (!args->file.quiet)
			trace_file_remarks(&f);
	}
	trace_info_finish(&summary);
	trace_file_close(&f);
	return status;
}

int cmd_info(int argc, char **argv)
{
	struct query q;
	int status;

	return query_parse(&q, &usage, argc, argv, &status) ? info(&q) : status;
}
