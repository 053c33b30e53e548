/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The progress line: "label  42%  12.3 M  ETA 8s". A step reads the clock: call it once a batch,
 * not once an event. Writes to the terminal with write(2), past stdio; what cannot be written is
 * not missed.
 */
#include "base/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"

#define REDRAW_NS 100000000ull
#define WIPE "\r\033[K"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void put(const char *s)
{
	if (write(STDERR_FILENO, s, strlen(s)) < 0)
		return;
}

void progress_init(struct progress *p, const char *label, uint64_t total, bool quiet)
{
	*p = (struct progress){.label = label, .total = total};
	p->on = !quiet && isatty(STDERR_FILENO) == 1;
	if (p->on) {
		p->start_ns = now_ns();
		p->next_ns = p->start_ns + REDRAW_NS;
	}
}

/* Seconds until `total` at the rate so far. */
static uint64_t left_s(const struct progress *p, uint64_t done, uint64_t now)
{
	return (uint64_t)((unsigned __int128)(now - p->start_ns) * (p->total - done) / done /
			  1000000000);
}

static void progress_draw(struct progress *p, uint64_t done)
{
	uint64_t now = now_ns();
	char count[32], line[160];

	if (now < p->next_ns)
		return;
	p->next_ns = now + REDRAW_NS;
	format_count_human(done, count, sizeof(count));
	if (p->total && done && done <= p->total)
		snprintf(line, sizeof(line), WIPE "%.60s  %u%%  %s  ETA %llus", p->label,
			 (unsigned)((unsigned __int128)done * 100 / p->total), count,
			 (unsigned long long)left_s(p, done, now));
	else
		snprintf(line, sizeof(line), WIPE "%.60s  %s", p->label, count);
	put(line);
}

void progress_step(struct progress *p, uint64_t done)
{
	if (p->on)
		progress_draw(p, done);
}

void progress_done(struct progress *p)
{
	if (p->on)
		put(WIPE);
	p->on = false;
}
