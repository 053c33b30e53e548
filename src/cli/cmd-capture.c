/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mmreplay capture: record a real workload into a trace. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/units.h"
#include "base/xalloc.h"
#include "capture/capture.h"
#include "cli/cli.h"
#include "cli/options.h"

#define DEFAULT_OUTPUT "trace.mmt"
#define RING_BYTES_MAX (1ull << 30)

enum {
	OPT_METHOD = 256,
	OPT_INTERVAL,
	OPT_PERIOD,
	OPT_TIME_UNIT,
	OPT_RING,
	OPT_LEVEL,
	OPT_SYNC,
	OPT_SWITCHES,
	OPT_IP,
	OPT_NO_FRAMES,
	OPT_NO_PTRACE,
	OPT_LACKEY,
	OPT_KERNEL,
	OPT_KERNEL_ONLY,
	OPT_NO_SLAB,
};

static const struct cli_option options[] = {
	{'o', "output", "FILE", "write the trace to FILE (trace.mmt); '-' is standard output"},
	{OPT_METHOD, "method", "NAME",
	 "perf (faults and system calls) or valgrind (every access); perf"},
	{'p', "pid", "PID", "record a running process instead of a command"},
	{'a', "all", NULL, "record every task on every CPU; with a command, while it runs"},
	{OPT_KERNEL, "kernel", NULL,
	 "record the kernel's own memory, too: pages, slab objects, vmalloc areas"},
	{OPT_KERNEL_ONLY, "kernel-only", NULL,
	 "record the kernel's memory and the life of tasks, nothing of the programs' memory"},
	{OPT_NO_SLAB, "no-slab", NULL, "of the kernel's memory: no slab objects"},
	{'e', "event", "NAME", "record this event, too; a name of libpfm4; may be repeated"},
	{'d', "duration", "TIME", "end after this time, e.g. 10s"},
	{OPT_INTERVAL, "interval", "TIME", "record the kernel's counters each so often, too"},
	{OPT_PERIOD, "period", "N", "one sample for every N events of -e (10007)"},
	{OPT_TIME_UNIT, "time-unit", "TIME",
	 "round times down to this, e.g. 1us: a smaller trace (1ns)"},
	{OPT_RING, "ring-size", "SIZE", "of the buffer of each CPU (8M, or 2M from 32 CPUs on)"},
	{OPT_LEVEL, "level", "N", "level of Zstandard, 1 to 19 (3)"},
	{OPT_SWITCHES, "switches", NULL, "record context switches, too"},
	{OPT_SYNC, "sync", NULL, "make the disk keep each block before going on"},
	{OPT_IP, "ip", NULL, "record the instruction pointer of each fault, too"},
	{OPT_NO_FRAMES, "no-frames", NULL, "leave page frames out: a smaller trace"},
	{OPT_NO_PTRACE, "no-ptrace", NULL,
	 "do not attach with ptrace: no counters at exit to validate against"},
	{OPT_LACKEY, "lackey", NULL, "valgrind: with its tool lackey even where mmreplay's own is there"},
};

static const struct cli_usage usage = {
	"capture",
	"[OPTION]... (-p PID | -a [[--] COMMAND [ARGUMENT]...] | [--] COMMAND [ARGUMENT]...)",
	"Record the memory events of a program into a trace. The status is the command's own.",
	options,
	ARRAY_SIZE(options),
};

static const char *const methods[] = {[CAPTURE_PERF] = "perf", [CAPTURE_VALGRIND] = "valgrind"};

/* The signal that asked for the end, and the pipe that passes it on to the loop. */
static volatile sig_atomic_t stop_signal;
static int stop_pipe[2] = {-1, -1};

static void on_signal(int sig)
{
	int saved = errno;

	stop_signal = sig;
	if (write(stop_pipe[1], "", 1) < 0)
		errno = saved; /* full: the loop is awake already */
	errno = saved;
}

static int catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		cli_error("cannot make a pipe: %s", strerror(errno));
		return CLI_HOST;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	return CLI_OK;
}

/* ---- options ---- */

struct capture_args {
	struct capture_options opt;
	VEC(const char *) events;
};

static int bad_value(const char *option, const struct mmr_error *err)
{
	return cli_usage_error(&usage, "--%s: %s", option, err->text);
}

static int set_method(struct capture_options *opt, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(methods[i], name) == 0) {
			opt->method = (enum capture_method)i;
			return CLI_OK;
		}
	}
	return cli_unknown("method", name, methods, ARRAY_SIZE(methods));
}

static int set_number(const char *option, const char *text, uint64_t min, uint64_t max,
		      uint64_t *ret)
{
	struct mmr_error err;

	if (parse_u64(text, ret, &err))
		return bad_value(option, &err);
	if (*ret < min || *ret > max)
		return cli_usage_error(&usage, "--%s: '%s' is not from %llu to %llu", option, text,
				       (unsigned long long)min, (unsigned long long)max);
	return CLI_OK;
}

static int set_time(const char *option, const char *text, uint64_t *ret_ns)
{
	struct mmr_error err;

	if (parse_time(text, ret_ns, &err))
		return bad_value(option, &err);
	return *ret_ns ? CLI_OK : cli_usage_error(&usage, "--%s: it must be more than 0", option);
}

static int set_ring(struct capture_options *opt, const char *text)
{
	struct mmr_error err;

	if (parse_size(text, &opt->ring_bytes, &err))
		return bad_value("ring-size", &err);
	if (opt->ring_bytes < 4096 || opt->ring_bytes > RING_BYTES_MAX ||
	    opt->ring_bytes & (opt->ring_bytes - 1))
		return cli_usage_error(
			&usage, "--ring-size: '%s' is not a power of two from 4K to 1G", text);
	return CLI_OK;
}

/* Options without an argument. NULL when it is none of them. */
static bool *flag_of(struct capture_options *opt, int id)
{
	switch (id) {
	case 'a':
		return &opt->all;
	case OPT_IP:
		return &opt->ip;
	case OPT_KERNEL:
		return &opt->kernel;
	case OPT_KERNEL_ONLY:
		return &opt->kernel_only;
	case OPT_NO_FRAMES:
		return &opt->no_frames;
	case OPT_NO_PTRACE:
		return &opt->no_ptrace;
	case OPT_LACKEY:
		return &opt->use_lackey;
	case OPT_NO_SLAB:
		return &opt->no_slab;
	case OPT_SWITCHES:
		return &opt->switches;
	case OPT_SYNC:
		return &opt->sync;
	default:
		return NULL;
	}
}

static int set_option(struct capture_args *args, int id, const char *value)
{
	struct capture_options *opt = &args->opt;
	uint64_t n = 0;
	int status = CLI_OK;

	if (flag_of(opt, id)) {
		*flag_of(opt, id) = true;
		return CLI_OK;
	}
	switch (id) {
	case 'o':
		opt->output = value;
		break;
	case 'e':
		*vec_push(&args->events) = value;
		break;
	case 'd':
		return set_time("duration", value, &opt->duration_ns);
	case OPT_INTERVAL:
		return set_time("interval", value, &opt->interval_ns);
	case OPT_TIME_UNIT:
		return set_time("time-unit", value, &opt->time_unit_ns);
	case OPT_PERIOD:
		return set_number("period", value, 1, INT64_MAX, &opt->period);
	case OPT_METHOD:
		return set_method(opt, value);
	case OPT_RING:
		return set_ring(opt, value);
	case OPT_LEVEL:
		status = set_number("level", value, 1, 19, &n);
		opt->level = (int)n;
		break;
	case 'p':
		status = set_number("pid", value, 1, INT_MAX, &n);
		opt->pid = (pid_t)n;
		break;
	}
	return status;
}

/* Options that the method would have to ignore are refused. */
static int check_options(const struct capture_options *opt)
{
	bool perf = opt->method == CAPTURE_PERF;

	if (opt->pid && opt->argv)
		return cli_usage_error(&usage, "either a process (-p) or a command, not both");
	if (opt->pid && opt->all)
		return cli_usage_error(&usage, "either a process (-p) or all of them (-a)");
	if (!opt->pid && !opt->argv && !opt->all)
		return cli_usage_error(&usage,
				       "nothing to record: give a command after '--', -p PID, or -a");
	if (opt->no_slab && !opt->kernel && !opt->kernel_only)
		return cli_usage_error(&usage, "--no-slab needs --kernel or --kernel-only");
	if (!perf && (opt->all || opt->kernel || opt->kernel_only))
		return cli_usage_error(&usage, "-a, --kernel and --kernel-only need --method perf");
	if (!perf && opt->pid)
		return cli_usage_error(&usage,
				       "-p needs --method perf: valgrind can only start programs");
	if (!perf && (opt->nr_events || opt->period))
		return cli_usage_error(&usage, "-e and --period need --method perf");
	if (!perf && (opt->ring_bytes || opt->interval_ns))
		return cli_usage_error(&usage, "--ring-size and --interval need --method perf");
	if (!perf && (opt->switches || opt->ip || opt->no_frames))
		return cli_usage_error(&usage,
				       "--switches, --ip and --no-frames need --method perf");
	if (opt->period && !opt->nr_events)
		return cli_usage_error(&usage, "--period needs an event (-e)");
	return CLI_OK;
}

/* ---- running ---- */

static void print_summary(const struct capture_options *opt, const struct capture_result *res)
{
	char events[32], bytes[32];

	for (size_t i = 0; i < res->notes.nr; i++)
		fprintf(stderr, "mmreplay: note: %s\n", res->notes.data[i]);
	if (res->nr_lost)
		fprintf(stderr, "mmreplay: %llu events were lost: a larger --ring-size helps\n",
			(unsigned long long)res->nr_lost);
	format_count_human(res->nr_events, events, sizeof(events));
	format_bytes_human(res->bytes, bytes, sizeof(bytes));
	fprintf(stderr, "mmreplay: %s events, %s in '%s'\n", events, bytes, opt->output);
}

/* What the command ended with, as a shell would show it. */
static int child_status(const struct capture_result *res)
{
	if (!res->has_status)
		return CLI_OK;
	if (WIFSIGNALED(res->child_status))
		return 128 + WTERMSIG(res->child_status);
	return WEXITSTATUS(res->child_status);
}

static int failed(const struct capture_options *opt, const struct capture_result *res, int ret,
		  const struct mmr_error *err)
{
	cli_error("%s", err->text[0] ? err->text : strerror(-ret));
	if (res->exec_errno)
		return res->exec_errno == ENOENT ? 127 : 126; /* as env(1) and shells do */
	return ret == -EINVAL && opt->nr_events ? CLI_USAGE : CLI_HOST;
}

/*
 * A capture of the whole machine records its own pages. Memory that it gives back and takes again for
 * every piece of the rings would be the most of them.
 */
static void keep_memory(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, 16 << 20);
#endif
}

static int capture(struct capture_options *opt)
{
	struct capture_result res = {0};
	struct mmr_error err = {0};
	int status = catch_signals();

	if (status)
		return status;
	if (opt->all)
		keep_memory();
	opt->stop_fd = stop_pipe[0];
	int ret = opt->method == CAPTURE_PERF ? capture_perf(opt, &res, &err)
					      : capture_valgrind(opt, &res, &err);

	if (!opt->quiet && !res.exec_errno && (ret == 0 || res.nr_events))
		print_summary(opt, &res);
	if (ret)
		status = failed(opt, &res, ret, &err);
	else if (stop_signal)
		status = 128 + stop_signal;
	else
		status = res.stopped ? CLI_OK : child_status(&res);
	capture_result_finish(&res);
	return status;
}

int cmd_capture(int argc, char **argv)
{
	struct capture_args args = {.opt = {.stop_fd = -1, .output = DEFAULT_OUTPUT}};
	struct cli_args a;
	int id, status = CLI_OK;

	cli_args_init(&a, &usage, argc, argv);
	while (status == CLI_OK && (id = cli_args_next(&a)) > 0) {
		if (id == CLI_OPERAND) {
			args.opt.argv = cli_args_rest(&a) - 1; /* the rest is the command's */
			id = CLI_END;
			break;
		}
		status = set_option(&args, id, a.value);
	}
	if (status == CLI_OK && id != CLI_END)
		status = cli_args_status(&a);
	else if (status == CLI_OK) {
		args.opt.events = args.events.data;
		args.opt.nr_events = args.events.nr;
		args.opt.quiet = a.quiet;
		args.opt.verbose = a.verbose;
		status = check_options(&args.opt);
		if (status == CLI_OK)
			status = capture(&args.opt);
	}
	vec_finish(&args.events);
	return status;
}
