/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay import: a foreign trace becomes one of ours. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/progress.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "import/import.h"

enum { OPT_FROM = 256, OPT_STRICT, OPT_LEVEL };

static const struct cli_option options[] = {
	{OPT_FROM, "from", "FORMAT", "of the input; otherwise by its content (mmreplay list formats)"},
	{'o', "output", "FILE", "write the trace to FILE; '-', the default, is standard output"},
	{OPT_STRICT, "strict", NULL, "refuse a trace that does not say what is mapped where it is touched"},
	{OPT_LEVEL, "level", "N", "level of Zstandard, 1 to 19 (3)"},
};

static const struct cli_usage usage = {
	"import",
	"[OPTION]... INPUT",
	"Convert a trace of another tool: a file, packed or not, or a folder of files that belong together.",
	options,
	ARRAY_SIZE(options),
};

static struct progress progress;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static bool stop(void *ctx, uint64_t bytes)
{
	(void)ctx;
	progress_step(&progress, bytes);
	return interrupted;
}

static void print_result(const struct import_result *res)
{
	char bytes[32];

	fprintf(stderr, "mmreplay: %s: %" PRIu64 " fetches, %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64 " page runs, "
			"%" PRIu64 " events; %s\n", res->format, res->fetches, res->reads, res->writes, res->runs, res->events,
		format_bytes_human(res->bytes, bytes, sizeof(bytes)));
	for (unsigned i = 0; i < IMPORT_NOTES && res->skipped[i].cause; i++)
		if (res->skipped[i].nr)
			fprintf(stderr, "mmreplay: left out: %" PRIu64 " %s\n", res->skipped[i].nr, res->skipped[i].cause);
	if (res->inferred_bytes)
		fprintf(stderr, "mmreplay: guessed: areas of %s, where the trace does not say what is mapped\n",
			format_bytes_human(res->inferred_bytes, bytes, sizeof(bytes)));
}

static int failed(const char *path, int rc, const struct import_result *res, const struct mmr_error *err)
{
	if (res->output_failed) {
		cli_error("%s", err->text);
		return CLI_HOST;
	}
	if (rc == -ENOTSUP) {
		cli_error("%s: %s", path, err->text);
		return CLI_BAD_INPUT;
	}
	if (rc == -EBADMSG && err->offset) {
		cli_error("%s: %s (byte offset %" PRIu64 ")", path, err->text, err->offset);
		return CLI_BAD_INPUT;
	}
	if (rc == -EBADMSG) {
		cli_error("%s: %s", path, err->text);
		return CLI_BAD_INPUT;
	}
	return cli_input_error(path, rc, err);
}

static int import(const char *path, const struct import_options *opt, bool quiet)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct import_result res;
	struct mmr_error err = {0};
	struct stat st;
	int rc;

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	progress_init(&progress, "bytes", strcmp(path, "-") && stat(path, &st) == 0 ? (uint64_t)st.st_size : 0, quiet);
	rc = import_run(path, opt, &res, &err);
	progress_done(&progress);
	if ((rc == -ENOENT && opt->format && !res.format) || rc == -EINVAL) {
		cli_error("%s", err.text);
		return CLI_USAGE;
	}
	if (rc)
		return failed(path, rc, &res, &err);
	if (!quiet)
		print_result(&res);
	return interrupted ? CLI_INTERRUPTED : CLI_OK;
}

int cmd_import(int argc, char **argv)
{
	struct import_options o = {.output = "-", .stop = stop};
	const char *path = NULL;
	struct mmr_error err;
	struct cli_args a;
	uint64_t level;
	int opt;

	cli_args_init(&a, &usage, argc, argv);
	while ((opt = cli_args_next(&a)) > 0)
		switch (opt) {
		case 'o':
			o.output = a.value;
			break;
		case OPT_FROM:
			o.format = a.value;
			break;
		case OPT_STRICT:
			o.strict = true;
			break;
		case OPT_LEVEL:
			if (parse_u64(a.value, &level, &err) || level < 1 || level > 19)
				return cli_usage_error(&usage, "--level: '%s' is not 1 to 19", a.value);
			o.level = (int)level;
			break;
		default:
			if (path)
				return cli_usage_error(&usage, "there is more than one input");
			path = a.value;
		}
	if (opt != CLI_END)
		return cli_args_status(&a);
	if (!path)
		return cli_usage_error(&usage, "the input is missing");
	return import(path, &o, a.quiet);
}
