/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Events of the kernel as text: what `perf script` prints, and ftrace's trace and trace_pipe. A line is
 *
 *	COMM TID [CPU] TIME: ... EVENT: FIELDS		perf script (also COMM PID/TID)
 *	COMM-TID [CPU] FLAGS TIME: EVENT: FIELDS	ftrace
 *
 * Used: page faults (page-faults, minor-faults, major-faults with -F addr; exceptions:page_fault_*), system calls of the
 * address space (syscalls:sys_enter_* and their exits), kmem:mm_page_alloc and mm_page_free, kmalloc and kfree,
 * kmem_cache_alloc and _free, sched:sched_process_fork and _exit. Others, those of vmscan among them, say what the kernel
 * did where a replay decides anew: they are counted and left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/htable.h"
#include "base/units.h"
#include "base/xalloc.h"
#include "import/sink.h"

#define LINE_MOST 65536
#define TICK_LINES (1u << 14)
#define CALL_ARGS 6
#define PF_PROT 1u
#define PF_WRITE 2u
#define PF_USER 4u
#define PF_INSTR 16u

struct line {
	uint64_t tid, pid, cpu, time_ns;
	char event[64];		/* without its system: "mm_page_alloc" */
	const char *fields;
};

/* A system call that was entered. */
struct open_call {
	char name[16];
	uint64_t arg[CALL_ARGS];
};

struct reader {
	struct sink *sink;
	struct mmr_error *err;
	struct htable calls;	/* tid -> struct open_call */
	struct htable caches;	/* hash of a name -> id + 1 */
	uint64_t next_cache;
	uint64_t fault_tid, fault_page;	/* of the last fault */
	bool fault_typed;
};

/* ---- the line ---- */

/* Digits at s; NULL when there are none. */
static const char *digits(const char *s, uint64_t *ret)
{
	const char *at = s;

	*ret = 0;
	while (*at >= '0' && *at <= '9' && *ret < UINT64_MAX / 20)
		*ret = *ret * 10 + (uint64_t)(*at++ - '0');
	return at > s ? at : NULL;
}

/* "1234.567890:" as nanoseconds. Returns what stands behind the colon. */
static const char *parse_stamp(const char *s, uint64_t *ret_ns)
{
	uint64_t seconds, fraction = 0, unit = 1000000000;
	const char *at = digits(s, &seconds);

	if (!at || *at != '.' || seconds > UINT64_MAX / 2000000000)
		return NULL;
	for (at++; *at >= '0' && *at <= '9' && unit > 1; at++) {
		fraction = fraction * 10 + (uint64_t)(*at - '0');
		unit /= 10;
	}
	*ret_ns = seconds * 1000000000 + fraction * unit;
	return *at == ':' ? at + 1 : NULL;
}

/* The time is the first word of the form DIGITS.DIGITS: with a blank before it. */
static const char *find_stamp(const char *line, const char **ret_start, uint64_t *ret_ns)
{
	for (const char *at = line; *at; at++) {
		const char *behind;

		if (at > line && at[-1] != ' ' && at[-1] != '\t')
			continue;
		behind = parse_stamp(at, ret_ns);
		if (behind) {
			*ret_start = at;
			return behind;
		}
	}
	return NULL;
}

/* What stands before the time: "comm 12/13 [001]", "comm-13 [001] d..1." */
static bool parse_who(const char *line, const char *end, struct line *ret)
{
	const char *bracket = memchr(line, '[', (size_t)(end - line)), *at = bracket ? bracket : end, *word;
	uint64_t first;

	ret->cpu = 0;
	if (bracket && !digits(bracket + 1, &ret->cpu))
		return false;
	while (at > line && at[-1] == ' ')
		at--;
	for (word = at; word > line && ((word[-1] >= '0' && word[-1] <= '9') || word[-1] == '/'); word--)
		;
	if (word == at || word == line)
		return false;
	at = digits(word, &first);
	if (!at)
		return false;
	ret->pid = ret->tid = first;
	return *at != '/' || digits(at + 1, &ret->tid);
}

static bool parse_line(const char *text, struct line *ret)
{
	const char *stamp = NULL, *at = find_stamp(text, &stamp, &ret->time_ns), *end, *name;
	uint64_t period;

	if (!at || !parse_who(text, stamp, ret))
		return false;
	while (*at == ' ' || *at == '\t')
		at++;
	/* perf script prints the period before the event */
	name = digits(at, &period);
	if (name && *name == ' ')
		at = name + strspn(name, " ");
	end = at + strcspn(at, " \t");
	if (end == at || end[-1] != ':')
		return false;
	name = memrchr(at, ':', (size_t)(end - 1 - at));
	name = name ? name + 1 : at;
	snprintf(ret->event, sizeof(ret->event), "%.*s", (int)(end - 1 - name), name);
	/* modifiers, as in page-faults:u */
	if (ret->event[0] && !ret->event[1] && name > at)
		snprintf(ret->event, sizeof(ret->event), "%.*s", (int)(name - 1 - at), at);
	ret->fields = end + strspn(end, " \t");
	return ret->event[0];
}

/* "name=VALUE" or "name: VALUE" in the fields, decimal or 0x hexadecimal. */
static bool field(const struct line *l, const char *name, uint64_t *ret)
{
	size_t len = strlen(name);

	for (const char *at = l->fields; (at = strstr(at, name)); at += len) {
		char word[32];
		size_t n;

		if ((at > l->fields && at[-1] != ' ' && at[-1] != ',' && at[-1] != '(') || (at[len] != '=' && at[len] != ':'))
			continue;
		at += len + 1;
		at += strspn(at, " ");
		n = strcspn(at, " ,\t)");
		if (n >= sizeof(word))
			return false;
		memcpy(word, at, n);
		word[n] = '\0';
		/* pointers are printed without 0x by some */
		if (parse_u64(word, ret, NULL) == 0)
			return true;
		if (n == 16) {
			char *stop;

			*ret = strtoull(word, &stop, 16);
			return !*stop;
		}
		return false;
	}
	return false;
}

static size_t text_field(const struct line *l, const char *name, const char **ret)
{
	size_t len = strlen(name);

	for (const char *at = l->fields; (at = strstr(at, name)); at += len) {
		if ((at > l->fields && at[-1] != ' ') || at[len] != '=')
			continue;
		*ret = at + len + 1;
		return strcspn(*ret, " ,\t");
	}
	*ret = NULL;
	return 0;
}

/* ---- gfp flags as words ---- */

/* Bits of Linux 6.18, which is what a trace without a table of its own is read as. */
static const struct {
	const char *word;
	uint64_t bits;
} gfp_words[] = {
	{ "GFP_KERNEL", 0xcc0 }, { "GFP_KERNEL_ACCOUNT", 0x400cc0 }, { "GFP_ATOMIC", 0x820 }, { "GFP_NOWAIT", 0x800 },
	{ "GFP_NOIO", 0xc00 }, { "GFP_NOFS", 0xc40 }, { "GFP_USER", 0x100cc0 }, { "GFP_HIGHUSER", 0x100cc2 },
	{ "GFP_HIGHUSER_MOVABLE", 0x100cca }, { "GFP_DMA", 0x1 }, { "GFP_DMA32", 0x4 },
	{ "__GFP_DMA", 0x1 }, { "__GFP_HIGHMEM", 0x2 }, { "__GFP_DMA32", 0x4 }, { "__GFP_MOVABLE", 0x8 },
	{ "__GFP_RECLAIMABLE", 0x10 }, { "__GFP_HIGH", 0x20 }, { "__GFP_IO", 0x40 }, { "__GFP_FS", 0x80 },
	{ "__GFP_ZERO", 0x100 }, { "__GFP_DIRECT_RECLAIM", 0x400 }, { "__GFP_KSWAPD_RECLAIM", 0x800 },
	{ "__GFP_RECLAIM", 0xc00 },
};

static uint64_t gfp_of(const struct line *l)
{
	const char *at;
	size_t len = text_field(l, "gfp_flags", &at);
	uint64_t bits = 0;

	for (const char *end = at + len; at && at < end;) {
		size_t n = strcspn(at, "| ,\t");

		for (size_t i = 0; i < ARRAY_SIZE(gfp_words); i++)
			if (strlen(gfp_words[i].word) == n && !strncmp(at, gfp_words[i].word, n))
				bits |= gfp_words[i].bits;
		at += n + 1;
	}
	return bits;
}

/* ---- what events mean ---- */

static void emit(struct reader *r, unsigned kind, struct mmr_event *ev)
{
	ev->kind = (uint16_t)kind;
	sink_event(r->sink, ev);
}

static bool fault(struct reader *r, const struct line *l)
{
	struct mmr_event ev = { 0 };
	uint64_t code, addr;
	char word[32];
	bool typed;
	size_t n;

	if (field(l, "address", &addr) && field(l, "error_code", &code)) {
		(void)field(l, "ip", &ev.FAULT.ip);
		ev.FAULT.flags = MMR_FAULT_TYPED | (code & PF_WRITE ? MMR_FAULT_WRITE : 0) |
				 (code & PF_USER ? MMR_FAULT_USER : 0) | (code & PF_INSTR ? MMR_FAULT_EXEC : 0) |
				 (code & PF_PROT ? MMR_FAULT_PROT : 0);
	} else {
		char *stop;

		n = strcspn(l->fields, " \t");
		if (!n || n >= sizeof(word))
			return false;
		memcpy(word, l->fields, n);
		word[n] = '\0';
		addr = strtoull(word, &stop, 16);
		if (*stop)
			return false;
		ev.FAULT.flags = MMR_FAULT_USER | (strstr(l->event, "major") ? MMR_FAULT_MAJOR : 0);
	}
	if (addr >> 47)
		return false;
	typed = ev.FAULT.flags & MMR_FAULT_TYPED;
	if (r->fault_tid == l->tid && r->fault_page == addr >> 12 && r->fault_typed != typed) {
		r->fault_tid = 0;
		sink_skip(r->sink, "faults told a second time, by another event", 1);
		return true;
	}
	r->fault_tid = l->tid;
	r->fault_page = addr >> 12;
	r->fault_typed = typed;
	ev.FAULT.addr = addr;
	emit(r, MMR_FAULT, &ev);
	return true;
}

static bool page(struct reader *r, const struct line *l)
{
	struct mmr_event ev = { 0 };
	uint64_t pfn, order = 0;

	if (!field(l, "pfn", &pfn) || !pfn)
		return false;
	(void)field(l, "order", &order);
	if (!strcmp(l->event, "mm_page_alloc")) {
		ev.PAGE_ALLOC.pfn = pfn;
		ev.PAGE_ALLOC.order = order;
		ev.PAGE_ALLOC.gfp = gfp_of(l);
		(void)field(l, "migratetype", &ev.PAGE_ALLOC.migratetype);
		emit(r, MMR_PAGE_ALLOC, &ev);
		return true;
	}
	ev.PAGE_FREE.pfn = pfn;
	ev.PAGE_FREE.order = order;
	ev.PAGE_FREE.batched = !strcmp(l->event, "mm_page_free_batched");
	emit(r, MMR_PAGE_FREE, &ev);
	return true;
}

static uint64_t cache_id(struct reader *r, const char *name, size_t len)
{
	uint64_t hash = 14695981039346656037ull, id;	/* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)name[i]) * 1099511628211ull;
	if (!htable_get(&r->caches, hash, &id)) {
		id = ++r->next_cache;
		htable_set(&r->caches, hash, id);
	}
	return id;
}

static bool object(struct reader *r, const struct line *l)
{
	bool of_cache = strstr(l->event, "cache"), is_free = strstr(l->event, "free");
	struct mmr_event ev = { 0 };
	uint64_t ptr, req = 0, alloc = 0;
	const char *name;
	size_t len = text_field(l, "name", &name);

	if (!field(l, "ptr", &ptr) || !ptr)
		return false;
	(void)field(l, "bytes_req", &req);
	(void)field(l, "bytes_alloc", &alloc);
	if (is_free && of_cache) {
		ev.CACHE_FREE.ptr = ptr;
		ev.CACHE_FREE.cache = name ? cache_id(r, name, len) : 0;
		emit(r, MMR_CACHE_FREE, &ev);
	} else if (is_free) {
		ev.KFREE.ptr = ptr;
		emit(r, MMR_KFREE, &ev);
	} else if (of_cache) {
		ev.CACHE_ALLOC.ptr = ptr;
		ev.CACHE_ALLOC.cache = name ? cache_id(r, name, len) : 0;
		ev.CACHE_ALLOC.req = req;
		ev.CACHE_ALLOC.alloc = alloc;
		ev.CACHE_ALLOC.gfp = gfp_of(l);
		ev.data = name;
		ev.data_len = (uint32_t)len;
		emit(r, MMR_CACHE_ALLOC, &ev);
	} else {
		ev.KMALLOC.ptr = ptr;
		ev.KMALLOC.req = req;
		ev.KMALLOC.alloc = alloc;
		ev.KMALLOC.gfp = gfp_of(l);
		emit(r, MMR_KMALLOC, &ev);
	}
	return true;
}

/* ---- system calls ---- */

static bool enter_call(struct reader *r, const struct line *l)
{
	static const struct {
		const char *name, *field[CALL_ARGS];
	} rows[] = {
		{ "mmap", { "addr", "len", "prot", "flags" } }, { "munmap", { "addr", "len" } },
		{ "mprotect", { "start", "len", "prot" } }, { "brk", { "brk" } },
		{ "mremap", { "addr", "old_len", "new_len", "flags" } }, { "madvise", { "start", "len_in", "behavior" } },
	};
	const char *name = l->event + strlen("sys_enter_");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct open_call *c;

		if (strcmp(rows[i].name, name))
			continue;
		c = htable_get_ptr(&r->calls, l->tid);
		if (!c) {
			c = xcalloc(1, sizeof(*c));
			htable_set_ptr(&r->calls, l->tid, c);
		}
		*c = (struct open_call){ { 0 }, { 0 } };
		snprintf(c->name, sizeof(c->name), "%s", name);
		for (unsigned f = 0; f < CALL_ARGS && rows[i].field[f]; f++)
			(void)field(l, rows[i].field[f], &c->arg[f]);
		return true;
	}
	return false;
}

static bool exit_call(struct reader *r, const struct line *l)
{
	struct open_call *c = htable_get_ptr(&r->calls, l->tid);
	struct mmr_event ev = { 0 };
	const char *at = strstr(l->fields, "0x");
	uint64_t ret = at ? strtoull(at, NULL, 16) : 0;

	if (!c || strcmp(c->name, l->event + strlen("sys_exit_")))
		return false;
	if (ret >= (uint64_t)-4095)
		return true;	/* failed: nothing changed */
	for (unsigned i = 0; i < CALL_ARGS; i++)
		ev.arg[i] = c->arg[i];
	if (!strcmp(c->name, "mmap")) {
		ev.MMAP.addr = ret;
		ev.MMAP.file = ev.MMAP.offset = 0;
		if (!(ev.MMAP.flags & 0x20))
			sink_skip(r->sink, "mappings of files, which the text does not name: taken for anonymous memory", 1);
		ev.MMAP.flags |= 0x20;	/* MAP_ANONYMOUS */
		emit(r, MMR_MMAP, &ev);
	} else if (!strcmp(c->name, "brk")) {
		ev.BRK.brk = ret;
		emit(r, MMR_BRK, &ev);
	} else if (!strcmp(c->name, "mremap")) {
		ev.MREMAP.ret = ret;
		emit(r, MMR_MREMAP, &ev);
	} else {
		emit(r, !strcmp(c->name, "munmap") ? MMR_MUNMAP : !strcmp(c->name, "mprotect") ? MMR_MPROTECT : MMR_MADVISE,
		     &ev);
	}
	c->name[0] = '\0';
	return true;
}

static bool use(struct reader *r, const struct line *l)
{
	const char *e = l->event;

	sink_time(r->sink, l->time_ns);
	sink_thread(r->sink, l->tid ? l->tid : 1, l->pid ? l->pid : 1, l->cpu <= UINT16_MAX ? (unsigned)l->cpu : 0);
	if (!strcmp(e, "page-faults") || !strcmp(e, "minor-faults") || !strcmp(e, "major-faults") || !strcmp(e, "faults") ||
	    !strncmp(e, "page_fault_", 11))
		return fault(r, l);
	if (!strcmp(e, "mm_page_alloc") || !strcmp(e, "mm_page_free") || !strcmp(e, "mm_page_free_batched"))
		return page(r, l);
	if (!strcmp(e, "kmalloc") || !strcmp(e, "kmalloc_node") || !strcmp(e, "kfree") || !strncmp(e, "kmem_cache_", 11))
		return object(r, l);
	if (!strncmp(e, "sys_enter_", 10))
		return enter_call(r, l);
	if (!strncmp(e, "sys_exit_", 9))
		return exit_call(r, l);
	if (!strcmp(e, "sched_process_exit")) {
		sink_thread_exit(r->sink, l->tid);
		return true;
	}
	return false;
}

/* ---- the whole ---- */

static int read_all(struct reader *r, struct source *s)
{
	struct lines lines;
	struct line l;
	size_t len;
	char *text;
	int rc;

	lines_init(&lines, s, LINE_MOST);
	while ((rc = lines_next(&lines, &text, &len, r->err)) > 0) {
		if (!len || *text == '#')
			continue;
		if (!parse_line(text, &l))
			sink_skip(r->sink, "lines that are no events", 1);
		else if (!use(r, &l))
			sink_skip(r->sink, "events that a replay has no use for, or without an address", 1);
		if (lines.number % TICK_LINES == 0 && (sink_failed(r->sink) || sink_tick(r->sink, source_packed(s))))
			break;
	}
	lines_finish(&lines);
	return rc < 0 ? rc : 0;
}

static int run(struct sink *sink, const char *path, struct mmr_error *err)
{
	struct sink_meta meta = { .basis = "faults", .arch = "x86_64", .va_bits = 48, .has_areas = false };
	struct reader r = { .sink = sink, .err = err };
	uint64_t tid, call;
	struct source *s;
	int rc = source_open(&s, path, err);

	if (rc)
		return rc;
	htable_init(&r.calls);
	htable_init(&r.caches);
	rc = sink_begin(sink, &meta);
	if (!rc)
		rc = read_all(&r, s);
	for (size_t pos = 0; htable_next(&r.calls, &pos, &tid, &call);)
		free((void *)(uintptr_t)call);
	htable_finish(&r.calls);
	htable_finish(&r.caches);
	source_close(s);
	return rc;
}

/* Some of the first lines are events of the kernel, with their times. */
static int probe(const uint8_t *head, size_t len, const char *path)
{
	const char *at = (const char *)head, *end = at + len;
	unsigned hits = 0, others = 0;
	struct line l;
	char line[1024];

	(void)path;
	while (head && at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));

		if (!nl)
			break;
		snprintf(line, sizeof(line), "%.*s", (int)(nl - at < 1023 ? nl - at : 1023), at);
		if (*line != '#' && *line) {
			if (parse_line(line, &l))
				hits++;
			else
				others++;
		}
		at = nl + 1;
	}
	return hits > 1 && hits > others ? 65 : 0;
}

const struct trace_importer importer_tracepoints = {
	.name = "tracepoints",
	.summary = "text of perf script or ftrace: page faults, system calls on memory, kmem events",
	.probe = probe,
	.run = run,
};
