/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Notes of a capture: what is missing, and why. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "capture/capture.h"

void capture_result_note(struct capture_result *res, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < res->notes.nr; i++) {
		if (strcmp(res->notes.data[i], text) == 0)
			return;
	}
	*vec_push(&res->notes) = xstrdup(text);
}

void capture_result_finish(struct capture_result *res)
{
	for (size_t i = 0; i < res->notes.nr; i++)
		free(res->notes.data[i]);
	vec_finish(&res->notes);
}
