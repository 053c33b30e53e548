/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reads a capture of touch and holds events and counters against each other:
 *   - every process: the faults that the kernel counted between execve (or fork) and exit are the
 *fault events in the trace, and those of get_user_pages that are expected
 *   - the area that touch mapped: one fault for each page
 *   - nothing was lost, the trace is whole
 *
 * usage: check-capture TRACE PAGES TOUCHED GUP
 *	PAGES of the area, of which TOUCHED give fault events; GUP faults more in the counters than
 *in events
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mmreplay/trace.h>

#define TASKS 64

struct process {
	uint64_t start_flt; /* at its execve; 0 for a child without */
	uint64_t exit_flt, events;
	int has_exit;
};

struct check {
	struct process proc[TASKS]; /* by task id */
	uint32_t mm[TASKS];	    /* task -> task whose address space it has */
	uint64_t area, area_len, want_len;
	uint64_t touched, nr_exit;
	int failed;
};

static void fail(struct check *c, const char *what, uint64_t got, uint64_t want)
{
	printf("%s: %" PRIu64 ", expected %" PRIu64 "\n", what, got, want);
	c->failed = 1;
}

static uint64_t counter(const struct mmr_event *ev, const char *name)
{
	const char *text = ev->data, *end = text + ev->data_len;
	size_t len = strlen(name);

	for (const char *p = text; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if ((size_t)(end - p) > len && !strncmp(p, name, len) && p[len] == ' ')
			return strtoull(p + len + 1, NULL, 10);
		if (nl == NULL)
			break;
		p = nl + 1;
	}
	printf("counter '%s' is missing\n", name);
	exit(1);
}

static void on_counters(struct check *c, const struct mmr_event *ev)
{
	struct process *p = &c->proc[c->mm[ev->task]];

	if (ev->COUNTERS.scope != MMR_SCOPE_PROCESS)
		return;
	if (ev->COUNTERS.when == MMR_WHEN_EXEC) {
		p->start_flt = counter(ev, "min_flt") + counter(ev, "maj_flt");
		p->events = 0;
	} else if (ev->COUNTERS.when == MMR_WHEN_EXIT) {
		p->exit_flt = counter(ev, "min_flt") + counter(ev, "maj_flt");
		p->has_exit = 1;
		c->nr_exit++;
		if (counter(ev, "fault_events") != p->events)
			fail(c, "fault_events", counter(ev, "fault_events"), p->events);
	}
}

static void on_fault(struct check *c, const struct mmr_event *ev)
{
	struct process *p = &c->proc[c->mm[ev->task]];

	if (ev->FAULT.flags & MMR_FAULT_FAILED)
		return;
	p->events += !p->has_exit; /* what comes after the exit stop is in no counter */
	c->touched += c->area_len && ev->FAULT.addr - c->area < c->area_len;
}

static void on_event(struct check *c, const struct mmr_event *ev)
{
	if (ev->task >= TASKS) {
		fail(c, "task id", ev->task, TASKS - 1);
		return;
	}
	switch (ev->kind) {
	case MMR_TASK:
		c->mm[ev->task] = (uint32_t)ev->TASK.mm;
		break;
	case MMR_FORK:
		if (ev->FORK.child < TASKS)
			c->mm[ev->FORK.child] =
				ev->FORK.flags & 0x100 /* CLONE_VM */ ? c->mm[ev->task]
								      : (uint32_t)ev->FORK.child;
		break;
	case MMR_MMAP:
		if (ev->MMAP.len == c->want_len) {
			c->area = ev->MMAP.addr;
			c->area_len = ev->MMAP.len;
		}
		break;
	case MMR_FAULT:
		on_fault(c, ev);
		break;
	case MMR_COUNTERS:
		on_counters(c, ev);
		break;
	}
}

int main(int argc, char **argv)
{
	struct mmr_reader_options opt = {0};
	struct mmr_error err;
	struct mmr_reader *r;
	struct mmr_item item;
	struct check c = {.touched = 0};
	uint64_t gup = 0;
	int ret;

	if (argc != 5)
		return 2;
	c.want_len = strtoull(argv[2], NULL, 10) * 4096;
	if (mmr_reader_open(&r, argv[1], &opt, &err)) {
		puts(err.text);
		return 1;
	}
	while ((ret = mmr_reader_next(r, &item, &err)) > 0)
		on_event(&c, &item.ev);
	if (ret < 0) {
		puts(err.text);
		return 1;
	}
	if (!mmr_reader_stats(r)->has_end || mmr_reader_stats(r)->lost_events)
		fail(&c, "events lost", mmr_reader_stats(r)->lost_events, 0);
	for (int i = 0; i < TASKS; i++) {
		if (c.proc[i].has_exit)
			gup += c.proc[i].exit_flt - c.proc[i].start_flt - c.proc[i].events;
	}
	if (c.nr_exit == 0)
		fail(&c, "processes with counters at exit", 0, 1);
	if (c.touched != strtoull(argv[3], NULL, 10))
		fail(&c, "faults in the area", c.touched, strtoull(argv[3], NULL, 10));
	if (gup != strtoull(argv[4], NULL, 10))
		fail(&c, "faults without an event", gup, strtoull(argv[4], NULL, 10));
	mmr_reader_close(r);
	return c.failed;
}
