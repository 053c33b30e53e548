/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay doctor: what capture can do on this host, and for each thing that it cannot, cause and
 * cure. */
#include <stdbool.h>
#include <string.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "capture/probe.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "report/json.h"

enum { OPT_JSON = 256 };

static const struct cli_option options[] = {
	{OPT_JSON, "json", NULL, "print JSON"},
};

static const struct cli_usage usage = {
	"doctor",
	"[OPTION]...",
	"Say what capture can do on this host for this user, and how to mend what it cannot. "
	"The status is 1 when no method works.",
	options,
	ARRAY_SIZE(options),
};

static const char *const states[] = {
	[PROBE_OK] = "ok",
	[PROBE_LIMITED] = "limited",
	[PROBE_MISSING] = "missing",
};

static void print_text(const struct probes *p, bool verbose, struct strbuf *sb)
{
	for (size_t i = 0; i < p->nr; i++) {
		const struct probe *row = &p->data[i];

		strbuf_addf(sb, "%-8s %-13s %s\n", states[row->state], row->key, row->finding);
		if (verbose || row->state != PROBE_OK)
			strbuf_addf(sb, "%-22s for:   %s\n", "", row->what);
		if (row->cause)
			strbuf_addf(sb, "%-22s cause: %s\n", "", row->cause);
		if (row->cure)
			strbuf_addf(sb, "%-22s cure:  %s\n", "", row->cure);
	}
}

static void print_json(const struct probes *p, struct strbuf *sb)
{
	json_t *root = j_object(NULL, NULL), *checks = j_array(root, "checks");

	for (size_t i = 0; i < p->nr; i++) {
		const struct probe *row = &p->data[i];
		json_t *o = json_object();

		j_str(o, "key", row->key);
		j_str(o, "state", states[row->state]);
		j_str(o, "for", row->what);
		j_str(o, "finding", row->finding);
		if (row->cause)
			j_str(o, "cause", row->cause);
		if (row->cure)
			j_str(o, "cure", row->cure);
		json_array_append_new(checks, o);
	}
	j_text(root, sb);
	json_decref(root);
}

/* A method is out when one of its rows is missing; the rows of valgrind are its own, the others
 * perf's. */
static bool any_method(const struct probes *p)
{
	bool perf = true, valgrind = true;

	for (size_t i = 0; i < p->nr; i++) {
		if (p->data[i].state != PROBE_MISSING)
			continue;
		if (!strcmp(p->data[i].key, "valgrind"))
			valgrind = false;
		else
			perf = false;
	}
	return perf || valgrind;
}

int cmd_doctor(int argc, char **argv)
{
	struct probes probes = {0};
	struct strbuf sb = {0};
	struct cli_args a;
	bool json = false;
	int id, status;

	cli_args_init(&a, &usage, argc, argv);
	while ((id = cli_args_next(&a)) > 0) {
		if (id == CLI_OPERAND)
			return cli_usage_error(&usage, "doctor takes no operand");
		json = true;
	}
	if (id != CLI_END)
		return cli_args_status(&a);
	probe_host(&probes);
	if (json)
		print_json(&probes, &sb);
	else
		print_text(&probes, a.verbose, &sb);
	status = output_write("-", sb.s, sb.len);
	if (status == CLI_OK && !any_method(&probes))
		status = CLI_NEGATIVE;
	strbuf_finish(&sb);
	probes_finish(&probes);
	return status;
}
