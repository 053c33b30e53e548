/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Errors that a user can mend: one line of text, and the place in the input.
 *
 * Interface:
 *   - the struct is the public struct mmr_error, so that errors pass the library's edge unchanged
 *   - err_set() writes the text and returns the (negative) errno it was given:
 *	return err_set(err, -EINVAL, "unknown key '%s'", key);
 *   - err may be NULL everywhere
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <mmreplay/trace.h>

int err_set(struct mmr_error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "prefix: " before the text that is there. Returns errnum. */
int err_prefix(struct mmr_error *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
