/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Bytes of a foreign trace, whatever it is packed in: plain, gzip, xz, zstd, lz4, or a zip archive, whose files follow each
 * other in the order of their names. Told apart by their first bytes. Each library is an option of the build; what a build
 * cannot unpack is an error that says so.
 *
 * Streaming, in constant memory. What unpacks to more than SOURCE_RATIO_MAX times what was read (beyond a first gigabyte)
 * is refused: no trace packs so well, an archive bomb does.
 */
#ifndef IMPORT_SOURCE_H
#define IMPORT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SOURCE_RATIO_MAX 2000

struct source;

/* "-" is standard input (not for zip). */
int source_open(struct source **ret, const char *path, struct mmr_error *err);
void source_close(struct source *s);
/* Up to `size` bytes, fewer only at the end; 0 at the end; a negative errno (err has the offset). */
int64_t source_read(struct source *s, void *buf, size_t size, struct mmr_error *err);
/* The first bytes, which are read again afterwards. At most 4096. */
size_t source_peek(struct source *s, const uint8_t **ret);
uint64_t source_offset(const struct source *s);	/* unpacked bytes handed out */
uint64_t source_packed(const struct source *s);	/* bytes of the file read so far */

/* Lines of text, without their newline; they live until the next call. -EBADMSG: longer than `most`. 0 at the end. */
struct lines {
	struct source *s;
	char *buf;
	size_t len, pos, most;
	uint64_t number;	/* of the last line, from 1 */
	bool ended;
};
void lines_init(struct lines *l, struct source *s, size_t most);
void lines_finish(struct lines *l);
int lines_next(struct lines *l, char **ret, size_t *ret_len, struct mmr_error *err);

#endif
