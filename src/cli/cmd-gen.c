/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay gen: a trace made from a job file. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/progress.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/output.h"
#include "gen/gen.h"

#define SPEC_MAX (1u << 20)

enum { OPT_DRY_RUN = 256, OPT_LEVEL, OPT_SEED };

static const struct cli_option options[] = {
	{'o', "output", "FILE", "write the trace to FILE; '-', the default, is standard output"},
	{OPT_DRY_RUN, "dry-run", NULL, "print the job file with every key as it will be used, and make nothing"},
	{OPT_SEED, "seed", "N", "another seed than the job file's"},
	{OPT_LEVEL, "level", "N", "level of Zstandard, 1 to 19 (1)"},
};

static const struct cli_usage usage = {
	"gen",
	"[OPTION]... SPEC",
	"Make a trace from a job file: areas, patterns of access, threads and processes, kernel allocations.",
	options,
	ARRAY_SIZE(options),
};

struct gen_args {
	const char *spec, *output, *seed;
	uint64_t level;
	bool dry_run, quiet;
};

static struct progress progress;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static bool stop(void *ctx, uint64_t done)
{
	(void)ctx;
	progress_step(&progress, done);
	return interrupted;
}

static int make(const struct gen_args *args, const struct gen_spec *spec)
{
	struct gen_options opt = {.output = args->output, .level = (int)args->level, .stop = stop};
	struct sigaction sa = {.sa_handler = on_signal};
	struct gen_result res;
	struct mmr_error err = {0};
	int rc;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	progress_init(&progress, "accesses", gen_total(spec), args->quiet);
	rc = gen_run(spec, &opt, &res, &err);
	progress_done(&progress);
	if (rc == -EDEADLK) {
		cli_report_error(args->spec, &err);
		return CLI_BAD_INPUT;
	}
	if (rc) {
		cli_error("%s", err.text);
		return CLI_HOST;
	}
	return interrupted ? CLI_INTERRUPTED : CLI_OK;
}

static int run(const struct gen_args *args)
{
	struct gen_spec spec;
	struct strbuf text = {0};
	struct mmr_error err = {0};
	int status = input_read(args->spec, SPEC_MAX, &text, &err);
	uint64_t seed;

	if (status) {
		strbuf_finish(&text);
		return cli_input_error(args->spec, status, &err);
	}
	if (gen_spec_parse(&spec, text.s ? text.s : "", &err)) {
		strbuf_finish(&text);
		cli_report_error(args->spec, &err);
		return CLI_BAD_INPUT;
	}
	strbuf_clear(&text);
	if (args->seed && !parse_u64(args->seed, &seed, NULL))
		spec.global.seed = seed;
	if (args->dry_run) {
		gen_spec_print(&spec, &text);
		status = output_write(args->output, text.s, text.len);
	} else {
		status = make(args, &spec);
	}
	strbuf_finish(&text);
	gen_spec_finish(&spec);
	return status;
}

int cmd_gen(int argc, char **argv)
{
	struct gen_args args = {.output = "-", .level = 1};
	struct mmr_error err;
	struct cli_args a;
	uint64_t seed;
	int opt;

	cli_args_init(&a, &usage, argc, argv);
	while ((opt = cli_args_next(&a)) > 0)
		switch (opt) {
		case 'o':
			args.output = a.value;
			break;
		case OPT_DRY_RUN:
			args.dry_run = true;
			break;
		case OPT_SEED:
			if (parse_u64(a.value, &seed, &err))
				return cli_usage_error(&usage, "--seed: %s", err.text);
			args.seed = a.value;
			break;
		case OPT_LEVEL:
			if (parse_u64(a.value, &args.level, &err) || args.level < 1 || args.level > 19)
				return cli_usage_error(&usage, "--level: '%s' is not 1 to 19", a.value);
			break;
		default:
			if (args.spec)
				return cli_usage_error(&usage, "there is more than one job file");
			args.spec = a.value;
		}
	if (opt != CLI_END)
		return cli_args_status(&a);
	if (!args.spec)
		return cli_usage_error(&usage, "the job file is missing");
	args.quiet = a.quiet;
	return run(&args);
}
