/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Running a program under valgrind's lackey, with one pipe for each process. See vgtracer.h. */
#include "capture/vgtracer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/htable.h"
#include "base/xalloc.h"
#include "capture/vgheap.h"
#include "capture/vgtool.h"

#define PIPE_BYTES	(1 << 20)
#define PIPE_ENOUGH	(PIPE_BYTES / 4)	/* worth a read */
#define PIPE_WAIT_MS	5
#define TICK_MS		250
#define GRACE_NS	5000000000ull	/* between SIGTERM and SIGKILL when the capture is to end */
#define IOV_LIMIT	1024		/* UIO_MAXIOV */
#define PATH_ROOM	256

/* One process that valgrind runs. */
struct tracee {
	pid_t pid;
	int fifo;
	struct frame_ring *ring;	/* of our own tool, else NULL */
	struct vg_proc *proc;		/* NULL: its stream is thrown away */
	bool is_stepping;		/* from exec until it opens its log */
	bool is_live;
};

struct tracer {
	const struct capture_options *opt;
	struct vg_trace *trace;
	const struct vg_tracer_ops *ops;
	char dir[PATH_ROOM];		/* of the FIFOs */
	char lib[PATH_ROOM + 8];	/* where valgrind finds its tools */
	bool own_tool;			/* ours, not lackey */
	pid_t root;
	VEC(struct tracee) tracees;
	struct htable by_tid;		/* thread id -> index of its process in `tracees` */
	struct htable early;		/* threads that stopped before their parent's event was seen */
	size_t nr_live;
	bool has_begun;
	size_t pad;			/* bytes of IMAGE_PAD_VAR's value */
	bool is_padded;			/* the value was computed, not the first guess */
	bool must_restart;
	int sigfd;
	uint64_t kill_at_ns;		/* 0: not ending */
	struct mmr_error *err;
	int error;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int fail(struct tracer *t, int error)
{
	if (!t->error)
		t->error = error;
	return error;
}

/* ---- the child, before exec ---- */

/*
 * Stops for calls whose buffers or offsets are behind a second pointer, and where files are opened; everything
 * else runs free.
 */
static int install_filter(void)
{
	static const int nrs[] = { SYS_readv, SYS_writev, SYS_preadv, SYS_pwritev, SYS_preadv2,
				   SYS_pwritev2, SYS_sendmsg, SYS_recvmsg, SYS_vmsplice, SYS_sendfile, SYS_splice,
				   SYS_copy_file_range, SYS_open, SYS_openat, SYS_openat2, SYS_creat };
	struct sock_filter code[ARRAY_SIZE(nrs) + 5];
	struct sock_fprog prog = { .filter = code };
	unsigned n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0,
						 ARRAY_SIZE(nrs) + 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < ARRAY_SIZE(nrs); i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nrs[i],
							 (uint8_t)(ARRAY_SIZE(nrs) - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	prog.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}

/* Options before the command. */
static const char *const valgrind_args[] = {
	"valgrind", "--command-line-only=yes", "--trace-syscalls=yes", "--trace-sched=yes", "--trace-signals=yes",
	"--trace-children=yes", "--vgdb=no", "--run-libc-freeres=no", "--run-cxx-freeres=no",
};
static const char *const lackey_args[] = { "--tool=lackey", "--basic-counts=no", "--trace-mem=yes" };

static char **make_argv(const struct tracer *t, char *log_option)
{
	size_t nr = 0, n = 0;
	char **argv;

	while (t->opt->argv[nr])
		nr++;
	argv = xcalloc(ARRAY_SIZE(valgrind_args) + ARRAY_SIZE(lackey_args) + nr + 4, sizeof(*argv));
	for (; n < ARRAY_SIZE(valgrind_args); n++)
		argv[n] = (char *)valgrind_args[n];
	for (size_t i = 0; i < ARRAY_SIZE(lackey_args) && !t->own_tool; i++)
		argv[n++] = (char *)lackey_args[i];
	if (t->own_tool)
		argv[n++] = (char *)"--tool=mmreplay";
	argv[n++] = log_option;
	argv[n++] = (char *)"--";
	for (size_t i = 0; i < nr; i++)
		argv[n++] = t->opt->argv[i];
	return argv;
}

/* Runs in the child: waits for the tracer's word, then becomes valgrind. Reports errno through `sock`. */
static _Noreturn void run_child(const struct tracer *t, char **argv, int sock, const sigset_t *mask)
{
	char *pad = xmalloc(t->pad + 1);
	int error;
	char go;

	memset(pad, 'x', t->pad);
	pad[t->pad] = 0;
	if (read(sock, &go, 1) != 1)
		_exit(127);
	setenv(IMAGE_PAD_VAR, pad, 1);
	setenv("VALGRIND_LIB", t->lib, 1);
	sigprocmask(SIG_SETMASK, mask, NULL);
	error = -install_filter();
	if (!error) {
		/* Debian's valgrind is a script that changes the environment and calls this. */
		execvp("valgrind.bin", argv);
		execvp(argv[0], argv);
		error = errno;
	}
	if (write(sock, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

static int make_fifo(struct tracer *t, pid_t pid, int *ret_fd)
{
	char path[PATH_ROOM + 16];

	snprintf(path, sizeof(path), "%s/%d", t->dir, pid);
	if (mkfifo(path, 0600) && errno != EEXIST)
		return err_set(t->err, -errno, "cannot make the pipe '%s': %s", path, strerror(errno));
	*ret_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_set(t->err, -errno, "cannot open the pipe '%s': %s", path, strerror(errno));
	/* Larger saves switches between valgrind and us; a refusal does no harm. */
	fcntl(*ret_fd, F_SETPIPE_SZ, PIPE_BYTES);
	return 0;
}

/* The memory in which our tool hands page runs over. NULL with lackey, and with an error set when there is none. */
static struct frame_ring *make_ring(struct tracer *t, pid_t pid)
{
	char path[PATH_ROOM + 32];
	void *ring = MAP_FAILED;
	int fd;

	if (!t->own_tool)
		return NULL;
	snprintf(path, sizeof(path), "%s/%d.ring", t->dir, pid);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && ftruncate(fd, FRAME_FILE_BYTES) == 0)
		ring = mmap(NULL, FRAME_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		fail(t, err_set(t->err, -errno, "cannot make the ring '%s': %s", path, strerror(errno)));
	if (fd >= 0)
		close(fd);
	return ring == MAP_FAILED ? NULL : ring;
}

static void free_ring(struct tracer *t, struct tracee *x)
{
	char path[PATH_ROOM + 32];

	if (!x->ring)
		return;
	snprintf(path, sizeof(path), "%s/%d.ring", t->dir, x->pid);
	unlink(path);
	munmap(x->ring, FRAME_FILE_BYTES);
	x->ring = NULL;
}

static struct tracee *add_tracee(struct tracer *t, pid_t pid, int fifo, struct vg_proc *proc)
{
	struct tracee *x = NULL;

	for (size_t i = 0; i < t->tracees.nr && !x; i++)
		if (!t->tracees.data[i].is_live)
			x = &t->tracees.data[i];
	if (!x)
		x = vec_push(&t->tracees);
	*x = (struct tracee){ .pid = pid, .fifo = fifo, .ring = make_ring(t, pid), .proc = proc, .is_live = true };
	if (proc)
		proc->lackey.ring = x->ring;
	htable_set(&t->by_tid, (uint64_t)pid, (uint64_t)(x - t->tracees.data));
	t->nr_live++;
	return x;
}

static const long trace_options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
	PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD |
	PTRACE_O_EXITKILL;

/* Lets the seized child go and learns whether valgrind could be executed. */
static int release_child(struct tracer *t, int sock)
{
	if (ptrace(PTRACE_SEIZE, t->root, 0, trace_options))
		return err_set(t->err, -errno, "cannot trace valgrind with ptrace: %s", strerror(errno));
	if (send(sock, "g", 1, MSG_NOSIGNAL) != 1)
		return err_set(t->err, -EIO, "cannot start valgrind");
	return 0;
}

static int spawn(struct tracer *t, const sigset_t *mask, int *ret_sock)
{
	char log_option[2 * PATH_ROOM + 16], escaped[2 * PATH_ROOM];
	int sock[2], fifo, ret;
	size_t n = 0;
	char **argv;

	/* A per cent sign in the directory's name means one only when doubled. */
	for (const char *s = t->dir; *s; s++) {
		escaped[n++] = *s;
		if (*s == '%')
			escaped[n++] = '%';
	}
	escaped[n] = 0;
	snprintf(log_option, sizeof(log_option), "--log-file=%s/%%p", escaped);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock))
		return err_set(t->err, -errno, "cannot make a socket pair: %s", strerror(errno));
	argv = make_argv(t, log_option);
	t->root = fork();
	if (t->root == 0) {
		close(sock[0]);
		run_child(t, argv, sock[1], mask);
	}
	free(argv);
	close(sock[1]);
	*ret_sock = sock[0];
	if (t->root < 0)
		return err_set(t->err, -errno, "cannot fork: %s", strerror(errno));
	ret = make_fifo(t, t->root, &fifo);
	if (ret)
		return ret;
	add_tracee(t, t->root, fifo, NULL);
	return release_child(t, sock[0]);
}

/* ---- streams ---- */

/* Reads what a process wrote: all of it, or at most one buffer's worth. Returns the bytes. */
static size_t drain(struct tracer *t, struct tracee *x, bool all)
{
	char waste[4096];
	size_t total = 0;
	ssize_t n;

	do {
		size_t room;
		char *buf;

		if (x->proc) {
			buf = lackey_space(&x->proc->lackey, &room);
			n = read(x->fifo, buf, room);
			if (n > 0)
				lackey_advance(&x->proc->lackey, (size_t)n);
		} else {
			n = read(x->fifo, waste, sizeof(waste));
			if (x->ring)
				x->ring->taken = FRAME_NOBODY;
		}
		if (n > 0)
			total += (size_t)n;
	} while ((n > 0 && all) || (n < 0 && errno == EINTR));
	if (t->trace->error)
		fail(t, t->trace->error);
	return total;
}

static struct tracee *tracee_of(struct tracer *t, pid_t tid)
{
	uint64_t i;

	return htable_get(&t->by_tid, (uint64_t)tid, &i) ? &t->tracees.data[i] : NULL;
}

static void resume(struct tracee *x, pid_t tid, int sig)
{
	ptrace(x && x->is_stepping ? PTRACE_SYSCALL : PTRACE_CONT, tid, 0, (long)sig);
}

/* ---- stops ---- */

static pid_t tgid_of(pid_t tid)
{
	char path[64], line[128];
	pid_t tgid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	if (f)
		fclose(f);
	return tgid;
}

/* fork, vfork, clone: the new thread or process stands still until it is resumed. */
static void on_clone(struct tracer *t, struct tracee *x, pid_t tid)
{
	unsigned long msg = 0;
	struct vg_proc *proc;
	uint64_t seen;
	pid_t child;
	int fifo;

	ptrace(PTRACE_GETEVENTMSG, tid, 0, &msg);
	child = (pid_t)msg;
	if (!child)
		return;
	if (tgid_of(child) == x->pid) {
		htable_set(&t->by_tid, (uint64_t)child, (uint64_t)(x - t->tracees.data));
	} else {
		if (make_fifo(t, child, &fifo)) {
			fail(t, -EIO);
			return;
		}
		drain(t, x, true);
		proc = x->proc ? vg_proc_fork(x->proc, child) : NULL;
		add_tracee(t, child, fifo, proc);
	}
	if (htable_get(&t->early, (uint64_t)child, &seen)) {
		htable_del(&t->early, (uint64_t)child);
		resume(tracee_of(t, child), child, 0);
	}
}

static bool read_string(pid_t pid, uint64_t addr, char *buf, size_t size)
{
	struct iovec local = { buf, size - 1 }, remote = { (void *)(uintptr_t)addr, size - 1 };
	ssize_t n;

	/* The string may end close to the end of its mapping. */
	remote.iov_len = 4096 - addr % 4096;
	if (remote.iov_len > size - 1)
		remote.iov_len = size - 1;
	n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (n <= 0)
		return false;
	buf[n] = 0;
	if ((size_t)n < size - 1 && !memchr(buf, 0, (size_t)n)) {
		local = (struct iovec){ buf + n, size - 1 - (size_t)n };
		remote = (struct iovec){ (void *)(uintptr_t)(addr + (uint64_t)n), local.iov_len };
		if (process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0)
			return false;
	}
	buf[size - 1] = 0;
	return true;
}

/* How long the padding must be so that the stack pointer falls on its native place within the page. */
static size_t wanted_pad(const struct tracer *t, const struct image *im)
{
	uint64_t down = (im->tool_sp - im->native_sp) & 4095;

	/* Valgrind rounds to 16 as the kernel does: both pointers are multiples of it. */
	return t->pad + (size_t)down;
}

/* The program is loaded and has not run. */
static void on_image(struct tracer *t, struct tracee *x)
{
	struct mmr_error err = {0};
	char path[64], cwd[PATH_MAX];
	struct image im;
	ssize_t n;
	int ret = image_read(&im, x->pid, &err);

	if (ret && !t->has_begun) {
		if (t->err)
			*t->err = err;
		fail(t, ret);
	} else if (ret) {
		if (x->proc)
			vg_proc_drop(x->proc, err.text);
	} else if (!t->has_begun && t->trace->native && im.sp_differs && !t->is_padded) {
		t->pad = wanted_pad(t, &im);
		t->is_padded = t->must_restart = true;
	} else {
		if (!t->has_begun) {
			ret = t->ops->begin(t->ops->ctx, x->pid, &im, t->err);
			if (ret)
				fail(t, ret);
			else
				x->proc = vg_proc_create(t->trace, x->pid);
			if (x->proc)
				x->proc->lackey.ring = x->ring;
			t->has_begun = !ret;
		}
		snprintf(path, sizeof(path), "/proc/%d/cwd", x->pid);
		n = readlink(path, cwd, sizeof(cwd) - 1);
		if (n > 0)
			cwd[n] = 0;
		if (x->proc && !x->proc->is_dropped)
			vg_proc_exec(x->proc, &im, n > 0 ? cwd : NULL);
	}
	image_finish(&im);
}

/* exec: everything that the old image wrote is read; the new one may be valgrind, before it has run. */
static void on_exec(struct tracer *t, struct tracee *x)
{
	char path[64], exe[PATH_MAX];
	uint64_t addr;
	ssize_t n;

	drain(t, x, true);
	x->is_stepping = true;
	snprintf(path, sizeof(path), "/proc/%d/exe", x->pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n <= 0)
		return;
	exe[n] = 0;
	if (!strstr(exe, t->own_tool ? "/mmreplay-" : "/lackey-"))
		return;		/* valgrind's launcher, which executes this next */
	addr = vg_heap_find(exe);
	if (!addr || !vg_heap_raise(x->pid, addr))
		t->trace->heap_limit = VG_HEAP_DEFAULT;
}

/* A step between exec and the opening of the log. */
static void on_syscall(struct tracer *t, struct tracee *x, pid_t tid)
{
	struct __ptrace_syscall_info info;
	char path[PATH_ROOM + 16], opened[PATH_ROOM + 16];
	uint64_t addr;

	if (!x->is_stepping || ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (info.entry.nr == SYS_openat)
		addr = info.entry.args[1];
	else if (info.entry.nr == SYS_open)
		addr = info.entry.args[0];
	else
		return;
	snprintf(path, sizeof(path), "%s/%d", t->dir, x->pid);
	if (!read_string(tid, addr, opened, sizeof(opened)) || strcmp(path, opened) != 0)
		return;
	x->is_stepping = false;
	on_image(t, x);
}

/*
 * A file is about to be opened: what of it is in the page cache is looked at now, before the program (or
 * valgrind for it) reads more of it in.
 */
static void before_open(struct tracer *t, const struct tracee *x, pid_t tid, const struct vg_vector *v)
{
	bool has_dir = v->nr == SYS_openat || v->nr == SYS_openat2;
	int dirfd = has_dir ? (int)v->arg[0] : AT_FDCWD;
	char name[PATH_MAX], path[PATH_MAX + 64];

	if (!read_string(tid, v->arg[has_dir], name, sizeof(name)) || !name[0])
		return;
	if (name[0] == '/')
		snprintf(path, sizeof(path), "%s", name);
	else if (dirfd == AT_FDCWD)
		snprintf(path, sizeof(path), "/proc/%d/cwd/%s", x->pid, name);
	else
		snprintf(path, sizeof(path), "/proc/%d/fd/%d/%s", x->pid, dirfd, name);
	vg_look_at_file(t->trace, path);
}

/* The offsets of sendfile, splice and copy_file_range; UINT64_MAX: the file's own. */
static void note_offsets(struct vg_vector *v, pid_t tid)
{
	for (unsigned i = 0; i < 2; i++) {
		/* sendfile has one, of its input */
		uint64_t addr = v->nr == SYS_sendfile ? (i ? 0 : v->arg[2]) : v->arg[i ? 3 : 1];
		struct iovec local = { &v->offset[i], sizeof(v->offset[i]) };
		struct iovec remote = { (void *)(uintptr_t)addr, sizeof(v->offset[i]) };

		if (!addr || process_vm_readv(tid, &local, 1, &remote, 1, 0) != sizeof(v->offset[i]))
			v->offset[i] = UINT64_MAX;
	}
}

static bool opens(uint64_t nr)
{
	return nr == SYS_open || nr == SYS_openat || nr == SYS_openat2 || nr == SYS_creat;
}

static bool has_offsets(uint64_t nr)
{
	return nr == SYS_sendfile || nr == SYS_splice || nr == SYS_copy_file_range;
}

/* A call enters the kernel that needs a look at what it points to: its buffers, offsets, file. */
static void on_seccomp(struct tracer *t, struct tracee *x, pid_t tid)
{
	struct __ptrace_syscall_info info;
	struct vg_vector v = {0};
	struct iovec iov[IOV_LIMIT], local, remote;
	uint64_t addr, nr;
	ssize_t n;

	if (!x->proc || ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return;
	v.nr = (uint32_t)info.seccomp.nr;
	for (unsigned i = 0; i < ARRAY_SIZE(v.arg); i++)
		v.arg[i] = info.seccomp.args[i];
	if (opens(v.nr)) {
		before_open(t, x, tid, &v);
		return;
	}
	if (has_offsets(v.nr)) {
		note_offsets(&v, tid);
		vg_proc_vector(x->proc, &v);
		return;
	}
	addr = v.arg[1];
	nr = v.arg[2];
	if (v.nr == SYS_sendmsg || v.nr == SYS_recvmsg) {
		struct msghdr hdr;

		local = (struct iovec){ &hdr, sizeof(hdr) };
		remote = (struct iovec){ (void *)(uintptr_t)addr, sizeof(hdr) };
		if (process_vm_readv(tid, &local, 1, &remote, 1, 0) != sizeof(hdr))
			return;
		addr = (uint64_t)(uintptr_t)hdr.msg_iov;
		nr = hdr.msg_iovlen;
	}
	if (nr > IOV_LIMIT)
		return;
	local = (struct iovec){ iov, nr * sizeof(*iov) };
	remote = (struct iovec){ (void *)(uintptr_t)addr, nr * sizeof(*iov) };
	n = nr ? process_vm_readv(tid, &local, 1, &remote, 1, 0) : 0;
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*iov); i++)
		*vec_push(&v.part) = (struct sys_touch){ .addr = (uint64_t)(uintptr_t)iov[i].iov_base,
							 .len = iov[i].iov_len };
	vg_proc_vector(x->proc, &v);
}

static void on_stop(struct tracer *t, pid_t tid, int status)
{
	struct tracee *x = tracee_of(t, tid);
	int sig = WSTOPSIG(status), event = status >> 16;

	if (!x) {
		/* Its parent's event comes after this one; it stays where it is until then. */
		htable_set(&t->early, (uint64_t)tid, 1);
		return;
	}
	switch (event) {
	case 0:
		if (sig == (SIGTRAP | 0x80)) {
			on_syscall(t, x, tid);
			sig = 0;
		}
		break;
	case PTRACE_EVENT_STOP:
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
			ptrace(PTRACE_LISTEN, tid, 0, 0);
			return;
		}
		sig = 0;
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		on_clone(t, x, tid);
		x = tracee_of(t, tid);
		sig = 0;
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(t, x);
		sig = 0;
		break;
	case PTRACE_EVENT_SECCOMP:
		on_seccomp(t, x, tid);
		sig = 0;
		break;
	case PTRACE_EVENT_EXIT:
		drain(t, x, true);
		sig = 0;
		break;
	default:
		sig = 0;
		break;
	}
	resume(x, tid, sig);
}

static void on_end(struct tracer *t, pid_t tid, int status)
{
	struct tracee *x = tracee_of(t, tid);
	char path[PATH_ROOM + 16];

	htable_del(&t->by_tid, (uint64_t)tid);
	htable_del(&t->early, (uint64_t)tid);
	if (!x || x->pid != tid)
		return;
	drain(t, x, true);
	if (x->proc)
		vg_proc_end(x->proc, status);
	if (tid == t->root && t->has_begun) {
		t->trace->res->has_status = true;
		t->trace->res->child_status = status;
	}
	close(x->fifo);
	free_ring(t, x);
	snprintf(path, sizeof(path), "%s/%d", t->dir, x->pid);
	unlink(path);
	x->is_live = false;
	x->proc = NULL;
	t->nr_live--;
}

/* ---- the loop ---- */

static void reap(struct tracer *t)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (WIFSTOPPED(status))
			on_stop(t, tid, status);
		else
			on_end(t, tid, status);
	}
}

static void signal_all(struct tracer *t, int sig)
{
	for (size_t i = 0; i < t->tracees.nr; i++)
		if (t->tracees.data[i].is_live)
			kill(t->tracees.data[i].pid, sig);
}

/* The capture is to end before the program does: asks first, kills later. */
static void end_early(struct tracer *t)
{
	if (!t->kill_at_ns) {
		t->trace->res->stopped = true;
		t->kill_at_ns = now_ns() + GRACE_NS;
		signal_all(t, SIGTERM);
	}
}

static void wait_and_read(struct tracer *t)
{
	VEC(struct pollfd) fds = {0};
	struct signalfd_siginfo si;
	size_t nr_fixed = 2, nr_bytes = 0;

	*vec_push(&fds) = (struct pollfd){ .fd = t->sigfd, .events = POLLIN };
	*vec_push(&fds) = (struct pollfd){ .fd = t->kill_at_ns ? -1 : t->opt->stop_fd, .events = POLLIN };
	for (size_t i = 0; i < t->tracees.nr; i++)
		*vec_push(&fds) = (struct pollfd){
			.fd = t->tracees.data[i].is_live ? t->tracees.data[i].fifo : -1, .events = POLLIN };
	if (poll(fds.data, fds.nr, TICK_MS) > 0) {
		if (fds.data[0].revents && read(t->sigfd, &si, sizeof(si)) < 0 && errno != EAGAIN)
			fail(t, err_set(t->err, -errno, "cannot wait for valgrind: %s", strerror(errno)));
		if (fds.data[1].revents)
			end_early(t);
		for (size_t i = nr_fixed; i < fds.nr; i++)
			if (fds.data[i].revents)
				nr_bytes += drain(t, &t->tracees.data[i - nr_fixed], false);
	}
	/* Valgrind writes line by line: to wake up for each one would cost both sides more than the work. */
	if (nr_bytes && nr_bytes < PIPE_ENOUGH)
		poll(fds.data, nr_fixed, PIPE_WAIT_MS);
	vec_finish(&fds);
}

static void loop(struct tracer *t)
{
	uint64_t next = 0;

	while (t->nr_live) {
		reap(t);
		if (t->error || t->must_restart)
			signal_all(t, SIGKILL);
		else if (t->kill_at_ns && now_ns() >= t->kill_at_ns)
			signal_all(t, SIGKILL);
		if (!t->nr_live)
			break;
		wait_and_read(t);
		if (t->has_begun && now_ns() >= next) {
			int ret = t->ops->tick(t->ops->ctx, t->err);

			next = now_ns() + TICK_MS * 1000000ull;
			if (ret < 0)
				fail(t, ret);
			else if (ret > 0)
				end_early(t);
		}
	}
}

static int make_dir(struct tracer *t)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || tmp[0] != '/')
		tmp = "/tmp";
	if (snprintf(t->dir, sizeof(t->dir), "%s/mmreplay-XXXXXX", tmp) >= (int)sizeof(t->dir))
		snprintf(t->dir, sizeof(t->dir), "/tmp/mmreplay-XXXXXX");
	if (!mkdtemp(t->dir))
		return err_set(t->err, -errno, "cannot make the directory '%s': %s", t->dir, strerror(errno));
	return 0;
}

/* Where valgrind finds its tools, and which one it is to be. */
static int choose_tool(struct tracer *t)
{
	char tool[PATH_MAX];

	t->own_tool = !t->opt->use_lackey && vg_tool_find(tool, sizeof(tool));
	if (!t->own_tool && !t->opt->use_lackey)
		capture_result_note(t->trace->res, "mmreplay's own Valgrind tool was not built or installed: lackey takes "
				    "its place, many times slower");
	snprintf(t->lib, sizeof(t->lib), "%s/lib", t->dir);
	return vg_tool_link(t->lib, t->own_tool ? tool : NULL, t->err);
}

static int run_once(struct tracer *t, const sigset_t *old_mask)
{
	int sock = -1, child_errno = 0, ret;

	htable_init(&t->by_tid);
	htable_init(&t->early);
	t->must_restart = false;
	ret = spawn(t, old_mask, &sock);
	if (ret && t->root > 0)
		kill(t->root, SIGKILL);
	if (ret)
		fail(t, ret);
	loop(t);
	if (sock >= 0) {
		if (recv(sock, &child_errno, sizeof(child_errno), MSG_DONTWAIT) == sizeof(child_errno))
			fail(t, err_set(t->err, -child_errno, "cannot run 'valgrind': %s%s",
					strerror(child_errno),
					child_errno == ENOENT ? ": install the package valgrind" : ""));
		close(sock);
	}
	htable_finish(&t->by_tid);
	htable_finish(&t->early);
	vec_finish(&t->tracees);
	return t->error;
}

int vg_tracer_run(const struct capture_options *opt, struct vg_trace *trace,
		  const struct vg_tracer_ops *ops, struct mmr_error *err)
{
	struct tracer t = { .opt = opt, .trace = trace, .ops = ops, .err = err };
	sigset_t mask, old;
	int ret = make_dir(&t);

	if (ret)
		return ret;
	ret = choose_tool(&t);
	if (ret) {
		vg_tool_unlink(t.lib);
		rmdir(t.dir);
		return ret;
	}
	trace->own_tool = t.own_tool;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &old);
	t.sigfd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	do {
		ret = run_once(&t, &old);
	} while (!ret && t.must_restart);
	close(t.sigfd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	vg_tool_unlink(t.lib);
	rmdir(t.dir);
	if (!ret && !t.has_begun)
		ret = err_set(err, -EIO, "valgrind ended before it started the program");
	if (trace->error) {
		ret = trace->error;
		if (err)
			*err = trace->err;
	}
	return ret;
}
