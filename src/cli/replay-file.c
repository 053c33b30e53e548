/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Replaying a trace for a command. */
#include "cli/replay-file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "cli/cli.h"
#include "cli/event-text.h"
#include "cli/input.h"
#include "sim/replay.h"

#define CONFIG_MAX_BYTES (1u << 20)

int replay_file_open(struct replay_file *f, const struct trace_file_options *opt)
{
	struct mmr_error err = {.text = ""};
	int status = trace_file_open(&f->trace, opt);

	f->replay = NULL;
	if (status)
		return status;
	if (mmr_replay_create(&f->replay, f->trace.reader, &err)) {
		trace_file_close(&f->trace);
		cli_report_error(opt->path, &err);
		return CLI_BAD_INPUT;
	}
	return CLI_OK;
}

int replay_file_set(struct replay_file *f, const char *text)
{
	struct mmr_error err = {.text = ""};
	const char *eq = strchr(text, '=');
	char *key;
	int rc;

	if (!eq || eq == text) {
		cli_error("bad setting '%s' (KEY=VALUE)", text);
		return CLI_USAGE;
	}
	key = xstrdup(text);
	key[eq - text] = '\0';
	rc = mmr_replay_set(f->replay, key, eq + 1, &err);
	free(key);
	if (rc)
		cli_error("%s", err.text);
	return rc ? CLI_USAGE : CLI_OK;
}

int replay_file_set_file(struct replay_file *f, const char *path)
{
	struct mmr_error err = {.text = ""};
	struct strbuf sb = {0};
	int rc = input_read(path, CONFIG_MAX_BYTES, &sb, &err), status = CLI_OK;

	if (rc) {
		status = cli_input_error(path, rc, &err);
	} else {
		rc = mmr_replay_set_json(f->replay, sb.s, sb.len, &err);
		if (rc)
			cli_report_error(path, &err);
		if (rc)
			status = rc == -EBADMSG ? CLI_BAD_INPUT : CLI_USAGE;
	}
	strbuf_finish(&sb);
	return status;
}

static int run_error(struct replay_file *f, int rc, const struct mmr_error *err)
{
	if (rc == -ENOTSUP) {	/* the trace is sound, the machine cannot run it */
		cli_report_error(f->trace.path, err);
		return CLI_USAGE;
	}
	if (rc != -EUCLEAN)
		return cli_input_error(f->trace.path, rc, err);
	cli_report_error(f->trace.path, err);
	return CLI_NEGATIVE;
}

static void print_divergence(void *ctx, enum divergence d, const struct mmr_event *ev)
{
	(void)ctx;
	fprintf(stderr, "%s: ", divergence_info[d].key);
	if (ev)
		event_put(ev, false, stderr);
	else
		fputs("at the end\n", stderr);
}

void replay_file_explain(struct replay_file *f)
{
	f->replay->on_divergence = print_divergence;
}

int replay_file_run(struct replay_file *f)
{
	struct mmr_error err = {.text = ""};
	int rc = mmr_replay_start(f->replay, &err);

	if (rc) {
		cli_error("%s", err.text);
		/* a file that a setting names, or what is in it */
		return rc == -EBADMSG || rc == -ENOSPC ? CLI_BAD_INPUT : CLI_USAGE;
	}
	while ((rc = mmr_replay_step(f->replay, &err)) == 1)
		if (progress_wants(&f->trace.progress))
			progress_step(&f->trace.progress,
				      mmr_reader_stats(f->trace.reader)->file_bytes);
	progress_done(&f->trace.progress);
	return rc ? run_error(f, rc, &err) : CLI_OK;
}

void replay_file_close(struct replay_file *f)
{
	if (f->replay) {
		mmr_replay_destroy(f->replay);
		trace_file_close(&f->trace);
	}
}
