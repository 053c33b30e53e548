/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay compare: two results beside each other, with rules that fail. */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "report/compare.h"
#include "report/json.h"

enum { OPT_FORMAT = 256, OPT_FAIL, OPT_FORCE, OPT_ALL };

static const struct cli_option options[] = {
	{OPT_FAIL, "fail", "RULE",
	 "exit 1 when this breaks, as in 'tlb.*.walks>+2%'; may be repeated"},
	{OPT_FORMAT, "format", "NAME", "text, json or markdown"},
	{OPT_ALL, "all", NULL, "list what is equal too"},
	{OPT_FORCE, "force", NULL, "compare results of different traces"},
	{'o', "output", "FILE", "write to FILE instead of standard output"},
};

static const struct cli_usage usage = {
	"compare", "[OPTION]... BASE NEW", "Compare two results of run, info or validate.",
	options,   ARRAY_SIZE(options),
};

#define RESULT_MAX_BYTES (64u << 20)

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN, NR_FORMATS };
static const char *const format_names[] = {"text", "json", "markdown"};

struct compare_args {
	const char *path[2];
	unsigned nr_paths;
	const char *output;
	enum format format;
	bool all, force;
	struct compare compare;
};

static json_t *load(const char *path, int *ret_status)
{
	struct mmr_error err = {.text = ""};
	struct strbuf sb = {0};
	json_t *root = NULL;
	int rc = input_read(path, RESULT_MAX_BYTES, &sb, &err);

	if (!rc) {
		root = j_parse(sb.s, sb.len, &err);
		rc = root ? 0 : -EINVAL;
	}
	if (rc)
		*ret_status = cli_input_error(path, rc, &err);
	strbuf_finish(&sb);
	return root;
}

static int print_comparison(const struct compare_args *args)
{
	struct strbuf sb = {0};
	json_t *root;
	int status;

	if (args->format == FORMAT_JSON) {
		root = compare_json(&args->compare);
		j_text(root, &sb);
		json_decref(root);
	} else {
		compare_text(&args->compare, args->all, args->format == FORMAT_MARKDOWN, &sb);
	}
	status = output_write(args->output, sb.s, sb.len);
	strbuf_finish(&sb);
	return status;
}

static int compare(struct compare_args *args)
{
	struct mmr_error err = {.text = ""};
	int status = CLI_OK, rc;
	json_t *base = load(args->path[0], &status),
	       *now = base ? load(args->path[1], &status) : NULL;

	if (now) {
		rc = compare_results(&args->compare, base, now, args->force, &err);
		if (rc)
			cli_error("%s, %s: %s", args->path[0], args->path[1], err.text);
		if (rc)
			status = rc == -EINVAL ? CLI_BAD_INPUT : CLI_USAGE;
		else
			status = print_comparison(args);
		if (!status && args->compare.failed)
			status = CLI_NEGATIVE;
	}
	json_decref(base);
	json_decref(now);
	return status;
}

static int set_format(struct compare_args *args, const char *name)
{
	for (unsigned i = 0; i < NR_FORMATS; i++)
		if (!strcmp(name, format_names[i])) {
			args->format = (enum format)i;
			return CLI_OK;
		}
	return cli_unknown("format", name, format_names, NR_FORMATS);
}

static int set_option(struct compare_args *args, int opt, const char *value)
{
	struct mmr_error err;

	switch (opt) {
	case OPT_FAIL:
		if (compare_rule_parse(&args->compare, value, &err))
			return cli_usage_error(&usage, "%s", err.text);
		return CLI_OK;
	case OPT_FORMAT:
		return set_format(args, value);
	case OPT_ALL:
		args->all = true;
		return CLI_OK;
	case OPT_FORCE:
		args->force = true;
		return CLI_OK;
	case 'o':
		args->output = value;
		return CLI_OK;
	default:
		if (args->nr_paths == 2)
			return cli_usage_error(&usage, "two results, not more");
		args->path[args->nr_paths++] = value;
		return CLI_OK;
	}
}

int cmd_compare(int argc, char **argv)
{
	struct compare_args args = {0};
	struct cli_args a;
	int opt, status = CLI_OK;

	cli_args_init(&a, &usage, argc, argv);
	while (!status && (opt = cli_args_next(&a)) > 0)
		status = set_option(&args, opt, a.value);
	if (!status && opt != CLI_END)
		status = cli_args_status(&a);
	else if (!status && args.nr_paths != 2)
		status = cli_usage_error(&usage, "two results are needed");
	else if (!status)
		status = compare(&args);
	compare_finish(&args.compare);
	return status;
}
