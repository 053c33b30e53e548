/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * A form for everybody else: one access or call a line, as comma-separated values under a line of column names, or as
 * JSON objects. mmreplay-import(1) documents it.
 *
 *	op	r, w, m (read, then write), x (fetch); map, unmap, protect, exit
 *	addr	hexadecimal with 0x, or decimal
 *	size	bytes of an access (default 1); length of an area
 *	tid, pid, cpu, time_ns
 *	prot	of map and protect: rwx letters
 *
 * Columns other than op and addr may be absent. A thread named for the first time begins.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <jansson.h>

#include "base/bug.h"
#include "base/units.h"
#include "import/sink.h"

#define LINE_MOST 65536
#define TICK_LINES (1u << 16)
#define COLUMNS_MAX 32

enum column { COL_OP, COL_ADDR, COL_SIZE, COL_TID, COL_PID, COL_CPU, COL_TIME, COL_PROT, NR_COLUMNS };
static const char *const columns[NR_COLUMNS] = { "op", "addr", "size", "tid", "pid", "cpu", "time_ns", "prot" };

/* One line: texts by column, NULL where there is none. */
struct row {
	const char *text[NR_COLUMNS];
	char number[NR_COLUMNS][24];	/* JSON's numbers as text */
};

struct reader {
	struct sink *sink;
	struct mmr_error *err;
	struct lines lines;
	bool is_json;
	int column[COLUMNS_MAX];	/* CSV: what each one is, -1 ignored */
	unsigned nr_columns;
};

static int bad(const struct reader *r, const char *what, const char *word)
{
	return err_set(r->err, -EBADMSG, "line %" PRIu64 ": %s '%.60s'", r->lines.number, what, word ? word : "");
}

static int number(const struct reader *r, const struct row *row, enum column c, uint64_t otherwise, uint64_t *ret)
{
	*ret = otherwise;
	if (row->text[c] && parse_u64(row->text[c], ret, NULL))
		return bad(r, columns[c], row->text[c]);
	return 0;
}

static int prot_of(const struct reader *r, const struct row *row, uint64_t *ret)
{
	*ret = 0;
	for (const char *s = row->text[COL_PROT] ? row->text[COL_PROT] : "rw"; *s; s++) {
		if (*s == 'r')
			*ret |= PROT_READ;
		else if (*s == 'w')
			*ret |= PROT_WRITE;
		else if (*s == 'x')
			*ret |= PROT_EXEC;
		else if (*s != '-' && *s != 'p')
			return bad(r, "prot", row->text[COL_PROT]);
	}
	return 0;
}

/* ---- what a line means ---- */

static int call(struct reader *r, const struct row *row, const char *op, uint64_t addr, uint64_t size)
{
	struct mmr_event ev = { .MMAP = { .addr = addr, .len = size } };
	uint64_t prot;
	int rc = prot_of(r, row, &prot);

	if (rc)
		return rc;
	if (!size || addr & 4095 || addr + size < addr)
		return bad(r, "an area of no size, or not at a multiple of 4096:", row->text[COL_ADDR]);
	if (!strcmp(op, "map")) {
		ev.kind = MMR_MMAP;
		ev.MMAP.prot = prot;
		ev.MMAP.flags = MAP_PRIVATE | MAP_ANONYMOUS;
	} else if (!strcmp(op, "unmap")) {
		ev.kind = MMR_MUNMAP;
	} else if (!strcmp(op, "protect")) {
		ev.kind = MMR_MPROTECT;
		ev.MPROTECT.prot = prot;
	} else {
		return bad(r, "unknown op", op);
	}
	sink_event(r->sink, &ev);
	return 0;
}

static int use(struct reader *r, const struct row *row)
{
	static const struct {
		const char *op;
		enum runs_kind kind;
	} accesses[] = { { "r", RUNS_LOAD }, { "w", RUNS_STORE }, { "m", RUNS_MODIFY }, { "x", RUNS_FETCH } };
	const char *op = row->text[COL_OP];
	uint64_t addr, size, tid, pid, cpu, time;

	if (!op)
		return bad(r, "no op", NULL);
	if (number(r, row, COL_ADDR, 0, &addr) || number(r, row, COL_SIZE, 1, &size) || number(r, row, COL_TID, 1, &tid) ||
	    number(r, row, COL_PID, tid, &pid) || number(r, row, COL_CPU, 0, &cpu) || number(r, row, COL_TIME, 0, &time))
		return -EBADMSG;
	if (!tid || cpu > UINT16_MAX)
		return bad(r, "tid 0, or a CPU beyond 65535:", row->text[tid ? COL_CPU : COL_TID]);
	if (!row->text[COL_PID])
		pid = 1;
	sink_time(r->sink, time);
	sink_thread(r->sink, tid, pid, (unsigned)cpu);
	if (!strcmp(op, "exit")) {
		sink_thread_exit(r->sink, tid);
		return 0;
	}
	if (!row->text[COL_ADDR])
		return bad(r, "no addr", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++)
		if (!strcmp(op, accesses[i].op)) {
			sink_access(r->sink, accesses[i].kind, addr, size > UINT32_MAX ? UINT32_MAX : (uint32_t)size);
			return 0;
		}
	return call(r, row, op, addr, size);
}

/* ---- lines ---- */

/* Cuts at commas, in place; blanks around a value go. */
static unsigned cut(char *line, char **word)
{
	unsigned nr = 0;

	for (char *at = line; at && nr < COLUMNS_MAX;) {
		char *comma = strchr(at, ','), *end = comma ? comma : at + strlen(at);

		while (*at == ' ' || *at == '\t')
			at++;
		while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
			end--;
		word[nr++] = at;
		at = comma ? comma + 1 : NULL;
		*end = '\0';
	}
	return nr;
}

static int column_of(const char *word)
{
	for (int c = 0; c < NR_COLUMNS; c++)
		if (!strcmp(word, columns[c]))
			return c;
	return -1;
}

static int csv_head(struct reader *r, char *line)
{
	char *word[COLUMNS_MAX];
	bool has[NR_COLUMNS] = { false };

	r->nr_columns = cut(line, word);
	for (unsigned i = 0; i < r->nr_columns; i++) {
		r->column[i] = column_of(word[i]);
		if (r->column[i] < 0)
			sink_skip(r->sink, "columns of unknown names", 1);
		else
			has[r->column[i]] = true;
	}
	return has[COL_OP] && has[COL_ADDR] ? 0 : bad(r, "the first line names no columns op and addr:", line);
}

static int csv_line(struct reader *r, char *line)
{
	struct row row = { .text = { NULL } };
	char *word[COLUMNS_MAX];
	unsigned nr = cut(line, word);

	if (nr != r->nr_columns)
		return bad(r, "another number of values than the first line has, behind", word[0]);
	for (unsigned i = 0; i < nr; i++)
		if (r->column[i] >= 0 && *word[i])
			row.text[r->column[i]] = word[i];
	return use(r, &row);
}

static int json_line(struct reader *r, const char *line, size_t len)
{
	struct row row = { .text = { NULL } };
	json_error_t why;
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	int rc = 0;

	if (!json_is_object(root)) {
		json_decref(root);
		return bad(r, "no JSON object:", line);
	}
	for (int c = 0; c < NR_COLUMNS && !rc; c++) {
		const json_t *v = json_object_get(root, columns[c]);

		if (json_is_integer(v) && json_integer_value(v) >= 0) {
			snprintf(row.number[c], sizeof(row.number[c]), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
			row.text[c] = row.number[c];
		} else if (json_is_string(v)) {
			row.text[c] = json_string_value(v);
		} else if (v) {
			rc = bad(r, "neither text nor a number:", columns[c]);
		}
	}
	if (!rc)
		rc = use(r, &row);
	json_decref(root);
	return rc;
}

static int read_all(struct reader *r, struct source *s)
{
	bool first = true;
	size_t len;
	char *line;
	int rc;

	while ((rc = lines_next(&r->lines, &line, &len, r->err)) > 0) {
		if (!len || *line == '#')
			continue;
		if (first) {
			r->is_json = *line == '{';
			first = false;
			rc = r->is_json ? json_line(r, line, len) : csv_head(r, line);
		} else {
			rc = r->is_json ? json_line(r, line, len) : csv_line(r, line);
		}
		if (rc)
			break;
		if (r->lines.number % TICK_LINES == 0 && (sink_failed(r->sink) || sink_tick(r->sink, source_packed(s))))
			break;
	}
	return rc < 0 ? rc : 0;
}

static int run(struct sink *sink, const char *path, struct mmr_error *err)
{
	struct sink_meta meta = { .basis = "exact", .arch = "x86_64", .va_bits = 48 };
	struct reader r = { .sink = sink, .err = err };
	struct source *s;
	int rc = source_open(&s, path, err);

	if (rc)
		return rc;
	rc = sink_begin(sink, &meta);
	lines_init(&r.lines, s, LINE_MOST);
	if (!rc)
		rc = read_all(&r, s);
	lines_finish(&r.lines);
	source_close(s);
	return rc;
}

static int probe(const uint8_t *head, size_t len, const char *path)
{
	const char *at = (const char *)head, *end;
	char line[512];

	(void)path;
	/* Comments come first, perhaps. */
	while (head && len && (*at == '#' || *at == '\n') && (end = memchr(at, '\n', len))) {
		len -= (size_t)(end + 1 - at);
		at = end + 1;
	}
	end = head ? memchr(at, '\n', len) : NULL;
	if (!end || (size_t)(end - at) >= sizeof(line))
		return 0;
	snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
	if (*line == '{')
		return strstr(line, "\"op\"") && strstr(line, "\"addr\"") ? 70 : 0;
	return strstr(line, "op") && strstr(line, "addr") && strchr(line, ',') ? 60 : 0;
}

const struct trace_importer importer_text = {
	.name = "text",
	.summary = "comma-separated values or JSON lines, for tools that can print what they have",
	.probe = probe,
	.run = run,
};
