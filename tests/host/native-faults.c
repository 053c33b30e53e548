/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Runs a command with address space randomisation off and prints what the kernel counted for it, between
 * execve and exit: the truth for a trace that was captured under valgrind.
 *
 *	native-faults COMMAND ARGUMENT...
 *	pgfault N		faults since execve, and those that execve itself took for the stack and data
 *	rss_anon_pages N  rss_file_pages N  pgtables_bytes N	at exit
 * Exit status 77 where ptrace is not permitted.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static long stat_min_flt(pid_t pid)
{
	char path[64], text[2048] = "", *s;
	long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fgets(text, sizeof(text), f) && (s = strrchr(text, ')')))
		sscanf(s + 2, "%*c %*d %*d %*d %*d %*d %*u %ld", &v);
	fclose(f);
	return v;
}

static long status_kb(pid_t pid, const char *key)
{
	char path[64], line[256];
	long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			sscanf(line + strlen(key), ": %ld", &v);
	if (f)
		fclose(f);
	return v;
}

int main(int argc, char **argv)
{
	long at_exec = 0, exec_pages = 0;
	int status, event;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		personality(ADDR_NO_RANDOMIZE);
		raise(SIGSTOP);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid)
		return 1;
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)) {
		kill(pid, SIGKILL);
		return 77;
	}
	kill(pid, SIGCONT);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		event = status >> 16;
		if (event == PTRACE_EVENT_EXEC) {
			at_exec = stat_min_flt(pid);
			exec_pages = status_kb(pid, "RssAnon") / 4;
		} else if (event == PTRACE_EVENT_EXIT) {
			printf("pgfault %ld\n", stat_min_flt(pid) - at_exec + exec_pages);
			printf("rss_anon_pages %ld\n", status_kb(pid, "RssAnon") / 4);
			printf("rss_file_pages %ld\n", status_kb(pid, "RssFile") / 4);
			printf("pgtables_bytes %ld\n", status_kb(pid, "VmPTE") * 1024);
		}
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
