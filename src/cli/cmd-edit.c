/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay cut, anonymize, merge-traces: traces made from traces. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/bug.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "edit/edit.h"

#define INPUTS_MAX 256

enum { OPT_FROM = 256, OPT_TO, OPT_PID, OPT_WITHOUT, OPT_LEVEL, OPT_SALT };

#define OUTPUT_OPTIONS \
	{'o', "output", "FILE", "write the trace to FILE; '-', the default, is standard output"}, \
	{OPT_LEVEL, "level", "N", "level of Zstandard, 1 to 19 (3)"}

static const struct cli_option cut_rows[] = {
	{OPT_FROM, "from", "WHEN", "touches from then on: a time such as 1.5s, or accesses such as 10M of an exact trace"},
	{OPT_TO, "to", "WHEN", "nothing from then on"},
	{OPT_PID, "pid", "PID", "touches of this process and its descendants; may be repeated"},
	{OPT_WITHOUT, "without", "KIND", "leave events of this kind out (mmreplay list events); may be repeated"},
	OUTPUT_OPTIONS,
};
static const struct cli_option anonymize_rows[] = {
	{OPT_SALT, "salt", "N", "of the hashes and the moves of addresses; otherwise a random one that nobody keeps"},
	OUTPUT_OPTIONS,
};
static const struct cli_option merge_rows[] = {
	OUTPUT_OPTIONS,
};

static const struct cli_usage cut_usage = {
	"cut", "[OPTION]... TRACE", "Keep a part of a trace: a time, some processes, some kinds of events.",
	cut_rows, ARRAY_SIZE(cut_rows),
};
static const struct cli_usage anonymize_usage = {
	"anonymize", "[OPTION]... TRACE", "Take names out of a trace, and move its addresses.",
	anonymize_rows, ARRAY_SIZE(anonymize_rows),
};
static const struct cli_usage merge_usage = {
	"merge-traces", "[OPTION]... TRACE TRACE...", "Put several traces side by side on one machine.",
	merge_rows, ARRAY_SIZE(merge_rows),
};

struct edit_args {
	const struct cli_usage *usage;
	const char *inputs[INPUTS_MAX];
	size_t nr_inputs;
	struct edit_output out;
	struct cut_options cut;
	const char *from, *to;
	uint64_t salt;
	bool quiet;
};

/* ---- options ---- */

static int set_level(struct edit_args *a, const char *value)
{
	struct mmr_error err;
	uint64_t level;

	if (parse_u64(value, &level, &err) || level < 1 || level > 19)
		return cli_usage_error(a->usage, "--level: '%s' is not 1 to 19", value);
	a->out.level = (int)level;
	return CLI_OK;
}

static int add_pid(struct edit_args *a, const char *value)
{
	struct mmr_error err;
	uint64_t pid;

	if (parse_u64(value, &pid, &err))
		return cli_usage_error(a->usage, "--pid: %s", err.text);
	*vec_push(&a->cut.pids) = pid;
	return CLI_OK;
}

static int drop_kind(struct edit_args *a, const char *value)
{
	const char *names[EDIT_KINDS];
	size_t nr;
	const struct mmr_kind_info *kinds = mmr_kinds(&nr);

	for (size_t i = 0; i < nr; i++) {
		names[i] = kinds[i].name;
		if (!strcmp(kinds[i].name, value)) {
			a->cut.kinds[kinds[i].kind] = true;
			return CLI_OK;
		}
	}
	return cli_unknown("kind of event", value, names, nr);
}

static int set_option(struct edit_args *a, int id, const char *value)
{
	struct mmr_error err;

	switch (id) {
	case 'o':
		a->out.path = value;
		return CLI_OK;
	case OPT_LEVEL:
		return set_level(a, value);
	case OPT_FROM:
		a->from = value;
		return CLI_OK;
	case OPT_TO:
		a->to = value;
		return CLI_OK;
	case OPT_PID:
		return add_pid(a, value);
	case OPT_WITHOUT:
		return drop_kind(a, value);
	case OPT_SALT:
		if (parse_u64(value, &a->salt, &err))
			return cli_usage_error(a->usage, "--salt: %s", err.text);
		return CLI_OK;
	default:
		if (a->nr_inputs == INPUTS_MAX)
			return cli_usage_error(a->usage, "more than %d traces", INPUTS_MAX);
		a->inputs[a->nr_inputs++] = value;
		return CLI_OK;
	}
}

/* CLI_OK, or the status to end with; *ret_done: it is that status already. */
static int parse(struct edit_args *a, const struct cli_usage *usage, int argc, char **argv, bool *ret_done)
{
	struct cli_args args;
	int opt, status;

	*a = (struct edit_args){.usage = usage, .out = {.path = "-"}, .cut = {.to_ns = UINT64_MAX}};
	*ret_done = true;
	cli_args_init(&args, usage, argc, argv);
	while ((opt = cli_args_next(&args)) > 0) {
		status = set_option(a, opt, args.value);
		if (status)
			return status;
	}
	if (opt != CLI_END)
		return cli_args_status(&args);
	a->quiet = args.quiet;
	*ret_done = false;
	return CLI_OK;
}

/* ---- running ---- */

static int report(const struct edit_args *a, int rc, const struct edit_result *res, const struct mmr_error *err)
{
	char bytes[32];

	if (rc && rc != -EBADMSG && rc != -ENODATA && rc != -ENOTSUP && rc != -EPROTONOSUPPORT) {
		cli_error("%s", err->text);
		return CLI_HOST;
	}
	if (rc == -ENOTSUP) {
		cli_error("%s", err->text);
		return CLI_BAD_INPUT;
	}
	if (rc)
		return cli_input_error(a->inputs[0], rc, err);
	if (!a->quiet)
		fprintf(stderr, "mmreplay: %" PRIu64 " events, %" PRIu64 " page runs; left out: %" PRIu64 " events, %" PRIu64
				" page runs; %s\n", res->events, res->runs, res->dropped_events, res->dropped_runs,
			format_bytes_human(res->bytes, bytes, sizeof(bytes)));
	return CLI_OK;
}

static int open_one(const char *path, struct mmr_reader **ret)
{
	struct mmr_error err = {0};
	int rc = mmr_reader_open(ret, path, NULL, &err);

	return rc ? cli_input_error(path, rc, &err) : CLI_OK;
}

/* "10M" accesses or "1.5s": which it is the trace's basis says. */
static int parse_when(const struct edit_args *a, const char *option, const char *value, bool accesses, uint64_t *ret)
{
	struct mmr_error err;

	if (!value)
		return CLI_OK;
	if (accesses ? parse_size(value, ret, &err) : parse_time(value, ret, &err))
		return cli_usage_error(a->usage, "--%s: %s", option, err.text);
	return CLI_OK;
}

static int cut(struct edit_args *a)
{
	struct mmr_reader *r;
	struct mmr_error err = {0};
	struct edit_result res;
	int status = open_one(a->inputs[0], &r);

	if (status)
		return status;
	a->cut.by_accesses = edit_counts_accesses(r);
	status = parse_when(a, "from", a->from, a->cut.by_accesses, &a->cut.from_ns);
	if (!status)
		status = parse_when(a, "to", a->to, a->cut.by_accesses, &a->cut.to_ns);
	if (!status)
		status = report(a, edit_cut(r, &a->cut, &a->out, &res, &err), &res, &err);
	mmr_reader_close(r);
	return status;
}

static int one_input(const struct edit_args *a)
{
	if (a->nr_inputs != 1)
		return cli_usage_error(a->usage, a->nr_inputs ? "there is more than one trace" : "the trace is missing");
	return CLI_OK;
}

int cmd_cut(int argc, char **argv)
{
	struct edit_args a;
	bool done;
	int status = parse(&a, &cut_usage, argc, argv, &done);

	if (!done)
		status = one_input(&a);
	if (!done && !status)
		status = cut(&a);
	vec_finish(&a.cut.pids);
	return status;
}

int cmd_anonymize(int argc, char **argv)
{
	struct edit_args a;
	struct mmr_reader *r;
	struct mmr_error err = {0};
	struct edit_result res;
	bool done;
	int status = parse(&a, &anonymize_usage, argc, argv, &done);

	if (done)
		return status;
	status = one_input(&a);
	if (status || (status = open_one(a.inputs[0], &r)))
		return status;
	if (!a.salt && getrandom(&a.salt, sizeof(a.salt), 0) != sizeof(a.salt)) {
		cli_error("no random numbers: %s", strerror(errno));
		mmr_reader_close(r);
		return CLI_HOST;
	}
	status = report(&a, edit_anonymize(r, a.salt, &a.out, &res, &err), &res, &err);
	mmr_reader_close(r);
	return status;
}

int cmd_merge_traces(int argc, char **argv)
{
	struct mmr_reader *in[INPUTS_MAX];
	struct edit_args a;
	struct mmr_error err = {0};
	struct edit_result res;
	size_t nr = 0;
	bool done;
	int status = parse(&a, &merge_usage, argc, argv, &done);

	if (done)
		return status;
	if (a.nr_inputs < 2)
		return cli_usage_error(&merge_usage, "two traces are the least");
	for (; nr < a.nr_inputs && !status; nr++)
		status = open_one(a.inputs[nr], &in[nr]);
	if (!status)
		status = report(&a, edit_merge(in, nr, &a.out, &res, &err), &res, &err);
	else
		nr--;
	while (nr)
		mmr_reader_close(in[--nr]);
	return status;
}
