/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Reading a small input file whole. */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int input_read(const char *path, size_t max, struct strbuf *sb, struct mmr_error *err)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	char buf[65536];
	ssize_t n;
	int rc = 0;

	if (fd < 0)
		return err_set(err, -errno, "cannot open: %s", strerror(errno));
	strbuf_addstr(sb, "");
	while ((n = read(fd, buf, sizeof(buf))) > 0 && sb->len <= max)
		strbuf_add(sb, buf, (size_t)n);
	if (n < 0)
		rc = err_set(err, -errno, "cannot read: %s", strerror(errno));
	else if (sb->len > max)
		rc = err_set(err, -EFBIG, "more than %zu MiB", max >> 20);
	if (fd != STDIN_FILENO)
		close(fd);
	return rc;
}
