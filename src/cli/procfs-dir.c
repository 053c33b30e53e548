/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Writing the tree: see procfs-dir.h. */
#include "cli/procfs-dir.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/units.h"
#include "cli/cli.h"

bool procfs_dir_parse_when(struct procfs_dir *d, const char *text)
{
	struct mmr_error err;

	if (!strcmp(text, "end")) {
		d->when = PROCFS_END;
	} else if (!strcmp(text, "exit")) {
		d->when = PROCFS_EXIT;
	} else {
		d->when = PROCFS_TIME;
		return !parse_time(text, &d->time_ns, &err) && d->time_ns &&
		       d->time_ns <= INT64_MAX;
	}
	return true;
}

static int host_error(const char *what, const char *path, int errnum)
{
	cli_error("cannot %s '%s': %s", what, path, strerror(errnum));
	return CLI_HOST;
}

static int make_folder(const struct procfs_dir *d)
{
	const struct dirent *entry;
	bool empty = true;
	DIR *dir;

	if (!mkdir(d->path, 0777))
		return CLI_OK;
	if (errno != EEXIST)
		return host_error("make folder", d->path, errno);
	dir = opendir(d->path);
	if (!dir)
		return host_error("open folder", d->path, errno);
	while ((entry = readdir(dir)))
		empty = empty && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."));
	closedir(dir);
	if (!empty) {
		cli_error("folder '%s' is not empty: files of another run would be mixed with "
			  "those of this one",
			  d->path);
		return CLI_HOST;
	}
	return CLI_OK;
}

/* The folders above a file. 0 or a negative errno. */
static int make_parents(char *path, size_t from)
{
	for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0777) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static int write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");
	int rc = 0;

	if (!f)
		return -errno;
	if (fwrite(text, 1, len, f) != len)
		rc = -errno;
	if (fclose(f) && !rc)
		rc = -errno;
	return rc;
}

static int put_file(void *ctx, const char *path, const char *text, size_t len)
{
	const struct procfs_dir *d = ctx;
	struct strbuf full = {0};
	int rc;

	strbuf_addf(&full, "%s/%s", d->path, path);
	rc = make_parents(full.s, strlen(d->path) + 1);
	if (!rc)
		rc = write_file(full.s, text, len);
	if (rc)
		(void)host_error("write", full.s, -rc);
	strbuf_finish(&full);
	return rc;
}

static void on_exit_of(void *ctx, uint32_t process, const struct task_struct *task)
{
	struct procfs_dir *d = ctx;

	procfs_process(&d->p, process, task);
}

static void write_all_of(struct procfs_dir *d)
{
	procfs_system(&d->p);
	procfs_processes(&d->p);
	d->made = true;
}

/* The model's clock stands at the next item of the trace already; its state is that of before. */
static void on_time(void *ctx)
{
	struct procfs_dir *d = ctx;

	d->p.clock_ns = d->time_ns;
	write_all_of(d);
}

int procfs_dir_create(struct procfs_dir *d, struct mmr_replay *r)
{
	int status = make_folder(d);

	if (status)
		return status;
	procfs_begin(&d->p, r, put_file, d);
	if (d->when == PROCFS_EXIT) {
		r->on_process_exit = on_exit_of;
		r->on_process_exit_ctx = d;
	} else if (d->when == PROCFS_TIME) {
		replay_watch(r, d->time_ns, on_time, d);
	}
	return CLI_OK;
}

int procfs_dir_finish(struct procfs_dir *d, bool quiet)
{
	char when[32];

	d->p.r->on_process_exit = NULL;
	if (!d->made) {
		if (d->when == PROCFS_TIME && !quiet)
			fprintf(stderr,
				"the trace ends at %" PRIu64 " ns, before the time asked for: "
				"'%s' holds the state at its end\n",
				d->p.mem->now_ns, d->path);
		snprintf(when, sizeof(when), "%s", d->when == PROCFS_EXIT ? "exit" : "end");
		write_all_of(d);
	} else {
		snprintf(when, sizeof(when), "%" PRIu64 "ns", d->time_ns);
	}
	return procfs_end(&d->p, when) ? CLI_HOST : CLI_OK;
}
