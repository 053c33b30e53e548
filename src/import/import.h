/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Foreign traces become .mmt: one `const struct trace_importer` a format, chosen by content.
 *
 * Importers read a source (import/source.h: decompressed, streaming) and call a sink (import/sink.h), which builds page
 * runs, keeps track of areas and writes. Both work in constant memory. What an importer cannot use it counts by cause
 * (sink_skip()), and the counts go into the result.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sink;

#define IMPORT_HEAD 4096	/* bytes of the beginning that probe() sees */

struct trace_importer {
	const char *name;	/* "drmemtrace" */
	const char *summary;	/* one line, for `list formats` */
	/* Is it this format? 0: no; the importer with the highest answer takes it. path: of the input, may be "-". */
	int (*probe)(const uint8_t *head, size_t len, const char *path);
	/* Reads it all. -EBADMSG with offset and cause when it is damaged. */
	int (*run)(struct sink *sink, const char *path, struct mmr_error *err);
	bool takes_folders;	/* path may be a folder of files that belong together */
};

extern const struct trace_importer importer_drmemtrace, importer_champsim, importer_lackey, importer_text,
	importer_tracepoints;

/* All of them; NULL ends the table. */
extern const struct trace_importer *const trace_importers[];

struct import_options {
	const char *format;	/* NULL: by content */
	const char *output;
	bool strict;		/* no guessed areas */
	int level;		/* of zstd, 0 the default */
	bool (*stop)(void *ctx, uint64_t bytes);	/* now and then; true ends early; NULL never */
	void *stop_ctx;
};

#define IMPORT_NOTES 8

struct import_result {
	const char *format;
	uint64_t bytes, events, accesses, reads, writes, fetches, runs;
	bool output_failed;		/* the error is one of writing */
	uint64_t inferred_bytes;	/* of areas that were guessed */
	struct {
		const char *cause;
		uint64_t nr;
	} skipped[IMPORT_NOTES];	/* up to the first without a cause */
};

/* -ENOENT: no such format; -ENOTSUP: the format is not known, or areas are missing with `strict`. */
int import_run(const char *path, const struct import_options *opt, struct import_result *res, struct mmr_error *err);

#endif
