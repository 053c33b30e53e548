/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Options of a command: one row each feeds the parser, --help and the comparison with the man page.
 *
 *	static const struct cli_option options[] = {
 *		{'o', "output", "FILE", "write the result to FILE"},
 *		{OPT_CHECK, "check", NULL, "check the model as it runs"},
 *	};
 *	static const struct cli_usage usage = {"run", "[OPTION]... TRACE", "Replay a trace.", options,
 *					       ARRAY_SIZE(options)};
 *	struct cli_args args;
 *	int opt;
 *
 *	cli_args_init(&args, &usage, argc, argv);
 *	while ((opt = cli_args_next(&args)) > 0)
 *		switch (opt) {
 *		case 'o': output = args.value; break;
 *		case CLI_OPERAND: path = args.value; break;
 *		}
 *	if (opt != CLI_END)
 *		return cli_args_status(&args);
 *
 * -q, -v and --help are understood for every command; "--" ends the options; a single "-" is an
 * operand. Long options take their argument as --name=VALUE or --name VALUE and are never
 * abbreviated.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct cli_option {
	int id;		  /* the short letter, or a number from 256 for an option without one */
	const char *name; /* long name */
	const char *arg;  /* name of its argument in the help; NULL for none */
	const char *help; /* one line */
};

struct cli_usage {
	const char *command;
	const char *synopsis; /* what follows the command's name */
	const char *help;     /* one or two sentences */
	const struct cli_option *options;
	size_t nr;
};

enum { CLI_OPERAND = 1, CLI_END = 0, CLI_FAIL = -1, CLI_HELP = -2 };

struct cli_args {
	const struct cli_usage *usage;
	int argc, next;
	char **argv;
	const char *cluster; /* rest of a group of short options */
	const char *value;   /* of the last option, or the operand */
	bool only_operands;  /* "--" was seen */
	bool quiet, verbose;
	int end; /* why the walk ended */
};

void cli_args_init(struct cli_args *a, const struct cli_usage *usage, int argc, char **argv);
/* An option's id, CLI_OPERAND, CLI_END, or a negative number when the command is to end. */
int cli_args_next(struct cli_args *a);
/* After a negative number: the status to end with. */
int cli_args_status(const struct cli_args *a);
/*
 * What stands behind the last operand or "--" that was returned, for commands that run a command.
 */
char **cli_args_rest(const struct cli_args *a);
void cli_usage_print(const struct cli_usage *usage);
/* "mmreplay CMD: MESSAGE" and a hint at --help; returns CLI_USAGE. */
int cli_usage_error(const struct cli_usage *usage, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
