/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Running a function that must end its process, in a child: how it ended, and what it said. */
#ifndef SUPPORT_DIES_H
#define SUPPORT_DIES_H

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Returns the wait status; the first bytes of the child's standard error go to `text`,
 * NUL-terminated.
 */
static inline int run_in_child(void (*fn)(void), char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		abort();
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while (len < size - 1 && (got = read(fds[0], text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

#endif
