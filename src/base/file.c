/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading a small file whole: see file.h. */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

int file_read_all(const char *path, size_t most, char **ret, size_t *ret_len, struct mmr_error *err)
{
	FILE *f = fopen(path, "re");
	char *text;
	int rc = 0;

	if (!f)
		return err_set(err, -errno, "cannot open '%s': %s", path, strerror(errno));
	text = xmalloc(most + 1);
	*ret_len = fread(text, 1, most + 1, f);
	if (ferror(f))
		rc = err_set(err, -errno, "cannot read '%s': %s", path, strerror(errno));
	else if (*ret_len > most)
		rc = err_set(err, -EINVAL, "%s: larger than %zu bytes", path, most);
	fclose(f);
	if (rc) {
		free(text);
		return rc;
	}
	text[*ret_len] = '\0';
	*ret = text;
	return 0;
}
