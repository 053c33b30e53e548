/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Output that either arrives or is reported. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/strbuf.h"
#include "cli/cli.h"

#define TEMP_MAX 4096

/* The file that a signal must remove; empty when there is none. */
static char temp_path[TEMP_MAX];

/* Why standard output did not take a text; errno is gone by the time of output_finish(). */
static int stdout_errnum;

static void on_interrupt(int sig)
{
	(void)sig;
	if (temp_path[0])
		unlink(temp_path);
	_exit(CLI_INTERRUPTED);
}

/*
 * A descriptor of 0-2 that is closed would be given to the next file opened, and results would go
 * into a trace. It is filled with one on which the wrong operation fails: what was closed stays
 * unusable.
 */
static void fill_closed(int fd, int flags)
{
	int got;

	if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
		return;
	got = open("/dev/null", flags);
	if (got != -1 && got != fd) {
		dup2(got, fd);
		close(got);
	}
}

void output_init(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, end = {.sa_handler = on_interrupt};

	fill_closed(STDIN_FILENO, O_WRONLY);
	fill_closed(STDOUT_FILENO, O_RDONLY);
	fill_closed(STDERR_FILENO, O_RDONLY);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int host_error(const char *path, int errnum)
{
	cli_error("cannot write '%s': %s", path, strerror(-errnum));
	return CLI_HOST;
}

/* Something that a rename must not replace: a device, a pipe. */
static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int write_in_place(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return host_error(path, -errno);
	rc = write_all(fd, text, len);
	if (close(fd) && !rc)
		rc = -errno;
	return rc ? host_error(path, rc) : CLI_OK;
}

/* mkstemp() makes the file private; a result is as readable as any new file. */
static int open_temp(const char *path)
{
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if ((size_t)snprintf(temp_path, sizeof(temp_path), "%s.XXXXXX", path) >=
	    sizeof(temp_path)) {
		temp_path[0] = '\0';
		return -ENAMETOOLONG;
	}
	fd = mkstemp(temp_path);
	if (fd < 0) {
		temp_path[0] = '\0';
		return -errno;
	}
	if (fchmod(fd, 0666 & ~mask)) {
		/* a file system without modes: the file is still good */
	}
	return fd;
}

static int write_renamed(const char *path, const char *text, size_t len)
{
	int fd = open_temp(path), rc;

	if (fd < 0)
		return host_error(path, fd);
	rc = write_all(fd, text, len);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temp_path, path))
		rc = -errno;
	if (rc)
		unlink(temp_path);
	temp_path[0] = '\0';
	return rc ? host_error(path, rc) : CLI_OK;
}

int output_write(const char *path, const char *text, size_t len)
{
	if (!path || !strcmp(path, "-")) {
		if (fwrite(text, 1, len, stdout) != len)
			stdout_errnum = errno;
		return CLI_OK; /* judged by output_finish() */
	}
	if (is_special(path))
		return write_in_place(path, text, len);
	return write_renamed(path, text, len);
}

int output_finish(int status)
{
	int errnum = stdout_errnum;
	bool bad = ferror(stdout);

	if (fflush(stdout)) {
		bad = true;
		errnum = errnum ? errnum : errno;
	}
	if (fclose(stdout) && !errnum) {
		errnum = errno;
		bad = bad || errnum != EBADF;
	}
	if (!bad)
		return status;
	if (errnum == EPIPE)
		return CLI_HOST; /* the reader has seen enough: no news to anybody */
	cli_error("cannot write standard output%s%s", errnum ? ": " : "",
		  errnum ? strerror(errnum) : "");
	return CLI_HOST;
}
