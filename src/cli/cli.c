/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Messages and the statuses that go with them. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

void cli_error(const char *fmt, ...)
{
	va_list ap;

	fputs("mmreplay: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void cli_report_error(const char *subject, const struct mmr_error *err)
{
	cli_error("%s: %s", subject, err->text);
}

/* Whether it is the input's fault (3) or the host's (4). */
static int input_status(int errnum)
{
	switch (-errnum) {
	case EACCES:
	case EPERM:
	case EIO:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return CLI_HOST;
	default:
		return CLI_BAD_INPUT;
	}
}

int cli_input_error(const char *path, int errnum, const struct mmr_error *err)
{
	const char *name = path[0] == '-' && !path[1] ? "standard input" : path;

	if (errnum == -EBADMSG || errnum == -ENODATA)
		cli_error("%s: %s (block %" PRIu64 ", byte offset %" PRIu64 ")", name, err->text,
			  err->block, err->offset);
	else if (strstr(err->text, path) && path[0] != '-')
		cli_error("%s", err->text); /* names the file itself */
	else
		cli_error("%s: %s", name, err->text);
	return input_status(errnum);
}

int cli_unknown(const char *what, const char *word, const char *const *names, size_t nr)
{
	const char *near = nearest(word, names, nr);

	if (near)
		cli_error("unknown %s '%s', did you mean '%s'?", what, word, near);
	else
		cli_error("unknown %s '%s'", what, word);
	return CLI_USAGE;
}
