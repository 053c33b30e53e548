/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* A trace made from a job file: see gen.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "gen/gen-internal.h"

#include <jansson.h>

#define MAIN_TASK 1
#define THREAD_FLAGS 0x3d0f00ull	/* what pthread_create() gives clone(): CLONE_VM and its kin */
#define FORK_FLAGS 17ull		/* SIGCHLD */
#define ADDR_TOP 0x7ffff0000000ull

/* ---- events ---- */

static void note(struct gen *g, int rc)
{
	if (rc < 0 && !g->error)
		g->error = rc;
}

void gen_event(struct gen *g, uint32_t task, uint16_t cpu, uint16_t kind, struct mmr_event *ev)
{
	ev->kind = kind;
	ev->task = task;
	ev->cpu = cpu;
	ev->time_ns = g->now_ns;
	gen_flush_runs(g, task, cpu);
	g->res->events++;
	if (!g->error)
		note(g, mmr_writer_event(g->writer, ev, g->err));
}

void gen_text_event(struct gen *g, uint32_t task, uint16_t cpu, uint16_t kind, struct mmr_event *ev, const char *text)
{
	ev->data = text;
	ev->data_len = (uint32_t)strlen(text);
	gen_event(g, task, cpu, kind, ev);
}

void gen_flush_runs(struct gen *g, uint32_t task, uint16_t cpu)
{
	struct run_buffer *b = &g->runs;

	if (b->nr && !g->error)
		note(g, mmr_writer_runs(g->writer, task, cpu, g->now_ns, b->runs, b->nr, g->err));
	b->nr = 0;
}

/* ---- what the trace says of itself ---- */

static json_t *node_list(const struct gen_global *c)
{
	json_t *nodes = json_array();

	for (uint64_t n = 0; n < c->nodes; n++) {
		json_t *node = json_object();
		struct strbuf cpus = { 0 }, distance = { 0 };

		for (uint64_t i = 0; i < c->nodes; i++)
			strbuf_addf(&distance, "%s%d", i ? " " : "", i == n ? 10 : 20);
		for (uint64_t cpu = 0; cpu < c->cpus; cpu++)
			if (cpu * c->nodes / c->cpus == n)
				strbuf_addf(&cpus, "%s%u", cpus.len ? "," : "", (unsigned)cpu);
		json_object_set_new(node, "node", json_integer((json_int_t)n));
		json_object_set_new(node, "cpus", json_string(cpus.s ? cpus.s : ""));
		json_object_set_new(node, "distance", c->nodes > 1 ? json_string(distance.s) : json_integer(10));
		json_object_set_new(node, "memory_bytes", json_integer((json_int_t)(c->memory / c->nodes)));
		json_array_append_new(nodes, node);
		strbuf_finish(&cpus);
		strbuf_finish(&distance);
	}
	return nodes;
}

static char *make_metadata(const struct gen_spec *spec)
{
	const struct gen_global *c = &spec->global;
	struct strbuf text = { 0 };
	json_t *root, *machine = json_object(), *capture = json_object();
	char *out;

	gen_spec_print(spec, &text);
	json_object_set_new(capture, "tool", json_string("mmreplay"));
	json_object_set_new(capture, "method", json_string("gen"));
	json_object_set_new(capture, "interleaving", json_string("serialized"));
	json_object_set_new(capture, "spec", json_string(text.s));
	json_object_set_new(capture, "system_wide", json_boolean(!spec->works.nr));
	json_object_set_new(machine, "arch", json_string("x86_64"));
	json_object_set_new(machine, "virtual_address_bits", json_integer(48));
	json_object_set_new(machine, "base_page_bytes", json_integer(4096));
	json_object_set_new(machine, "cpus", json_integer((json_int_t)c->cpus));
	json_object_set_new(machine, "memory_bytes", json_integer((json_int_t)c->memory));
	json_object_set_new(machine, "nodes", node_list(c));
	root = json_pack("{s:s, s:s, s:{s:i, s:i}, s:o, s:o}", "basis", spec->works.nr ? "exact" : "faults", "clock",
			 "none", "units", "time_ns", 1, "granule_bytes", 4096, "capture", capture, "machine", machine);
	out = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	strbuf_finish(&text);
	return out;
}

/* ---- jobs ---- */

static size_t phases_of(const struct gen_spec *spec, size_t job)
{
	size_t nr = 1;

	while (job + nr < spec->works.nr && spec->works.data[job + nr].is_phase)
		nr++;
	return nr;
}

/* The n-th of the CPUs that the job may use; of all, in the order of the threads. */
static uint16_t cpu_of(const struct gen *g, const struct gen_work *job, unsigned instance)
{
	unsigned nr = (unsigned)__builtin_popcountll(job->cpus), nth = nr ? instance % nr : 0;
	uint64_t left = job->cpus;

	if (!nr)
		return (uint16_t)(g->threads.nr % g->spec->global.cpus);
	while (nth--)
		left &= left - 1;
	return (uint16_t)__builtin_ctzll(left);
}

static void add_thread(struct gen *g, size_t job, unsigned instance)
{
	struct gen_thread *t = xcalloc(1, sizeof(*t) + g->spec->regions.nr * sizeof(t->addr[0]));

	t->g = g;
	t->job = &g->spec->works.data[job];
	t->nr_phases = phases_of(g->spec, job);
	t->instance = instance;
	t->cpu = cpu_of(g, t->job, instance);
	*vec_push(&g->threads) = t;
}

static void start_thread(struct gen_thread *t)
{
	struct gen *g = t->g;
	bool process = t->job->as == GEN_PROCESS;
	struct mmr_event ev = { .FORK = { .child = g->next_task, .tid = 1000 + g->next_task,
					  .pid = process ? 1000 + g->next_task : 1000 + MAIN_TASK,
					  .flags = process ? FORK_FLAGS : THREAD_FLAGS } };
	struct mmr_event comm = { 0 };
	char name[16] = "";

	t->task = g->next_task++;
	t->started = true;
	memcpy(name, t->job->name, strnlen(t->job->name, sizeof(name) - 1));
	gen_event(g, MAIN_TASK, 0, MMR_FORK, &ev);
	gen_text_event(g, t->task, t->cpu, MMR_COMM, &comm, name);
	gen_work_begin(t);
}

/* Lets it have its CPU. */
static void switch_to(struct gen_thread *t)
{
	uint32_t *last = &t->g->on_cpu[t->cpu], task = t->child ? t->child : t->task;
	struct mmr_event ev = { .SWITCH.prev = *last };

	if (*last == task)
		return;
	*last = task;
	gen_event(t->g, task, t->cpu, MMR_SWITCH, &ev);
}

static void run_thread(struct gen_thread *t)
{
	struct mmr_event ev = { 0 };

	if (!t->started)
		start_thread(t);
	switch_to(t);
	gen_work_run(t);
	if (t->done)
		gen_event(t->g, t->task, t->cpu, MMR_EXIT, &ev);
}

/* ---- the whole ---- */

static void begin(struct gen *g)
{
	struct mmr_event task = { .TASK = { .tid = 1000 + MAIN_TASK, .pid = 1000 + MAIN_TASK, .mm = MAIN_TASK } };
	struct mmr_event comm = { 0 };

	if (!g->spec->works.nr)
		return;
	gen_event(g, MAIN_TASK, 0, MMR_TASK, &task);
	gen_text_event(g, MAIN_TASK, 0, MMR_COMM, &comm, "gen");
	gen_declare_files(g, MAIN_TASK);
	for (size_t i = 0; i < g->spec->regions.nr; i++)
		if (g->spec->regions.data[i].map == GEN_MAP_ONCE)
			g->once[i] = gen_map(g, MAIN_TASK, 0, &g->spec->regions.data[i]);
}

/* One turn of everything that is due. *ret_next: when the first of the others is. */
static bool turn(struct gen *g, uint64_t *ret_next)
{
	bool ran = false;

	*ret_next = GEN_NEVER;
	for (size_t i = 0; i < g->threads.nr + g->actors.nr && !g->error; i++) {
		bool thread = i < g->threads.nr;
		uint64_t due = thread ? gen_work_due(g->threads.data[i])
				      : gen_actor_due(g->actors.data[i - g->threads.nr]);

		if (due > g->now_ns) {
			*ret_next = due < *ret_next ? due : *ret_next;
			continue;
		}
		ran = true;
		if (thread)
			run_thread(g->threads.data[i]);
		else
			gen_actor_run(g->actors.data[i - g->threads.nr]);
	}
	return ran;
}

static bool all_done(const struct gen *g)
{
	for (size_t i = 0; i < g->threads.nr; i++)
		if (!g->threads.data[i]->done)
			return false;
	return true;
}

static void run_all(struct gen *g)
{
	uint64_t next;

	while (!g->error) {
		if (g->opt->stop && g->opt->stop(g->opt->stop_ctx, g->res->accesses + g->res->kernel_ops))
			return;
		if (turn(g, &next))
			continue;
		if (next == GEN_NEVER)
			break;
		g->now_ns = next;
	}
	if (!g->error && !all_done(g))
		note(g, err_set(g->err, -EDEADLK, "the jobs wait for each other (after, follow)"));
}

static void finish(struct gen *g)
{
	struct mmr_event ev = { 0 };

	if (g->spec->works.nr)
		gen_event(g, MAIN_TASK, 0, MMR_EXIT, &ev);
	for (size_t i = 0; i < g->threads.nr; i++)
		free(g->threads.data[i]);
	for (size_t i = 0; i < g->actors.nr; i++)
		gen_actor_destroy(g->actors.data[i]);
	vec_finish(&g->threads);
	vec_finish(&g->actors);
	free(g->once);
}

int gen_run(const struct gen_spec *spec, const struct gen_options *opt, struct gen_result *res, struct mmr_error *err)
{
	struct mmr_writer_options wopt = { .level = opt->level };
	struct gen *g = xcalloc(1, sizeof(*g));
	char *metadata = make_metadata(spec);
	int rc;

	*g = (struct gen){ .spec = spec, .opt = opt, .res = res, .err = err, .next_task = MAIN_TASK + 1,
			   .next_addr = ADDR_TOP };
	*res = (struct gen_result){ 0 };
	rc = mmr_writer_open(&g->writer, opt->output, metadata, &wopt, err);
	free(metadata);
	if (rc) {
		free(g);
		return rc;
	}
	g->once = xcalloc(spec->regions.nr + 1, sizeof(*g->once));
	for (size_t i = 0; i < spec->works.nr; i++)
		for (unsigned n = 0; !spec->works.data[i].is_phase && n < spec->works.data[i].numjobs; n++)
			add_thread(g, i, n);
	for (size_t i = 0; i < spec->kernels.nr; i++)
		*vec_push(&g->actors) = gen_actor_create(g, &spec->kernels.data[i], (unsigned)i);
	begin(g);
	run_all(g);
	finish(g);
	rc = g->error;
	if (!rc)
		rc = mmr_writer_flush(g->writer, err);
	res->bytes = mmr_writer_bytes(g->writer);
	if (rc)
		mmr_writer_abandon(g->writer);
	else
		rc = mmr_writer_close(g->writer, err);
	free(g);
	return rc;
}

uint64_t gen_total(const struct gen_spec *spec)
{
	uint64_t total = 0;

	for (size_t i = 0; i < spec->works.nr; i++) {
		const struct gen_work *w = &spec->works.data[i];
		uint64_t visits = gen_work_visits(spec, w), jobs = w->numjobs;

		total += w->io ? 0 : jobs * w->loops * visits * (w->block / w->word);
	}
	for (size_t i = 0; i < spec->kernels.nr; i++)
		total += spec->kernels.data[i].operations;
	return total;
}
