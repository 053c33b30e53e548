/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The ptrace loop.
 *
 * A new child may stop before its parent's fork event is seen, so whoever comes first makes the
 * entry. The process of a thread is read from /proc once, at that time. A tracee may die at any
 * moment (SIGKILL): every ptrace call may fail with ESRCH, and that is never an error.
 */
#include "capture/tracer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS \
	(PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	 PTRACE_O_TRACECLONE)
#define KCMP_VM 1

void tracer_init(struct tracer *t, const struct tracer_ops *ops, void *ctx)
{
	t->ops = ops;
	t->ctx = ctx;
	t->quiet = false;
	htable_init(&t->tracees);
}

void tracer_finish(struct tracer *t)
{
	htable_finish(&t->tracees);
}

int tracer_seize(struct tracer *t, pid_t pid, pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, OPTIONS) < 0)
		return -errno;
	htable_set(&t->tracees, (uint64_t)tid, (uint64_t)pid);
	return 0;
}

/* The process of a tracee; makes the entry for a new one. 0 when it is gone already. */
static pid_t process_of(struct tracer *t, pid_t tid)
{
	uint64_t value;
	pid_t pid;

	if (htable_get(&t->tracees, (uint64_t)tid, &value))
		return (pid_t)value;
	if (proc_status_ids(tid, &pid, NULL))
		return 0;
	htable_set(&t->tracees, (uint64_t)tid, (uint64_t)pid);
	return pid;
}

static bool has_threads(const struct tracer *t, pid_t pid)
{
	size_t pos = 0;
	uint64_t tid, value;

	while (htable_next(&t->tracees, &pos, &tid, &value)) {
		if ((pid_t)value == pid)
			return true;
	}
	return false;
}

static void on_clone(struct tracer *t, pid_t parent, int event)
{
	unsigned long msg;
	uint64_t flags = event == PTRACE_EVENT_VFORK ? CLONE_VFORK : 0;

	if (ptrace(PTRACE_GETEVENTMSG, parent, NULL, &msg) < 0)
		return;
	pid_t child = (pid_t)msg, child_pid = process_of(t, child);

	if (child_pid == 0)
		return;
	if (child_pid == process_of(t, parent))
		flags |= CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
	else if (syscall(SYS_kcmp, parent, child, KCMP_VM, 0, 0) == 0)
		flags |= CLONE_VM;
	t->ops->clone(t->ctx, child, flags);
}

static void on_exec(struct tracer *t, pid_t tid)
{
	unsigned long former;
	pid_t pid = process_of(t, tid);

	/* A thread that was not the leader has the leader's id now; its own one is gone without a
	 * stop. */
	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &former) == 0 && (pid_t)former != tid)
		htable_del(&t->tracees, former);
	if (!t->quiet && pid)
		t->ops->at_exec(t->ctx, (struct proc_ref){.pid = pid, .tid = tid});
}

static void on_exit_stop(struct tracer *t, pid_t tid)
{
	unsigned long status = 0;
	pid_t pid = process_of(t, tid);

	ptrace(PTRACE_GETEVENTMSG, tid, NULL, &status);
	htable_del(&t->tracees, (uint64_t)tid);
	if (t->quiet || pid == 0)
		return;
	t->ops->task_exit(t->ctx, tid, (int)status);
	if (!has_threads(t, pid))
		t->ops->at_exit(t->ctx, (struct proc_ref){.pid = pid, .tid = tid});
}

static bool is_stopping(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(struct tracer *t, pid_t tid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	switch (event) {
	case 0:
		break; /* a signal on its way: deliver it */
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_clone(t, tid, event);
		sig = 0;
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(t, tid);
		sig = 0;
		break;
	case PTRACE_EVENT_EXIT:
		on_exit_stop(t, tid);
		sig = 0;
		break;
	case PTRACE_EVENT_STOP:
		process_of(t, tid);
		if (is_stopping(sig)) {
			ptrace(PTRACE_LISTEN, tid, NULL, NULL);
			return;
		}
		sig = 0;
		break;
	default:
		sig = 0;
		break;
	}
	ptrace(PTRACE_CONT, tid, NULL, (void *)(long)sig);
}

void tracer_poll(struct tracer *t)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(status)) {
			on_stop(t, tid, status);
		} else {
			htable_del(&t->tracees, (uint64_t)tid);
			t->ops->gone(t->ctx, tid, status);
		}
	}
}

static int compare_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

void tracer_processes(const struct tracer *t, proc_tids *pids)
{
	size_t pos = 0, n = 0;
	uint64_t tid, pid;

	while (htable_next(&t->tracees, &pos, &tid, &pid))
		*vec_push(pids) = (pid_t)pid;
	/* no ties: equal process ids are the same process, and all but one of them go */
	if (pids->nr)
		qsort(pids->data, pids->nr, sizeof(pids->data[0]), compare_pid);
	for (size_t i = 0; i < pids->nr; i++) {
		if (n == 0 || pids->data[n - 1] != pids->data[i])
			pids->data[n++] = pids->data[i];
	}
	pids->nr = n;
}
