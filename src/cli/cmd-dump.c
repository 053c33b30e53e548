/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * mmreplay dump: the events of a trace, one line each (event-text.h). Page runs are one line with
 * their number; --runs adds a line for each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/event-text.h"
#include "cli/options.h"
#include "cli/trace-file.h"

enum { OPT_JSON = 256, OPT_RUNS, OPT_RECOVER, OPT_METADATA };

static const struct cli_option options[] = {
	{OPT_JSON, "json", NULL, "one JSON object a line"},
	{OPT_RUNS, "runs", NULL, "a line for each page run"},
	{'k', "kind", "NAME", "events of this kind only; may be given several times"},
	{'n', "limit", "N", "end after N lines"},
	{OPT_METADATA, "metadata", NULL, "print the trace's metadata and nothing else"},
	{OPT_RECOVER, "recover", NULL, "skip damaged blocks and say what is missing"},
};

static const struct cli_usage usage = {
	"dump",	 "[OPTION]... TRACE", "Print the events of a trace as text or as JSON lines.",
	options, ARRAY_SIZE(options),
};

#define DUMP_KINDS 256

struct dump {
	struct trace_file_options file;
	bool json, runs, metadata, quiet;
	bool all_kinds;
	bool kind[DUMP_KINDS];
	uint64_t limit, lines;
};

static void put_run(const struct mmr_run *run, bool json)
{
	bool insn = run->page & MMR_RUN_INSN;

	printf(json ? "{\"kind\":\"run\",\"stream\":\"%s\",\"addr\":\"0x%" PRIx64 "\",\"reads\":%u,"
		      "\"writes\":%u,\"first\":\"%s\",\"other_at\":%u,\"splits\":%u}\n"
		    : "  %s addr=0x%" PRIx64 " reads=%u writes=%u first=%s other_at=%u splits=%u\n",
	       insn ? "insn" : "data", (uint64_t)MMR_RUN_PAGE(run) << MMR_GRANULE_SHIFT,
	       run->nr_reads, run->nr_writes, run->page & MMR_RUN_WRITE_FIRST ? "write" : "read",
	       run->other_at, run->nr_split);
}

static bool wanted(const struct dump *d, const struct mmr_event *ev)
{
	return d->all_kinds || (ev->kind < DUMP_KINDS && d->kind[ev->kind]);
}

/* One more line may be printed. */
static bool take_line(struct dump *d)
{
	if (d->limit && d->lines >= d->limit)
		return false;
	d->lines++;
	return true;
}

/* False when the limit is reached or the output failed: there is no use in reading on. */
static bool put_item(struct dump *d, const struct mmr_item *item)
{
	if (!wanted(d, &item->ev))
		return true;
	if (!take_line(d))
		return false;
	event_put(&item->ev, d->json, stdout);
	for (size_t i = 0; d->runs && i < item->nr_runs; i++) {
		if (!take_line(d))
			return false;
		put_run(&item->runs[i], d->json);
	}
	return !ferror(stdout);
}

static int dump(struct dump *d)
{
	struct trace_file f;
	struct mmr_item item;
	int status = trace_file_open(&f, &d->file);

	if (status)
		return status;
	if (d->metadata) {
		puts(mmr_reader_metadata(f.reader));
	} else {
		while (trace_file_next(&f, &item))
			if (!put_item(d, &item))
				break;
		status = f.status;
		if (d->file.recover && !d->quiet && !status)
			trace_file_remarks(&f);
	}
	trace_file_close(&f);
	return status;
}

static int choose_kind(struct dump *d, const char *name)
{
	const char *names[DUMP_KINDS];
	size_t nr;
	const struct mmr_kind_info *kinds = mmr_kinds(&nr);

	for (size_t i = 0; i < nr && i < DUMP_KINDS; i++) {
		names[i] = kinds[i].name;
		if (strcmp(kinds[i].name, name))
			continue;
		d->kind[kinds[i].kind] = true;
		d->all_kinds = false;
		return CLI_OK;
	}
	return cli_unknown("kind of event", name, names, nr < DUMP_KINDS ? nr : DUMP_KINDS);
}

static int set_option(struct dump *d, int opt, const char *value)
{
	struct mmr_error err;

	switch (opt) {
	case OPT_JSON:
		d->json = true;
		return CLI_OK;
	case OPT_RUNS:
		d->runs = true;
		return CLI_OK;
	case OPT_METADATA:
		d->metadata = true;
		return CLI_OK;
	case OPT_RECOVER:
		d->file.recover = true;
		return CLI_OK;
	case 'k':
		return choose_kind(d, value);
	case 'n':
		if (parse_u64(value, &d->limit, &err) || !d->limit)
			return cli_usage_error(&usage, "bad number of lines '%s'", value);
		return CLI_OK;
	default:
		if (d->file.path)
			return cli_usage_error(&usage, "one trace at a time");
		d->file.path = value;
		return CLI_OK;
	}
}

int cmd_dump(int argc, char **argv)
{
	/* no progress line: it would stand between the events on a terminal */
	struct dump d = {.file = {.label = "dump", .quiet = true}, .all_kinds = true};
	struct cli_args a;
	int opt, status;

	cli_args_init(&a, &usage, argc, argv);
	while ((opt = cli_args_next(&a)) > 0) {
		status = set_option(&d, opt, a.value);
		if (status)
			return status;
	}
	if (opt != CLI_END)
		return cli_args_status(&a);
	if (!d.file.path)
		return cli_usage_error(&usage, "no trace given");
	d.quiet = a.quiet;
	return dump(&d);
}
