/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The progress line, on a real pseudo-terminal and without one. Redraws are forced through
 * next_ns.
 */
#include "support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include "base/progress.h"

/* What `p` writes to standard error, put on `fd`, while `fn` runs; `from` is the end to read. */
static void capture(int fd, int from, void (*fn)(void), char *text, size_t size)
{
	struct pollfd poll_from = {.fd = from, .events = POLLIN};
	int saved = dup(STDERR_FILENO);
	size_t len = 0;
	ssize_t got;

	fflush(stderr);
	dup2(fd, STDERR_FILENO);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	while (poll(&poll_from, 1, 0) == 1 && (got = read(from, text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
}

static void half_way(void)
{
	struct progress p;

	progress_init(&p, "replay", 2000000, false);
	p.next_ns = 0;
	p.start_ns -= 3000000000;
	progress_step(&p, 1000000);
	progress_step(&p, 1500000);	/* too early to be drawn */
	progress_done(&p);
	progress_step(&p, 2000000);
}

static void unknown_total(void)
{
	struct progress p;

	progress_init(&p, "capture", 0, false);
	p.next_ns = 0;
	progress_step(&p, 1234567);
	progress_done(&p);
}

static void asked_for_quiet(void)
{
	struct progress p;

	progress_init(&p, "replay", 10, true);
	p.next_ns = 0;
	progress_step(&p, 5);
	progress_done(&p);
}

static void terminals_get_a_line_that_is_wiped(void **state)
{
	int master, slave;
	char text[512];

	(void)state;
	if (openpty(&master, &slave, NULL, NULL, NULL)) {
		print_message("no pseudo-terminals here\n");
		skip();
	}
	capture(slave, master, half_way, text, sizeof(text));
	assert_non_null(strstr(text, "replay  50%  1 M  ETA 3s\r\033[K"));
	assert_null(strstr(text, "75%"));
	capture(slave, master, unknown_total, text, sizeof(text));
	assert_string_equal(text, "\r\033[Kcapture  1.235 M\r\033[K");
	capture(slave, master, asked_for_quiet, text, sizeof(text));
	assert_string_equal(text, "");
	close(slave);
	close(master);
}

static void other_files_get_nothing(void **state)
{
	char text[512];
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	capture(fds[1], fds[0], half_way, text, sizeof(text));
	assert_string_equal(text, "");
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminals_get_a_line_that_is_wiped),
		cmocka_unit_test(other_files_get_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
