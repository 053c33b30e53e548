/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay validate: the model beside the kernel that was captured. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/replay-file.h"
#include "report/json.h"
#include "report/table.h"

enum { OPT_JSON = 256, OPT_RECOVER };

static const struct cli_option options[] = {
	{OPT_JSON, "json", NULL, "print JSON"},
	{'o', "output", "FILE", "write to FILE instead of standard output"},
	{OPT_RECOVER, "recover", NULL, "skip damaged blocks and say what is missing"},
};

static const struct cli_usage usage = {
	"validate",
	"[OPTION]... TRACE",
	"Replay a trace as it was captured and set the model's counters beside the kernel's own.\n"
	"Exit status 1 when one of them is beyond its tolerance, or there is nothing to compare.",
	options,
	ARRAY_SIZE(options),
};

struct validate_args {
	struct trace_file_options file;
	const char *output;
	bool json, verbose;
};

static void to_text(const char *json, bool all, struct strbuf *sb)
{
	json_t *root = j_parse(json, strlen(json), NULL);

	table_print(root, all, sb);
	json_decref(root);
}

static int print_validation(struct replay_file *f, const struct validate_args *args)
{
	struct strbuf sb = {0};
	int ok, status;
	char *json = mmr_report_validation(f->replay, &ok);

	if (args->json)
		strbuf_addstr(&sb, json);
	else
		to_text(json, args->verbose, &sb);
	status = output_write(args->output, sb.s, sb.len);
	free(json);
	strbuf_finish(&sb);
	return status ? status : ok ? CLI_OK : CLI_NEGATIVE;
}

static int validate(const struct validate_args *args)
{
	struct replay_file f;
	int status = replay_file_open(&f, &args->file);

	if (status)
		return status;
	if (args->verbose)
		replay_file_explain(&f);
	status = replay_file_run(&f);
	if (!status && !args->file.quiet)
		trace_file_remarks(&f.trace);
	if (!status)
		status = print_validation(&f, args);
	replay_file_close(&f);
	return status;
}

int cmd_validate(int argc, char **argv)
{
	struct validate_args args = {.file = {.label = "validate"}};
	struct cli_args a;
	int opt;

	cli_args_init(&a, &usage, argc, argv);
	while ((opt = cli_args_next(&a)) > 0) {
		switch (opt) {
		case OPT_JSON:
			args.json = true;
			break;
		case OPT_RECOVER:
			args.file.recover = true;
			break;
		case 'o':
			args.output = a.value;
			break;
		default:
			if (args.file.path)
				return cli_usage_error(&usage, "one trace at a time");
			args.file.path = a.value;
		}
	}
	if (opt != CLI_END)
		return cli_args_status(&a);
	if (!args.file.path)
		return cli_usage_error(&usage, "no trace given");
	args.file.quiet = a.quiet;
	args.verbose = a.verbose;
	return validate(&args);
}
