/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A command that waits for its tracer before it becomes the program.
 *
 * Interface: spawn_prepare() forks, spawn_go() lets it call execve and says whether that worked,
 * spawn_abort() ends it before that.
 */
#ifndef CAPTURE_SPAWN_H
#define CAPTURE_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"

struct spawn {
	pid_t pid;
	int go_fd;	/* a byte here: go on; closed: give up */
	int go_read_fd; /* our copy of its other end: writing to a dead child raises no SIGPIPE */
	int error_fd;	/* an errno when execve failed, the end of the file when it did not */
};

/* What the capture changed for itself and the command must not see. */
struct spawn_context {
	sigset_t mask;	     /* signal mask */
	struct rlimit files; /* RLIMIT_NOFILE */
	bool quiet_stdout;   /* its standard output goes to standard error */
};

int spawn_prepare(struct spawn *sp, char *const *argv, const struct spawn_context *ctx,
		  struct mmr_error *err);
void spawn_go(struct spawn *sp);
/* After the child ended or called execve: 0, or the negative errno of its execve. */
int spawn_result(struct spawn *sp, const char *name, struct mmr_error *err);
void spawn_abort(struct spawn *sp);

#endif
