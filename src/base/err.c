/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The text of errors. A text that does not fit ends where the buffer does. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct mmr_error *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return errnum;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return errnum;
}

int err_prefix(struct mmr_error *err, int errnum, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t len;
	va_list ap;

	if (!err)
		return errnum;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %.*s", (int)sizeof(old) - 1, old);
	return errnum;
}
