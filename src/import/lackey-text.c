/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The text that valgrind's lackey prints under --trace-mem=yes: "I  ADDR,SIZE", " L ADDR,SIZE", " S ...", " M ...", in
 * lower-case hexadecimal and decimal. Other lines (valgrind's own, system calls) are skipped and counted: for those,
 * `mmreplay capture --method valgrind` records more. One thread.
 */
#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "import/sink.h"

#define LINE_MOST 65536
#define TICK_LINES (1u << 16)

/* The kind of access by the first three bytes of a line, RUNS_NR_KINDS for others. */
static enum runs_kind kind_of(const char *s, size_t len)
{
	if (len < 6 || s[2] != ' ')
		return RUNS_NR_KINDS;
	if (s[0] == 'I' && s[1] == ' ')
		return RUNS_FETCH;
	if (s[0] != ' ')
		return RUNS_NR_KINDS;
	switch (s[1]) {
	case 'L':
		return RUNS_LOAD;
	case 'S':
		return RUNS_STORE;
	case 'M':
		return RUNS_MODIFY;
	default:
		return RUNS_NR_KINDS;
	}
}

static bool parse(const char *s, const char *end, uint64_t *ret_addr, uint32_t *ret_size)
{
	uint64_t addr = 0;
	uint32_t size = 0;
	const char *at;

	for (at = s; at < end && *at != ','; at++) {
		unsigned digit = *at >= '0' && *at <= '9' ? (unsigned)(*at - '0')
							   : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10 : 16;

		if (digit == 16 || addr >> 60)
			return false;
		addr = addr << 4 | digit;
	}
	if (at == s || at == end)
		return false;
	for (s = ++at; at < end && *at >= '0' && *at <= '9' && size < 100000; at++)
		size = size * 10 + (uint32_t)(*at - '0');
	*ret_addr = addr;
	*ret_size = size;
	return at > s && at == end;
}

static bool is_access(const char *s, size_t len, enum runs_kind *ret_kind, uint64_t *ret_addr, uint32_t *ret_size)
{
	*ret_kind = kind_of(s, len);
	return *ret_kind != RUNS_NR_KINDS && parse(s + 3, s + len, ret_addr, ret_size);
}

static int read_all(struct sink *sink, struct source *s, struct mmr_error *err)
{
	struct lines lines;
	enum runs_kind kind;
	uint64_t addr;
	uint32_t size;
	size_t len;
	char *line;
	int rc;

	lines_init(&lines, s, LINE_MOST);
	while ((rc = lines_next(&lines, &line, &len, err)) > 0) {
		if (is_access(line, len, &kind, &addr, &size)) {
			sink_access(sink, kind, addr, size);
		} else if (len) {
			sink_skip(sink, "lines that are no accesses", 1);
			sink_boundary(sink);
		}
		if (lines.number % TICK_LINES == 0 && (sink_failed(sink) || sink_tick(sink, source_packed(s))))
			break;
	}
	lines_finish(&lines);
	return rc < 0 ? rc : 0;
}

static int run(struct sink *sink, const char *path, struct mmr_error *err)
{
	struct sink_meta meta = { .basis = "exact", .interleaving = "serialized", .arch = "x86_64", .va_bits = 48 };
	struct source *s;
	int rc = source_open(&s, path, err);

	if (rc)
		return rc;
	rc = sink_begin(sink, &meta);
	sink_thread(sink, 1, 1, 0);
	if (!rc)
		rc = read_all(sink, s, err);
	source_close(s);
	return rc;
}

/* Most of the first lines are accesses. */
static int probe(const uint8_t *head, size_t len, const char *path)
{
	const char *at = (const char *)head, *end = at + len;
	unsigned hits = 0, others = 0;

	(void)path;
	while (head && at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		enum runs_kind kind;
		uint64_t addr;
		uint32_t size;

		if (!nl)
			break;
		if (is_access(at, (size_t)(nl - at), &kind, &addr, &size))
			hits++;
		else if (*at != '=' && *at != '-')
			others++;
		at = nl + 1;
	}
	return hits > 3 && hits > others ? 80 : 0;
}

const struct trace_importer importer_lackey = {
	.name = "lackey",
	.summary = "text of valgrind --tool=lackey --trace-mem=yes",
	.probe = probe,
	.run = run,
};
