/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The walk over a command's arguments. */
#include "cli/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/units.h"
#include "base/vec.h"
#include "cli/cli.h"

enum { OPT_HELP = 1 << 20, OPT_QUIET, OPT_VERBOSE };

static const struct cli_option common_options[] = {
	{OPT_QUIET, "quiet", NULL, "no progress, no remarks"},
	{OPT_VERBOSE, "verbose", NULL, "say more on standard error"},
	{OPT_HELP, "help", NULL, "print this help"},
};

void cli_args_init(struct cli_args *a, const struct cli_usage *usage, int argc, char **argv)
{
	*a = (struct cli_args){.usage = usage, .argc = argc, .argv = argv, .next = 1};
}

static const struct cli_option *find_letter(const struct cli_usage *u, char c)
{
	for (size_t i = 0; i < u->nr; i++)
		if (u->options[i].id == c)
			return &u->options[i];
	if (c == 'q')
		return &common_options[0];
	if (c == 'v')
		return &common_options[1];
	if (c == 'h')
		return &common_options[2];
	return NULL;
}

static const struct cli_option *find_name(const struct cli_usage *u, const char *name, size_t len)
{
	const struct cli_option *const tables[] = {u->options, common_options};
	const size_t nr[] = {u->nr, ARRAY_SIZE(common_options)};

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (size_t i = 0; i < nr[t]; i++)
			if (!strncmp(tables[t][i].name, name, len) && !tables[t][i].name[len])
				return &tables[t][i];
	return NULL;
}

static int fail(struct cli_args *a, int why)
{
	a->end = why;
	return why;
}

static int unknown_name(struct cli_args *a, const char *name, size_t len)
{
	VEC(const char *) names = {0};
	char word[64];
	const char *near;

	snprintf(word, sizeof(word), "%.*s", (int)len, name);
	for (size_t i = 0; i < a->usage->nr; i++)
		*vec_push(&names) = a->usage->options[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(common_options); i++)
		*vec_push(&names) = common_options[i].name;
	near = nearest(word, names.data, names.nr);
	if (near)
		cli_usage_error(a->usage, "unknown option '--%s', did you mean '--%s'?", word,
				near);
	else
		cli_usage_error(a->usage, "unknown option '--%s'", word);
	vec_finish(&names);
	return fail(a, CLI_FAIL);
}

/* The common options are dealt with here: the walk goes on. */
static int found(struct cli_args *a, const struct cli_option *o)
{
	switch (o->id) {
	case OPT_HELP:
		cli_usage_print(a->usage);
		return fail(a, CLI_HELP);
	case OPT_QUIET:
		a->quiet = true;
		return cli_args_next(a);
	case OPT_VERBOSE:
		a->verbose = true;
		return cli_args_next(a);
	default:
		return o->id;
	}
}

/* An option's argument from the next word. */
static bool take_value(struct cli_args *a)
{
	if (a->next >= a->argc)
		return false;
	a->value = a->argv[a->next++];
	return true;
}

static int next_long(struct cli_args *a, const char *word)
{
	const char *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const struct cli_option *o = find_name(a->usage, word, len);

	if (!o)
		return unknown_name(a, word, len);
	a->value = NULL;
	if (!o->arg && eq) {
		cli_usage_error(a->usage, "option '--%s' takes no argument", o->name);
		return fail(a, CLI_FAIL);
	}
	if (o->arg && eq) {
		a->value = eq + 1;
	} else if (o->arg && !take_value(a)) {
		cli_usage_error(a->usage, "option '--%s' needs an argument (%s)", o->name, o->arg);
		return fail(a, CLI_FAIL);
	}
	return found(a, o);
}

static int next_short(struct cli_args *a)
{
	char c = *a->cluster++;
	const struct cli_option *o = find_letter(a->usage, c);

	if (!o) {
		cli_usage_error(a->usage, "unknown option '-%c'", c);
		return fail(a, CLI_FAIL);
	}
	a->value = NULL;
	if (o->arg && *a->cluster) {
		a->value = a->cluster;
		a->cluster = NULL;
	} else if (o->arg && !take_value(a)) {
		cli_usage_error(a->usage, "option '-%c' needs an argument (%s)", c, o->arg);
		return fail(a, CLI_FAIL);
	}
	return found(a, o);
}

int cli_args_next(struct cli_args *a)
{
	const char *word;

	if (a->cluster && *a->cluster)
		return next_short(a);
	a->cluster = NULL;
	if (a->next >= a->argc)
		return a->end = CLI_END;
	word = a->argv[a->next++];
	if (a->only_operands || word[0] != '-' || !word[1]) {
		a->value = word;
		return CLI_OPERAND;
	}
	if (!strcmp(word, "--")) {
		a->only_operands = true;
		return cli_args_next(a);
	}
	if (word[1] == '-')
		return next_long(a, word + 2);
	a->cluster = word + 1;
	return next_short(a);
}

int cli_args_status(const struct cli_args *a)
{
	return a->end == CLI_HELP ? CLI_OK : CLI_USAGE;
}

char **cli_args_rest(const struct cli_args *a)
{
	return a->argv + a->next;
}

static void print_option(const struct cli_option *o)
{
	char left[64];
	int letter = o->id == OPT_QUIET	    ? 'q'
		     : o->id == OPT_VERBOSE ? 'v'
		     : o->id < 256	    ? o->id
					    : 0;

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
		 letter ? "," : " ", o->name, o->arg ? "=" : "", o->arg ? o->arg : "");
	printf("  %-32s %s\n", left, o->help);
}

void cli_usage_print(const struct cli_usage *u)
{
	printf("usage: mmreplay %s %s\n\n%s\n\n", u->command, u->synopsis, u->help);
	for (size_t i = 0; i < u->nr; i++)
		print_option(&u->options[i]);
	for (size_t i = 0; i < ARRAY_SIZE(common_options); i++)
		print_option(&common_options[i]);
}

int cli_usage_error(const struct cli_usage *usage, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_error("%s: %s (see 'mmreplay %s --help')", usage->command, text, usage->command);
	return CLI_USAGE;
}
