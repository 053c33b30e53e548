/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The table of importers, and which one takes a file. */
#include "import/import.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/units.h"
#include "import/sink.h"

const struct trace_importer *const trace_importers[] = {
	&importer_drmemtrace, &importer_lackey, &importer_tracepoints, &importer_text, &importer_champsim, NULL,
};

static const struct trace_importer *named(const char *name, struct mmr_error *err)
{
	const char *names[32], *near;
	size_t nr = 0;

	for (; trace_importers[nr]; nr++) {
		names[nr] = trace_importers[nr]->name;
		if (!strcmp(names[nr], name))
			return trace_importers[nr];
	}
	near = nearest(name, names, nr);
	if (near)
		err_set(err, -ENOENT, "unknown format '%s', did you mean '%s'?", name, near);
	else
		err_set(err, -ENOENT, "unknown format '%s' (mmreplay list formats)", name);
	return NULL;
}

/* NULL: *ret_rc and err say why. */
static const struct trace_importer *probed(const char *path, int *ret_rc, struct mmr_error *err)
{
	const struct trace_importer *best = NULL;
	const uint8_t *head = NULL;
	struct source *s = NULL;
	size_t len = 0;
	struct stat st;
	int most = 0;

	if (strcmp(path, "-") && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		for (size_t i = 0; trace_importers[i]; i++)
			if (trace_importers[i]->takes_folders && trace_importers[i]->probe(NULL, 0, path) > most)
				best = trace_importers[i];
		if (!best)
			*ret_rc = err_set(err, -ENOTSUP, "a folder that no importer knows");
		return best;
	}
	*ret_rc = source_open(&s, path, err);
	if (*ret_rc)
		return NULL;
	len = source_peek(s, &head);
	for (size_t i = 0; trace_importers[i]; i++) {
		int score = trace_importers[i]->probe(head, len, path);

		if (score > most) {
			most = score;
			best = trace_importers[i];
		}
	}
	source_close(s);
	if (!best)
		*ret_rc = err_set(err, -ENOTSUP,
				  "of no format that is known (mmreplay list formats); name one with --from");
	return best;
}

int import_run(const char *path, const struct import_options *opt, struct import_result *res, struct mmr_error *err)
{
	const struct trace_importer *im;
	struct sink *s;
	int rc = -ENOENT, rc2;

	*res = (struct import_result){ 0 };
	if (!opt->format && !strcmp(path, "-"))
		return err_set(err, -EINVAL, "standard input cannot be looked at beforehand: name the format with --from");
	im = opt->format ? named(opt->format, err) : probed(path, &rc, err);
	if (!im)
		return rc;
	res->format = im->name;
	s = sink_create(opt, res, err);
	rc = im->run(s, path, err);
	rc2 = sink_destroy(s);
	return rc ? rc : rc2;
}
