/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The mmreplay command: one table of commands, nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mmreplay/version.h>

#include "base/bug.h"
#include "cli/cli.h"
#include "cli/output.h"

static const struct cli_command commands[] = {
	{"capture", "record a real workload into a trace", cmd_capture},
	{"gen", "make a trace from a job file", cmd_gen},
	{"import", "convert a trace of another tool", cmd_import},
	{"cut", "keep a part of a trace", cmd_cut},
	{"merge-traces", "put traces side by side on one machine", cmd_merge_traces},
	{"anonymize", "take names out of a trace", cmd_anonymize},
	{"info", "what is in a trace: a summary", cmd_info},
	{"dump", "the events of a trace as text or JSON lines", cmd_dump},
	{"run", "replay a trace, print statistics as JSON", cmd_run},
	{"validate", "replay as captured, compare with the kernel's own counters", cmd_validate},
	{"compare", "compare two results: the gate for continuous integration", cmd_compare},
	{"doctor", "what capture can do on this host, and how to mend what it cannot", cmd_doctor},
	{"list", "machines, policies, counters, events, formats and keys", cmd_list},
};

static void print_help(FILE *f)
{
	fputs("usage: mmreplay COMMAND [OPTION]... [FILE]...\n\n"
	      "Record the memory behaviour of a program once, replay it on any machine you can describe.\n\n",
	      f);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-12s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'mmreplay COMMAND --help' lists a command's options; 'man mmreplay-COMMAND' explains them.\n",
	      f);
}

static int unknown_command(const char *word)
{
	const char *names[ARRAY_SIZE(commands)];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	return cli_unknown("command", word, names, ARRAY_SIZE(commands));
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("mmreplay " MMR_VERSION);
		return CLI_OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
	/* libhwloc tells people of its own accord what it dislikes; the error that it returns is enough. */
	setenv("HWLOC_HIDE_ERRORS", "2", 0);
	output_init();
	return output_finish(dispatch(argc, argv));
}
