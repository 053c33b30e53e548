/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Starting the command; see spawn.h. There is no shell in between. */
#include "capture/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(char *const *argv, const struct spawn_context *ctx, int go, int error)
{
	char byte;
	ssize_t n;

	sigprocmask(SIG_SETMASK, &ctx->mask, NULL);
	setrlimit(RLIMIT_NOFILE, &ctx->files);
	signal(SIGPIPE, SIG_DFL); /* mmreplay itself ignores it, the program must not */
	do {
		n = read(go, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127);
	if (ctx->quiet_stdout)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(argv[0], argv);
	int e = errno;

	if (write(error, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(e == ENOENT ? 127 : 126);
}

static void close_go(struct spawn *sp)
{
	if (sp->go_fd < 0)
		return;
	close(sp->go_fd);
	close(sp->go_read_fd);
	sp->go_fd = sp->go_read_fd = -1;
}

int spawn_prepare(struct spawn *sp, char *const *argv, const struct spawn_context *ctx,
		  struct mmr_error *err)
{
	int go[2], error[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	if (pipe2(error, O_CLOEXEC) < 0) {
		int e = errno;

		close(go[0]);
		close(go[1]);
		return err_set(err, -e, "pipe: %s", strerror(e));
	}
	sp->pid = fork();
	if (sp->pid == 0) {
		close(go[1]);
		close(error[0]);
		run_child(argv, ctx, go[0], error[1]);
	}
	int e = errno;

	close(error[1]);
	sp->go_fd = go[1];
	sp->go_read_fd = go[0];
	sp->error_fd = error[0];
	if (sp->pid < 0) {
		close_go(sp);
		close(sp->error_fd);
		return err_set(err, -e, "fork: %s", strerror(e));
	}
	return 0;
}

void spawn_go(struct spawn *sp)
{
	ssize_t n = write(sp->go_fd, "g", 1);

	(void)n; /* a child that is gone shows in wait(2) */
	close_go(sp);
}

int spawn_result(struct spawn *sp, const char *name, struct mmr_error *err)
{
	int e = 0;
	ssize_t n;

	if (sp->error_fd < 0)
		return 0;
	do {
		n = read(sp->error_fd, &e, sizeof(e));
	} while (n < 0 && errno == EINTR);
	close(sp->error_fd);
	sp->error_fd = -1;
	if (n != sizeof(e))
		return 0;
	return err_set(err, -e, "cannot run '%s': %s", name, strerror(e));
}

void spawn_abort(struct spawn *sp)
{
	close_go(sp);
	if (sp->error_fd >= 0)
		close(sp->error_fd);
	sp->error_fd = -1;
	waitpid(sp->pid, NULL, 0);
}
