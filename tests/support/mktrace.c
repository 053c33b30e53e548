/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * usage: mktrace IN.txt OUT.mmt
 *
 * Makes a trace from text, so that the traces of tests can be read and reviewed. The first line is
 * the metadata (one line of JSON, or @FILE beside IN.txt); then what `mmreplay dump --runs` prints:
 *
 *	TIME_NS CPU TASK KIND field=value ... data="text"
 *	  data addr=0x1000 reads=1 writes=0 first=read other_at=0 splits=0
 *
 * Fields that are left out are 0; lines that begin with '#' and empty lines are skipped. A number
 * may be negative; text may hold \\xNN for any byte. "repeat N STEP" before an event writes it N times with STEP added to the field
 * `addr` each time.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mmreplay/trace.h>

#define LINE_SIZE (1 << 20)

struct maker {
	const char *path;
	unsigned line_nr;
	struct mmr_writer *w;
	struct mmr_event runs_of; /* the last "runs" line */
	uint64_t repeat, step;
};

static _Noreturn void die(const struct maker *m, const char *what, const char *word)
{
	fprintf(stderr, "mktrace: %s:%u: %s '%s'\n", m->path, m->line_nr, what, word);
	exit(2);
}

static uint64_t number(const struct maker *m, const char *s)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = *s == '-' ? (uint64_t)strtoll(s, &end, 0) : strtoull(s, &end, 0);
	if (errno || end == s || *end)
		die(m, "bad number", s);
	return v;
}

static const struct mmr_kind_info *kind_named(const struct maker *m, const char *name)
{
	size_t nr;
	const struct mmr_kind_info *kinds = mmr_kinds(&nr);

	for (size_t i = 0; i < nr; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	die(m, "unknown kind", name);
}

/* The next word of the line, NULL at its end. data="..." goes to the end of the line. */
static char *word(char **at)
{
	char *s = *at, *start;

	while (*s == ' ')
		s++;
	if (!*s)
		return NULL;
	start = s;
	if (!strncmp(s, "data=", 5))
		s += strlen(s);
	while (*s && *s != ' ')
		s++;
	if (*s)
		*s++ = '\0';
	*at = s;
	return start;
}

/* Undoes \n, \" and \\ of a quoted text in place; returns its length. */
static size_t unquote(const struct maker *m, char *s, char **ret)
{
	char *out = s + 1, *in = s + 1;

	if (*s != '"')
		die(m, "data is not quoted", s);
	for (*ret = out; *in && *in != '"'; in++) {
		if (*in == '\\' && in[1] == 'x' && isxdigit((unsigned char)in[2]) &&
		    isxdigit((unsigned char)in[3])) {
			char hex[3] = {in[2], in[3], '\0'};

			*out++ = (char)strtoul(hex, NULL, 16);
			in += 3;
		} else if (*in == '\\' && in[1])
			*out++ = *++in == 'n' ? '\n' : *in;
		else
			*out++ = *in;
	}
	if (*in != '"')
		die(m, "quote without end", s);
	return (size_t)(out - *ret);
}

static void check(const struct maker *m, int rc, const struct mmr_error *err)
{
	if (rc < 0)
		die(m, "cannot write", err->text);
}

static void set_field(const struct maker *m, struct mmr_event *ev, char *text)
{
	char *eq = strchr(text, '=');
	int i;

	if (!eq)
		die(m, "not a field", text);
	*eq = '\0';
	if (!strcmp(text, "data")) {
		char *data;

		ev->data_len = (uint32_t)unquote(m, eq + 1, &data);
		ev->data = data;
		return;
	}
	i = mmr_field_index(ev->kind, text);
	if (i < 0)
		die(m, "unknown field", text);
	ev->arg[i] = number(m, eq + 1);
}

static void write_event(struct maker *m, struct mmr_event *ev)
{
	int addr = mmr_field_index(ev->kind, "addr");
	struct mmr_error err;

	for (uint64_t i = 0; i < m->repeat; i++) {
		check(m, mmr_writer_event(m->w, ev, &err), &err);
		if (addr >= 0)
			ev->arg[addr] += m->step;
	}
	m->repeat = 1;
}

static void take_event(struct maker *m, char *first, char *rest)
{
	struct mmr_event ev = {.time_ns = number(m, first)};
	char *cpu = word(&rest), *task = word(&rest), *kind = word(&rest), *field;

	if (!kind)
		die(m, "short line", first);
	ev.cpu = (uint16_t)number(m, cpu);
	ev.task = (uint32_t)number(m, task);
	ev.kind = kind_named(m, kind)->kind;
	while ((field = word(&rest)))
		set_field(m, &ev, field);
	if (ev.kind == MMR_RUNS)
		m->runs_of = ev;
	else
		write_event(m, &ev);
}

static uint64_t take_named(const struct maker *m, char **rest, const char *name)
{
	char *text = word(rest);
	size_t len = strlen(name);

	if (!text || strncmp(text, name, len) || text[len] != '=')
		die(m, "run without field", name);
	text += len + 1;
	if (!strcmp(name, "first"))
		return !strcmp(text, "write");
	return number(m, text);
}

static void take_run(struct maker *m, const char *stream, char *rest)
{
	struct mmr_run run = {0};
	struct mmr_error err;

	run.page = take_named(m, &rest, "addr") >> MMR_GRANULE_SHIFT;
	run.nr_reads = (uint16_t)take_named(m, &rest, "reads");
	run.nr_writes = (uint16_t)take_named(m, &rest, "writes");
	run.page |= take_named(m, &rest, "first") ? MMR_RUN_WRITE_FIRST : 0;
	run.other_at = (uint16_t)take_named(m, &rest, "other_at");
	run.nr_split = (uint16_t)take_named(m, &rest, "splits");
	run.page |= !strcmp(stream, "insn") ? MMR_RUN_INSN : 0;
	for (uint64_t i = 0; i < m->repeat; i++) {
		check(m,
		      mmr_writer_runs(m->w, m->runs_of.task, m->runs_of.cpu, m->runs_of.time_ns,
				      &run, 1, &err),
		      &err);
		run.page += m->step >> MMR_GRANULE_SHIFT;
	}
	m->repeat = 1;
}

static void take_line(struct maker *m, char *line)
{
	char *rest = line, *first = word(&rest);

	if (!first || *first == '#')
		return;
	if (!strcmp(first, "repeat")) {
		char *nr = word(&rest), *step = word(&rest);

		if (!step)
			die(m, "short line", line);
		m->repeat = number(m, nr);
		m->step = number(m, step);
	} else if (!strcmp(first, "data") || !strcmp(first, "insn")) {
		take_run(m, first, rest);
	} else {
		take_event(m, first, rest);
	}
}

static char *next_line(struct maker *m, FILE *in, char *buf)
{
	if (!fgets(buf, LINE_SIZE, in))
		return NULL;
	m->line_nr++;
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

/* "@NAME": the text of the file NAME beside IN.txt. */
static void read_beside(const struct maker *m, const char *name, char *buf)
{
	const char *slash = strrchr(m->path, '/');
	char path[4096];
	FILE *f;
	size_t len;

	snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - m->path) : 0, m->path,
		 name);
	f = fopen(path, "r");
	if (!f)
		die(m, "cannot open", path);
	len = fread(buf, 1, LINE_SIZE - 1, f);
	buf[len] = '\0';
	fclose(f);
}

int main(int argc, char **argv)
{
	struct maker m = {.path = argc == 3 ? argv[1] : "", .repeat = 1};
	char *buf = malloc(LINE_SIZE), *meta = malloc(LINE_SIZE);
	struct mmr_error err;
	FILE *in;

	if (argc != 3 || !buf || !meta) {
		fputs("usage: mktrace IN.txt OUT.mmt\n", stderr);
		return 2;
	}
	in = fopen(argv[1], "r");
	if (!in || !next_line(&m, in, meta))
		die(&m, "cannot read", argv[1]);
	if (meta[0] == '@')
		read_beside(&m, strcpy(buf, meta + 1), meta);
	check(&m, mmr_writer_open(&m.w, argv[2], meta, NULL, &err), &err);
	while (next_line(&m, in, buf))
		take_line(&m, buf);
	check(&m, mmr_writer_close(m.w, &err), &err);
	fclose(in);
	free(buf);
	free(meta);
	return 0;
}
