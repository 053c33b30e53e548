/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay run: replay a trace, print what came of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/units.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/procfs-dir.h"
#include "cli/replay-file.h"

enum { OPT_TABLE = 256, OPT_CHECK, OPT_CHECK_EVERY, OPT_FORCE, OPT_RECOVER, OPT_TIMELINE, OPT_PROCFS, OPT_PROCFS_AT };

#define CHECK_EVERY 10000

static const struct cli_option options[] = {
	{'m', "machine", "NAME", "machine profile (mmreplay list machines), a JSON or an hwloc XML file"},
	{'s', "set", "KEY=VALUE", "one setting (mmreplay list keys); may be repeated"},
	{'c', "config", "FILE", "settings from a JSON file"},
	{'o', "output", "FILE", "write the JSON to FILE"},
	{OPT_TABLE, "table", NULL, "print tables for people instead of JSON"},
	{OPT_TIMELINE, "timeline", "DT", "sample the machine every DT (10ms, 1s) of the model's clock"},
	{OPT_PROCFS, "procfs", "DIR", "write the simulated /proc and /sys into DIR"},
	{OPT_PROCFS_AT, "procfs-at", "WHEN", "of which moment: end, exit, or a time of the model's clock"},
	{OPT_CHECK, "check", NULL, "walk and check the whole model now and then, and at the end"},
	{OPT_CHECK_EVERY, "check-every", "N", "the same after every N events"},
	{OPT_FORCE, "force", NULL, "replay with settings that the trace cannot support"},
	{OPT_RECOVER, "recover", NULL, "skip damaged blocks and say what is missing"},
};

static const struct cli_usage usage = {
	"run",
	"[OPTION]... TRACE",
	"Replay a trace on a simulated machine and print the statistics as JSON.",
	options,
	ARRAY_SIZE(options),
};

/* A setting waits until the trace is open: what the trace says comes first. */
struct run_setting {
	int opt;
	const char *value;
};

struct run_args {
	struct trace_file_options file;
	VEC(struct run_setting) settings;
	const char *output;
	struct procfs_dir procfs;
	uint64_t check;
	bool table, force, verbose, procfs_at;
};

/* A setting that has an option of its own. */
static int set_key(struct replay_file *f, const char *key, const char *value)
{
	struct mmr_error err = {.text = ""};

	if (!mmr_replay_set(f->replay, key, value, &err))
		return CLI_OK;
	cli_error("%s", err.text);
	return CLI_USAGE;
}

static int apply_settings(struct replay_file *f, const struct run_args *args)
{
	int status = CLI_OK;

	for (size_t i = 0; i < args->settings.nr && !status; i++) {
		const struct run_setting *s = &args->settings.data[i];

		if (s->opt == 'c')
			status = replay_file_set_file(f, s->value);
		else if (s->opt == 's')
			status = replay_file_set(f, s->value);
		else
			status = set_key(f, s->opt == 'm' ? "machine" : "timeline.interval",
					 s->value);
	}
	if (args->force)
		mmr_replay_force(f->replay);
	mmr_replay_check_every(f->replay, args->check);
	return status;
}

static int put_text(const char *path, char *text)
{
	int status = output_write(path, text, strlen(text));

	free(text);
	return status;
}

static int print_result(struct replay_file *f, const struct run_args *args)
{
	int status = CLI_OK;

	if (args->output || !args->table)
		status = put_text(args->output, mmr_report_json(f->replay));
	if (args->table && !status)
		status = put_text(NULL, mmr_report_text(f->replay, args->verbose));
	return status;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Facts of this host: on standard error, never in the result. */
static void print_rate(const struct replay_file *f, uint64_t ns)
{
	const struct mmr_reader_stats *s = mmr_reader_stats(f->trace.reader);
	char events[32], accesses[32];

	if (!ns)
		return;
	format_count_human((uint64_t)((unsigned __int128)s->events * 1000000000 / ns), events,
			   sizeof(events));
	format_count_human((uint64_t)((unsigned __int128)s->accesses * 1000000000 / ns), accesses,
			   sizeof(accesses));
	fprintf(stderr,
		"%" PRIu64 " events and %" PRIu64 " accesses in %" PRIu64
		".%03u s: %s events/s, %s accesses/s\n",
		s->events, s->accesses, ns / 1000000000, (unsigned)(ns / 1000000 % 1000), events,
		accesses);
}

static int run(struct run_args *args)
{
	struct replay_file f;
	uint64_t start = now_ns();
	int status = replay_file_open(&f, &args->file);

	if (status)
		return status;
	status = apply_settings(&f, args);
	if (!status && args->procfs.path)
		status = procfs_dir_create(&args->procfs, f.replay);
	if (!status && args->verbose)
		replay_file_explain(&f);
	if (!status)
		status = replay_file_run(&f);
	if (!status && args->verbose)
		print_rate(&f, now_ns() - start);
	if (!status && !args->file.quiet)
		trace_file_remarks(&f.trace);
	if (!status && args->procfs.path)
		status = procfs_dir_finish(&args->procfs, args->file.quiet);
	if (!status)
		status = print_result(&f, args);
	procfs_drop(&args->procfs.p);
	replay_file_close(&f);
	return status;
}

static int set_option(struct run_args *args, int opt, const char *value)
{
	struct mmr_error err;

	switch (opt) {
	case 'm':
	case 's':
	case 'c':
	case OPT_TIMELINE:
		*vec_push(&args->settings) = (struct run_setting){opt, value};
		return CLI_OK;
	case 'o':
		args->output = value;
		return CLI_OK;
	case OPT_PROCFS:
		args->procfs.path = value;
		return CLI_OK;
	case OPT_PROCFS_AT:
		if (!procfs_dir_parse_when(&args->procfs, value))
			return cli_usage_error(&usage, "bad moment '%s' (end, exit, or a time as in 10ms)",
					       value);
		args->procfs_at = true;
		return CLI_OK;
	case OPT_TABLE:
		args->table = true;
		return CLI_OK;
	case OPT_CHECK:
		args->check = CHECK_EVERY;
		return CLI_OK;
	case OPT_CHECK_EVERY:
		if (parse_u64(value, &args->check, &err) || !args->check)
			return cli_usage_error(&usage, "bad number of events '%s'", value);
		return CLI_OK;
	case OPT_FORCE:
		args->force = true;
		return CLI_OK;
	case OPT_RECOVER:
		args->file.recover = true;
		return CLI_OK;
	default:
		if (args->file.path)
			return cli_usage_error(&usage, "one trace at a time");
		args->file.path = value;
		return CLI_OK;
	}
}

int cmd_run(int argc, char **argv)
{
	struct run_args args = {.file = {.label = "run"}};
	struct cli_args a;
	int opt = CLI_END, status = CLI_OK;

	cli_args_init(&a, &usage, argc, argv);
	while (!status && (opt = cli_args_next(&a)) > 0)
		status = set_option(&args, opt, a.value);
	args.file.quiet = a.quiet;
	args.verbose = a.verbose;
	if (!status && opt != CLI_END)
		status = cli_args_status(&a);
	else if (!status && !args.file.path)
		status = cli_usage_error(&usage, "no trace given");
	else if (!status && args.procfs_at && !args.procfs.path)
		status = cli_usage_error(&usage, "--procfs-at without --procfs");
	else if (!status)
		status = run(&args);
	vec_finish(&args.settings);
	return status;
}
